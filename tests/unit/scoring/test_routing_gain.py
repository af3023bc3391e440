"""Whether routing pays: in worlds where the answer is known."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels import label_all
from pytest_complexity.policies.registry import roster
from pytest_complexity.policies.utility import Utility
from pytest_complexity.report.assembly import Routed, results_of
from pytest_complexity.report.sentences import headline
from pytest_complexity.run.inputs import Measured
from pytest_complexity.scoring.policies import Bench, play, score_policies
from pytest_complexity.scoring.routing_gain import assess, non_nested, sweep

LADDER = ("small", "large")
PRICES = (1.0, 10.0)


def task(number: int, *successes: int, trials: int = 1, ladder: tuple[str, ...] = LADDER) -> TaskCounts:
    return TaskCounts(
        "s", f"T/{number}", "text", dict.fromkeys(ladder, trials), dict(zip(ladder, successes, strict=True)), trials
    )


def report(counts: list[TaskCounts], chances: list[tuple[float, ...]], willingness: float = 50.0) -> dict[str, object]:
    predictions = [Prediction(each, (1.0,)) for each in chances]
    routed = Routed(predictions, [Utility(PRICES, willingness)], PRICES)
    made = results_of(Measured(LADDER, tuple(counts)), routed=routed)
    return {"headline": made.text(width=1000, markup=False).splitlines()[0], **made.report["routing"]}


HALVES = [task(n, n % 2, 1) for n in range(60)]  # the small model solves every other task, the large one all


def test_a_router_that_knows_is_worth_it_and_the_first_line_says_so() -> None:
    found = report(HALVES, [(float(n % 2), 1.0) for n in range(60)])
    assert found["worth_it"]
    assert found["simple"] == []
    assert found["gain_over_zero_router"] == pytest.approx(0.25)
    assert found["gain_over_best_single"] == 0.0
    assert str(found["headline"]).startswith(
        "Routing pays here: utility solves 100.0% at cost 5.5 (saves 45.0%), +25.0"
    )
    assert (found["pgr"], found["apgr"]) == (1.0, pytest.approx(0.75))  # PGR is 1 from half of the calls on
    assert found["cpt"] == {"0.5": 0.25, "0.8": 0.4}
    # The router's hull: 0.5 at 1, 1 from 5.5 on; the single models' a line from (1, 0.5) to (10, 1).
    assert found["aiq"]["router"] == pytest.approx(0.875)  # type: ignore[index]
    assert found["aiq"]["zero_router"] == pytest.approx(0.75)  # type: ignore[index]


def test_a_router_that_knows_nothing_is_not_worth_it_and_the_mix_is_named() -> None:
    # Its choices are independent of who solves what: each kind of task goes to each model alike.
    chances = [(1.0, 1.0) if n % 4 < 2 else (0.0, 1.0) for n in range(60)]
    found = report(HALVES, chances)
    assert not found["worth_it"]
    assert found["gain_over_zero_router"] == pytest.approx(0)
    assert found["simple"] == ["small", "large"]
    assert str(found["headline"]).startswith(
        "Routing is not shown to pay on 60 tasks: a blind mix of small and large solves 75.0%"
    )


def test_where_one_model_does_as_well_it_is_named() -> None:
    alike = [task(n, n % 2, n % 2) for n in range(60)]
    found = report(alike, [(0.0, 1.0)] * 60)
    assert found["simple"] == ["small"]
    assert str(found["headline"]).startswith(
        "Too few tasks to tell whether routing pays: always small solves 50.0% at cost 1.0"
    )


def test_the_sweep_chooses_as_the_policy_does_and_begins_with_the_cheapest() -> None:
    predictions = [Prediction((n % 7 / 7, n % 5 / 5, n % 11 / 11), (1.0,)) for n in range(40)]
    prices = (1.0, 10.0, 100.0)
    willingness, choices = sweep(predictions, prices)
    assert willingness == sorted(willingness)
    assert set(choices[:, 0]) == {0}
    for column, worth in enumerate(willingness):
        policy = Utility(prices, worth)
        assert [policy.choose(each) for each in predictions] == choices[:, column].tolist()
    dearest = Utility(prices, float("inf"))
    assert [dearest.choose(each) for each in predictions] == choices[:, -1].tolist()


def test_tasks_that_only_a_weaker_model_solves_and_what_they_cost() -> None:
    ladder = ("a", "b", "c")
    counts = [
        task(0, 2, 0, 0, trials=2, ladder=ladder),  # a alone
        task(1, 1, 2, 1, trials=2, ladder=ladder),  # c fails half of the time; a or b is right then
        task(2, 0, 0, 2, trials=2, ladder=ladder),
        task(3, 0, 0, 0, trials=2, ladder=ladder),
    ]
    found = non_nested(Bench.of(label_all(counts, ladder)))
    assert found is not None
    assert found.share == pytest.approx((1 + 0.5) / 4)
    # Task 0: 100 - 1. Task 1: half of (half of 100 - 1, half of 100 - 10).
    assert found.extra_cost == pytest.approx((99 + 0.5 * (0.5 * 99 + 0.5 * 90)) / 4)
    assert found.none == pytest.approx(1 / 4)
    assert found.examples == ("T/0", "T/1")
    first = found.pairs[0]
    assert (first.weaker, first.stronger) == ("a", "b")
    assert (first.only_weaker, first.only_stronger) == (pytest.approx(1 / 4), pytest.approx(0.5 / 4))


def test_a_nested_ladder_has_no_such_task() -> None:
    found = non_nested(Bench.of(label_all(HALVES, LADDER)))
    assert found is not None
    assert (found.share, found.extra_cost, found.examples) == (0, 0, ())


def test_a_gain_that_rests_on_five_tasks_proves_nothing() -> None:
    counts = [task(n, n % 2 if n > 9 else 0, 1 if n > 9 else n % 2) for n in range(60)]
    for sent, worth in ((5, None), (20, True)):
        helped = [n for n in range(60) if counts[n].successes == {"small": 0, "large": 1}][:sent]
        found = report(counts, [(0.0, 1.0) if n in helped else (1.0, 1.0) for n in range(60)])
        assert found["gain_over_zero_router_ci"][0] > 0  # type: ignore[index]
        assert found["worth_it"] is worth


def test_of_a_router_that_was_trained_on_these_tasks_nothing_good_is_said() -> None:
    clever = [Prediction((float(n % 2), 1.0), (1.0,)) for n in range(60)]
    for leaked, worth in ((0, True), (3, None)):
        bench = Bench.of(label_all(HALVES, LADDER), clever)
        played = play(bench, roster(bench.setting("tier", [Utility(PRICES, 50.0)])))
        scored = score_policies(played)
        made = assess(played, scored, leaked=bool(leaked))
        assert made is not None
        assert made.worth_it is worth
        text = headline(
            {
                "run": {"ladder": LADDER, "cost_unit": "unit", "calls": "all"},
                "policies": {name: asdict(score) for name, score in scored.scores.items()},
                "routing": asdict(made),
                "router": {"leaked": leaked},
            }
        )
        assert text.startswith(
            "Whether routing pays cannot be told here: the router was trained on 3 of these tasks."
            if leaked
            else "Routing pays here"
        )


def test_models_that_are_alike_seem_out_of_order_by_luck_alone() -> None:
    """Every draw of either model is right in half of the cases: 1/4 of the pairs are out of order."""
    counts = [task(n, 5, 5, trials=10) for n in range(20)]
    found = non_nested(Bench.of(label_all(counts, LADDER)))
    assert found is not None
    assert found.share == pytest.approx(1 / 4)
    assert found.luck == pytest.approx(
        1 / 2 * 5 / 9
    )  # the second of ten trials is right, given that the first is wrong
    assert found.oracle_luck == pytest.approx(1 - 5 / 10 * 4 / 9)


def test_of_one_trial_no_luck_can_be_told() -> None:
    found = non_nested(Bench.of(label_all(HALVES, LADDER)))
    assert found is not None
    assert (found.luck, found.oracle_luck) == (None, None)


def test_identical_models_do_not_make_known_levels_look_worth_anything() -> None:
    rng, could = np.random.default_rng(0), 0
    for _ in range(40):
        chances = np.repeat(rng.beta(0.5, 0.5, (100, 1)), 2, axis=1)
        counts = [task(n, *row, trials=5) for n, row in enumerate(rng.binomial(5, chances).tolist())]
        bench = Bench.of(label_all(counts, LADDER))
        played = play(bench, roster(bench.setting("tier")))
        made = assess(played, score_policies(played))
        assert made is not None
        could += made.finding == "pays"
    assert could <= 4
