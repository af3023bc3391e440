"""Policies: what each chooses, against a person with a pencil or a brute force."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels.rules import Rule
from pytest_complexity.policies import Case, RouterPolicy, Setting
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import Assignment, cross_fitted, known_levels
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.policies.utility import Utility

NAMES = ("a", "b", "c")
RATES, COSTS = [0.1, 0.2, 0.3], [1.0, 10.0, 100.0]
ASSIGNED = [
    *(("complexitynet", level, index) for level, index in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]),
    *(("tier", level, index) for level, index in [(1, 0), (2, 1), (3, 2)]),
]


def sure_of(level: int) -> Prediction:
    return Prediction((0.0, 0.0, 0.0), tuple(float(k == level) for k in range(1, 6)))


def assigned(rule: str) -> Assignment:
    return Assignment(Rule.named(rule, 3).assignment)


@pytest.mark.parametrize(("rule", "level", "index"), ASSIGNED)
def test_a_predicted_level_is_assigned_to_the_papers_model(rule: str, level: int, index: int) -> None:
    for known in (None, 1, 3):  # the task's own level is not looked at
        case = Case(RATES, COSTS, known, sure_of(level))
        assert RouterPolicy(assigned(rule)).decide(case).solved == RATES[index]


def task(successes: tuple[int, ...], trials: tuple[int, ...]) -> TaskCounts:
    names = NAMES[: len(trials)]
    counts = dict(zip(names, trials, strict=True)), dict(zip(names, successes, strict=True))
    return TaskCounts("s", "T/1", "text", *counts, max(trials))


@settings(max_examples=40)
@given(
    st.lists(st.integers(2, 3).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=3, max_size=3),
    st.sampled_from(["complexitynet", "tier", "tier@1/2"]),
)
def test_a_known_level_is_the_mean_over_every_trial_left_out(counts: list[tuple[int, int]], name: str) -> None:
    rule = Rule.named(name, 3)
    shares, solved, draws = [Fraction(0)] * 3, Fraction(0), 0
    trials = [[True] * right + [False] * (of - right) for right, of in counts]
    for left_out in itertools.product(*(range(len(each)) for each in trials)):
        others = [each[:k] + each[k + 1 :] for each, k in zip(trials, left_out, strict=True)]
        level = None
        if any(map(any, others)):
            level = rule.function([Fraction(sum(each), len(each)) for each in others])
        index = 2 if level is None else rule.assignment[level - 1]
        shares[index] += 1
        solved += trials[index][left_out[index]]
        draws += 1
    decision = cross_fitted(task(*zip(*counts, strict=True)), NAMES, rule)
    assert decision.solved == pytest.approx(float(solved / draws))
    assert decision.shares == pytest.approx([float(each / draws) for each in shares])


def test_one_trial_can_make_a_level_or_test_it_but_not_both() -> None:
    rule = Rule.named("tier", 2)
    for trials, names in (((1, 5), []), ((2, 5), ["assignment"]), ((0, 0), [])):
        setting = Setting(NAMES[:2], rule, [task((0, 0), trials)], [Case([0.0, 0.0], COSTS[:2])])
        assert [policy.name for policy in known_levels(setting)] == names


def test_a_few_tasks_with_one_trial_go_to_the_last_model() -> None:
    tasks = [task((2, 2), (2, 2))] * 19 + [task((1, 1), (1, 2))]
    cases = [Case([1.0, 1.0], COSTS[:2], number=number) for number in range(20)]
    (policy,) = known_levels(Setting(NAMES[:2], Rule.named("tier", 2), tasks, cases))
    assert policy.decide(cases[0]).shares == [1.0, 0.0]
    assert policy.decide(cases[19]).shares == [0.0, 1.0]


def test_a_prompt_without_a_prediction_goes_to_the_last_model() -> None:
    assert RouterPolicy(assigned("tier")).decide(Case(RATES, COSTS, 1)).shares == [0.0, 0.0, 1.0]


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
        *(RouterPolicy(each) for each in (Assignment(range(models)), CheapestAdequate(0.5), Utility(costs, 10))),
    ):
        decision = policy.decide(case)
        assert sum(decision.shares) == pytest.approx(1)
        assert decision.solved <= oracle.solved + 1e-9
    assert sum(oracle.shares) == pytest.approx(1)
