"""Policies: what each chooses, against a person with a pencil or a brute force."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.predictions import Prediction
from pytest_complexity.policies import Case, RouterPolicy
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import Assignment, KnownAssignment
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.policies.utility import Utility

RATES, COSTS = [0.1, 0.2, 0.3], [1.0, 10.0, 100.0]
ASSIGNED = [
    *(("complexitynet", level, index) for level, index in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]),
    *(("tier", level, index) for level, index in [(1, 0), (2, 1), (3, 2)]),
]


def sure_of(level: int) -> Prediction:
    return Prediction((0.0, 0.0, 0.0), tuple(float(k == level) for k in range(1, 6)))


@pytest.mark.parametrize(("rule", "level", "index"), [*ASSIGNED, ("complexitynet", None, 2), ("tier", None, 2)])
def test_a_known_level_is_assigned_to_the_papers_model(rule: str, level: int | None, index: int) -> None:
    decision = KnownAssignment(rule).decide(Case(RATES, COSTS, level))
    assert decision.solved == RATES[index]
    assert decision.shares == [float(k == index) for k in range(3)]


@pytest.mark.parametrize(("rule", "level", "index"), ASSIGNED)
def test_a_predicted_level_is_assigned_alike_and_the_known_one_not_looked_at(rule: str, level: int, index: int) -> None:
    for known in (None, 1, 3):
        case = Case(RATES, COSTS, known, sure_of(level))
        assert RouterPolicy(Assignment(rule)).decide(case).solved == RATES[index]


def test_a_prompt_without_a_prediction_goes_to_the_last_model() -> None:
    assert RouterPolicy(Assignment("tier")).decide(Case(RATES, COSTS, 1)).shares == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("threshold", "index"), [(0.0, 0), (0.3, 0), (0.31, 1), (0.8, 1), (0.81, 2), (0.9, 2), (1.0, 2)]
)
def test_cheapest_adequate_asks_the_first_that_reaches_the_threshold_or_the_last(threshold: float, index: int) -> None:
    assert CheapestAdequate(threshold).choose(Prediction((0.3, 0.8, 0.7), (1.0,))) == index


@pytest.mark.parametrize(
    ("willingness", "index"),
    # From the first to the second model: 9 more for half a task more, so from 18 on. To the third: 90 for 0.1, 900.
    [(0, 0), (17.9, 0), (18.1, 1), (899, 1), (901, 2), (math.inf, 2)],
)
def test_utility_asks_a_dearer_model_when_its_gain_is_worth_the_price(willingness: float, index: int) -> None:
    assert Utility(COSTS, willingness).choose(Prediction((0.3, 0.8, 0.9), (1.0,))) == index


def test_utility_takes_the_first_of_models_alike_and_the_cheapest_whatever_its_place() -> None:
    assert Utility(COSTS, math.inf).choose(Prediction((0.5, 0.5, 0.5), (1.0,))) == 0
    assert Utility([10.0, 1.0], 0).choose(Prediction((0.9, 0.1), (1.0,))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 5, 10, 100, 1000])), min_size=1, max_size=4),
)
def test_the_oracle_is_the_expectation_over_every_joint_draw(models: list[tuple[int, int]]) -> None:
    solved = cost = Fraction(0)
    for draw in itertools.product([False, True], repeat=len(models)):
        chance = Fraction(1)
        for right, (fifth, _) in zip(draw, models, strict=True):
            chance *= Fraction(fifth, 5) if right else 1 - Fraction(fifth, 5)
        answering = [price for right, (_, price) in zip(draw, models, strict=True) if right]
        solved += chance * any(draw)
        cost += chance * min(answering or [price for _, price in models])
    prices = [float(price) for _, price in models]
    decision = Oracle().decide(Case([n / 5 for n, _ in models], prices))
    paid = sum(share * price for share, price in zip(decision.shares, prices, strict=True))
    assert (decision.solved, paid) == pytest.approx((float(solved), float(cost)))


rates = st.lists(st.floats(0, 1), min_size=1, max_size=5)


@given(rates, st.data())
def test_shares_add_up_to_1_and_no_policy_solves_more_than_the_oracle(solved: list[float], data: st.DataObject) -> None:
    models = len(solved)
    costs = data.draw(st.lists(st.floats(0, 100), min_size=models, max_size=models))
    chances = tuple(data.draw(st.lists(st.floats(0, 1), min_size=models, max_size=models)))
    level = data.draw(st.integers(1, models) | st.none())
    case = Case(solved, costs, level, Prediction(chances, tuple([1 / models] * models)))
    oracle = Oracle().decide(case)
    for policy in (
        *(Always("x", index) for index in range(models)),
        Mix("random", [1 / models] * models),
        KnownAssignment("tier"),
        *(RouterPolicy(each) for each in (Assignment("tier"), CheapestAdequate(0.5), Utility(costs, 10))),
    ):
        decision = policy.decide(case)
        assert sum(decision.shares) == pytest.approx(1)
        assert decision.solved <= oracle.solved + 1e-9
    assert sum(oracle.shares) == pytest.approx(1)
