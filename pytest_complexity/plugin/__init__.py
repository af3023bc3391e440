"""pytest's hooks, each a short forward: options to `options.py`, the run to `session.py`.

A project that installed the plugin and does not use it pays for this module, `options.py` and `xdist.py` alone:
everything else is imported when a test carries the marker `complexity` or an option is given.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_complexity.plugin.options import add_options, any_option_given

if TYPE_CHECKING:
    from pytest_complexity.plugin.owner import Owner
    from pytest_complexity.plugin.session import ComplexitySession
    from pytest_complexity.run.trial import Trial

_SESSION = pytest.StashKey["ComplexitySession"]()
_TRIAL = pytest.StashKey["Trial"]()
_MARKER = "complexity(suite=None, tasks=None): one item per task, model and trial; the test takes `trial`"


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if any_option_given(config):
        _session(config)  # a mistake in the options ends the run here, before anything is collected
    if config.pluginmanager.hasplugin("xdist"):
        from pytest_complexity.plugin.xdist import XdistHooks  # noqa: PLC0415  (only where xdist is)

        config.pluginmanager.register(XdistHooks(_find, _session), "complexity-xdist")


def pytest_report_header(config: pytest.Config) -> list[str]:
    session = _find(config)
    return session.header() if session else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("complexity")
    if marker is not None:
        _session(metafunc.config).collection.parametrize(metafunc, marker)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if ours := _find(config):
        ours.collection.check(session, items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    # `session.items` is final here, after -k, --lf, --deselect and any shuffling.
    ours = _find(session.config)
    if ours and not session.config.getoption("collectonly") and hasattr(session, "items"):
        ours.begin(session)
        session.config.pluginmanager.register(_Interruptions(ours.owner, session), "complexity-interruptions")
    return (yield)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """One completion of one task by one model: `trial.verify()`, or check it by `function`, `check` or `record`."""
    if not hasattr(request, "param"):
        raise pytest.UsageError("the fixture `trial` is for tests marked with @pytest.mark.complexity(...)")
    item_trial = request.config.stash[_SESSION].trial(request.param)
    request.node.stash[_TRIAL] = item_trial
    yield item_trial
    item_trial.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    ours = item.stash.get(_TRIAL, None)
    if ours is not None and call.when == "call":
        item.config.stash[_SESSION].reports.annotate(item, call, report, ours)
    return report


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> Any:
    if not hasattr(report, "complexity"):
        return None
    ours = _find(config)
    return ours.reports.status(report) if ours else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if ours := _find(session.config):
        ours.owner.finish(session)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    ours = _find(config)
    if ours is None:
        return (yield)
    with ours.reports.truncate_unmeasured_errors(terminalreporter):
        result = yield
    ours.reports.explain_wrong_answers(terminalreporter)
    ours.owner.summarize(terminalreporter)
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    if ours := _find(config):
        ours.close()


class _Interruptions:
    """Notices that `-x`, `--maxfail` or Ctrl-C has ended the session."""

    def __init__(self, owner: Owner, session: pytest.Session) -> None:
        self._owner = owner
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self) -> None:
        """Called for every report, on the controller for those of all workers."""
        self._owner.reported(self._session)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Called at the first Ctrl-C; with xdist before the workers are told to end."""
        self._owner.interrupted()


def _find(config: pytest.Config) -> ComplexitySession | None:
    return config.stash.get(_SESSION, None)


def _session(config: pytest.Config) -> ComplexitySession:
    if _SESSION not in config.stash:
        from pytest_complexity.plugin.session import ComplexitySession  # noqa: PLC0415  (only where it is used)

        config.stash[_SESSION] = ComplexitySession.open(config)
    return config.stash[_SESSION]
