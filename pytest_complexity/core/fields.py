"""The fields of a record from outside, checked, and the one way to say what is wrong with one:

FILE, line 3, field 'trials': expected an integer from 0, got a string ("5"). <what to do>
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pytest_complexity.errors import ComplexityError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """What a value must be: its name in messages, and the test."""

    name: str
    holds: Callable[[Any], bool]

    def or_null(self) -> Kind[T_co | None]:
        """The same, or null."""
        return Kind(f"{self.name} or null", lambda value: value is None or self.holds(value))


def integer(least: int = 0, below: int | None = None) -> Kind[int]:
    """Whole numbers from `least` on, and less than `below`; true and false are none."""
    name = f"an integer from {least}" + ("" if below is None else f" to {below - 1}")
    end = math.inf if below is None else below
    return Kind(name, lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value < end)


def one_of(*values: str) -> Kind[str]:
    """One of these words."""
    return Kind(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e300


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


STRING: Kind[str] = Kind("a string", lambda value: isinstance(value, str))
NAME: Kind[str] = Kind("a string that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
LINE: Kind[str] = Kind("one printable line", _is_line)  #: what goes into tables, and to terminals
COUNT = integer()
NUMBER: Kind[float] = Kind("a number from 0", _is_number)
OBJECT: Kind[dict[str, Any]] = Kind("an object", lambda value: isinstance(value, dict))
STRINGS: Kind[list[str]] = Kind(
    "a list of strings",
    lambda value: isinstance(value, list | tuple) and all(isinstance(each, str) for each in value),
)


@dataclass(frozen=True)
class Fields:
    """The fields of one record. `where` it was read, such as `FILE, line 3`; mistakes raise `error`."""

    values: Mapping[str, Any]
    where: str
    error: type[ComplexityError]
    path: str = ""

    def get(self, name: str, kind: Kind[T], remedy: str = "") -> T:
        """The value; None where it is missing and may be null."""
        value = self.values.get(name)
        if name not in self.values and not kind.holds(None):
            raise self.wrong(name, "is missing" + (f". {remedy}" if remedy else ""))
        if not kind.holds(value):
            raise self.wrong(name, unexpected(kind.name, value, remedy))
        found: T = value  # type: ignore[assignment]
        return found

    def all(self, kind: Kind[T]) -> dict[str, T]:
        """Every value, by name."""
        return {name: self.get(name, kind) for name in self.values}

    def inside(self, name: str) -> Fields:
        """The fields of an object that is itself a field."""
        return Fields(self.get(name, OBJECT), self.where, self.error, f"{self.path}{name}.")

    def wrong(self, name: str, what: str) -> ComplexityError:
        """The error that says so of that field."""
        place = f"field {self.path + name!r}"
        return self.error(f"{self.where}, {place}: {what}" if self.where else f"{place}: {what}")


def unexpected(expected: str, value: Any, remedy: str = "") -> str:
    """`expected ..., got ...`, and what to do."""
    return f"expected {expected}, got {shown(value)}" + (f". {remedy}" if remedy else "")


def shown(value: Any) -> str:
    """A JSON value as messages show it: its type, and the value where it is short enough."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names = {str: "a string", int: "an integer", float: "a number", list: "a list", tuple: "a list", dict: "an object"}
    name = next((name for kind, name in names.items() if isinstance(value, kind)), f"a {type(value).__name__}")
    text = json.dumps(value, default=repr)
    return f"{name} ({text if len(text) <= 60 else text[:57] + '...'})"


def placed(where: str, why: Exception) -> str:
    """The message of an error that knew the field and not the file."""
    return f"{where}{', ' if str(why).startswith('field ') else ': '}{why}"
