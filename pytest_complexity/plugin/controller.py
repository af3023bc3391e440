"""A run in the process that owns it: pipeline, sandbox and run directory, from the plan to the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from pytest_complexity.calls import Reporting, Setup
from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Model
from pytest_complexity.plugin.options import Settings
from pytest_complexity.report.assembly import Checks, Results, results_of, route_on
from pytest_complexity.report.gates import GateResult, annotated
from pytest_complexity.run.broker import LocalDesk
from pytest_complexity.run.directory import RunDirectory, read_run
from pytest_complexity.run.inputs import measured_of, read_measured
from pytest_complexity.run.pipeline import Pipeline
from pytest_complexity.run.progress import Progress
from pytest_complexity.run.spending import Ledger
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.suites.dataset import Dataset


@dataclass(frozen=True)
class Plan:
    """The trials of a session, in the order in which items will ask for them."""

    ladder: tuple[str, ...]
    trials: int
    datasets: Mapping[str, Dataset]
    keys: tuple[Key, ...]

    def tasks(self) -> dict[tuple[str, str], Task]:
        """Its tasks by (suite, task id)."""
        return {(suite, task.task_id): task for suite, data in self.datasets.items() for task in data.tasks}

    def to_json(self) -> dict[str, Any]:
        """As plain builtins: a worker sends its plan to the controller."""
        return {
            "ladder": self.ladder,
            "trials": self.trials,
            "keys": self.keys,
            "datasets": [
                [each.suite, each.name, each.sha256, [task.to_json() for task in each.tasks]]
                for each in self.datasets.values()
            ],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` made."""
        datasets = [
            Dataset(suite, name, digest, tuple(Task.from_json(task) for task in tasks))
            for suite, name, digest, tasks in record["datasets"]
        ]
        return cls(
            ladder=tuple(record["ladder"]),
            trials=record["trials"],
            datasets={dataset.suite: dataset for dataset in datasets},
            keys=tuple(Key(*key) for key in record["keys"]),
        )


