"""Writes questions into the tests that they were found in."""

from __future__ import annotations

import ast
import contextlib
import copy
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import literals, syntax
from .frames import ASK, CALLED, CAUGHT, CHOICES, COMPARED, MEMBER, RAISING, TRUE
from .questions import COMPUTED, TRUE_METHODS, VALUE, Alter, Finder, Question, beside_none

LEAST_CHOICES, ALL_CHOICES, MOST_LARGE = 24, 128, 8  #: of a value; of all values of a task together; of a long value
LARGE = 1000  #: nodes of a long value's expression
MAX_QUESTIONS = 60
SHOWN = 1000  #: where the numbers of the visible tests' own questions begin
CHOICE, OPERAND = "__cx_choice__", "__cx_{}__"  #: a check's own names, which the tests do not use
_EQUAL, _ONE_OF, _IN_ANY_ORDER = "equal", "one of", "in any order"  #: what a literal may be expected for
_Key = tuple[str, bool, float, str]  #: a literal, whether numbers are compared coarsely, how far apart, and for what
_STRANGE = ("ChildProcessError", "UnicodeWarning", "BytesWarning")  #: exceptions that no program means


@dataclass(frozen=True)
class Asked:
    """Which text asks a question, in which and where it stands, and the values that it offers where they are known."""

    chunk: int
    text: int
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
        self._made: dict[_Key, tuple[list[ast.expr], int] | None] = before._made if before else {}
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
        # equal values are offered among others that are far enough for all of their assertions
        self._strictest: dict[str, tuple[bool, float]] = dict(before._strictest) if before else {}
        for each in questions:
            for node in _values(each):
                coarse, beyond = self._strictest.get(key := ast.dump(node), (False, 0.0))
                self._strictest[key] = coarse or each.coarse, max(beyond, each.beyond)
        many = sum(not isinstance(literals.value(node), bool) for each in questions for node in _values(each)[:1])
        self._size = max(LEAST_CHOICES, math.ceil(ALL_CHOICES ** (1 / max(1, many))))
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
        self.asked[number] = Asked(question.chunk, question.text or 0, line, choices or [])
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
            question = replace(question, kind=COMPUTED, rows=(), literal=None, alter=beside_none)
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
            return self._write_altered(replace(question, kind=COMPUTED, literal=None, alter=beside_none))
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
        if isinstance(node, ast.Call) and syntax.called(node.func) in TRUE_METHODS:
            expected = syntax.called(node.func) == "assertTrue"
            node = node.args[0]
        while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node, expected = node.operand, not expected
        both: list[ast.expr] = [ast.Constant(False), ast.Constant(True)]
        number = self._number(int(expected), question, both)
        if number is None:
            return False
        member = isinstance(node, ast.Compare) and [type(op) for op in node.ops] == [ast.In]
        operands = [node.left, *node.comparators] if member else [node]
        mode = ast.Constant(MEMBER if member else TRUE)
        question.condition.put(syntax.call(ASK, mode, ast.Constant(None), _numbered(number, both), *operands))
        return True

    def _write_altered(self, question: Question) -> bool:
        """What is expected is computed: the choices are it and what it never is."""
        alter, answer = question.alter, self._chance.randrange(2)
        number = self._number(answer, question)
        if number is None or alter is None:
            return False

        def either(value: ast.expr) -> ast.expr:
            return ast.IfExp(ast.Compare(syntax.read(CHOICE), [ast.Eq()], [ast.Constant(answer)]), value, alter(value))

        return self._ask(question, _numbered(number, [ast.Constant(0), ast.Constant(1)]), either)

    def _write_handler(self, question: Question) -> bool:
        """`except ValueError` becomes `except caught(choices(0, ValueError, ChildProcessError))`."""
        choices = [question.condition.node, syntax.read(self._chance.choice(_STRANGE))]
        answer = self._chance.randrange(2)
        number = self._number(answer, question)
        if number is not None:
            question.condition.put(syntax.call(CAUGHT, _numbered(number, choices if answer == 0 else choices[::-1])))
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
        call = isinstance(node, ast.Call) and syntax.called(node.func) != "isinstance"
        mode = ast.Constant(RAISING if question.raising else CALLED if call else COMPARED)
        question.condition.put(syntax.call(ASK, mode, check, choices, *operands))
        return True

    def _choices(self, question: Question, node: ast.expr) -> tuple[list[ast.expr], int] | None:
        """An expected value among others, the same for each that is equal and meant alike, and its place there."""
        dumped = ast.dump(node)
        key = (dumped, *self._strictest[dumped], _meaning(question.condition.node))
        if key not in self._made:
            self._made[key] = self._made_for(question, node, *key[1:])
        made = self._made[key]
        return None if made is None else (list(made[0]), made[1])

    def _made_for(
        self, question: Question, node: ast.expr, coarse: bool, beyond: float, meaning: str
    ) -> tuple[list[ast.expr], int] | None:
        assert question.slot is not None
        condition = question.condition.node
        if meaning == _ONE_OF:
            return _other_members(node, self._chance)
        beside = [part for part in _operands(condition) if part is not question.slot.node]
        near = literals.constants(beside)
        size = self._size if sum(1 for _ in ast.walk(node)) < LARGE else min(self._size, MOST_LARGE)
        coarse = coarse and not isinstance(literals.value(node), (str, bytes, bool))
        try:
            inputs = [] if coarse else _inputs(beside)
            found = literals.candidates(node, self._chance, size, near, coarse, beyond, inputs)
            return _unlike(*found) if meaning == _IN_ANY_ORDER and found else found
        except (literals.NoValue, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
            return None


def _meaning(condition: ast.expr) -> str:
    """What the literal in a condition is expected for: a value that is right for one may be wrong for another."""
    if isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.In):
        return _ONE_OF
    counted = isinstance(condition, ast.Call) and syntax.called(condition.func) == "assertCountEqual"
    return _IN_ANY_ORDER if counted else _EQUAL


