"""A timeout means the code: what a busy machine slowed near the limit is run once more, alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.sandbox import BUSY, NEAR, Check, Limits, Program, Sandbox, _Run

LIMIT = 10.0
PROGRAM = Program(code="def f(x): return x", tests=("assert f(1) == 1",))


class Scripted(Sandbox):
    """A sandbox whose runs are written down beforehand."""

    def __init__(self, *runs: tuple[Verdict, float, float]) -> None:
        super().__init__(workers=1, limits=Limits(LIMIT))
        self.runs = [_Run(verdict, "", seconds, waited) for verdict, seconds, waited in runs]

    def _run(self, program: Program) -> _Run:
        return self.runs.pop(0)


def checked(*runs: tuple[Verdict, float, float]) -> tuple[Check, int]:
    """The check, and how many runs were not needed."""
    with Scripted(*runs) as sandbox:
        return sandbox.check(PROGRAM), len(sandbox.runs)


BUSILY, IDLY = BUSY + 0.1, BUSY / 2


def test_a_timeout_on_a_busy_machine_is_repeated_and_the_second_verdict_holds() -> None:
    found, left = checked((Verdict.TIMEOUT, LIMIT, BUSILY), (Verdict.PASS, 7.0, 0.0))
    assert (found.verdict, found.borderline, found.seconds, left) == (Verdict.PASS, True, 7.0, 0)


def test_a_verdict_that_is_the_same_alone_is_not_borderline() -> None:
    found, left = checked((Verdict.TIMEOUT, LIMIT, BUSILY), (Verdict.TIMEOUT, LIMIT, BUSILY))
    assert (found.verdict, found.borderline, left) == (Verdict.TIMEOUT, False, 0)


def test_a_run_close_to_the_limit_is_repeated_too() -> None:
    found, _ = checked((Verdict.PASS, (NEAR + 0.05) * LIMIT, BUSILY), (Verdict.TIMEOUT, LIMIT, 0.0))
    assert (found.verdict, found.borderline) == (Verdict.TIMEOUT, True)


@pytest.mark.parametrize(
    "run",
    [
        (Verdict.TIMEOUT, LIMIT, IDLY),  # its time was its own
        (Verdict.PASS, (NEAR - 0.05) * LIMIT, BUSILY),  # far from the limit
    ],
)
def test_others_are_not_repeated(run: tuple[Verdict, float, float]) -> None:
    found, left = checked(run, (Verdict.CRASH, 0.0, 0.0))
    assert (found.verdict, found.borderline, left) == (run[0], False, 1)


def test_what_is_repeated_runs_alone() -> None:
    running = [0]
    alone: list[int] = []
    gate = threading.Lock()

    class Counted(Sandbox):
        def _run(self, program: Program) -> _Run:
            again = threading.current_thread().name in names
            names.add(threading.current_thread().name)
            with gate:
                running[0] += 1
                if again:
                    alone.append(running[0])
            threading.Event().wait(0.01)
            with gate:
                running[0] -= 1
            return _Run(Verdict.PASS if again else Verdict.TIMEOUT, "", LIMIT, BUSILY)

    names: set[str] = set()
    with Counted(workers=4, limits=Limits(LIMIT)) as sandbox:
        threads = [threading.Thread(target=sandbox.check, args=(PROGRAM,), name=f"t{n}") for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert alone == [1] * 8


@pytest.mark.soak
@pytest.mark.skipif("CX_SOAK" not in os.environ, reason="wants a machine that is otherwise idle: set CX_SOAK")
def test_a_program_slowed_by_other_processes_passes_once_they_are_gone() -> None:
    limit, needs, burners = 2.0, 0.2, 16 * (os.cpu_count() or 1)
    code = f"import time\ndef f(x):\n while time.process_time() < {needs}: pass\n return x"
    burn = (
        f"import os, time\nfor _ in range({burners}):\n if os.fork() == 0:\n  os.setsid()\n  break\n"
        f"print(flush=True)\nend = time.monotonic() + {limit + 0.5}\nwhile time.monotonic() < end: pass"
    )
    with Sandbox(limits=Limits(limit)) as sandbox:
        assert sandbox.check(PROGRAM).verdict is Verdict.PASS
        with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) as burning:
            assert burning.stdout is not None
            burning.stdout.readline()
            found = sandbox.check(Program(code=code, tests=PROGRAM.tests))
            burning.stdout.read()  # until the last of them has ended
    assert (found.verdict, found.borderline) == (Verdict.PASS, True)
