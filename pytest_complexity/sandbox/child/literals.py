"""What an expected value in the tests' text is, and others that could stand in its place.

Expressions are the task's own. Those that a few pure functions make of literals are evaluated, nothing else is.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import decimal
import fractions
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: functions of literals whose value can be told beforehand
_PURE: dict[str, Any] = {
    **{kind.__name__: kind for kind in (set, frozenset, list, tuple, dict, int, float, str, bytes, bool, complex)},
    **{"sorted": sorted, "abs": abs, "round": round, "len": len, "sum": sum, "min": min, "max": max},
    **{"Counter": collections.Counter, "deque": collections.deque},  # an OrderedDict equals a dict of any order
    **{"Decimal": decimal.Decimal, "Fraction": fractions.Fraction, "inf": math.inf, "pi": math.pi, "nan": math.nan},
}
_BUILT = frozenset(("set", "frozenset", "list", "tuple", "dict", "Counter", "deque", "Decimal", "Fraction"))
#: those of them that a text has to import, by module; the others are builtins
IMPORTED = {
    "collections": ("Counter", "deque"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "math": ("inf", "pi", "nan"),
}
BUILTIN = frozenset(_PURE) - frozenset(itertools.chain(*IMPORTED.values()))
_NODES = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
_LETTERS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
LEAST = 8  #: others of an element
Edit = dict[Any, Any]  #: by place, what is to stand there; or which place is `lost`, or what is there `more`


class NoValue(Exception):
    """The expression's value cannot be told without the program."""


def value(node: ast.expr) -> Any:
    """What the expression is worth. Raises NoValue."""
    if isinstance(node, ast.Constant):
        return node.value
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    for part in ast.walk(node):
        named = isinstance(part, ast.Name) and part.id in _PURE
        made = isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.keywords
        plain = isinstance(part, (*_NODES, ast.Load)) and not isinstance(part, (ast.Pow, ast.LShift, ast.Mult))
        if not (named or made or plain):
            raise NoValue
    try:
        return eval(compile(ast.Expression(node), "<literal>", "eval"), {"__builtins__": {}, **_PURE})
    except Exception as error:
        raise NoValue from error


def differs(one: Any, other: Any) -> bool:
    """Whether nothing can equal both."""
    try:
        return bool(one != other) and not bool(one == other)
    except Exception:
        return False


def expression(found: Any) -> ast.expr:
    """A literal of a plain value. Raises NoValue where it has none."""
    if type(found) in (list, tuple, set) and found:
        elements = [expression(each) for each in found]
        if type(found) is set:
            return ast.Set(elements)
        return (ast.List if type(found) is list else ast.Tuple)(elements, ast.Load())
    if type(found) is dict:
        return ast.Dict([expression(each) for each in found], [expression(each) for each in found.values()])
    if type(found) is float and not math.isfinite(found):
        return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(repr(found))], [])
    if found is None or type(found) in (int, float, complex, str, bytes, bool):
        return ast.Constant(found)
    if type(found) in (list, tuple, set, frozenset):
        return ast.parse(repr(found), mode="eval").body
    raise NoValue


def candidates(
    node: ast.expr,
    chance: random.Random,
    size: int,
    near: list[Any],
    coarse: bool = False,
    beyond: float = 0.0,
    inputs: Sequence[Any] = (),
) -> tuple[list[ast.expr], int] | None:
    """At most `size` literals of different values, among them this one's, and its place; None: there is no other.

    Its place and its distance from the others tell nothing. `near` holds constants that stand beside it: what is taken
    from these is changed into another of them. `coarse`: comparison is approximate, so numbers differ in their leading
    digits, and by more than `beyond`. `inputs`: what a function was called with; a part of it is offered among others.
    Raises NoValue.
    """
    built = isinstance(node, ast.Call) and _named(node) in _BUILT and len(node.args) == 1
    inner: Any = node.args[0] if built and isinstance(node, ast.Call) else node
    was = value(inner)

    def whole(found: Any) -> Any:
        return _PURE[_named(node)](found) if built else found

    offered, values = [was], [whole(was)]
    for other in _Others(chance, near, coarse, beyond, inputs).offered(was, size):
        if len(offered) < size and (not built or type(other) is type(was)):
            with contextlib.suppress(ArithmeticError, ValueError, TypeError):  # such as a text that is no number
                last = whole(other)
                if all(differs(last, each) for each in values):
                    offered.append(other)
                    values.append(last)
    if len(offered) == 1:
        return None
    if isinstance(was, bool):
        offered.sort()
    else:
        chance.shuffle(offered)
    found = [expression(each) for each in offered]
    if built and isinstance(node, ast.Call):
        found = [ast.Call(node.func, [each], []) for each in found]
    return found, next(at for at, each in enumerate(offered) if each is was)


