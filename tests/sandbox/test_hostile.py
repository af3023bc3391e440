# ruff: noqa: UP031, PLW1510 - programs stand on one line
"""A table of hostile and honest programs, each with the verdicts it may get."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_complexity.sandbox import Limits, Program, Sandbox

TESTS = ("assert f(3) == 4", "assert f(5) == 6", "assert f([1])[0] == 1 if False else True")
RIGHT = "def f(x): return x + 1\n"
WRONG = "def f(x): return 0\n"

# name -> program, the verdicts that are right
PROGRAMS: dict[str, tuple[str, str]] = {
    "1 right": (RIGHT, "pass"),
    "2 prints 10 MB": (RIGHT + "for _ in range(1000): print('x' * 10000)", "pass"),
    "3 reads stdin under a guard": (
        RIGHT + "import sys\ntry: input()\nexcept EOFError: pass\nsys.stdin.read()",
        "pass",
    ),
    "4 main guard": (RIGHT + "def main(): 1 / 0\nif __name__ == '__main__': main()", "pass"),
    "5 own directory": (
        "import os\ndef f(x):\n open('a.txt', 'w').write('4')\n assert os.path.exists(os.path.join(os.getcwd(), 'a.txt'))\n return x + int(open('a.txt').read()) - 3",
        "pass",
    ),
    "6 dataclass and friends": (
        "from dataclasses import dataclass\nfrom typing import NamedTuple\nimport enum, pickle, functools\n"
        "@dataclass(frozen=True, order=True)\nclass D:\n x: int\nclass T(NamedTuple):\n x: int\nclass E(enum.Enum):\n A = 1\n"
        "@functools.cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "def f(x):\n assert fib(50) == 12586269025\n assert pickle.loads(pickle.dumps([D(1), T(2), E.A])) == [D(1), T(2), E.A]\n return x + D(1).x",
        "pass",
    ),
    "7 daemon thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n" + RIGHT,
        "pass",
    ),
    "7 thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n" + RIGHT,
        "pass",
    ),
    "8 double fork": (
        "import os, time\nif os.fork() == 0:\n if os.fork() == 0:\n  os.setsid()\n  time.sleep(99)\n os._exit(0)\n"
        + RIGHT,
        "pass",
    ),
    "9 what == says": ("def f(x): return float(x + 1)", "pass"),
    "10 recursion limit": ("import sys\nsys.setrecursionlimit(10**9)\n" + RIGHT, "pass"),
    "11 wrong": (WRONG, "wrong"),
    "12 equal to all": (
        "class A:\n def __eq__(s, o): return True\n def __ne__(s, o): return False\ndef f(x): return A()",
        "tampered",
    ),
    "13 int subclass": (
        "class A(int):\n def __eq__(s, o): return True\n def __hash__(s): return 0\ndef f(x): return A()",
        "tampered",
    ),
    "13 str subclass": (
        "class A(str):\n def __eq__(s, o): return True\n def __ne__(s, o): return False\ndef f(x): return A()",
        "tampered",
    ),
    "13 list subclass": ("class A(list):\n def __eq__(s, o): return True\ndef f(x): return A()", "tampered"),
    "13 nested": (
        "class A(int):\n def __eq__(s, o): return True\ndef f(x): return [{1: (A(),)}]",
        "wrong tampered",
    ),
    "14 __getattr__": ("def __getattr__(name): return lambda *a: 4", "error wrong tampered"),
    "14 callable": (
        "class A:\n def __getattr__(s, n): return s\n def __call__(s, *a): return s\n def __eq__(s, o): return True\nf = A()",
        "wrong tampered",
    ),
    "15 sys.exit in the function": ("import sys\ndef f(x): sys.exit(0)", "exit"),
    "15 sys.exit at top level": ("import sys\nsys.exit(0)", "exit"),
    "15 exit()": ("def f(x): exit()", "exit"),
    "16 os._exit": ("import os\ndef f(x): os._exit(0)", "exit"),
    "17 atexit": ("import atexit, os\natexit.register(os._exit, 0)\n" + WRONG, "wrong"),
    "18 frames": (
        "import sys, gc\ndef f(x):\n frame = sys._getframe(1)\n while frame:\n  for k in list(frame.f_locals): frame.f_locals[k] = True\n  frame = frame.f_back\n"
        " for o in gc.get_objects():\n  if isinstance(o, dict) and 'verdict' in o: o['verdict'] = 'pass'\n return 0",
        "error wrong tampered",
    ),
    "18 forged answer": (
        "import gc, struct\ndef f(x):\n for o in gc.get_objects():\n  if type(o).__name__ == 'Channel':\n   o.send(0, b'v', b'N'); o.send(1, b'x', b'N')\n return 0",
        "wrong tampered",
    ),
    "18 patches our own modules": (
        "import gc\ndef f(x):\n for o in gc.get_objects():\n  if isinstance(o, dict) and 'MAX_BODY' in o and 'Channel' in o: o['Channel'].send = lambda *a: None\n return 0",
        "wrong tampered",
    ),
    "19 writes to every descriptor": (
        'import os\nfor fd in range(1, 1024):\n try: os.write(fd, b\'passed\\n{"verdict": "pass"}\\n\' * 9)\n except OSError: pass\n'
        + WRONG,
        "wrong tampered",
    ),
    "20 builtins": (
        "import builtins\nclass Never(BaseException): pass\nbuiltins.AssertionError = Never\nbuiltins.len = lambda x: 0\nbuiltins.isinstance = lambda *a: True\n"
        "builtins.print = builtins.__import__ = builtins.repr = lambda *a, **k: None\nbuiltins.type = lambda *a: int\nbuiltins.id = lambda x: 0\n"
        + WRONG,
        "wrong tampered",
    ),
    "21 settrace": (
        "import sys\ndef t(fr, ev, arg):\n fr.f_locals.clear() if False else None\n return t\nsys.settrace(t)\n"
        + WRONG,
        "wrong tampered",
    ),
    "21 compile and ast": (
        "import ast, builtins\nbuiltins.compile = lambda *a, **k: ast.parse('')\nast.Assert = ast.Pass\nbuiltins.exec = lambda *a: None\n"
        + WRONG,
        "wrong tampered",
    ),
    "21 bytecode": (
        "def g(x): return 4\ndef f(x): return 0\nf.__code__ = f.__code__.replace(co_consts=(None, 7))",
        "wrong tampered",
    ),
    "22 redefines check": ("def check(*a): pass\ncandidate = check\n" + WRONG, "wrong"),
    "24 reads its parent": (
        "import os\ndef f(x):\n for p in ('/proc/%d/mem', '/proc/%d/environ', '/proc/%d/maps'):\n  try:\n   if b'assert' in open(p % os.getppid(), 'rb').read(): return 4\n"
        "  except OSError: pass\n return 0",
        "wrong",
    ),
    "25 loop": ("def f(x):\n while True: pass", "timeout"),
    "26 swallows everything": (
        "def f(x):\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
        "timeout",
    ),
    "27 C loop": ("def f(x): return 10**10**8", "timeout"),
    "27 regex": ("import re\ndef f(x): return re.match('(a+)+$', 'a' * 50 + 'b')", "timeout"),
    "28 ignores signals": (
        "import signal\nfor n in (1, 2, 13, 14, 15): signal.signal(n, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 0)\ndef f(x):\n while True: pass",
        "timeout",
    ),
    "29 sleeps at import": ("import time\ntime.sleep(10**6)", "timeout"),
    "30 bytearray": ("def f(x): return bytearray(10**11)", "memory"),
    "30 growing list": ("def f(x):\n a = [0] * 1000\n while True: a = a + a", "memory"),
    "30 product": (
        "import itertools\ndef f(x): return list(itertools.product(range(100), repeat=9))",
        "memory",
    ),
    "31 fork bomb": ("import os\ndef f(x):\n while True: os.fork()", "error memory timeout"),
    "31 fork bomb through ctypes": (
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef f(x):\n while True: libc.fork()",
        "error memory timeout",
    ),
    "33 segfault": ("import ctypes\ndef f(x): ctypes.string_at(0)", "crash"),
    "34 endless recursion": ("def f(x): return f(x)", "error"),
    "35 fills the disk": (
        "def f(x):\n with open('big', 'wb') as file:\n  while True: file.write(b'x' * 10**6)",
        "error memory",
    ),
    "38 secrets": (
        "import os\ndef f(x): return 4 if any('KEY' in k or 'HOME' in k for k in os.environ) else 0",
        "wrong",
    ),
    "39 closes every descriptor": ("import os\ndef f(x):\n os.closerange(0, 4096)\n return 0", "exit wrong"),
    "40 keeps the channel": (
        "import os, time\ndef f(x):\n if os.fork() == 0:\n  os.setsid()\n  time.sleep(99)\n os._exit(0)",
        "exit timeout",
    ),
    "41 NUL": ("x = '\0'\n" + RIGHT, "error"),
    "41 surrogate": ("x = '\ud800'\n" + RIGHT, "error"),
    "41 BOM": ("\ufeff" + RIGHT, "error"),
    "41 tabs": ("def f(x):\n\treturn x\n        return 1", "error"),
    "41 long line": ("def f(x): return " + "+".join(["1"] * 250000) + " +", "error"),
    "41 parentheses": ("x = " + "(" * 100000 + ")" * 100000, "error"),
    "41 unary": ("x = " + "-" * 100000 + "1", "error crash"),
    "44 wrong name": ("def g(x): return x + 1", "error"),
    "45 __str__ raises": ("class E(Exception):\n def __str__(s): 1 / 0\ndef f(x): raise E", "error"),
    "45 __str__ is huge": (
        "class E(Exception):\n def __str__(s): return 'x' * 10**9\ndef f(x): raise E",
        "error",
    ),
    "46 KeyboardInterrupt": ("def f(x): raise KeyboardInterrupt", "error"),
    "46 GeneratorExit": ("def f(x): raise GeneratorExit", "error"),
    "46 SystemExit subclass": ("class E(SystemExit): pass\ndef f(x): raise E(3)", "error exit"),
    "47 pytest": ("import pytest\ndef f(x): pytest.skip()", "error"),
    "48 optimize": ("import os\nos.environ['PYTHONOPTIMIZE'] = '2'\n" + WRONG, "wrong"),
    "49 hash order": (
        "def f(x): return x + 1 if list({'a', 'b', 'c', 'd'})[0] == list({'d', 'c', 'b', 'a'})[0] else x",
        "pass",
    ),
    "50 metaclass": (
        "class M(type):\n def __eq__(s, o): return True\n __hash__ = type.__hash__\nclass A(metaclass=M): pass\ndef f(x): return A",
        "tampered",
    ),
    "50 __class__": ("class A:\n __class__ = property(lambda s: int)\ndef f(x): return A()", "wrong tampered"),
    # --- of our own ---
    "never unequal": (
        "class A:\n def __eq__(s, o): return NotImplemented\n def __ne__(s, o): return False\ndef f(x): return A()",
        "tampered wrong",
    ),
    "equal from the second time": (
        "class A:\n n = 0\n def __eq__(s, o):\n  A.n += 1\n  return A.n > 1\ndef f(x): return A()",
        "wrong tampered",
    ),
    "equal to small ints only": (
        "class A:\n def __eq__(s, o): return type(o) is int and o < 100\ndef f(x): return A()",
        "tampered",
    ),
    "equal by hash": (
        "class A:\n def __hash__(s): return hash(4)\n def __eq__(s, o): return True\ndef f(x): return {A()}",
        "tampered wrong",
    ),
    "dies by SIGKILL": ("import os\ndef f(x): os.kill(os.getpid(), 9)", "crash wrong"),
    "stops itself": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)", "timeout wrong"),
    "a large answer": ("def f(x): return 'x' * (70 * 2**20)", "wrong"),
    "a deep answer": ("def f(x):\n a = []\n for _ in range(100000): a = [a]\n return a", "wrong"),
    "an answer within itself": ("def f(x):\n a = []\n a.append(a)\n return a", "wrong"),
    "an endless iterator": ("import itertools\ndef f(x): return itertools.count()", "wrong"),
    "raises in __eq__": (
        "class A:\n def __eq__(s, o): raise ValueError\ndef f(x): return A()",
        "wrong error",
    ),
    "exits in __eq__": ("class A:\n def __eq__(s, o): raise SystemExit(0)\ndef f(x): return A()", "exit"),
    "an exception that is none": (
        "class E(BaseException):\n def __init__(s, *a): raise E\ndef f(x): raise E",
        "error",
    ),
    "sockets shut": (
        "import gc, socket\ndef f(x):\n for o in gc.get_objects():\n  if isinstance(o, socket.socket): o.shutdown(2)\n return 4",
        "exit",
    ),
    "threads answer too": (
        "import threading, os\ndef f(x):\n def t():\n  try: os.write(3, b'\\0' * 13)\n  except OSError: pass\n th = threading.Thread(target=t)\n th.start(); th.join()\n return 0",
        "tampered wrong",
    ),
    "a module for a function": ("import math as f", "error"),
    "returns the tests' type": (
        "f = type('int', (int,), {'__eq__': lambda s, o: True, '__hash__': int.__hash__})",
        "tampered",
    ),
    "subtracts to nothing": (
        "class A:\n def __add__(s, o): return 4\n def __eq__(s, o): return False\ndef f(x): return A()",
        "wrong",
    ),
    "imports the harness": ("import _cx.worker\n" + RIGHT, "error"),
    "imports what is installed": ("import numpy\n" + RIGHT, "error"),
    "sys.modules games": ("import sys\nsys.modules.clear()\n" + WRONG, "wrong"),
}

# These reach for what only a namespace keeps from them.
OUTSIDE: dict[str, tuple[str, str]] = {
    "32 kills its parent": (
        "import os, signal\ndef f(x):\n os.kill(os.getppid(), 9)\n return 0",
        "crash wrong",
    ),
    "32 kills its group": ("import os\ndef f(x):\n os.killpg(0, 9)\n return 0", "crash wrong"),
    "32 kills all": (
        "import os\ndef f(x):\n try: os.kill(-1, 9)\n except OSError: pass\n return 0",
        "crash wrong",
    ),
    "32 kills all, unguarded": ("import os\ndef f(x):\n os.kill(-1, 9)\n return 0", "crash wrong error"),
    "35 a million files": (
        "def f(x):\n for i in range(10**6): open(str(i), 'w').close()\n return 0",
        "error memory wrong timeout",
    ),
    "36 writes to the home": (
        "import os\ndef f(x):\n open(os.path.expanduser('~/CX_WAS_HERE'), 'w')",
        "wrong error",
    ),
    "36 writes anywhere": (
        "import os\ndef f(x):\n for p in ('/', '/usr', '/cx', '/root', '/home', '/var/tmp', '/dev', '/proc'):\n  try: open(p + '/CX_WAS_HERE', 'w'); return 4\n  except OSError: pass\n return 0",
        "wrong",
    ),
    "37 network": (
        "import socket\ndef f(x):\n s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); socket.create_connection(s.getsockname()); return 4",
        "error",
    ),
    "38 files": (
        "import os\ndef f(x): return 4 if os.path.exists('/etc/passwd') or os.listdir('/tmp') else 0",
        "wrong",
    ),
    "reads the project": ("import os\ndef f(x): return 4 if os.path.exists(%r) else 0" % __file__, "wrong"),
    "sees other processes": (
        "import os\ndef f(x): return 4 if len([p for p in os.listdir('/proc') if p.isdigit()]) > 3 else 0",
        "wrong",
    ),
    "mounts": (
        "import ctypes\ndef f(x): return 4 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 0",
        "wrong",
    ),
    "traces the zygote": (
        "import ctypes, os\ndef f(x): return 4 if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0 else 0",
        "wrong",
    ),
}


@pytest.fixture(scope="module")
def fast() -> Iterator[Sandbox]:
    with Sandbox(workers=1, limits=Limits(seconds=1.0, memory_mb=128)) as sandbox:
        yield sandbox


def verify(sandbox: Sandbox, code: str, verdicts: str) -> None:
    found = sandbox.check(Program(code=code, tests=TESTS))
    assert found.verdict.value in verdicts.split(), found
    assert len(found.detail) <= 200
    assert found.detail.isprintable()
    after = sandbox.check(Program(code=RIGHT, tests=TESTS))
    assert after.verdict.value == "pass", after


@pytest.mark.parametrize("name", PROGRAMS)
def test_verdict(fast: Sandbox, name: str) -> None:
    verify(fast, *PROGRAMS[name])


@pytest.mark.parametrize("name", OUTSIDE)
def test_verdict_in_namespaces(fast: Sandbox, name: str) -> None:
    if fast.level != "namespaces":
        pytest.skip("needs namespaces: install bubblewrap")
    verify(fast, *OUTSIDE[name])
    assert not Path("~/CX_WAS_HERE").expanduser().exists()


def test_no_operand_of_the_tests_decides(fast: Sandbox) -> None:
    code = "class A:\n __sub__ = __rsub__ = lambda s, o: 0.0\n __lt__ = __gt__ = __contains__ = lambda s, o: True\n __iter__ = lambda s: iter(())\ndef f(x): return A()"
    for test in (
        "assert abs(f(3) - 3.14) < 1e-6",
        "assert f(3) < 4",
        "assert 4 in f(3)",
        "assert abs(3.14 - f(3)) < 1",
    ):
        assert fast.check(Program(code=code, tests=(test,))).verdict.value in (
            "error",
            "tampered",
            "wrong",
        ), test


def test_nothing_is_left(tmp_path: Path) -> None:
    """No process and no file, after closing and after `kill -9` of the parent, also while the verifier starts."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys\nfrom pytest_complexity.sandbox import *\n"
        "sandbox = Sandbox()\n"
        f"print(sandbox.check(Program(code={RIGHT!r}, tests=('assert f(3) == 4',))).verdict.value, flush=True)\n"
        "print(' '.join(str(v._process.pid) for v in sandbox._all), flush=True)\n"
        "if sys.argv[1] == 'kill': os.kill(os.getpid(), 9)\nsandbox.close()\n"
        "if sys.argv[1] == 'start':\n"
        "    from pytest_complexity.sandbox.child import frames\n"
        "    frames.receive_json = lambda _: os.kill(os.getpid(), 9)\n"
        "    Sandbox().check(Program(code='', tests=('assert True',)))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    for how in ("kill", "close", "start"):
        done = subprocess.run([sys.executable, str(script), how], capture_output=True, text=True, env=env, timeout=60)
        verdict, pid = done.stdout.split()
        assert verdict == "pass"
        for _ in range(100):  # the verifier notices by its descriptor; the init process may be slow to reap it
            if not _alive(int(pid)):
                break
            subprocess.run(["sleep", "0.05"], check=True)
        assert not _alive(int(pid))
        for _ in range(100 if how == "start" else 0):
            if len(list(tmp_path.iterdir())) == 1:
                break
            subprocess.run(["sleep", "0.05"], check=True)
        assert [p.name for p in tmp_path.iterdir() if p.name != "parent.py"] == []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def run_table(
    level: str, programs: dict[str, tuple[str, str]], python: str, folder: Path = Path(__file__).parent, **how: object
) -> dict[str, str]:
    """The verdicts of `table.py` that are not among the right ones, and its level under the name `level`."""
    order = json.dumps({"programs": {name: code for name, (code, _) in programs.items()}, "tests": TESTS})
    done = subprocess.run(
        [python, str(folder / "table.py"), "2", level],
        input=order,
        capture_output=True,
        text=True,
        timeout=120,
        **how,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    verdicts = answer["verdicts"]
    wrong = {name: found for name, found in verdicts.items() if found not in programs[name][1].split()}
    return {**wrong, "level": answer["level"]}


def test_table_as_an_ordinary_user() -> None:
    """The whole table again, as `nobody`, with an interpreter and a copy of the package that `nobody` can read."""
    if os.getuid() != 0:
        pytest.skip("the tests run as an ordinary user anyway")
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        try:
            probe = subprocess.run(
                [python, "-c", "import sys; assert sys.version_info >= (3, 10)"],
                capture_output=True,
                **as_nobody,
            )
        except OSError:
            continue
        if probe.returncode == 0:
            break
    else:
        pytest.skip("no interpreter that another user can run")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        shutil.copytree(Path(__file__).parents[2] / "pytest_complexity", root / "pytest_complexity")
        shutil.copytree(Path(__file__).parent, root / "tests")
        for path in root.rglob("*"):  # the clone may lie in a private home
            path.chmod(0o755 if path.is_dir() else 0o644)
        env = {"PYTHONPATH": directory, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        found = run_table("best", {**PROGRAMS, **OUTSIDE}, python, root / "tests", env=env, **as_nobody)
    if found.pop("level") != "namespaces":
        found = {name: verdict for name, verdict in found.items() if name not in OUTSIDE}
    assert found == {}


def test_table_at_the_level_of_limits() -> None:
    """Without namespaces the verdicts are the same, but for what only namespaces keep in."""
    bombs = [name for name in PROGRAMS if "31" in name]  # as root nothing but a namespace's own user holds them
    programs = {name: row for name, row in PROGRAMS.items() if name not in bombs}
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert run_table("limits", programs, sys.executable, env=env) == {"level": "limits"}
