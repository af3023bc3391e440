"""What a zygote at level `namespaces` does for each run: a PID namespace of its own and a new private directory.

The zygote holds its capabilities in a user namespace that it makes inside bubblewrap's; a run drops them first of all.
Raises OSError where the kernel refuses.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct

from . import system

_NEWNS, _NEWUSER, _NEWPID = 0x00020000, 0x10000000, 0x20000000
_REC, _PRIVATE, _BIND, _RDONLY, _NOSUID_NODEV, _DETACH = 0x4000, 0x40000, 0x1000, 1, 6, 2
_CLONE = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, -1)
_CAPABILITIES_3 = 0x20080522
_REMOUNT, _NOSUID_NOEXEC = 32, 10
DEVICES = (b"null", b"zero", b"full", b"random", b"urandom")
USER = 1000  #: what a run sees as its own user
DIRECTORY, SHARED = b"/tmp", b"/dev/shm"
OPTIONS = b"size=64m,nr_inodes=16k,mode=700"

_libc = ctypes.CDLL(None, use_errno=True) if system.LINUX else None
_syscall = ctypes.PyDLL(None, use_errno=True).syscall if system.LINUX else None
_header = struct.pack("=Ii", _CAPABILITIES_3, 0)
_nothing = bytes(24)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter() -> None:
    """Make the user and mount namespace, hide /proc, which numbers processes, and let no run touch a device's times."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEWUSER | _NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{USER} {user} 1"), ("gid_map", f"{USER} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    for device in DEVICES:
        with contextlib.suppress(OSError):  # where /dev has other locked flags, its times stay open
            _call("mount", b"none", b"/dev/" + device, None, _REMOUNT | _BIND | _RDONLY | _NOSUID_NOEXEC, None)
    _call("mount", b"none", b"/proc", b"tmpfs", _RDONLY | _NOSUID_NODEV, b"size=4k")


def new_directory() -> None:
    """Mount the private directory, empty, in the place of the last run's; POSIX shared memory lies in it too."""
    _call("mount", b"none", DIRECTORY, b"tmpfs", _NOSUID_NODEV, OPTIONS)
    _call("mount", DIRECTORY, SHARED, None, _BIND, None)


def drop_directory() -> None:
    """Unmount the private directory; nothing of the run is alive."""
    _call("umount2", SHARED, _DETACH)
    _call("umount2", DIRECTORY, _DETACH)


def fork() -> int:
    """As `os.fork`; the child is process 1 of a PID namespace of its own, and what it forks dies with it."""
    assert _syscall is not None
    pid = int(_syscall(_CLONE, _NEWPID | int(signal.SIGCHLD), 0, 0, 0, 0))
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return pid


def drop_capabilities() -> None:
    """Give up all that the user namespace gives."""
    _call("capset", _header, _nothing)
