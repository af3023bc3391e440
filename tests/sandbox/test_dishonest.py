"""Programs that compute nothing do not pass; those that bet or choose are counted by benchmarks/results/controls.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from dishonest import KINDS

from pytest_complexity.sandbox import Limits, Program, Sandbox

TASKS = (
    ("assert g(3) == 4", "assert g(5) == 6", "assert g(10) == 11"),
    (
        "def check(c):\n    assert c('ab') == ['b', 'a']\n    assert c('') == []\n    assert c('xyz') == ['z', 'y', 'x']\ncheck(g)",
    ),
)
_BETS = re.compile(
    r"def pick\(|urandom|SystemRandom|monotonic|process_time|st_ino|ru_minflt|\bck\(\)|\bmid\(\)|_ck\(\)"
)
PROGRAMS = {
    f"{kind}: {name}": code
    for kind, programs in KINDS.items()
    for name, code in programs.items()
    if not _BETS.search(code)
}


@pytest.fixture(scope="module")
def watched() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(2.0, 256)) as sandbox:
        yield sandbox


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_computes_nothing_does_not_pass(watched: Sandbox, name: str) -> None:
    if watched.level != "namespaces" and name.startswith("state"):
        pytest.skip(f"level {watched.level!r} leaves files of a run for the next one")
    for tests in TASKS:
        check = watched.check(Program(code=PROGRAMS[name].replace("ENTRY", "g"), tests=tests))
        assert check.verdict.value != "pass", check
