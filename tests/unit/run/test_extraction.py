"""The one rule that takes code out of a completion."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.run.extraction import extract_code

CODE = "def f(x):\n    return x + 1\n"
names = st.sampled_from(["f", "solve", "x", "values", "total"])
bodies = st.sampled_from(
    [
        "return x",
        'text = """\n```\nnot a fence of ours\n```\n"""\n    return text',
        "for i in range(3):\n        x += i\n    return x",
        '"""Doc.\n\n    >>> f(1)\n    2\n    """\n    return x',
        "return [\n        x,\n    ]",
    ]
)
functions = st.builds(lambda name, body: f"def {name}(x):\n    {body}\n", names, bodies)
heads = st.sampled_from(
    ["", "import math\n\n", "from typing import List\n", "# a comment\n", "\n\n", "X = 3\n", '"""Doc."""\n']
)
programs = st.builds(lambda head, parts: head + "\n".join(parts), heads, st.lists(functions, min_size=1, max_size=3))


@given(programs)
def test_code_without_a_fence_is_kept_to_the_letter(code: str) -> None:
    ast.parse(code)
    assert extract_code(code) == code


@given(programs.filter(lambda code: "```" not in code), st.sampled_from(["", "python", "py", "Python", "python3"]))
def test_the_inside_of_a_fence_is_kept_to_the_letter(code: str, language: str) -> None:
    assert extract_code(f"Sure, here it is:\n\n```{language}\n{code}```\nThis works.\n") == code


@given(programs.filter(lambda code: "```" not in code))
def test_a_fence_that_was_never_closed_runs_to_the_end(code: str) -> None:
    assert extract_code(f"```python\n{code}") == code


@given(programs)
def test_code_llama_s_tags_are_taken_off(code: str) -> None:
    assert extract_code(f"[PYTHON]\n{code}[/PYTHON]\n[TESTS]") == code


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert extract_code(text) is None or extract_code(text) in text


@given(st.text(alphabet="`~\n \"'#=()[]:defclasimport PYTHON/", max_size=300))
def test_no_text_made_of_its_own_marks_makes_it_raise(text: str) -> None:
    code = extract_code(text)
    assert code is None or code in text


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "   \n\n",
        "I cannot help with that.",
        "Here's a Python function that meets the requirements:",
        "Here is a complete Python function that returns both a sum and a product:\n",
        "# only a comment\n",
        "```\n```",
        "```python\n# TODO\n```",
        "To do so, loop over the list, for example:\n",
    ],
)
def test_prose_and_emptiness_hold_no_code(completion: str) -> None:
    assert extract_code(completion) is None


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        pytest.param(f"```bash\npip install x\n```\n```python\n{CODE}```", CODE, id="another language first"),
        pytest.param(f"```python\nprint(f(1))\n```\n```python\n{CODE}```", CODE, id="the block that defines"),
        pytest.param(f"```\n{CODE}```\nTry:\n```python\nf(1)\n```", CODE, id="an unnamed fence"),
        pytest.param(f"~~~python\n{CODE}~~~\n", CODE, id="tildes"),
        pytest.param(f"````python\n{CODE}````\n", CODE, id="four backticks"),
        pytest.param(f"{CODE}```\nThat is all you need.", CODE, id="only a closing fence"),
        pytest.param(f"Here is the code:\n{CODE}", CODE, id="prose before"),
        pytest.param(f"{CODE}\nThis function adds one.", f"{CODE}\n", id="prose behind"),
        pytest.param("    return x\n", "    return x\n", id="the rest of a function"),
        pytest.param("    # add\n    return x\n", "    # add\n    return x\n", id="a comment, then the rest"),
        pytest.param(f"[PYTHON]\n{CODE}", CODE, id="an unclosed tag"),
        pytest.param("def f(x:\n", "def f(x:\n", id="broken code is code"),
    ],
)
def test_the_stated_rule(completion: str, code: str) -> None:
    assert extract_code(completion) == code


@pytest.mark.timeout(120)  # a backstop: a rule that takes quadratic time would take hours
@pytest.mark.parametrize("piece", ["(", "A b c ", "`", "a,", "a.b("])
def test_a_megabyte_of_prose_or_nonsense_holds_no_code(piece: str) -> None:
    assert extract_code(piece * (10**6 // len(piece))) is None


def test_a_megabyte_of_code_is_code() -> None:
    assert extract_code("x=" * 500_000) == "x=" * 500_000
