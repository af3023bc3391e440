"""What models are asked, and what of a continuation is kept."""

from __future__ import annotations

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.models.prompts import Prefix, description, messages, prefix, signature, templates_sha256

MBPP = Task(
    task_id="MBPP/2",
    text="Write a function to find the similar elements from the given two tuple lists.",
    code="import math\r\ndef helper(x):\r\n  return x\r\ndef similar_elements(test_tup1, test_tup2):\r\n  return ()",
    test_list=("assert set(similar_elements((3, 4),(5, 4))) == set((4,))",),
)
HUMANEVAL = Task(
    task_id="HumanEval/0",
    text='def f(x):\n    """Doubles."""\n',
    prompt_code='def f(x):\n    """Doubles."""\n',
    code="    return 2 * x\n",
    entry_point="f",
    test_list=("check(f)",),
)


def test_chat_tells_text_and_signature_of_the_called_function() -> None:
    system, user = messages(MBPP)
    assert (system["role"], user["role"]) == ("system", "user")
    assert "one Python block" in system["content"]
    assert user["content"] == f"{MBPP.text}\n\ndef similar_elements(test_tup1, test_tup2):"


def test_chat_asks_to_complete_prompt_code() -> None:
    user = messages(HUMANEVAL)[1]["content"]
    assert user.startswith("Complete this function.")
    assert user.endswith(f"```python\n{HUMANEVAL.prompt_code}```")


def test_chat_shows_the_visible_tests_and_no_other() -> None:
    task = Task("t", "Add.", test_list=("assert f(1) == 2", "assert f(2) == 3"), visible_tests=("assert f(1) == 2",))
    user = messages(task)[1]["content"]
    assert "assert f(1) == 2" in user
    assert "assert f(2)" not in user


def test_code_llama_gets_description_and_def_line_alone() -> None:
    asked = prefix(MBPP)
    assert asked.prompt == (
        "find the similar elements from the given two tuple lists.\ndef similar_elements(test_tup1, test_tup2):"
    )
    assert asked.head == "def similar_elements(test_tup1, test_tup2):"


def test_completion_models_get_prompt_code_as_it_is() -> None:
    assert prefix(HUMANEVAL) == Prefix(HUMANEVAL.prompt_code)
    assert prefix(HUMANEVAL).completion("    return 2 * x\n") == "    return 2 * x\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Write a python function to add.", "add."),
        ("## write a function to go to the end.", "go to the end."),
        ("Write a function that maps a to b.", "Write a function that maps a to b."),
    ],
)
def test_description(text: str, wanted: str) -> None:
    assert description(text) == wanted


@pytest.mark.parametrize(
    ("code", "test", "wanted"),
    [
        ("def f(a,\n      b=(1, 2)):\n  return a", "assert f(1) == 2", "def f(a, b=(1, 2)):"),
        ("def f (a) : return a", "assert f(1)", "def f (a) :"),
        ("def f(a: int) -> dict[str, int]:\n  pass", "assert f(1)", "def f(a: int) -> dict[str, int]:"),
        ("print 'old'\ndef f(a):\n  pass", "assert f(1)", "def f(a):"),
        ("", r"assert f('\d,', [1, 2], key=3) == g(1)", "def f(arg1, arg2, key):"),
        ("", "assert sorted(f(1, *x)) == [1]", "def f(arg1, *args2):"),
        ("", "assert helper(f(1))", "def f(arg1):"),
        ("", "assert len([]) == 0", ""),
        ("", "assert f(", ""),
    ],
)
def test_signature(code: str, test: str, wanted: str) -> None:
    task = Task("t", "Text", code=code, test_list=(test,), test_setup_code="def helper(x): return x")
    assert signature(task) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("\n    return 1\n\nprint(f", "\n    return 1\n\n"),
        (" return 1\ndef g", " return 1\n"),
        ("\n    return (\n        1\n)\nx", "\n    return (\n        1\n)\n"),
        ('\n    """Doc\nat the edge."""\n    return 1', '\n    """Doc\nat the edge."""\n    return 1'),
        ("", ""),
    ],
)
def test_a_continued_def_line_is_recorded_as_a_whole_function(said: str, wanted: str) -> None:
    asked = Prefix("add\ndef f(x):", head="def f(x):")
    assert asked.completion(said) == "def f(x):" + wanted
    assert asked.finished(said) is (said != wanted)


def test_prompt_code_that_ends_a_line_is_continued_inside_the_function_only() -> None:
    assert Prefix("def f():\n").completion("def g(): pass") == ""
    assert Prefix("def f():\n").completion("    return 1\nprint(") == "    return 1\n"


def test_templates_hash_tells_families_apart() -> None:
    assert len(templates_sha256("chat")) == 64
    assert templates_sha256("chat") != templates_sha256("prefix")
