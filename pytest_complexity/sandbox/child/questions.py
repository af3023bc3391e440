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
from .frames import ASK, CALLED, CAUGHT, CHOICES, COMPARED, RAISING

#: What a question changes, the strongest first: an expected value, a bare truth's, one that is computed, a bound.
VALUE, TRUTH, COMPUTED, ORDER = "value", "truth", "computed", "order"
WEAK = frozenset((COMPUTED, ORDER))  #: the form of the false choice shows
LEAST_CHOICES, ALL_CHOICES, MOST_LARGE = 16, 128, 8  #: of a value; of all values of a task together; of a long value
LARGE = 1000  #: nodes of a long value's expression
MAX_ROWS = 8  #: of a table that are questions
MAX_QUESTIONS = 60
SHOWN = 1000  #: where the numbers of the visible tests' own questions begin
#: calls that are true where two values are near each other; `_same` is EvalPlus's (suites/plus.py)
_CLOSE = frozenset(("isclose", "allclose", "array_equal", "array_equiv", "approx_equal", "_same"))
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
_TRUE, _HELD = frozenset(("assertTrue", "assertFalse")), frozenset(("assertIsNone", "assertIn", "assertIs"))
_RAISING = frozenset(("raises", "assertRaises"))
_NOT_SURE = frozenset(("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "fixture"))
_STRANGE = ("ChildProcessError", "UnicodeWarning", "ConnectionResetError")  #: exceptions that no program means

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


class Finder:
    """Walks through the statements of set-up and tests in the order in which they run."""

    def __init__(self, trees: list[ast.Module]) -> None:
        self.questions: list[Question] = []
        self.owners: dict[int, tuple[int, str]] = {}  #: by a name's node: the function that it belongs to, and it
        loads: Counter[tuple[int, str]] = Counter()
        for tree in trees:
            for name, owner in _names(tree):
                self.owners[id(name)] = owner
                loads[owner] += isinstance(name.ctx, ast.Load)
        self._loads = loads
        self._functions: dict[str, Any] = {}
        self._entered: set[str] = set()
        self._scope = _Scope()

    def loads(self, name: ast.Name) -> int:
        """How often what a name stands for is read."""
        return self._loads[self.owners[id(name)]]

    def read(self, chunk: int, tree: ast.Module, whole_file: bool = False) -> None:
        """Look for questions in one text; in a whole file also in the tests that pytest runs."""
        before = len(self.questions)
        self._statements(tree.body, self._scope)
        if whole_file:
            for test in _tests_of(tree):
                scope = _Scope(dict(self._scope.bound))
                for decorator in test.decorator_list:
                    self._parametrized(decorator, scope)
                self._statements(test.body, scope)
        self.questions[before:] = [replace(each, chunk=chunk) for each in self.questions[before:]]

    # -- what is surely reached -------------------------------------------------------------------------------

    def _statements(self, body: list[ast.stmt], scope: _Scope) -> None:
        for at, statement in enumerate(body):
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._functions[statement.name] = statement
                continue
            _unbind(statement, scope)
            if isinstance(statement, ast.Assign):
                if len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
                    scope.bound[statement.targets[0].id] = Place(statement, "value")
            elif isinstance(statement, ast.Assert):
                self.questions += self._holds(Place(statement, "test"), scope)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Call, ast.Await)):
                self._call(statement, scope)
            elif isinstance(statement, ast.For):
                inner = _Scope(dict(scope.bound), dict(scope.columns))
                if self._runs_over(statement.target, Place(statement, "iter"), inner):
                    self._statements(statement.body, inner)
            elif isinstance(statement, (ast.With, ast.AsyncWith)) and all(map(_lets_through, statement.items)):
                self._statements(statement.body, scope)
            elif isinstance(statement, ast.With) and _must_raise_within(statement):
                body[at] = handling = _as_handler(statement)
                self.questions.append(Question(COMPUTED, Place(handling.handlers[0], "type")))
            elif isinstance(statement, ast.Try) and _must_raise(statement, body[at + 1 :]):
                self.questions.append(Question(COMPUTED, Place(statement.handlers[0], "type")))
            if any(isinstance(part, (ast.Return, ast.Raise, ast.Break, ast.Continue)) for part in _own(statement)):
                return

    def _call(self, statement: ast.Expr, scope: _Scope) -> None:
        place = Place(statement, "value")
        call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(call, ast.Call):
            return
        name = called(call.func)
        if call is statement.value and call.args and name in _TRUE:
            found = list(self._inner(Place(call.args, 0), scope)) if name == "assertTrue" else []
            self.questions += found or [Question(TRUTH, place)]
        elif call is statement.value and call.args and name in _HELD:
            self.questions.append(Question(COMPUTED, place, Place(call.args, 0), alter=_beside_none, raising=True))
        elif call is statement.value and self._compares(call):
            self.questions += self._pair(place, call, scope, raising=True)
        else:
            for part in (call, *call.args):  # `check(f)`, `asyncio.run(main())`
                if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in self._functions:
                    self._enter(part.func.id)

    def _enter(self, name: str) -> None:
        if name not in self._entered:
            self._entered.add(name)
            function = self._functions[name]
            arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
            bound = {key: node for key, node in self._scope.bound.items() if key not in arguments}
            self._statements(function.body, _Scope(bound))

    def _parametrized(self, decorator: ast.expr, scope: _Scope) -> None:
        """Notes the columns of a table that a test's arguments run over."""
        if not isinstance(decorator, ast.Call) or called(decorator.func) != "parametrize" or len(decorator.args) < 2:
            return
        try:
            said = literals.value(decorator.args[0])
        except literals.NoValue:
            return
        names = [name.strip() for name in said.split(",")] if isinstance(said, str) else list(said)
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
        target = targets[0] if len(names) == 1 else ast.Tuple(targets, ast.Store())
        self._runs_over(target, Place(decorator.args, 1), scope)

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
        if isinstance(iterated, ast.Name) and iterated.id in scope.bound:
            rows = scope.bound[iterated.id].node
        if not isinstance(rows, (ast.List, ast.Tuple)) or not rows.elts:
            return False
        if rows is not iterated and self.loads(iterated) > 1:  # whoever else reads the table must find it as it was
            return True
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
        if name in _ASSERTING or name in _CLOSE:
            return True
        function = self._functions.get(name)
        if function is None or len(function.args.args) < 2:
            return False
        pair = {each.arg for each in function.args.args[:2]}
        last = function.body[-1]
        said = last.test if isinstance(last, ast.Assert) else last.value if isinstance(last, ast.Return) else None
        own = [part for each in function.body[:-1] for part in _own(each)]
        if any(isinstance(part, (ast.Return, ast.Try)) for part in own):  # it may be content with less
            return False
        return (
            isinstance(said, ast.Compare)
            and [type(op) for op in said.ops] == [ast.Eq]
            and pair == {getattr(each, "id", "") for each in (said.left, *said.comparators)}
        )

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
                    yield replace(each, condition=place)
            elif name == "all" and len(node.args) == 1 and isinstance(node.args[0], (ast.GeneratorExp, ast.ListComp)):
                loop = node.args[0]
                inner = _Scope(dict(scope.bound), dict(scope.columns))
                first = loop.generators[0]
                runs = self._runs_over(first.target, Place(first, "iter"), inner)
                if runs and len(loop.generators) == 1 and not first.ifs:
                    yield from self._inner(Place(loop, "elt"), inner)
            elif name == "isinstance" and len(node.args) == 2:
                yield Question(COMPUTED, place, Place(node.args, 1), alter=_rare_type)

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
            if isinstance(held, (ast.List, ast.Tuple, ast.Set)) and held.elts and _known(held):
                yield Question(VALUE, place, slots[1])
            else:
                yield Question(COMPUTED, place, slots[0], alter=_beside_none)

    def _pair(self, place: Place, call: ast.Call, scope: _Scope, raising: bool = False) -> Iterator[Question]:
        yield self._equal(place, [Place(call.args, at) for at in range(2)], scope, coarse=True, raising=raising)

    def _equal(
        self, place: Place, slots: list[Place], scope: _Scope, coarse: bool = False, raising: bool = False
    ) -> Question:
        """Operands that must be equal: what is known of them is the slot, else the last of them."""
        found = [self._expected(place, slot, scope, coarse, raising) for slot in slots]
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
            rows = tuple(cell for cell in some if _known(cell.node))
            return Question(VALUE, place, slot, rows=rows, raising=raising, coarse=coarse) if rows else None
        literal = scope.bound.get(node.id) if isinstance(node, ast.Name) else None
        if not _known(literal.node if literal else node):
            return None
        return Question(VALUE, place, slot, literal, raising=raising, coarse=coarse)

    def _ordering(self, place: Place, node: ast.Compare, scope: _Scope) -> Iterator[Question]:
        below = isinstance(node.ops[0], (ast.Lt, ast.LtE))
        left, right = node.left, node.comparators[0]
        difference = _difference(left) if below else None
        tolerance = _number(right)
        if difference is not None:
            found = self._equal(place, [Place(difference, "left"), Place(difference, "right")], scope, coarse=True)
            if found.kind == VALUE:
                yield replace(found, beyond=2 * tolerance if tolerance is not None else 0.0)
            elif tolerance is not None:
                far = 7 + 10 * tolerance
                yield Question(COMPUTED, place, Place(difference, "right"), alter=lambda node: _plus(node, far))
        elif tolerance is not None:
            bound = -math.inf if below else math.inf
            yield Question(ORDER, place, Place(node.comparators, 0), alter=lambda _: ast.Constant(bound))
        elif _number(left) is not None:
            bound = math.inf if below else -math.inf
            yield Question(ORDER, place, Place(node, "left"), alter=lambda _: ast.Constant(bound))


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
        slots = Counter(found.owners[id(name)] for name in names.values())
        self._private = {id(name) for name in names.values() if slots[found.owners[id(name)]] == found.loads(name)}
        values = {ast.dump(node) for each in questions for node in _values(each)}
        self._size = max(LEAST_CHOICES, math.ceil(ALL_CHOICES ** (1 / max(1, len(values)))))
        written: Counter[tuple[int, str]] = Counter()
        for each in questions:
            if len(self.kinds) < MAX_QUESTIONS and self._write(each) and id(each) in names:
                written[found.owners[id(names[id(each)])]] += 1
        for each in questions:  # nothing else reads what these names were given
            if each.literal and written[found.owners[id(names[id(each)])]] == found.loads(names[id(each)]):
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
        if question.rows or (question.literal and not self._stays(question)):  # what is read elsewhere too
            question = replace(question, kind=COMPUTED, rows=(), literal=None, alter=_beside_none)
        return self._write_value(question) if question.kind == VALUE else self._write_altered(question)

    def _stays(self, question: Question) -> bool:
        """Whether a name surely still stands for what it was given."""
        assert question.slot is not None
        assert question.literal is not None
        fixed = isinstance(literals.value(question.literal.node), (int, float, complex, str, bytes, type(None)))
        return fixed or id(question.slot.node) in self._private

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
        asked = False
        for cell in question.rows:
            name = (id(cell.holder), cell.key)
            choices = None if name in self._cells else self._choices(question, cell.node)
            number = self._number(choices[1], question, choices[0]) if choices else None
            if choices and number is not None:
                cell.put(_numbered(number, choices[0]))
                self._cells.add(name)
            asked = asked or name in self._cells
        return asked and self._ask(question, ast.Name(question.slot.node.id, ast.Load()))

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
        check = _lambda(["v"], ast.Compare(_call("bool", _read("v")), [ast.Is()], [_read("c")]))
        question.condition.put(_call(ASK, ast.Constant(COMPARED), check, _numbered(number, both), node))
        return True

    def _write_altered(self, question: Question) -> bool:
        """What is expected is computed: the choices are it and what it never is."""
        alter, answer = question.alter, self._chance.randrange(2)
        number = self._number(answer, question)
        if number is None or alter is None:
            return False

        def either(value: ast.expr) -> ast.expr:
            return ast.IfExp(ast.Compare(_read("c"), [ast.Eq()], [ast.Constant(answer)]), value, alter(value))

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
        names = [f"v{number}" for number in range(len(operands))]
        check = _lambda(names, lifted)
        node = question.condition.node
        call = isinstance(node, ast.Call) and question.alter is not _rare_type
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
        near = literals.constants([part for part in _operands(condition) if part is not question.slot.node])
        size = self._size if sum(1 for _ in ast.walk(node)) < LARGE else min(self._size, MOST_LARGE)
        coarse = question.coarse and not isinstance(literals.value(node), (str, bytes, bool))
        try:
            return literals.candidates(node, self._chance, size, near, coarse, question.beyond)
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
        return _read("c")
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
    value = _read(f"v{len(operands) - 1}")
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
    arguments = ast.arguments([], [ast.arg(name) for name in ("c", *names)], None, [], [], None, [])
    return ast.Lambda(arguments, body)


