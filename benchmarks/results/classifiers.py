"""How right the classifiers are on outcomes that others measured. Prints docs/results/classifiers.md.

    python benchmarks/results/classifiers.py DATA --work DIR [--embedding] [--lm] > docs/results/classifiers.md

DATA holds `outcomes/`, `difftrust/` and `complexitynet/`. Everything is seeded. Each finished piece is kept in DIR, and
a second start goes on where the first one was stopped. `--embedding` and `--lm` add the classifiers of these extras on
one set.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pages import percent, table
from scipy.optimize import minimize_scalar
from scipy.special import betaln, gammaln

from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.counts import TaskCounts, read_counts
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.labels.rules import Rule, level_of
from pytest_complexity.learning.classifiers import CHEAP
from pytest_complexity.learning.training import arrays_of, fit, split, train
from pytest_complexity.learning.training.evaluation import (
    ASKED,
    ceiling,
    evaluate,
    score_answers,
)
from pytest_complexity.learning.training.folds import out_of_fold
from pytest_complexity.learning.training.ranking import aurocs
from pytest_complexity.learning.training.reliability import calibration
from pytest_complexity.scoring.resampling import interval, resampled_means, sign_flip

SEEDS = range(5)
DC, BENCH, AUTHORS = (
    f"outcomes/{name}.jsonl" for name in ("mbpp-routerdc-10trials", "mbpp-routerbench", "mbpp-complexitynet-5trials")
)
NEW_MBPP, NEW_HUMANEVAL = "difftrust/mbpp-counts.jsonl", "difftrust/humaneval-counts.jsonl"
DC3 = ("zephyr-7b-beta", "mistral-7b-v0.1", "meta-llama-3-8b")
DC5 = ("zephyr-7b-beta", "chinese-mistral-7b-v0.1", "mistral-7b-v0.1", "dolphin-2.6-mistral-7b", "meta-llama-3-8b")
BENCH3 = ("mistral-7b-chat", "gpt-3.5-turbo-1106", "gpt-4-1106-preview")
LLAMA3 = ("code-llama-instruct-34b-chat", "gpt-3.5-turbo-1106", "gpt-4-1106-preview")
# Eight current models by price: all, the first with the last, and between these the lower median.
NEW8 = (
    *("ministral_8b", "gemini_2_0_flash_lite", "llama_4_maverick_17b", "deepseek_r1"),
    *("gpt_o4_mini", "gpt_4o", "gpt_4_turbo", "claude_opus_4"),
)
NEW3, NEW2 = (NEW8[0], NEW8[3], NEW8[-1]), (NEW8[0], NEW8[-1])
BENCH5 = ("mistral-7b-chat", "code-llama-instruct-34b-chat", "mixtral-8x7b-chat", *LLAMA3[1:])
SETS = {
    "RouterDC, 3 models, complexitynet": (DC, DC3, "complexitynet"),
    "RouterDC, 3 models, tier@1/2": (DC, DC3, "tier@1/2"),
    "RouterDC, 2 models, tier@1/2": (DC, DC3[1:], "tier@1/2"),
    "RouterDC, 5 models, tier@1/2": (DC, DC5, "tier@1/2"),
    "RouterBench, Mistral 7B and GPTs, tier": (BENCH, BENCH3, "tier"),
    "RouterBench, Code Llama 34B and GPTs, tier": (BENCH, LLAMA3, "tier"),
    "RouterBench, 5 models, tier": (BENCH, BENCH5, "tier"),
    "The authors' counts, 2 models, tier": (AUTHORS, ("gpt35", "gpt4"), "tier"),
    "DiffTrust's MBPP, 8 models, tier@1/2": (NEW_MBPP, NEW8, "tier@1/2"),
    "DiffTrust's MBPP, 3 models, complexitynet": (NEW_MBPP, NEW3, "complexitynet"),
    "DiffTrust's MBPP, 2 models, tier@1/2": (NEW_MBPP, NEW2, "tier@1/2"),
    "DiffTrust's HumanEval, 8 models, tier@1/2": (NEW_HUMANEVAL, NEW8, "tier@1/2"),
    "DiffTrust's HumanEval, 3 models, complexitynet": (NEW_HUMANEVAL, NEW3, "complexitynet"),
    "DiffTrust's HumanEval, 2 models, tier@1/2": (NEW_HUMANEVAL, NEW2, "tier@1/2"),
}
RANKED = (  # the longest ladder of each data set
    *("RouterDC, 5 models, tier@1/2", "RouterBench, 5 models, tier", "The authors' counts, 2 models, tier"),
    *("DiffTrust's MBPP, 8 models, tier@1/2", "DiffTrust's HumanEval, 8 models, tier@1/2"),
)
CURVES = ("RouterDC, 3 models, complexitynet", "RouterBench, Mistral 7B and GPTs, tier")
EXTRAS_ON = "RouterBench, Mistral 7B and GPTs, tier"


@dataclass(frozen=True)
class Shelf:
    """Finished pieces, a line of JSON each, by name."""

    path: Path

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                record = json.loads(line)
                if record["name"] == name:
                    return record["value"]
        value = make()
        with self.path.open("a") as file:
            file.write(json.dumps({"name": name, "value": value}) + "\n")
        return value


@dataclass(frozen=True)
class Told:
    """One classifier on one set, out of fold: levels and chances of every task, and mean seconds of a training."""

    levels: Floats
    chances: Floats
    seconds: float


def labels_of(data: Path, name: str) -> Labels:
    file, ladder, rule = SETS[name]
    return label_all(read_counts(data / file, ladder), ladder, rule)


def told_by(shelf: Shelf, labels: Labels, name: str, classifier: str, seed: int) -> Told:
    def make() -> Any:
        before = time.perf_counter()
        predictions = out_of_fold(labels, classifier, seed)
        seconds = (time.perf_counter() - before) / 5
        return {
            "levels": [[round(p, 6) for p in each.levels] for each in predictions],
            "chances": [[round(p, 6) for p in each.chances] for each in predictions],
            "seconds": seconds,
        }

    value = shelf.get(f"{name}|{classifier}|{seed}", make)
    return Told(np.array(value["levels"]), np.array(value["chances"]), value["seconds"])


def truth_of(labels: Labels) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    decided = np.array([row.level is not None for row in labels.rows])
    return decided, np.array([row.level for row in labels.decided])


def losses(levels: Floats, truth: NDArray[np.int64]) -> Floats:
    picked: Floats = -np.log(np.maximum(levels[np.arange(len(truth)), truth - 1], 1e-6))
    return picked


def chance_losses(labels: Labels, chances: Floats) -> float:
    successes, trials = arrays_of(labels.rows, labels.ladder)
    chances = np.clip(chances, 1e-6, 1 - 1e-6)
    return float(-(successes * np.log(chances) + (trials - successes) * np.log(1 - chances)).sum() / trials.sum())


@dataclass(frozen=True)
class Cell:
    """A classifier on a set over all seeds; each array has an entry a decided task, the mean over seeds.

    `moves`: the least and the most of the seeds' shares of exact levels.
    """

    right: Floats
    near: Floats
    loss: Floats
    chance_loss: float
    seconds: float
    moves: tuple[float, float]


def cell(shelf: Shelf, labels: Labels, name: str, classifier: str, seeds: Sequence[int] = tuple(SEEDS)) -> Cell:
    decided, truth = truth_of(labels)
    every = [told_by(shelf, labels, name, classifier, seed) for seed in seeds]
    said = [each.levels[decided].argmax(axis=1) + 1 for each in every]
    shares = [float((one == truth).mean()) for one in said]
    return Cell(
        np.mean([one == truth for one in said], axis=0),
        np.mean([abs(one - truth) <= 1 for one in said], axis=0),
        np.mean([losses(each.levels[decided], truth) for each in every], axis=0),
        statistics.fmean(chance_losses(labels, each.chances) for each in every),
        statistics.fmean(each.seconds for each in every),
        (min(shares), max(shares)),
    )


def percent_ci(values: Floats) -> str:
    low, high = interval(resampled_means(values[:, None], 0)[:, 0], float(values.mean()))
    return f"{100 * low:.1f} to {100 * high:.1f}"


def tested(ours: Floats, theirs: Floats, unit: float) -> str:
    difference = ours - theirs
    mean, p = float(difference.mean()), float(sign_flip(difference[:, None], 0)[0])
    return f"{unit * mean:+.{1 if unit > 1 else 3}f} (p = {p:.2g})"


def comparison(data: Path, shelf: Shelf, *, embedding: bool) -> Iterator[str]:
    """The main tables, and the sentences on where the winner beats the majority and the best single level."""
    wins: dict[str, list[str]] = {"levels": [], "constant": [], "log-loss": [], "neither": []}
    total: dict[str, list[float]] = {name: [] for name in CHEAP}
    for name in SETS:
        labels = labels_of(data, name)
        counts = ", ".join(f"{level}: {count}" for level, count in labels.counts.items() if count)
        _, truth = truth_of(labels)
        constant = (truth == np.bincount(truth).argmax()).astype(float)
        off = calibration(told_by(shelf, labels, name, "tfidf", 0).chances, *arrays_of(labels.rows, labels.ladder))
        noise = ceiling(labels.decided, labels.ladder, labels.rule)
        cells = {one: cell(shelf, labels, name, one) for one in CHEAP}
        if embedding and name == EXTRAS_ON:
            cells["embedding"] = cell(shelf, labels, name, "embedding", [0])
        majority, rows = cells["majority"], []
        for one, found in cells.items():
            if one in total:
                total[one].append(float(found.loss.mean() - majority.loss.mean()))
            rows.append(
                [
                    one,
                    percent(float(found.right.mean())),
                    percent_ci(found.right),
                    " to ".join(f"{100 * share:.1f}" for share in found.moves),
                    percent(float(found.near.mean())),
                    f"{found.loss.mean():.3f}",
                    f"{found.chance_loss:.3f}",
                    "" if one == "majority" else tested(found.right, majority.right, 100),
                    tested(found.right, constant, 100),
                    "" if one == "majority" else tested(found.loss, majority.loss, 1),
                    f"{found.seconds:.1f}",
                ]
            )
        best = cells["tfidf"]
        levels_p = float(sign_flip((best.right - majority.right)[:, None], 0)[0])
        loss_p = float(sign_flip((best.loss - majority.loss)[:, None], 0)[0])
        won = [
            kind
            for kind, p, better in (
                ("levels", levels_p, best.right.mean() > majority.right.mean()),
                ("log-loss", loss_p, best.loss.mean() < majority.loss.mean()),
            )
            if p < 0.05 and better
        ]
        for kind in won or ["neither"]:
            wins[kind].append(name)
        beyond = best.right - constant
        if beyond.mean() > 0 and float(sign_flip(beyond[:, None], 0)[0]) < 0.05:
            wins["constant"].append(name)
        yield f"### {name}"
        yield (
            f"{' < '.join(labels.ladder)}. {len(labels.rows)} tasks, {len(labels.decided)} with a level ({counts}); "
            + ("ceiling unknown: one trial a model" if noise is None else f"ceiling {percent(noise)}")
            + f"; the best single level for all gives {percent(float(constant.mean()))}. "
            + f"`tfidf`'s chances are off by {100 * off.error:.1f} points (expected calibration error); exactly right "
            + f"chances would show {100 * off.perfect:.1f}, and 95% of the time less than {100 * off.perfect_95:.1f}."
        )
        yield table(
            "classifier|exact|95%|least to most of the seeds|within 1|log-loss|chances|exact, against majority|"
            "exact, against the best level|log-loss, against majority|s",
            rows,
        )
    yield "### Who wins"
    yield (
        f"By a paired test at 5%, `tfidf` names the level more often than the majority label does on "
        f"{len(wins['levels'])} of {len(SETS)} sets ({'; '.join(wins['levels']) or 'none'}), more often than the best "
        f"single level, which is chosen on the very tasks, on {len(wins['constant'])} "
        f"({'; '.join(wins['constant']) or 'none'}), and its chances of the "
        f"levels have less log-loss on {len(wins['log-loss'])} ({'; '.join(wins['log-loss']) or 'none'})."
    )
    yield (
        f"Where neither holds, nothing that we found in the prompt predicts the label: {'; '.join(wins['neither'])}."
        if wins["neither"]
        else "On every set at least one of the two holds."
    )
    yield (
        "Mean log-loss over the sets against the majority's: "
        + ", ".join(f"`{one}` {statistics.fmean(found):+.3f}" for one, found in total.items() if one != "majority")
        + f". `{min(total, key=lambda one: statistics.fmean(total[one]))}` has the lowest."
    )


def ranked(data: Path, shelf: Shelf) -> Iterator[str]:
    """AUROC of each model's predicted chance."""
    rows = []
    for name in RANKED:
        labels = labels_of(data, name)
        counts = arrays_of(labels.rows, labels.ladder)
        every = [
            aurocs(told_by(shelf, labels, name, "tfidf", seed).chances, *counts, labels.ladder, seed) for seed in SEEDS
        ]
        for column, model in enumerate(labels.ladder):
            found = [each[model] for each in every]
            if found[0] is None:
                continue
            values = [each.value for each in found if each is not None]
            rows.append(
                [
                    name.split(",")[0],
                    model,
                    percent(float(counts[0][:, column].sum() / counts[1][:, column].sum())),
                    f"{found[0].value:.2f} ({found[0].ci[0]:.2f} to {found[0].ci[1]:.2f})",
                    f"{min(values):.2f} to {max(values):.2f}",
                ]
            )
    yield "## How well the chances rank"
    yield (
        "AUROC of each model's chance of success as `tfidf` predicts it from the prompt, out of fold, on the longest "
        "ladder of each data set: the chance that a trial that succeeded was predicted higher than one that failed. "
        "0.50 is luck; the interval is over tasks, for the first seed. Where a model solves nearly everything, a few "
        "tasks decide."
    )
    yield table("data|model|solves|AUROC (95%)|least to most of the seeds", rows)


