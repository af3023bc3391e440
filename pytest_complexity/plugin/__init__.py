"""pytest's hooks, each a short forward: options to `options.py`, the run to `session.py`.

A project that installed the plugin and does not use it pays for this module and `options.py` alone: everything
else is imported when a test carries the marker `complexity` or an option asks for models.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_complexity.plugin.options import add_options, said_anything

if TYPE_CHECKING:
    from pytest_complexity.plugin.session import Session
    from pytest_complexity.run.trial import Trial

_SESSION = pytest.StashKey["Session"]()
_TRIAL = pytest.StashKey["Trial"]()
_MARKER = "complexity(suite=None, tasks=None): one item per task, model and trial; the test takes `trial`"


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if said_anything(config):
        _session(config)  # a mistake in the options ends the run here, before anything is collected
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_WithXdist(), "complexity-xdist")


def pytest_report_header(config: pytest.Config) -> list[str]:
    session = config.stash.get(_SESSION, None)
    return session.header() if session and not config.getoption("collectonly") else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("complexity")
    if marker is not None:
        _session(metafunc.config).parametrize(metafunc, marker)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if ours := config.stash.get(_SESSION, None):
        ours.collected(session, items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    # `session.items` is final here, after -k, --lf, --deselect and any shuffling.
    ours = session.config.stash.get(_SESSION, None)
    if ours and not session.config.getoption("collectonly") and hasattr(session, "items"):
        ours.begin(session)
        session.config.pluginmanager.register(_Watch(ours, session), "complexity-watch")
    return (yield)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """One completion of one task by one model: `trial.verify()` it, or judge it by `record`, `function`, `check`."""
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
        item.config.stash[_SESSION].annotate(item, call, report, ours)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> Any:
    verdict = getattr(report, "complexity", None)
    if verdict is None or report.when != "call":
        return None
    if verdict in ("unmeasured", "unjudged"):
        return "error", "E", (verdict.upper(), {"red": True})
    if report.failed:
        return "failed", "F", (f"FAILED ({verdict})", {"red": True})
    if verdict == "pass":
        return None
    return "wrong", "w", ("WRONG" if verdict == "wrong" else f"WRONG ({verdict})", {"yellow": True})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if ours := session.config.stash.get(_SESSION, None):
        ours.finish(session)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    ours = config.stash.get(_SESSION, None)
    if ours is None:
        return (yield)
    with ours.few_errors(terminalreporter):
        result = yield
    ours.summarize(terminalreporter)
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    if ours := config.stash.get(_SESSION, None):
        ours.close()


class _Watch:
    """Notices that `-x`, `--maxfail` or Ctrl-C has ended the session."""

    def __init__(self, ours: Session, session: pytest.Session) -> None:
        self._ours = ours
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self) -> None:
        """Called for every report, on the controller for those of all workers."""
        self._ours.reported(self._session)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Called at the first Ctrl-C; with xdist before the workers are told to end."""
        self._ours.interrupted()


class _WithXdist:
    """Hooks that exist only where pytest-xdist does."""

    def __init__(self) -> None:
        self._first = threading.Lock()

    @pytest.hookimpl
    def pytest_configure_node(self, node: Any) -> None:
        """Gives a worker a channel to the controller's desk, and what it cannot find out by itself."""
        channel = node.gateway.newchannel()
        known = node.config.stash.get(_SESSION, None)
        node.workerinput["complexity_channel"] = channel
        node.workerinput["complexity_remote"] = not node.gateway.spec.popen or bool(node.gateway.spec.via)
        node.workerinput["complexity_ladder"] = known.recorded_models() if known else []

        def receive(message: str) -> None:
            with self._first:  # each worker's messages come on a thread of their own
                session = _session(node.config)
            session.receive(channel, message)

        channel.setcallback(receive)

    @pytest.hookimpl
    def pytest_testnodedown(self, node: Any) -> None:
        """Verifies here what a worker that is gone had taken on."""
        if ours := node.config.stash.get(_SESSION, None):
            ours.worker_gone(node.workerinput["complexity_channel"])


def _session(config: pytest.Config) -> Session:
    if _SESSION not in config.stash:
        from pytest_complexity.plugin.session import Session  # noqa: PLC0415  (only where it is used: see the module)

        config.stash[_SESSION] = Session(config)
    return config.stash[_SESSION]
