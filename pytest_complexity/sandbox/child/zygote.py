"""The fork server: one small process inside the sandbox that forks a worker for each trial and clears up
after it.

It sees neither programs nor tests, only the descriptors of the channels that its workers serve. In a PID
namespace it is process 1, so nothing outlives its `kill(-1)`; elsewhere it adopts its workers' orphans and
kills them one by one.

A worker is forked ahead of its program and waits for it. Messages on the control socket: `fork`, answered with
`ready` and the judge's end of the channel to the new worker; and `end PATIENCE MEASURE FORK` (seconds to wait for
the worker to exit by itself, whether to measure how long it stood in line for a processor, whether to fork the
next), answered with `STATUS DELAY CLEAN` and, where a worker was forked, its channel.
"""

from __future__ import annotations

import contextlib
import gc
import linecache
import os
import random
import select
import signal
import site
import socket
import sys
import time
import warnings
from collections.abc import Callable

from . import filters, system, values, worker
from .wire import REQUEST, Channel

# What programs import most, loaded once instead of once a trial; each module more would weigh on every fork.
# Loading binds no name in a program.
WARM = (
    "collections",
    "copy",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "random",
    "re",
    "string",
    "typing",
)
CONTROL = 10  #: the descriptor of the control socket
FRAMES = 5  #: of ours between `serve` and what the program defines
REHEARSALS = 20
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


def _sample(number: int, items: list[int]) -> list[int]:
    return [*items, number]


def rehearse() -> None:
    """Serve a few trials in this very process: what the interpreter learns of our code no worker need learn again."""
    program: dict[str, object] = {
        "prompt": "",
        "code": "def f(x):\n    return x + 1\n",
        "entry_point": None,
        "imports": [],
    }
    start = {**program, "setup": [], "classes": (), "asked": ("f", "sorted"), "ahead": ("f",)}
    for _ in range(REHEARSALS):
        player = worker.Worker()
        requests = [("start", start), ("name", "f"), *[("call", _sample, (n, [n]), {}, True) for n in range(4)]]
        judges, workers = socket.socketpair()
        for request in requests:
            Channel(judges).send(1, REQUEST, values.dumps(request, player.objects)[0])
        judges.shutdown(socket.SHUT_WR)
        player.rehearse(Channel(workers))
        judges.close()
        workers.close()
    sys.modules.pop(worker.MODULE, None)
    linecache.clearcache()


def depth() -> int:
    """How many frames the caller and its callers are."""
    count, frame = 0, sys._getframe(1)
    while frame is not None:
        count, frame = count + 1, frame.f_back  # type: ignore[assignment]
    return count


class Zygote:
    """Forks workers on request, one at a time."""

    def __init__(self, control: socket.socket, home: str, limit_processes: bool) -> None:
        self._control = control
        self._limit_processes = limit_processes  # in each worker
        self._alone = os.getpid() == 1
        self._directories = {home, "/tmp", "/dev/shm"} if self._alone else {home}
        self._pid = 0
        rehearse()
        random.seed(0)
        self._worker = worker.Worker()

    def serve(self) -> None:
        """Obey until the control socket closes."""
        sys.setrecursionlimit(sys.getrecursionlimit() + depth() + FRAMES)
        while message := self._control.recv(64):
            verb, *arguments = message.split()
            if verb == b"fork":
                self._answer(b"ready", fork=True)
            else:
                patience, measure, fork = float(arguments[0]), arguments[1] == b"1", arguments[2] == b"1"
                status, delay, clean = self._end(patience, measure)
                shown = b"-" if status is None else b"%d" % status
                self._answer(b"%s %f %d" % (shown, delay, clean), fork=fork and clean)

    def _answer(self, message: bytes, fork: bool) -> None:
        if not fork:
            self._control.send(message)
            return
        workers, judges = socket.socketpair()
        self._fork(workers, judges.fileno())
        socket.send_fds(self._control, [message], [judges.fileno()])
        judges.close()

    def _fork(self, workers: socket.socket, judges: int) -> None:
        channel = Channel(workers)
        system.hide_memory(False)  # for the worker; no process of a program is alive now
        self._pid = system.fork()
        if self._pid == 0:  # every page that is written to from here on is copied, so this does little
            try:
                os.close(judges)
                os.close(CONTROL)
                os.setsid()
                if self._limit_processes:
                    system.limit("NPROC", MAX_PROCESSES)
                self._worker.serve(channel)
            finally:
                os._exit(0)
        system.hide_memory(True)
        workers.close()

    def _end(self, patience: float, measure: bool) -> tuple[int | None, float, bool]:
        """Kill all that is left of the trial: (the worker's wait status or None, seconds in line, all clean)."""
        if patience:
            self._await_exit(patience)
        delay = self._run_delay() if measure else 0.0
        pid, status = os.waitpid(self._pid, os.WNOHANG) if patience else (0, 0)
        clean = self._kill_all(reaped=pid != 0 or not self._pid) and self._clear()
        self._pid = 0
        return status if pid else None, delay, clean

    def _await_exit(self, patience: float) -> None:
        """Wait until the worker has exited; where there is no pidfd, until SIGCHLD or the alarm interrupts."""
        if hasattr(os, "pidfd_open"):
            pidfd = os.pidfd_open(self._pid)
            select.select([pidfd], [], [], patience)
            os.close(pidfd)
            return
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
        """The seconds that the worker stood in line for a processor; 0 where nobody knows."""
        try:
            with open(f"/proc/{self._pid}/schedstat", "rb") as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def _kill_all(self, reaped: bool) -> bool:
        """Leave no process of the trial alive. False where that took too long."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self._alone:
                _kill(os.kill, -1)
            else:
                if not reaped:
                    _kill(os.killpg, self._pid)
                    _kill(os.kill, self._pid)
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
        for directory in self._directories:
            try:
                names = os.listdir(directory)
                if len(names) > MAX_FILES:
                    return False
                for name in names:
                    _remove(os.path.join(directory, name))
            except OSError:
                return False
        return True


def _remove(path: str) -> None:
    """Remove a file, or a directory with all that is in it. No process is alive that could change it meanwhile."""
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    for directory, directories, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in directories:
            inner = os.path.join(directory, name)
            (os.unlink if os.path.islink(inner) else os.rmdir)(inner)
    os.rmdir(path)


def _kill(kill: Callable[[int, int], None], pid: int) -> None:
    with contextlib.suppress(OSError):
        kill(pid, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Serve the control socket; the other arguments are sandboxed.py's, then the packages to warm."""
    number, home, packages, level, memory_mb, uid, *names = arguments
    os.dup2(int(number), CONTROL, inheritable=False)
    os.closerange(3, CONTROL)
    os.closerange(CONTROL + 1, 65536)
    control = socket.socket(fileno=CONTROL)
    drop_privileges(int(uid))
    system.die_with_parent()
    system.no_new_privileges()
    system.hide_memory(False)
    system.oom_first()
    system.hide_memory(True)
    if os.getpid() != 1:
        system.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(home)
    prepare(packages, names)
    zygote = Zygote(control, home, limit_processes=level == "limits")
    if level != "process":
        filters.install()
        system.limit_memory(system.address_space(), int(memory_mb))  # these hold for every worker
        system.limit("FSIZE", MAX_FILE_BYTES)
        system.limit("NOFILE", 256)
    if level == "namespaces":  # elsewhere the user's other processes count, and the zygote must be able to fork
        system.limit("NPROC", MAX_PROCESSES)
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    zygote.serve()
