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
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from . import frames, innocent, literals, sites
from .frames import KEPT
from .sites import Site, Slot

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
#: A coin that passes with p gets by with p * (1 - p) ** controls, at most 4.9% with seven; one that knows the order of
#: the runs with 1 / (1 + controls), if it need not guess at which line to fail.
LEAST_CONTROLS, ONE_LINE_CONTROLS, MOST_CONTROLS = 7, 19, 40
CANONICAL = 2  #: marshal's version without references: its bytes depend on values alone, not on who else holds them
_LOOKS_AT_NAMES = re.compile(r"\b(?:locals|globals|vars|dir|f_locals|f_globals)\b")
_MAX_TRIES = 3


def enough(controls: list[Control]) -> int:
    """How many controls a suspicious program gets: where all are of one line, a failure is forged without a guess."""
    return LEAST_CONTROLS if len(frozenset().union(*(each.lines for each in controls))) > 1 else ONE_LINE_CONTROLS


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
    scopes: dict[str, int] = field(default_factory=dict)  #: by line: the function that it stands in, 0 for none
    found: list[Site] = field(default_factory=list)
    binds: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    prompt: str = ""
    _texts: list[_Text] = field(default_factory=list)
    _imports: list[CodeType] = field(default_factory=list)
    _shown: Plan | None = None  #: the visible tests' own
    _prefix: int = 0
    _setup: int = 0
    _chance: random.Random = field(default_factory=random.SystemRandom)  #: nobody outside can tell what is changed
    _controls: list[Control] = field(default_factory=list)
    _makes: Iterator[Control] | None = None
    validated: dict[int, bool] = field(default_factory=dict)  #: by control: does the reference fail there

    def suspects(self, code: str) -> bool:
        """Whether a program is one that controls must be spent on."""
        return not innocent.innocent(code, self.prompt, self.binds, self.loads, self.asks)

    def controls(self) -> Iterator[Control]:
        """At least seven, as far as there are so many, and one for each assertion; made when they are asked for."""
        self._makes = self._makes or self._made()
        for number in range(MOST_CONTROLS):
            while number >= len(self._controls):
                made = next(self._makes, None)
                if made is None:
                    return
                if made not in self._controls:
                    self._controls.append(made)
            yield self._controls[number]

    def shown_control(self) -> bytes | None:
        """The tests with one of the visible ones changed; none where nothing can surely be changed."""
        control = next((each for each in self._shown.controls() if each.sound), None) if self._shown else None
        if control is None:
            return None
        imports, tests, visible, after = marshal.loads(self.body)
        changed = marshal.loads(control.body)[1]
        if self._prefix:
            tests = [*changed, *tests[len(changed) :]]
        else:
            visible = changed
        return marshal.dumps((imports, tests, visible, after), CANONICAL)

    def fails(self, control: Control, lines: tuple[str, ...]) -> bool:
        """Whether an exception that passed through `lines` can be a control's: of a function's statements it passes
        through one alone, so nobody can name them all."""
        sited = {line for site in self.found for line in self._lines(site)} | control.lines
        passed = set(lines) & sited
        return bool(passed & control.lines) and len({self.scopes.get(line) for line in passed}) == len(passed)

    def _made(self) -> Iterator[Control]:
        chance = self._chance
        strong = [site for site in self.found if site.kind != sites.TRUTH]
        ordered = chance.sample(strong or self.found, len(strong or self.found))
        ordered.sort(key=lambda site: self._setup <= site.chunk < self._setup + self._prefix)  # what is hidden first
        pool = [slot.expected for site in strong for slot in site.slots if slot.expected is not None]
        for site in ordered[:MOST_CONTROLS]:
            yield from self._alone(site, chance, pool)
        for _ in range(2 * (LEAST_CONTROLS - len(ordered)) if strong else 0):
            if len(self._controls) < LEAST_CONTROLS:
                yield from self._exchanged(strong, chance)
                yield from self._alone(chance.choice(ordered), chance, pool)
        for site in self.found if strong else []:
            if site.kind == sites.TRUTH and len(self._controls) < LEAST_CONTROLS:
                yield from self._alone(site, chance, pool)

    def _alone(self, site: Site, chance: random.Random, pool: list[ast.expr]) -> Iterator[Control]:
        """One assertion with its truth changed, by the strongest kind of slot that it can be changed in."""
        slots = sorted(site.slots, key=lambda slot: (sites.RANK[slot.kind], chance.random()))
        for slot in slots:
            new = slot.alter(chance, [each for each in pool if each is not slot.expected])
            control = None if new is None else self._control([(site, slot, new)])
            if control is not None:
                yield control
                return

    def _exchanged(self, strong: list[Site], chance: random.Random) -> Iterator[Control]:
        """Two assertions with each other's expected value."""
        values = [(site, slot) for site in strong for slot in site.slots if slot.kind == sites.VALUE and slot.expected]
        for _ in range(_MAX_TRIES if len(values) > 1 else 0):
            (one, slot), (two, other) = chance.sample(values, 2)
            assert slot.expected is not None
            assert other.expected is not None
            was, new = literals.value(slot.expected), literals.value(other.expected)
            if one is not two and type(was) is type(new) and literals.differs(was, new):
                control = self._control([(one, slot, other.expected), (two, other, slot.expected)])
                if control is not None:
                    yield control
                return

    def _control(self, changes: list[tuple[Site, Slot, ast.expr]]) -> Control | None:
        """The tests with some slots filled anew; the trees are afterwards as they were."""
        was = []
        try:
            for site, slot, new in changes:
                placed = copy.deepcopy(new) if slot.kind in (sites.VALUE, sites.ORDER) else new
                old = slot.put(placed)
                was.append((slot, old))
                _set_lines(placed, getattr(old, "lineno", min(site.lines)))
            tables = any(slot.table for _, slot, _ in changes)  # which may stand in another text than the loop
            changed = set(range(len(self._texts))) if tables else {site.chunk for site, _, _ in changes}
            codes = [text.compiled() if at in changed else text.code for at, text in enumerate(self._texts)]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return None
        finally:
            for slot, node in reversed(was):
                slot.put(node)
        lines = frozenset(line for site, _, _ in changes for line in self._lines(site))
        sound = all(slot.kind == sites.VALUE and not slot.table for _, slot, _ in changes)
        return Control(self._packed(codes), lines, sound)

    def _lines(self, site: Site) -> frozenset[str]:
        return frozenset(_line(self._texts[site.chunk].file, line) for line in site.lines)

    def _packed(self, codes: list[CodeType]) -> bytes:
        visible = [text.code for text in self._shown._texts] if self._shown and not self._prefix else None
        after = self._setup + self._prefix if self._prefix else 0
        return marshal.dumps((self._imports, codes, visible, after), CANONICAL)


