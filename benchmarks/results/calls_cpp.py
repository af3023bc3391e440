"""Filling in the matrix and spending calls where they tell most; section (b) of `calls.py`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from calls_common import Set
from matrix_by_text import Informed, InformedChances, log_loss, text_factors
from pages import percent, table
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from shapley import shapley
from simulate_calls import draw, drive
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.neural_network import MLPRegressor

from pytest_complexity.calls.budget import Budget
from pytest_complexity.calls.matrix_completion import Matrix

Fill = Callable[[Matrix], np.ndarray]
FOLDS = 5
ORDERS = 1


def section(found: list[Set], data: Path) -> Iterator[str]:
    yield "## (b) CPP: the rest of the matrix"
    yield (
        "Log-loss (nats per trial), Brier score, and routing regret: how much more often the right model for "
        "each task, "
        "by its recorded share, would have solved it than the one whose share, or predicted chance where it "
        "is hidden, is highest. `difficulty grid` is "
        "the package's estimator; the factorisations are penalised binomial fits (ours, L-BFGS), the neural one is the "
        "paper's fully connected branch (64, 32, 16) on one-hot models and tasks."
    )
    yield from random_cells(found)
    yield from new_models(found)
    yield from new_tasks(found)
    yield from calls_saved(found)
    yield from paper_section(data)
    yield from factors_section(data)


# -- estimators -----------------------------------------------------------------------------------------------------


def grid(matrix: Matrix) -> np.ndarray:
    return InformedChances().fit(matrix).mean_


def model_mean(matrix: Matrix) -> np.ndarray:
    mean = (matrix.successes.sum(0) + 0.5) / (matrix.trials.sum(0) + 1)
    return np.broadcast_to(mean, matrix.trials.shape)


def task_mean(matrix: Matrix) -> np.ndarray:
    overall = (matrix.successes.sum() + 0.5) / (matrix.trials.sum() + 1)
    mean = (matrix.successes.sum(1) + overall) / (matrix.trials.sum(1) + 1)
    return np.broadcast_to(mean[:, None], matrix.trials.shape)


def factorised(rank: int) -> Fill:
    """logit = mu + a + b + <p, q> by penalised likelihood, spreads 2 and 0.7; rank 0 is the additive model."""

    def fill(matrix: Matrix) -> np.ndarray:
        tasks, models = matrix.trials.shape
        cuts = np.cumsum([1, models, tasks, models * rank])

        def logits(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            mu, a, b, p, q = np.split(theta, cuts)
            p, q = p.reshape(models, rank), q.reshape(tasks, rank)
            return mu + a[None, :] + b[:, None] + q @ p.T, p, q

        def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
            eta, p, q = logits(theta)
            value = -(matrix.successes * log_expit(eta) + (matrix.trials - matrix.successes) * log_expit(-eta)).sum()
            slope = matrix.trials * expit(eta) - matrix.successes
            parts = [[slope.sum()], slope.sum(0), slope.sum(1), (slope.T @ q).ravel(), (slope @ p).ravel()]
            return value + (theta**2 / spread**2).sum() / 2, np.concatenate(parts) + theta / spread**2

        spread = np.concatenate([np.full(cuts[2], 2.0), np.full((models + tasks) * rank, 0.7)])
        start = np.random.default_rng(0).normal(0, 0.1, cuts[-1] + tasks * rank)
        return expit(logits(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)[0])

    return fill


def neural(matrix: Matrix) -> np.ndarray:
    """Least squares on the shares of the cells that have trials, as the paper's code has it; clipped to [0, 1]."""
    tasks, models = matrix.trials.shape
    known = np.argwhere(matrix.trials > 0)
    design = np.zeros((tasks * models, tasks + models))
    cells = np.indices((tasks, models)).reshape(2, -1)
    design[np.arange(tasks * models), cells[0]] = 1
    design[np.arange(tasks * models), tasks + cells[1]] = 1
    network = MLPRegressor(hidden_layer_sizes=(64, 32, 16), alpha=1.0, max_iter=60, early_stopping=True, random_state=0)
    shares = matrix.successes[tuple(known.T)] / matrix.trials[tuple(known.T)]
    network.fit(design[known[:, 0] * models + known[:, 1]], shares)
    return np.clip(network.predict(design), 0.01, 0.99).reshape(tasks, models)


ESTIMATORS: dict[str, Fill] = {
    "model mean": model_mean,
    "task mean": task_mean,
    "additive": factorised(0),
    "additive + rank 1": factorised(1),
    "additive + rank 2": factorised(2),
    "neural": neural,
    "difficulty grid": grid,
}


# -- regimes --------------------------------------------------------------------------------------------------------


