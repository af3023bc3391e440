"""The few calls to the kernel that the standard library lacks, and the limits.

Never raises where a platform has none.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import resource
import signal
import sys

LINUX = sys.platform.startswith("linux")
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS, _SUBREAPER = 1, 4, 38, 36
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


_fork = ctypes.PyDLL(None).fork if LINUX else os.fork  # holds the interpreter's lock as os.fork does


def fork() -> int:
    """As `os.fork`, for a process of one thread that wants none of Python's own work at a fork.

    That work (locks, threads, a new random state) writes to some eighty pages, which each would be copied.
    """
    return int(_fork())


def _prctl(option: int, value: int) -> bool:
    return _libc is not None and _libc.prctl(option, value, 0, 0, 0) == 0


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent has gone."""
    _prctl(_PDEATHSIG, signal.SIGKILL)


def hide_memory(hidden: bool) -> None:
    """Forbid (or allow again) other processes of this user to trace this one or to read its memory."""
    _prctl(_DUMPABLE, 0 if hidden else 1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _prctl(_SUBREAPER, 1)


def no_new_privileges() -> None:
    """Make set-user-id programs powerless for this process and its children."""
    _prctl(_NO_NEW_PRIVS, 1)


class AddressSpace:
    """The size of this process's address space; keeps open the file that tells, for /proc may be hidden later."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open("/proc/self/statm", os.O_RDONLY)
        except OSError:
            self._file = None

    def limit(self, memory_mb: int, spare: int) -> None:
        """Allow `memory_mb` MiB on top of what is in use, and to whoever raises the limit `spare` bytes more."""
        limit("CORE", 0)
        if self._file is None:
            return
        pages = int(os.pread(self._file, 64, 0).split()[0])
        os.close(self._file)
        soft = pages * resource.getpagesize() + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (soft, soft + spare))


def limit(kind: str, value: int) -> None:
    """Lower one of this process's limits (`kind` as in `RLIMIT_kind`) for good, where it exists."""
    number = getattr(resource, f"RLIMIT_{kind}", None)
    if number is None:
        return
    hard = resource.getrlimit(number)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses some; `doctor` shows which hold
        resource.setrlimit(number, (value, value))


def empty(directory: str) -> None:
    """Remove all that is in a directory, however deep: what a directory holds is moved up before it is removed."""
    numbers, own = itertools.count(), os.urandom(8).hex()
    while entries := list(os.scandir(directory)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)
                os.rename(inner.path, os.path.join(directory, f"{own}-{next(numbers)}"))
            os.rmdir(entry.path)


def remove(directory: str) -> None:
    """Remove a directory and all that is in it, as far as that is allowed."""
    with contextlib.suppress(OSError):
        empty(directory)
        os.rmdir(directory)


def oom_first() -> None:
    """Tell the kernel to kill this process and its children before any other when memory runs out."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"1000")
    except OSError:
        pass


def children(pid: int) -> list[int]:
    """The direct children of a process, from /proc."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return [child for child in map(int, filter(str.isdigit, _listing("/proc"))) if _parent(child) == pid]


def _listing(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def kill_descendants(pid: int) -> None:
    """Send SIGKILL to all descendants of `pid`, children before grandchildren."""
    found = children(pid)
    for child in found:
        found.extend(children(child))
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
