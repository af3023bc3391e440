"""A task's own text, compiled once: the tests as they are, and the same with their questions."""

from __future__ import annotations

import ast
import hashlib
import marshal
import random
import re
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from . import frames, questions
from .frames import KEPT

#: what a plan depends on
FIELDS = (
    "tests",
    "test_source",
    "test_imports",
    "prompt_code",
    "test_setup_code",
    "visible_tests",
    "reference",
    "entry_point",
)
SHOWN = 1000  #: where the numbers of the visible tests' own questions begin
NO_REFERENCES = 2  #: marshal's version without them: equal values are not seen to be one
_LOOKS_AT_NAMES = re.compile(r"\b(?:locals|globals|vars|dir|f_locals|f_globals)\b")


class BrokenTask(Exception):
    """The task's own text does not parse: a harness error, not a verdict."""


@dataclass
class Plan:
    """What a run is told of the task: `body` its tests as they are, `asked` the same with questions.

    `answers` and `shown`, by the question's number: which of its choices is the true one, and which hold for a program
    that passes the visible tests. `unsound`: questions that the reference has to answer before anybody else.
    `assertions` by the line that a report names.
    """

    body: bytes = b""
    asked: bytes = b""
    answers: dict[int, int] = field(default_factory=dict)
    shown: dict[int, int] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    unsound: frozenset[int] = frozenset()
    assertions: dict[str, str] = field(default_factory=dict)
    has_visible: bool = False
    shown_among_tests: bool = False


@dataclass
class _Texts:
    """Some of the task's texts, compiled without and with questions."""

    plain: list[CodeType]
    asked: list[CodeType]
    asking: questions.Asking
    assertions: dict[str, str]


def make(program: dict[str, Any], secret: str = "", left_out: frozenset[int] = frozenset()) -> Plan:
    """The plan of a task; what is offered beside the truth depends on the secret. Raises BrokenTask where the task's
    own text cannot be read.
    """
    chance = random.Random(hashlib.sha256(repr([secret, [program[name] for name in FIELDS]]).encode()).digest())
    imports = [
        compile(_parsed(text, "imports"), "<task imports>", "exec", dont_inherit=True)
        for text in program["test_imports"]
    ]
    setup = [program["test_setup_code"]] if program["test_setup_code"].strip() else []
    shown, tests = list(program["visible_tests"]), list(program["tests"])
    texts = _read([*setup, *tests], program["test_source"], len(setup), chance, left_out)
    prefix = len(shown) if shown and tests[: len(shown)] == shown else 0
    apart = _read([*setup, *shown], "", len(setup), chance, left_out, SHOWN) if shown and not prefix else None
    after = len(setup) + prefix if prefix else 0
    asking, extra = texts.asking, apart.asking if apart else None
    answers = {**asking.answers, **(extra.answers if extra else {})}
    return Plan(
        body=_packed(imports, texts.plain, apart.plain if apart else None, after),
        asked=_packed(imports, texts.asked, apart.asked if apart else None, after),
        answers=asking.answers,
        shown=extra.answers if extra else {n: answers[n] for n in answers if asking.chunks[n] < after},
        kinds=asking.kinds,
        unsound=frozenset(asking.unsound | (extra.unsound if extra else set())),
        assertions=texts.assertions,
        has_visible=bool(shown),
        shown_among_tests=set(shown) <= set(tests),
    )


def _packed(imports: list[CodeType], tests: list[CodeType], visible: list[CodeType] | None, after: int) -> bytes:
    return marshal.dumps((imports, tests, visible, after), NO_REFERENCES)


def _read(
    sources: list[str], test_source: str, setup: int, chance: random.Random, left_out: frozenset[int], first: int = 0
) -> _Texts:
    files = [f"<tests {number}>" for number in range(len(sources))]
    if test_source.strip():
        sources, files = [*sources, test_source], [*files, frames.TEST_FILE]
    assertions: dict[str, str] = {}
    plain: list[ast.Module] = []
    trees: list[ast.Module] = []
    for number, (source, file) in enumerate(zip(sources, files, strict=True)):
        for parsed in (plain, trees):
            tree = _parsed(source, "set-up" if number < setup else "test")
            _number(tree, file, len(source.splitlines()) + 1, assertions)
            parsed.append(tree)
    finder = questions.Finder(trees)
    for number, (file, tree) in enumerate(zip(files, trees, strict=True)):
        finder.read(number, tree, whole_file=file == frames.TEST_FILE)
    asking = questions.Asking(finder, chance, left_out, first)
    both = []
    for parts in (plain, trees):
        kept = [
            tree if _LOOKS_AT_NAMES.search(source) else _Keeping().visit(tree)
            for source, tree in zip(sources, parts, strict=True)
        ]
        both.append([_compiled(ast.fix_missing_locations(tree), file) for tree, file in zip(kept, files, strict=True)])
    return _Texts(both[0], both[1], asking, assertions)


def _parsed(source: str, what: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BrokenTask(f"the task's {what} does not parse: {type(error).__name__}: {source[:80]!r}") from error


def _compiled(tree: ast.Module, file: str) -> CodeType:
    try:
        return compile(tree, file, "exec", dont_inherit=True, optimize=0)
    except Exception as error:
        raise BrokenTask(f"the task's text does not compile: {error}") from error


def _line(file: str, line: int) -> str:
    """A line as a report names it."""
    return f"{file[1:-1].replace(' ', '.')}:{line}"


def _number(tree: ast.Module, file: str, line: int, assertions: dict[str, str]) -> None:
    """Give each assertion a line of its own, by which a report names it, and each other expression that of its
    statement.
    """
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node) if isinstance(node, (ast.stmt, ast.ExceptHandler)) else ():
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                _set_lines(child, node.lineno)  # type: ignore[attr-defined]
        if isinstance(node, ast.Assert):
            assertions[_line(file, line)] = ast.unparse(ast.Assert(test=node.test, msg=None))[:300]
            node.msg = None  # it may tell what is expected
            _set_lines(node, line)
            line += 1


def _set_lines(node: ast.AST, line: int) -> None:
    for child in ast.walk(node):
        if "lineno" in child._attributes:
            child.lineno = child.end_lineno = line  # type: ignore[attr-defined]
            child.col_offset = child.end_col_offset = 0  # type: ignore[attr-defined]


class _Keeping(ast.NodeTransformer):
    """Keeps the value that each assertion looks at until it has held."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.generic_visit(part)
        return node

    def visit_Assert(self, node: ast.Assert) -> Any:
        test = node.test
        if isinstance(test, ast.Call) and getattr(test.func, "id", "") == frames.ASK:
            if len(test.args) > 3 and not isinstance(test.args[3], ast.Starred):
                test.args[3] = _kept(test.args[3])
        elif isinstance(test, ast.Compare) and not isinstance(test.left, ast.Constant):
            test.left = _kept(test.left)
        elif isinstance(test, ast.Compare):
            test.comparators[-1] = _kept(test.comparators[-1])
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test.operand = _kept(test.operand)
        else:
            node.test = _kept(test)
        forget = ast.Assign([ast.Name(KEPT, ast.Store())], ast.Constant(None))
        _set_lines(node, node.lineno)
        _set_lines(forget, node.lineno)
        return [node, forget]


def _kept(value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(KEPT, ast.Store()), value)
