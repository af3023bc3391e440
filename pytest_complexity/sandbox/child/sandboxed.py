"""The trusted side of a zygote: start it, have it end a trial and fork the next worker, kill it."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from dataclasses import dataclass
from typing import Any

from . import system

START_SECONDS = 20.0
END_SECONDS = 15.0
#: what the zygote is told, before the names of the packages to warm
INSIDE = ("home", "packages", "level", "memory_mb", "uid")
_CONTROL_KIND = socket.SOCK_SEQPACKET if system.LINUX else socket.SOCK_DGRAM


class ZygoteLost(Exception):
    """The sandbox has come down."""


@dataclass(frozen=True)
class Ended:
    """How a trial ended: the worker's wait status where it had exited, and whether nothing of it is left.

    `delay`: the seconds that it stood in line for a processor; 0 where nobody asked or knows.
    """

    status: int | None
    delay: float
    clean: bool


class Sandboxed:
    """A running zygote, its control socket, and the channel to the worker that waits for a program."""

    def __init__(self, settings: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, _CONTROL_KIND)
        self.control = ours
        self.worker: socket.socket | None = None
        number = theirs.fileno()
        inside = [str(settings[key]) for key in INSIDE] + settings["warm"]
        self.process = subprocess.Popen(
            [*settings["command"], str(number), *inside],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,
            env={"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"},  # what a worker binds late it copies pages for
            cwd="/",
        )
        theirs.close()
        if self._receive(START_SECONDS) != b"ready":
            self.close()
            raise ZygoteLost("the sandbox does not start")

    def fork(self) -> None:
        """Have a worker forked. Raises ZygoteLost."""
        self._ask(b"fork")

    def end(self, *, patience: float = 0.0, measure: bool = False, fork: bool = False) -> Ended:
        """Have the trial ended, and the next worker forked.

        `patience`: seconds to wait for the worker to exit by itself. Raises ZygoteLost where the sandbox came down
        with the trial.
        """
        ended, self.worker = self.worker, None  # closed late: a worker that sees the end would begin to exit by itself
        status, delay, clean = self._ask(f"end {patience} {measure:d} {fork:d}".encode()).split()
        if ended is not None:
            ended.close()
        return Ended(None if status == b"-" else int(status), float(delay), clean == b"1")

    def lost(self) -> bool:
        """Whether it has come down; between two trials it has nothing to say."""
        return bool(select.select([self.control], [], [], 0)[0])

    def _ask(self, question: bytes) -> bytes:
        try:
            self.control.send(question)
            answer = self._receive(END_SECONDS)
        except OSError as error:
            raise ZygoteLost("the sandbox is gone") from error
        if not answer:
            raise ZygoteLost("the sandbox is gone")
        return answer

    def _receive(self, seconds: float) -> bytes:
        if not select.select([self.control], [], [], seconds)[0]:
            return b""
        answer, fds, _, _ = socket.recv_fds(self.control, 256, 1)
        for number in fds:
            os.set_inheritable(number, False)
            self.worker = socket.socket(fileno=number)
        return answer

    def close(self) -> None:
        """Kill the zygote and all below it."""
        if self.worker is not None:
            self.worker.close()
        self.control.close()
        system.kill_descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
