"""The fork server: one small process inside the sandbox that forks a process for each run and clears up after it.

It sees neither programs nor tests, only the descriptors of the channels that its runs read them from. At level
`namespaces` each run is process 1 of a PID namespace of its own with a private directory of its own, so that nothing
outlives it; elsewhere the zygote adopts what a run leaves, kills it one by one and empties the directory.

A run is forked ahead of its order and waits for it. The one message on the control socket is the seconds to wait for
the run to exit by itself; the run is ended then, which is answered with its wait status if it had exited, else `-`;
and the next one is forked, which is answered with the verifier's end of the channel to it.
"""

from __future__ import annotations

import contextlib
import gc
import linecache
import marshal
import os
import random
import signal
import site
import socket
import sys
import time
import warnings
from collections.abc import Callable

from . import filters, live, namespaces, runner, system, testfile

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
FRAMES = 6  #: of ours between `serve` and what the program defines
REHEARSALS = 20
MAX_PROCESSES = 128
MAX_FILE_BYTES = 64 * 2**20
SPARE_BYTES = 16 * 2**20  #: beyond the memory limit, to tell that it was reached


def prepare(home: str, packages: str, names: list[str]) -> None:
    """Make this process a script's equal: the path, the helpers of `site`, silence, and no trace of ours."""
    sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry] + ([packages] if packages else [])
    sys.argv[:] = [""]
    for name in list(os.environ):
        del os.environ[name]
    os.environ["HOME"] = home
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
    if "pytest" in names:
        testfile.warm()


def drop_privileges(uid: int) -> None:
    """Become an ordinary user where the sandbox was built as root."""
    if uid and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def rehearse() -> None:
    """Carry out an order in this very process: what the interpreter learns of our code no run need learn again."""
    code = "def f(x):\n    return x + 1\n"
    tests = [compile(f"assert f(3) == {n}", "<tests 0>", "exec", dont_inherit=True) for n in (4, 5)]
    for _ in range(REHEARSALS):
        for test in tests:
            head = marshal.dumps((b"", code, "", None))
            runner.Run(head, marshal.dumps(([], [], [test], None, 0)), len).report()
    sys.modules.pop(runner.MODULE, None)
    linecache.clearcache()


def depth() -> int:
    """How many frames the caller and its callers are."""
    count, frame = 0, sys._getframe(1)
    while frame is not None:
        count, frame = count + 1, frame.f_back  # type: ignore[assignment]
    return count


class Zygote:
    """Forks runs on request, one at a time."""

    def __init__(self, control: socket.socket, home: str, level: str) -> None:
        self._control = control
        self._home = home
        self._apart = level == "namespaces"
        self._limit_processes = level == "limits"  # in each run: elsewhere the zygote has them itself
        self._pid = 0
        rehearse()
        random.seed(0)

    def serve(self) -> None:
        """Obey until the control socket closes, or until something of a run cannot be ended."""
        sys.setrecursionlimit(sys.getrecursionlimit() + depth() + FRAMES)
        while message := self._control.recv(64):
            status = self._end(float(message)) if self._pid else None
            self._control.send(b"-" if status is None else b"%d" % status)
            ours, theirs = socket.socketpair()
            self._fork(ours, theirs.fileno())
            socket.send_fds(self._control, [b"run"], [theirs.fileno()])
            theirs.close()

    def _fork(self, channel: socket.socket, other_end: int) -> None:
        if self._apart:
            namespaces.new_directory()
            self._pid = namespaces.fork()
        else:
            self._pid = system.fork()
        if self._pid == 0:  # every page that is written to from here on is copied, so this does little
            try:
                os.close(other_end)
                os.close(CONTROL)
                null = os.open("/dev/null", os.O_RDWR)  # an open file has a state of its own, which runs must not share
                for number in range(3):
                    os.dup2(null, number)
                os.close(null)
                os.setsid()
                if self._apart:
                    namespaces.drop_capabilities()
                os.chdir(self._home)
                if self._limit_processes:
                    system.limit("NPROC", MAX_PROCESSES)
                runner.serve(channel, live.Live)
            finally:
                os._exit(0)
        channel.close()

    def _end(self, patience: float) -> int | None:
        """Leave nothing of the run; its wait status where it had exited by itself."""
        deadline = time.monotonic() + patience
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        while not pid and time.monotonic() < deadline:
            time.sleep(0.002)
            pid, status = os.waitpid(self._pid, os.WNOHANG)
        if self._apart:
            if not pid:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)  # the kernel has ended all of its namespace by then
            namespaces.drop_directory()
        else:
            self._kill_all(reaped=pid != 0)
            system.empty(self._home)  # no process is alive that could change it meanwhile
        self._pid = 0
        return status if pid else None

    def _kill_all(self, reaped: bool) -> None:
        """Leave no process of the run alive. Raises TimeoutError where that takes too long."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if not reaped:
                _kill(os.killpg, self._pid)
                _kill(os.kill, self._pid)
            system.kill_descendants(os.getpid())
            try:
                reaped = os.waitpid(-1, 0)[0] == self._pid or reaped  # its orphans are ours now: look again
            except ChildProcessError:
                return
        raise TimeoutError


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
    try:
        confine(home, level, int(memory_mb), int(uid), lambda: prepare(home, packages, names))
        zygote = Zygote(control, home, level)
    except Exception as error:
        control.send(f"{type(error).__name__}: {error}".encode()[:200])
        return
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    zygote.serve()


def confine(home: str, level: str, memory_mb: int, uid: int, prepared: Callable[[], None]) -> None:
    """Everything that holds for all runs. Raises OSError where the level is not to be had."""
    drop_privileges(uid)
    system.die_with_parent()
    system.no_new_privileges()
    system.hide_memory(False)  # for what follows: /proc is this process's own only while it may be read
    system.oom_first()
    memory = system.AddressSpace()
    if level == "namespaces":
        namespaces.enter()
    else:
        system.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(home)
    prepared()
    if level != "process":
        memory.limit(memory_mb, SPARE_BYTES)  # these hold for every run
        system.limit("FSIZE", MAX_FILE_BYTES)
        system.limit("NOFILE", 256)
        if not filters.install(apart=level == "namespaces"):
            raise OSError("the kernel takes no seccomp filter")
    if level == "namespaces":  # elsewhere the user's other processes count, and the zygote must be able to fork
        system.limit("NPROC", MAX_PROCESSES)
    elif system.LINUX:
        namespaces.drop_capabilities()  # root without them cannot read the memory of those that hide it
    system.hide_memory(True)