def scores(full: Matrix, hidden: np.ndarray, chances: np.ndarray) -> list[float]:
    share = full.successes / np.maximum(full.trials, 1)
    own = full.trials[hidden]
    brier = ((chances - share) ** 2 + share * (1 - share))[hidden]
    best = share.max(1)
    filled = np.where(hidden, chances, share)
    chosen = share[np.arange(len(share)), filled.argmax(1)]
    touched = hidden.any(1)
    return [
        log_loss(full.successes[hidden], own, chances[hidden]),
        float((brier * own).sum() / own.sum()),
        float((best - chosen)[touched].mean()),
    ]


def row_of(name: str, measured: Sequence[Sequence[float]]) -> list[str]:
    return [name, *(f"{value:.3f}" for value in np.mean(measured, axis=0))]


def random_cells(found: list[Set]) -> Iterator[str]:
    yield f"### Random cells\n\nWhole cells held out, {FOLDS}-fold cross-validation."
    least = []
    for each in (found[0], found[5], found[2], found[3]):
        full = Informed.of(each.counts, each.ladder)
        cells = np.argwhere(full.trials > 0)
        fold = np.random.default_rng(0).permutation(len(cells)) % FOLDS
        rows = []
        for name, fill in ESTIMATORS.items():
            measured = []
            for number in range(FOLDS):
                hidden = np.zeros(full.trials.shape, bool)
                hidden[tuple(cells[fold == number].T)] = True
                measured.append(scores(full, hidden, fill(full.without(hidden))))
            rows.append(row_of(name, measured))
        least.append(min(rows, key=lambda row: float(row[1]))[0])
        yield f"{each.name}\n\n" + table("estimator|log-loss|Brier|regret", rows)
    yield f"Least log-loss, set by set: {', '.join(least)}."


def new_models(found: list[Set]) -> Iterator[str]:
    yield (
        "### A new model\n\nEach model in turn is known from k tasks alone, one trial of each on the sets of several "
        "trials; the others in full. Log-loss of its other cells."
    )
    rows = []
    for each in (found[0], found[5], found[3]):
        full = Informed.of(each.counts, each.ladder)
        for name, fill in {"model mean": model_mean, "additive": factorised(0), "difficulty grid": grid}.items():
            row = [each.name, name]
            for revealed in (0, 2, 5, 10):
                losses = []
                for model in range(len(each.ladder)):
                    for seed in range(ORDERS):
                        random = np.random.default_rng(seed)
                        known = random.permutation(len(full.trials))[:revealed]
                        successes, trials = full.successes.copy(), full.trials.copy()
                        successes[:, model] = trials[:, model] = 0
                        trials[known, model] = 1
                        share = full.successes[known, model] / full.trials[known, model]
                        successes[known, model] = random.random(len(known)) < share
                        hidden = np.ones(len(trials), bool)
                        hidden[known] = False
                        chances = fill(Matrix(successes, trials))[hidden, model]
                        losses.append(log_loss(full.successes[hidden, model], full.trials[hidden, model], chances))
                row.append(f"{np.mean(losses):.3f}")
            rows.append(row)
    yield table("set|estimator|k = 0|2|5|10", rows)


def new_tasks(found: list[Set]) -> Iterator[str]:
    yield f"### New tasks\n\nNo trial of a test task at all, {FOLDS}-fold over tasks: its text is all that is known."
    rows = []
    for each in (found[0], found[5], found[2], found[3]):
        full = Informed.of(each.counts, each.ladder)
        factors = text_factors([task.text for task in each.counts])
        fold = np.random.default_rng(0).permutation(len(each.counts)) % FOLDS
        for name, known in (("without text", None), ("with text", factors)):
            measured = []
            for number in range(FOLDS):
                hidden = np.repeat((fold == number)[:, None], len(each.ladder), axis=1)
                matrix = Informed(full.successes, full.trials, known).without(hidden)
                measured.append(scores(full, hidden, grid(matrix)))
            rows.append([each.name, *row_of(name, measured)])
    yield table("set|difficulty grid|log-loss|Brier|regret", rows)


def calls_saved(found: list[Set]) -> Iterator[str]:
    yield (
        "### Calls where they tell most\n\nRoot mean square error of the shares that the full run has, after N calls: "
        "`chosen` is `--cx-calls=N`, with the grid's chances for the trials that were not made; `alike` makes the same "
        "number everywhere, in random order, one more of each cell before two more of any; `raw` are its shares with "
        "no model of tasks (shrunk by one trial to the model's mean). One random order of trials."
    )
    for each in (found[0], found[1], found[2], found[3]):
        size = len(each.counts) * len(each.ladder)
        steps = [round(size * share) for share in (0.25, 0.5, 1, 2, 3)]
        errors = np.mean([[error_after(each, calls, seed) for calls in steps] for seed in range(ORDERS)], axis=0)
        rows = []
        for calls, (chosen, alike, raw) in zip(steps, errors, strict=True):
            against = [needed(steps, errors[:, column], chosen) for column in (1, 2)]
            rows.append(
                [str(calls), f"{chosen:.3f}", f"{alike:.3f}", f"{raw:.3f}"]
                + ["-" if other is None else percent(1 - calls / other) for other in against]
            )
        total = size * each.trials
        yield f"{each.name} ({total} calls in full)\n\n" + table(
            "N|chosen|alike, grid|alike, raw|calls saved against alike|against raw", rows
        )
    yield (
        "A dash: the other does not reach that error within the table, or is below it from the start. Below about one "
        "call in twenty it is as well to make the same number everywhere."
    )


