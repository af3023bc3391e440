"""LONDI's invariants, exact planning against learning and simulation, and beliefs that failures lower."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switching_baselines import (
    Cascade,
    OneShot,
    RandomSwitching,
    always,
    cascade_reward,
    tuned_cascade,
)
from switching_episodes import World, play, play_all
from switching_q_learning import QLearned

from pytest_complexity.calls.switching import STOP, Attempt, Game, Strategy
from pytest_complexity.calls.switching.belief import Belief, Floats, signals_of_counts, signals_of_outcomes
from pytest_complexity.calls.switching.planning import Planned, Planner, histories
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


def game(price: float, budget: int | None = None, horizon: int = 4) -> Game:
    """LONDI's own: the first model costs nothing."""
    return Game((0.0, 1.0), (3, 3), price, horizon, budget)


PRICES = st.floats(0, 2)
COMMON = settings(max_examples=25, deadline=None)


@COMMON
@given(beliefs())
def test_a_call_beyond_price_is_never_made(belief: Belief) -> None:
    assert Planner(belief, game(1e9)).plan().outlook().calls[1] == 0


@COMMON
@given(beliefs())
def test_free_calls_are_worth_as_much_as_any_model_always(belief: Belief) -> None:
    best = (belief.weights @ belief.chances).max()
    assert Planner(belief, game(0)).plan().value >= best - 1e-9


@COMMON
@given(beliefs(), PRICES, PRICES)
def test_calls_of_the_large_model_do_not_rise_with_their_price(belief: Belief, one: float, other: float) -> None:
    cheap, dear = (Planner(belief, game(price)).plan().outlook() for price in sorted((one, other)))
    # The tie between equal actions is broken at 1e-12, which a price may turn into as little.
    assert dear.calls[1] <= cheap.calls[1] + 1e-6 or abs(one - other) < 1e-9


@COMMON
@given(beliefs(3), PRICES, PRICES)
def test_what_three_models_cost_does_not_rise_with_the_price(belief: Belief, one: float, other: float) -> None:
    rules = Game((0.1, 0.4, 1.0), (2, 2, 2), 0, 4)
    cheap, dear = (Planner(belief, replace(rules, price=each)).plan().outlook() for each in sorted((one, other)))
    assert dear.cost <= cheap.cost + 1e-6 or abs(one - other) < 1e-9


@COMMON
@given(beliefs(), PRICES)
def test_value_does_not_fall_with_the_budget_and_one_as_long_as_the_game_is_none(belief: Belief, price: float) -> None:
    values = [Planner(belief, game(price, budget)).plan().value for budget in range(5)]
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(values))
    assert values[-1] == Planner(belief, game(price)).plan().value


@COMMON
@given(beliefs(), PRICES)
def test_the_value_is_what_following_the_plan_comes_to(belief: Belief, price: float) -> None:
    plan = Planner(belief, game(price)).plan()
    outlook = plan.outlook()
    assert plan.value == pytest.approx(outlook.solved - price * outlook.cost, abs=1e-9)
    assert outlook.cost == pytest.approx(outlook.calls[1])


@COMMON
@given(beliefs(), PRICES)
def test_it_switches_exactly_where_switching_attains_the_maximum(belief: Belief, price: float) -> None:
    plan = Planner(belief, game(price)).plan()
    best = plan.values.max(1)
    chosen = plan.values[np.arange(len(best)), plan.action]
    assert np.allclose(chosen, best, atol=1e-11)


@settings(max_examples=10, deadline=None)
@given(beliefs(3), st.floats(0, 0.5), st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 2**31))
def test_no_episode_passes_its_budget(belief: Belief, price: float, budget: int | None, seed: int) -> None:
    rules = Game((0.1, 0.4, 1.0), (3, 3, 3), price, 6, budget)
    random = np.random.default_rng(seed)
    signals = random.integers(0, 3, (8, 3, 2, 2)).astype(float) + np.array([2, 0])  # more attempts than caps
    worlds = [[World(each, random) for _ in range(5)] for each in signals]
    strategies: list[Strategy] = [Planned(belief, rules), RandomSwitching(rules, 0.5), tuned_cascade(signals, rules)]
    for strategy in strategies:
        for episodes in play_all(strategy, rules, worlds):
            for episode in episodes:
                assert sum(episode.calls) <= rules.horizon
                assert budget is None or sum(episode.calls[1:]) <= budget


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
    plan = Planner(belief, Game((0.1, 1.0), (5, 5), 0.2, 8)).plan()
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
    plan = Planner(belief, Game((0.0, 0.01), (1, 1), 1.0, 2)).plan()
    attempts = [Attempt(0, True), Attempt(1, False)]
    assert plan.answer(attempts) == 1
    assert plan.values.max(1)[0] == pytest.approx(0.85 - 0.01)


