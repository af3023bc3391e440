"""From marked tests to items, and from the items that are left to the plan. The same in every process."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError, TaskError
from pytest_complexity.plugin.answer_source import AnswerSource
from pytest_complexity.plugin.options import Settings
from pytest_complexity.run.plan import TrialPlan
from pytest_complexity.suites import load_file, load_list, load_suite
from pytest_complexity.suites.dataset import Dataset


@dataclass(frozen=True)
class Param:
    """What an item is parametrized with."""

    key: Key
    task: Task


@dataclass(frozen=True)
class NoModels:
    """What the one item of a suite is parametrized with where nothing names its models."""

    reason: str


class Collection:
    """The suites of a session. Called on pytest's thread alone; on a worker it reports errors as failed collection."""

    def __init__(self, config: pytest.Config, settings: Settings, source: AnswerSource, *, on_worker: bool) -> None:
        self._config = config
        self._settings = settings
        self._source = source
        self._on_worker = on_worker
        self._datasets: dict[str, Dataset] = {}
        self._owners: dict[str, str] = {}  # suite -> the test function that covers it
        self._errors: list[str] = []

    def parametrize(self, metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
        """One item per task, model and trial. A mistake ends the run before any model is called."""
        try:
            suite = self._suite(metafunc, marker)
            ladder = self._source.ladder(suite)
            dataset = self._dataset(suite, metafunc, marker) if ladder else None
        except ComplexityError as why:
            message = f"{metafunc.definition.nodeid}: {why}"
            if self._on_worker:  # a worker can only report; its items are dropped in `check`
                raise pytest.Collector.CollectError(message) from None
            self._errors.append(message)
            metafunc.parametrize("trial", [], indirect=True)
            return
        if ladder is None or dataset is None:
            reason = f"suite {suite!r} has no models: give --cx-models=A,B,C, cheapest first, or --cx-replay=PATH"
            metafunc.parametrize("trial", [NoModels(reason)], ids=["no-models"], indirect=True)
            return
        self._datasets[suite] = dataset
        params = [
            Param(Key(suite, task.task_id, model, trial), task)
            for task in dataset.tasks[: self._settings.limit]
            for model in ladder
            for trial in range(self._settings.trials)
        ]
        metafunc.parametrize("trial", params, ids=[str(param.key) for param in params], indirect=True)

    def check(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Ends the run over what collection found; nothing has been called or paid for yet."""
        if self._errors:
            raise pytest.UsageError(*dict.fromkeys(self._errors))
        # pytest itself stops after a failed collection, xdist's workers go on: then models would be paid for a run
        # that cannot be whole.
        if self._on_worker and session.testsfailed and not self._config.option.continue_on_collection_errors:
            items.clear()

    def plan(self, items: Sequence[pytest.Item]) -> TrialPlan:
        """The trials of the items that are left. Raises `pytest.UsageError` where models are needed and none is named.

        In a tree of other tests a suite without models is skipped with that reason.
        """
        others = any(not isinstance(trial_param(item), Param | NoModels) for item in items)
        for item in items:
            param = trial_param(item)
            if isinstance(param, NoModels):
                if others:
                    item.add_marker(pytest.mark.skip(reason=param.reason))
                elif not self._on_worker:  # there the item fails, with the reason
                    raise pytest.UsageError(param.reason)
        params = [param for item in items if isinstance(param := self._variant(item), Param)]
        suites = dict.fromkeys(param.key.suite for param in params)
        models = {param.key.model for param in params}
        ladders = (self._source.ladder(base_suite(suite)) or () for suite in suites)
        ladder = next((ladder for ladder in ladders if models <= set(ladder)), ())
        return TrialPlan(
            ladder=tuple(ladder),
            trials=self._settings.trials,
            datasets={suite: replace(self._datasets[base_suite(suite)], suite=suite) for suite in suites},
            keys=tuple(dict.fromkeys(param.key for param in params)),
            collected={suite: dataset.sha256 for suite, dataset in sorted(self._datasets.items())},
        )

    def raise_timeouts(self, items: Iterable[pytest.Item]) -> None:
        """pytest-timeout's limit for an item of ours lies beyond anything that our own limit lets happen."""
        if not self._config.pluginmanager.hasplugin("timeout"):
            return
        # Two runs of a program, each with a retry alone, behind as many as there are verifying workers.
        ours = 60 + 8 * self._settings.timeout * processors()
        if self._source.live:
            ours += 24 * 3600  # a server may ask us to wait, again and again; each wait has a bound of its own
        for item in items:
            if isinstance(trial_param(item), Param) and 0 < self._timeout(item) < ours:
                item.add_marker(pytest.mark.timeout(ours), append=False)

    def _timeout(self, item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        given = marker.args[0] if marker and marker.args else self._config.getoption("timeout", None)
        return float((self._config.getini("timeout") if given is None else given) or 0)

    def _variant(self, item: pytest.Item) -> Param | None:
        """The item's trial; under further parameters that of a variant of the suite, `SUITE[ID]`."""
        param = trial_param(item)
        if not isinstance(param, Param):
            return None
        if other := _other_ids(item, param):
            suite = f"{param.key.suite}[{other}]"
            param = item.callspec.params["trial"] = Param(param.key._replace(suite=suite), param.task)  # type: ignore[attr-defined]
        return param

    def _suite(self, metafunc: pytest.Metafunc, marker: pytest.Mark) -> str:
        extra = sorted(marker.kwargs.keys() - {"suite", "tasks"})
        if marker.args or extra:
            raise ComplexityError(
                f"the marker takes suite= and tasks=, not {', '.join(extra) or 'positional arguments'}"
            )
        if "trial" not in metafunc.fixturenames:
            raise ComplexityError("a test with the marker `complexity` takes the argument `trial`")
        suite = str(marker.kwargs.get("suite") or metafunc.definition.path.stem.removeprefix("test_"))
        owner = metafunc.definition.nodeid
        if self._owners.setdefault(suite, owner) != owner:
            raise ComplexityError(
                f"suite {suite!r} is covered by {self._owners[suite]} already: give one of them a suite= of its own"
            )
        if "[" in suite:
            raise ComplexityError(f"suite {suite!r}: the name holds '[', which marks a parametrized variant. Rename it")
        return suite

    def _dataset(self, suite: str, metafunc: pytest.Metafunc, marker: pytest.Mark) -> Dataset:
        tasks = marker.kwargs.get("tasks")
        if tasks is None:
            dataset = load_suite(suite, self._settings.dataset)
        elif isinstance(tasks, (str, Path)):
            dataset = load_file(suite, metafunc.definition.path.parent / tasks)
            check_assertions(dataset)
        else:
            dataset = load_list(suite, tasks, metafunc.definition.path.parent)
            check_assertions(dataset)
        return dataset.showing(self._settings.show_tests) if self._settings.show_tests else dataset


def trial_param(item: pytest.Item) -> Param | NoModels | None:
    """What an item of ours is parametrized with."""
    callspec = getattr(item, "callspec", None)
    param = callspec.params.get("trial") if callspec else None
    return param if isinstance(param, Param | NoModels) else None


def base_suite(suite: str) -> str:
    """The suite that a parametrized variant belongs to."""
    return suite.partition("[")[0]


def check_assertions(dataset: Dataset) -> None:
    """Raises `TaskError` for a task whose own assertions are not Python: no answer could pass them."""
    for task in dataset.tasks:
        sources = {"test_setup_code": [task.test_setup_code], "test_list": task.test_list}
        for name, parts in {**sources, "visible_tests": task.visible_tests}.items():
            for number, source in enumerate(parts, start=1):
                try:
                    ast.parse(source)
                except (SyntaxError, ValueError, RecursionError, MemoryError) as why:
                    said = why.msg if isinstance(why, SyntaxError) else str(why)
                    where = f"entry {number}: " if name != "test_setup_code" else ""
                    raise TaskError(
                        f"{dataset.name}, task {task.task_id!r}, field {name!r}: {where}not Python ({said}). "
                        "Correct it: no answer could pass"
                    ) from None


def _other_ids(item: pytest.Item, param: Param) -> str:
    """The part of an item's id that is not the trial's."""
    whole = str(item.callspec.id)  # type: ignore[attr-defined]
    name = str(param.key)
    for ours in (name, name.encode("unicode_escape").decode("ascii")):  # as pytest escapes ids
        before, found, after = f"-{whole}-".partition(f"-{ours}-")
        if found:
            return "-".join(part for part in (before.strip("-"), after.strip("-")) if part)
    others = {each: place for each, place in item.callspec.indices.items() if each != "trial"}  # type: ignore[attr-defined]
    return "-".join(f"{each}{place}" for each, place in others.items())
