"""Targets: read as written, kept on new tasks, refused where the data cannot support them."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import TargetError
from pytest_complexity.labels import label_all
from pytest_complexity.learning.training.calibration import Calibrated, Target, calibrate, parse_target
from pytest_complexity.scoring.policies import Bench, matrices
from pytest_complexity.scoring.routing_gain import sweep

LADDER, PRICES = ("small", "large"), (1.0, 10.0)


def world(tasks: int, seed: int) -> Bench:
    """Tasks of every difficulty; the predicted chances are right on average, and not for the one task."""
    rng = np.random.default_rng(seed)
    easy = rng.random(tasks)
    large = 0.6 + 0.4 * easy
    counts = [
        TaskCounts(
            "s",
            f"T/{n}",
            "text",
            dict.fromkeys(LADDER, 1),
            {"small": int(rng.random() < easy[n]), "large": int(rng.random() < large[n])},
            1,
        )
        for n in range(tasks)
    ]
    return Bench.of(
        label_all(counts, LADDER), [Prediction((float(a), float(b)), (1.0,)) for a, b in zip(easy, large, strict=True)]
    )


def at(bench: Bench, willingness: float) -> tuple[float, float, float]:
    """Accuracy, cost of a thousand tasks and share of the large model at that willingness."""
    rates, costs = matrices(bench)
    chosen = [
        int(case.prediction.chances[1] - 10 / willingness > case.prediction.chances[0] - 1 / willingness)
        if willingness
        else 0
        for case in bench.cases
        if case.prediction
    ]
    rows = range(len(chosen))
    return rates[rows, chosen].mean(), 1000 * costs[rows, chosen].mean(), float(np.mean(chosen))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("accuracy>=0.8", Target("accuracy>=0.8", "accuracy", 0.8)),
        (" cost <= 2.5 ", Target("cost <= 2.5", "cost", 2.5)),
        ("share(large)<=0.2", Target("share(large)<=0.2", "share", 0.2, "large")),
    ],
)
def test_a_target_is_read_as_it_was_written(text: str, target: Target) -> None:
    assert parse_target(text, LADDER) == target


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "write accuracy>=0.8"),
        ("accuracy=0.8", "write accuracy>=0.8"),
        ("accuracy<=0.8", "accuracy has a least"),
        ("cost>=1", "accuracy has a least"),
        ("accuracy>=80", "between 0 and 1"),
        ("cost<=nan", "from 0 on"),
        ("cost<=cheap", "'cheap' is no number"),
        ("share(huge)<=0.2", "no model 'huge' on the ladder small, large"),
    ],
)
def test_a_target_that_cannot_be_read_is_refused_with_the_forms(text: str, told: str) -> None:
    with pytest.raises(TargetError, match="target ") as caught:
        parse_target(text, LADDER)
    assert told in str(caught.value)


def expected(willingness: float) -> tuple[float, float, float]:
    """The same on every task there may be: the large model is worth its price below some ease of the task."""
    easy = np.linspace(0, 1, 10_001)
    large = willingness > 0 and (0.6 + 0.4 * easy - 10 / willingness > easy - 1 / willingness)
    return np.where(large, 0.6 + 0.4 * easy, easy).mean(), 1000 * np.where(large, 10, 1).mean(), np.mean(large)


@pytest.mark.parametrize("text", ["accuracy>=0.65", "cost<=4000", "share(large)<=0.3"])
def test_a_promise_holds_on_new_tasks_in_19_of_20_calibrations(text: str) -> None:
    target = parse_target(text, LADDER)
    broken = given = 0
    for seed in range(60):
        try:
            accuracy, cost, share = expected(calibrate(world(150, seed), PRICES, target).willingness)
        except TargetError:
            continue
        given += 1
        broken += {"accuracy": accuracy < 0.65, "cost": cost > 4000, "share": share > 0.3}[target.measure]
    assert given > 50
    assert broken <= 7  # 3 are expected at the most; 8 or more of 60 come by chance in 1 of 100 seeds


def test_more_is_asked_of_the_router_than_the_estimate_and_no_more_than_is_needed() -> None:
    bench = world(400, seed=1)
    made = calibrate(bench, PRICES, parse_target("accuracy>=0.7", LADDER))
    assert made.accuracy_ci[0] <= made.accuracy <= made.accuracy_ci[1]
    assert 0.7 < made.accuracy < 0.8
    assert made.cost_ci[0] <= made.cost <= made.cost_ci[1]
    assert 1 < made.cost < 10
    assert sum(made.shares.values()) == pytest.approx(1)
    assert made.tasks == 400
    accuracy, cost, share = at(bench, made.willingness)
    assert (accuracy, cost, share) == pytest.approx((made.accuracy, 1000 * made.cost, made.shares["large"]))


def test_what_to_expect_is_one_sentence() -> None:
    made = Calibrated("cost<=2", 0.5, 0.8, (0.75, 0.85), 0.0015, (0.001, 0.002), {"small": 0.9, "large": 0.1}, 60)
    assert made.sentence("usd") == (
        "calibrated to cost<=2 on 60 tasks: expect 80.0% right (95% 75.0..85.0), $1.5 (1..2) for a thousand tasks; "
        "asked: small 90%, large 10%"
    )


@pytest.mark.parametrize("text", ["accuracy>=0.95", "cost<=900"])
def test_what_the_data_cannot_support_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match=r"the data cannot support it: .* with 95% confidence, on 100 tasks"):
        calibrate(world(100, seed=1), PRICES, parse_target(text, LADDER))


def test_a_share_that_few_tasks_leave_open_is_refused_though_its_estimate_is_none_at_all() -> None:
    # 0 of 30 still allows for 8%.
    with pytest.raises(TargetError, match=r"share 0, at most 0\.08"):
        calibrate(world(30, seed=1), PRICES, parse_target("share(large)<=0.01", LADDER))


def test_too_few_tasks_are_told_as_that() -> None:
    with pytest.raises(TargetError, match="19 tasks to calibrate on are too few"):
        calibrate(world(19, seed=1), PRICES, parse_target("accuracy>=0.1", LADDER))


def test_the_sweep_reaches_both_ends() -> None:
    bench = world(50, seed=1)
    willingness, _ = sweep([case.prediction for case in bench.cases if case.prediction], PRICES)
    assert at(bench, willingness[0])[2] == 0
    assert at(bench, willingness[-1])[2] > 0.9
