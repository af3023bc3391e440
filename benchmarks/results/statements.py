"""Whether our statements hold: intervals, promises, the baseline's gate. Prints docs/results/statements.md.

    python benchmarks/results/statements.py DATA > docs/results/statements.md

DATA holds `outcomes/`. Everything is seeded; it takes about ten minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from pages import percent, table
from routing import LADDERS, THREE, Prices, judged

from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import TargetError
from pytest_complexity.learning.training.calibration import calibrate, parse_target
from pytest_complexity.policies import Case, RouterPolicy
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.policies.utility import Utility
from pytest_complexity.report.assembly import Results, Routed, results_of
from pytest_complexity.report.regression import check_baseline
from pytest_complexity.run.inputs import read_inputs
from pytest_complexity.scoring.policies import Bench, Played, matrices, play, routers_of, score_policies
from pytest_complexity.scoring.routing_gain import router_curve

PRICES = (1.0, 8.0, 60.0)
NAMES = ("a", "b", "c")


def world(rng: np.random.Generator, tasks: int, trials: int) -> Bench:
    """Tasks of every ease, models that partly fail on their own, calls of uneven cost, a router that half knows.

    0 trials: the true chances themselves.
    """
    ease = rng.normal(0, 1.5, (tasks, 1))
    strength = np.array([-1.0, 0.4, 0.8])
    chances = 1 / (1 + np.exp(-(ease + strength + rng.normal(0, 0.8, (tasks, 3)))))
    costs = np.array(PRICES) * np.exp(rng.normal(0, 0.5, (tasks, 1)) - 0.125)
    guesses = 1 / (1 + np.exp(-(0.7 * ease + strength + rng.normal(0, 0.9, (tasks, 3)))))
    rates = rng.binomial(trials, chances) / trials if trials else chances
    cases = (
        Case(rate, cost, None, Prediction(tuple(guess), (1.0,)))
        for rate, cost, guess in zip(rates.tolist(), costs.tolist(), guesses.tolist(), strict=True)
    )
    return Bench(NAMES, (), tuple(cases), "usd")


def played(bench: Bench) -> Played:
    simple = [Always(name, index) for index, name in enumerate(NAMES)]
    return play(bench, [RouterPolicy(Utility(PRICES, 150.0)), *simple, Oracle(), Mix("random", [1 / 3] * 3)])


MEASURES = ("accuracy", "cost", "saving", "over_zero", "gain", "regret")


def coverage() -> Iterator[str]:
    every = played(world(np.random.default_rng(99), 100_000, 0))
    scores, curve = score_policies(every), router_curve(every, PRICES)
    assert curve is not None
    assert curve.aiq is not None
    truth = {(name, measure): getattr(scores[name], measure) for name in ("utility", "oracle") for measure in MEASURES}
    truth |= {("always-b", measure): getattr(scores["always-b"], measure) for measure in ("accuracy", "cost", "gain")}
    shapes, hits, quality = ((300, 5), (1000, 1)), {}, {}
    for tasks, trials in shapes:
        for seed in range(1000):
            made = played(world(np.random.default_rng(seed), tasks, trials))
            found = score_policies(made, seed)
            for (name, measure), true in truth.items():
                low, high = getattr(found[name], measure + "_ci")
                hits.setdefault((name, measure), {}).setdefault(tasks, []).append(low <= true <= high)
            if seed < 300:
                aiq = router_curve(made, PRICES, seed).aiq  # type: ignore[union-attr]
                low, high = aiq.gain_ci  # type: ignore[union-attr]
                quality.setdefault(tasks, []).append(low <= curve.aiq.gain <= high)
    rows = [[*key, *(percent(fmean(each[tasks])) for tasks, _ in shapes)] for key, each in hits.items()]
    rows.append(["utility", "AIQ gain (300 worlds)", *(percent(fmean(quality[tasks])) for tasks, _ in shapes)])
    yield "## Do the 95% intervals cover?"
    yield (
        "Share of 1,000 simulated worlds in which the interval held the true value, known from 100,000 tasks with "
        "their true chances. A share that is truly 95% lies between 93.6% and 96.4% in 19 of 20 such simulations."
    )
    yield table(
        "policy|measure|" + "|".join(f"{tasks} tasks, {trials} trial{'s' * (trials > 1)}" for tasks, trials in shapes),
        rows,
    )


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
    print("# Do our statements hold?\n\nWritten by `benchmarks/results/statements.py`.\n")
    for part in (promises(data), coverage(), gate(), unchanged(data)):
        for paragraph in part:
            print(paragraph + "\n", flush=True)


if __name__ == "__main__":
    main()
