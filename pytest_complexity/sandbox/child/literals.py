"""What an expected value in the tests' text is, and others that could stand in its place.

Expressions are the task's own. Those that a few pure functions make of literals are evaluated, nothing else is.
"""

from __future__ import annotations

import ast
import collections
import copy
import decimal
import fractions
import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

#: functions of literals whose value can be told beforehand
_PURE: dict[str, Any] = {
    **{kind.__name__: kind for kind in (set, frozenset, list, tuple, dict, int, float, str, bytes, bool, complex)},
    **{"sorted": sorted, "abs": abs, "round": round, "len": len, "sum": sum, "min": min, "max": max},
    **{"Counter": collections.Counter, "deque": collections.deque},  # an OrderedDict equals a dict of any order
    **{"Decimal": decimal.Decimal, "Fraction": fractions.Fraction, "inf": math.inf, "pi": math.pi, "nan": math.nan},
}
#: those of them that a text has to import, by module; the others are builtins
IMPORTED = {
    "collections": ("Counter", "deque"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "math": ("inf", "pi", "nan"),
}
BUILTIN = frozenset(_PURE) - frozenset(itertools.chain(*IMPORTED.values()))
_NODES = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
_MAX_TRIES = 12


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
    named = 0
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in _PURE:
            named += 1
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.keywords:
            named += 0
        elif isinstance(part, (ast.Pow, ast.LShift, ast.Mult)) or not isinstance(part, (*_NODES, ast.Load)):
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


def candidates(
    node: ast.expr, chance: random.Random, size: int, near: list[Any], coarse: bool = False, beyond: float = 0.0
) -> list[ast.expr] | None:
    """At most `size` expressions of different values, among them this one, whose place tells nothing; None: it alone.

    They are a chain, each a small change of its neighbour, and this one is any link of it: so neither the middle nor
    the most ordinary of them is more likely than another. `near` holds constants that stand beside it: what is taken
    from these is changed into another of them. `coarse`: comparison is approximate, so numbers differ in their
    leading digits, and by more than `beyond`.
    """
    was = value(node)
    if isinstance(was, bool):
        found = [ast.Constant(False), ast.Constant(True)]
        return [node if each.value is was else each for each in found]
    before = chance.randrange(size)
    number = isinstance(was, int) or (isinstance(was, float) and math.isfinite(was))
    if number and (coarse or (type(was) is int and was not in near)):
        chain = _numbers(node, chance, before, size, coarse, beyond)
    else:
        chain, values = [node], [was]
        for _ in range(before):
            _extend(chain, values, 0, chance, near, coarse)
        for _ in range(size - 1 - before):
            _extend(chain, values, len(chain), chance, near, coarse)
    return chain if len(chain) > 1 else None


def _numbers(
    node: ast.expr, chance: random.Random, before: int, size: int, coarse: bool, beyond: float
) -> list[ast.expr]:
    """Numbers of the same sign in random steps, `before` of them below as far as there are so many."""
    was = value(node)
    places = len(repr(was).partition(".")[2]) if isinstance(was, float) and "e" not in repr(was) else 12
    scale = max(abs(was), 1)

    def step() -> Any:
        if not coarse:
            return chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 10))
        tenths = chance.choice((3, 5, 8, 10))
        if isinstance(was, int):
            return max(1, math.ceil(2 * beyond) + scale * tenths // 10)
        return round(2 * beyond + scale * tenths / 10, places)

    chain = [node]
    for count, sign in ((before, -1), (size - 1 - before, 1)):
        found = was
        for _ in range(count):
            found = type(was)(round(found + sign * step(), places))
            if (was >= 0) != (found >= 0):
                break
            chain.insert(0 if sign < 0 else len(chain), _expression(found))
    if len(chain) == 1:
        chain.append(_expression(was + (1 if was >= 0 else -1) * step()))
    return chain


def _expression(found: Any) -> ast.expr:
    if isinstance(found, float) and not math.isfinite(found):
        raise ValueError("a number without an end is no literal")
    return ast.parse(repr(found), mode="eval").body


def _extend(
    chain: list[ast.expr], values: list[Any], at: int, chance: random.Random, near: list[Any], coarse: bool
) -> None:
    """Put a change of the link at this end before or after it, unlike all others; nothing where none is found."""
    last = 0 if at == 0 else -1
    for _ in range(_MAX_TRIES):
        node = _changed(chain[last], chance, coarse, near)
        if node is None:
            return
        node = _in_order(node, values[last])
        try:
            found = value(node)
        except NoValue:
            continue
        if all(differs(found, each) for each in values):
            chain.insert(at, node)
            values.insert(at, found)
            return


def _in_order(node: ast.expr, was: Any) -> ast.expr:
    """The expression, sorted if what it was made of is."""
    if not isinstance(node, (ast.List, ast.Tuple)) or len(node.elts) < 2:
        return node
    try:
        for backwards in (False, True):
            if list(was) == sorted(was, reverse=backwards):
                node.elts.sort(key=value, reverse=backwards)
                break
    except (TypeError, NoValue):
        pass
    return node


def constants(nodes: list[ast.expr], most: int = 50) -> list[Any]:
    """The values of the constants in some expressions."""
    found = (part.value for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant))
    return list(itertools.islice(found, most))