def betabinomial(chances: Floats, trials: int, concentration: float) -> Floats:
    """The chances of 0, 1, ... `trials` successes, a row each."""
    k, a, b = np.arange(trials + 1), chances[:, None] * concentration, (1 - chances[:, None]) * concentration
    ways = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)
    return np.exp(ways + betaln(k + a, trials - k + b) - betaln(a, b))


def derived(labels: Labels, chances: Floats) -> Floats:
    """Levels' chances from the models', independent beta-binomials through the rule.

    The concentration of each model is fitted on these very tasks, which favours this side.
    """
    rule, planned = Rule.named(labels.rule, len(labels.ladder)), max(row.task.planned for row in labels.rows)
    successes, trials = arrays_of(labels.rows, labels.ladder)
    chances = np.clip(chances, 1e-4, 1 - 1e-4)
    levels = np.zeros((len(chances), rule.levels + 1))
    each = []
    for column in range(len(labels.ladder)):
        p, won, lost = chances[:, column], successes[:, column], (trials - successes)[:, column]

        def negative(log: float, p: Floats = p, won: Floats = won, lost: Floats = lost) -> float:
            a, b = p * math.exp(log), (1 - p) * math.exp(log)
            return float(-(betaln(won + a, lost + b) - betaln(a, b)).sum())

        found = minimize_scalar(negative, bounds=(-4, 4), method="bounded").x
        each.append(betabinomial(p, planned, math.exp(found)))
    shape = (planned + 1,) * len(each)
    grid = np.array([level_of(rule, tuple(map(int, place)), planned) or 0 for place in np.ndindex(shape)])
    joint = np.ones((len(chances), 1))
    for column in each:
        joint = (joint[:, :, None] * column[:, None, :]).reshape(len(chances), -1)
    for level in range(rule.levels + 1):
        levels[:, level] = joint[:, grid == level].sum(axis=1)
    solved = levels[:, 1:] + 1e-6
    return solved / solved.sum(axis=1, keepdims=True)


