"""Programs that compute nothing do not pass; those that bet or choose are counted by benchmarks/results/controls.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from dishonest import KINDS

from pytest_complexity.sandbox import Limits, Program, Sandbox

TASKS = (
    tuple(
        f"assert g({each}) == {each + 1}" for each in (3, 5, 10, 24, 71)
    ),  # each has sixteen choices: none is guessed
    (
        "def check(c):\n"
        + "".join(f"    assert c({each!r}) == {list(each)[::-1]}\n" for each in ("ab", "", "xyz", "hello", "world"))
        + "check(g)",
    ),
)
_BETS = re.compile(r"def pick\(|urandom|SystemRandom|monotonic|st_ino|_ck\(\)")
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
    assert len(PROGRAMS) >= 100


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_computes_nothing_does_not_pass(watched: Sandbox, name: str) -> None:
    if watched.level != "namespaces" and name.startswith("state"):
        pytest.skip(f"level {watched.level!r} leaves files of a run for the next one")
    for tests in TASKS:
        check = watched.check(Program(code=PROGRAMS[name].replace("ENTRY", "g"), tests=tests))
        assert check.verdict.value != "pass", check
