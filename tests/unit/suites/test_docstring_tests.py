"""The examples in a docstring become assertions; whatever else stands there does not."""

from __future__ import annotations

import pytest

from pytest_complexity.suites import load_suite
from pytest_complexity.suites.docstring_tests import examples


def prompt(body: str) -> str:
    return f'from typing import List\n\n\ndef f(x):\n    """{body}\n    """\n'


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Say.\n    >>> f(1)\n    2\n    >>> f('a')\n    'b'", ["assert f(1) == 2", "assert f('a') == 'b'"]),
        ("f([1, 2]) == 3", ["assert f([1, 2]) == 3"]),
        ("f(1) => 2\n    f(2) -> 3\n    f(3) ➞ 4", ["assert f(1) == 2", "assert f(2) == 3", "assert f(3) == 4"]),
        ("f('(') should return 16.\n    f(0) returns True", ["assert f('(') == 16.0", "assert f(0) == True"]),
        ("f((1, 2)) ==> 'YES'\n    f(1) => true", ["assert f((1, 2)) == 'YES'", "assert f(1) == True"]),
        ("f(3) == 1 + 9 = 10", []),
        ("f(a) == 1\n    f(1) == b\n    g(1) == 2", []),
        ("Of f(1) nothing is said.", []),
        ("f(1) == 2\n    f(1) == 2", ["assert f(1) == 2"]),
    ],
)
def test_what_an_example_says(body: str, found: list[str]) -> None:
    assert list(examples(prompt(body), "f")) == found


@pytest.mark.parametrize("text", ["", "def f(:", "def g():\n    '''f(1) == 2'''\n", "def f(x):\n    '''>>>f(1)'''\n"])
def test_a_prompt_without_examples_has_none(text: str) -> None:
    assert examples(text, "f") == ()


def test_most_of_humaneval_shows_examples_and_nearly_all_of_them_are_right() -> None:
    tasks = [task for task in load_suite("humaneval").tasks if task.visible_tests]
    assert len(tasks) == 132
    wrong = [assertion for task in tasks for assertion in task.visible_tests if not holds(task, assertion)]
    assert len(wrong) == 4


def holds(task: object, assertion: str) -> bool:
    names: dict[str, object] = {}
    exec(task.prompt_code + task.code, names)  # type: ignore[attr-defined]  # HumanEval's own reference solutions
    try:
        exec(assertion, names)
    except AssertionError:
        return False
    return True