def direct_or_derived(data: Path, shelf: Shelf) -> Iterator[str]:
    rows = []
    for name, (_, ladder, _) in SETS.items():
        labels = labels_of(data, name)
        if len(ladder) > 3 and max(row.task.planned for row in labels.rows) > 1:
            continue  # the grid of all results does not fit
        decided, truth = truth_of(labels)
        told = told_by(shelf, labels, name, "tfidf", 0)
        ways = told.levels[decided], derived(labels, told.chances)[decided]
        right = [float((each.argmax(axis=1) + 1 == truth).mean()) for each in ways]
        loss = [losses(each, truth) for each in ways]
        rows.append(
            [
                name,
                *(percent(one) for one in right),
                *(f"{one.mean():.3f}" for one in loss),
                tested(loss[1], loss[0], 1),
            ]
        )
    yield "## Levels: predicted, or derived from the chances?"
    yield (
        "`tfidf`, seed 0: the level regression itself, or each model's predicted chance put through the rule as "
        "independent beta-binomial counts. Derived levels have more log-loss wherever the last column is above 0: the "
        "package predicts levels directly."
    )
    yield table("set|exact, direct|derived|log-loss, direct|derived|derived - direct", rows)


def authors(data: Path) -> Iterator[str]:
    """The paper's authors' own predictions, scored by the same code."""
    rows = []
    pooled: dict[str, list[list[int]]] = {"tuned": [], "untrained": []}
    for number in range(1, 6):
        with (data / "complexitynet" / f"predictions-{number}.csv").open() as file:
            records = list(csv.DictReader(file))
        truth = np.array([int(record["Actual"]) for record in records])
        for kind, prefix in (("tuned", "Fine-Tuned"), ("untrained", "Original")):
            names = [name for name in records[0] if name.startswith(prefix)]
            answers = np.array([[_level(record[name]) for name in names] for record in records])
            pooled[kind] += [[int(level), int(row[0])] for level, row in zip(truth, answers, strict=True)]
            rows.append(_authors_row(f"split {number}, {kind}", truth, answers))
    for kind, pairs in pooled.items():
        both = np.array(pairs)
        rows.append(_authors_row(f"all splits, {kind}, first answer", both[:, 0], both[:, 1:]))
    yield "## The paper's authors' predictions"
    yield (
        "Their five test splits of 34 tasks, their tuned model's answers and the untrained one's, levels 1 to 5; an "
        "answer that is no level is wrong. `majority`: the most frequent label of the split itself, which flatters it."
    )
    yield table("answers|exact|95%|within 1|5 tries|F1|kappa|majority", rows)