def make(program: dict[str, Any]) -> Plan:
    """The plan of a task. Raises BrokenTask where its own text cannot be read."""
    plan = Plan(prompt=program["prompt_code"])
    plan._imports = [
        compile(_parsed(text, "imports"), "<task imports>", "exec", dont_inherit=True)
        for text in program["test_imports"]
    ]
    setup = [program["test_setup_code"]] if program["test_setup_code"].strip() else []
    plan._setup = len(setup)
    _read(plan, [*setup, *program["tests"]], program["test_source"])
    shown, tests = list(program["visible_tests"]), list(program["tests"])
    plan.has_visible, plan.shown_among_tests = bool(shown), set(shown) <= set(tests)
    if shown:
        plan._shown = make({**program, "tests": shown, "test_source": "", "visible_tests": []})
        plan._prefix = len(shown) if tests[: len(shown)] == shown else 0
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
        _number(tree, file, len(source.splitlines()) + 1, plan)
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


def _number(tree: ast.Module, file: str, line: int, plan: Plan) -> None:
    """Give each assertion, and each statement that is a call, a line of its own, and each other expression the line
    of its statement: an exchanged one would stand out.
    """
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node) if isinstance(node, (ast.stmt, ast.ExceptHandler)) else ():
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                _set_lines(child, node.lineno)  # type: ignore[attr-defined]
        if isinstance(node, ast.Assert) or (
            isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await))
        ):
            if isinstance(node, ast.Assert):
                plan.assertions[_line(file, line)] = ast.unparse(ast.Assert(test=node.test, msg=None))[:300]
            _set_lines(node, line)
            line += 1
    for scope in ast.walk(tree):  # from the outermost inwards: the innermost function is noted last
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            own = 0 if isinstance(scope, ast.Module) else id(scope)
            plan.scopes.update(
                {_line(file, node.lineno): own for node in ast.walk(scope) if isinstance(node, ast.stmt)}
            )


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