def test_what_a_text_says_moves_the_belief() -> None:
    belief = Belief.fit(correlated())
    easy, hard = belief.told([0.9, 0.95], 3), belief.told([0.05, 0.05], 3)
    assert easy.weights @ belief.chances[:, 0] > belief.weights @ belief.chances[:, 0]
    assert hard.weights @ belief.chances[:, 0] < belief.weights @ belief.chances[:, 0]
    assert np.allclose(belief.told([0.9, 0.95], 0).weights, belief.weights)


def test_a_belief_survives_its_file() -> None:
    belief = Belief.fit(correlated(50))
    again = Belief.from_json(json.loads(json.dumps(belief.to_json())))
    assert np.array_equal(again.right, belief.right)
    with pytest.raises(ValueError, match="fit together"):
        Belief.from_json({**belief.to_json(), "weights": [1.0]})


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


@pytest.mark.parametrize("budget", [None, 1])
def test_learning_comes_to_what_exact_planning_says(budget: int | None) -> None:
    belief = Belief(np.array([0.5, 0.5]), np.array([[0.8, 0.9], [0.1, 0.6]]), np.array([[[0.0, 1.0]] * 2] * 2))
    rules = Game((0.1, 1.0), (2, 2), 0.3, 3, budget)
    random = np.random.default_rng(0)

    def world() -> World:
        signals = np.zeros((2, 2, 2))
        kind = random.choice(2, p=belief.weights)
        signals[:, 1, 1] = random.binomial(1, belief.shows[kind])  # one attempt each, drawn anew by `draw`
        made = World(signals, random)
        made.draw = lambda model, number: (bool(random.random() < belief.shows[kind, model]),) * 2  # type: ignore[method-assign,assignment]
        return made

    learnt = QLearned(rules).learn([world().draw for _ in range(4000)], 12_000)
    plan = Planner(belief, rules).plan()
    assert learnt.values[0].max() == pytest.approx(plan.value, abs=0.04)
    assert learnt.act(0, []) == plan.act([])
    assert learnt.act(0, [Attempt(0, True)]) == STOP


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(0, 3), st.integers(0, 3))
def test_a_cascades_reward_is_the_mean_over_orders(cells: list[int], small: int, large: int) -> None:
    signals = np.array(cells, float).reshape(1, 2, 2, 2)
    rules = Game((0.1, 1.0), (9, 9), 0.2, 9)
    caps = signals.sum((2, 3))[0]
    small, large = min(small, int(caps[0])), min(large, int(caps[1]))
    random = np.random.default_rng(0)
    cascade = Cascade((small, large))
    episodes = [play(cascade, rules, 0, World(signals[0], random)) for _ in range(800)]
    found = np.mean([each.solved - rules.price * each.cost(rules) for each in episodes])
    assert cascade_reward(signals, rules, cascade.steps) == pytest.approx(found, abs=0.08)


def test_the_clairvoyant_is_never_worse() -> None:
    signals, random = correlated(60), np.random.default_rng(1)
    rules = Game((0.1, 1.0), (5, 5), 0.2, 6)
    worlds = [[World(each, random) for _ in range(5)] for each in signals]

    def reward(strategy: Strategy) -> float:
        return float(
            np.mean(
                [e.solved - rules.price * e.cost(rules) for each in play_all(strategy, rules, worlds) for e in each]
            )
        )

    knowing = [world.cheapest_right(rules) for each in worlds for world in each]
    best = np.mean([each.solved - rules.price * each.cost(rules) for each in knowing])
    chances = np.full((60, 2), 0.5)
    for strategy in (
        Planned(Belief.fit(signals), rules),
        tuned_cascade(signals, rules),
        always(1, 2),
        OneShot(rules, chances),
        RandomSwitching(rules, 0.3),
    ):
        assert reward(strategy) <= best


def test_a_strategy_that_breaks_the_rules_is_told_so() -> None:
    signals = np.ones((2, 2, 2))
    with pytest.raises(ValueError, match="allowed are"):
        play(always(1, 2), Game((0.1, 1.0), (1, 1), 0.1, 2, budget=0), 0, World(signals, np.random.default_rng(0)))