def _numbered(number: int, choices: list[ast.expr]) -> ast.Call:
    """The choices of a question, all of them in one place of the source: the true one would stand where it stood."""
    for node in (part for choice in choices for part in ast.walk(choice) if isinstance(part, ast.expr)):
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
    return _call(CHOICES, ast.Constant(number), *choices)


def _known(node: ast.expr) -> bool:
    """Whether an expression is a literal, or what is made of some."""
    try:
        was = literals.value(node)
    except literals.NoValue:
        return False
    return was is not Ellipsis and not callable(was)


def _names(tree: ast.Module) -> Iterator[tuple[ast.Name, tuple[int, str]]]:
    """The names in a text, each with the function that it belongs to (0: none)."""
    waiting: list[tuple[ast.AST, tuple[tuple[int, set[str]], ...]]] = [(tree, ())]
    while waiting:
        node, scopes = waiting.pop()
        if isinstance(node, ast.Name):
            owner = next((number for number, own in reversed(scopes) if node.id in own), 0)
            yield node, (owner, node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            own = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
            own |= {each.id for part in node.body for each in _own_names(part) if not isinstance(each.ctx, ast.Load)}
            inner = (*scopes, (id(node), own))
            waiting += [(part, inner) for part in node.body]
            waiting += [(part, scopes) for part in (*node.decorator_list, *node.args.defaults)]
        else:
            waiting += [(part, scopes) for part in _parts(node)]


def _own_names(statement: ast.AST) -> Iterator[ast.Name]:
    """The names in a statement, those of functions that it defines left out."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            yield node
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


def _unbind(statement: ast.stmt, scope: _Scope) -> None:
    """Forget the names that a statement gives anything."""
    for node in _own_names(statement):
        if not isinstance(node.ctx, ast.Load):
            scope.bound.pop(node.id, None)
            scope.columns.pop(node.id, None)


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


def _tests_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The test functions and methods of a file that surely run; the last of a name holds."""
    last = {part.name: part for part in tree.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    for name, part in last.items():
        if _may_not_run(part):
            continue
        if isinstance(part, ast.FunctionDef) and name.startswith("test"):
            yield part
        elif isinstance(part, ast.ClassDef) and (name.startswith("Test") or "TestCase" in map(called, part.bases)):
            methods = {each.name: each for each in part.body if isinstance(each, ast.FunctionDef)}
            for method in methods.values():
                if method.name.startswith("test") and not _may_not_run(method) and "__init__" not in methods:
                    yield method


def _may_not_run(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(called(getattr(each, "func", each)) in _NOT_SURE for each in node.decorator_list)


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
    return called(getattr(call, "func", call)) in _TRANSPARENT


def called(function: ast.expr) -> str:
    """The last part of a function's name."""
    return function.attr if isinstance(function, ast.Attribute) else str(getattr(function, "id", ""))


def _must_raise(statement: ast.Try, following: list[ast.stmt]) -> bool:
    """Whether the tests fail where the body of a `try` raises nothing."""
    if len(statement.handlers) != 1 or statement.handlers[0].type is None:
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


def _rare_type(_: ast.expr) -> ast.expr:
    return _read("memoryview")


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
