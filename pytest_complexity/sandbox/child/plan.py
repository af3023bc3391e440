"""A task's own text, compiled once, and the controls of it: the same tests with one truth changed.

A program that passes the tests must fail each control, at the changed assertion. One that passes both does not depend
on what the tests expect.
"""

from __future__ import annotations

import ast
import copy
import marshal
import random
import re
import zlib
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from . import frames, innocent, literals, sites
from .sites import Site, Slot

KEPT = "__cx_kept__"  #: runner.py reads the value that an assertion looks at from this name
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
LEAST_CONTROLS, MOST_CONTROLS = 3, 40
AUDITED = 10  #: one innocent program in so many gets a control all the same
_LOOKS_AT_NAMES = re.compile(r"\b(?:locals|globals|vars|dir|f_locals|f_globals)\b")
_MAX_TRIES = 3


class BrokenTask(Exception):
    """The task's own text does not parse: a harness error, not a verdict."""


@dataclass(frozen=True)
class Control:
    """Tests with one truth changed, or two that were exchanged: a right program fails at one of the lines.

    `sound`: that is certain from the text; otherwise the reference has to show it.
    """

    body: bytes
    lines: frozenset[str]
    sound: bool


@dataclass
class _Text:
    """One piece of the task's text."""

    file: str
    tree: ast.Module
    code: CodeType

    def compiled(self) -> CodeType:
        return compile(self.tree, self.file, "exec", dont_inherit=True, optimize=0)


@dataclass
class Plan:
    """What a run is told of the task, and the controls; `assertions` by the line that a report names."""

    assertions: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    has_visible: bool = False
    shown_among_tests: bool = False
    found: list[Site] = field(default_factory=list)
    binds: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    prompt: str = ""
    _texts: list[_Text] = field(default_factory=list)
    _imports: list[CodeType] = field(default_factory=list)
    _visible: list[str] | None = None
    _prefix: int = 0
    _setup: int = 0
    _seed: int = 0
    _controls: list[Control] | None = None
    validated: dict[int, bool] = field(default_factory=dict)  #: by control: does the reference fail there

    def suspects(self, code: str) -> bool:
        """Whether a program is one that controls must be spent on."""
        return not innocent.innocent(code, self.prompt, self.binds, self.loads, self.asks)

    def chance(self, code: str) -> random.Random:
        """Choices for a program of this task: the same whenever it is asked."""
        return random.Random(zlib.crc32(code.encode("utf-8", "surrogatepass"), self._seed))

    def controls(self) -> list[Control]:
        """At least three and one for each assertion, the best first; none where nothing can be changed."""
        if self._controls is None:
            self._controls = self._made()
        return self._controls

    def _made(self) -> list[Control]:
        chance = random.Random(self._seed)
        strong = [site for site in self.found if site.kind != sites.TRUTH]
        hidden_first = sorted(
            strong or self.found, key=lambda site: self._setup <= site.chunk < self._setup + self._prefix
        )
        pool = [slot.expected for site in strong for slot in site.slots if slot.expected is not None]
        found = [self._alone(site, chance, pool) for site in hidden_first[:MOST_CONTROLS]]
        made = [control for control in found if control is not None]
        for number in range(LEAST_CONTROLS - len(made)):
            more = self._exchanged(strong, chance) if number % 2 == 0 else None
            more = more or (self._alone(chance.choice(hidden_first), chance, pool) if hidden_first else None)
            made += [more] if more is not None else []
        known = {control.body: control for control in made}
        if strong and len(known) < LEAST_CONTROLS:
            for site in self.found:
                if site.kind == sites.TRUTH and len(known) < LEAST_CONTROLS:
                    control = self._alone(site, chance, pool)
                    known.update({control.body: control} if control else {})
        return list(known.values())

    def _alone(self, site: Site, chance: random.Random, pool: list[ast.expr]) -> Control | None:
        """One assertion with its truth changed, by the strongest kind of slot that it can be changed in."""
        slots = sorted(site.slots, key=lambda slot: (sites.RANK[slot.kind], chance.random()))
        for slot in slots:
            new = slot.alter(chance, [each for each in pool if each is not slot.expected])
            control = None if new is None else self._control([(site, slot, new)])
            if control is not None:
                return control
        return None

    def _exchanged(self, strong: list[Site], chance: random.Random) -> Control | None:
        """Two assertions with each other's expected value."""
        values = [(site, slot) for site in strong for slot in site.slots if slot.kind == sites.VALUE and slot.expected]
        for _ in range(_MAX_TRIES if len(values) > 1 else 0):
            (one, slot), (two, other) = chance.sample(values, 2)
            assert slot.expected is not None
            assert other.expected is not None
            was, new = literals.value(slot.expected), literals.value(other.expected)
            if one is not two and type(was) is type(new) and literals.differs(was, new):
                return self._control([(one, slot, other.expected), (two, other, slot.expected)])
        return None

    def _control(self, changes: list[tuple[Site, Slot, ast.expr]]) -> Control | None:
        """The tests with some slots filled anew; the trees are afterwards as they were."""
        was = []
        try:
            for site, slot, new in changes:
                placed = copy.deepcopy(new) if slot.kind in (sites.VALUE, sites.ORDER) else new
                _set_lines(placed, min(site.lines))
                was.append((slot, slot.put(placed)))
            tables = any(slot.table for _, slot, _ in changes)  # which may stand in another text than the loop
            changed = set(range(len(self._texts))) if tables else {site.chunk for site, _, _ in changes}
            codes = [text.compiled() if at in changed else text.code for at, text in enumerate(self._texts)]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return None
        finally:
            for slot, node in reversed(was):
                slot.put(node)
        lines = frozenset(_line(self._texts[site.chunk].file, line) for site, _, _ in changes for line in site.lines)
        sound = all(slot.kind == sites.VALUE and not slot.table for _, slot, _ in changes)
        return Control(self._packed(codes), lines, sound)

    def _packed(self, codes: list[CodeType]) -> bytes:
        visible = None
        if self._visible is not None:
            visible = [*codes[: self._setup], *(compile(text, "<tests shown>", "exec") for text in self._visible)]
        after = self._setup + self._prefix if self._prefix else 0
        return marshal.dumps((self._imports, codes, visible, after))