def needed(steps: Sequence[int], errors: np.ndarray, wanted: float) -> float | None:
    """At how many calls an error is reached, between the steps by straight lines; None outside of them."""
    if not errors.min() <= wanted <= errors.max():
        return None
    return float(np.interp(-wanted, -errors, steps))


def error_after(each: Set, calls: int, seed: int) -> tuple[float, float, float]:
    world = draw(each.counts, each.ladder, seed)
    budget = Budget(list(world), each.ladder, calls, seed)
    drive(budget, world)
    full = Informed.of(each.counts, each.ladder)
    keys = list(world)
    order = np.random.default_rng(seed).permutation(len(keys))
    first = sorted(order.tolist(), key=lambda index: keys[index].trial)[:calls]
    row = {(task.suite or "", task.task_id): number for number, task in enumerate(each.counts)}
    successes, trials = np.zeros(full.trials.shape), np.zeros(full.trials.shape)
    for index in first:
        key = keys[index]
        cell = row[key.suite, key.task_id], each.ladder.index(key.model)
        trials[cell] += 1
        successes[cell] += world[key].verdict.value == "pass"
    alike = Matrix(successes, trials)
    shrunk = (successes + model_mean(alike)) / (trials + 1)
    return (
        share_error(full, budget.matrix, grid(budget.matrix)),
        share_error(full, alike, grid(alike)),
        share_error(full, alike, shrunk),
    )


def share_error(full: Matrix, known: Matrix, chances: np.ndarray) -> float:
    """Of the share that all trials give: those made are known, those not made have their chance."""
    filled = (known.successes + (full.trials - known.trials) * chances) / full.trials
    return float(np.sqrt(np.mean((filled - full.successes / full.trials) ** 2)))


# -- the paper's own matrix -----------------------------------------------------------------------------------------


