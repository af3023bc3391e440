"""What one process holds of a pytest session: its settings, its collection, its reports, and its side of the run.

Without pytest-xdist a single process does everything. With it the controller owns the run and never collects, while
each worker collects and runs items and asks the owner over a channel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_complexity.errors import ComplexityError
from pytest_complexity.plugin.answer_source import AnswerSource
from pytest_complexity.plugin.collection import Collection, NoModels, Param
from pytest_complexity.plugin.item_reports import ItemReports
from pytest_complexity.plugin.options import read_settings
from pytest_complexity.plugin.owner import Owner
from pytest_complexity.plugin.worker import Worker, WorkerInput
from pytest_complexity.run.trial import Trial
from pytest_complexity.sandbox import Limits, Sandbox


class ComplexitySession:
    """Made by `open` on the first use only. Called on pytest's thread; threads of execnet's use `owner` alone."""

    def __init__(self, config: pytest.Config) -> None:
        """Raises `pytest.UsageError` for options that cannot be used."""
        self._config = config
        self._settings = read_settings(config)
        given = WorkerInput.of(config)
        self.source = AnswerSource(self._settings, config.rootpath, given.recorded if given else ())
        self.collection = Collection(config, self._settings, self.source, on_worker=given is not None)
        self.reports = ItemReports(strict=self._settings.strict)
        self.owner = Owner(config, self._settings, self.source)
        self._sandbox: Sandbox | None = None
        self._side: Owner | Worker = Worker(given, self._settings) if given else self.owner

    @classmethod
    def open(cls, config: pytest.Config) -> ComplexitySession:
        """The session, with recordings read and models checked. Raises `pytest.UsageError`."""
        session = cls(config)
        if isinstance(session._side, Owner):
            with _usage_errors():
                session.source.prepare(collect_only=config.option.collectonly)
        return session

    def header(self) -> list[str]:
        """What the terminal says before collection."""
        if self._config.option.collectonly:
            return []
        with _usage_errors():
            return self.owner.header(self._settings.models or self.source.recorded)

    def begin(self, session: pytest.Session) -> None:
        """Starts the run of the items that are left, or asks the owner to."""
        plan = self.collection.plan(session.items)
        if not plan.keys or (session.testsfailed and not self._config.option.continue_on_collection_errors):
            return
        self.collection.raise_timeouts(session.items)
        with _usage_errors():
            self._side.begin(plan)

    def trial(self, param: Param | NoModels) -> Trial:
        """The fixture's value."""
        if isinstance(param, NoModels):
            pytest.fail(param.reason, pytrace=False)
        return Trial(param.key, param.task, self._side.broker, self._for_functions)

    def _for_functions(self) -> Sandbox:
        """A sandbox beside the pipeline's, in the process that runs the item: a loaded program keeps its worker."""
        if self._sandbox is None:
            self._sandbox = Sandbox(
                self._settings.sandbox, limits=Limits(self._settings.timeout, self._settings.memory)
            )
        return self._sandbox

    def close(self) -> None:
        """Ends what is still running."""
        self._side.close()
        if self._sandbox is not None:
            self._sandbox.close()


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except ComplexityError as why:
        raise pytest.UsageError(str(why)) from None
