"""Call policies: every trial is called or skipped, and a lazy run's labels are those of the full one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate_calls import Driven, draw, drive

from pytest_complexity.calls import AllCalls, CallPolicy, Setup
from pytest_complexity.calls.lazy import REASON, Lazy
from pytest_complexity.calls.switching.belief import Belief
from pytest_complexity.calls.switching.policy import HORIZON, Planned, Switching, make_cascade
from pytest_complexity.core.counts import TaskCounts, counts_of
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import PlanError
from pytest_complexity.labels import label_all, open_models
from pytest_complexity.labels.rules import Rule

NAMES = ("tiny", "small", "large", "huge")
RULES = [(3, "complexitynet"), (1, "tier"), (3, "tier"), (4, "tier@3/5"), (2, "tier@1/2")]


def task_of(number: int, successes: Sequence[int], planned: int) -> TaskCounts:
    ladder = NAMES[: len(successes)]
    trials = dict.fromkeys(ladder, planned)
    return TaskCounts("s", f"T/{number}", "text", trials, dict(zip(ladder, successes, strict=True)), planned)


def plan_of(tasks: int, ladder: Sequence[str], planned: int) -> list[Key]:
    return [Key("s", f"T/{n}", model, trial) for n in range(tasks) for model in ladder for trial in range(planned)]


@st.composite
def worlds(draw_: st.DrawFn, models: int) -> tuple[dict[Key, Outcome], int, int]:
    """The outcomes of some tasks, some of them not measured; the number of tasks and of planned trials."""
    planned, tasks = draw_(st.integers(1, 5)), draw_(st.integers(1, 3))
    verdicts = st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.WRONG, Verdict.WRONG, Verdict.UNMEASURED])
    keys = plan_of(tasks, NAMES[:models], planned)
    found = draw_(st.lists(verdicts, min_size=len(keys), max_size=len(keys)))
    return {key: Outcome(*key, verdict=each) for key, each in zip(keys, found, strict=True)}, tasks, planned


def levels(outcomes: Sequence[Outcome], tasks: int, models: int, planned: int, rule: str) -> list[int | None]:
    texts = {("s", f"T/{n}"): "text" for n in range(tasks)}
    counts = counts_of(outcomes, NAMES[:models], planned, texts)
    return [row.level for row in label_all(counts, NAMES[:models], rule).rows]


@pytest.mark.parametrize(("models", "rule"), RULES)
@given(data=st.data())
def test_lazy_labels_are_those_of_the_full_run(models: int, rule: str, data: st.DataObject) -> None:
    world, tasks, planned = data.draw(worlds(models))
    driven = drive(Lazy(list(world), NAMES[:models], planned, rule), world)
    assert levels(driven.outcomes, tasks, models, planned, rule) == levels(
        list(world.values()), tasks, models, planned, rule
    )
    called = [outcome.key for outcome in driven.outcomes]
    assert sorted([*called, *driven.skipped]) == sorted(world)


@pytest.mark.parametrize(("models", "rule"), RULES)
@given(data=st.data())
def test_no_call_is_made_that_could_not_have_changed_the_level(models: int, rule: str, data: st.DataObject) -> None:
    """Before each call some result of the missing trials, and another that differs in its model alone, differ."""
    planned = data.draw(st.integers(1, 3))
    trials = [data.draw(st.integers(0, planned)) for _ in range(models)]
    measured = tuple((data.draw(st.integers(0, n)), n) for n in trials)
    named = Rule.named(rule, models)
    ranges = [range(solved, solved + planned - n + 1) for solved, n in measured]

    def level(successes: Sequence[int]) -> int | None:
        return label_all([task_of(0, successes, planned)], NAMES[:models], rule).rows[0].level

    for index in range(models):
        pairs = (
            (level([*each[:index], low, *each[index + 1 :]]), level(each))
            for each in itertools.product(*ranges)
            for low in [ranges[index][0]]
        )
        differs = any(one != other for one, other in pairs)
        assert (index in open_models(named, measured, planned)) == differs


def test_lazy_asks_the_cheapest_model_that_matters() -> None:
    world = draw([task_of(0, [5, 5, 5], 5), task_of(1, [0, 5, 5], 5), task_of(2, [0, 0, 0], 5)], NAMES[:3], seed=0)
    driven = drive(Lazy(list(world), NAMES[:3], 5, "tier"), world)
    assert [driven.calls(model) for model in NAMES[:3]] == [7, 6, 1]
    assert set(driven.skipped.values()) == {REASON}


def test_lazy_by_the_papers_rule_asks_on_until_a_task_is_known_to_be_hopeless() -> None:
    world = draw([task_of(0, [0, 0, 0], 5)], NAMES[:3], seed=0)
    assert len(drive(Lazy(list(world), NAMES[:3], 5, "complexitynet"), world).outcomes) == 15


def test_a_part_of_the_plan_is_asked_for_and_no_more() -> None:
    world = {key: each for key, each in draw([task_of(0, [5, 5], 5)], NAMES[:2], 0).items() if key.model == "small"}
    driven = drive(Lazy(list(world), NAMES[:2], 5, "tier"), world)
    assert len(driven.outcomes) == 5


@pytest.mark.parametrize("kind", ["all", "lazy"])
def test_the_order_in_which_tasks_answer_changes_nothing(kind: str) -> None:
    counts = [task_of(n, [n % 6, (n * 2) % 6, 5], 5) for n in range(12)]
    world = draw(counts, NAMES[:3], seed=1)

    def policy() -> CallPolicy:
        return AllCalls(list(world)) if kind == "all" else Lazy(list(world), NAMES[:3], 5)

    backwards = _drive_backwards(policy(), world)
    forwards = drive(policy(), world)
    assert {each.key for each in backwards.outcomes} == {each.key for each in forwards.outcomes}
    assert backwards.skipped == forwards.skipped


def _drive_backwards(policy: CallPolicy, world: dict[Key, Outcome]) -> Driven:
    waiting, skipped, outcomes = list(policy.first()), {}, []
    while waiting:
        outcomes.append(world[waiting.pop()])
        step = policy.after(outcomes[-1])
        waiting.extend(step.call)
        skipped.update(step.skip)
    return Driven(tuple(outcomes), skipped)


def switching(world: dict[Key, Outcome], models: int, *, checked: bool = True) -> Switching:
    tasks = frozenset((key.suite, key.task_id) for key in world) if checked else frozenset()
    return Switching(
        list(world), NAMES[:models], Planned(Belief.vague(models)), [10.0**k for k in range(models)], tasks
    )


def test_switching_goes_on_until_a_visible_check_passes_or_no_call_pays() -> None:
    counts = [task_of(0, [2, 2, 2], 2), task_of(1, [0, 0, 2], 2), task_of(2, [0, 0, 0], 2)]
    world = draw(counts, NAMES[:3], seed=0)
    policy = switching(world, 3)
    driven = drive(policy, world)
    asked = {n: [each.model for each in driven.outcomes if each.task_id == f"T/{n}"] for n in range(3)}
    assert asked[0] == ["tiny"]
    assert asked[1].count("large") == 1
    assert asked[1][-1] == "large"
    assert len(asked[2]) <= HORIZON
    assert sorted([*(each.key for each in driven.outcomes), *driven.skipped]) == sorted(world)
    told = policy.report()
    assert told["accuracy"] == pytest.approx(2 / 3)
    assert told["calls"] == len(driven.outcomes)


def test_switching_never_sees_the_hidden_verdict() -> None:
    """Two worlds that differ in their hidden verdicts alone get the same calls."""
    world = draw([task_of(n, [n % 4, 2, 3], 3) for n in range(8)], NAMES[:3], seed=2)
    hidden = {key: replace(each, verdict=Verdict.WRONG) for key, each in world.items()}
    one, other = (drive(switching(world, 3), each) for each in (world, hidden))
    assert [each.key for each in one.outcomes] == [each.key for each in other.outcomes]


@pytest.mark.parametrize(("budget", "run_budget"), [(0, None), (1, None), (2, 7), (None, 0), (None, 5), (None, 1000)])
def test_switching_passes_no_budget_and_does_not_depend_on_timing(budget: int | None, run_budget: int | None) -> None:
    world = draw([task_of(n, [n % 2, n % 3, n % 4], 3) for n in range(20)], NAMES[:3], seed=3)
    tasks = frozenset((key.suite, key.task_id) for key in world)

    def policy() -> Switching:
        costs = [1.0, 2.0, 4.0]
        return Switching(
            list(world), NAMES[:3], Planned(Belief.vague(3)), costs, tasks, budget=budget, run_budget=run_budget
        )

    driven = drive(policy(), world)
    above = [outcome.task_id for outcome in driven.outcomes if outcome.model != NAMES[0]]
    assert run_budget is None or len(above) <= run_budget
    assert budget is None or all(above.count(task) <= budget for task in above)
    assert run_budget != 5 or len(above) == 5
    backwards = _drive_backwards(policy(), world)
    assert {each.key for each in backwards.outcomes} == {each.key for each in driven.outcomes}


def test_a_task_without_a_visible_check_gets_one_call() -> None:
    world = draw([task_of(n, [0, 0, 3], 3) for n in range(4)], NAMES[:3], seed=0)
    assert len(drive(switching(world, 3, checked=False), world).outcomes) == 4


@given(st.lists(st.integers(0, 4), min_size=2, max_size=2), st.integers(0, 3))
def test_a_drawn_world_has_the_counts_that_it_was_drawn_from(successes: list[int], seed: int) -> None:
    task = replace(task_of(0, successes, 4), text="")
    world = draw([task], NAMES[:2], seed)
    (found,) = counts_of(world.values(), NAMES[:2], 4, {("s", "T/0"): ""})
    assert found == task


def test_a_cascade_calls_as_its_plan_says_and_leaves_the_rest() -> None:
    plan = [Key("s", "T/1", name, trial) for name in NAMES[:2] for trial in range(3)]
    tasks = {("s", "T/1"): Task("T/1", "text", ("assert f()",), visible_tests=("assert f()",))}
    made = make_cascade(Setup(plan, NAMES[:2], 3, tasks, "112", None, 0, lambda _: ([], [])))
    assert made.first() == (plan[0],)
    assert made.after(Outcome(*plan[0], Verdict.WRONG, visible=False)).call == [plan[1]]
    step = made.after(Outcome(*plan[1], Verdict.WRONG, visible=True))
    assert (list(step.call), set(step.skip)) == ([], {plan[2], *plan[3:]})
    assert made.report()["policy"] == "cascade"
    assert made.report()["accuracy"] == 0.0


@pytest.mark.parametrize("argument", ["113", "121", "no-such-directory"])
def test_a_cascades_plan_that_does_not_fit_is_refused(argument: str) -> None:
    with pytest.raises(PlanError):
        make_cascade(Setup([], NAMES[:2], 3, {}, argument, None, 0, lambda _: ([], [])))
