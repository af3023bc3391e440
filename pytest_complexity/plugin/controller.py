"""A run in the process that owns it: pipeline, sandbox and run directory, from the plan to the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from pytest_complexity.calls import Reporting, Setup
from pytest_complexity.core.machine import processors
from pytest_complexity.models import Model, Price, Recorded
from pytest_complexity.plugin.options import Settings
from pytest_complexity.report.assembly import Checks, Results, results_of, route_on
from pytest_complexity.report.gates import GateResult, annotated
from pytest_complexity.run.broker import LocalBroker
from pytest_complexity.run.cluster import Cluster
from pytest_complexity.run.directory import RunDirectory, read_run
from pytest_complexity.run.inputs import measured_of, read_measured
from pytest_complexity.run.pipeline import Pipeline
from pytest_complexity.run.plan import TrialPlan
from pytest_complexity.run.progress import Progress
from pytest_complexity.run.reuse import find_completions
from pytest_complexity.run.spending import SpendingCap
from pytest_complexity.sandbox import Limits, Sandbox


class Run:
    """What the owning process holds between the first item and the report.

    Called on pytest's thread; `halt` and `broker` from any. The pipeline's threads write to the directory.
    """

    def __init__(
        self,
        settings: Settings,
        plan: TrialPlan,
        models: Mapping[str, Model],
        directory: RunDirectory,
        sandbox: Sandbox | Cluster,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._models = models
        self._directory = directory
        self._sandbox = sandbox
        self._calls = settings.calls.make(setup_of(settings, plan))
        self._spending = SpendingCap(None if settings.replay else settings.max_cost, directory.spent(models))
        self._pipeline = Pipeline(
            models,
            sandbox,
            directory,
            verifiers=sandbox.at_once if isinstance(sandbox, Cluster) else processors(),
            concurrency=settings.concurrency,
            spending=self._spending,
        )
        self.broker = LocalBroker(self._pipeline, directory, sandbox.level)
        self._checks = Checks.read(settings.gates, settings.baseline, settings.margin)
        self._progress: Progress | None = None
        self._results: Results | None = None
        self._gates: list[GateResult] = []
        self._notices = [*getattr(sandbox, "notices", ()), *directory.notices, *self._missing(), *self._unsure()]

    @classmethod
    def open(cls, settings: Settings, root: Path, plan: TrialPlan, models: Mapping[str, Model]) -> Run:
        """Starts the sandbox and opens the run directory. Raises `ComplexityError`."""
        settings.calls.make(setup_of(settings, plan))  # a mistake in --cx-calls leaves no directory behind
        config = configuration(settings, plan, models)
        sandbox = _sandbox_of(settings)
        path = settings.run or default_directory(root, config, plan.collected)
        directory = RunDirectory.open(path, {**config, "sandbox": sandbox.level})
        tasks = plan.tasks()
        directory.add_tasks((suite, task) for (suite, _), task in tasks.items())
        if settings.run is None:
            definitions = {name: model.definition for name, model in models.items()}
            asked = {name: each for name, each in definitions.items() if each["adapter"] not in ("replay", "scripted")}
            directory.adopt(find_completions(path, plan.keys, tasks, asked))
        return cls(settings, plan, models, directory, sandbox)

    def start(self) -> None:
        """Begins to call and to verify."""
        self._pipeline.start(self._plan.tasks(), self._plan.keys, self._calls)

    def show_progress(self, terminal: TerminalWriter) -> None:
        """Tells how far the calls are until the run is over."""
        self._progress = Progress(self._pipeline.traffic, self._money, lambda: terminal.width_of_current_line)
        self._progress.start()

    def _money(self) -> str:
        """What was spent, where any model has a price."""
        priced = any(model.price is not None and model.price != Price(0, 0) for model in self._models.values())
        return str(self._spending) if priced and not self._settings.replay else ""

    def _missing(self) -> Iterator[str]:
        known = self._directory.completions
        recorded = {name: model for name, model in self._models.items() if isinstance(model, Recorded)}
        missing = [
            key
            for key in self._plan.keys
            if key not in known and key.model in recorded and not recorded[key.model].knows(key)
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
        in_flight = sum(each.in_flight for each in self._pipeline.traffic())
        try:
            if in_flight:
                say(f"complexity: waiting for {in_flight} call{'s' * (in_flight > 1)} in flight; Ctrl-C drops them")
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
        measured = measured_of(read_run(self._directory.path))
        rule, seed, router = self._settings.rule, self._settings.seed, self._settings.router
        routed = route_on(measured, router, rule, seed) if router else None
        self._results = results_of(measured, rule, routed=routed, seed=seed)
        if isinstance(self._calls, Reporting):
            self._results = self._results.told(self._calls.report())
        self._gates = self._checks.of(self._results.report, self._settings.seed)
        self._results.write(self._directory.write, checked=self._gates, baseline=self._checks.baseline)
        return all(gate.passed for gate in self._gates)

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Prints the report and the gates."""
        if self._results is None:
            return
        reporter.write_sep("=", "complexity")
        for notice in self.take_notices():
            reporter.write_line(notice, yellow=True)
        if count := self.broker.verified_elsewhere:
            reporter.write_line(f"{count} trial{'s were' if count > 1 else ' was'} verified on other machines")
        terminal = reporter.config.get_terminal_writer()
        reporter.write(self._results.text(width=max(80, min(terminal.fullwidth, 120)), markup=terminal.hasmarkup))
        if money := self._money():
            reporter.write_line(money)
        reporter.write_line(f"sandbox: {self._sandbox.level}; results: {_shown(self._directory.path)}")
        reporter.write_line(f"open {_shown(self._directory.path / 'report.html')} in a browser to see each answer")
        for gate in self._gates:
            text = annotated(gate)  # an annotation is one at the very beginning of its line only: no colour
            reporter.write_line(text, green=gate.passed, red=text == gate.message and not gate.passed)

    @staticmethod
    def level(settings: Settings) -> str:
        """The isolation that this machine gives. Raises `SandboxError` where it is less than was asked for."""
        if settings.ray is not None:
            return "on a Ray cluster"
        with Sandbox(settings.sandbox) as sandbox:
            return sandbox.level

    def close(self) -> None:
        """Ends every process and closes the files."""
        if self._progress is not None:
            self._progress.stop()
        self._pipeline.close()
        self._sandbox.close()
        self._directory.close()


