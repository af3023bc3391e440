"""A seccomp filter: the system calls that no solution of a task needs and that reach outside the sandbox.

Installed in the zygote, so every worker has it for good: no sockets but Unix ones, no tracing, no namespaces,
no mounts, no keyrings, no shared memory that would outlive a trial.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

from . import system

# Names -> numbers on (x86_64, aarch64); 0 where the architecture lacks the call.
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "pidfd_getfd": (438, 438),
}
_SOCKET = (41, 198)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_SET_SECCOMP, _FILTER = 22, 2


def _program(column: int, architecture: int) -> bytes:
    """The filter in the kernel's own form: eight bytes an instruction."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    refuse = step(_RETURN, _ERRNO | errno.EPERM)
    steps = [step(_LOAD, 4), step(_EQUAL, architecture, 1, 0), refuse]
    steps += [step(_LOAD, 0), step(_AT_LEAST, 0x40000000, 0, 1), refuse]
    for numbers in _DENIED.values():
        steps += [step(_EQUAL, numbers[column], 0, 1), refuse]
    steps += [step(_EQUAL, _SOCKET[column], 0, 3), step(_LOAD, 16), step(_EQUAL, socket.AF_UNIX, 1, 0)]
    steps += [step(_RETURN, _ERRNO | errno.EACCES), step(_RETURN, _ALLOW)]
    return b"".join(steps)


def install() -> bool:
    """Put the filter on this process and all that it forks; False where the platform has none."""
    if not system.LINUX or os.uname().machine not in _ARCHITECTURES:
        return False
    program = _program(*_ARCHITECTURES[os.uname().machine])
    code = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter_ = Filter(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(filter_), 0, 0) == 0)
