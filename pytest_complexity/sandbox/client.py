"""pytest's side of a verifier process: starts it, asks it, and starts another where it has failed."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from typing import Any

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import launch
from pytest_complexity.sandbox.child import frames, system

ATTEMPTS = 3  #: to get processes that run; a program cannot spend them, it only ever crashes
PATIENCE = 90.0  #: seconds beyond the limits of all runs after which a silent verifier is taken for dead
MOST_RUNS = 2  #: of one verdict, the reference's among them
CLOSING = 10.0  #: seconds that a verifier has to end by itself


class Client:
    """One verifier process and the private directory of its programs; started at the first use."""

    def __init__(self, level: str, memory_mb: int, secret: str = "") -> None:
        self._level = level
        self._memory_mb = memory_mb
        self._secret = secret or secrets.token_hex(16)
        self.retired = False
        self._process: Any = None
        self._socket: socket.socket | None = None
        self._home = ""
        self._packages: tuple[str, ...] = ()

    def ask(self, program: dict[str, Any], seconds: float, attempts: int = ATTEMPTS) -> dict[str, Any]:
        """The verdict on a program; where the harness fails, by processes of its own again. Raises SandboxError."""
        request = {"program": program, "seconds": seconds}
        return self.request(request, tuple(program["packages"]), attempts)

    def request(self, request: dict[str, Any], packages: tuple[str, ...], attempts: int = ATTEMPTS) -> dict[str, Any]:
        """The answer to a request, by processes of its own again where the harness fails. Raises SandboxError."""
        for attempt in range(1, attempts + 1):
            if self.retired:
                raise SandboxError("the sandbox is closed")
            try:
                return self._ask_once(request, packages)
            except (SandboxError, OSError) as error:  # such as a process that the kernel did not let start
                self.close()
                if attempt == attempts:
                    raise SandboxError(str(error)) from error
        raise AssertionError("unreachable")

    def _ask_once(self, request: dict[str, Any], packages: tuple[str, ...]) -> dict[str, Any]:
        if self._socket is None or packages != self._packages:
            self.close()
            self._start(packages)
        assert self._socket is not None
        self._socket.settimeout(MOST_RUNS * request["seconds"] + PATIENCE)
        try:
            frames.send_json(self._socket, request)
            answer = frames.receive_json(self._socket)
        except (OSError, EOFError) as error:
            raise SandboxError("a verifier process has died; run `pytest-complexity doctor`") from error
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer

    def _start(self, packages: tuple[str, ...]) -> None:
        ours, theirs = socket.socketpair()
        # Made by the verifier, which outlives us if we are killed, and removed by whichever of us comes to it.
        self._home = os.path.join(tempfile.gettempdir(), f"pytest-complexity-{secrets.token_hex(8)}")
        self._packages = packages
        try:
            self._process = launch.start_verifier(theirs.fileno())
        finally:
            theirs.close()
        self._socket = ours
        settings = launch.settings(self._level, self._home, packages, self._memory_mb)
        frames.send_json(ours, {**settings, "secret": self._secret})

    def close(self) -> None:
        """End the process and remove its files."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(Exception):
                self._process.wait(CLOSING)
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._home:
            system.remove(self._home)
            self._home = ""