def _sandbox_of(settings: Settings) -> Sandbox | Cluster:
    limits = Limits(settings.timeout, settings.memory)
    if settings.ray is not None:
        return Cluster(settings.ray, settings.sandbox, limits)
    return Sandbox(settings.sandbox, workers=processors(), limits=limits)


def setup_of(settings: Settings, plan: TrialPlan) -> Setup:
    """What a call policy is made from."""
    return Setup(
        plan.keys,
        plan.ladder,
        plan.trials,
        plan.tasks(),
        settings.calls.argument,
        settings.rule,
        settings.seed,
        read=lambda path: read_measured(settings.base / path, plan.ladder),
    )


def configuration(settings: Settings, plan: TrialPlan, models: Mapping[str, Model]) -> dict[str, Any]:
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


def default_directory(root: Path, config: Mapping[str, Any], collected: Mapping[str, str]) -> Path:
    """`.pytest-complexity/<hash>`: of what was collected and how it is verified, whatever was selected.

    What may grow is left out, so that a larger run goes on.
    """
    fixed = {name: config[name] for name in ("timeout", "memory", "show_tests", "replay")}
    adapters = sorted({str(model["adapter"]) for model in config["models"].values()})
    text = json.dumps([fixed, adapters, collected], sort_keys=True)
    base = root / ".pytest-complexity"
    if not base.exists():
        base.mkdir()
        (base / ".gitignore").write_text("*\n")
    return base / hashlib.sha256(text.encode()).hexdigest()[:12]
