"""A task's own text, compiled once: its tests with their questions."""

from __future__ import annotations

import ast
import hashlib
import itertools
import marshal
import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from . import asking, frames, literals, questions, syntax
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
FIRST = 3  #: the argument of `ask` that is its first operand
NO_REFERENCES = 2  #: marshal's version without them: equal values are not seen to be one
_REFLECTS = re.compile(r"\b(?:locals|globals|vars|eval|exec)\s*\(|\bf_locals\b|\bf_globals\b|__dict__")
_SETS = re.compile(r"\b(?:setattr|setitem|patch|modules|setup_\w+)\b")
_SPELLED = re.compile(r"(?<=[\"'.])\w+")
_SKIPS = re.compile(rf"\b(?:{'|'.join(sorted(syntax.LEAVING))})\b")
_LOOKS_AT_NAMES = re.compile(r"\b(?:locals|globals|vars|dir|f_locals|f_globals)\b")


class BrokenTask(Exception):
    """The task's own text does not parse: a harness error, not a verdict."""


@dataclass
class Plan:
    """What a run is told of the task: `body`, its tests with questions.

    `answers` and `shown`, by the question's number: which of its choices is the true one, and which hold for a program
    that passes the visible tests. `unsound`: questions that the reference has to answer before anybody else.
    `assertions` by the line that a report names.
    """

    body: bytes
    answers: dict[int, int]
    shown: dict[int, int]
    kinds: dict[int, str]
    unsound: frozenset[int]
    assertions: dict[str, str]
    has_visible: bool
    shown_among_tests: bool
    files: list[str]
    questions: Mapping[int, asking.Asked]

    @property
    def combinations(self) -> int:
        """Among how many combinations of choices somebody guesses who knows no answer."""
        return math.prod(len(self.questions[n].choices) for n in self.answers if self.kinds[n] not in questions.WEAK)

    def chosen(self, number: int, held: int, shown: str) -> tuple[tuple[str, ...], str]:
        """The line of a question, and what a wrong answer to it says of the program's value."""
        asked = self.questions[number]
        node = asked.choices[held.bit_length() - 1] if 0 < held.bit_length() <= len(asked.choices) else None
        text = f"got {ast.unparse(node)}" if node is not None else "got something else"
        return (_line(self.files[asked.text], asked.line),), shown or text


@dataclass(frozen=True)
class _Texts:
    """The task's sources: imports, set-up, tests, visible tests that are not the first of the tests."""

    imports: list[CodeType]
    setup: list[str]
    tests: list[str]
    test_source: str
    apart: list[str]
    prefix: int  #: so many of the tests are visible

    @property
    def named(self) -> list[tuple[str, str]]:
        """Each source with the name of its file."""
        parts = [*self.setup, *self.tests]
        whole = [(frames.TEST_FILE, self.test_source)] if self.test_source.strip() else []
        shown = [(f"<tests shown {number}>", source) for number, source in enumerate(self.apart)]
        return [*((f"<tests {number}>", source) for number, source in enumerate(parts)), *whole, *shown]

    def parsed(self) -> list[ast.Module]:
        """The trees of all of them. Raises BrokenTask."""
        return [
            _parsed(source, "set-up" if number < len(self.setup) else "test")
            for number, (_, source) in enumerate(self.named)
        ]

    def packed(self, trees: list[ast.Module]) -> bytes:
        """What a run reads, of trees that are changed here. Raises BrokenTask."""
        codes = []
        for tree, (file, source) in zip(trees, self.named, strict=True):
            if not _LOOKS_AT_NAMES.search(source):
                _keep(tree)
            codes.append(_compiled(tree, file))
        first, last = len(self.setup), len(codes) - len(self.apart)
        visible = codes[last:] if self.apart else None
        return marshal.dumps((self.imports, codes[:first], codes[first:last], visible, self.prefix), NO_REFERENCES)


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
    prefix = len(shown) if tests[: len(shown)] == shown else 0
    texts = _Texts(imports, setup, tests, program["test_source"], [] if prefix else shown, prefix)
    trees = texts.parsed()
    assertions: dict[str, str] = {}
    for (file, source), tree in zip(texts.named, trees, strict=True):
        _note(tree, file, source.count("\n") + 1, assertions)
    last = len(trees) - len(texts.apart)
    names = [list(syntax.names(tree)) for tree in trees]
    context = _context(program, trees, names, len(setup))
    asked = asking.Asking(_found(texts, context, trees[:last], names[:last]), chance, left_out)
    apart = asking.Asking(_found(texts, context, trees[last:], names[last:], last), chance, left_out, asked)
    among = {n: each for n, each in asked.answers.items() if len(setup) <= asked.asked[n].chunk < len(setup) + prefix}
    return Plan(
        body=texts.packed(trees),
        answers=asked.answers,
        shown=among if prefix else apart.answers,
        kinds=asked.kinds,
        unsound=frozenset(asked.unsound | apart.unsound),
        assertions=assertions,
        has_visible=bool(shown),
        shown_among_tests=set(shown) <= set(tests),
        files=[file for file, _ in texts.named],
        questions=asked.asked,
    )


