"""The pipeline: timing changes nothing, no item waits for ever, and what a model said is never lost."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Completion, Price, Unanswered
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.pipeline import AllCalls, Pipeline, Skipped, Step
from pytest_complexity.sandbox import Sandbox

RIGHT, WRONG, ERROR = "def f(x):\n    return x + 1", "def f(x):\n    return x", "def f(x):\n    return x / 0"
TASKS = {("s", f"T/{n}"): Task(f"T/{n}", "Add one.", (f"assert f({n}) == {n + 1}",)) for n in range(3)}
LADDER = ("small", "large")
PLAN = [Key(suite, task, model, trial) for suite, task in TASKS for model in LADDER for trial in range(2)]
SOON = 8.0
Script = Callable[[str, int], Any]


class Scripted:
    """Says what its script says of (task id, trial), after a pause; an exception is raised."""

    price = Price(1.0, 2.0)
    definition: Mapping[str, Any] = {"adapter": "scripted"}

    def __init__(self, name: str, script: Script, pause: Callable[[], float] = lambda: 0.0) -> None:
        self.name = name
        self.busy = self.most = 0
        self.asked: list[tuple[str, int]] = []
        self._script, self._pause = script, pause

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        self.asked.append((task.task_id, trial))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self._pause())
        finally:
            self.busy -= 1
        said = self._script(task.task_id, trial)
        if isinstance(said, BaseException):
            raise said
        return Completion(said, 100, 10) if isinstance(said, str) else said


def script(task_id: str, trial: int) -> str:
    return [RIGHT, WRONG, ERROR, ""][(int(task_id[2:]) + trial) % 4]


def small(said: Any, pause: Callable[[], float] = lambda: 0.0) -> dict[str, Scripted]:
    return {"small": Scripted("small", lambda *_: said, pause)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("process", workers=2) as sandbox:
        yield sandbox


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    run = opened(tmp_path / "run")
    yield run
    run.close()


def opened(path: Path) -> RunDirectory:
    config = {"ladder": list(LADDER), "trials": 2, "timeout": 10.0, "memory": 1024, "suites": {}, "models": {}}
    return RunDirectory.open(path, config)


def outcomes_of(
    models: Mapping[str, Scripted], sandbox: Sandbox, run: RunDirectory, plan: list[Key], concurrency: int = 16
) -> dict[Key, Outcome]:
    pipeline = Pipeline(models, sandbox, run, concurrency=concurrency)
    pipeline.start(TASKS, plan)
    try:
        return {key: replace(pipeline.outcome(key).result(SOON), seconds=None) for key in plan}
    finally:
        pipeline.close()


def test_outcomes_are_the_same_whatever_the_timing(tmp_path: Path, sandbox: Sandbox) -> None:
    seen = []
    for seed in range(3):
        dice = random.Random(seed)
        models = {name: Scripted(name, script, lambda dice=dice: dice.uniform(0, 0.02)) for name in LADDER}
        run = opened(tmp_path / str(seed))
        seen.append(outcomes_of(models, sandbox, run, PLAN, concurrency=seed + 1))
        run.close()
    assert seen[0] == seen[1] == seen[2]
    found = [seen[0][Key("s", f"T/{n}", "small", 0)].verdict for n in range(3)]
    assert found == [Verdict.PASS, Verdict.WRONG, Verdict.ERROR]
    assert seen[0][Key("s", "T/2", "small", 1)].verdict is Verdict.NO_CODE
    assert {outcome.cost_usd for outcome in seen[0].values()} == {120 / 1e6}


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (Unanswered("the vendor said\n 503"), "the vendor said 503"),
        (ValueError("a defect"), "ValueError: a defect"),
        (TimeoutError(), "TimeoutError:"),
        (None, "AttributeError: "),  # no Completion at all
        (Completion("x = 1", seconds=float("nan")), "ValueError: "),  # one that cannot be written down
    ],
    ids=["unanswered", "exception", "timeout", "none", "unwritable"],
)
def test_what_a_model_fails_at_is_unmeasured_and_the_others_go_on(
    sandbox: Sandbox, run: RunDirectory, said: Any, detail: str
) -> None:
    models = {**small(said), "large": Scripted("large", lambda *_: RIGHT)}
    pipeline = Pipeline(models, sandbox, run)
    pipeline.start(TASKS, PLAN)
    for key in PLAN:
        outcome = pipeline.outcome(key).result(SOON)
        if key.model == "large":
            assert outcome.verdict is Verdict.PASS
        else:
            assert outcome.verdict is Verdict.UNMEASURED
            assert outcome.detail.startswith(detail)
            with pytest.raises(Unanswered):
                pipeline.completion(key).result(SOON)
    pipeline.close()


def test_a_completion_that_could_not_be_written_is_asked_again(
    sandbox: Sandbox, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pytest_complexity.run.directory.os.write", full)
        first = outcomes_of(small(RIGHT), sandbox, run, PLAN[:1])
    assert first[PLAN[0]].verdict is Verdict.UNMEASURED
    assert "No space left" in first[PLAN[0]].detail
    assert run.completions == {}


def test_a_sandbox_that_fails_says_nothing_about_the_answer(run: RunDirectory) -> None:
    broken = Sandbox("process")
    broken.close()
    (outcome,) = outcomes_of(small(RIGHT), broken, run, PLAN[:1]).values()
    assert (outcome.verdict, outcome.detail) == (Verdict.UNMEASURED, "the sandbox is closed")


def test_a_task_without_assertions_is_answered_and_not_verified(sandbox: Sandbox, run: RunDirectory) -> None:
    key = Key("s", "T/own", "small", 0)
    pipeline = Pipeline(small("42"), sandbox, run)
    pipeline.start({("s", "T/own"): Task("T/own", "What is six times seven?")}, [key])
    assert pipeline.completion(key).result(SOON).text == "42"
    assert pipeline.outcome(key).result(SOON).verdict is Verdict.UNMEASURED
    pipeline.close()


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_model_is_asked_more_at_once_than_allowed(sandbox: Sandbox, run: RunDirectory, concurrency: int) -> None:
    models = {name: Scripted(name, lambda *_: "", lambda: 0.01) for name in LADDER}
    plan = [replace_trial(key, trial) for key in PLAN[::2] for trial in range(4)]
    outcomes_of(models, sandbox, run, plan, concurrency)
    for name, model in models.items():
        assert model.most == concurrency
        assert model.asked == [(key.task_id, key.trial) for key in plan if key.model == name]


def replace_trial(key: Key, trial: int) -> Key:
    return key._replace(trial=trial)


@pytest.mark.timeout(120)  # a backstop: the calls would take an hour
def test_closing_drops_pending_calls_and_leaves_nobody_waiting(sandbox: Sandbox, run: RunDirectory) -> None:
    models = small(RIGHT, lambda: 3600.0)
    plan = [key for key in PLAN if key.model == "small"]
    pipeline = Pipeline(models, sandbox, run, concurrency=2)
    pipeline.start(TASKS, plan)
    while models["small"].busy < 2:
        time.sleep(0.001)
    pipeline.close()
    pipeline.close()
    assert all(pipeline.completion(key).cancelled() and pipeline.outcome(key).cancelled() for key in plan)
    assert models["small"].busy == 0
    assert len(models["small"].asked) == 2
    assert run.completions == {}


def test_closing_before_the_start_is_harmless(sandbox: Sandbox, run: RunDirectory) -> None:
    Pipeline({}, sandbox, run).close()


def test_what_a_model_said_is_on_disk_before_anybody_sees_it(sandbox: Sandbox, run: RunDirectory) -> None:
    file = run.path / "completions.jsonl"
    models = {name: Scripted(name, script, lambda: 0.005) for name in LADDER}
    pipeline = Pipeline(models, sandbox, run)
    lacking: list[Key] = []

    def look(key: Key) -> Callable[[object], None]:
        def done(_: object) -> None:
            written = [json.loads(line) for line in file.read_bytes().splitlines()]
            if key[1:] not in [(row["task_id"], row["model"], row["trial"]) for row in written]:
                lacking.append(key)

        return done

    pipeline.start(TASKS, PLAN)
    for key in PLAN:
        pipeline.completion(key).add_done_callback(look(key))
        pipeline.outcome(key).add_done_callback(look(key))
    for key in PLAN:
        pipeline.outcome(key).result(SOON)
    pipeline.close()
    assert lacking == []


def test_what_was_answered_and_verified_is_neither_asked_nor_verified_again(sandbox: Sandbox, tmp_path: Path) -> None:
    run = opened(tmp_path)
    first = outcomes_of({name: Scripted(name, script) for name in LADDER}, sandbox, run, PLAN[:4])
    verified = run.add_outcome(replace(first[PLAN[0]], detail="as it was verified"))
    run.add_outcome(replace(first[PLAN[1]], verdict=Verdict.UNMEASURED))
    run.close()
    run = opened(tmp_path)
    models = {name: Scripted(name, script) for name in LADDER}
    second = outcomes_of(models, sandbox, run, PLAN)
    run.close()
    asked = [(task_id, name, trial) for name in LADDER for task_id, trial in models[name].asked]
    assert sorted(asked) == sorted(key[1:] for key in PLAN[4:])
    assert second[PLAN[0]] == verified
    assert second[PLAN[1]] == first[PLAN[1]]  # unmeasured is verified anew


class OneByOne:
    """Calls the next trial of the small model when one fails, and skips the rest when one passes."""

    def __init__(self, plan: list[Key]) -> None:
        self._plan = plan
        self.told: list[Outcome] = []

    def first(self) -> list[Key]:
        return self._plan[:1]

    def after(self, outcome: Outcome) -> Step:
        self.told.append(outcome)
        rest = self._plan[self._plan.index(outcome.key) + 1 :]
        if outcome.verdict is Verdict.PASS:
            return Step(skip=dict.fromkeys(rest, "solved already"))
        return Step(call=rest[:1])


def test_a_policy_says_which_call_is_next_and_which_are_left_out(sandbox: Sandbox, run: RunDirectory) -> None:
    models = {"small": Scripted("small", lambda _, trial: RIGHT if trial == 2 else WRONG)}
    plan = [Key("s", "T/0", "small", trial) for trial in range(5)]
    policy = OneByOne(plan)
    pipeline = Pipeline(models, sandbox, run)
    pipeline.start(TASKS, plan, policy)
    for key in plan[3:]:
        with pytest.raises(Skipped, match="solved already"):
            pipeline.outcome(key).result(SOON)
        with pytest.raises(Skipped):
            pipeline.completion(key).result(SOON)
    assert [pipeline.outcome(key).result(SOON).verdict.value for key in plan[:3]] == ["wrong", "wrong", "pass"]
    pipeline.close()
    assert [trial for _, trial in models["small"].asked] == [0, 1, 2]
    assert len(run.completions) == 3


def test_what_a_policy_forgets_is_skipped_and_answers_on_disk_take_part(sandbox: Sandbox, tmp_path: Path) -> None:
    class FirstTwo(AllCalls):
        def first(self) -> list[Key]:
            return PLAN[:2]

    for _ in range(2):
        run = opened(tmp_path)
        models = {name: Scripted(name, script) for name in LADDER}
        pipeline = Pipeline(models, sandbox, run)
        pipeline.start(TASKS, PLAN, FirstTwo(PLAN))
        assert all(pipeline.outcome(key).result(SOON).verdict.measured for key in PLAN[:2])
        with pytest.raises(Skipped, match="not called for"):
            pipeline.outcome(PLAN[-1]).result(SOON)
        pipeline.close()
        run.close()
    assert models["small"].asked == []


@pytest.mark.parametrize("fails", ["first", "after", "strange"])
def test_a_policy_that_fails_leaves_nobody_waiting(sandbox: Sandbox, run: RunDirectory, fails: str) -> None:
    class Broken(OneByOne):
        def first(self) -> list[Key]:
            return [Key("s", "no such", "small", 0)] if fails == "strange" else [] if fails == "first" else PLAN[:1]

        def after(self, outcome: Outcome) -> Step:
            raise RuntimeError("a defect")

    pipeline = Pipeline({name: Scripted(name, script) for name in LADDER}, sandbox, run)
    pipeline.start(TASKS, PLAN, Broken(PLAN))
    if fails == "first":
        with pytest.raises(Skipped):
            pipeline.outcome(PLAN[-1]).result(SOON)
    else:
        outcome = pipeline.outcome(PLAN[-1]).result(SOON)
        assert outcome.verdict is Verdict.UNMEASURED
        assert outcome.detail.startswith("the call policy failed")
    pipeline.close()
