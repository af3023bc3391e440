"""A cascade in use: which models it asks, what it hands in, whose errors are whose."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import pytest_complexity
from pytest_complexity.calls.cascade import Plan, SavedPlan
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError, PlanError, TargetError
from pytest_complexity.labels import label_all
from pytest_complexity.learning.cascade import Cascade, choose
from pytest_complexity.learning.training.calibration import parse_target
from pytest_complexity.models import Busy, Completion, Price, Unanswered
from pytest_complexity.run.scheduler import Patience
from pytest_complexity.scoring.policies import Bench


@dataclass
class Says:
    """A model that gives these answers in turn; an exception is raised."""

    name: str
    answers: list[str | Exception]
    price: Price | None = field(default_factory=lambda: Price(1.0, 2.0))
    definition: Mapping[str, Any] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        self.prompts.append(task.text)
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return Completion(said, 10, 20)


def cascade(plan: str, *answers: Sequence[str | Exception]) -> tuple[Cascade, list[Says]]:
    models = [Says(name, list(own)) for name, own in zip(("small", "large", "huge"), answers, strict=False)]
    return Cascade(Plan.parse(plan, len(models)), tuple(models), Patience(first=0.0)), models


def good(text: str) -> bool:
    return text.startswith("good")


def test_the_first_answer_that_passes_is_handed_in_and_nothing_asked_after_it() -> None:
    made, (_, large) = cascade("1112", ["bad", "good", "good too"], ["good"])
    answer = made.complete("a prompt", check=good)
    assert (answer.text, answer.model, answer.passed) == ("good", "small", True)
    assert [each.passed for each in answer.attempts] == [False, True]
    assert large.prompts == []
    assert answer.cost_usd == pytest.approx(2 * (10 * 1.0 + 20 * 2.0) / 1e6)


def test_where_none_passes_the_last_models_first_answer_is_handed_in() -> None:
    made, _ = cascade("1122", ["bad 1", "bad 2"], ["bad 3", "bad 4"])
    answer = made.complete("a prompt", check=good)
    assert (answer.text, answer.model, answer.passed) == ("bad 3", "large", False)
    assert [each.text for each in answer.attempts] == ["bad 1", "bad 2", "bad 3", "bad 4"]


@pytest.mark.parametrize(("plan", "model"), [("12", "small"), ("12/last", "large")])
def test_without_a_check_one_answer_is_asked_for(plan: str, model: str) -> None:
    made, _ = cascade(plan, ["one"], ["two"])
    answer = made.complete("a prompt")
    assert (answer.model, answer.passed, len(answer.attempts)) == (model, None, 1)


def test_what_the_check_raises_is_the_callers_error() -> None:
    made, (small, _) = cascade("12", ["one"], ["two"])
    with pytest.raises(ZeroDivisionError):
        made.complete("a prompt", check=lambda text: 1 / 0)
    assert len(small.prompts) == 1


def test_an_asynchronous_check_is_awaited() -> None:
    made, _ = cascade("12", ["bad"], ["good"])

    async def later(text: str) -> bool:
        await asyncio.sleep(0)
        return good(text)

    assert asyncio.run(made.acomplete("a prompt", check=later)).model == "large"


def test_a_budget_bounds_the_calls_above_the_first_model() -> None:
    made, (_, large, huge) = cascade("12223", ["bad"], ["bad"] * 3, ["good"])
    answer = made.complete("a prompt", check=good, budget=1)
    assert (answer.model, len(large.prompts), len(huge.prompts)) == ("large", 1, 0)
    with pytest.raises(PlanError, match="cannot begin within a budget of 0"):
        cascade("23", [], ["bad"], ["bad"])[0].complete("a prompt", check=good, budget=0)


def test_a_busy_model_is_asked_again_and_one_without_an_answer_is_told() -> None:
    made, _ = cascade("12", [Busy("wait", after=0.0), "good"], [])
    assert made.complete("a prompt", check=good).text == "good"
    made, _ = cascade("12", [Unanswered("no such model")], [])
    with pytest.raises(Unanswered, match="no such model"):
        made.complete("a prompt", check=good)


def test_the_cost_is_unknown_where_a_price_is() -> None:
    made, models = cascade("12", ["good"], [])
    models[0].price = None
    assert made.complete("a prompt", check=good).cost_usd is None


def test_a_tasks_visible_tests_are_the_check() -> None:
    task = Task("T/1", "Write double(x).", ("assert double(3) == 6",), visible_tests=("assert double(2) == 4",))
    made, _ = cascade("12", ["def double(x):\n    return x\n"], ["def double(x):\n    return 2 * x\n"])
    answer = made.complete(task)
    assert (answer.model, [each.passed for each in answer.attempts]) == ("large", [False, True])


def saved(directory: Path, **changed: Any) -> Path:
    directory.mkdir(exist_ok=True)
    record = {"ladder": ("small", "large"), "plan": "112", "accuracy": 0.5, "cost": 3.0, "unit": "unit", **changed}
    SavedPlan(**record).save(directory)
    return directory


def test_a_saved_plan_is_loaded_with_models_in_any_order(tmp_path: Path) -> None:
    models = [Says("large", []), Says("small", ["good"])]
    made = pytest_complexity.Cascade.load(saved(tmp_path), models=models)
    assert str(made.plan) == "112"
    assert made.complete("a prompt", check=good).model == "small"
    with pytest.raises(ModelError, match="no model 'small' is given"):
        Cascade.load(tmp_path, models=models[:1])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no plan there, cascade.json is missing"),
        ("[]", "cascade.json"),
        ('{"format": 2}', "train again"),
        ('{"format": 1, "ladder": ["a", 3]}', "field 'ladder': expected a list of models' names"),
        (
            '{"format": 1, "ladder": ["a"], "plan": "2", "accuracy": 1, "cost": 1, "unit": "usd", "target": ""}',
            "asks model 2",
        ),
    ],
)
def test_a_broken_plan_is_one_line_that_names_the_file_or_the_fault(
    tmp_path: Path, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "cascade.json").write_text(content)
    with pytest.raises(PlanError, match=told) as why:
        SavedPlan.load(tmp_path)
    assert "\n" not in str(why.value)


@pytest.mark.parametrize("text", ["", "0", "102", "12a", "1-", "121", "1-2-1", "13"])
def test_what_is_no_plan_for_two_models_is_refused(text: str) -> None:
    if text == "1-":
        assert Plan.parse(text, 2) == Plan.parse("1", 2)
        return
    with pytest.raises(PlanError):
        Plan.parse(text, 2)


def worlds(right: float, tasks: int = 200) -> tuple[Bench, list[Any]]:
    """A recording whose visible check is right: the small model solves `right`, the large one all but a tenth."""
    from random import Random  # noqa: PLC0415

    from pytest_complexity.core.counts import counts_of  # noqa: PLC0415
    from pytest_complexity.core.outcomes import Outcome, Verdict  # noqa: PLC0415

    chance, ladder, outcomes = Random(0), ("small", "large"), []
    for number in range(tasks):
        for model, share in zip(ladder, (right, 0.9), strict=True):
            for trial in range(3):
                passed = chance.random() < share
                verdict = Verdict.PASS if passed else Verdict.WRONG
                outcomes.append(Outcome("s", f"T/{number}", model, trial, verdict, visible=passed))
    texts = {("s", f"T/{number}"): f"{chance.random()} is the text of task {number}" for number in range(tasks)}
    return Bench.of(label_all(counts_of(outcomes, ladder, 3, texts), ladder, "tier")), outcomes


def test_a_target_takes_the_cheapest_plan_that_surely_keeps_it() -> None:
    bench, outcomes = worlds(0.5)
    low, high = (
        choose(bench, outcomes, parse_target(text, bench.ladder)) for text in ("accuracy>=0.4", "accuracy>=0.9")
    )
    assert low is not None
    assert high is not None
    assert low.cost < high.cost
    assert low.accuracy >= 0.4
    assert high.accuracy >= 0.9
    with pytest.raises(TargetError, match="no cascade keeps it"):
        choose(bench, outcomes, parse_target("accuracy>=0.9999", bench.ladder))


def test_without_a_visible_check_no_plan_is_chosen() -> None:
    bench, _ = worlds(0.5, tasks=20)
    assert choose(bench, [], None) is None
