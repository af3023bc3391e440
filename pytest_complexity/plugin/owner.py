"""The process that pytest started: it owns the run, and with xdist serves the workers' questions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pytest_complexity.errors import ComplexityError
from pytest_complexity.plugin.answer_source import AnswerSource
from pytest_complexity.plugin.controller import Run
from pytest_complexity.plugin.options import Settings
from pytest_complexity.run.broker import Broker, Channel
from pytest_complexity.run.messages import Begin, NotMeasured, decode, encode
from pytest_complexity.run.plan import TrialPlan


class Owner:
    """Starts the run on the first plan, ends it with the session.

    `receive` is called on execnet's thread of each worker, everything else on pytest's.
    """

    def __init__(self, config: pytest.Config, settings: Settings, source: AnswerSource) -> None:
        self._config = config
        self._settings = settings
        self._source = source
        self._starting = threading.Lock()  # every worker sends the same plan; the first one starts the run
        self._run: Run | None = None
        self._errors: list[str] = []
        self._headed = False

    @property
    def broker(self) -> Broker:
        """Where items of this process collect their outcomes."""
        assert self._run is not None, "the run begins before the first item"
        return self._run.broker

    def header(self, ladder: tuple[str, ...] | None) -> list[str]:
        """What the terminal says before collection, or before the first item where the ladder was not known earlier."""
        if not ladder or self._headed:
            return []
        self._headed = True
        count = self._settings.trials
        trials = "1 trial" if count == 1 else f"{count} trials"
        source = self._source.described(ladder)
        return [f"complexity: {' < '.join(ladder)}; {trials}; {source}; sandbox {Run.level(self._settings)}"]

    def begin(self, plan: TrialPlan) -> None:
        """Starts the run. Raises `ComplexityError`."""
        self._start(plan)
        for line in self.header(plan.ladder):
            self._say(line)
        if self._run is not None:
            for notice in self._run.take_notices():
                self._say(f"complexity: {notice}", yellow=True)

    def receive(self, channel: Channel, text: str) -> None:
        """Takes a worker's message: its plan, or a question."""
        number, message = decode(text)
        if isinstance(message, Begin):
            with self._starting:
                if self._run is None and not self._errors:
                    try:
                        self._start(message.plan)
                    except ComplexityError as why:
                        self._errors.append(str(why))
        elif self._run is not None:
            self._run.broker.serve(channel, number, message)
        else:
            channel.send(encode(number, NotMeasured("; ".join(self._errors))))

    def worker_gone(self, channel: Channel) -> None:
        """Called when a worker has ended, well or badly."""
        if self._run is not None:
            self._run.broker.gone(channel)

    def _start(self, plan: TrialPlan) -> None:
        models = self._source.models(plan.ladder)
        run = Run.open(self._settings, self._config.rootpath, plan, models)
        run.start()
        if (
            self._source.live
            and self._config.option.verbose >= 0
            and self._config.pluginmanager.hasplugin("terminalreporter")
        ):
            run.show_progress(self._config.get_terminal_writer())
        self._run = run

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

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Prints the report."""
        if self._run is None:
            for error in dict.fromkeys(self._errors):
                reporter.write_line(f"ERROR: {error}", red=True)
        else:
            self._run.summarize(reporter)

    def close(self) -> None:
        """Ends what is still running."""
        if self._run is not None:
            self._run.close()

    def _say(self, line: str, **markup: Any) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line, **markup)
