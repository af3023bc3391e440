"""A seccomp filter: the system calls that no solution of a task needs and that reach outside the sandbox.

Installed in the zygote, so every run has it for good: no sockets but Unix ones, no tracing, no new namespaces, no
keyrings, no shared memory that would outlive a run or that no limit counts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

from . import system

# Names -> numbers on (x86_64, aarch64).
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
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
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "fanotify_init": (300, 262),
}
#: A zygote in namespaces of its own mounts a new private directory for each run; a run has not the capability.
_MOUNTS = {"mount": (165, 40), "umount2": (166, 39)}
_SOCKET, _CLONE, _CLONE3 = (41, 198), (56, 220), (435, 435)
_NEW_NAMESPACES = 0x5E020000  #: all but CLONE_NEWPID, which the zygote needs and a run has not the capability for
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_SET_SECCOMP, _FILTER = 22, 2


def _program(column: int, architecture: int, mounts: bool) -> bytes:
    """The filter in the kernel's own form: eight bytes an instruction."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    def refuse(number: int) -> bytes:
        return step(_RETURN, _ERRNO | number)

    def when(call: tuple[int, int], *then: bytes) -> list[bytes]:
        return [step(_EQUAL, call[column], 0, len(then)), *then]

    first_argument, allow = step(_LOAD, 16), step(_RETURN, _ALLOW)
    steps = [step(_LOAD, 4), step(_EQUAL, architecture, 1, 0), refuse(errno.EPERM)]
    steps += [step(_LOAD, 0), step(_AT_LEAST, 0x40000000, 0, 1), refuse(errno.EPERM)]
    steps += when(_CLONE, first_argument, step(_ANY_BIT, _NEW_NAMESPACES, 0, 1), refuse(errno.EPERM), allow)
    steps += when(_CLONE3, refuse(errno.ENOSYS))  # its flags are out of sight; libc then takes clone
    steps += when(_SOCKET, first_argument, step(_EQUAL, socket.AF_UNIX, 1, 0), refuse(errno.EACCES), allow)
    for call in [*_DENIED.values(), *([] if mounts else _MOUNTS.values())]:
        steps += when(call, refuse(errno.EPERM))
    return b"".join([*steps, allow])


def install(mounts: bool) -> bool:
    """Put the filter on this process and all that it forks; False where the platform or the kernel has none."""
    if not system.LINUX or os.uname().machine not in _ARCHITECTURES:
        return False
    program = _program(*_ARCHITECTURES[os.uname().machine], mounts)
    code = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter_ = Filter(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(filter_), 0, 0) == 0)