def make(program: dict[str, Any]) -> Plan:
    """The plan of a task. Raises BrokenTask where its own text cannot be read."""
    plan = Plan(prompt=program["prompt_code"])
    plan._seed = zlib.crc32(repr([program[name] for name in FIELDS]).encode("utf-8", "surrogatepass"))
    plan._imports = [
        compile(_parsed(text, "imports"), "<task imports>", "exec", dont_inherit=True)
        for text in program["test_imports"]
    ]
    setup = [program["test_setup_code"]] if program["test_setup_code"].strip() else []
    plan._setup = len(setup)
    _read(plan, [*setup, *program["tests"]], program["test_source"])
    shown, tests = list(program["visible_tests"]), list(program["tests"])
    plan.has_visible, plan.shown_among_tests = bool(shown), set(shown) <= set(tests)
    if shown and tests[: len(shown)] == shown:
        plan._prefix = len(shown)
    elif shown:
        for text in shown:
            _parsed(text, "visible tests")
        plan._visible = shown
    plan.body = plan._packed([text.code for text in plan._texts])
    return plan


def _read(plan: Plan, sources: list[str], test_source: str) -> None:
    finder = sites.Finder()
    trees: list[ast.Module] = []
    binds: set[str] = set()
    loads: set[str] = set()
    asks: set[str] = set()
    files = [f"<tests {number}>" for number in range(len(sources))]
    if test_source.strip():
        sources, files = [*sources, test_source], [*files, frames.TEST_FILE]
    for number, (source, file) in enumerate(zip(sources, files, strict=True)):
        tree = _parsed(source, "set-up" if number < plan._setup else "test")
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                (loads if isinstance(node.ctx, ast.Load) else binds).add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                binds.add(node.name)
            elif isinstance(node, ast.Attribute):
                asks.add(node.attr)
        _number(tree, file, len(source.splitlines()) + 1, plan.assertions)
        finder.read(number, tree, whole_file=file == frames.TEST_FILE)
        trees.append(tree)
    for source, file, tree in zip(sources, files, trees, strict=True):  # now that all sites are known
        kept = tree if _LOOKS_AT_NAMES.search(source) else _Keeping().visit(tree)
        plan._texts.append(_Text(file, kept, _compiled(kept, file)))
    plan.found = finder.sites
    plan.binds, plan.loads, plan.asks = frozenset(binds), frozenset(loads), frozenset(asks)


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
    """Give each assertion, and each statement that is a call, a line of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) or (
            isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await))
        ):
            if isinstance(node, ast.Assert):
                assertions[_line(file, line)] = ast.unparse(ast.Assert(test=node.test, msg=None))[:300]
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
        if isinstance(test, ast.Compare) and not isinstance(test.left, ast.Constant):
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
