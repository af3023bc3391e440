"""From the parent's side: what this machine can do, and the command that starts a zygote at each level."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from pytest_complexity.errors import SandboxError

LEVELS = ("process", "limits", "namespaces")
CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")


def interpreter() -> str:
    """The interpreter itself, past the links of a virtual environment.

    With `-S` it knows the standard library alone.
    """
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


def python(part: str) -> list[str]:
    """The command that runs one of the sandbox's own programs."""
    return [interpreter(), "-s", "-S", os.path.join(CHILD, "boot.py"), part]


def settings(level: str, home: str, packages: tuple[str, ...], memory_mb: int) -> dict[str, Any]:
    """What a verifier needs to start its zygote."""
    return {
        "command": python("zygote"),
        "level": level,
        "home": home,
        "packages": "",
        "memory_mb": memory_mb,
        "uid": 0,
    }


def best_level() -> str:
    """The strongest isolation that this machine gives."""
    return "limits" if sys.platform.startswith("linux") else "process"


def choose(wanted: str | None) -> str:
    """The level to use. Raises SandboxError where it is below the wanted one."""
    if wanted is not None and wanted not in LEVELS:
        raise SandboxError(f"no sandbox level {wanted!r}: choose one of {', '.join(LEVELS)}")
    best = best_level()
    if wanted is not None and LEVELS.index(best) < LEVELS.index(wanted):
        raise SandboxError(
            f"the sandbox level {wanted!r} is not to be had here, only {best!r}: {remedy(wanted)}"
        )
    return best


def remedy(wanted: str) -> str:
    """How to get a level that is missing."""
    if not sys.platform.startswith("linux"):
        return "it takes Linux; accept less with --cx-sandbox=process"
    return f"install bubblewrap (Debian: apt install bubblewrap), or accept less than {wanted!r}"


def start_verifier(sock_fd: int) -> subprocess.Popen[bytes]:
    """A verifier that serves the given socket; it outlives neither the socket nor its parent."""
    return subprocess.Popen(
        [*python("verifier"), str(sock_fd)],
        pass_fds=[sock_fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("PYTEST_COMPLEXITY_DEBUG") else subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0"},
        cwd="/",
        start_new_session=True,
    )
