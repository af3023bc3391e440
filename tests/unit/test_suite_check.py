"""Checking a suite: a reference passes, and what is plainly no solution fails; the tasks where not are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_complexity.cli import main
from pytest_complexity.core.tasks import Task, dump_tasks
from pytest_complexity.suite_check import check_tasks, constants, mutants

GOOD = Task("T/good", "Add.", ("assert f(1, 2) == 3", "assert f(2, 2) == 4"), "def f(a, b):\n    return a + b\n")
SPARSE = Task("T/sparse", "Add.", ("assert f(1, 2) == 3", "assert f(2, 1) == 3"), "def f(a, b):\n    return a + b\n")
VOID = Task("T/void", "Add.", ("assert True",), "def f(a, b):\n    return a + b\n")
BROKEN = Task("T/broken", "Add.", ("assert f(1, 2) == 4",), "def f(a, b):\n    return a + b\n")
BARE = Task("T/bare", "Add.", ("assert f(1, 2) == 3",))
PROMPT = Task(
    "T/prompt",
    "Add.",
    ("check(f)",),
    code="    return a + b\n",
    prompt_code='def f(a, b):\n    """Add 1 and 2."""\n',
    entry_point="f",
    test_setup_code="def check(c):\n    assert c(1, 2) == 3\n    assert c(2, 2) == 4\n",
)


def test_each_fault_is_named_and_a_good_task_has_none() -> None:
    faults = {found.task_id: found.faults for found in check_tasks([GOOD, SPARSE, VOID, BROKEN, BARE, PROMPT])}
    assert faults == {
        "T/good": (),
        "T/sparse": ("a function that always returns 3 passes",),
        "T/void": ("an empty program passes",),
        "T/broken": (
            "the reference does not pass: wrong: assert f(1, 2) == 4: got 3",
            "a function that always returns 4 passes",
        ),
        "T/bare": (),  # nothing is known of its functions; the empty program fails
        "T/prompt": (),
    }


def test_mutants_of_a_good_task_fail_and_those_of_a_void_one_survive() -> None:
    good, void = check_tasks([GOOD, VOID])
    assert (good.mutants, good.survivors) == (2, 0)  # a - b, and no value returned
    assert (void.mutants, void.survivors) == (2, 2)


def test_a_mutant_changes_one_place_of_the_solution_and_none_of_the_prompt() -> None:
    task = Task("T/1", "x", ("assert f(1)",), "def f(x):\n    return 1 if x < 2 else x in (3,)\n")
    texts = mutants(task)
    assert len(texts) == len(set(texts)) == 6
    assert sum("x >= 2" in text for text in texts) == sum("not in" in text for text in texts) == 1
    assert all('"""Add 1 and 2."""' in text for text in mutants(PROMPT))


def test_constants_are_those_that_the_tests_expect_and_the_usual_ones() -> None:
    assert [value for value, _ in constants(GOOD)] == ["3", "4", "None", "True", "False", "0", "1", "''", "[]"]
    assert constants(BARE) == []


@pytest.mark.parametrize("code", ["def f(", "x = " + "(" * 300 + ")" * 300, "\0"])
def test_a_reference_that_does_not_parse_fails_and_has_no_mutants(code: str) -> None:
    (found,) = check_tasks([Task("T/1", "x", ("assert f(1) == 1",), code)])
    assert found.reference is not None
    assert found.reference.startswith("error")
    assert found.mutants == 0


def test_the_command_names_the_faults_and_fails_over_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(dump_tasks([GOOD, SPARSE]))
    assert main(["data", "check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "T/sparse: a function that always returns 3 passes",
        "mine: 2 tasks, 0 without a reference solution, 1 with a fault",
        "4 of 4 mutants of the references fail, as they should",
    ]
    path.write_bytes(dump_tasks([GOOD]))
    assert main(["data", "check", str(path)]) == 0


def test_the_command_names_tasks_without_a_negative_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = ("if f(1, 2) != 3: raise AssertionError", "if f(2, 2) != 4: raise AssertionError")
    path = tmp_path / "mine.jsonl"
    path.write_bytes(dump_tasks([GOOD, Task("T/none", "Add.", tests, GOOD.code)]))
    assert main(["data", "check", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "T/none: has no negative control, so a pass may be forged: add an assertion on a value"
    assert lines[-1] == "1 task without a negative control"


def test_a_suite_that_is_not_there_and_a_broken_line_are_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "mine"]) == 2
    assert capsys.readouterr().err == (
        "pytest-complexity: mine: neither a suite (mbpp, humaneval, mbpp+, humaneval+) nor a task file that exists\n"
    )
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"task_id": "T/1", "text": "x"}) + "\n")
    assert main(["data", "check", str(path)]) == 2
    assert f"{path}, line 1, field 'test_list'" in capsys.readouterr().err
