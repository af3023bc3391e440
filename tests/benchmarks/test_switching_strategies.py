"""Strategies beside the exact plans: none breaks the rules, none beats the clairvoyant."""

from __future__ import annotations

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
from switching_strategies import Planned, Strategy, predicted

from pytest_complexity.calls.switching import STOP, Attempt, DecisionProblem
from pytest_complexity.calls.switching.belief import Belief
from pytest_complexity.calls.switching.planning import Planner
from pytest_complexity.core.arrays import Floats

KINDS = 4


@st.composite
def beliefs(draw: st.DrawFn, models: int = 2) -> Belief:
    def shares(*shape: int) -> Floats:
        size = int(np.prod(shape))
        return np.array(draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))).reshape(shape)

    weights = shares(KINDS) + 0.01
    return Belief(weights / weights.sum(), shares(KINDS, models), shares(KINDS, models, 2))


def correlated(tasks: int = 300, trials: int = 5) -> Floats:
    """Two models on easy, hard and hopeless tasks; T x K x 2 x 2 with a check that sees all."""
    random = np.random.default_rng(0)
    rates = np.array([[0.9, 0.95], [0.2, 0.8], [0.02, 0.05]])[random.integers(0, 3, tasks)]
    signals = np.zeros((tasks, 2, 2, 2))
    signals[:, :, 1, 1] = random.binomial(trials, rates)
    signals[:, :, 0, 0] = trials - signals[:, :, 1, 1]
    return signals


@settings(max_examples=10, deadline=None)
@given(beliefs(3), st.floats(0, 0.5), st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 2**31))
def test_no_episode_passes_its_budget(belief: Belief, price: float, budget: int | None, seed: int) -> None:
    rules = DecisionProblem((0.1, 0.4, 1.0), (3, 3, 3), price, 6, budget)
    random = np.random.default_rng(seed)
    signals = random.integers(0, 3, (8, 3, 2, 2)).astype(float) + np.array([2, 0])  # more attempts than caps
    worlds = [[World(each, random) for _ in range(5)] for each in signals]
    strategies: list[Strategy] = [Planned(belief, rules), RandomSwitching(rules, 0.5), tuned_cascade(signals, rules)]
    for strategy in strategies:
        for episodes in play_all(strategy, rules, worlds):
            for episode in episodes:
                assert sum(episode.calls) <= rules.horizon
                assert budget is None or sum(episode.calls[1:]) <= budget


def test_what_a_text_says_moves_the_belief() -> None:
    belief = Belief.fit(correlated())
    easy, hard = predicted(belief, [0.9, 0.95], 3), predicted(belief, [0.05, 0.05], 3)
    assert easy.weights @ belief.chances[:, 0] > belief.weights @ belief.chances[:, 0]
    assert hard.weights @ belief.chances[:, 0] < belief.weights @ belief.chances[:, 0]
    assert np.allclose(predicted(belief, [0.9, 0.95], 0).weights, belief.weights)


@pytest.mark.parametrize("budget", [None, 1])
def test_learning_comes_to_what_exact_planning_says(budget: int | None) -> None:
    belief = Belief(np.array([0.5, 0.5]), np.array([[0.8, 0.9], [0.1, 0.6]]), np.array([[[0.0, 1.0]] * 2] * 2))
    rules = DecisionProblem((0.1, 1.0), (2, 2), 0.3, 3, budget)
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
    rules = DecisionProblem((0.1, 1.0), (9, 9), 0.2, 9)
    caps = signals.sum((2, 3))[0]
    small, large = min(small, int(caps[0])), min(large, int(caps[1]))
    random = np.random.default_rng(0)
    cascade = Cascade((small, large))
    episodes = [play(cascade, rules, 0, World(signals[0], random)) for _ in range(800)]
    found = np.mean([each.solved - rules.price * each.cost(rules) for each in episodes])
    assert cascade_reward(signals, rules, cascade.steps) == pytest.approx(found, abs=0.08)


def test_the_clairvoyant_is_never_worse() -> None:
    signals, random = correlated(60), np.random.default_rng(1)
    rules = DecisionProblem((0.1, 1.0), (5, 5), 0.2, 6)
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
        play(
            always(1, 2),
            DecisionProblem((0.1, 1.0), (1, 1), 0.1, 2, budget=0),
            0,
            World(signals, np.random.default_rng(0)),
        )
