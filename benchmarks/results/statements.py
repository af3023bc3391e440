"""Whether our statements hold: sentences, intervals, promises, the baseline's gate. Prints docs/results/statements.md.

    python benchmarks/results/statements.py DATA > docs/results/statements.md

DATA holds `outcomes/` and `difftrust/`. Everything is seeded; it takes about half an hour. Names of parts after DATA
print these alone: sentences, coverage, stability, reports, promises, gate, unchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from pages import percent, table
from routing import ELEVEN, LADDERS, THREE, Prices, judged
from worlds import PRICES, STRENGTHS, Floats, bench, chances

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import TargetError
from pytest_complexity.labels import label_all
from pytest_complexity.labels.stability import Stability
from pytest_complexity.learning.training.calibration import calibrate, parse_target
from pytest_complexity.policies import RouterPolicy
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.policies.registry import roster
from pytest_complexity.policies.utility import Utility
from pytest_complexity.report.assembly import Results, Routed, results_of
from pytest_complexity.report.regression import check_baseline
from pytest_complexity.run.inputs import read_inputs
from pytest_complexity.scoring.policies import Bench, Played, matrices, play, routers_of, score_policies
from pytest_complexity.scoring.routing_gain import assess, non_nested

NAMES = ("a", "b", "c")
WORLDS = 200
SIZES = ((164, 5), (412, 1))


def size(tasks: int, trials: int) -> str:
    return f"{tasks} tasks, {trials} trial{'s' * (trials > 1)}"


def finding(made: Bench, routers: Sequence[Any] = (), seed: int = 0) -> str:
    """What the headline says of a bench."""
    played = play(made, roster(made.setting("tier", routers)))
    assessment = assess(played, score_policies(played, seed), seed)
    return assessment.finding if assessment else "nothing"


def known(rng: np.random.Generator, models: int, trials: int) -> str:
    """The finding on identical models, without a router: what known levels seem to be worth."""
    return finding(bench(rng, np.repeat(chances(rng, 164, [0.5], 0.0), models, axis=1), trials))


def guessed(rng: np.random.Generator, world: str, tasks: int, trials: int) -> str:
    """The finding on two models and three routers that know nothing: any of their choices is a blind mix."""
    solve = chances(rng, tasks, STRENGTHS[world][:2])
    routers = [Utility(PRICES[:2], 20.0), Utility(PRICES[:2], 60.0, "utility-60"), CheapestAdequate(0.5)]
    return finding(bench(rng, solve, trials, rng.uniform(0, 1, solve.shape)), routers)


#: Share of worlds with the sentence at commit 349f175, as an independent audit found on worlds of its own of this kind.
BEFORE = {(2, 1): "100%", (2, 5): "55%", (3, 5): "72%", (3, 10): "78%"}


def sentences() -> Iterator[str]:
    rows = []
    for models, trials in ((2, 1), (2, 5), (3, 5), (3, 10)):
        found = [known(np.random.default_rng(seed), models, trials) for seed in range(WORLDS)]
        where = f"{models} identical models, {size(164, trials)}, levels by tier"
        rows.append(["Routing could pay here", where, BEFORE[models, trials], percent(found.count("pays") / WORLDS)])
    for world in STRENGTHS:
        for tasks, trials in SIZES:
            found = [guessed(np.random.default_rng(seed), world, tasks, trials) for seed in range(WORLDS)]
            where = f"three routers that know nothing, two models, {world}, {size(tasks, trials)}"
            rows.append(["Routing pays here", where, "-", percent(found.count("pays") / WORLDS)])
            rows.append(["Routing loses here", where, "-", percent(found.count("loses") / WORLDS)])
    yield "## How often is a sentence printed where it is false?"
    yield (
        f"{WORLDS} simulated worlds each, in which nothing is there to be found; the goal is at most 5%. Of {WORLDS} "
        "worlds with a true share of 2.5%, 5.0% or more print it in 1 of 40 such simulations. Known levels of one "
        "trial are tested by no other, so then the report says nothing about them. Before: an independent audit of "
        "commit 349f175, on worlds of its own of this kind."
    )
    yield table("sentence|world|before|now", rows)
    yield from _luck()


def _luck() -> Iterator[str]:
    rows = []
    for world, strengths in STRENGTHS.items():
        made = bench(np.random.default_rng(0), chances(np.random.default_rng(1), 20_000, strengths, 0.0), 10)
        nested = non_nested(made)
        assert nested is not None
        assert nested.luck is not None
        rows.append([world, percent(nested.share), percent(nested.luck)])
    yield (
        '"In x% of the cases the last model is wrong and an earlier one is right" is true where the earlier models are '
        "right nowhere else than the last: some of it is the luck of each draw, which the report prints beside it. "
        "20,000 tasks, ten trials, models that differ in strength alone:"
    )
    yield table("models|an earlier one is right|the last one, asked as often again", rows)


def policies_of(made: Bench) -> Played:
    simple = [Always(name, index) for index, name in enumerate(NAMES)]
    return play(made, [RouterPolicy(Utility(PRICES, 150.0)), *simple, Oracle(), Mix("random", [1 / 3] * 3)])


MEASURES = {
    "utility": ("accuracy", "cost", "saving", "over_zero", "gain", "regret"),
    "oracle": ("accuracy", "over_zero", "gain"),
    "random": ("accuracy", "over_zero", "gain"),
    "always-b": ("accuracy", "cost", "gain"),
}


def drawn(world: str, tasks: int, trials: int, seed: int) -> Bench:
    """A router that half knows: its chances are the true ones, blurred."""
    rng = np.random.default_rng(seed)
    solve = chances(rng, tasks, STRENGTHS[world])
    guesses: Floats = 1 / (1 + np.exp(-(0.7 * np.log(solve / (1 - solve)) + rng.normal(0, 0.9, solve.shape))))
    return bench(rng, solve, trials, guesses)


def coverage() -> Iterator[str]:
    shapes = [(world, *each) for world in STRENGTHS for each in SIZES]
    hits: dict[tuple[str, str], list[str]] = {}
    for world, tasks, trials in shapes:
        truth = score_policies(policies_of(drawn(world, 50_000, 0, 99))).scores
        held: dict[tuple[str, str], list[bool]] = {}
        for seed in range(WORLDS):
            found = score_policies(policies_of(drawn(world, tasks, trials, seed)), seed).scores
            for name, measures in MEASURES.items():
                for measure in measures:
                    low, high = getattr(found[name], measure + "_ci")
                    true = getattr(truth[name], measure)
                    if world == "equal" and (name, measure) in TIED:
                        true = 0.0
                    held.setdefault((name, measure), []).append(low - 1e-9 <= true <= high + 1e-9)
        for key, each in held.items():
            hits.setdefault(key, []).append(percent(fmean(each)))
    yield "## Do the 95% intervals cover?"
    yield (
        f"Share of {WORLDS} simulated worlds in which the interval held the true value, known from 50,000 tasks with "
        "their true chances. A share that is truly 95% lies between 92.0% and 98.0% in 19 of 20 such simulations. "
        "Separated, near and equal: models of 52, 63 and 77%, of 65, 67 and 68%, and three alike. Where the best model "
        "is a matter of luck, the intervals of differences to it (`gain`, `over_zero`) are made wide enough for every "
        "model that may be the best: they cover more than 95%, and err on the side of saying nothing. The cost of a "
        "policy that asks the dearest model on few tasks only is skewed: at 164 tasks its interval, and that of its "
        "saving, covers less than 95%."
    )
    yield table(
        "policy|measure|" + "|".join(f"{world}, {tasks} x {trials}" for world, tasks, trials in shapes),
        [[*key, *each] for key, each in hits.items()],
    )


#: Exactly 0 where models are alike, which 50,000 tasks know to a tenth of a point only.
TIED = {("random", "gain"), ("random", "over_zero"), ("always-b", "gain")}

DIFFTRUST = ("ministral_8b", "gpt_4o", "claude_opus_4")


def stability(data: Path) -> Iterator[str]:
    sets = [
        ("RouterDC's MBPP", data / "outcomes/mbpp-routerdc-10trials.jsonl", LADDERS[2][2]),
        ("DiffTrust's MBPP", data / "difftrust/mbpp-counts.jsonl", DIFFTRUST),
        ("DiffTrust's HumanEval", data / "difftrust/humaneval-counts.jsonl", DIFFTRUST),
    ]
    rows = []
    for title, file, ladder in sets:
        measured = read_inputs([file], ladder)
        tasks = [task for task in measured.counts if set(task.trials.values()) == {10}]
        for rule in ("complexitynet", "tier"):
            said, jeffreys, agreed = zip(
                *(_halved(tasks, measured.ladder, rule, seed) for seed in range(20)), strict=True
            )
            rows.append([title, rule, *(percent(fmean(each)) for each in (jeffreys, said, agreed))])
    yield "## Would a level come out the same?"
    yield (
        "Levels from five of ten recorded trials, and what the report says of how many would be the same if measured "
        "again; the other five trials tell. Mean of 20 random halves. Before: the prior of each model's chance was "
        "Jeffreys'; now it is fitted to the tasks, by so many steps as do best on these sets (20). Of a single trial "
        "nothing is said."
    )
    yield table("set|rule|said before|said now|the other half agrees", rows)


#: What the first sentence said at commit 349f175 of each of `REPORTS`.
REPORTS = (
    ("RouterBench's MBPP, three models", "outcomes/mbpp-routerbench.jsonl", THREE, "levels are not worth it, -31.6"),
    ("RouterBench's MBPP, eleven models", "outcomes/mbpp-routerbench.jsonl", ELEVEN, "could pay, +20.8"),
    ("RouterDC's MBPP, three", "outcomes/mbpp-routerdc-10trials.jsonl", LADDERS[2][2], "levels are not worth it, -6.6"),
    ("RouterDC's MBPP, two", "outcomes/mbpp-routerdc-10trials.jsonl", LADDERS[2][2][::2], "could pay, +4.2"),
    ("RouterDC's MBPP, seven", "outcomes/mbpp-routerdc-10trials.jsonl", None, "could pay, +9.0"),
    ("The authors' MBPP, two", "outcomes/mbpp-complexitynet-5trials.jsonl", None, "could pay, +4.7"),
    ("DiffTrust's MBPP, three", "difftrust/mbpp-counts.jsonl", DIFFTRUST, "levels are not worth it, -9.6"),
    ("DiffTrust's MBPP, eight", "difftrust/mbpp-counts.jsonl", None, "could pay, +2.6"),
    ("DiffTrust's HumanEval, three", "difftrust/humaneval-counts.jsonl", DIFFTRUST, "could pay, +3.4"),
)


def reports(data: Path) -> Iterator[str]:
    rows = []
    for title, file, ladder, before in REPORTS:
        text = results_of(read_inputs([data / file], ladder)).text(width=10_000, markup=False)
        rows.append([title, before, text.splitlines()[0]])
    yield "## The first sentence of real reports"
    yield "Counts alone, without a router; before: at commit 349f175, in points against the zero router."
    yield table("report|before|now", rows)


def _halved(tasks: Sequence[TaskCounts], ladder: Sequence[str], rule: str, seed: int) -> tuple[float, float, float]:
    rng, halves = np.random.default_rng(seed), ([], [])  # type: ignore[var-annotated]
    for task in tasks:
        won = {name: int(rng.hypergeometric(k, 10 - k, 5)) for name, k in task.successes.items()}
        for half, solved in zip(
            halves, (won, {name: k - won[name] for name, k in task.successes.items()}), strict=True
        ):
            half.append(replace(task, trials=dict.fromkeys(ladder, 5), successes=solved, planned=5))
    first, second = (label_all(half, ladder, rule) for half in halves)
    same = [a.level == b.level for a, b in zip(first.rows, second.rows, strict=True) if a.level is not None]
    said, before = Stability(first), Stability(first, steps=0)
    return said.share or 0.0, before.share or 0.0, fmean(same)


def report_of(rates: Any, trials: int, chosen: Sequence[int]) -> dict[str, Any]:
    """As much of a report.json as a baseline is compared by."""
    rows = [
        {
            "suite": "s",
            "task_id": str(n),
            "successes": right,
            "trials": [trials] * 3,
            "costs": list(PRICES),
            "chosen": {"utility": index},
        }
        for n, (right, index) in enumerate(zip(rates.tolist(), chosen, strict=True))
    ]
    return {
        "run": {"ladder": list(NAMES), "cost_unit": "usd"},
        "policies": {"utility": {"kind": "router"}},
        "tasks": rows,
    }


def gate() -> Iterator[str]:
    rng, rows = np.random.default_rng(5), []
    for tasks, trials in ((164, 5), (427, 1)):
        chances = rng.uniform(0.05, 0.95, (tasks, 3))
        chosen = rng.integers(0, 3, tasks).tolist()
        cells = []
        for loss, worlds in ((0.0, 1000), (0.03, 100), (0.05, 100), (0.1, 100)):
            alarms = 0
            for _ in range(worlds):
                before = report_of(rng.binomial(trials, chances), trials, chosen)
                after = report_of(rng.binomial(trials, np.clip(chances - loss, 0, 1)), trials, chosen)
                alarms += not all(result.passed for result in check_baseline(after, before))
            cells.append(percent(alarms / worlds))
        rows.append([f"{tasks} tasks, {trials} trial{'s' * (trials > 1)}", *cells])
    yield "## Does the baseline's gate cry wolf, and does it bite?"
    yield (
        "Both reports are new measurements of the same tasks; three models and a router, so five measures under one 5% "
        "(Holm). 1,000 worlds without a change, 100 for each loss, which every model suffers."
    )
    yield table("size|no change|3 points lost|5 points lost|10 points lost", rows)


def unchanged(data: Path) -> Iterator[str]:
    measured = read_inputs([data / "outcomes" / LADDERS[0][1]], THREE)
    results, bench = judged(measured)
    predictions = [case.prediction for case in bench.cases if case.prediction]
    costs = tuple(float(cost) for cost in matrices(bench)[1].mean(axis=0))

    def again(routed: Routed) -> Results:
        return results_of(measured, routed=routed)

    routers = routers_of(Prices(measured.ladder, results.labels.rule, costs))
    same = [again(Routed(predictions, routers, costs)) for _ in range(100)]
    passed = sum(
        each.json() == results.json() and all(r.passed for r in check_baseline(each.report, results.report))
        for each in same
    )
    worse = again(Routed([Prediction(each.chances[::-1], each.levels) for each in predictions], routers, costs))
    told = [result.message for result in check_baseline(worse.report, results.report) if not result.passed]
    yield (
        f"A report made again from the same outcomes with the same seed is the same to the byte and passes: {passed} "
        f"of 100. With the router's chances in reverse order it fails: `{told[0] if told else 'nothing failed'}`"
    )


def promises(data: Path) -> Iterator[str]:
    rows = []
    for title, file, models in LADDERS[:3]:
        _, bench = judged(read_inputs([data / "outcomes" / file], models))
        prices = tuple(float(cost) for cost in matrices(bench)[1].mean(axis=0))
        best = max(fmean(case.rates[k] for case in bench.cases) for k in range(len(bench.ladder)))
        targets = (
            f"accuracy>={best - 0.08:.2f}",
            f"cost<={1000 * prices[-1] / 4:.3g}",
            f"share({bench.ladder[-1]})<=0.2",
        )
        rng = np.random.default_rng(0)
        halves = [rng.permutation(len(bench.cases)) for _ in range(100)]
        for target in targets:
            rows.append([title, target, *_kept(bench, prices, target, halves)])
    yield "## Are calibrated targets kept?"
    yield (
        "Calibrated on one half of the tasks, looked at on the other, 100 random halves. A promise is about tasks to "
        "come; the other half estimates that with an error of its own, so some estimates beyond it are expected."
    )
    yield table("ladder|target|refused|mean on the other half|beyond the target there", rows)


def _kept(bench: Bench, prices: Sequence[float], text: str, halves: Sequence[Any]) -> list[str]:
    target, found = parse_target(text, bench.ladder), []
    for order in halves:
        ours, theirs = (
            replace(bench, cases=tuple(bench.cases[n] for n in half), tasks=())
            for half in (order[: len(order) // 2], order[len(order) // 2 :])
        )
        try:
            made = calibrate(ours, prices, target)
        except TargetError:
            continue
        router = play(theirs, [RouterPolicy(Utility(prices, made.willingness))])
        asked = 0 if target.model is None else router.shares[:, 0, bench.ladder.index(target.model)].mean()
        value = {"accuracy": router.solved.mean(), "cost": 1000 * router.cost.mean(), "share": asked}[target.measure]
        found.append(float(value))
    if not found:
        return [f"{len(halves)} of {len(halves)}", "-", "-"]
    beyond = sum(value < target.bound if target.measure == "accuracy" else value > target.bound for value in found)
    return [f"{len(halves) - len(found)} of {len(halves)}", f"{fmean(found):.3g}", f"{beyond} of {len(found)}"]


def main() -> None:
    data = Path(sys.argv[1])
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "sentences": sentences,
        "coverage": coverage,
        "stability": partial(stability, data),
        "reports": partial(reports, data),
        "promises": partial(promises, data),
        "gate": gate,
        "unchanged": partial(unchanged, data),
    }
    wanted = sys.argv[2:] or list(parts)
    if not sys.argv[2:]:
        print("# Do our statements hold?\n\nWritten by `benchmarks/results/statements.py`.\n")
    for name in wanted:
        for paragraph in parts[name]():
            print(paragraph + "\n", flush=True)


if __name__ == "__main__":
    main()
