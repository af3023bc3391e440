"""A task's tests as questions: each assertion that is surely reached is offered several expected values, and the run
says which of them hold. Nothing in a run tells which is the true one; the others are its negative controls.

`assert f(3) == 4` becomes `assert ask(lambda c, v: v == c, choices(0, 6, 4, 9), f(3))`: the program is called once,
where and in the order in which the test calls it.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import literals, syntax
from .frames import CAUGHT

#: What a question changes, the strongest first: an expected value, a bare truth's, one that is computed, a bound.
VALUE, TRUTH, COMPUTED, ORDER = "value", "truth", "computed", "order"
WEAK = frozenset((COMPUTED, ORDER))  #: the form of the false choice shows
MAX_ROWS = 8  #: of a table that are questions
_NARROW = 0.1  #: a tolerance that no change of an expected value comes near to
_CLOSE_MODULES = frozenset(("math", "cmath", "np", "numpy"))
#: calls that are true where two values are near each other
_CLOSE = frozenset(("isclose", "allclose", "array_equal", "array_equiv", "approx_equal"))
_EVALPLUS = "_same"  #: such a function of suites/plus.py
_ASSERTING = frozenset(
    (
        *("assertEqual", "assertAlmostEqual", "assertListEqual", "assertDictEqual", "assertSetEqual"),
        *("assertTupleEqual", "assertSequenceEqual", "assertCountEqual", "assertMultiLineEqual"),
        *("assert_equal", "assert_array_equal", "assert_allclose", "assert_almost_equal", "assert_array_almost_equal"),
    )
)
TRUE_METHODS, _HELD = frozenset(("assertTrue", "assertFalse")), frozenset(("assertIsNone", "assertIs"))
_HARMLESS = frozenset(("patch", "object", "dict", "staticmethod", "classmethod", "filterwarnings", "slow", "asyncio"))
_RUNNING = frozenset(("run", "run_until_complete"))

Named = list[tuple[ast.Name, syntax.Owner]]
Alter = Callable[[ast.expr], ast.expr]


@dataclass(frozen=True)
class Place:
    """Where a node stands: in an attribute or an item of `holder`."""

    holder: Any
    key: str | int

    @property
    def node(self) -> Any:
        """What stands there."""
        return self.holder[self.key] if isinstance(self.key, int) else getattr(self.holder, self.key)

    def put(self, node: ast.expr) -> None:
        """Put another expression there."""
        ast.fix_missing_locations(ast.copy_location(node, self.node))
        if isinstance(self.key, int):
            self.holder[self.key] = node
        else:
            setattr(self.holder, self.key, node)


@dataclass(frozen=True)
class Question:
    """One assertion.

    `condition` is to be true (`raising`: is a call that raises where something is not), `slot` stands in it and holds
    what is expected: a literal, or a name that was given `literal` or runs over the `rows` of a table; or something
    computed, of which `alter` makes what it never is. A bare truth has no slot, a handler of exceptions no condition.
    """

    kind: str
    condition: Place
    slot: Place | None = None
    literal: Place | None = None
    rows: tuple[Place, ...] = ()
    alter: Alter | None = None
    raising: bool = False
    coarse: bool = False
    beyond: float = 0.0
    chunk: int = 0  #: which of the texts asks it
    text: int | None = None  #: and in which it stands

    @property
    def sound(self) -> bool:
        """Whether a right program surely answers it rightly, by the text alone."""
        return self.kind == TRUTH or (self.kind == VALUE and not self.rows and self.literal is None)


@dataclass
class _Scope:
    """What is known of the names at a place: what they were given, and the columns of tables that they run over."""

    bound: dict[str, Place] = field(default_factory=dict)
    columns: dict[str, list[Place]] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """It is given something else."""
        self.bound.pop(name, None)
        self.columns.pop(name, None)


@dataclass(frozen=True)
class Context:
    """What is said of names outside the trees: those that the program may read, those that are set by their spelling,
    those of the functions of literals that mean what they do in plain Python, and functions that may skip a test.
    """

    read: frozenset[str] | None = frozenset()  #: None: all of them
    spelled: frozenset[str] = frozenset()
    pure: frozenset[str] = literals.BUILTIN
    leaving: frozenset[str] = frozenset()


class Finder:
    """Walks through the statements of set-up and tests in the order in which they run."""

    def __init__(self, trees: list[ast.Module], names: Named, context: Context) -> None:
        self.questions: list[Question] = []
        self.owners: dict[int, syntax.Owner] = {id(name): owner for name, owner in names}
        self._names = names  # which keeps them, and so their ids
        loads = Counter(owner for name, owner in names if isinstance(name.ctx, ast.Load))
        stores = Counter(owner for name, owner in names if not isinstance(name.ctx, ast.Load))
        for tree in trees:
            for node in syntax.statements_of(tree):
                if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                    loads[self.owners[id(node.target)]] += 1
        self._loads, self._stores = loads, stores
        self._context = context
        self._functions: dict[str, Any] = {}
        self._stands: dict[int, int] = {}  # by function: the text that defines it
        self._text = 0
        self._entered: set[int] = set()
        self._scope = _Scope()

    def loads(self, name: ast.Name) -> int:
        """How often what a name stands for is read."""
        return self._loads[self.owners[id(name)]]

    def hidden(self, name: ast.Name) -> bool:
        """Whether nothing but the tests' own text, by this name, reads what it stands for."""
        read = self._context.read
        return read is not None and (self.owners[id(name)][0] != 0 or name.id not in read)

    def _given(self, name: ast.Name, scope: _Scope) -> Place | None:
        """The one expression that a name ever stands for."""
        place = scope.bound.get(name.id)
        if place is None or self.owners[id(place.holder.targets[0])] != self.owners[id(name)]:
            return None
        if self._stores[self.owners[id(name)]] > 1 or name.id in self._context.spelled:
            return None
        return place

    def _known(self, node: ast.expr) -> bool:
        """Whether an expression is a literal, or what is made of some."""
        try:
            was = literals.value(node)
        except literals.NoValue:
            return False
        named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if syntax.has_names(node) else set()
        return was is not Ellipsis and not callable(was) and named <= self._context.pure

    def read(self, chunk: int, tree: ast.Module, whole_file: bool = False) -> None:
        """Look for questions in one text; in a whole file also in the tests that pytest runs."""
        before, self._text = len(self.questions), chunk
        self._statements(tree.body, self._scope)
        if whole_file:
            for test in syntax.tests_of(tree, self._context.leaving):
                scope = _Scope(dict(self._scope.bound))
                sure = [self._parametrized(decorator, scope, test, tree) for decorator in test.decorator_list]
                if all(sure):
                    self._within(test, scope)
        found = self.questions[before:]
        self.questions[before:] = [
            replace(each, chunk=chunk, text=chunk if each.text is None else each.text) for each in found
        ]

    # -- what is surely reached -------------------------------------------------------------------------------

    def _statements(self, body: list[ast.stmt], scope: _Scope) -> None:  # noqa: PLR0912 - one for each kind
        for at, statement in enumerate(body):
            for name in syntax.binds(statement):
                scope.forget(name)
                self._functions.pop(name, None)
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if not statement.decorator_list:
                    self._functions[statement.name] = statement
                    self._stands[id(statement)] = self._text
                continue
            if isinstance(statement, ast.Assign):
                if len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
                    scope.bound[statement.targets[0].id] = Place(statement, "value")
            elif isinstance(statement, ast.Assert):
                self.questions += self._holds(Place(statement, "test"), scope)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Call, ast.Await)):
                self._call(statement, scope)
            elif isinstance(statement, ast.For):
                inner = _Scope(dict(scope.bound), dict(scope.columns))
                ends = any(True for part in statement.body for _ in syntax.own(part, ast.Break, ast.Return))
                seen = _Scope(inner.bound) if ends else inner  # a table that may be left early has but its first row
                if self._runs_over(statement.target, Place(statement, "iter"), seen):
                    self._statements(statement.body, inner)
            elif isinstance(statement, (ast.With, ast.AsyncWith)) and all(map(syntax.lets_through, statement.items)):
                self._statements(statement.body, scope)
            elif isinstance(statement, ast.With) and syntax.must_raise_within(statement):
                body[at] = handling = _as_handler(statement)
                self.questions.append(Question(COMPUTED, Place(handling.handlers[0], "type")))
            elif isinstance(statement, ast.Try) and syntax.must_raise(statement, body[at + 1 :]):
                self.questions.append(Question(COMPUTED, Place(statement.handlers[0], "type")))
            ends = any(True for _ in syntax.own(statement, ast.Return, ast.Raise, ast.Break, ast.Continue))
            if ends or self._leaves(statement):
                return

    def _call(self, statement: ast.Expr, scope: _Scope) -> None:
        place = Place(statement, "value")
        call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(call, ast.Call):
            return
        name = syntax.called(call.func)
        if call is statement.value and call.args and name in TRUE_METHODS:
            found = list(self._inner(Place(call.args, 0), scope)) if name == "assertTrue" else []
            said = [*call.args[1:], *(each.value for each in call.keywords)]
            if found or all(isinstance(each, (ast.Constant, ast.Name)) for each in said):
                self.questions += found or [Question(TRUTH, place)]
        elif call is statement.value and name == "assertIn" and len(call.args) == 2 and not call.keywords:
            call.func, call.args = _as_truth(call), [ast.Compare(call.args[0], [ast.In()], [call.args[1]])]
            ast.fix_missing_locations(call)
            self.questions.append(Question(TRUTH, place))
        elif call is statement.value and call.args and name in _HELD:
            self.questions.append(Question(COMPUTED, place, Place(call.args, 0), alter=beside_none, raising=True))
        elif call is statement.value and self._compares(call):
            if name == "assertCountEqual":  # what is read but once is offered to each choice
                call.args[0] = ast.copy_location(ast.List([ast.Starred(call.args[0], ast.Load())], ast.Load()), call)
                ast.fix_missing_locations(call)
            self.questions += self._pair(place, call, scope, raising=True)
        else:
            for part in (call, *call.args):  # `check(f)`, `asyncio.run(main())`
                if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in self._functions:
                    awaited = isinstance(statement.value, ast.Await) if part is call else name in _RUNNING
                    self._enter(self._functions[part.func.id], awaited)

    def _enter(self, function: ast.FunctionDef | ast.AsyncFunctionDef, awaited: bool) -> None:
        """Look into a function that is called."""
        runs = awaited == isinstance(function, ast.AsyncFunctionDef) or isinstance(function, ast.FunctionDef)
        if runs and id(function) not in self._entered and not syntax.yields(function):
            self._entered.add(id(function))
            self._within(function, _Scope(dict(self._scope.bound)))

    def _within(self, function: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        """Read a function's body; what it defines is its own."""
        outside, text, before = dict(self._functions), self._text, len(self.questions)
        self._text = self._stands.get(id(function), text)
        self._statements(function.body, scope)
        found = self.questions[before:]
        self.questions[before:] = [replace(each, text=self._text) if each.text is None else each for each in found]
        self._functions, self._text = outside, text

    def _leaves(self, statement: ast.stmt) -> bool:
        """Whether a statement may end a test that does not fail, or calls what may."""
        leaving = self._context.leaving
        return bool(leaving) and any(syntax.called(part.func) in leaving for part in syntax.calls(statement))

    def _parametrized(self, decorator: ast.expr, scope: _Scope, test: ast.FunctionDef, tree: ast.Module) -> bool:
        """Whether a test surely runs under this decorator; notes the columns of a table that its arguments run over."""
        name = syntax.called(getattr(decorator, "func", decorator))
        if not isinstance(decorator, ast.Call) or name != "parametrize" or len(decorator.args) < 2:
            return name in _HARMLESS
        try:
            said = literals.value(decorator.args[0])
        except literals.NoValue:
            return False
        names = [each.strip() for each in said.split(",")] if isinstance(said, str) else list(said)
        targets: list[ast.expr] = [syntax.stored(each) for each in names]
        target = targets[0] if len(names) == 1 and isinstance(said, str) else ast.Tuple(targets, ast.Store())
        found = _Scope(scope.bound)
        runs = self._runs_over(target, Place(decorator.args, 1), found)
        others = {each.arg for part in ast.walk(tree) if part is not test for each in syntax.arguments(part)}
        if not decorator.keywords:  # which may transform the values, or name the tests after them
            scope.columns.update({key: cells for key, cells in found.columns.items() if key not in others})
        return runs

    def _runs_over(self, target: ast.expr, place: Place, scope: _Scope) -> bool:  # noqa: PLR0911 - one for each kind
        """Whether a loop surely has a first turn; notes the columns that its names run over."""
        iterated = place.node
        if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name) and iterated.args:
            name, arguments = iterated.func.id, iterated.args
            if name == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
                return self._runs_over(target.elts[1], Place(arguments, 0), scope)
            if name == "zip" and isinstance(target, ast.Tuple) and len(target.elts) == len(arguments):
                each = [self._runs_over(part, Place(arguments, at), scope) for at, part in enumerate(target.elts)]
                return all(each)
            if name == "range":
                try:
                    return len(range(*map(literals.value, arguments))) > 0
                except (literals.NoValue, TypeError, ValueError):
                    return False
        rows = iterated
        if isinstance(iterated, ast.Name) and (place_of := self._given(iterated, scope)):
            rows = place_of.node
        if not isinstance(rows, (ast.List, ast.Tuple)) or not rows.elts:
            return False
        if rows is not iterated and (self.loads(iterated) > 1 or not self.hidden(iterated)):
            return True  # whoever else reads the table must find it as it was
        if isinstance(target, ast.Name):
            scope.columns[target.id] = [Place(rows.elts, number) for number in range(len(rows.elts))]
        elif isinstance(target, ast.Tuple):
            for column, part in enumerate(target.elts):
                whole = [row for row in rows.elts if isinstance(row, (ast.List, ast.Tuple)) and column < len(row.elts)]
                if isinstance(part, ast.Name) and len(whole) == len(rows.elts):
                    scope.columns[part.id] = [Place(row.elts, column) for row in whole]
        return True

    def _compares(self, call: ast.Call) -> bool:
        """Whether a call asserts, or says, that its first argument is its second."""
        name = syntax.called(call.func)
        if len(call.args) < 2 or any(isinstance(each, ast.Starred) for each in call.args[:2]):
            return False
        function = self._functions.get(name) if isinstance(call.func, ast.Name) else None
        if function is None:
            base = getattr(call.func, "value", None)
            known = base is None or isinstance(base, ast.Attribute) or getattr(base, "id", "") in _CLOSE_MODULES
            return name in _ASSERTING or (name in _CLOSE and known)
        arguments = [each.arg for each in (*function.args.posonlyargs, *function.args.args)][:2]
        if len(arguments) < 2 or isinstance(function, ast.AsyncFunctionDef):
            return False
        return name == _EVALPLUS or syntax.only_compares(function, set(arguments))

    # -- what is asked ----------------------------------------------------------------------------------------

    def _holds(self, place: Place, scope: _Scope) -> Iterator[Question]:
        """The questions of an expression that must be true."""
        node = place.node
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            for at in range(len(node.values)):
                yield from self._holds(Place(node.values, at), scope)
            return
        yield from list(self._inner(place, scope)) or [Question(TRUTH, place)]

    def _inner(self, place: Place, scope: _Scope) -> Iterator[Question]:
        node = place.node
        if isinstance(node, ast.Compare):
            yield from self._comparison(place, node, scope)
        elif isinstance(node, ast.Call):
            name = syntax.called(node.func)
            if self._compares(node):
                yield from self._pair(place, node, scope)
            elif name == "all" and not node.args and isinstance(node.func, ast.Attribute):  # (array == list).all()
                for each in self._inner(Place(node.func, "value"), scope):
                    yield replace(each, condition=place, coarse=True)
            elif name == "all" and len(node.args) == 1 and isinstance(node.args[0], (ast.GeneratorExp, ast.ListComp)):
                loop = node.args[0]
                inner = _Scope(dict(scope.bound), dict(scope.columns))
                first = loop.generators[0]
                for name in syntax.binds(first.target):
                    inner.forget(name)
                runs = self._runs_over(first.target, Place(first, "iter"), inner)
                if runs and len(loop.generators) == 1 and not first.ifs:
                    yield from self._inner(Place(loop, "elt"), inner)
            elif name == "isinstance" and len(node.args) == 2:
                named = any(getattr(part, "id", "") == "memoryview" for part in ast.walk(node.args[1]))
                rare = "property" if named else "memoryview"
                yield Question(COMPUTED, place, Place(node.args, 1), alter=lambda _: syntax.read(rare))

    def _comparison(self, place: Place, node: ast.Compare, scope: _Scope) -> Iterator[Question]:
        slots = [Place(node, "left"), *(Place(node.comparators, at) for at in range(len(node.ops)))]
        late = [slot.node for slot in slots[2:]]  # which plain Python may never come to
        if any(not isinstance(each, (ast.Name, ast.Constant)) for each in late):
            return
        if all(isinstance(op, (ast.Eq, ast.Is)) for op in node.ops):
            yield self._equal(place, slots, scope)
        elif len(node.ops) == 1 and isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            yield from self._ordering(place, node, scope)
        elif len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
            held = node.comparators[0]
            if isinstance(held, (ast.List, ast.Tuple, ast.Set)) and held.elts and self._known(held):
                yield Question(VALUE, place, slots[1])

    def _pair(self, place: Place, call: ast.Call, scope: _Scope, raising: bool = False) -> Iterator[Question]:
        found = self._equal(place, [Place(call.args, at) for at in range(2)], scope, coarse=True, raising=raising)
        beyond = syntax.tolerance(call)
        if found.kind == VALUE and not beyond <= _NARROW:
            found = replace(found, kind=COMPUTED, rows=(), literal=None, alter=beside_none)
        yield found

    def _equal(
        self, place: Place, slots: list[Place], scope: _Scope, coarse: bool = False, raising: bool = False
    ) -> Question:
        """Operands that must be equal: what is known of them is the slot, else the last of them."""
        found = [self._expected(place, slot, scope, coarse, raising) for slot in slots]
        if any(isinstance(slot.node, ast.Call) and syntax.called(slot.node.func) == "approx" for slot in slots):
            found = []  # it equals many
        if all(found):
            found = found[1:]  # nothing of the program's: some set-up's own
        known = [each for each in found if each is not None]
        return known[0] if known else Question(COMPUTED, place, slots[-1], alter=beside_none, raising=raising)

    def _expected(self, place: Place, slot: Place, scope: _Scope, coarse: bool, raising: bool) -> Question | None:
        """The question of an operand whose value is a literal, or a name for one, or runs over some."""
        node = slot.node
        if isinstance(node, ast.Name) and node.id in scope.columns:
            cells = scope.columns[node.id]
            step = max(1.0, len(cells) / MAX_ROWS)
            some = [cells[int(at * step)] for at in range(min(MAX_ROWS, len(cells)))]
            rows = tuple(cell for cell in some if self._known(cell.node))
            return Question(VALUE, place, slot, rows=rows, raising=raising, coarse=coarse) if rows else None
        literal = self._given(node, scope) if isinstance(node, ast.Name) else None
        if not self._known(literal.node if literal else node):
            return None
        return Question(VALUE, place, slot, literal, raising=raising, coarse=coarse)

    def _ordering(self, place: Place, node: ast.Compare, scope: _Scope) -> Iterator[Question]:
        below = isinstance(node.ops[0], (ast.Lt, ast.LtE))
        left, right = node.left, node.comparators[0]
        difference = syntax.difference(left) if below else None
        tolerance = syntax.number_of(right)
        if difference is not None:
            found = self._equal(place, [Place(difference, "left"), Place(difference, "right")], scope, coarse=True)
            if found.kind == VALUE and tolerance is not None:
                yield replace(found, beyond=2 * tolerance)
            elif tolerance is not None:
                far = 7 + 10 * tolerance
                yield Question(COMPUTED, place, Place(difference, "right"), alter=lambda node: _plus(node, far))
        elif tolerance is not None:
            yield Question(ORDER, place, Place(node.comparators, 0), alter=_no_bound)
        elif syntax.number_of(left) is not None:
            yield Question(ORDER, place, Place(node, "left"), alter=_no_bound)


def _as_handler(statement: ast.With) -> ast.Try:
    """The same as a `try`."""
    expected = statement.items[0].context_expr.args[0]  # type: ignore[attr-defined]
    nothing = ast.Expr(syntax.call(CAUGHT))
    handling = ast.Try(statement.body, [ast.ExceptHandler(expected, None, [ast.Pass()])], [nothing], [])
    return ast.fix_missing_locations(ast.copy_location(handling, statement))


def _as_truth(call: ast.Call) -> ast.expr:
    """`self.assertTrue` for another of its methods."""
    if isinstance(call.func, ast.Attribute):
        return ast.Attribute(call.func.value, "assertTrue", ast.Load())
    return syntax.read("assertTrue")


def _plus(node: ast.expr, number: float) -> ast.expr:
    return ast.BinOp(node, ast.Add(), ast.Constant(number))


def beside_none(node: ast.expr) -> ast.expr:
    """A value that holds this one and equals neither it nor, element by element, an array of it."""
    return ast.List([node, ast.Constant(None)], ast.Load())


def _no_bound(_: ast.expr) -> ast.expr:
    """What nothing is above or below."""
    return ast.Constant(math.nan)