def _named(node: ast.expr) -> str:
    return getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""


@dataclass(frozen=True)
class _Others:
    """Makes values that could as well be expected."""

    chance: random.Random
    near: list[Any]
    coarse: bool
    beyond: float
    inputs: Sequence[Any]

    def offered(self, was: Any, size: int) -> list[Any]:
        """`size` others and more, in no order; in each question are some that are rarely true, or they would be known
        by that: nothing, none."""
        chance = self.chance
        if isinstance(was, bool):
            return [not was]
        if was is None:
            seed = chance.choice([each for each in self.near if each is not None] or [0, 1, "a", [1]])
            return [seed, *self.offered(seed, size - 1)]
        if self.coarse:  # nothing may be near, and an array without elements compares with anything
            return self.among(was, size) if was or isinstance(was, (int, float)) else []
        rare: list[Any] = [None]
        with contextlib.suppress(TypeError):
            rare.append(type(was)())
        if isinstance(was, int):
            rare += [-1] if chance.random() < 0.5 else []
        made = self.among(was, size)
        chance.shuffle(made)
        found = [*rare, *self._parts(was, 2 * size), *made]
        if isinstance(was, (list, tuple)) and not _repeats(was):
            found.sort(key=_repeats)  # those that repeat nothing first, as it does
        return found

    def _parts(self, was: Any, size: int) -> list[Any]:
        """Others that stand to an input as it does: slices of it, some of its elements in their order or in another."""
        if not isinstance(was, (str, list, tuple)) or not was:
            return []
        for each in self.inputs:
            if isinstance(each, (str, list, tuple)) and isinstance(each, str) == isinstance(was, str) and len(each) > 1:
                found = self._parts_of(list(each), list(was), size)
                if found:
                    whole = [("".join(one) if isinstance(was, str) else type(was)(one)) for one in found if one]
                    return [self._in_order(one, was) for one in whole]
        return []

    def _parts_of(self, source: list[Any], was: list[Any], size: int) -> list[list[Any]]:
        chance, length = self.chance, len(was)
        starts = range(len(source) - length + 1)
        lengths = [length, length, max(1, length - 1), min(len(source), length + 1)]
        if length < len(source) and any(source[at : at + length] == was for at in starts):
            ends = [(at, at + more) for more in set(lengths) for at in range(len(source) - more + 1)]
            return [source[at:end] for at, end in chance.sample(ends, min(size, len(ends)))]
        rest = iter(source)
        if length < len(source) and all(any(each == one for one in rest) for each in was):
            drawn = [sorted(chance.sample(range(len(source)), chance.choice(lengths))) for _ in range(size)]
            return [[source[at] for at in each] for each in drawn]
        left = list(source)
        for each in was:
            if each not in left:
                return []
            left.remove(each)
        return [chance.sample(source, chance.choice(lengths) if left else length) for _ in range(size)]

    def among(self, was: Any, size: int) -> list[Any]:
        """Others of the same kind, about `size` of them."""
        if isinstance(was, (int, float, complex)) and not isinstance(was, bool):
            return self._numbers(was, size)
        if isinstance(was, (str, list, tuple)):
            return self._sequences(was, size)
        if isinstance(was, (set, frozenset)):
            ordered = sorted(was, key=repr)
            return [type(was)(each) for each in self._sequences(ordered, size)]
        if isinstance(was, dict):
            return self._dicts(was, size)
        if isinstance(was, bytes):
            return [each.encode("latin-1", "replace") for each in self._sequences(was.decode("latin-1"), size)]
        if was is None or isinstance(was, bool):
            return self.offered(was, size)
        raise NoValue

    def _numbers(self, was: Any, size: int) -> list[Any]:
        """Numbers around it in random steps, as many below as chance will have it; those beside it in the text, if it
        is one of them."""
        if isinstance(was, complex):
            return [was + step for step in range(1, size)]
        if isinstance(was, float) and not math.isfinite(was):
            return [-was, 0.0, 1.0]
        beside = [each for each in self.near if type(each) is type(was) and each != was]
        self.chance.shuffle(beside)
        found: list[Any] = []
        below = self.chance.randrange(size)
        for sign in (-1, 1):
            last = was
            while len(found) < (below if sign < 0 else size - 1):
                last = self._stepped(last, was, sign)
                if (last < -2) != (was < -2) and (abs(was) <= 3 or (last < 0) != (was < 0)):
                    break
                if isinstance(last, float) and not math.isfinite(last):
                    break
                found.append(last)
        return found if self.coarse else [*beside[: size // 3], *found]

    def _stepped(self, last: Any, was: Any, sign: int) -> Any:
        """The next number: round ones lie among round ones, and those of some digits among such."""
        text = repr(was)
        if isinstance(was, int):
            unit = 10 ** (len(text) - len(text.rstrip("0"))) if was else 1
            wide = max(1, math.ceil(2 * self.beyond) + abs(was) * self.chance.choice((3, 5, 8, 10)) // 10)
            return last + sign * (wide if self.coarse else unit * self.chance.choice((1, 1, 1, 2, 2, 3, 4, 5)))
        places = len(text.partition(".")[2])
        scale = max(abs(was), 1)
        if self.coarse:
            return round(
                last + sign * (2 * self.beyond + scale * self.chance.choice((0.3, 0.5, 0.8, 1))), min(places, 12)
            )
        if "e" in text or places > 6:
            return last + sign * scale * self.chance.uniform(0.01, 0.5)
        if text.endswith(".0"):
            return last + sign * self.chance.choice((1.0, 1.0, 2.0, 3.0, 5.0))
        step = self.chance.choice((1, 2, 3, 5, 7, 11, 23, 51, 104))
        found = round(last + sign * step * 10.0**-places, places)
        return found if len(repr(found).partition(".")[2]) == places else round(found + sign * 10.0**-places, places)

    def _sequences(self, was: Any, size: int) -> list[Any]:
        """All combinations of some small changes at different places, of its length too: so none is in the middle of
        the others, and each has one that is longer or shorter."""
        if not was:
            return self._like_empty(was, size)
        edits = self._edits(was, max(1, math.ceil(math.log2(size))), size)
        if math.prod(map(len, edits)) <= 2 * size:
            grid = list(itertools.product(*edits))
            self.chance.shuffle(grid)
        else:
            grid = [tuple(map(self.chance.choice, edits)) for _ in range(2 * size)]
        return [self._in_order(self._edited(was, each), was) for each in grid]

    def _like_empty(self, was: Any, size: int) -> list[Any]:
        """What is offered beside something that is not empty."""
        beside = [each for each in self.near if isinstance(each, str) == isinstance(was, str) and each != was]
        some = self.chance.choices(beside or ["a", "b"], k=2)
        like = "".join(some)[:8] if isinstance(was, str) else type(was)(some)
        return [like, *self._sequences(like, size)] if like else []

    def _edits(self, was: Any, count: int, size: int) -> list[list[Edit]]:
        """At some places: what may stand there, what does included."""
        places = list(range(len(was)))
        self.chance.shuffle(places)
        edits: list[list[Edit]] = []
        if not (self.coarse and not isinstance(was, str)) and (len(was) < count or self.chance.random() < 0.5):
            at = places[-1]
            others = self._letters(was, at) if isinstance(was, str) else self._elements(was, at)
            more = [each for each in others if all(differs(each, one) for one in was)][:1]
            lost = len(was) > 1 and self.chance.random() < 0.5
            edits.append([{}, {"lost": at} if lost else {"more": (at, more[0] if more else was[at])}])
        wide = math.ceil(size ** (1 / max(1, min(len(was), count))))
        while places and len(edits) < count:
            at = places.pop()
            other = next((each for each in places if differs(was[each], was[at])), None)
            if other is not None and self.chance.random() < 0.5:
                places.remove(other)
                edits.append([{}, {at: was[other], other: was[at]}])
            else:
                each = self._letters(was, at) if isinstance(was, str) else self._elements(was, at)
                edits.append([{}, *({at: one} for one in each[: wide - 1 or 1])])
        return edits

    def _edited(self, was: Any, changes: tuple[Edit, ...]) -> Any:
        new = list(was)
        said = {at: one for each in changes for at, one in each.items()}
        for at, one in said.items():
            if isinstance(at, int):
                new[at] = one
        if "lost" in said:
            del new[said["lost"]]
        if "more" in said:
            new.insert(*said["more"])
        return "".join(new) if isinstance(was, str) else type(was)(new)

    def _letters(self, was: str, at: int) -> list[str]:
        """Letters that could stand there, mostly some that the text, or one beside it, holds."""
        text = was + "".join(each for each in self.near if isinstance(each, str))
        kind = next((kind for kind in _LETTERS if was[at] in kind), "")
        own = sorted({sign for sign in text if (sign in kind if kind else not sign.isalnum())} - {was[at]})
        if len(own) < 2 or self.chance.random() < 0.1:
            own = [sign for sign in kind or text if sign != was[at]] or ["a"]
        self.chance.shuffle(own)
        return own

    def _elements(self, was: Any, at: int) -> list[Any]:
        """Elements that could stand there: the like of it beside it, or a change of it."""
        here = was[at]
        like = [each for each in (*self.near, *was) if type(each) is type(here) and differs(each, here)]
        self.chance.shuffle(like)
        made = self.among(here, LEAST)
        self.chance.shuffle(made)
        made = [each for each in made if differs(each, here)]
        taken = any(not differs(each, here) for each in self.near if type(each) is type(here))
        return [*like, *made] if like and self.chance.random() < (0.9 if taken else 0.2) else [*made, *like]

    def _in_order(self, found: Any, was: Any) -> Any:
        """It, sorted if what it was made of is."""
        if isinstance(was, str) or len(was) < 2:
            return found
        with contextlib.suppress(TypeError):
            for backwards in (False, True):
                if list(was) == sorted(was, reverse=backwards):
                    return type(was)(sorted(found, reverse=backwards))
        return found

    def _dicts(self, was: dict[Any, Any], size: int) -> list[Any]:
        """With other values, each of them also without one of the keys."""
        if not was:
            beside = [each for each in self.near if isinstance(each, (int, str))] or ["a", 1]
            like = {self.chance.choice(beside): self.chance.choice(beside)}
            return [like, *self._dicts(like, size)]
        keys = list(was)
        made = [list(was.values()), *self._sequences(list(was.values()), size)]
        whole = [dict(zip(keys, each, strict=True)) for each in made if len(each) == len(keys)]
        lost = self.chance.choice(keys)
        less = [{key: each for key, each in one.items() if key != lost} for one in whole] if len(was) > 1 else []
        return [*whole[1:], *less]


def _repeats(found: Any) -> bool:
    """Whether a sequence holds something twice."""
    return isinstance(found, (list, tuple)) and len(set(map(repr, found))) < len(found)


def constants(nodes: list[ast.expr], most: int = 50) -> list[Any]:
    """The values of the constants in some expressions."""
    found = (part.value for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant))
    return list(itertools.islice(found, most))
