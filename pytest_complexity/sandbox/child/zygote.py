"""The fork server: one small process inside the sandbox that forks a worker for each trial and clears up
after it.

It sees neither programs nor tests, only the descriptors of the channels that its workers serve. In a PID
namespace it is process 1, so nothing outlives its `kill(-1)`; elsewhere it adopts its workers' orphans and
kills them one by one.

Messages on its control socket: `fork` (with the worker's end of a channel) and `end SECONDS` (how long to
wait for the worker to exit by itself); the answer to `end` is one JSON object.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import site
import socket
import sys
import time
import warnings
from typing import Any

from . import filters, system, worker
from .wire import Channel

# The imports that programs use most, loaded once instead of once a trial. Loading binds no name in a program.
WARM = (
    "abc",
    "array",
    "bisect",
    "collections",
    "collections.abc",
    "cmath",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "inspect",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "sys",
    "time",
    "types",
    "typing",
)
MAX_PROCESSES = 128
MAX_FILES = 2000
MAX_FILE_BYTES = 64 * 2**20


def prepare(packages: str, names: list[str]) -> None:
    """Make this process a script's equal: the path, the helpers of `site`, silence, and no trace of ours."""
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry] + ([packages] if packages else [])
    sys.argv[:] = [""]
    for name in list(os.environ):
        del os.environ[name]
    if packages:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    site.setquit()
    site.setcopyright()
    site.sethelper()
    warnings.simplefilter("ignore")
    for name in WARM:
        __import__(name)
    warm(names)


def warm(names: list[str]) -> None:
    """Import what the suite declares, once for all trials; what fails here fails where it is used."""
    for name in names:
        with contextlib.suppress(Exception):
            __import__(name)


def drop_privileges(uid: int) -> None:
    """Become an ordinary user where the sandbox was built as root."""
    if uid and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


class Zygote:
    """Forks workers on request, one at a time."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._home: str = settings["home"]
        self._memory_mb: int = settings["memory_mb"]
        self._enforce: bool = settings["level"] != "process"
        self._alone = os.getpid() == 1
        self._base = system.address_space()
        self._pid = 0
        self._pidfd = -1
        self._started = 0.0

    def serve(self) -> None:
        """Obey until the control socket closes."""
        while True:
            message, fds, _, _ = socket.recv_fds(self._control, 64, 1)
            if not message:
                return
            if message.startswith(b"fork"):
                self._fork(fds[0])
            else:
                report = self._end(float(message.split()[1]))
                self._control.send(json.dumps(report).encode())

    def _fork(self, channel_fd: int) -> None:
        self._started = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._become_worker(channel_fd)
            finally:
                os._exit(0)
        os.close(channel_fd)
        self._pidfd = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else -1

    def _become_worker(self, channel_fd: int) -> None:
        """In the child: keep nothing but the channel, take the limits, and serve."""
        if channel_fd != 3:
            os.dup2(channel_fd, 3, inheritable=False)
        os.closerange(4, 65536)
        os.setsid()
        if self._enforce:
            system.limit_memory(self._base, self._memory_mb)
            system.limit("FSIZE", MAX_FILE_BYTES)
            system.limit("NOFILE", 256)
            system.limit("NPROC", MAX_PROCESSES)
        system.hide_memory(False)
        import random  # noqa: PLC0415 - warm already

        random.seed(0)
        gc.enable()
        worker.main(Channel(socket.socket(fileno=3)))

    def _end(self, patience: float) -> dict[str, Any]:
        """Kill all that is left of the trial and say how the worker ended.

        {status or null, waited, clean}.
        """
        if patience and self._pidfd >= 0:
            select.select([self._pidfd], [], [], patience)
        elif patience:
            self._await_exit(patience)
        waited = self._run_delay()
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        clean = self._kill_all(reaped=pid != 0) and self._clear()
        return {"status": status if pid else None, "waited": waited, "clean": clean}

    def _await_exit(self, patience: float) -> None:
        """Wait for the worker where there is no pidfd: until SIGCHLD or the alarm interrupts the wait."""
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        signal.setitimer(signal.ITIMER_REAL, patience)
        if not os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            reader.recv(1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGALRM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        reader.close()
        writer.close()

    def _run_delay(self) -> float:
        """The share of its life that the worker stood in line for a processor, from 0 to 1.

        0 where nobody knows.
        """
        try:
            with open(f"/proc/{self._pid}/schedstat", "rb") as file:
                delay = int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0
        return delay / max(time.monotonic() - self._started, 1e-9)

    def _kill_all(self, reaped: bool) -> bool:
        """Leave no process of the trial alive. False where that took too long."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self._alone:
                _ignoring(os.kill, -1, signal.SIGKILL)
            else:
                if not reaped:
                    _ignoring(os.killpg, self._pid, signal.SIGKILL)
                    _ignoring(os.kill, self._pid, signal.SIGKILL)
                system.kill_descendants(os.getpid())
            try:
                while True:
                    pid, _ = os.waitpid(-1, 0)
                    reaped = reaped or pid == self._pid
                    if not self._alone:
                        break  # its orphans are ours now: look again
            except ChildProcessError:
                return True
        return False

    def _clear(self) -> bool:
        """Empty the private directories. False where that would take long.

        Then the whole sandbox is replaced.
        """
        for directory in {self._home, *(["/tmp", "/dev/shm"] if self._alone else [])}:
            try:
                names = os.listdir(directory)
                if len(names) > MAX_FILES:
                    return False
                for name in names:
                    path = os.path.join(directory, name)
                    if os.path.isdir(path) and not os.path.islink(path):
                        shutil.rmtree(path)
                    else:
                        os.unlink(path)
            except OSError:
                return False
        return True


def _ignoring(call: Any, *args: Any) -> None:
    with contextlib.suppress(OSError):
        call(*args)


def main(arguments: list[str]) -> None:
    """Serve the control socket whose descriptor the first argument names; the second holds the settings."""
    control = socket.socket(fileno=int(arguments[0]))
    settings = json.loads(arguments[1])
    drop_privileges(settings["uid"])
    system.die_with_parent()
    system.no_new_privileges()
    system.hide_memory(False)
    system.oom_first()
    system.hide_memory(True)
    if os.getpid() != 1:
        system.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(settings["home"])
    prepare(settings["packages"], settings["warm"])
    zygote = Zygote(control, settings)
    if settings["level"] != "process":
        filters.install()
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(b"ready")
    zygote.serve()
