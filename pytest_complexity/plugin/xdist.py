"""The hooks that only pytest-xdist has. Imported where it is installed, used or not: imports nothing of the package."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_complexity.plugin.session import ComplexitySession


class XdistHooks:
    """Hooks of the controller. `find` gives the session where there is one, `make` starts it where there is none."""

    def __init__(
        self,
        find: Callable[[pytest.Config], ComplexitySession | None],
        make: Callable[[pytest.Config], ComplexitySession],
    ) -> None:
        self._find = find
        self._make = make
        self._making = threading.Lock()

    @pytest.hookimpl
    def pytest_configure_node(self, node: Any) -> None:
        """Gives a worker a channel to the run's owner, and what it cannot find out by itself."""
        channel = node.gateway.newchannel()
        session = self._find(node.config)
        node.workerinput["complexity_channel"] = channel
        node.workerinput["complexity_remote"] = not node.gateway.spec.popen or bool(node.gateway.spec.via)
        node.workerinput["complexity_recorded"] = list(session.source.recorded) if session else []

        def receive(text: str) -> None:
            with self._making:  # each worker's messages come on a thread of their own
                session = self._make(node.config)
            session.owner.receive(channel, text)

        channel.setcallback(receive)

    @pytest.hookimpl
    def pytest_testnodedown(self, node: Any) -> None:
        """Verifies here what a worker that is gone had claimed."""
        if session := self._find(node.config):
            session.owner.worker_gone(node.workerinput["complexity_channel"])
