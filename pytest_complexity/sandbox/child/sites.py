"""Where in a task's tests a truth can be changed so that a right program must fail there, and how.

A site is one assertion (or a call that asserts) that is surely reached by a program that passes. Each of its slots
holds an expression that another can replace: an expected value (`value`), an expected value that is computed
(`computed`), the bound of an ordering (`order`), or, for want of these, the whole assertion (`truth`).
"""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import literals

VALUE, COMPUTED, ORDER, TRUTH = "value", "computed", "order", "truth"
RANK = {VALUE: 0, COMPUTED: 1, ORDER: 2, TRUTH: 3}
_MAX_ROWS = 5  #: of a table that become sites
_CLOSE = frozenset(("isclose", "allclose", "array_equal", "array_equiv", "approx_equal"))
_ASSERTING = frozenset(
    (
        *("assertEqual", "assertAlmostEqual", "assertListEqual", "assertDictEqual", "assertSetEqual"),
        *("assertTupleEqual", "assertSequenceEqual", "assertCountEqual", "assertMultiLineEqual"),
        *("assert_equal", "assert_array_equal", "assert_allclose", "assert_almost_equal", "assert_array_almost_equal"),
    )
)

_TRANSPARENT = frozenset(
    (
        *("localcontext", "redirect_stdout", "redirect_stderr", "catch_warnings", "TemporaryDirectory"),
        *("NamedTemporaryFile", "TemporaryFile", "open", "ThreadPoolExecutor", "closing", "nullcontext"),
    )
)

