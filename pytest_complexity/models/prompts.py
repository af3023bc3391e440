"""From a task to what a model is asked, for each family of models. Pure functions; knows no vendor.

Chat models get messages, completion models a prefix to continue. The forms are the paper's (arXiv 2312.11511): chat
models are asked for code alone and told the signature that the tests expect, Code Llama gets the description and the
`def` line. The wording of the system prompt is ours, as the paper does not print its own.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_complexity.core.tasks import Task

#: What `templates_sha256` covers: change a word here and a run of the old words is not continued.
TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "chat": {
        "system": (
            "You are a Python programmer. Answer with code alone, in one Python block that begins with ```python and "
            "ends with ```. Write no explanation, no example and no test."
        ),
        "write": "{text}\n\n{signature}",
        "write_unsigned": "{text}",
        "complete": "Complete this function. Answer with the whole of it and its imports.\n\n```python\n{code}```",
        "visible": "\n\nThe code must pass these tests:\n{tests}",
    },
    "prefix": {"write": "{description}\n{signature}", "write_unsigned": "{description}\n"},
}

_DESCRIPTION = re.compile(
    r"\bwrite\s+(?:(?:an?|the|python3?|function|program|method|code|script|class)\s+)*to\s+(?=\S)", re.I
)
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\(")


@dataclass(frozen=True)
class Prefix:
    """What a completion model continues. `head` is the part of `prompt` that a whole function needs before the rest."""

    prompt: str
    head: str = ""

    def completion(self, said: str) -> str:
        """What is recorded: head and what came back, up to the end of the function."""
        return self.head + said[: self._end(said)]

    def finished(self, said: str) -> bool:
        """Whether what came back so far has gone past the end of the function: nothing more is worth asking for."""
        return self._end(said) < len(said)

    def _end(self, said: str) -> int:
        return _end_of_body(said, starts_line=self.prompt.endswith("\n"))


def messages(task: Task) -> list[dict[str, str]]:
    """The messages for a chat model, in the form that OpenAI's protocol has for them."""
    words = TEMPLATES["chat"]
    if task.prompt_code:
        code = _unix(task.prompt_code)
        user = words["complete"].format(code=code if code.endswith("\n") else code + "\n")
    else:
        signed = signature(task)
        user = words["write" if signed else "write_unsigned"].format(text=task.text.strip(), signature=signed)
    if task.visible_tests and not task.prompt_code:  # the code to complete shows its examples itself
        user += words["visible"].format(tests="\n".join(task.visible_tests))
    return [{"role": "system", "content": words["system"]}, {"role": "user", "content": user}]


def prefix(task: Task) -> Prefix:
    """The text for a completion model: `prompt_code` as it is, else Code Llama's form."""
    if task.prompt_code:
        return Prefix(task.prompt_code)
    signed = signature(task)
    words = TEMPLATES["prefix"]["write" if signed else "write_unsigned"]
    return Prefix(words.format(description=description(task.text), signature=signed), head=signed)


def description(text: str) -> str:
    """What follows "to" in "Write a function to ..."; the whole text where it does not begin so."""
    lead = _DESCRIPTION.search(text)
    return (text[lead.end() :] if lead else text).strip()


def signature(task: Task) -> str:
    """The `def ...:` line of the function that the tests call, or "" where neither code nor assertions tell.

    From the reference solution; without one from the call in the first assertion, whose arguments have no names.
    """
    code = _unix(task.code)
    for test in task.test_list:
        for name in _CALLED.findall(test):
            if line := _def_line(code, name):
                return line
    known = _unix("\n".join((*task.test_imports, task.test_setup_code)))
    return next((_line_of_call(call) for call in _calls(task.test_list[0], known)), "") if task.test_list else ""


def templates_sha256(family: str) -> str:
    """SHA-256, in hexadecimal, of the templates of `chat` or `prefix`."""
    return hashlib.sha256(json.dumps(TEMPLATES[family], sort_keys=True).encode()).hexdigest()


def prompt_sha256(task: Task) -> str:
    """SHA-256, in hexadecimal, of what models of either family are asked for this task."""
    return hashlib.sha256(json.dumps([messages(task), prefix(task).prompt]).encode()).hexdigest()


def _unix(code: str) -> str:
    return code.replace("\r\n", "\n").replace("\r", "\n")  # MBPP's own file has both


def _def_line(code: str, name: str) -> str:
    found = re.search(rf"^((?:async +)?def +{name}\s*\(.*?\)\s*(?:->[^:\n]+)?:)", code, re.MULTILINE | re.DOTALL)
    if not found:
        return ""
    line = found.group(1)
    return " ".join(line.split()) if "\n" in line else line


def _calls(assertion: str, known: str) -> Iterator[ast.Call]:
    """The calls of functions that nobody has defined yet, outermost first."""
    try:
        # Escapes do not matter here, and one that Python does not know would make the parser warn.
        tree = ast.parse(re.sub(r"\\.", "__", _unix(assertion).strip()))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if not hasattr(builtins, name) and not re.search(rf"\b{name}\b", known):
                yield node


def _line_of_call(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Name)
    names = [f"*args{i}" if isinstance(each, ast.Starred) else f"arg{i}" for i, each in enumerate(call.args, 1)]
    names += [each.arg for each in call.keywords if each.arg and not keyword.iskeyword(each.arg)]
    return f"def {call.func.id}({', '.join(names)}):"


def _end_of_body(said: str, *, starts_line: bool) -> int:
    """Where the first line begins that stands at the left edge, outside a triple-quoted string; else the length.

    A base model goes on after the function until its tokens are spent, and the last line of that is torn. A line that
    closes a bracket belongs to the body.
    """
    position = 0
    quotes = {'"""': 0, "'''": 0}
    for index, line in enumerate(re.findall(r"[^\n]*\n|[^\n]+", said)):
        outside = not any(count % 2 for count in quotes.values())
        if outside and (index or starts_line) and not line[0].isspace() and line[0] not in ")]}":
            return position
        for quote in quotes:
            quotes[quote] += line.count(quote)
        position += len(line)
    return position
