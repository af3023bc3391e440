"""The rules for labels: what they say of complete counts, and that missing trials never make them guess."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.errors import LabelError
from pytest_complexity.labels import Status, label, label_all
from pytest_complexity.labels.rules import Rule, default_rule

NAMES = ("tiny", "small", "large", "huge")
Formula = Callable[[Sequence[int], int], int]


def counted(successes: Sequence[int], trials: Sequence[int] | None = None, planned: int = 5) -> TaskCounts:
    ladder = NAMES[: len(successes)]
    measured = [planned] * len(ladder) if trials is None else trials
    pairs = dict(zip(ladder, measured, strict=True)), dict(zip(ladder, successes, strict=True))
    return TaskCounts("s", "T/1", "text", *pairs, planned)


def level_of(successes: Sequence[int], rule: str | None = None, planned: int = 5) -> int | None:
    return label(counted(successes, planned=planned), NAMES[: len(successes)], rule).level


def by_the_paper(successes: Sequence[int], planned: int) -> int:
    """The rule in whole numbers, a multiple of 5 * planned in place of a share."""
    first, second, third = (5 * solved for solved in successes)
    whole = 5 * planned
    holds = [
        first == whole or first + second >= 7 * planned,
        second == whole,
        third == whole,
        second >= 2 * planned or third >= 2 * planned,
        True,
    ]
    return holds.index(True) + 1


def first_above(numerator: int, denominator: int) -> Formula:
    def level(successes: Sequence[int], planned: int) -> int:
        reached = (k for k, solved in enumerate(successes, 1) if solved * denominator >= planned * numerator)
        return next(reached, len(successes) + 1)

    return level


RULES = [
    *((3, "complexitynet", by_the_paper),),
    *((models, "tier", first_above(1, 1)) for models in (1, 2, 3, 4)),
    *((models, "tier@3/5", first_above(3, 5)) for models in (2, 3)),
]


@st.composite
def measured(draw: st.DrawFn, models: int) -> tuple[list[int], list[int], int]:
    planned = draw(st.integers(1, 5 if models < 4 else 3))
    trials = draw(st.lists(st.integers(0, planned), min_size=models, max_size=models))
    return [draw(st.integers(0, each)) for each in trials], trials, planned


@pytest.mark.parametrize(
    ("successes", "level"),
    [
        ((5, 0, 0), 1),  # the first model is always right
        ((4, 3, 0), 1),  # 4/5 + 3/5 is exactly 7/5, which is enough
        ((3, 4, 0), 1),
        ((2, 5, 0), 1),
        ((4, 2, 5), 3),  # 6/5 is too little: the first that is always right is the third
        ((1, 5, 0), 2),
        ((0, 5, 5), 2),
        ((0, 4, 5), 3),
        ((0, 0, 5), 3),
        ((0, 2, 0), 4),
        ((0, 0, 2), 4),
        ((2, 4, 4), 4),
        ((4, 1, 1), 5),  # the rule looks at the first model alone only where it is always right
        ((0, 1, 1), 5),
        ((1, 0, 0), 5),
        ((0, 0, 0), None),  # the formula says 5, cleaning drops it
    ],
)
def test_the_papers_rule_on_worked_cases(successes: tuple[int, ...], level: int | None) -> None:
    assert level_of(successes) == level_of(successes, "complexitynet") == level


@pytest.mark.parametrize(("models", "rule", "formula"), RULES)
@pytest.mark.parametrize("planned", [1, 2, 5])
def test_every_complete_count_has_the_formulas_level_and_only_a_reason_takes_it(
    models: int, rule: str, formula: Formula, planned: int
) -> None:
    ladder = NAMES[:models]
    for successes in itertools.product(range(planned + 1), repeat=models):
        row = label(counted(successes, planned=planned), ladder, rule)
        expected = formula(successes, planned)
        if not any(successes):
            assert (row.level, row.status) == (None, Status.UNSOLVED)
        elif rule != "complexitynet" and expected > models:
            assert (row.level, row.status) == (None, Status.BELOW)
        else:
            assert (row.level, row.status) == (expected, Status.DECIDED)


@pytest.mark.parametrize(("models", "rule"), [row[:2] for row in RULES])
@pytest.mark.parametrize("planned", [1, 3, 4])
def test_one_success_more_of_any_model_never_raises_the_level(models: int, rule: str, planned: int) -> None:
    for successes in itertools.product(range(planned + 1), repeat=models):
        for index in range(models):
            if successes[index] < planned:
                more = (*successes[:index], successes[index] + 1, *successes[index + 1 :])
                assert (level_of(more, rule, planned) or 9) <= (level_of(successes, rule, planned) or 9)


@pytest.mark.parametrize(("models", "rule", "formula"), RULES)
def test_a_level_stands_exactly_where_every_result_of_the_missing_trials_gives_it(
    models: int, rule: str, formula: Formula
) -> None:
    def results(successes: Sequence[int], trials: Sequence[int], planned: int) -> set[int | None]:
        ends = [range(solved, solved + planned - n + 1) for solved, n in zip(successes, trials, strict=True)]
        levels = {formula(end, planned) if any(end) else None for end in itertools.product(*ends)}
        # What no model of `tier` reaches is no level: K + 1 stands for it in the formula.
        return {None if rule != "complexitynet" and level == models + 1 else level for level in levels}

    @given(measured(models))
    def holds(case: tuple[list[int], list[int], int]) -> None:
        successes, trials, planned = case
        row = label(counted(successes, trials, planned), NAMES[:models], rule)
        possible = results(*case)
        assert row.level == (next(iter(possible)) if len(possible) == 1 else None)
        assert (row.status is Status.UNDECIDED) == (len(possible) > 1)
        assert (row.status is Status.DECIDED) == (row.level is not None)

    holds()


def test_a_task_without_any_planned_trial_is_undecided() -> None:
    assert label(counted((0, 0, 0), planned=0), NAMES[:3]).status is Status.UNDECIDED


def test_a_single_trial_with_tier_is_the_papers_single_trial_labelling() -> None:
    for successes in itertools.product((0, 1), repeat=3):
        expected = next((k for k, solved in enumerate(successes, 1) if solved), None)
        assert level_of(successes, "tier", planned=1) == expected


def test_the_threshold_of_tier_is_compared_exactly() -> None:
    assert level_of((3, 5), "tier@3/5") == level_of((3, 5), "tier@0.6") == 1
    assert level_of((3, 5), "tier@0.61") == 2
    assert level_of((3, 4), "tier") is None
    assert Rule.named("tier@0.6", 2).name == "tier@3/5"
    assert Rule.named("tier@1", 2).name == "tier"


def test_the_default_rule_is_the_papers_for_three_models_alone() -> None:
    assert [default_rule(models) for models in (1, 2, 3, 4, 11)] == ["tier", "tier", "complexitynet", "tier", "tier"]
    assert label_all([counted((5, 5))], NAMES[:2]).rule == "tier"
    assert label_all([counted((5, 5, 5))], NAMES[:3]).rule == "complexitynet"


@pytest.mark.parametrize("models", [1, 2, 4, 7])
def test_the_papers_rule_on_another_number_of_models_is_an_error(models: int) -> None:
    with pytest.raises(LabelError, match=f"for three models and the ladder has {models}"):
        Rule.named("complexitynet", models)


@pytest.mark.parametrize("name", ["tier@", "tier@x", "tier@0", "tier@-1/2", "tier@6/5", "tier@1/0", "tier@nan"])
def test_a_threshold_that_is_no_share_is_an_error_with_an_example(name: str) -> None:
    with pytest.raises(LabelError, match="write tier@3/5"):
        Rule.named(name, 2)


@pytest.mark.parametrize("name", ["paper", "Tier", "tiers"])
def test_an_unknown_rule_is_an_error_that_names_those_there_are(name: str) -> None:
    with pytest.raises(LabelError, match="there are: complexitynet, tier"):
        Rule.named(name, 3)


@given(st.lists(measured(3), max_size=12), st.sampled_from(["complexitynet", "tier", "tier@3/5"]))
def test_levels_and_reasons_to_have_none_add_up_to_the_rows(
    cases: list[tuple[list[int], list[int], int]], rule: str
) -> None:
    labels = label_all([counted(*case) for case in cases], NAMES[:3], rule)
    none = labels.dropped_unsolved + labels.below_threshold + labels.undecided
    assert sum(labels.counts.values()) + none == len(labels.rows) == len(cases)
    assert list(labels.counts) == list(range(1, 6 if rule == "complexitynet" else 4))
    assert len(labels.decided) == sum(labels.counts.values())
    assert [json.loads(line)["level"] for line in labels.lines()] == [row.level for row in labels.rows]


def test_a_line_of_labels_has_the_documented_fields_in_their_order() -> None:
    task = TaskCounts("s", "T/1", "text", {"a": 2, "b": 1}, {"a": 0, "b": 1}, 2, {"b": 0.5})
    (line,) = label_all([task], ["a", "b"]).lines()
    record = json.loads(line)
    names = ["suite", "task_id", "text", "trials", "successes", "level", "rule", "cost_usd"]
    assert list(record) == names
    assert record["trials"] == {"a": 2, "b": 1}
    assert record["successes"] == {"a": 0, "b": 1}
    assert (record["level"], record["rule"], record["cost_usd"]) == (None, "tier", {"b": 0.5})
    (equal,) = label_all([counted((5, 5))], NAMES[:2]).lines()
    assert json.loads(equal)["trials"] == 5