def _level(text: str) -> int:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and 1 <= int(text) <= 5 else 0


def _authors_row(name: str, truth: NDArray[np.int64], answers: NDArray[np.int64]) -> list[str]:
    row = score_answers(answers[:, 0], truth, answers if answers.shape[1] == ASKED else None)
    kappa = "-" if row.kappa is None else f"{row.kappa:.2f}"
    any_of = "-" if row.any_of_n is None else percent(row.any_of_n)
    bounds = f"{100 * row.accuracy_ci[0]:.0f} to {100 * row.accuracy_ci[1]:.0f}"
    majority = percent(float(np.bincount(truth).max() / len(truth)))
    return [
        name,
        percent(row.accuracy),
        bounds,
        percent(row.within_one),
        any_of,
        f"{row.macro_f1:.2f}",
        kappa,
        majority,
    ]


def measured_again(labels: Labels, trials: int, seed: int) -> Labels:
    """The labels of a random `trials` of each task's trials."""
    random = np.random.default_rng(seed)
    tasks = []
    for row in labels.rows:
        task: TaskCounts = row.task
        drawn = {
            model: int(random.hypergeometric(task.successes[model], task.trials[model] - task.successes[model], trials))
            for model in labels.ladder
        }
        tasks.append(replace(task, trials=dict.fromkeys(labels.ladder, trials), successes=drawn, planned=trials))
    return label_all(tasks, labels.ladder, labels.rule)