def _values(question: Question) -> list[ast.expr]:
    """The expected values that can be offered among many."""
    if question.kind != VALUE or question.slot is None:
        return []
    literal = question.literal.node if question.literal else question.slot.node
    return [cell.node for cell in question.rows] or [literal]


def _inputs(operands: list[ast.expr]) -> list[Any]:
    """The literals that calls are given."""
    found = []
    calls = (node for each in operands for node in ast.walk(each) if isinstance(node, ast.Call))
    for each in (part for call in calls for part in call.args):
        with contextlib.suppress(literals.NoValue):
            found.append(literals.value(each))
    return found


def _lifted(node: Any, slot: ast.expr, operands: list[ast.expr], either: Alter | None) -> Any:
    """An expression of `c`, which stands for the slot, and of operands, which are evaluated before, in their order."""
    if node is slot and either is None:
        return syntax.read(CHOICE)
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
    value = syntax.read(OPERAND.format(len(operands) - 1))
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


def _lambda(names: list[str], body: ast.expr) -> ast.Lambda:
    arguments = ast.arguments([], [ast.arg(name) for name in (CHOICE, *names)], None, [], [], None, [])
    return ast.Lambda(arguments, body)


def _numbered(number: int, choices: list[ast.expr]) -> ast.Call:
    """The choices of a question, all of them in one place of the source: the true one would stand where it stood."""
    for node in (part for choice in choices for part in ast.walk(choice) if isinstance(part, ast.expr)):
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
    return syntax.call(CHOICES, ast.Constant(number), *choices)


def _unlike(choices: list[ast.expr], answer: int) -> tuple[list[ast.expr], int] | None:
    """Those choices that hold other elements than the true one and than each other."""
    bags: dict[str, ast.expr] = {}
    for each in (choices[answer], *choices):
        found = literals.value(each)
        bags.setdefault(repr(sorted(map(repr, found))) if isinstance(found, (list, tuple)) else repr(found), each)
    kept = [each for each in choices if any(each is other for other in bags.values())]
    place = next(at for at, each in enumerate(kept) if each is choices[answer])
    return (kept, place) if len(kept) > 1 else None


def _other_members(held: ast.expr, chance: random.Random) -> tuple[list[ast.expr], int] | None:
    """Sets of which one alone has the value in it."""
    was = literals.value(held)
    other = copy.copy(held)
    other.elts = []  # type: ignore[attr-defined]
    for each in held.elts:  # type: ignore[attr-defined]
        found = literals.candidates(each, chance, LEAST_CHOICES, [])
        values = [(choice, literals.value(choice)) for choice in found[0]] if found else []
        others = [choice for choice, one in values if one not in was and type(one) is type(literals.value(each))]
        other.elts += others[:1]  # type: ignore[attr-defined]
    if not other.elts:  # type: ignore[attr-defined]
        return None
    return ([held, other], 0) if chance.random() < 0.5 else ([other, held], 1)
