"""A seccomp filter: the system calls that no solution of a task needs and that reach outside the sandbox.

Installed in the zygote, so every run has it for good: no sockets but Unix ones, no tracing, no new namespaces, no
keyrings, no shared memory that would outlive a run or that no limit counts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import struct

from . import system

# Names -> numbers on (x86_64, aarch64).
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),  # its inode numbers count the processes of all
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
    "name_to_handle_at": (303, 264),
    "statmount": (457, 457),
    "listmount": (458, 458),
    # what is in the page cache outlives a run
    "fadvise64": (221, 223),
    "readahead": (187, 213),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "preadv2": (327, 286),
    "pwritev2": (328, 287),
}
#: A zygote in namespaces of its own mounts a new private directory for each run; a run has not the capability.
_MOUNTS = {"mount": (165, 40), "umount2": (166, 39)}
_SOCKET, _CLONE, _CLONE3 = (41, 198), (56, 220), (435, 435)
#: calls that are refused with one argument: numbers, the argument's place, values
_DENIED_WITH = (
    ((55, 209), 2, (57, 77)),  # getsockopt's SO_COOKIE counts the sockets of all; SO_PEERPIDFD
    ((28, 233), 2, (20, 21)),  # madvise's MADV_COLD and MADV_PAGEOUT
)
_STATX, _MOUNT_IDS = (332, 291), 0x5000  #: mounts are counted too
_KILL, _TGKILL = (62, 129), (234, 131)
#: All but CLONE_NEWPID, which the zygote needs and a run has not the capability for; and CLONE_PIDFD, whose inode
#: numbers count the processes of all.
_NEW_NAMESPACES = 0x5E021000
_ALL_PROCESSES = 0xFFFFFFFF  #: -1: `kill` sends to all that it may, which are yours without a namespace
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _DIE = 0x7FFF0000, 0x00050000, 0x80000000
_SET_SECCOMP, _FILTER = 22, 2


def _program(column: int, architecture: int, apart: bool) -> bytes:
    """The filter in the kernel's own form: eight bytes an instruction."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    def refuse(number: int) -> bytes:
        return step(_RETURN, _ERRNO | number)

    def when(call: tuple[int, int], *then: bytes) -> list[bytes]:
        return [step(_EQUAL, call[column], 0, len(then)), *then]

    def argument(number: int) -> bytes:
        return step(_LOAD, 16 + 8 * number)

    allow = step(_RETURN, _ALLOW)
    steps = [step(_LOAD, 4), step(_EQUAL, architecture, 1, 0), refuse(errno.EPERM)]
    steps += [step(_LOAD, 0), step(_AT_LEAST, 0x40000000, 0, 1), refuse(errno.EPERM)]
    steps += when(_CLONE, argument(0), step(_ANY_BIT, _NEW_NAMESPACES, 0, 1), refuse(errno.EPERM), allow)
    steps += when(_CLONE3, refuse(errno.ENOSYS))  # its flags are out of sight; libc then takes clone
    steps += when(_SOCKET, argument(0), step(_EQUAL, socket.AF_UNIX, 1, 0), refuse(errno.EACCES), allow)
    steps += when(_STATX, argument(3), step(_ANY_BIT, _MOUNT_IDS, 0, 1), refuse(errno.EINVAL), allow)
    for call, place, values in _DENIED_WITH:
        tests = [part for value in values for part in (step(_EQUAL, value, 0, 1), refuse(errno.EPERM))]
        steps += when(call, argument(place), *tests, allow)
    if apart:  # a run is process 1 there, which the kernel lets no process of its own kill
        for call, place in ((_KILL, 1), (_TGKILL, 2)):
            pid, signal_ = step(_EQUAL, 1, 0, 3), step(_EQUAL, signal.SIGKILL, 0, 1)
            steps += when(call, argument(0), pid, argument(place), signal_, step(_RETURN, _DIE), allow)
    else:
        steps += when(_KILL, argument(0), step(_EQUAL, _ALL_PROCESSES, 0, 1), refuse(errno.EPERM), allow)
    for call in [*_DENIED.values(), *([] if apart else _MOUNTS.values())]:
        steps += when(call, refuse(errno.EPERM))
    return b"".join([*steps, allow])


def install(apart: bool) -> bool:
    """Put the filter on this process and all that it forks; False where the platform or the kernel has none.

    `apart`: each run is process 1 of a namespace of its own, made by a zygote that may mount.
    """
    if not system.LINUX or os.uname().machine not in _ARCHITECTURES:
        return False
    program = _program(*_ARCHITECTURES[os.uname().machine], apart)
    code = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter_ = Filter(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(filter_), 0, 0) == 0)