def held_out(learned: Sequence[Any], test: Sequence[Any], labels: Labels, classifier: str) -> tuple[float, float]:
    """Exact accuracy and log-loss on `test` after training on `learned`."""
    trained = fit(learned, labels.ladder, labels.rule, classifier)
    decided = [row for row in test if row.level]
    truth = np.array([row.level for row in decided])
    levels = np.array([each.levels for each in trained.predict([row.task.text for row in decided])])
    return float((levels.argmax(axis=1) + 1 == truth).mean()), float(losses(levels, truth).mean())


def curve_of_tasks(data: Path, shelf: Shelf) -> Iterator[str]:
    yield "## Learning curves"
    yield "Against the number of training tasks, with or without a level: means over ten splits, a fifth held out."
    for name in CURVES:
        labels, rows = labels_of(data, name), []
        for tasks in (25, 50, 100, 200, 340):

            def make(labels: Labels = labels, tasks: int = tasks) -> Any:
                found = []
                for seed in range(10):
                    parts = split([row.task.text for row in labels.rows], 0.2, seed)
                    order = np.random.default_rng(seed).permutation(parts.train)[:tasks]
                    learned, test = [labels.rows[at] for at in order], [labels.rows[at] for at in parts.test]
                    found.append([held_out(learned, test, labels, one) for one in ("majority", "tfidf")])
                return found

            rows.append([str(tasks), *_means(shelf.get(f"curve|{name}|{tasks}", make))])
        yield f"{name}:"
        yield table("tasks|exact, majority|tfidf|log-loss, majority|tfidf", rows)


