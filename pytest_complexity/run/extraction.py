"""Takes the code out of a completion, by one rule. Never raises, never parses: the text is a stranger's.

The rule, in this order:

1. A completion that begins with code is code up to the first fence line that stands outside a triple-quoted
   string, else to its end. It begins with code where its first line that is neither blank nor a comment is
   indented or looks like a Python statement.
2. Otherwise what stands between `[PYTHON]` and `[/PYTHON]`, the first pair; an unclosed tag runs to the end.
3. Otherwise a fenced block whose language is Python or not named: the first that defines a function or a class,
   else the first. An unclosed fence runs to the end.
4. Otherwise the text from its first unindented `def`, `class`, `import`, `from ... import` or decorator.
5. Otherwise there is none.

By 1 and 4, unfenced code ends before the first unindented line of prose. What the rule takes is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PYTHON = {"", "py", "py3", "python", "python3", "ipython"}
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`{,]*)[^`]*$")
_TAGGED = re.compile(r"\[PYTHON\][ \t]*\n?(.*?)(?:\[/PYTHON\]|\Z)", re.DOTALL)
_DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+\w", re.MULTILINE)
_TOP_LEVEL = re.compile(r"(?:async +def +\w|def +\w|class +\w|import +\w|from +[\w.]+ +import\b|@\w)")
_STATEMENT = re.compile(
    r"""(?:async[ \t]+def|def|class)[ \t]+\w
    | import[ \t]+[\w.]+[ \t]*(?:,|;|$|as\b|\#)
    | from[ \t]+[\w.]+[ \t]+import\b
    | @\w
    | (?:return|yield|raise|assert|del|global|nonlocal)\b(?![ \t]+(?:the|a|an)\b)
    | (?:pass|break|continue)[ \t]*(?:$|[#;])
    | (?:if|for|while|with|try|else|elif|except|finally|match|async[ \t]+\w+)\b.*:[ \t]*(?:\#.*)?$
    | (?:if|for|while|with)\b.*:[ \t]*(?:return|pass|break|continue|raise|yield)\b
    | [*(\[]?[A-Za-z_][\w.]*(?:\[[^=]*\])*(?:[ \t]*,[ \t]*\*?[A-Za-z_][\w.]*(?:\[[^=]*\])*)*[)\]]?
      [ \t]*(?::[^=]+)?(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)
    | [A-Za-z_][\w.]*\(.*\)[ \t]*(?:$|[#;.])
    | [rRbBuU]?(?:\"\"\"|''')
    | if[ \t]+__name__""",
    re.VERBOSE,
)
# Three words in a row, the first with a capital and the second no operator: no line of Python begins so.
_PROSE = re.compile(r"[A-Z][\w']*[,:]? +(?!(?:is|in|if|and|or|not|for|else|as)\b)[a-zA-Z'`]+[,:]? +[\w'`]")


def extract_code(completion: str) -> str | None:
    """The code of a completion, or None where it holds none. See the module for the rule."""
    lines = completion.splitlines(keepends=True)
    if _begins_with_code(lines):
        return _unfenced(lines)
    if tagged := _TAGGED.search(completion):
        return _unless_blank(tagged.group(1))
    blocks = [block for language, block in _fenced(lines) if language in _PYTHON]
    if blocks:
        return _unless_blank(next((block for block in blocks if _DEFINES.search(block)), blocks[0]))
    start = next((index for index, line in enumerate(lines) if _TOP_LEVEL.match(line)), None)
    return None if start is None else _unfenced(lines[start:])


def _begins_with_code(lines: list[str]) -> bool:
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            return not _FENCE.match(line) and (line.startswith(("  ", "\t")) or bool(_STATEMENT.match(text)))
    return False


def _unfenced(lines: list[str]) -> str | None:
    """The lines up to the first fence or the first unindented prose, both outside a triple-quoted string."""
    quotes = {'"""': 0, "'''": 0}
    for index, line in enumerate(lines):
        outside = not any(count % 2 for count in quotes.values())
        if outside and (_FENCE.match(line) or _PROSE.match(line)):
            return _unless_blank("".join(lines[:index]))
        for quote in quotes:
            quotes[quote] += line.count(quote)
    return _unless_blank("".join(lines))


def _fenced(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each fenced block as its language, in lower case, and its text."""
    opening, language, block = "", "", list[str]()
    for line in lines:
        fence = _FENCE.match(line)
        if not opening:
            if fence:
                opening, language, block = fence.group(1), fence.group(2).lower(), []
        elif fence and not fence.group(2) and fence.group(1).startswith(opening):
            yield language, "".join(block)
            opening = ""
        else:
            block.append(line)
    if opening:
        yield language, "".join(block)


def _unless_blank(code: str) -> str | None:
    """The code, or None where nothing in it is a statement."""
    significant = (line.strip() for line in code.splitlines())
    return code if any(line and not line.startswith("#") for line in significant) else None
