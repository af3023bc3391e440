"""The trusted side of a zygote: start it, have it end a run and fork the next, kill it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
from typing import Any

from . import system

START_SECONDS = 20.0
END_SECONDS = 15.0
#: what the zygote is told, before the names of the packages to warm
INSIDE = ("home", "packages", "level", "memory_mb", "uid")
_CONTROL_KIND = socket.SOCK_SEQPACKET if system.LINUX else socket.SOCK_DGRAM


class ZygoteLost(Exception):
    """The sandbox does not start or has come down; the text says what it said."""


class Sandboxed:
    """A running zygote and its control socket."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, _CONTROL_KIND)
        self._channel: socket.socket | None = None
        self._apart = settings["level"] == "namespaces"
        number = theirs.fileno()
        inside = [str(settings[key]) for key in INSIDE] + settings["warm"]
        self._process = subprocess.Popen(
            [*settings["command"], str(number), *inside],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,
            env={"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"},  # what a run binds late it copies pages for
            cwd="/",
        )
        theirs.close()
        try:
            said = self._receive(START_SECONDS)
        except OSError:
            said = b""
        if said != b"ready":
            self.close()
            raise ZygoteLost(f"the sandbox does not start: {said.decode(errors='replace') or 'no answer'}")
        self._ask(0.0)

    def channel(self) -> socket.socket:
        """The socket to the run that waits for its order. Raises ZygoteLost."""
        if self._channel is None:
            self._receive(END_SECONDS)
        if self._channel is None:
            raise ZygoteLost("the sandbox is gone")
        return self._channel

    def end(self, patience: float = 0.0) -> int | None:
        """Have the run ended and the next one forked; the wait status of one that exits within `patience` seconds.

        Its socket stays open, for what it may still hold. Raises ZygoteLost where the sandbox came down with the run.
        """
        self._channel = None
        return self._ask(patience)

    def _ask(self, patience: float) -> int | None:
        try:
            self._control.send(b"%f" % patience)
            status = self._receive(END_SECONDS + patience)
        except OSError as error:
            raise ZygoteLost("the sandbox is gone") from error
        if not status:
            raise ZygoteLost("the sandbox is gone")
        return None if status == b"-" else int(status)

    def delay(self) -> float:
        """The seconds that the run has stood in line for a processor so far; 0 where nobody knows."""
        return max((number / 1e9 for number in self._of_run("schedstat")), default=0.0)

    def resident(self) -> int:
        """The bytes of memory that the run holds now; 0 where nobody knows."""
        return max((number * os.sysconf("SC_PAGESIZE") for number in self._of_run("statm")), default=0)

    def _of_run(self, file: str) -> list[int]:
        """The second number in a file of the run's below /proc."""
        pids = system.children(self._process.pid)
        if self._apart:  # bubblewrap's own process stands between
            pids = [child for pid in pids for child in system.children(pid)]
        found = []
        for pid in pids:
            with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/{file}", "rb") as opened:
                found.append(int(opened.read().split()[1]))
        return found

    def _receive(self, seconds: float) -> bytes:
        if not select.select([self._control], [], [], seconds)[0]:
            return b""
        answer, fds, _, _ = socket.recv_fds(self._control, 256, 1)
        for number in fds:
            os.set_inheritable(number, False)
            self._channel = socket.socket(fileno=number)
        return answer

    def close(self) -> None:
        """Kill the zygote and all below it."""
        if self._channel is not None:
            self._channel.close()
        self._control.close()
        system.kill_descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