def curve_of_trials(data: Path, shelf: Shelf) -> Iterator[str]:
    name = CURVES[0]
    labels, rows = labels_of(data, name), []
    for trials in (1, 2, 5, 10):

        def make(trials: int = trials) -> Any:
            found = []
            for seed in range(10):
                parts = split([row.task.text for row in labels.rows], 0.2, seed)
                fewer = measured_again(labels, trials, seed)
                learned, test = [fewer.rows[at] for at in parts.train], [labels.rows[at] for at in parts.test]
                found.append([held_out(learned, test, labels, one) for one in ("majority", "tfidf")])
            return found

        rows.append([str(trials), *_means(shelf.get(f"trials|{name}|{trials}", make))])
    yield f"Against the number of trials behind each training label ({name}); test labels rest on all ten:"
    yield table("trials|exact, majority|tfidf|log-loss, majority|tfidf", rows)


def _means(found: list[list[list[float]]]) -> list[str]:
    values = np.array(found).mean(axis=0)
    return [percent(values[0, 0]), percent(values[1, 0]), f"{values[0, 1]:.3f}", f"{values[1, 1]:.3f}"]


def as_in_the_paper(data: Path, shelf: Shelf) -> Iterator[str]:
    """N = 180 decided tasks, M = 5 trials, 144 to train on and 36 to test on, fifty times."""
    labels = labels_of(data, CURVES[0])

    def make() -> Any:
        found = []
        for seed in range(50):
            decided = measured_again(labels, 5, seed).decided
            order = np.random.default_rng(seed).permutation(len(decided))[:180]
            rows = [decided[at] for at in order]
            found.append([held_out(rows[:144], rows[144:], labels, one) for one in CHEAP])
        return found

    values = np.array(shelf.get("n180", make))[:, :, 0]
    rows = [
        [one, percent(column.mean()), percent(column.std(ddof=1)), percent(column.min()), percent(column.max())]
        for one, column in zip(CHEAP, values.T, strict=True)
    ]
    yield "## The paper's setting"
    yield (
        f"N = 180 tasks with a level, M = 5 trials, 144 to train on and 36 to test on, the paper's rule, 50 random "
        f"splits ({' < '.join(labels.ladder)}; five of the ten recorded trials). The paper has 79% for its model. "
        f"Spread is the standard deviation over splits: one split of 36 tasks says little."
    )
    yield table("classifier|exact, mean|spread|least|most", rows)


