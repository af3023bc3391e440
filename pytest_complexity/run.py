"""A run in the process that owns it: pipeline, sandbox and run directory, from the plan to the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.desk import LocalDesk
from pytest_complexity.gates import GateResult
from pytest_complexity.inputs import measured_of
from pytest_complexity.models import Model
from pytest_complexity.outcomes import Key
from pytest_complexity.pipeline import Pipeline
from pytest_complexity.results import Results, check_gates, parse_gates, results_of
from pytest_complexity.rundir import RunDirectory, read_run
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.sandbox import verifiers as verifiers  # noqa: PLC0414 - `session` has it from here
from pytest_complexity.settings import Settings
from pytest_complexity.suites import Dataset
from pytest_complexity.tasks import Task


@dataclass(frozen=True)
class Plan:
    """The trials of a session, in the order in which items will ask for them."""

    ladder: tuple[str, ...]
    trials: int
    datasets: Mapping[str, Dataset]
    keys: tuple[Key, ...]

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
        path = settings.run or default_directory(root, args, config)
        self._sandbox = Sandbox(settings.sandbox, workers=verifiers(), limits=Limits(settings.timeout, settings.memory))
        self.directory = RunDirectory(path, {**config, "sandbox": self._sandbox.level})
        tasks: dict[tuple[str, str], Task] = {
            (suite, task.task_id): task for suite, data in plan.datasets.items() for task in data.tasks
        }
        self.directory.add_tasks((*key, task.text) for key, task in tasks.items())
        self._pipeline = Pipeline(
            models, self._sandbox, self.directory, verifiers=verifiers(), concurrency=settings.concurrency
        )
        self.desk = LocalDesk(self._pipeline, self.directory)
        self._results: Results | None = None
        self._gates: list[GateResult] = []
        self._notices = [*self.directory.notices, *self._missing(models)]
        self._pipeline.start(tasks, plan.keys)

    def _missing(self, models: Mapping[str, Model]) -> Iterator[str]:
        known = self.directory.completions
        missing = [
            key
            for key in self._plan.keys
            if key not in known and not getattr(models[key.model], "knows", lambda _: True)(key)
        ]
        if missing:
            yield (
                f"the recordings lack {len(missing)} of {len(self._plan.keys)} trials, {missing[0]} the first: "
                "they will be unmeasured, and errors"
            )

    def take_notices(self) -> list[str]:
        """What a person should know before the first item runs; each is told once."""
        notices, self._notices = self._notices, []
        return notices

    def halt(self) -> None:
        """Begins no further call."""
        self._pipeline.halt()

    def finish(self, *, interrupted: bool) -> bool:
        """Stops the pipeline, writes labels and report; whether every gate holds."""
        if interrupted:
            self._sandbox.close()  # ends the programs that run; what was not collected is asked again
        self._pipeline.close()
        self._results = results_of(measured_of(read_run(self.directory.path)), rule=self._settings.rule)
        self._results.write(self.directory.write)
        self._gates = check_gates(self._results.report, parse_gates(self._settings.gates))
        return all(gate.passed for gate in self._gates)

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Prints the report and the gates."""
        if self._results is None:
            return
        reporter.write_sep("=", "complexity")
        for notice in self.take_notices():
            reporter.write_line(notice, yellow=True)
        terminal = reporter.config.get_terminal_writer()
        reporter.write(self._results.text(width=max(80, min(terminal.fullwidth, 120)), markup=terminal.hasmarkup))
        reporter.write_line(f"sandbox: {self._sandbox.level}; results: {_shown(self.directory.path)}")
        for gate in self._gates:
            reporter.write_line(gate.message, green=gate.passed, red=not gate.passed)

    @staticmethod
    def level(settings: Settings) -> str:
        """The isolation that this machine gives. Raises `SandboxError` where it is less than was asked for."""
        with Sandbox(settings.sandbox) as sandbox:
            return sandbox.level

    def close(self) -> None:
        """Ends every process and closes the files."""
        self._pipeline.close()
        self._sandbox.close()
        self.directory.close()


def configuration(settings: Settings, plan: Plan, models: Mapping[str, Model]) -> dict[str, Any]:
    """What `run.json` holds."""
    return {
        "version": version("pytest-complexity"),
        "ladder": list(plan.ladder),
        "trials": plan.trials,
        "limit": settings.limit,
        "timeout": settings.timeout,
        "memory": settings.memory,
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
    growing = ("version", "ladder", "trials", "limit", "rule", "seed", "models")
    fixed = {name: value for name, value in config.items() if name not in growing}
    adapters = sorted({str(model["adapter"]) for model in config["models"].values()})
    text = json.dumps([fixed, adapters, sorted(arg.split("::")[0] for arg in args)], sort_keys=True)
    base = root / ".pytest-complexity"
    if not base.exists():
        base.mkdir()
        (base / ".gitignore").write_text("*\n")
    return base / hashlib.sha256(text.encode()).hexdigest()[:12]