def _context(
    program: dict[str, Any], trees: list[ast.Module], names: list[questions.Named], setup: int
) -> questions.Context:
    """What the task says of names outside the trees that are asked: `setup` of these are the set-up's."""
    others = [_tried(text) for text in (*program["test_imports"], program["prompt_code"], program["reference"])]
    beside = [list(syntax.names(tree)) for tree in others]
    bound = _bound([*names, *beside]) | {program["entry_point"]}
    imported = {name for tree in (*trees, *others) for name in syntax.imported(tree)} - {program["entry_point"]}
    given = _bound(names[:setup])  # the set-up is there for the program
    read = {name.id for each in beside for name, _ in each if isinstance(name.ctx, ast.Load)}
    text = "\n".join((program["test_source"], program["test_setup_code"], *program["tests"], *program["visible_tests"]))
    return questions.Context(
        read=None if _REFLECTS.search(text) else frozenset(given | read),
        spelled=frozenset(_SPELLED.findall(text)) if _SETS.search(text) else frozenset(),
        pure=frozenset((literals.BUILTIN - bound) | imported),
        leaving=syntax.leaving(trees) if _SKIPS.search(text) else frozenset(),
    )


def _bound(names: list[questions.Named]) -> set[str]:
    return {name.id for each in names for name, _ in each if not isinstance(name.ctx, ast.Load)}


def _tried(text: str) -> ast.Module:
    """The tree of a text; an empty one where it is none, such as a prompt that its code continues."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _found(
    texts: _Texts,
    context: questions.Context,
    trees: list[ast.Module],
    names: list[questions.Named],
    first: int = 0,
) -> questions.Finder:
    """The questions of some of the texts."""
    finder = questions.Finder(trees, list(itertools.chain(*names)), context)
    for number, tree in enumerate(trees, first):
        finder.read(number, tree, whole_file=texts.named[number][0] == frames.TEST_FILE)
    return finder


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


def _note(tree: ast.Module, file: str, lines: int, assertions: dict[str, str]) -> None:
    """Note the assertions by their lines, and take their messages away: these may tell what is expected."""
    heard: set[int] = set()  # whose message a handler may read
    for body in _bodies(tree):
        for node in body:
            if isinstance(node, (ast.Try, ast.With)) and id(node) not in heard:
                heard.update(id(each) for inner in _bodies(node) for each in inner)
            function = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
            if isinstance(node, ast.Assert):
                text = f"assert {ast.unparse(node.test)}"
                node.msg = node.msg if id(node) in heard else None
            elif function is not None and syntax.called(function).startswith("assert"):
                text = ast.unparse(node)
            else:
                continue
            while _line(file, node.lineno) in assertions:  # another one stands on this line
                ast.increment_lineno(node, lines)
            last = node.end_lineno or node.lineno
            assertions.update({_line(file, line): text[:300] for line in range(node.lineno, last + 1)})


def _bodies(node: ast.AST, within_class: bool = True) -> Iterator[list[ast.stmt]]:
    """The lists of statements in a tree; `within_class`: also the class bodies' own."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        parts = getattr(node, name, [])
        if parts and name not in ("handlers", "cases") and (within_class or not isinstance(node, ast.ClassDef)):
            yield parts
        for part in parts:
            yield from _bodies(part, within_class)


def _keep(tree: ast.Module) -> None:
    """Keep the value that each assertion looks at until it has held; a class's own names are left alone."""
    for body in list(_bodies(tree, within_class=False)):
        found: list[ast.stmt] = []
        for node in body:
            found.append(node)
            if isinstance(node, ast.Assert):
                _keep_one(node)
                forget = ast.Assign([ast.Name(KEPT, ast.Store())], ast.Constant(None))
                found.append(ast.fix_missing_locations(ast.copy_location(forget, node)))
        body[:] = found


def _keep_one(node: ast.Assert) -> None:
    test = node.test
    if isinstance(test, ast.Call) and getattr(test.func, "id", "") == frames.ASK:
        if len(test.args) > FIRST and isinstance(test.args[FIRST], ast.UnaryOp) and len(test.args) == FIRST + 1:
            once: Any = test.args[FIRST].operand  # type: ignore[attr-defined]
            once.operand = _kept(once.operand)
        elif len(test.args) > FIRST and not isinstance(test.args[FIRST], ast.Starred):
            test.args[FIRST] = _kept(test.args[FIRST])
    elif isinstance(test, ast.Compare) and not isinstance(test.left, ast.Constant):
        test.left = _kept(test.left)
    elif isinstance(test, ast.Compare):
        test.comparators[-1] = _kept(test.comparators[-1])
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test.operand = _kept(test.operand)
    else:
        node.test = _kept(test)


def _kept(value: ast.expr) -> ast.expr:
    name = ast.copy_location(ast.Name(KEPT, ast.Store()), value)
    return ast.copy_location(ast.NamedExpr(name, value), value)