def read_paper(data: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """Scores in percent, models x tasks, NaN where there is none; names of models and tasks."""
    with (data / "models" / "cpp-performance.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    scores_ = [[float(cell) if cell else float("nan") for cell in row[1:]] for row in rows[1:]]
    return np.array(scores_), [row[0] for row in rows[1:]], rows[0][1:]


def least_squares(rank: int, penalty: float = 0.3, rounds: int = 60) -> Callable[[np.ndarray], np.ndarray]:
    """Additive plus rank by alternating ridge fits, on scores with NaN where unknown."""

    def fill(known: np.ndarray) -> np.ndarray:
        seen, values = ~np.isnan(known), np.nan_to_num(known)
        mean = values[seen].mean()
        a, b = np.zeros(known.shape[0]), np.zeros(known.shape[1])
        for _ in range(rounds):
            a = ((values - mean - b) * seen).sum(1) / (seen.sum(1) + penalty)
            b = ((values - mean - a[:, None]) * seen).sum(0) / (seen.sum(0) + penalty)
        base = mean + a[:, None] + b
        if not rank:
            return base
        left, right = values - base, np.random.default_rng(0).normal(0, 1, (known.shape[1], rank))
        models = np.zeros((known.shape[0], rank))
        ridge = 3.0 * np.eye(rank)
        for _ in range(rounds):
            for rows, factors, target, mask in ((models, right, left, seen), (right, models, left.T, seen.T)):
                for index in range(len(rows)):
                    own = factors[mask[index]]
                    rows[index] = np.linalg.solve(own.T @ own + ridge, own.T @ target[index][mask[index]])
        return base + models @ right.T

    return fill


def by_grid(known: np.ndarray) -> np.ndarray:
    """The package's estimator, a score of 77.4 taken for 7.74 of 10; scores are far smoother than single tasks."""
    seen = ~np.isnan(known)
    return 100 * grid(Matrix(np.nan_to_num(known).T / 10, seen.T * 10.0)).T


def paper_section(data: Path) -> Iterator[str]:
    matrix, models, tasks = read_paper(data)
    yield (
        f"### The paper's own matrix\n\n{len(models)} models, {len(tasks)} tasks, "
        f"{int((~np.isnan(matrix)).sum())} scores; "
        "5% held out, 20 times."
    )
    fills = {
        "task mean": lambda known: np.broadcast_to(np.nanmean(known, axis=0), known.shape),
        "additive": least_squares(0),
        "additive + rank 1": least_squares(1),
        "additive + rank 2": least_squares(2),
        "difficulty grid": by_grid,
    }
    cells = np.argwhere(~np.isnan(matrix))
    errors: dict[str, list[float]] = {name: [] for name in fills}
    for seed in range(20):
        out = cells[np.random.default_rng(seed).permutation(len(cells))[: len(cells) // 20]]
        known = matrix.copy()
        known[tuple(out.T)] = np.nan
        for name, fill in fills.items():
            errors[name].append(float(np.abs(fill(known) - matrix)[tuple(out.T)].mean()))
    rows = [
        [name, f"{np.mean(each):.1f} ± {1.96 * np.std(each, ddof=1) / np.sqrt(len(each)):.1f}"]
        for name, each in errors.items()
    ]
    yield table("estimator|mean absolute error, points", rows)
    best = min(errors, key=lambda name: float(np.mean(errors[name])))
    yield f"Here, on mean scores of whole benchmarks, {best} is best; the package's estimator is for single tasks."


# -- what the factors tell ------------------------------------------------------------------------------------------

_NOISE = "planted noise"
PAIRS = 5


def factors_section(data: Path) -> Iterator[str]:
    worth, names = factor_game(data)
    found = shapley(names, worth, PAIRS)
    none, everything = worth(frozenset()), worth(frozenset(names))
    total = sum(each.value for each in found.values())
    yield (
        f"### What the factors tell\n\nShapley values of the {len(names) - 1} factors of the paper's matrix, and "
        "of one planted factor that is noise, a number drawn for each model. The worth of a set of factors "
        "is minus the mean absolute error, in points, of "
        "a forest trained anew on them alone to tell scores of held-out models' cells (5 folds over models). "
        f"{PAIRS} permutations and their reverses; ± is half a 95% interval over these."
    )
    ranked = sorted(found, key=lambda name: -found[name].value)
    yield table(
        "factor|points",
        [[name, f"{found[name].value:.2f} ± {found[name].interval[1] - found[name].value:.2f}"] for name in ranked],
    )
    yield (
        f"They add up to {total:.3f}: the error without any factor, {-none:.3f}, less the error with all of them, "
        f"{-everything:.3f}. The noise is worth {found[_NOISE].value:.2f} points."
    )


def factor_game(data: Path) -> tuple[Callable[[frozenset[str]], float], list[str]]:
    matrix, models, tasks = read_paper(data)
    of_models, of_tasks = read_factors(data / "models" / "cpp-model-factors.csv"), read_task_factors(data)
    cells = np.argwhere(~np.isnan(matrix))
    noise = np.random.default_rng(7).normal(size=len(models))
    columns: dict[str, np.ndarray] = {_NOISE: noise[cells[:, 0]]}
    for name, values in of_models.items():
        columns[f"model: {name}"] = coded(values)[cells[:, 0]]
    for name, row in of_tasks.items():
        columns[f"task: {name}"] = coded([row[task] for task in tasks])[cells[:, 1]]
    scores_ = matrix[tuple(cells.T)]
    fold = (np.random.default_rng(0).permutation(len(models)) % FOLDS)[cells[:, 0]]

    def worth(coalition: frozenset[str]) -> float:
        errors = np.abs(scores_ - scores_.mean())
        if coalition:
            design = np.stack([columns[name] for name in sorted(coalition)], axis=1)
            for number in range(FOLDS):
                test = fold == number
                forest = ExtraTreesRegressor(15, min_samples_leaf=5, max_features=0.7, random_state=0)
                errors[test] = np.abs(forest.fit(design[~test], scores_[~test]).predict(design[test]) - scores_[test])
        else:
            for number in range(FOLDS):
                errors[fold == number] = np.abs(scores_[fold == number] - scores_[fold != number].mean())
        return -float(errors.mean())

    return worth, list(columns)


def read_factors(path: Path) -> dict[str, list[str]]:
    """By factor a value for each model; the two files name some models differently and have them in one order."""
    with path.open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    wanted = [index for index, name in enumerate(rows[0]) if index and name]
    return {rows[0][index]: [row[index] for row in rows[1:]] for index in wanted}


def read_task_factors(data: Path) -> dict[str, dict[str, str]]:
    with (data / "models" / "cpp-task-factors.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    return {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[1:]}


def coded(values: Sequence[str]) -> np.ndarray:
    """Logarithms of numbers, -1 where there is none; words by the order of their names."""
    try:
        return np.array([np.log1p(float(value)) if value else -1.0 for value in values])
    except ValueError:
        words = sorted(set(values))
        return np.array([float(words.index(value)) for value in values])
