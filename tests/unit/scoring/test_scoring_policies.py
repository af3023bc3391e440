"""Scores of policies against hand-worked values, and what must hold for any counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tallies import counted

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.intervals import share_interval
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.labels import label_all
from pytest_complexity.policies.adequate import CheapestAdequate
from pytest_complexity.policies.registry import roster
from pytest_complexity.policies.utility import Utility
from pytest_complexity.scoring.policies import Bench, PolicyScore, controls, play, score_policies


def bench(counts: Sequence[TaskCounts], rule: str | None = None, chances: Sequence[Sequence[float]] = ()) -> Bench:
    predictions = [Prediction(tuple(each), (1.0,)) for each in chances] or None
    return Bench.of(label_all(counts, list(counts[0].trials), rule), predictions)


def scored(made: Bench, *routers: CheapestAdequate | Utility, rule: str = "tier") -> dict[str, PolicyScore]:
    played = play(made, roster(made.setting(rule, routers)))
    blind = play(made, controls(played, played.policies[0].name))
    return {**score_policies(played).scores, **score_policies(blind).scores}


HAND = counted([(2, 2), (2, 2)], [(0, 2), (1, 2)], [(2, 2), (0, 0)], planned=2)


def test_policies_against_hand_worked_values() -> None:
    scores = scored(bench(HAND))
    # The third task has no trial of the last model, and counts for none of them.
    worked = {
        # Level 1 to small. The second task: with the success left out no level, so the last, which is right then;
        # else level 2 by the other trial, so the last too, which is wrong then.
        "assignment": (0.75, 5.5, 0.45),
        "always-small": (0.5, 1.0, 0.9),
        "always-large": (0.75, 10.0, 0.0),
        "oracle": (0.75, 3.25, 0.675),  # 1; and half of 10 plus half of 1
        "random": (0.625, 5.5, 0.45),
        "shuffled": (0.625, 5.5, 0.45),  # the assignment's halves, blindly
        "zero-router": (0.625, 5.5, 0.45),  # half way from (1, 0.5) to (10, 0.75)
    }
    assert list(scores) == list(worked)
    for name, expected in worked.items():
        score = scores[name]
        assert (score.accuracy, score.cost, score.saving) == pytest.approx(expected), name
    assert scores["always-large"].saving_ci == (0.0, 0.0)
    assert scores["oracle"].accuracy_ci == share_interval([1.0, 0.5])


def test_regret_gain_and_what_lies_over_the_zero_router_are_differences_of_those() -> None:
    scores = scored(bench(HAND))
    assert scores["always-small"].regret == pytest.approx(0.25)
    assert scores["always-small"].gain == pytest.approx(-0.25)  # the best single model is large
    assert scores["assignment"].over_zero == pytest.approx(0.125)
    for name in ("always-small", "always-large", "zero-router"):
        assert scores[name].over_zero == pytest.approx(0, abs=1e-12)
    assert scores["always-large"].gain_p == 1.0


def test_costs_that_were_recorded_count_and_a_task_without_takes_its_models_mean() -> None:
    known = [{"small": 0.1, "large": 2.0}, {"small": 0.3, "large": 4.0}, {"large": 3.0}]
    made = bench(counted([(1, 1), (1, 1)], [(1, 1), (1, 1)], [(1, 1), (1, 1)], planned=1, costs=known))
    assert made.cost_unit == "usd"
    assert [case.costs for case in made.cases] == [[0.1, 2.0], [0.3, 4.0], [pytest.approx(0.2), 3.0]]


def test_where_one_models_costs_are_not_known_none_counts() -> None:
    made = bench(counted([(1, 1), (1, 1)], planned=1, costs=[{"small": 0.1}]))
    assert made.cost_unit == "unit"
    assert made.cases[0].costs == [1.0, 10.0]


def test_the_saving_is_that_of_the_sums_not_the_mean_of_the_savings() -> None:
    known = [{"small": 1.0, "large": 2.0}, {"small": 1.0, "large": 8.0}]
    made = bench(counted([(1, 1), (1, 1)], [(1, 1), (1, 1)], planned=1, costs=known))
    assert scored(made)["always-small"].saving == pytest.approx(1 - 2 / 10)


def test_where_the_last_model_costs_nothing_there_is_no_saving_and_no_number_in_its_place() -> None:
    free = [{"small": 0.0, "large": 0.0}] * 2
    score = scored(bench(counted([(1, 1), (0, 1)], [(0, 1), (1, 1)], planned=1, costs=free)))["always-small"]
    assert (score.cost, score.saving, score.saving_ci) == (0.0, None, None)


def test_a_router_is_judged_first_and_its_controls_have_its_cost_and_shares() -> None:
    counts = counted(*[[(1, 1), (1, 1)], [(0, 1), (1, 1)]] * 10, planned=1)
    made = bench(counts, chances=[(0.9, 0.9), (0.1, 0.9)] * 10)
    scores = scored(made, CheapestAdequate(0.5), Utility([1.0, 10.0], 50.0))
    assert list(scores)[:3] == ["cheapest-adequate", "utility", "always-small"]  # one trial tests no level
    assessed = scores["cheapest-adequate"]
    assert (assessed.accuracy, assessed.cost, assessed.regret) == (1.0, 5.5, 0.0)
    assert assessed.shares == {"small": 0.5, "large": 0.5}
    for control in ("shuffled", "zero-router"):
        assert scores[control].cost == pytest.approx(5.5)
        assert scores[control].accuracy == pytest.approx(0.75)
    assert assessed.over_zero == pytest.approx(0.25)
    assert assessed.over_zero_ci is not None
    assert assessed.over_zero_ci[0] > 0.1


counts_of_three = st.lists(
    st.lists(st.integers(0, 5).map(lambda n: (n, 5)), min_size=3, max_size=3), min_size=1, max_size=6
)


@settings(max_examples=30)
@given(counts_of_three, st.sampled_from(["complexitynet", "tier"]))
def test_no_policy_solves_more_than_the_oracle_and_every_interval_holds_its_point(
    rows: list[list[tuple[int, int]]], rule: str
) -> None:
    scores = scored(bench(counted(*rows), rule), rule=rule)
    assert scores["always-huge"].saving == 0
    assert scores["always-small"].saving == pytest.approx(0.99)
    for score in scores.values():
        assert score.regret is not None
        assert score.regret >= -1e-12
        for name in ("accuracy", "cost", "saving", "regret", "gain", "over_zero"):
            low, high = getattr(score, f"{name}_ci")
            assert low <= getattr(score, name) <= high
        assert score.shares is not None
        assert sum(score.shares.values()) == pytest.approx(1)


def test_without_a_case_nothing_is_known_of_a_policy() -> None:
    scores = scored(bench(counted([(0, 0), (1, 1)])))
    assert scores["oracle"] == PolicyScore("informed")
    assert scores["always-small"].accuracy is None
