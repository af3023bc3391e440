"""LONDI's invariants, exact planning against learning and simulation, and beliefs that failures lower."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switching_strategies import outlook

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.belief import Belief, signals_of_counts, signals_of_outcomes
from pytest_complexity.calls.switching.planning import Planner, histories
from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Outcome, Verdict

KINDS = 4


@st.composite
def beliefs(draw: st.DrawFn, models: int = 2) -> Belief:
    def shares(*shape: int) -> Floats:
        size = int(np.prod(shape))
        return np.array(draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))).reshape(shape)

    weights = shares(KINDS) + 0.01
    return Belief(weights / weights.sum(), shares(KINDS, models), shares(KINDS, models, 2))


def problem(price: float, budget: int | None = None, horizon: int = 4) -> DecisionProblem:
    """LONDI's own: the first model costs nothing."""
    return DecisionProblem((0.0, 1.0), (3, 3), price, horizon, budget)


PRICES = st.floats(0, 2)
COMMON = settings(max_examples=25, deadline=None)


@COMMON
@given(beliefs())
def test_a_call_beyond_price_is_never_made(belief: Belief) -> None:
    assert outlook(Planner(belief, problem(1e9)).plan()).calls[1] == 0


@COMMON
@given(beliefs())
def test_free_calls_are_worth_as_much_as_any_model_always(belief: Belief) -> None:
    best = (belief.weights @ belief.chances).max()
    assert Planner(belief, problem(0)).plan().value >= best - 1e-9


@COMMON
@given(beliefs(), PRICES, PRICES)
def test_calls_of_the_large_model_do_not_rise_with_their_price(belief: Belief, one: float, other: float) -> None:
    cheap, dear = (outlook(Planner(belief, problem(price)).plan()) for price in sorted((one, other)))
    # The tie between equal actions is broken at 1e-12, which a price may turn into as little.
    assert dear.calls[1] <= cheap.calls[1] + 1e-6 or abs(one - other) < 1e-9


@COMMON
@given(beliefs(3), PRICES, PRICES)
def test_what_three_models_cost_does_not_rise_with_the_price(belief: Belief, one: float, other: float) -> None:
    rules = DecisionProblem((0.1, 0.4, 1.0), (2, 2, 2), 0, 4)
    cheap, dear = (outlook(Planner(belief, replace(rules, price=each)).plan()) for each in sorted((one, other)))
    assert dear.cost <= cheap.cost + 1e-6 or abs(one - other) < 1e-9


@COMMON
@given(beliefs(), PRICES)
def test_value_does_not_fall_with_the_budget_and_one_as_long_as_the_game_is_none(belief: Belief, price: float) -> None:
    values = [Planner(belief, problem(price, budget)).plan().value for budget in range(5)]
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(values))
    assert values[-1] == Planner(belief, problem(price)).plan().value


@COMMON
@given(beliefs(), PRICES)
def test_the_value_is_what_following_the_plan_comes_to(belief: Belief, price: float) -> None:
    plan = Planner(belief, problem(price)).plan()
    found = outlook(plan)
    assert plan.value == pytest.approx(found.solved - price * found.cost, abs=1e-9)
    assert found.cost == pytest.approx(found.calls[1])


@COMMON
@given(beliefs(), PRICES)
def test_it_switches_exactly_where_switching_attains_the_maximum(belief: Belief, price: float) -> None:
    plan = Planner(belief, problem(price)).plan()
    best = plan.values.max(1)
    chosen = plan.values[np.arange(len(best)), plan.action]
    assert np.allclose(chosen, best, atol=1e-11)


def correlated(tasks: int = 300, trials: int = 5) -> Floats:
    """Two models on easy, hard and hopeless tasks; T x K x 2 x 2 with a check that sees all."""
    random = np.random.default_rng(0)
    rates = np.array([[0.9, 0.95], [0.2, 0.8], [0.02, 0.05]])[random.integers(0, 3, tasks)]
    signals = np.zeros((tasks, 2, 2, 2))
    signals[:, :, 1, 1] = random.binomial(trials, rates)
    signals[:, :, 0, 0] = trials - signals[:, :, 1, 1]
    return signals


def test_a_failure_of_the_small_model_lowers_the_large_ones_odds_and_hopeless_tasks_are_given_up() -> None:
    belief = Belief.fit(correlated())
    plan = Planner(belief, DecisionProblem((0.1, 1.0), (5, 5), 0.2, 8)).plan()
    numbers = histories((5, 5), 8)
    failures = [[Attempt(0, False)] * times for times in range(4)]
    odds = [plan.shows[numbers.number(each), 1] for each in failures]
    assert odds == sorted(odds, reverse=True)
    assert odds[1] < odds[0] - 0.1
    path: list[Attempt] = []
    while (action := plan.act(path)) != STOP:
        path.append(Attempt(action, False))
    assert 1 <= len(path) < 8


def test_a_fitted_belief_has_the_rates_that_the_tasks_were_drawn_from() -> None:
    belief = Belief.fit(correlated(2000, 10), kinds=3)
    found = belief.chances[np.argsort(belief.chances[:, 0])]
    assert np.allclose(found, [[0.02, 0.05], [0.2, 0.8], [0.9, 0.95]], atol=0.05)


def test_a_noisy_check_is_believed_as_far_as_it_has_earned() -> None:
    signals = np.zeros((50, 1, 2, 2))
    signals[:, 0] = [[6, 1], [1, 2]]  # of three that showed two are right, of seven that did not one
    belief = Belief.fit(signals)
    assert np.allclose(belief.right[:, 0], [1 / 7, 2 / 3], atol=0.02)
    assert np.allclose(belief.shows[:, 0], 0.3, atol=0.02)


def test_a_plan_hands_in_the_likeliest_attempt() -> None:
    """The small model's check says little, the large one is nearly always right even where its check failed."""
    belief = Belief(np.ones(1), np.array([[0.5, 0.5]]), np.array([[[0.1, 0.3], [0.8, 0.9]]]))
    plan = Planner(belief, DecisionProblem((0.0, 0.01), (1, 1), 1.0, 2)).plan()
    attempts = [Attempt(0, True), Attempt(1, False)]
    assert plan.answer(attempts) == 1
    assert plan.values.max(1)[0] == pytest.approx(0.85 - 0.01)


def test_signals_count_attempts_by_check_and_truth() -> None:
    task = TaskCounts("s", "T/1", "", {"a": 3, "b": 3}, {"a": 1, "b": 3}, 3)
    assert signals_of_counts([task], ["a", "b"])[0].tolist() == [[[2, 0], [0, 1]], [[0, 0], [0, 3]]]
    outcomes = [
        Outcome("s", "T/1", "a", 0, Verdict.PASS, visible=True),
        Outcome("s", "T/1", "a", 1, Verdict.WRONG, visible=True),
        Outcome("s", "T/1", "b", 0, Verdict.PASS, visible=False),
        Outcome("s", "T/1", "b", 1, Verdict.PASS),
        Outcome("s", "T/1", "b", 2, Verdict.UNMEASURED, visible=True),
    ]
    found = signals_of_outcomes(outcomes, [("s", "T/1")], ["a", "b"])
    assert found[0].tolist() == [[[0, 0], [1, 1]], [[0, 1], [0, 0]]]
