"""How much isolation this machine gives: a level is had where a right and a wrong program get their verdicts at it."""

from __future__ import annotations

import functools
import shutil
import sys

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox.client import Client

LEVELS = ("process", "limits", "namespaces")
_SECONDS, _MEMORY_MB = 10.0, 256
_PROGRAM = {
    "tests": ["assert f(1) == 2"],
    "test_source": "",
    "test_imports": [],
    "prompt_code": "",
    "test_setup_code": "",
    "entry_point": None,
    "visible_tests": [],
    "packages": [],
    "reference": "",
}


def choose(wanted: str | None) -> tuple[str, str]:
    """The best level here, and why it is not a better one. Raises SandboxError where it is below the wanted one."""
    if wanted is not None and wanted not in LEVELS:
        raise SandboxError(f"no sandbox level {wanted!r}: choose one of {', '.join(LEVELS)}")
    best, notice = best_level()
    if wanted is not None and LEVELS.index(best) < LEVELS.index(wanted):
        raise SandboxError(f"the sandbox level {wanted!r} is not to be had here, only {best!r}: {remedy(wanted)}")
    return best, notice


@functools.lru_cache(maxsize=1)
def best_level() -> tuple[str, str]:
    """The strongest level that works, and what was in the way of a stronger one. Raises SandboxError: none does."""
    problems: list[str] = []
    for level in reversed(LEVELS):
        problem = refusal(level)
        if not problem:
            return level, "; ".join(problems)
        problems.append(f"{level}: {problem}")
    raise SandboxError(f"no program can be run here: {'; '.join(problems)}")


def refusal(level: str) -> str:
    """Why a level is not to be had; empty where it is."""
    if level != "process" and not sys.platform.startswith("linux"):
        return "takes Linux"
    if level == "namespaces" and shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    client = Client(level, _MEMORY_MB)
    try:
        for number, verdict in ((1, "pass"), (2, "wrong")):
            code = f"def f(x):\n    return x + {number}\n"
            answer = client.ask({**_PROGRAM, "code": code}, _SECONDS, attempts=1)
            if answer["verdict"] != verdict:
                return f"a program that should get {verdict} got {answer['verdict']}"
    except SandboxError as error:
        return str(error)
    finally:
        client.close()
    return ""


def remedy(wanted: str) -> str:
    """How to get a level that is missing."""
    if not sys.platform.startswith("linux"):
        return "it takes Linux; accept less with --cx-sandbox=process"
    if shutil.which("bwrap") is None:
        return f"install bubblewrap (Debian: apt install bubblewrap), or accept less than {wanted!r}"
    return f"allow user namespaces (try: bwrap --ro-bind / / true), or accept less than {wanted!r}"