def _changed(node: ast.expr, chance: random.Random, coarse: bool, near: list[Any]) -> ast.expr | None:
    """The expression with one part changed, the parts of it tried in random order."""
    for path in _shuffled(list(_paths(node)), chance):
        part: Any = node
        for step in path:
            part = part[step] if isinstance(step, int) else getattr(part, step)
        new = _other_part(part, chance, coarse, near)
        if new is not None:
            found: ast.expr = _with(node, path, new)
            return found
    return None


def _with(whole: Any, path: tuple[Any, ...], new: ast.expr) -> Any:
    """A copy that holds another part where `path` leads."""
    if not path:
        return new
    copied = copy.copy(whole)
    if isinstance(path[0], int):
        copied[path[0]] = _with(whole[path[0]], path[1:], new)
    else:
        setattr(copied, path[0], _with(getattr(whole, path[0]), path[1:], new))
    return copied


def _shuffled(items: list[Any], chance: random.Random) -> list[Any]:
    chance.shuffle(items)
    return items


def _paths(node: ast.expr, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in an expression a value could be changed: itself, and what it holds."""
    yield path
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        fields, items = "elts", node.elts
    elif isinstance(node, ast.Dict):
        fields, items = "values", node.values
    elif isinstance(node, ast.Call):
        fields, items = "args", node.args
    elif isinstance(node, ast.BinOp):
        yield (*path, "left")
        return
    else:
        return
    for number, item in enumerate(items[:50]):
        yield from _paths(item, (*path, fields, number))


def _other_part(node: ast.expr, chance: random.Random, coarse: bool, near: list[Any]) -> ast.expr | None:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
        return _other_order(node, chance, near, coarse)
    if isinstance(node, (ast.Call, ast.BinOp)):
        return None
    try:
        was = value(node)
    except NoValue:
        return None
    others = [each for each in near if type(each) is type(was) and each != was]
    if others and not isinstance(was, bool) and chance.random() < (0.8 if was in near else 0.1):
        return _expression(chance.choice(others))
    found = _other_value(was, chance, coarse)
    return None if found is None else _expression(found)


def _other_order(
    node: ast.List | ast.Tuple | ast.Set | ast.Dict, chance: random.Random, near: list[Any], coarse: bool
) -> ast.expr | None:
    """Two elements exchanged, or one of them in the place of the other, or, now and then, one more or one less."""
    new = copy.copy(node)
    if isinstance(new, ast.Dict):
        new.keys, new.values = list(new.keys), list(new.values)
    else:
        new.elts = list(new.elts)
    elements = new.values if isinstance(new, ast.Dict) else new.elts
    if not elements and coarse:  # an array of one element compares with any
        return None
    if not elements:
        more = _expression(chance.choice(near) if near else 0)
        if isinstance(new, ast.Dict):
            new.keys.append(more)
        elements.append(more)
        return ast.Set([more]) if isinstance(new, ast.Set) else new
    if isinstance(new, ast.Dict):
        return None
    if coarse and len(elements) < 2:
        return None
    if not coarse and (len(elements) < 2 or chance.random() < 0.1):
        if len(elements) > 1 and chance.random() < 0.5:
            del elements[chance.randrange(len(elements))]
        else:
            elements.append(chance.choice(elements))
        return new if chance.random() < 0.3 else None
    one, other = chance.sample(range(len(elements)), 2)
    if isinstance(node, ast.Set) or chance.random() < 0.3:
        elements[one] = elements[other]
    else:
        elements[one], elements[other] = elements[other], elements[one]
    return new


def _other_value(was: Any, chance: random.Random, coarse: bool) -> Any:  # noqa: PLR0911 - one for each type
    if isinstance(was, bool):
        return not was
    if isinstance(was, int):
        if coarse:
            return _other_number(was, chance)
        step = chance.choice((1, 1, 2, 3, 4, 5, 10)) * chance.choice((-1, 1))
        return was + step if was == 0 or (was + step) * was > 0 else was + abs(step) * (1 if was > 0 else -1)
    if isinstance(was, float):
        if not math.isfinite(was):
            return None
        if coarse:
            return _other_number(was, chance)
        return _other_digit(was, chance)
    if isinstance(was, complex):
        return was + 1
    if isinstance(was, str):
        return _other_text(was, chance)
    if isinstance(was, bytes):
        return bytes([was[0] ^ 1]) + was[1:] if was else b"a"
    if was is None:
        return chance.choice((0, False))
    return None


def _other_number(was: float, chance: random.Random) -> float:
    """Half as large again, or a half of it, or thereabouts."""
    if was == 0:
        return chance.choice((1, 2, 5)) * type(was)(1)
    return type(was)(round(was * chance.choice((0.5, 1.5, 2)), 6)) if abs(was) > 3 else was + chance.choice((1, 2, 3))


def _other_digit(was: float, chance: random.Random) -> float | None:
    text = repr(was)
    places = [at for at, sign in enumerate(text.partition("e")[0]) if sign.isdigit()][:6]
    at = chance.choice(places)
    return float(text[:at] + chance.choice("123456789".replace(text[at], "")) + text[at + 1 :])


def _other_text(was: str, chance: random.Random) -> str:
    if not was:
        return chance.choice("abcx")
    at = chance.randrange(len(was))
    alphabet = next((kind for kind in ("0123456789", "abcdefghijklmnopqrstuvwxyz", _UPPER) if was[at] in kind), was)
    if len(set(was)) > 1 and chance.random() < 0.5:
        alphabet = "".join(sign for sign in was if sign in alphabet) or alphabet
    sign = chance.choice([each for each in alphabet if each != was[at]] or ["a" if was[at] != "a" else "b"])
    return was[:at] + sign + was[at + 1 :]


_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