class Run:
    """What the owning process holds between the first item and the report."""

    def __init__(
        self, settings: Settings, root: Path, args: Sequence[str], plan: Plan, models: Mapping[str, Model]
    ) -> None:
        """Opens the run directory and starts the pipeline. Raises `ComplexityError`."""
        self._settings = settings
        self._plan = plan
        config = configuration(settings, plan, models)
        tasks = plan.tasks()
        setup = Setup(
            plan.keys,
            plan.ladder,
            plan.trials,
            tasks,
            settings.calls.argument,
            settings.rule,
            settings.seed,
            read=lambda path: read_measured(settings.base / path, plan.ladder),
        )
        self._calls = settings.calls.make(setup)
        path = settings.run or default_directory(root, args, config)
        self._sandbox = Sandbox(
            settings.sandbox, workers=processors(), limits=Limits(settings.timeout, settings.memory)
        )
        self.directory = RunDirectory(path, {**config, "sandbox": self._sandbox.level})
        self.directory.add_tasks((suite, task) for (suite, _), task in tasks.items())
        self._pipeline = Pipeline(
            models,
            self._sandbox,
            self.directory,
            verifiers=processors(),
            concurrency=settings.concurrency,
            ledger=Ledger(None if settings.replay else settings.max_cost, self.directory.spent(models)),
        )
        self.desk = LocalDesk(self._pipeline, self.directory, self._sandbox.level)
        self._progress: Progress | None = None
        self._results: Results | None = None
        self._checks = checks_of(settings)
        self._gates: list[GateResult] = []
        self._notices = [*self.directory.notices, *self._missing(models), *self._unsure()]
        self._pipeline.start(tasks, plan.keys, self._calls)

    def show_progress(self, terminal: TerminalWriter) -> None:
        """Tells how far the calls are until the run is over."""
        self._progress = Progress(self._pipeline.traffic, lambda: terminal.width_of_current_line)
        self._progress.start()

    def _missing(self, models: Mapping[str, Model]) -> Iterator[str]:
        known = self.directory.completions
        missing = [
            key
            for key in self._plan.keys
            if key not in known and not getattr(models[key.model], "knows", lambda _: True)(key)
        ]
        if missing:
            which = "they" if self._settings.calls.name == "all" else "those that are called for"
            yield (
                f"the recordings lack {len(missing)} of {len(self._plan.keys)} trials, {missing[0]} the first: "
                f"{which} will be unmeasured, and errors"
            )

    def _unsure(self) -> Iterator[str]:
        """A replayed completion answers the prompt that it was recorded with."""
        if self._settings.show_tests and self._settings.replay:
            yield (
                f"--cx-show-tests={self._settings.show_tests}: a recording does not tell whether its prompts showed "
                "these assertions; where they did not, they are a check that the models did not know of"
            )

    def take_notices(self) -> list[str]:
        """What a person should know before the first item runs; each is told once."""
        notices, self._notices = self._notices, []
        return notices

    def halt(self) -> None:
        """Begins no further call."""
        self._pipeline.halt()

    def land(self, say: Callable[[str], None]) -> None:
        """Begins no further call and waits for those in flight, which are paid for; Ctrl-C drops them."""
        if self._progress is not None:
            self._progress.stop()
        self._pipeline.halt()
        flying = sum(each.in_flight for each in self._pipeline.traffic())
        try:
            if flying:
                say(f"complexity: waiting for {flying} calls in flight; Ctrl-C drops them")
            self._pipeline.land()
        except KeyboardInterrupt:
            say("complexity: calls in flight were dropped")
            self._sandbox.close()
            self._pipeline.close()

    def finish(self, *, interrupted: bool, say: Callable[[str], None]) -> bool:
        """Lets calls in flight land, stops the pipeline, writes labels and report; whether every gate holds."""
        if interrupted:
            self._sandbox.close()  # ends the programs that run; what was not collected is asked again
        self.land(say)
        self._pipeline.close()
        measured = measured_of(read_run(self.directory.path))
        rule, seed, router = self._settings.rule, self._settings.seed, self._settings.router
        routed = route_on(measured, router, rule, seed) if router else None
        self._results = results_of(measured, rule, routed=routed, seed=seed)
        if isinstance(self._calls, Reporting):
            self._results = self._results.told(self._calls.report())
        self._gates = self._checks.of(self._results.report, self._settings.seed)
        self._results.write(self.directory.write, checked=self._gates, baseline=self._checks.baseline)
        return all(gate.passed for gate in self._gates)

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Prints the report and the gates."""
        if self._results is None:
            return
        reporter.write_sep("=", "complexity")
        for notice in self.take_notices():
            reporter.write_line(notice, yellow=True)
        if self.desk.judged_elsewhere:
            reporter.write_line(f"{self.desk.judged_elsewhere} trials were verified on other machines")
        terminal = reporter.config.get_terminal_writer()
        reporter.write(self._results.text(width=max(80, min(terminal.fullwidth, 120)), markup=terminal.hasmarkup))
        reporter.write_line(f"sandbox: {self._sandbox.level}; results: {_shown(self.directory.path)}")
        reporter.write_line(f"open in a browser: {_shown(self.directory.path / 'report.html')}")
        for gate in self._gates:
            text = annotated(gate)  # an annotation is one at the very beginning of its line only: no colour
            reporter.write_line(text, green=gate.passed, red=text == gate.message and not gate.passed)

    @staticmethod
    def level(settings: Settings) -> str:
        """The isolation that this machine gives. Raises `SandboxError` where it is less than was asked for."""
        with Sandbox(settings.sandbox) as sandbox:
            return sandbox.level

    def close(self) -> None:
        """Ends every process and closes the files."""
        if self._progress is not None:
            self._progress.stop()
        self._pipeline.close()
        self._sandbox.close()
        self.directory.close()


def checks_of(settings: Settings) -> Checks:
    """What decides over the exit status. Raises `GateError`."""
    return Checks.read(settings.gates, settings.baseline, settings.margin)


def configuration(settings: Settings, plan: Plan, models: Mapping[str, Model]) -> dict[str, Any]:
    """What `run.json` holds."""
    return {
        "version": version("pytest-complexity"),
        "ladder": list(plan.ladder),
        "trials": plan.trials,
        "show_tests": settings.show_tests,
        "limit": settings.limit,
        "timeout": settings.timeout,
        "memory": settings.memory,
        "calls": str(settings.calls),
        "rule": settings.rule,
        "seed": settings.seed,
        "replay": [path.name for path in settings.replay],
        "suites": {
            suite: {"dataset": data.name, "sha256": data.sha256, "tasks": len(data.tasks)}
            for suite, data in plan.datasets.items()
        },
        "models": {
            name: {**model.definition, "price": asdict(model.price) if model.price else None}
            for name, model in models.items()
        },
    }


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def default_directory(root: Path, args: Sequence[str], config: Mapping[str, Any]) -> Path:
    """`.pytest-complexity/<hash>`: of what was asked for, without what may grow, so that a larger run goes on."""
    growing = ("version", "ladder", "trials", "limit", "calls", "rule", "seed", "models")
    fixed = {name: value for name, value in config.items() if name not in growing}
    adapters = sorted({str(model["adapter"]) for model in config["models"].values()})
    text = json.dumps([fixed, adapters, sorted(arg.split("::")[0] for arg in args)], sort_keys=True)
    base = root / ".pytest-complexity"
    if not base.exists():
        base.mkdir()
        (base / ".gitignore").write_text("*\n")
    return base / hashlib.sha256(text.encode()).hexdigest()[:12]
