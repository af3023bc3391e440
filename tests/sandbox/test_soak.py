"""Many programs of all kinds in random order: `CX_SOAK=20000 pytest -m soak tests/sandbox`, else skipped."""

from __future__ import annotations

import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_hostile import OUTSIDE, PROGRAMS, RIGHT, TESTS

from pytest_complexity.sandbox import Limits, Program, Sandbox

WORKERS = 2
#: one in so many is a program that waits for its deadline or fills something up
SLOW = 200


def descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found.extend(int(word) for word in task.read_text().split())
    return found[1:]


@pytest.mark.soak
@pytest.mark.skipif("CX_SOAK" not in os.environ, reason="long: set CX_SOAK to a number of programs")
def test_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    count = int(os.environ["CX_SOAK"])
    chance = random.Random(0)
    before = len(os.listdir("/proc/self/fd"))
    with Sandbox(workers=WORKERS, limits=Limits(3.0, 256)) as sandbox, ThreadPoolExecutor(WORKERS) as pool:
        table = {**PROGRAMS, **OUTSIDE} if sandbox.level == "namespaces" else dict(PROGRAMS)
        slow = [n for n, (_, v) in table.items() if "timeout" in v or n.startswith(("35", "30", "31"))]
        quick = [name for name in table if name not in slow]

        def one(_: int) -> str:
            name = chance.choice(slow if chance.random() < 1 / SLOW else [*quick, "1 right"] * 2)
            code, verdicts = (RIGHT, "pass") if chance.random() < 1 / 2 else table[name]
            found = sandbox.check(Program(code=code, tests=TESTS))
            return "" if found.verdict.value in verdicts.split() else f"{name}: {found}"

        wrong = [line for line in pool.map(one, range(count)) if line]
        left = descendants(os.getpid())
    assert not wrong, "\n".join(wrong)
    assert len(left) <= WORKERS * 4  # verifier, bubblewrap, zygote, and the run that waits
    assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(tmp_path.iterdir()) == []
