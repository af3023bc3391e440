"""A task's tests as questions: each assertion that is surely reached is offered several expected values, and the run
says which of them hold. Nothing in a run tells which is the true one; the others are its negative controls.

`assert f(3) == 4` becomes `assert ask(lambda c, v: v == c, choices(0, 6, 4, 9), f(3))`: the program is called once,
where and in the order in which the test calls it.
"""

from __future__ import annotations

import ast
import copy
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import literals
from .frames import ASK, CALLED, CAUGHT, CHOICES, COMPARED, RAISING, TRUE

#: What a question changes, the strongest first: an expected value, a bare truth's, one that is computed, a bound.
VALUE, TRUTH, COMPUTED, ORDER = "value", "truth", "computed", "order"
WEAK = frozenset((COMPUTED, ORDER))  #: the form of the false choice shows
LEAST_CHOICES, ALL_CHOICES, MOST_LARGE = 16, 128, 8  #: of a value; of all values of a task together; of a long value
LARGE = 1000  #: nodes of a long value's expression
MAX_ROWS = 8  #: of a table that are questions
MAX_QUESTIONS = 60
SHOWN = 1000  #: where the numbers of the visible tests' own questions begin
CHOICE, OPERAND = "__cx_choice__", "__cx_{}__"  #: a check's own names, which the tests do not use
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
_TRANSPARENT = frozenset(
    (
        *("localcontext", "redirect_stdout", "redirect_stderr", "catch_warnings", "TemporaryDirectory"),
        *("NamedTemporaryFile", "TemporaryFile", "open", "ThreadPoolExecutor", "closing", "nullcontext"),
    )
)
_TRUE, _HELD = frozenset(("assertTrue", "assertFalse")), frozenset(("assertIsNone", "assertIs"))
_LEAVING = frozenset(("skip", "skipTest", "xfail", "importorskip", "SkipTest"))
_HARMLESS = frozenset(("patch", "object", "dict", "staticmethod", "classmethod", "filterwarnings", "slow", "asyncio"))
_RUNNING = frozenset(("run", "run_until_complete"))
_RAISING = frozenset(("raises", "assertRaises"))
_NOT_SURE = frozenset(("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "fixture"))
_STRANGE = ("ChildProcessError", "UnicodeWarning", "BytesWarning")  #: exceptions that no program means

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

    def __init__(self, trees: list[ast.Module], context: Context = Context()) -> None:
        self.questions: list[Question] = []
        self.owners: dict[int, tuple[int, str]] = {}  #: by a name's node: the function that it belongs to, and it
        self._names: list[ast.Name] = []  # which keeps them, and so their ids
        loads: Counter[tuple[int, str]] = Counter()
        stores: Counter[tuple[int, str]] = Counter()
        for tree in trees:
            for name, owner in _names(tree):
                self._names.append(name)
                self.owners[id(name)] = owner
                loads[owner] += isinstance(name.ctx, ast.Load)
                stores[owner] += not isinstance(name.ctx, ast.Load)
            for node in _statements_of(tree):
                if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                    loads[self.owners[id(node.target)]] += 1
        self._loads, self._stores = loads, stores
        self._context = context
        self._functions: dict[str, Any] = {}
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
        named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if _has_names(node) else set()
        return was is not Ellipsis and not callable(was) and named <= self._context.pure

    def read(self, chunk: int, tree: ast.Module, whole_file: bool = False) -> None:
        """Look for questions in one text; in a whole file also in the tests that pytest runs."""
        before = len(self.questions)
        self._statements(tree.body, self._scope)
        if whole_file:
            for test in _tests_of(tree, self._context.leaving):
                scope = _Scope(dict(self._scope.bound))
                sure = [self._parametrized(decorator, scope, test, tree) for decorator in test.decorator_list]
                if all(sure):
                    self._within(test, scope)
        self.questions[before:] = [replace(each, chunk=chunk) for each in self.questions[before:]]

    # -- what is surely reached -------------------------------------------------------------------------------

    def _statements(self, body: list[ast.stmt], scope: _Scope) -> None:  # noqa: PLR0912 - one for each kind
        for at, statement in enumerate(body):
            for name in _binds(statement):
                scope.forget(name)
                self._functions.pop(name, None)
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if not statement.decorator_list:
                    self._functions[statement.name] = statement
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
                ends = any(True for part in statement.body for _ in _own(part, ast.Break, ast.Return))
                seen = _Scope(inner.bound) if ends else inner  # a table that may be left early has but its first row
                if self._runs_over(statement.target, Place(statement, "iter"), seen):
                    self._statements(statement.body, inner)
            elif isinstance(statement, (ast.With, ast.AsyncWith)) and all(map(_lets_through, statement.items)):
                self._statements(statement.body, scope)
            elif isinstance(statement, ast.With) and _must_raise_within(statement):
                body[at] = handling = _as_handler(statement)
                self.questions.append(Question(COMPUTED, Place(handling.handlers[0], "type")))
            elif isinstance(statement, ast.Try) and _must_raise(statement, body[at + 1 :]):
                self.questions.append(Question(COMPUTED, Place(statement.handlers[0], "type")))
            ends = any(True for _ in _own(statement, ast.Return, ast.Raise, ast.Break, ast.Continue))
            if ends or self._leaves(statement):
                return

    def _call(self, statement: ast.Expr, scope: _Scope) -> None:
        place = Place(statement, "value")
        call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(call, ast.Call):
            return
        name = called(call.func)
        if call is statement.value and call.args and name in _TRUE:
            found = list(self._inner(Place(call.args, 0), scope)) if name == "assertTrue" else []
            said = [*call.args[1:], *(each.value for each in call.keywords)]
            if found or all(isinstance(each, (ast.Constant, ast.Name)) for each in said):
                self.questions += found or [Question(TRUTH, place)]
        elif call is statement.value and name == "assertIn" and len(call.args) == 2 and not call.keywords:
            call.func, call.args = _as_truth(call), [ast.Compare(call.args[0], [ast.In()], [call.args[1]])]
            ast.fix_missing_locations(call)
            self.questions.append(Question(TRUTH, place))
        elif call is statement.value and call.args and name in _HELD:
            self.questions.append(Question(COMPUTED, place, Place(call.args, 0), alter=_beside_none, raising=True))
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
        if runs and id(function) not in self._entered and not _yields(function):
            self._entered.add(id(function))
            self._within(function, _Scope(dict(self._scope.bound)))

    def _within(self, function: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        """Read a function's body; what it defines is its own."""
        outside = dict(self._functions)
        self._statements(function.body, scope)
        self._functions = outside

    def _leaves(self, statement: ast.stmt) -> bool:
        """Whether a statement may end a test that does not fail, or calls what may."""
        leaving = self._context.leaving
        return bool(leaving) and any(called(part.func) in leaving for part in _calls(statement))

    def _parametrized(self, decorator: ast.expr, scope: _Scope, test: ast.FunctionDef, tree: ast.Module) -> bool:
        """Whether a test surely runs under this decorator; notes the columns of a table that its arguments run over."""
        name = called(getattr(decorator, "func", decorator))
        if not isinstance(decorator, ast.Call) or name != "parametrize" or len(decorator.args) < 2:
            return name in _HARMLESS
        try:
            said = literals.value(decorator.args[0])
        except literals.NoValue:
            return False
        names = [each.strip() for each in said.split(",")] if isinstance(said, str) else list(said)
        targets: list[ast.expr] = [_stored(each) for each in names]
        target = targets[0] if len(names) == 1 and isinstance(said, str) else ast.Tuple(targets, ast.Store())
        found = _Scope(scope.bound)
        runs = self._runs_over(target, Place(decorator.args, 1), found)
        others = {each.arg for part in ast.walk(tree) if part is not test for each in _arguments(part)}
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
        name = called(call.func)
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
        return name == _EVALPLUS or _only_compares(function, set(arguments))

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
            name = called(node.func)
            if self._compares(node):
                yield from self._pair(place, node, scope)
            elif name == "all" and not node.args and isinstance(node.func, ast.Attribute):  # (array == list).all()
                for each in self._inner(Place(node.func, "value"), scope):
                    yield replace(each, condition=place, coarse=True)
            elif name == "all" and len(node.args) == 1 and isinstance(node.args[0], (ast.GeneratorExp, ast.ListComp)):
                loop = node.args[0]
                inner = _Scope(dict(scope.bound), dict(scope.columns))
                first = loop.generators[0]
                for name in _binds(first.target):
                    inner.forget(name)
                runs = self._runs_over(first.target, Place(first, "iter"), inner)
                if runs and len(loop.generators) == 1 and not first.ifs:
                    yield from self._inner(Place(loop, "elt"), inner)
            elif name == "isinstance" and len(node.args) == 2:
                named = any(getattr(part, "id", "") == "memoryview" for part in ast.walk(node.args[1]))
                rare = "property" if named else "memoryview"
                yield Question(COMPUTED, place, Place(node.args, 1), alter=lambda _: _read(rare))

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
        beyond = _tolerance(call)
        if found.kind == VALUE and not beyond <= _NARROW:
            found = replace(found, kind=COMPUTED, rows=(), literal=None, alter=_beside_none)
        yield found

    def _equal(
        self, place: Place, slots: list[Place], scope: _Scope, coarse: bool = False, raising: bool = False
    ) -> Question:
        """Operands that must be equal: what is known of them is the slot, else the last of them."""
        found = [self._expected(place, slot, scope, coarse, raising) for slot in slots]
        if any(isinstance(slot.node, ast.Call) and called(slot.node.func) == "approx" for slot in slots):
            found = []  # it equals many
        if all(found):
            found = found[1:]  # nothing of the program's: some set-up's own
        known = [each for each in found if each is not None]
        return known[0] if known else Question(COMPUTED, place, slots[-1], alter=_beside_none, raising=raising)

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
        difference = _difference(left) if below else None
        tolerance = _number(right)
        if difference is not None:
            found = self._equal(place, [Place(difference, "left"), Place(difference, "right")], scope, coarse=True)
            if found.kind == VALUE and tolerance is not None:
                yield replace(found, beyond=2 * tolerance)
            elif tolerance is not None:
                far = 7 + 10 * tolerance
                yield Question(COMPUTED, place, Place(difference, "right"), alter=lambda node: _plus(node, far))
        elif tolerance is not None:
            yield Question(ORDER, place, Place(node.comparators, 0), alter=_no_bound)
        elif _number(left) is not None:
            yield Question(ORDER, place, Place(node, "left"), alter=_no_bound)


# -- the tests with their questions ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """Where a question stands, and the values that it offers where these are known."""

    chunk: int
    line: int
    choices: list[ast.expr]


class Asking:
    """Writes questions into the trees that they were found in, and knows the true answers.

    `chance` is seeded with a secret, so that a task's choices are the same in each of its runs and nobody knows them.
    `before` has made those of the other tests: equal values are offered among the same others everywhere, or what two
    sets have in common would be the true one.
    """

    def __init__(
        self, found: Finder, chance: random.Random, left_out: frozenset[int], before: Asking | None = None
    ) -> None:
        self.answers: dict[int, int] = {}  #: by number: the place of the true one among the choices
        self.kinds: dict[int, str] = {}
        self.asked: dict[int, Asked] = {}
        self.unsound: set[int] = set()
        self._chance = chance
        self._left_out = left_out
        self._first = SHOWN if before else 0
        self._made: dict[str, tuple[list[ast.expr], int] | None] = before._made if before else {}
        self._cells: set[tuple[int, Any]] = set()
        questions = found.questions
        names = {id(each): each.slot.node for each in questions if each.slot and isinstance(each.slot.node, ast.Name)}
        valued = [names[id(each)] for each in questions if each.kind == VALUE and id(each) in names]
        slots = Counter(found.owners[id(name)] for name in valued)
        self._private = {
            id(name)
            for name in names.values()
            if slots[found.owners[id(name)]] == found.loads(name) and found.hidden(name)
        }
        values = {ast.dump(node) for each in questions for node in _values(each)}
        self._size = max(LEAST_CHOICES, math.ceil(ALL_CHOICES ** (1 / max(1, len(values)))))
        written: Counter[tuple[int, str]] = Counter()
        for each in questions:
            full = len(self.kinds) >= MAX_QUESTIONS and not each.rows
            if not full and self._write(each) and id(each) in names:
                written[found.owners[id(names[id(each)])]] += 1
        for each in questions:  # nothing else reads what these names were given
            name = names.get(id(each))
            if not each.literal or name is None or id(name) not in self._private:
                continue
            if written[found.owners[id(name)]] == found.loads(name):
                each.literal.put(ast.copy_location(ast.Constant(None), each.literal.node))

    def _number(self, answer: int, question: Question, choices: list[ast.expr] | None = None) -> int | None:
        """The number of a new question; None where it is one of those left out."""
        number = self._first + len(self.kinds)
        self.kinds[number] = question.kind
        line = getattr(question.condition.node, "lineno", 0)
        self.asked[number] = Asked(question.chunk, line, choices or [])
        if number in self._left_out:
            return None
        self.answers[number] = answer
        if not question.sound:
            self.unsound.add(number)
        return number

    def _write(self, question: Question) -> bool:
        """Whether the question stands in the tests now."""
        if question.slot is None:
            handler = isinstance(question.condition.holder, ast.ExceptHandler)
            return self._write_handler(question) if handler else self._write_truth(question)
        if question.rows and id(question.slot.node) in self._private:
            return self._write_rows(question)
        if question.rows or (question.literal and not self._stays(question)):  # it is read elsewhere too
            question = replace(question, kind=COMPUTED, rows=(), literal=None, alter=_beside_none)
        return self._write_value(question) if question.kind == VALUE else self._write_altered(question)

    def _stays(self, question: Question) -> bool:
        """Whether what a name stands for is what it was given: nobody else has it, or it cannot change."""
        assert question.slot is not None
        assert question.literal is not None
        try:
            hash(literals.value(question.literal.node))
        except TypeError:
            return id(question.slot.node) in self._private
        return True

    def _write_value(self, question: Question) -> bool:
        assert question.slot is not None
        choices = self._choices(question, question.literal.node if question.literal else question.slot.node)
        if choices is None:
            return False
        number = self._number(choices[1], question, choices[0])
        return number is not None and self._ask(question, _numbered(number, choices[0]))

    def _write_rows(self, question: Question) -> bool:
        """Some rows of a table are offered choices."""
        assert question.slot is not None
        for cell in question.rows:
            name = (id(cell.holder), cell.key)
            full = name in self._cells or len(self.kinds) >= MAX_QUESTIONS
            choices = None if full else self._choices(question, cell.node)
            number = self._number(choices[1], question, choices[0]) if choices else None
            if choices and number is not None:
                cell.put(_numbered(number, choices[0]))
                self._cells.add(name)
        return self._ask(question, ast.Name(question.slot.node.id, ast.Load()))  # another may have put choices there

    def _write_truth(self, question: Question) -> bool:
        """A bare truth, `not`, `assertTrue`, `assertFalse`: is it true? What the test hopes for is left out."""
        node, expected = question.condition.node, True
        if isinstance(node, ast.Call) and called(node.func) in _TRUE:
            expected = called(node.func) == "assertTrue"
            node = node.args[0]
        while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node, expected = node.operand, not expected
        both: list[ast.expr] = [ast.Constant(False), ast.Constant(True)]
        number = self._number(int(expected), question, both)
        if number is None:
            return False
        question.condition.put(_call(ASK, ast.Constant(TRUE), ast.Constant(None), _numbered(number, both), node))
        return True

    def _write_altered(self, question: Question) -> bool:
        """What is expected is computed: the choices are it and what it never is."""
        alter, answer = question.alter, self._chance.randrange(2)
        number = self._number(answer, question)
        if number is None or alter is None:
            return False

        def either(value: ast.expr) -> ast.expr:
            return ast.IfExp(ast.Compare(_read(CHOICE), [ast.Eq()], [ast.Constant(answer)]), value, alter(value))

        return self._ask(question, _numbered(number, [ast.Constant(0), ast.Constant(1)]), either)

    def _write_handler(self, question: Question) -> bool:
        """`except ValueError` becomes `except caught(choices(0, ValueError, ChildProcessError))`."""
        choices = [question.condition.node, _read(self._chance.choice(_STRANGE))]
        answer = self._chance.randrange(2)
        number = self._number(answer, question)
        if number is not None:
            question.condition.put(_call(CAUGHT, _numbered(number, choices if answer == 0 else choices[::-1])))
        return number is not None

    def _ask(self, question: Question, choices: ast.expr, either: Alter | None = None) -> bool:
        """Put a call of `ask` in the condition's place; what is computed is an operand too, of which `either` makes
        the one or the other."""
        assert question.slot is not None
        operands: list[ast.expr] = []
        lifted = _lifted(question.condition.node, question.slot.node, operands, either)
        names = [OPERAND.format(number) for number in range(len(operands))]
        check = _lambda(names, lifted)
        node = question.condition.node
        call = isinstance(node, ast.Call) and called(node.func) != "isinstance"
        call = call or (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In))
        mode = ast.Constant(RAISING if question.raising else CALLED if call else COMPARED)
        question.condition.put(_call(ASK, mode, check, choices, *operands))
        return True

    def _choices(self, question: Question, node: ast.expr) -> tuple[list[ast.expr], int] | None:
        """An expected value among others, the same for each that is equal, and its place there."""
        key = f"{ast.dump(node)} {question.coarse} {question.beyond}"
        if key not in self._made:
            self._made[key] = self._made_for(question, node)
        made = self._made[key]
        return None if made is None else (list(made[0]), made[1])

    def _made_for(self, question: Question, node: ast.expr) -> tuple[list[ast.expr], int] | None:
        assert question.slot is not None
        condition = question.condition.node
        if isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.In):
            return _other_members(node, self._chance)
        same_bag = isinstance(condition, ast.Call) and called(condition.func) == "assertCountEqual"
        near = literals.constants([part for part in _operands(condition) if part is not question.slot.node])
        size = self._size if sum(1 for _ in ast.walk(node)) < LARGE else min(self._size, MOST_LARGE)
        coarse = question.coarse and not isinstance(literals.value(node), (str, bytes, bool))
        try:
            found = literals.candidates(node, self._chance, size, near, coarse, question.beyond)
            return _unlike(*found) if same_bag and found else found
        except (literals.NoValue, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
            return None


def _values(question: Question) -> Iterator[ast.expr]:
    """The expected values that can be offered among many."""
    if question.kind == VALUE and question.slot is not None:
        literal = question.literal.node if question.literal else question.slot.node
        for node in [cell.node for cell in question.rows] or [literal]:
            if not isinstance(literals.value(node), bool):
                yield node


def _lifted(node: Any, slot: ast.expr, operands: list[ast.expr], either: Alter | None) -> Any:
    """An expression of `c`, which stands for the slot, and of operands, which are evaluated before, in their order."""
    if node is slot and either is None:
        return _read(CHOICE)
    if node is not slot and any(part is slot for part in ast.walk(node)):
        new = copy.copy(node)
        for name, part in ast.iter_fields(node):
            if name == "func" and isinstance(getattr(part, "value", part), ast.Name) and part is not slot:
                continue  # a function of the tests' own
            if isinstance(part, list):
                setattr(new, name, [_part(each, slot, operands, either) for each in part])
            else:
                setattr(new, name, _part(part, slot, operands, either))
        return new
    if isinstance(node, ast.Constant) and node is not slot:
        return node
    operands.append(node)
    value = _read(OPERAND.format(len(operands) - 1))
    return value if node is not slot or either is None else either(value)


def _part(part: Any, slot: ast.expr, operands: list[ast.expr], either: Alter | None) -> Any:
    if isinstance(part, (ast.Starred, ast.keyword)):
        new = copy.copy(part)
        new.value = _lifted(part.value, slot, operands, either)
        return new
    return _lifted(part, slot, operands, either) if isinstance(part, ast.expr) else part


def _operands(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions that stand in a condition, the innermost calls' arguments in one piece."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            yield part


def _read(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_read(name), list(arguments), [])


def _lambda(names: list[str], body: ast.expr) -> ast.Lambda:
    arguments = ast.arguments([], [ast.arg(name) for name in (CHOICE, *names)], None, [], [], None, [])
    return ast.Lambda(arguments, body)


def _numbered(number: int, choices: list[ast.expr]) -> ast.Call:
    """The choices of a question, all of them in one place of the source: the true one would stand where it stood."""
    for node in (part for choice in choices for part in ast.walk(choice) if isinstance(part, ast.expr)):
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
    return _call(CHOICES, ast.Constant(number), *choices)


def _names(tree: ast.Module) -> Iterator[tuple[ast.Name, tuple[int, str]]]:
    """The names in a text, each with the function that it belongs to (0: none); what is bound otherwise than by a
    name is one too.
    """
    waiting: list[tuple[ast.AST, tuple[tuple[int, set[str], set[str]], ...]]] = [(tree, ())]
    while waiting:
        node, scopes = waiting.pop()
        for name in [node] if isinstance(node, ast.Name) else map(_stored, _bound_by(node)):
            found = next((each for each in reversed(scopes) if name.id in each[1] or name.id in each[2]), None)
            yield name, (found[0] if found and name.id not in found[2] else 0, name.id)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            own = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
            own |= {each for part in node.body for each in _binds(part)}
            said = [part for each in node.body for part in _own(each, ast.Global, ast.Nonlocal)]
            everywhere = {name for part in said if isinstance(part, ast.Global) for name in part.names}
            own -= {name for part in said for name in part.names}  # type: ignore[attr-defined]
            inner = (*scopes, (id(node), own, everywhere))
            waiting += [(part, inner) for part in node.body]
            given = (*node.args.defaults, *filter(None, node.args.kw_defaults))
            waiting += [(part, scopes) for part in (*node.decorator_list, *given)]
        else:
            waiting += [(part, scopes) for part in _parts(node)]


def names_in(tree: ast.Module) -> tuple[set[str], set[str], set[str]]:
    """The names that a text reads, those that it binds, and those that it imports as what `literals` knows."""
    found = [name for name, _ in _names(tree)]
    reads = {name.id for name in found if isinstance(name.ctx, ast.Load)}
    imported = {
        name
        for each in _statements_of(tree)
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
        for name in literals.IMPORTED.get(each.module or "", ())
        if alias.name in (name, "*") and alias.asname in (None, name)
    }
    return reads, {name.id for name in found if not isinstance(name.ctx, ast.Load)}, imported


def leaving(trees: list[ast.Module]) -> frozenset[str]:
    """The functions that may skip a test: pytest's and unittest's, and what calls one of them."""
    defined = [each for tree in trees for each in _statements_of(tree) if isinstance(each, ast.FunctionDef)]
    calls = {each.name: {called(part.func) for body in each.body for part in _calls(body)} for each in defined}
    found = _LEAVING
    while True:
        more = found | {name for name, called in calls.items() if called & found}
        if more == found:
            return found
        found = more


def _stored(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _bound_by(node: ast.AST) -> list[str]:
    """The names that a node binds and spells as text."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [each.asname or each.name.partition(".")[0] for each in node.names]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def _binds(statement: ast.AST) -> Iterator[str]:
    """The names that a statement gives anything, those within functions that it defines left out."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield from _bound_by(node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += _parts(node)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """What a node is made of, but for constants: a table has ten thousands of them."""
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, list):
            yield from (each for each in part if isinstance(each, ast.AST) and type(each) is not ast.Constant)
        elif isinstance(part, ast.AST) and type(part) is not ast.Constant:
            yield part


def _must_raise_within(statement: ast.With) -> bool:
    """Whether it is `pytest.raises` or `assertRaises` of a type, and nobody asks for what was raised."""
    item = statement.items[0]
    call = item.context_expr
    plain = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords and item.optional_vars is None
    return len(statement.items) == 1 and plain and called(call.func) in _RAISING  # type: ignore[attr-defined]


def _as_handler(statement: ast.With) -> ast.Try:
    """The same as a `try`."""
    expected = statement.items[0].context_expr.args[0]  # type: ignore[attr-defined]
    nothing = ast.Expr(_call(CAUGHT))
    handling = ast.Try(statement.body, [ast.ExceptHandler(expected, None, [ast.Pass()])], [nothing], [])
    return ast.fix_missing_locations(ast.copy_location(handling, statement))


def _arguments(node: ast.AST) -> list[ast.arg]:
    return list(node.args.args) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else []


def _unlike(choices: list[ast.expr], answer: int) -> tuple[list[ast.expr], int] | None:
    """Those choices that hold other elements than the true one and than each other."""
    bags: dict[str, ast.expr] = {}
    for each in (choices[answer], *choices):
        found = literals.value(each)
        bags.setdefault(repr(sorted(map(repr, found))) if isinstance(found, (list, tuple)) else repr(found), each)
    kept = [each for each in choices if any(each is other for other in bags.values())]
    place = next(at for at, each in enumerate(kept) if each is choices[answer])
    return (kept, place) if len(kept) > 1 else None


def _tolerance(call: ast.Call) -> float:
    """How far apart two numbers may be that a call takes for equal, absolute or relative; infinite: who knows."""
    name = called(call.func)
    said = {key.arg: key.value for key in call.keywords}
    if name in ("allclose", "assert_allclose", "isclose"):
        said.update(zip(("rtol", "atol"), call.args[2:], strict=False))
    elif "almost" in name.lower():
        said.update(zip(("places",), call.args[2:], strict=False))
    found = 0.0
    for key, node in said.items():
        number = _number(node)
        if key in ("rel_tol", "rtol", "abs_tol", "atol", "delta", "significant"):
            far = math.inf if number is None else 10.0 ** (1 - number) if key == "significant" else number
        elif key in ("places", "decimal"):
            far = 1e-7 if getattr(node, "value", 0) is None else math.inf if number is None else 10.0**-number
        else:
            far = math.inf if key is None else 0.0
        found = max(found, far)
    return found


def _tests_of(tree: ast.Module, leaving: frozenset[str]) -> Iterator[ast.FunctionDef]:
    """The test functions and methods of a file that surely run; what is bound twice or deleted is left out.

    `leaving`: functions that may skip a test, among them fixtures.
    """
    bound = Counter(name for part in tree.body for name in _binds(part))
    always = {each.name for each in _statements_of(tree) if isinstance(each, ast.FunctionDef) and _is_automatic(each)}
    if always & leaving:
        return
    for part in tree.body:
        if not isinstance(part, (ast.FunctionDef, ast.ClassDef)) or bound[part.name] > 1:
            continue
        if isinstance(part, ast.FunctionDef) and part.name.startswith("test") and _surely_runs(part, leaving):
            yield part
        elif isinstance(part, ast.ClassDef) and not part.decorator_list and _is_collected(part):
            methods = Counter(name for each in part.body for name in _binds(each))
            for method in part.body:
                if isinstance(method, ast.FunctionDef) and methods[method.name] == 1 and _surely_runs(method, leaving):
                    yield method


def _is_automatic(function: ast.FunctionDef) -> bool:
    """Whether it runs before tests that do not name it."""
    named = function.name.lower().startswith(("setup", "set_up"))
    said = [key.arg for each in function.decorator_list for key in getattr(each, "keywords", [])]
    return named or "autouse" in said or "name" in said


def _is_collected(part: ast.ClassDef) -> bool:
    own = {name for each in part.body for name in _binds(each)}
    named = part.name.startswith("Test") or "TestCase" in map(called, part.bases)
    return named and not own & {"__init__", "__new__", "__test__", "pytestmark"}


def _surely_runs(test: ast.FunctionDef, leaving: frozenset[str]) -> bool:
    asked = {each.arg for each in _arguments(test)}
    return test.name.startswith("test") and not _yields(test) and not asked & leaving


def _own(statement: ast.AST, *kinds: type[ast.stmt]) -> Iterator[ast.AST]:
    """The statements of some kinds that stand in this one and run with it, not those of a function or class defined
    in it; a loop keeps its own `break` and `continue`, and what it raises fails.
    """
    if isinstance(statement, kinds):
        yield statement
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    if isinstance(statement, (ast.For, ast.AsyncFor, ast.While)):
        kinds = tuple(kind for kind in kinds if kind not in (ast.Break, ast.Continue, ast.Raise))
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _own(child, *kinds)


def _statements_of(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a tree."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield child
            yield from _statements_of(child)


def _has_names(node: ast.expr) -> bool:
    """Whether an expression may hold a name: one that Python itself reads as a literal holds none."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return True
    return False


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a statement, but for those in functions that it defines."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += _parts(node)


def _yields(function: ast.AST) -> bool:
    """Whether a call of the function does not run it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += _parts(node)
    return False


def _as_truth(call: ast.Call) -> ast.expr:
    """`self.assertTrue` for another of its methods."""
    if isinstance(call.func, ast.Attribute):
        return ast.Attribute(call.func.value, "assertTrue", ast.Load())
    return _read("assertTrue")


def _equates(node: ast.AST, pair: set[str]) -> bool:
    """Whether it is `a == b` or `a != b`."""
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        and pair == {getattr(each, "id", "") for each in (node.left, *node.comparators)}
    )


def _only_compares(function: ast.FunctionDef, pair: set[str]) -> bool:
    """Whether a function does nothing but assert, or say, that two arguments are equal."""
    last = function.body[-1]
    begins = [each for each in function.body[:-1] if not isinstance(getattr(each, "value", None), ast.Constant)]
    found = last.test if isinstance(last, ast.Assert) else last.value if isinstance(last, ast.Return) else None
    return not begins and found is not None and _equates(found, pair) and isinstance(found.ops[0], ast.Eq)  # type: ignore[attr-defined]


def _lets_through(item: ast.withitem) -> bool:
    """Whether an exception surely leaves a `with` statement."""
    call = item.context_expr
    return called(getattr(call, "func", call)) in _TRANSPARENT


def called(function: ast.expr) -> str:
    """The last part of a function's name."""
    return function.attr if isinstance(function, ast.Attribute) else str(getattr(function, "id", ""))


def _must_raise(statement: ast.Try, following: list[ast.stmt]) -> bool:
    """Whether the tests fail where the body of a `try` raises nothing."""
    if len(statement.handlers) != 1 or statement.handlers[0].type is None:
        return False
    if any(True for part in statement.body for _ in _own(part, ast.Return, ast.Break, ast.Continue)):
        return False
    leaves = [*statement.orelse[:1], *statement.body[-1:]]
    if any(isinstance(part, (ast.Return, ast.Raise)) for part in statement.handlers[0].body):
        leaves += following[:1]
    return any(_fails(each) for each in leaves)


def _fails(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and not statement.test.value
    return isinstance(statement, ast.Raise)


def _difference(node: ast.expr) -> ast.BinOp | None:
    """The difference whose absolute value an expression is."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        name = called(node.func)
        if name in ("abs", "fabs") and isinstance(node.args[0].op, ast.Sub):
            return node.args[0]
    return None


def _number(node: ast.expr) -> float | None:
    try:
        found = literals.value(node)
    except literals.NoValue:
        return None
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _plus(node: ast.expr, number: float) -> ast.expr:
    return ast.BinOp(node, ast.Add(), ast.Constant(number))


def _beside_none(node: ast.expr) -> ast.expr:
    """A value that holds this one and equals neither it nor, element by element, an array of it."""
    return ast.List([node, ast.Constant(None)], ast.Load())


def _no_bound(_: ast.expr) -> ast.expr:
    """What nothing is above or below."""
    return ast.Constant(math.nan)


def _other_members(held: ast.expr, chance: random.Random) -> tuple[list[ast.expr], int] | None:
    """Sets of which one alone has the value in it."""
    was = literals.value(held)
    other = copy.copy(held)
    other.elts = []  # type: ignore[attr-defined]
    for each in held.elts:  # type: ignore[attr-defined]
        found = literals.candidates(each, chance, 2 * LEAST_CHOICES, [])
        others = [choice for choice in found[0] if literals.value(choice) not in was] if found else []
        other.elts += others[:1]  # type: ignore[attr-defined]
    if not other.elts:  # type: ignore[attr-defined]
        return None
    return ([held, other], 0) if chance.random() < 0.5 else ([other, held], 1)
