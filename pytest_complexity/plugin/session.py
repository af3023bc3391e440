"""One pytest session, from collection to the report: where the stages of the pipeline meet.

Three processes hold one of these. Without pytest-xdist there is a single one that does everything. With it the
controller owns the pipeline and the files and never collects, while each worker collects and runs items and reaches
the controller's desk over a channel.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Key, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError, ModelError
from pytest_complexity.labels.rules import Rule
from pytest_complexity.models import Bounded, Model, Price, Unanswered
from pytest_complexity.models.replay import EMBEDDED, Recording, ReplayModel, check_models
from pytest_complexity.plugin.controller import Plan, Run, checks_of
from pytest_complexity.plugin.options import Settings, read_settings
from pytest_complexity.report.assembly import check_router
from pytest_complexity.run.broker import Channel, Desk, LocalDesk, RemoteDesk
from pytest_complexity.run.pipeline import Skipped
from pytest_complexity.run.trial import Trial
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.suites import load_file, load_list, load_suite
from pytest_complexity.suites.dataset import Dataset

_SHOWN_ERRORS = 10


@dataclass(frozen=True)
class Param:
    """What an item is parametrized with."""

    key: Key
    task: Task


class Session:
    """See the module. Made on the first use only."""

    def __init__(self, config: pytest.Config) -> None:
        """Raises `pytest.UsageError` for options that cannot be used."""
        self.config = config
        self.settings: Settings = read_settings(config)
        self._worker: Mapping[str, Any] | None = getattr(config, "workerinput", None)
        self._datasets: dict[str, Dataset] = {}
        self._owners: dict[str, str] = {}  # suite -> the test function that covers it
        self._errors: list[str] = []
        self._desk: Desk | None = None
        self._run: Run | None = None
        self._sandbox: Sandbox | None = None
        self._live_sandbox: Sandbox | None = None
        self._recording: Recording | None = None
        self._live: dict[str, Model] = {}
        self._headed = False
        self._starting = threading.Lock()
        if self._worker is None:
            with _usage_errors():
                self._recording = Recording.read(self.settings.replay) if self.settings.replay else None
                if self._recording and self.settings.models:
                    check_models(self._recording, self.settings.models)
                checks_of(self.settings)
                ladder = self.settings.models or self.recorded_models() or EMBEDDED.models
                Rule.named(self.settings.rule, len(ladder))
                if self.settings.router:
                    check_router(self.settings.router, ladder, self.settings.rule)
                if self.settings.models and not self._recording:
                    self._live = _live(self.settings, self._tables(), checked=not config.option.collectonly)

    # -- what to run --------------------------------------------------------------------------------------------

    def header(self, plan: Plan | None = None) -> list[str]:
        """What the terminal says before collection, or before the first item where nothing was known earlier."""
        ladder = plan.ladder if plan else self.settings.models or tuple(self.recorded_models())
        if not ladder or self._headed:
            return []
        self._headed = True
        recordings = [path.name for path in self.settings.replay] or ([EMBEDDED.path.name] if self._recording else [])
        source = f"replay of {', '.join(recordings)}" if recordings else "live"
        trials = "1 trial" if self._trials() == 1 else f"{self._trials()} trials"
        return [f"complexity: {' < '.join(ladder)}; {trials}; {source}; sandbox {Run.level(self.settings)}"]

    def parametrize(self, metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
        """One item per task, model and trial. A mistake ends the run before any model is called."""
        try:
            suite, dataset = self._dataset(metafunc, marker)
            if self.settings.show_tests:
                dataset = dataset.showing(self.settings.show_tests)
            ladder = self._ladder(suite)
        except ComplexityError as why:
            message = f"{metafunc.definition.nodeid}: {why}"
            if self._worker is not None:  # a worker can only report; its items are dropped in `collected`
                raise pytest.Collector.CollectError(message) from None
            self._errors.append(message)
            metafunc.parametrize("trial", [], indirect=True)
            return
        self._datasets[suite] = dataset
        params = [
            Param(Key(suite, task.task_id, model, trial), task)
            for task in dataset.tasks[: self.settings.limit]
            for model in ladder
            for trial in range(self._trials())
        ]
        metafunc.parametrize("trial", params, ids=[str(param.key) for param in params], indirect=True)

    def collected(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Ends the run over what collection found; nothing has been called or paid for yet."""
        if self._errors:
            raise pytest.UsageError(*dict.fromkeys(self._errors))
        # pytest itself stops after a failed collection, xdist's workers go on: then models would be paid for a run
        # that cannot be whole.
        if self._worker is not None and session.testsfailed and not self.config.option.continue_on_collection_errors:
            items.clear()

    def _dataset(self, metafunc: pytest.Metafunc, marker: pytest.Mark) -> tuple[str, Dataset]:
        extra = sorted(marker.kwargs.keys() - {"suite", "tasks"})
        if marker.args or extra:
            raise ComplexityError(
                f"the marker knows suite= and tasks=, not {', '.join(extra) or 'positional arguments'}"
            )
        if "trial" not in metafunc.fixturenames:
            raise ComplexityError("a test with the marker `complexity` takes the argument `trial`")
        name = metafunc.definition.path.stem
        suite = str(marker.kwargs.get("suite") or name.removeprefix("test_"))
        owner = metafunc.definition.nodeid
        if self._owners.setdefault(suite, owner) != owner:
            raise ComplexityError(
                f"suite {suite!r} is covered by {self._owners[suite]} already: give one of them a suite= of its own"
            )
        tasks = marker.kwargs.get("tasks")
        if tasks is None:
            return suite, load_suite(suite, self._dataset_option())
        if isinstance(tasks, (str, Path)):
            return suite, load_file(suite, metafunc.definition.path.parent / tasks)
        return suite, load_list(suite, tasks)

    def _dataset_option(self) -> str | None:
        said = self.settings.dataset
        if said in (None, "full", "sanitized"):
            return said
        return str(self.config.invocation_params.dir / str(said))

    def _trials(self) -> int:
        return self.settings.trials or EMBEDDED.trials

    def _ladder(self, suite: str) -> Sequence[str]:
        if self.settings.models:
            return self.settings.models
        if self._worker is not None and self._worker["complexity_ladder"]:
            return tuple(self._worker["complexity_ladder"])
        if self._recording is not None:
            return self._recording.models
        if suite == EMBEDDED.suite:
            return EMBEDDED.models
        raise ModelError(f"suite {suite!r} has no models: give --cx-models=A,B,C, cheapest first, or --cx-replay=PATH")

    # -- running ------------------------------------------------------------------------------------------------

    def begin(self, session: pytest.Session) -> None:
        """Starts the pipeline on the items that are left, or tells the controller to."""
        plan = self._plan(session.items)
        if not plan.keys or (session.testsfailed and not self.config.option.continue_on_collection_errors):
            return
        for item in session.items:
            self._raise_backstop(item)
        if self._worker is None:
            self._start(plan)
            assert self._run is not None
            reporter = self.config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                for line in self.header(plan):
                    reporter.write_line(line)
                for notice in self._run.take_notices():
                    reporter.write_line(f"complexity: {notice}", yellow=True)
        else:
            channel = self._worker["complexity_channel"]
            channel.send(json.dumps(["plan", plan.to_json()]))
            self._desk = RemoteDesk(channel, self._own_sandbox(), plan.tasks())

    def _own_sandbox(self) -> Sandbox | None:
        """A worker on another machine verifies there, if that isolates as well as was asked for."""
        if self._worker is not None and self._worker["complexity_remote"]:
            with contextlib.suppress(ComplexityError):
                limits = Limits(self.settings.timeout, self.settings.memory)
                self._sandbox = Sandbox(self.settings.sandbox, limits=limits)
        return self._sandbox

    def worker_gone(self, channel: Channel) -> None:
        """Called on the controller when a worker has ended, well or badly."""
        if isinstance(self._desk, LocalDesk):
            self._desk.gone(channel)

    def recorded_models(self) -> list[str]:
        """The models of the recording, which a worker does not read."""
        return list(self._recording.models) if self._recording else []

    def receive(self, channel: Channel, message: str) -> None:
        """Takes a worker's message, on the controller: its plan, or a question."""
        if message.startswith('["plan"'):
            with self._starting:  # every worker sends the same plan; the first one starts the run
                if self._run is None and not self._errors:
                    try:
                        self._start(Plan.from_json(json.loads(message)[1]))
                    except pytest.UsageError as why:
                        self._errors.append(str(why))
        elif isinstance(self._desk, LocalDesk):
            self._desk.serve(channel, message)
        else:
            channel.send(json.dumps([json.loads(message)[0], {"unanswered": "; ".join(self._errors)}]))

    def trial(self, param: Param) -> Trial:
        """The fixture's value."""
        assert self._desk is not None, "the plan is sent before the first item runs"
        return Trial(param.key, param.task, self._desk, self._for_live_runs)

    def _for_live_runs(self) -> Sandbox:
        """A sandbox beside the pipeline's, in the process that runs the item: a live run keeps its worker."""
        if self._live_sandbox is None:
            self._live_sandbox = Sandbox(
                self.settings.sandbox, limits=Limits(self.settings.timeout, self.settings.memory)
            )
        return self._live_sandbox

    def _start(self, plan: Plan) -> None:
        with _usage_errors():
            self._run = Run(self.settings, self.config.rootpath, self.config.args, plan, self._models(plan))
            told = self.config.option.verbose >= 0 and self.config.pluginmanager.hasplugin("terminalreporter")
            if self._live and told:
                self._run.show_progress(self.config.get_terminal_writer())
        self._desk = self._run.desk

    def _tables(self) -> Mapping[str, Mapping[str, Any]]:
        from pytest_complexity.models.registry import read_tables  # noqa: PLC0415  (a replay needs no adapter)

        return read_tables(self.config.rootpath / "pyproject.toml")

    def _models(self, plan: Plan) -> Mapping[str, Model]:
        if self._recording is None and plan.ladder == EMBEDDED.models and not self.settings.models:
            self._recording = Recording.read([EMBEDDED.path])
        if self._recording is None:
            return self._live
        recording = self._recording
        check_models(recording, plan.ladder)
        return {name: ReplayModel(name, recording) for name in plan.ladder}

    def _plan(self, items: Sequence[pytest.Item]) -> Plan:
        params = [param for item in items if (param := _param(item))]
        suites = dict.fromkeys(param.key.suite for param in params)
        ladder = tuple(self._ladder(next(iter(suites)))) if suites else ()
        return Plan(
            ladder=ladder,
            trials=self._trials(),
            datasets={suite: self._datasets[suite] for suite in suites},
            keys=tuple(dict.fromkeys(param.key for param in params)),
        )

    def _raise_backstop(self, item: pytest.Item) -> None:
        """pytest-timeout's limit for an item of ours lies beyond anything that our own limit lets happen."""
        if _param(item) is None or not self.config.pluginmanager.hasplugin("timeout"):
            return
        marker = item.get_closest_marker("timeout")
        asked = marker.args[0] if marker and marker.args else self.config.getoption("timeout", None)
        if asked is None:
            asked = self.config.getini("timeout")
        # Two runs of a program, each with a retry alone, behind as many as there are verifying workers.
        ours = 60 + 8 * self.settings.timeout * processors()
        if self._live or (self._worker is not None and not self.settings.replay):
            ours += 24 * 3600  # a server may ask us to wait, again and again; each wait has a bound of its own
        if asked and float(asked) > 0 and float(asked) < ours:
            item.add_marker(pytest.mark.timeout(ours), append=False)

    # -- reporting ----------------------------------------------------------------------------------------------

    def annotate(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, trial: Trial) -> None:
        """Turns what a trial came to into the item's report: a wrong answer is data, what was not measured an error."""
        if call.excinfo is not None and call.excinfo.errisinstance(Skipped):
            path, line, _ = item.location
            report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {call.excinfo.value}")
            return
        judged = trial.conclude(call.excinfo.value if call.excinfo else None)
        if call.excinfo is not None and not judged and not call.excinfo.errisinstance(Unanswered):
            if trial.judges and report.failed:
                report.complexity = "unjudged"  # type: ignore[attr-defined]  # a mistake of the test's own
            return
        if call.excinfo is not None and not judged:
            verdict, detail = Verdict.UNMEASURED, str(call.excinfo.value)
        elif trial.outcome is None:
            report.complexity = "unjudged"  # type: ignore[attr-defined]
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: the test called neither trial.verify() nor record, check or function"
            return
        else:
            verdict, detail = trial.outcome.verdict, trial.outcome.detail
        report.complexity = verdict.value  # type: ignore[attr-defined]
        item.user_properties.append(("verdict", verdict.value))
        if verdict is Verdict.UNMEASURED:
            report.outcome, report.longrepr = "failed", f"{trial.key}: not measured: {detail}"
        elif verdict is not Verdict.PASS and self.settings.strict:
            report.outcome, report.longrepr = "failed", f"{trial.key}: {verdict.value}: {detail}"
        elif call.excinfo is not None:
            report.outcome, report.longrepr = "passed", None

    @contextlib.contextmanager
    def few_errors(self, reporter: pytest.TerminalReporter) -> Iterator[None]:
        """Shows the first unmeasured trials in full while pytest lists its errors; the rest is counted, not listed."""
        errors = reporter.stats.get("error", [])
        ours = [report for report in errors if getattr(report, "complexity", None) == "unmeasured"]
        hidden = {id(report) for report in ours[_SHOWN_ERRORS:]}
        if hidden:
            reporter.stats["error"] = [report for report in errors if id(report) not in hidden]
        yield
        if hidden:
            reporter.stats["error"] = errors
            reporter.write_line(f"... and {len(hidden)} more trials that were not measured")

    def reported(self, session: pytest.Session) -> None:
        """Begins no further call once `-x` or `--maxfail` has stopped the session: calls cost money."""
        if self._run is not None and (session.shouldfail or session.shouldstop):
            self._run.halt()

    def interrupted(self) -> None:
        """After the first Ctrl-C lets calls in flight land, and every item go that waits."""
        if self._run is not None:
            self._run.land(self._say)

    def finish(self, session: pytest.Session) -> None:
        """Stops the pipeline and writes labels and report; a gate that does not hold fails the run."""
        if self._run is None:
            if self._errors and session.exitstatus in (0, 1):
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED
        if not self._run.finish(interrupted=interrupted, say=self._say) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _say(self, line: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Prints the report."""
        if self._run is None:
            for error in dict.fromkeys(self._errors):
                reporter.write_line(f"ERROR: {error}", red=True)
        else:
            self._run.summarize(reporter)

    def close(self) -> None:
        """Ends what is still running."""
        for sandbox in (self._sandbox, self._live_sandbox):
            if sandbox is not None:
                sandbox.close()
        if self._run is not None:
            self._run.close()


def _live(settings: Settings, tables: Mapping[str, Mapping[str, Any]], *, checked: bool) -> dict[str, Model]:
    """The models to call. Raises `ModelError` with a line for each that cannot run."""
    from pytest_complexity.models.registry import build  # noqa: PLC0415  (a replay needs no adapter)

    sampling = {"temperature": settings.temperature, "max_tokens": settings.max_tokens}
    models: dict[str, Model] = {}
    lacking = []
    for spec in settings.specs or ():
        try:
            model = build(spec, tables, **sampling, seed=settings.seed)  # type: ignore[arg-type]
            models[model.name] = model
            if settings.max_cost is not None:
                _check_price(model)
            if checked:
                model.check()
        except ModelError as why:
            lacking.append(str(why))
    if lacking:
        raise ModelError("\n".join([*lacking, "or answer from recordings: --cx-replay=PATH"]))
    return models


def _check_price(model: Model) -> None:
    """A cap holds only where it is known beforehand what a call can cost at most."""
    table = f"[tool.pytest-complexity.models.{model.name}] of pyproject.toml"
    if model.price is None:
        raise ModelError(
            f"--cx-max-cost: model {model.name!r} has no price: "
            f"set input_price and output_price (US dollars per million tokens, 0 where it is free) in {table}"
        )
    if model.price != Price(0, 0) and not isinstance(model, Bounded):
        raise ModelError(
            f"--cx-max-cost: the adapter of {model.name!r} does not tell what a call can cost: "
            f"leave the cap out, or set its prices to 0 in {table}"
        )


def _param(item: pytest.Item) -> Param | None:
    callspec = getattr(item, "callspec", None)
    param = callspec.params.get("trial") if callspec else None
    return param if isinstance(param, Param) else None


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except ComplexityError as why:
        raise pytest.UsageError(str(why)) from None