_TRUE = frozenset(("assertTrue", "assertFalse", "assertIsNone", "assertIn", "assertIs"))
_RAISING = frozenset(("raises", "assertRaises", "assertRaisesRegex"))
_NOT_SURE = frozenset(("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "fixture"))

_RARE_TYPES = ("memoryview", "slice", "staticmethod")

Chance = random.Random
Alter = Callable[[Chance, "list[ast.expr]"], "ast.expr | None"]


@dataclass(frozen=True)
class Slot:
    """A place in the tree (`container` and attribute or index), and what may stand there instead."""

    kind: str
    container: Any
    key: str | int
    alter: Alter
    expected: ast.expr | None = None  #: the value, where it is known
    table: bool = False  #: whether it stands in a table that a loop runs over

    def put(self, node: ast.AST) -> Any:
        """Put a node there; what was there before."""
        if isinstance(self.key, int):
            was, self.container[self.key] = self.container[self.key], node
        else:
            was = getattr(self.container, self.key)
            setattr(self.container, self.key, node)
        return was


@dataclass(frozen=True)
class Site:
    """An assertion: the text it stands in, its lines there, its slots, the strongest first, and their kind."""

    chunk: int
    lines: frozenset[int]
    kind: str
    slots: tuple[Slot, ...]


@dataclass
class _Scope:
    """What is known of the names at a place: literals bound to them, and columns of tables that they run over."""

    tables: dict[str, ast.expr] = field(default_factory=dict)
    columns: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)


class Finder:
    """Walks through the statements of set-up and tests in the order in which they run."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self._functions: dict[str, tuple[int, Any]] = {}
        self._entered: set[str] = set()
        self._scope = _Scope()

    def read(self, chunk: int, tree: ast.Module, whole_file: bool = False) -> None:
        """Look for sites in the statements of one text; of a whole file also in the tests that pytest runs."""
        self._statements(chunk, tree.body, self._scope)
        if whole_file:
            for test in _tests_of(tree):
                scope = _Scope(dict(self._scope.tables))
                for decorator in test.decorator_list:
                    self._parametrized(decorator, scope)
                self._statements(chunk, test.body, scope)

    # -- what is surely reached -------------------------------------------------------------------------------

    def _statements(self, chunk: int, body: list[ast.stmt], scope: _Scope) -> None:
        for at, statement in enumerate(body):
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._functions[statement.name] = (chunk, statement)
            elif isinstance(statement, ast.Assign):
                self._assign(statement, scope)
            elif isinstance(statement, ast.Assert):
                self._site(chunk, statement.lineno, self._truth_slots(statement, "test", scope))
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Call, ast.Await)):
                self._call(chunk, statement, scope)
            elif isinstance(statement, ast.For):
                self._loop(chunk, statement, scope)
            elif isinstance(statement, (ast.With, ast.AsyncWith)) and all(map(_lets_through, statement.items)):
                self._statements(chunk, statement.body, scope)
            elif isinstance(statement, (ast.With, ast.AsyncWith)) and len(statement.items) == 1:
                self._raises(chunk, statement)
            elif isinstance(statement, ast.Try) and _must_raise(statement, body[at + 1 :]):
                self._handler(chunk, statement)
            if any(isinstance(part, (ast.Return, ast.Raise, ast.Break, ast.Continue)) for part in _own(statement)):
                return

    def _assign(self, statement: ast.Assign, scope: _Scope) -> None:
        for target in statement.targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    scope.tables.pop(name.id, None)
                    scope.columns.pop(name.id, None)
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Name):
            scope.tables[target.id] = statement.value

    def _call(self, chunk: int, statement: ast.Expr, scope: _Scope) -> None:
        call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(call, ast.Call):
            return
        if _name(call.func) in _TRUE and call.args:
            self._site(chunk, statement.lineno, self._held_slots(call, scope))
            return
        if self._compares(call):
            self._site(chunk, statement.lineno, self._pair_slots(call, scope))
            return
        for part in (call, *call.args):  # `check(f)`, `asyncio.run(main())`
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in self._functions:
                self._enter(part.func.id)

    def _enter(self, name: str) -> None:
        if name not in self._entered:
            self._entered.add(name)
            chunk, function = self._functions[name]
            arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
            tables = {key: node for key, node in self._scope.tables.items() if key not in arguments}
            self._statements(chunk, function.body, _Scope(tables))

    def _loop(self, chunk: int, statement: ast.For, scope: _Scope) -> None:
        inner = _Scope(dict(scope.tables), dict(scope.columns))
        if self._runs_over(statement.target, statement.iter, inner):
            self._statements(chunk, statement.body, inner)

    def _runs_over(self, target: ast.expr, iterated: ast.expr, scope: _Scope) -> bool:
        """Whether a loop surely has a first turn; notes the columns that its names run over."""
        if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name) and iterated.args:
            name, arguments = iterated.func.id, iterated.args
            if name == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
                return self._runs_over(target.elts[1], arguments[0], scope)
            if name == "zip" and isinstance(target, ast.Tuple) and len(target.elts) == len(arguments):
                pairs = zip(target.elts, arguments, strict=True)
                return min([self._runs_over(each, rows, scope) for each, rows in pairs])  # each notes its columns
            if name == "range":
                try:
                    return len(range(*map(literals.value, arguments))) > 0
                except (literals.NoValue, TypeError, ValueError):
                    return False
        rows = scope.tables.get(iterated.id) if isinstance(iterated, ast.Name) else iterated
        if not isinstance(rows, (ast.List, ast.Tuple)) or not rows.elts:
            return False
        if isinstance(target, ast.Name):
            scope.columns[target.id] = [(rows.elts, number) for number in range(len(rows.elts))]
        elif isinstance(target, ast.Tuple):
            for column, part in enumerate(target.elts):
                whole = [row for row in rows.elts if isinstance(row, (ast.List, ast.Tuple)) and column < len(row.elts)]
                if isinstance(part, ast.Name) and len(whole) == len(rows.elts):
                    scope.columns[part.id] = [(row.elts, column) for row in whole]
        return True

    def _handler(self, chunk: int, statement: ast.Try) -> None:
        """A `try` whose body must raise: the handler waits for something else."""
        lines = {node.lineno for part in statement.body for node in ast.walk(part) if isinstance(node, ast.stmt)}
        slots = [Slot(COMPUTED, handler, "type", lambda chance, _: _strange(chance)) for handler in statement.handlers]
        if len(slots) == 1 and statement.handlers[0].type is not None:
            self.sites.append(Site(chunk, frozenset(lines), COMPUTED, tuple(slots)))

    def _raises(self, chunk: int, statement: ast.With | ast.AsyncWith) -> None:
        """`pytest.raises` or `assertRaises`: it waits for something else."""
        call = statement.items[0].context_expr
        if isinstance(call, ast.Call) and _name(call.func) in _RAISING and call.args:
            lines = {node.lineno for part in statement.body for node in ast.walk(part) if isinstance(node, ast.stmt)}
            slot = Slot(COMPUTED, call.args, 0, lambda chance, _: _strange(chance))
            self.sites.append(Site(chunk, frozenset(lines), COMPUTED, (slot,)))

    def _parametrized(self, decorator: ast.expr, scope: _Scope) -> None:
        """Notes the columns of a table that a test's arguments run over."""
        if not isinstance(decorator, ast.Call) or _name(decorator.func) != "parametrize" or len(decorator.args) < 2:
            return
        try:
            said = literals.value(decorator.args[0])
        except literals.NoValue:
            return
        names = [name.strip() for name in said.split(",")] if isinstance(said, str) else list(said)
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
        self._runs_over(targets[0] if len(names) == 1 else ast.Tuple(targets, ast.Store()), decorator.args[1], scope)

    def _compares(self, call: ast.Call) -> bool:
        """Whether a call asserts that its first argument is its second."""
        name = _name(call.func)
        if len(call.args) < 2 or any(isinstance(each, ast.Starred) for each in call.args[:2]):
            return False
        if name in _ASSERTING:
            return True
        function = self._functions.get(name, (0, None))[1]
        if function is None or len(function.args.args) < 2:
            return False
        pair = {each.arg for each in function.args.args[:2]}
        return any(
            isinstance(node, ast.Compare)
            and pair == {getattr(each, "id", "") for each in (node.left, *node.comparators)}
            for node in ast.walk(function)
        )

    def _site(self, chunk: int, line: int, slots: Iterator[Slot]) -> None:
        found = sorted(slots, key=lambda slot: RANK[slot.kind])
        if not found:
            return
        rows = [slot for slot in found if slot.table]
        if len(rows) > _MAX_ROWS:  # a table: some of its rows, each a site
            step = len(rows) / _MAX_ROWS
            for number in range(_MAX_ROWS):
                self.sites.append(Site(chunk, frozenset((line,)), VALUE, (rows[int(number * step)],)))
            return
        self.sites.append(Site(chunk, frozenset((line,)), found[0].kind, tuple(found)))

    # -- slots ------------------------------------------------------------------------------------------------

    def _truth_slots(self, container: Any, key: str, scope: _Scope) -> Iterator[Slot]:
        """The slots of an expression that must be true."""
        node = getattr(container, key)
        yield from self._slots(node, scope)
        opposite = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else _not(node)
        yield Slot(TRUTH, container, key, lambda *_: opposite)

    def _held_slots(self, call: ast.Call, scope: _Scope) -> Iterator[Slot]:
        """The slots of a call that asserts something of its first argument."""
        node = call.args[0]
        if _name(call.func) == "assertTrue":
            yield from self._slots(node, scope)
        if _name(call.func) in ("assertTrue", "assertFalse"):
            yield Slot(TRUTH, call.args, 0, lambda *_: _not(node))
        else:
            yield Slot(COMPUTED, call.args, 0, lambda chance, _: _beside_none(node, chance))

    def _slots(self, node: ast.expr, scope: _Scope) -> Iterator[Slot]:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            for part in node.values:
                yield from self._slots(part, scope)
        elif isinstance(node, ast.Compare):
            yield from self._comparison(node, scope)
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            if name in _CLOSE and len(node.args) >= 2:
                yield from self._pair_slots(node, scope, coarse=True)
            elif name == "all" and not node.args and isinstance(node.func, ast.Attribute):  # (array == list).all()
                yield from self._slots(node.func.value, scope)
            elif name == "all" and len(node.args) == 1 and isinstance(node.args[0], (ast.GeneratorExp, ast.ListComp)):
                loop = node.args[0]
                inner = _Scope(dict(scope.tables), dict(scope.columns))
                first = loop.generators[0]
                if len(loop.generators) == 1 and not first.ifs and self._runs_over(first.target, first.iter, inner):
                    yield from self._slots(loop.elt, inner)

            elif name == "isinstance" and len(node.args) == 2:
                yield Slot(COMPUTED, node.args, 1, lambda chance, _: ast.Name(chance.choice(_RARE_TYPES), ast.Load()))

    def _comparison(self, node: ast.Compare, scope: _Scope) -> Iterator[Slot]:
        places: list[tuple[Any, Any]] = [(node, "left"), *((node.comparators, at) for at in range(len(node.ops)))]
        operands = [node.left, *node.comparators]
        if all(isinstance(op, (ast.Eq, ast.Is)) for op in node.ops):
            yield from self._equal(list(zip(places, operands, strict=True)), scope, coarse=False)
        elif len(node.ops) == 1 and isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            yield from self._ordering(node, scope)
        elif len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
            yield from _membership(node)
            left = node.left
            yield Slot(COMPUTED, node, "left", lambda *_: ast.Tuple([left, ast.Constant(None)], ast.Load()))

    def _equal(self, operands: list[tuple[Any, ast.expr]], scope: _Scope, coarse: bool) -> Iterator[Slot]:
        """Slots of operands that must be equal: what is known of them, else the last of them."""
        found = [list(self._known(place, node, scope, coarse)) for place, node in operands]
        if all(found):
            found = found[1:]  # nothing of the program's: some set-up's own
        if any(found):
            for slots in found:
                yield from slots
            return
        (container, key), node = operands[-1]
        yield Slot(COMPUTED, container, key, lambda chance, _: _beside_none(node, chance))

    def _known(self, place: Any, node: ast.expr, scope: _Scope, coarse: bool) -> Iterator[Slot]:
        """The slots of an operand whose value is a literal, or a name for one, or runs over some."""
        if isinstance(node, ast.Name) and node.id in scope.columns:
            for container, key in scope.columns[node.id]:
                for slot in _value_slot(container, key, container[key], coarse):
                    yield replace(slot, table=True)
            return
        if isinstance(node, ast.Name):
            node = scope.tables.get(node.id, node)
        yield from _value_slot(place[0], place[1], node, coarse)

    def _pair_slots(self, call: ast.Call, scope: _Scope, coarse: bool = True) -> Iterator[Slot]:
        pair = [((call.args, at), call.args[at]) for at in range(2)]
        yield from self._equal(pair, scope, coarse)

    def _ordering(self, node: ast.Compare, scope: _Scope) -> Iterator[Slot]:
        below = isinstance(node.ops[0], (ast.Lt, ast.LtE))
        left, right = node.left, node.comparators[0]
        difference = _difference(left) if below else None
        if difference is not None:
            subtrahend = difference.right
            places = [((difference, "left"), difference.left), ((difference, "right"), difference.right)]
            tolerance = _number(right)
            for slot in self._equal(places, scope, coarse=True):
                if slot.kind == VALUE:
                    yield _beyond(slot, 2 * tolerance if tolerance is not None else 0.0)
                elif tolerance is not None:
                    yield Slot(COMPUTED, difference, "right", lambda *_: _plus(subtrahend, 7 + 10 * tolerance))
        elif _number(right) is not None:
            yield Slot(ORDER, node.comparators, 0, lambda *_: ast.Constant(-math.inf if below else math.inf))
        elif _number(left) is not None:
            yield Slot(ORDER, node, "left", lambda *_: ast.Constant(math.inf if below else -math.inf))


def _tests_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The test functions and methods of a file that surely run; the last of a name holds."""
    last = {part.name: part for part in tree.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    for name, part in last.items():
        if _may_not_run(part):
            continue
        if isinstance(part, ast.FunctionDef) and name.startswith("test"):
            yield part
        elif isinstance(part, ast.ClassDef) and (name.startswith("Test") or "TestCase" in map(_name, part.bases)):
            methods = {each.name: each for each in part.body if isinstance(each, ast.FunctionDef)}
            for method in methods.values():
                if method.name.startswith("test") and not _may_not_run(method) and "__init__" not in methods:
                    yield method


def _may_not_run(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(_name(getattr(each, "func", each)) in _NOT_SURE for each in node.decorator_list)


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """The statements that stand in this one and run with it, not those of a function or class defined in it."""
    yield statement
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While)):
        return
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _own(child)


def _lets_through(item: ast.withitem) -> bool:
    """Whether an exception surely leaves a `with` statement."""
    call = item.context_expr
    return _name(getattr(call, "func", call)) in _TRANSPARENT


def _name(function: ast.expr) -> str:
    """The last part of a function's name."""
    return function.attr if isinstance(function, ast.Attribute) else str(getattr(function, "id", ""))


def _must_raise(statement: ast.Try, following: list[ast.stmt]) -> bool:
    """Whether the tests fail where the body of a `try` raises nothing."""
    leaves = [*statement.orelse[:1], *statement.body[-1:]]
    if any(isinstance(part, (ast.Return, ast.Raise)) for part in statement.handlers[0].body if statement.handlers):
        leaves += following[:1]
    return any(_fails(each) for each in leaves)


def _fails(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and not statement.test.value
    return isinstance(statement, ast.Raise)


def _strange(chance: Chance) -> ast.expr:
    """An exception that no program means."""
    return ast.Name(chance.choice(("ChildProcessError", "UnicodeWarning", "ConnectionResetError")), ast.Load())


def _value_slot(container: Any, key: Any, node: ast.expr, coarse: bool) -> Iterator[Slot]:
    try:
        was = literals.value(node)
    except literals.NoValue:
        return
    if was is Ellipsis or callable(was):
        return
    approximate = coarse and not isinstance(was, (str, bytes, bool))

    def alter(chance: Chance, pool: list[ast.expr]) -> ast.expr | None:
        return literals.other(node, chance, pool, approximate)

    yield Slot(VALUE, container, key, alter, node)


def _beyond(slot: Slot, distance: float) -> Slot:
    """The slot, with values alone that are further away from its own than a tolerance."""
    assert slot.expected is not None
    was = literals.value(slot.expected)

    def alter(chance: Chance, pool: list[ast.expr]) -> ast.expr | None:
        for _ in range(20):
            found = slot.alter(chance, pool)
            new = _number(found) if found is not None else None
            if new is not None and abs(new - was) > distance:
                return found
        return ast.Constant(was + 1 + 2 * distance)

    return replace(slot, alter=alter)


def _membership(node: ast.Compare) -> Iterator[Slot]:
    held = node.comparators[0]
    if not isinstance(held, (ast.List, ast.Tuple, ast.Set)) or not held.elts:
        return

    def alter(chance: Chance, _: list[ast.expr]) -> ast.expr | None:
        was = literals.value(held)
        found = [literals.other(each, chance, [], coarse=False) for each in held.elts]
        new = [each for each in found if each is not None and literals.value(each) not in was]
        return ast.List(new, ast.Load()) if new else None

    try:
        literals.value(held)
    except literals.NoValue:
        return
    yield Slot(VALUE, node.comparators, 0, alter, held)


def _difference(node: ast.expr) -> ast.BinOp | None:
    """The difference whose absolute value an expression is."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        name = _name(node.func)
        if name in ("abs", "fabs") and isinstance(node.args[0].op, ast.Sub):
            return node.args[0]
    return None


def _number(node: ast.expr) -> float | None:
    try:
        found = literals.value(node)
    except literals.NoValue:
        return None
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _not(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), node)


def _plus(node: ast.expr, number: float) -> ast.expr:
    return ast.BinOp(node, ast.Add(), ast.Constant(number))


def _beside_none(node: ast.expr, chance: Chance) -> ast.expr:
    """A value that holds this one and equals neither it nor, element by element, an array of it."""
    kind = chance.choice((ast.List, ast.Tuple))
    return kind([node, ast.Constant(None)], ast.Load())
