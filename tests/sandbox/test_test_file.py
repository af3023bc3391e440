"""A file of pytest-style tests runs beside the program as its author would run it, and its passes are controlled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_complexity.sandbox import Check, Program, Sandbox
from pytest_complexity.sandbox.child import plan

FILE = """
import unittest

import pytest
from solution import double


@pytest.mark.parametrize("x, y", [(1, 2), (2, 4)])
def test_table(x, y):
    assert double(x) == y


def test_standard_fixtures(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("NAME", "value")
    print("said")
    assert capsys.readouterr().out == "said\\n"
    assert double("ab") == "abab"


@pytest.fixture
def five():
    return 5


def test_own_fixture(five):
    assert double(five) == 10


def test_raises():
    with pytest.raises(TypeError):
        double(None)


class TestCase(unittest.TestCase):
    def setUp(self):
        self.three = 3

    def test_equal(self):
        self.assertEqual(double(self.three), 6)
"""

PROGRAMS = {
    "right": ("def double(x): return 2 * x", "pass", ""),
    "with tests of its own": (
        "import unittest\ndef double(x): return 2 * x\ndef test_mine(): assert 0\n"
        "class T(unittest.TestCase):\n def test_mine(self): assert 0",
        "pass",
        "",
    ),
    "wrong in the table": ("def double(x): return 2 * x + 1", "wrong", "assert double(x) == y: got 3"),
    "wrong with the fixture": (
        "def double(x): return 2 * x if x != 5 else 3",
        "wrong",
        "assert double(five) == 10: got 3",
    ),
    "raises nothing": ("def double(x): return x and 2 * x", "wrong", "nothing is raised"),
    "wrong in the class": (
        "def double(x): return 2 * x if x != 3 else 3",
        "wrong",
        "self.assertEqual(double(self.three), 6): got 3",
    ),
    "raises": ("def double(x): return 1 / 0", "error", "ZeroDivisionError: division by zero"),
    "lacks the name": ("def triple(x): return 3 * x", "error", "cannot import name 'double'"),
    "leaves": ("import os\ndef double(x): os._exit(0)", "exit", "exit status 0"),
    "skips": ("import pytest\ndef double(x): pytest.skip('no')", "error", "0 tests passed"),
    "equal to everything": (
        "class A:\n def __eq__(s, o): return True\ndef double(x):\n if x is None: raise TypeError\n return A()",
        "tampered",
        "not true",
    ),
    "patches pytest": (
        "import pytest\ndef main(a, plugins):\n plugins[0].passed = 9\n return 0\npytest.main = main\ndef double(x): return 3",
        "tampered",
        "without an answer",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gets_the_verdict_that_its_tests_give(sandbox: Sandbox, name: str) -> None:
    code, verdict, detail = PROGRAMS[name]
    found = sandbox.check(Program(code=code, tests=(), test_source=FILE, packages=("pytest",)))
    assert found.verdict.value == verdict
    assert detail in found.detail
    assert not found.uncontrolled


def test_assertions_in_the_task_and_in_its_file_hold_together(check: Callable[..., Check]) -> None:
    file = "def test_it():\n    assert f(1) == 2\n"
    for code, verdict in (("def f(x): return x + 1", "pass"), ("def f(x): return 4", "wrong")):
        assert check(code, "assert f(3) == 4", test_source=file, packages=("pytest",)).verdict.value == verdict


@pytest.mark.parametrize(
    ("tests", "kinds"),
    [
        ("def test_a():\n    assert f(1) == 2", ["value"]),
        ("import pytest\n@pytest.mark.parametrize('x', [1, 2])\ndef test_a(x):\n    assert f(1) == x", ["value"]),
        ("import pytest\ndef test_a():\n    with pytest.raises(KeyError):\n        f(1)", ["computed"]),
        ("class TestA:\n    def test_a(self):\n        assert f(1)", ["truth"]),
        ("class A(TestCase):\n    def test_a(self):\n        self.assertTrue(f(1) == 2)", ["value"]),
        ("class A(TestCase):\n    def test_a(self):\n        self.assertIn(f(1), [2])", ["truth"]),
        ("import pytest\n@pytest.mark.skipif(1)\ndef test_a():\n    assert f(1) == 2", []),
        ("def helper():\n    assert f(1) == 2", []),
        ("def test_a():\n    return\ndef test_b():\n    if f(1):\n        assert f(1) == 2", []),
    ],
)
def test_questions_are_asked_where_a_test_surely_asserts(tests: str, kinds: list[str]) -> None:
    made = plan.make({**vars(Program(code="", tests=())), "test_source": tests})
    assert sorted({made.kinds[number] for number in made.answers}) == kinds


def test_a_pass_of_a_file_without_a_control_says_so(sandbox: Sandbox) -> None:
    file = "def test_a():\n    if f(1) != 2:\n        raise AssertionError\n"
    found = sandbox.check(
        Program(code="import os\ndef f(x): return 2", tests=(), test_source=file, packages=("pytest",))
    )
    assert (found.verdict.value, found.uncontrolled) == ("pass", True)
