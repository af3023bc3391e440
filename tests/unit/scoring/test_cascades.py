"""Cascades on recorded trials: the exact expectation against every order of the trials, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_complexity.calls.cascade import STOP, Attempt, Plan, Stage
from pytest_complexity.core.counts import counts_of
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.labels import label_all
from pytest_complexity.scoring.cascades import Odds, Trials, Tuning, check_score, fixed, folds, trials_of
from pytest_complexity.scoring.policies import Bench

LADDER = ("small", "large", "huge")
Trial = tuple[bool, bool, float]  # passed the check, right, cost


def bench_of(tasks: Sequence[Sequence[Sequence[Trial]]], checked: Sequence[bool]) -> tuple[Bench, list[Outcome]]:
    """Tasks as the trials of each model."""
    outcomes = [
        Outcome(
            "s",
            f"T/{number}",
            model,
            trial,
            Verdict.PASS if right else Verdict.WRONG,
            visible=passed if checked[number] else None,
            cost_usd=cost,
        )
        for number, task in enumerate(tasks)
        for model, trials in zip(LADDER, task, strict=False)
        for trial, (passed, right, cost) in enumerate(trials)
    ]
    ladder = LADDER[: len(tasks[0])]
    planned = max(len(trials) for task in tasks for trials in task)
    texts = {("s", f"T/{number}"): f"task {number}" for number in range(len(tasks))}
    return Bench.of(label_all(counts_of(outcomes, ladder, planned, texts), ladder, "tier")), outcomes


def walked(plan: Plan, order: Sequence[Sequence[Trial]]) -> tuple[bool, float, int, int]:
    """Solved, cost, calls and the stage it ends at, with the trials of each model in this order."""
    attempts: list[Attempt] = []
    taken: list[Trial] = []
    left = [list(trials) for trials in order]
    while (model := plan.act(attempts)) != STOP:
        trial = left[model].pop(0)
        attempts.append(Attempt(model, trial[0]))
        taken.append(trial)
    stage = [stage.model for stage in plan.stages].index(attempts[-1].model)
    return taken[plan.answer(attempts)][1], sum(trial[2] for trial in taken), len(taken), stage


trial_lists = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from([1.0, 2.0, 7.0])), min_size=3, max_size=4
)
plans_of_two = st.sampled_from(["1", "111", "12", "112", "21", "1122", "2221", "11222/last"])


@settings(max_examples=60)
@given(st.tuples(trial_lists, trial_lists), plans_of_two)
def test_a_plan_comes_to_its_mean_over_every_order_of_the_trials(
    trials: tuple[list[Trial], list[Trial]], text: str
) -> None:
    plan = Plan.parse(text, 2)
    bench, outcomes = bench_of([trials], [True])
    found = trials_of(bench, outcomes)
    assert found is not None
    expected = Odds(found, 3).of(plan)
    orders = itertools.product(*(list(itertools.permutations(each)) for each in trials))
    each = [walked(plan, order) for order in orders]
    stages = [[float(stage == place) for place in range(len(plan.stages))] for *_, stage in each]
    assert expected.solved[0] == pytest.approx(np.mean([solved for solved, *_ in each]))
    assert expected.cost[0] == pytest.approx(np.mean([cost for _, cost, *_ in each]))
    assert expected.calls[0] == pytest.approx(np.mean([calls for _, _, calls, _ in each]))
    assert expected.ended[0] == pytest.approx(np.mean(stages, axis=0))


@settings(max_examples=60)
@given(st.lists(st.tuples(trial_lists, trial_lists), min_size=2, max_size=4), plans_of_two, st.data())
def test_a_task_that_shows_nothing_gets_one_call_of_the_model_that_the_plan_names(
    tasks: list[tuple[list[Trial], list[Trial]]], text: str, data: st.DataObject
) -> None:
    checked = [True, *(data.draw(st.booleans()) for _ in tasks[1:])]
    plan = Plan.parse(text, 2)
    bench, outcomes = bench_of(tasks, checked)
    found = trials_of(bench, outcomes)
    assert found is not None
    expected = Odds(found, 3).of(plan)
    model = plan.stages[-1 if text.endswith("/last") else 0].model
    for row, task in enumerate(tasks):
        if not checked[row]:
            assert expected.solved[row] == pytest.approx(np.mean([right for _, right, _ in task[model]]))
            assert expected.cost[row] == pytest.approx(np.mean([cost for *_, cost in task[model]]))
            assert expected.calls[row] == 1


def test_a_model_with_fewer_trials_than_the_plan_has_calls_gives_way_to_the_next() -> None:
    bench, outcomes = bench_of([[[(False, False, 1.0)], [(True, True, 5.0)] * 3]], [True])
    found = trials_of(bench, outcomes)
    assert found is not None
    expected = Odds(found, 3).of(Plan.parse("1112", 2))
    assert (expected.solved[0], expected.cost[0], expected.calls[0]) == (1.0, 6.0, 2.0)


def test_without_any_visible_check_there_is_no_cascade() -> None:
    bench, outcomes = bench_of([[[(True, True, 1.0)], [(True, True, 5.0)]]], [False])
    assert trials_of(bench, outcomes) is None


def of(counts: Sequence[Sequence[Sequence[Sequence[float]]]]) -> Trials:
    array = np.array(counts, float)
    return Trials(array, np.ones(array.shape[:3]), np.ones(len(array), bool))


def test_the_quality_of_the_check_is_that_of_a_test_with_two_results() -> None:
    # Of ten answers: 3 wrong that failed, 1 right that failed, 2 wrong that passed, 4 right that passed.
    score = check_score(of([[[[3, 1], [2, 4]]]]))
    assert (score.answers, score.precision, score.recall) == (10, 4 / 6, 4 / 5)
    # The chance that a right one ranks above a wrong one: 20 of 25 x 5 pairs by hand.
    pairs = [(right, wrong) for right in [0] + [1] * 4 for wrong in [0] * 3 + [1] * 2]
    assert score.auroc == pytest.approx(np.mean([(r > w) + (r == w) / 2 for r, w in pairs]))


def test_where_all_answers_are_right_nothing_can_be_told_apart() -> None:
    score = check_score(of([[[[0, 0], [0, 4]]]]))
    assert (score.precision, score.recall, score.auroc) == (1, 1, None)


def test_known_asks_the_deciding_tests() -> None:
    known = of([[[[3, 1], [2, 4]]]]).known()
    assert known.counts[0, 0].tolist() == [[5, 0], [0, 5]]


def test_the_fixed_plan_is_cut_to_the_trials_there_are_and_says_which_it_wanted() -> None:
    one = [(True, True, 1.0)]
    bench, outcomes = bench_of([[one, one, one]] * 2, [True, True])
    found = trials_of(bench, outcomes)
    assert found is not None
    cascade, best, known = fixed(bench, found)
    assert (str(cascade.plan), str(cascade.wanted), cascade.name) == ("23", "2223", "cascade")
    assert (str(best.plan), str(best.wanted), best.name) == ("2", "2222", "best-of-N")
    assert (known.kind, known.name) == ("informed", "cascade-known")


def test_near_duplicates_share_a_fold() -> None:
    groups = np.repeat(np.arange(25), 3)
    fold = folds(groups)
    assert fold is not None
    assert all(len(set(fold[groups == group].tolist())) == 1 for group in range(25))
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}
    assert folds(np.arange(19)) is None


def test_the_tuned_plan_never_sees_the_task_that_it_is_used_on() -> None:
    """Changing one task changes what the plan of its own fold comes to, and no plan for its own fold."""
    random = np.random.default_rng(3)
    tasks = [
        [[(bool(p), bool(p), float(10**k)) for p in random.random(3) < 0.3 + 0.2 * k] for k in range(3)]
        for _ in range(40)
    ]
    flipped = [[[(not p, not r, c) for p, r, c in trials] for trials in tasks[0]], *tasks[1:]]
    groups, chosen = np.arange(40), []
    for some in (tasks, flipped):
        bench, outcomes = bench_of(some, [True] * 40)
        found = trials_of(bench, outcomes)
        assert found is not None
        tuning = Tuning(bench, found)
        fold = folds(groups)
        assert fold is not None
        outside = (fold != fold[0]).astype(float)
        chosen.append(tuning.best(outside[None] / outside.sum()))
        tuned = tuning.tuned(groups)
        assert tuned is not None
        place = chosen[-1][0]
        assert tuned.expected.solved[0] == tuning.solved[0, place]
    assert chosen[0] == chosen[1]


def test_plans_stand_as_they_are_written() -> None:
    assert Plan.parse("2223", 3) == Plan((Stage(1, 3), Stage(2, 1)))
    assert str(Plan((Stage(1, 1), Stage(10, 2)), "last")) == "2-11-11/last"
