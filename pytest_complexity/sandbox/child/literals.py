"""What an expected value in the tests' text is, and others that could stand in its place.

Expressions are the task's own. Those that a few pure functions make of literals are evaluated, nothing else is.
"""

from __future__ import annotations

import ast
import collections
import copy
import decimal
import fractions
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

#: functions of literals whose value can be told beforehand
_PURE: dict[str, Any] = {
    **{kind.__name__: kind for kind in (set, frozenset, list, tuple, dict, int, float, str, bytes, bool, complex)},
    **{"sorted": sorted, "abs": abs, "round": round, "len": len, "sum": sum, "min": min, "max": max},
    **{"Counter": collections.Counter, "OrderedDict": collections.OrderedDict, "deque": collections.deque},
    **{"Decimal": decimal.Decimal, "Fraction": fractions.Fraction, "inf": math.inf, "pi": math.pi, "nan": math.nan},
}
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


def other(node: ast.expr, chance: random.Random, pool: list[ast.expr], coarse: bool) -> ast.expr | None:
    """An expression of another value that could as well stand there; None where there is none.

    `pool` holds expected values of the same task. `coarse`: comparison is approximate, so numbers differ in their
    leading digit.
    """
    was = value(node)
    strangers = [each for each in pool if _alike(each, was) and not (coarse and _near(value(each), was))]
    makers: list[Callable[[], ast.expr | None]] = [lambda: _changed(node, chance, coarse)]
    if strangers:
        makers.insert(chance.randrange(2), lambda: copy.deepcopy(chance.choice(strangers)))
    for _ in range(_MAX_TRIES):
        for make in makers:
            found = make()
            if found is not None and _differs(found, was):
                return found
    return None


def _differs(node: ast.expr, was: Any) -> bool:
    try:
        return differs(value(node), was)
    except NoValue:
        return False


def _alike(node: ast.expr, was: Any) -> bool:
    try:
        found = value(node)
    except NoValue:
        return False
    return type(found) is type(was) and differs(found, was)


def _near(one: Any, other: Any) -> bool:
    try:
        return bool(abs(one - other) <= 0.05 * max(abs(one), abs(other)) + 0.05)
    except TypeError:
        return True


def _changed(node: ast.expr, chance: random.Random, coarse: bool) -> ast.expr | None:
    """A copy with one part changed, the parts of it in random order."""
    for path in _shuffled(list(_paths(node)), chance):
        whole = copy.deepcopy(node)
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step] if isinstance(step, int) else getattr(holder, step)
        part = node if not path else _at(holder, path[-1])
        new = _other_part(part, chance, coarse)
        if new is None:
            continue
        if not path:
            return new
        if isinstance(path[-1], int):
            holder[path[-1]] = new
        else:
            setattr(holder, path[-1], new)
        return whole
    return None


def _at(holder: Any, step: Any) -> Any:
    return holder[step] if isinstance(step, int) else getattr(holder, step)


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


def _other_part(node: ast.expr, chance: random.Random, coarse: bool) -> ast.expr | None:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _other_order(node, chance)
    if isinstance(node, (ast.Dict, ast.Call, ast.BinOp)):
        return None
    try:
        was = value(node)
    except NoValue:
        return None
    found = _other_value(was, chance, coarse)
    return None if found is None else ast.parse(repr(found), mode="eval").body


def _other_order(node: ast.List | ast.Tuple | ast.Set, chance: random.Random) -> ast.expr | None:
    """Two elements exchanged, or one of them in the place of the other."""
    if len(node.elts) < 2:
        return None
    new = copy.deepcopy(node)
    one, other = chance.sample(range(len(new.elts)), 2)
    if isinstance(node, ast.Set) or chance.random() < 0.3:
        new.elts[one] = copy.deepcopy(new.elts[other])
    else:
        new.elts[one], new.elts[other] = new.elts[other], new.elts[one]
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