def language_model(data: Path, shelf: Shelf) -> Iterator[str]:
    """One split: a training takes minutes on a GPU and long on two processors."""
    labels = labels_of(data, EXTRAS_ON)

    def make() -> Any:
        before = time.perf_counter()
        training = train(labels, "lm")
        seconds = time.perf_counter() - before
        found = evaluate(
            training.trained, replace(labels, rows=training.test), {each.name: each for each in training.baselines}
        )
        assert found is not None
        rows = {name: asdict(row) for name, row in found.rows.items()}
        test = asdict(found.against_majority)
        return {"rows": rows, "tasks": found.tasks, "train": len(training.train), "test": test, "seconds": seconds}

    value = shelf.get("lm", make)
    rows = []
    for name, row in value["rows"].items():
        bounds = " to ".join(f"{100 * bound:.1f}" for bound in row["accuracy_ci"])
        numbers = ("-" if each is None else f"{each:.3f}" for each in (row["log_loss"], row["chance_log_loss"]))
        any_of = "-" if row["any_of_n"] is None else percent(row["any_of_n"])
        rows.append([name, percent(row["accuracy"]), bounds, percent(row["within_one"]), any_of, *numbers])
    yield "## A small language model, fine-tuned"
    yield (
        f"{EXTRAS_ON}: one split, {value['train']} tasks to train on, {value['tasks']} with a level to test on. `lm` "
        f"is SmolLM2-135M-Instruct with LoRA, {value['seconds']:.0f} s with its baselines; `untrained` the same before "
        f"training. Against the majority label: {value['test']['better']} tasks better, {value['test']['worse']} worse "
        f"(McNemar p = {value['test']['p']:.2g})."
    )
    yield table("classifier|exact|95%|within 1|5 tries|log-loss|chances", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--embedding", action="store_true")
    parser.add_argument("--lm", action="store_true")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    shelf, data = Shelf(arguments.work / "pieces.jsonl"), arguments.data
    extras = "".join(f" --{name}" for name in ("embedding", "lm") if getattr(arguments, name))
    parts = [
        "# Classifiers",
        f"Printed by `python benchmarks/results/classifiers.py DATA --work DIR{extras}`. Five folds, five seeds, "
        "near-duplicates in one fold: every task is predicted by classifiers that did not see it. Intervals and tests "
        "are over tasks. `exact`: the level is right. `log-loss`: of the levels, nats per task; `chances`: of the "
        "models' successes, nats per trial. `s`: seconds to train, on a busy machine of two processors. The ceiling is "
        "how often two halves of the same trials give a task the same level.",
        "## Data sets",
        *comparison(data, shelf, embedding=arguments.embedding),
        *ranked(data, shelf),
        *direct_or_derived(data, shelf),
        *authors(data),
        *curve_of_tasks(data, shelf),
        *curve_of_trials(data, shelf),
        *as_in_the_paper(data, shelf),
        *(language_model(data, shelf) if arguments.lm else ()),
    ]
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
