"""The examples that a function's docstring shows, as assertions: what a caller can check before the hidden tests.

Two forms: doctest's `>>> f(1)` with the value on the next line, and a line that holds `f(1)`, a sign such as `==`, `=>`
or `returns`, and a value. Only calls of the entry point with plain values on both sides are taken. Some docstrings show
an example that is wrong; it is taken as it stands, since that is what a reader sees.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import re
from collections.abc import Iterator

_SIGN = r"(?:={1,3}>?|-+>|➞|#\s*=>|#\s*returns|should\s+return|returns?)"


def examples(prompt: str, entry_point: str) -> tuple[str, ...]:
    """The assertions, in the prompt's order, each once."""
    return tuple(dict.fromkeys(_assertions(_docstring(prompt, entry_point), entry_point)))


def _docstring(prompt: str, entry_point: str) -> str:
    """The docstring of the function that a prompt leaves to be written; "" where there is none."""
    with contextlib.suppress(SyntaxError, ValueError, MemoryError, RecursionError):
        for node in ast.parse(prompt.rstrip() + "\n    pass\n").body:
            if isinstance(node, ast.FunctionDef) and node.name == entry_point:
                return ast.get_docstring(node) or ""
    return ""


def _assertions(text: str, entry_point: str) -> Iterator[str]:
    pairs = [(each.source, each.want) for each in _doctests(text)] or list(_written(text, entry_point))
    for call, value in pairs:
        tree, wanted = _parsed(call.strip()), _parsed(value.strip())
        if tree is None or wanted is None or not _plain(wanted):
            continue
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == entry_point:
            values = [*tree.args, *(keyword.value for keyword in tree.keywords)]
            if all(map(_plain, values)):
                yield f"assert {ast.unparse(tree)} == {ast.unparse(wanted)}"


def _doctests(text: str) -> list[doctest.Example]:
    try:
        return doctest.DocTestParser().get_examples(text)
    except ValueError:
        return []


def _written(text: str, entry_point: str) -> Iterator[tuple[str, str]]:
    start = re.compile(rf"(?<![\w.]){re.escape(entry_point)}\(")
    for line in text.splitlines():
        for found in start.finditer(line):
            end = _closing(line, found.start())
            if sign := re.match(rf"\s*{_SIGN}\s*", line[end:]):
                yield line[found.start() : end], _value(line[end + sign.end() :])


def _closing(line: str, start: int) -> int:
    """Where the call that begins there ends: at the first bracket with which it can be read."""
    ends = (index + 1 for index in range(start, len(line)) if line[index] == ")")
    return next((end for end in ends if _parsed(line[start:end])), len(line))


def _value(text: str) -> str:
    """The longest beginning that is a value; a sentence may go on after it. The words true and false are taken."""
    text = re.sub(r"^(true|false)\b", lambda word: word[0].capitalize(), text.partition(" #")[0].strip())
    for end in range(len(text), 0, -1):
        tree = _parsed(text[:end])
        if tree is not None and _plain(tree) and re.match(r"\s*$|\s*[.,;)]|\s+\w", text[end:]):
            return text[:end]
    return ""


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body if text else None
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _plain(tree: ast.expr) -> bool:
    try:
        ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
