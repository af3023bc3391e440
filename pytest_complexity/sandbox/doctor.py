# ruff: noqa: E501 - a program stands on one line of the table
"""Prove each limit of the sandbox on this machine, by running a program that breaks it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_complexity.sandbox import Limits, Program, Sandbox, levels

SECONDS, MEMORY_MB = 2.0, 256


@dataclass(frozen=True)
class Row:
    """One limit: whether it holds here, what was seen, and whether the chosen level promises it."""

    limit: str
    holds: bool
    seen: str
    promised: bool


@dataclass(frozen=True)
class _Proof:
    limit: str
    level: str  #: the lowest level that promises it
    code: str  #: defines `f`, which returns True where the limit holds, or dies of it
    verdicts: str = "pass"


_TRY = "def f():\n try: {0}\n except OSError: return True\n return False"

_PROOFS = (
    _Proof("a right program passes", "process", "def f(): return True"),
    _Proof("wall time", "process", "def f():\n while True: pass", "timeout"),
    _Proof("wall time, signals ignored", "process", "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ndef f(): time.sleep(9e5)", "timeout"),
    _Proof("a forged answer is found", "process", "class A:\n def __eq__(s, o): return True\ndef f(): return A()", "tampered"),
    _Proof("the environment is empty", "process", "import os\ndef f(): return not any(k for k in os.environ if 'CX_' in k or 'KEY' in k)"),
    _Proof("nothing but the standard library", "process", "def f():\n try: import pytest\n except ImportError: return True"),
    _Proof("memory", "limits", "def f(): return bytearray(2**31)", "memory"),
    _Proof("memory, little by little", "limits", "def f():\n a = [0] * 1000\n while True: a = a + a", "memory"),
    _Proof("size of a file", "limits", _TRY.format("open('x', 'wb').write(bytes(100 * 2**20))")),
    _Proof("Unix sockets alone", "limits", _TRY.format("import socket; socket.socket()")),
    _Proof("a process left behind delays nothing", "limits", "import os, time\nif os.fork() == 0:\n os.setsid()\n time.sleep(9e5)\ndef f(): return True"),
    _Proof("the network", "namespaces", _TRY.format("import socket; socket.socket(socket.AF_UNIX).connect({socket!r})")),
    _Proof("processes", "namespaces", "import os\ndef f():\n while True: os.fork()", "error"),
    _Proof("other processes are out of sight", "namespaces", "import os\ndef f(): return len([p for p in os.listdir('/proc') if p.isdigit()]) < 4"),
    _Proof("signals stay inside", "namespaces", "import os\ndef f():\n try: os.kill(-1, 9)\n except OSError: pass\n return True"),
    _Proof("disk", "namespaces", _TRY.format("[open(str(i), 'wb').write(bytes(2**24)) for i in range(9)]")),
    _Proof("the home directory is out of sight", "namespaces", "import os\ndef f(): return not os.path.exists({secret!r})"),
    _Proof("nothing else is writable", "namespaces", _TRY.format("open('/x', 'w')")),
)  # fmt: skip


def doctor(level: str | None = None) -> list[Row]:
    """Try every limit; the wanted level (default: the best one here) holds where every promised row holds.

    Raises SandboxError where the level is not to be had at all.
    """
    chosen, notice = levels.choose(level)
    wanted = level or chosen
    rows = [Row("level", True, f"{chosen} ({sys.platform}, {'root' if os.getuid() == 0 else 'user'})", True)]
    if notice:
        rows.append(Row("no better level", True, notice, False))
    with _secret() as secret, _listening() as name, Sandbox(level, limits=Limits(SECONDS, MEMORY_MB)) as sandbox:
        for proof in _PROOFS:
            promised = levels.LEVELS.index(proof.level) <= levels.LEVELS.index(wanted)
            if not promised and levels.LEVELS.index(proof.level) > levels.LEVELS.index(chosen):
                continue  # the breaking program would break something of the user's
            code = proof.code.replace("{secret!r}", repr(str(secret))).replace("{socket!r}", repr(name))
            check = sandbox.check(Program(code=code, tests=("assert f() == True",)))
            holds = check.verdict.value == proof.verdicts
            seen = check.verdict.value + (f": {check.detail}" if check.detail else "")
            rows.append(Row(proof.limit, holds, seen, promised))
    return rows


@contextmanager
def _listening() -> Iterator[str]:
    """The name of an abstract socket that is open in this network namespace; elsewhere there is none of that name."""
    with socket.socket(socket.AF_UNIX) as listener:
        name = f"\0pytest-complexity-doctor-{os.getpid()}"
        if sys.platform.startswith("linux"):
            listener.bind(name)
            listener.listen()
        yield name


@contextmanager
def _secret() -> Iterator[Path]:
    """A file of the user's that no program may see; this very file where the home cannot be written."""
    path = Path.home() / f".pytest-complexity-doctor-{os.getpid()}"
    try:
        path.write_text("secret", encoding="utf-8")
    except OSError:
        yield Path(__file__)
        return
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
