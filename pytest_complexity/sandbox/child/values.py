"""The only values that cross the channel: exact builtins, a few types of the standard library, and
references.

One small format, written and read here alone. `dumps` and `loads` ask a `Side` about all that is no plain
value. What `loads` returns for plain values is made here, of exact types, so that none of its methods can
be a program's. Mutable containers are numbered in order on both sides: that keeps aliases and cycles, and
lets `restore` write a callee's changes back into the caller's own objects.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import random
import struct
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from .wire import Forged

#: modules whose functions and classes the tests may use by the names that the program imports
SHARED = frozenset(
    (
        "math",
        "cmath",
        "operator",
        "collections",
        "itertools",
        "functools",
        "fractions",
        "decimal",
        "datetime",
        "re",
        "string",
        "copy",
        "heapq",
        "bisect",
        "statistics",
        "random",
        "sys",
        "time",
        "typing",
        "numbers",
        "json",
    )
)

MAX_DEPTH = 150  #: deeper values stay where they are, as references
MAX_BYTES = 60 * 2**20
_U32 = struct.Struct("<I")
_I64 = struct.Struct("<q")
_F64 = struct.Struct("<d")
_C128 = struct.Struct("<dd")
_NONE = type(None)
_ODICT = collections.OrderedDict


class Side(Protocol):
    """What one end of the channel knows about values that are not plain."""

    def export(self, item: Any) -> tuple[str, Any]:
        """A tag and what to write after it; the tag "=" stands for the plain value that follows."""

    def refer(self, item: Any) -> tuple[str, Any]:
        """A tag and a flat content that refer to an object whatever it is."""

    def resolve(self, tag: str, content: Any) -> Any:
        """The object that a tag and its content stand for.

        Raises Forged on any that this end does not take.
        """

    def class_name(self, item: Any) -> str | None:
        """The name of the trusted class that the item is an instance of, if it is of one."""

    def blank(self, name: str) -> Any:
        """An instance of that class without attributes. Raises Forged where there is no such class."""


def text(value: str) -> bytes:
    """A length and the string, lone surrogates included."""
    raw = value.encode("utf-8", "surrogatepass")
    return _U32.pack(len(raw)) + raw


# What a type of the standard library is made of, and how it is made again. All of them are immutable, but
# the containers that `_FILLED` handles; those are numbered.
_UNMAKE: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    decimal.Decimal: lambda v: (str(v),),
    fractions.Fraction: lambda v: (v.numerator, v.denominator),
    datetime.date: lambda v: (v.year, v.month, v.day),
    datetime.timedelta: lambda v: (v.days, v.seconds, v.microseconds),
    datetime.timezone: lambda v: (v.utcoffset(None), v.tzname(None)),
    datetime.time: lambda v: (v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold),
    datetime.datetime: lambda v: (
        *(v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold),
    ),
    uuid.UUID: lambda v: (v.int,),
    range: lambda v: (v.start, v.stop, v.step),
    slice: lambda v: (v.start, v.stop, v.step),
    type({}.keys()): lambda v: (list(v),),
    type({}.values()): lambda v: (list(v),),
    type({}.items()): lambda v: (list(v),),
    memoryview: lambda v: (v.tobytes(),),
    array.array: lambda v: (v.typecode, v.tobytes()),
}
_MAKE: dict[str, Callable[..., Any]] = {
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "date": datetime.date,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
    "time": lambda *a: datetime.time(*a[:5], fold=a[5]),
    "datetime": lambda *a: datetime.datetime(*a[:8], fold=a[8]),
    "UUID": lambda number: uuid.UUID(int=number),
    "range": range,
    "slice": slice,
    "dict_keys": lambda keys: dict.fromkeys(keys).keys(),
    "dict_values": lambda values: dict(enumerate(values)).values(),
    "dict_items": lambda pairs: dict(pairs).items(),
    "memoryview": memoryview,
    "array": array.array,
}
_FILLED: tuple[type, ...] = (collections.deque, _ODICT, collections.Counter, collections.defaultdict)


def _contents(value: Any) -> tuple[Any, ...]:
    """What a filled container of the standard library consists of."""
    kind = type(value)
    if kind is collections.deque:
        return list(value), value.maxlen
    if kind is collections.defaultdict:
        return list(value.items()), value.default_factory
    return list(value.items()), None


_HASHED = frozenset({int, str, float, bytes, bool, _NONE})
_TRIES = 40


def in_order(item: set[Any] | frozenset[Any]) -> tuple[bool, list[Any]]:
    """The elements of a set in an order that makes one that iterates alike, and whether to merge them.

    A set's order depends on how it was built: a literal of constants merges a frozenset, into a smaller table
    than additions one by one make. Both sides run the same interpreter with the same hash seed, so it can be
    tried here.
    """
    wanted = list(item)
    if len(wanted) < 2 or len(wanted) > 1000 or not _HASHED.issuperset(map(type, wanted)):
        return False, wanted
    shuffled = wanted
    shuffle = random.Random(0).shuffle
    for attempt in range(_TRIES):
        if list(set(shuffled)) == wanted:
            return False, shuffled
        if list(set(set(shuffled))) == wanted:  # noqa: C414 - a copy has another table
            return True, shuffled
        shuffled = wanted[::-1] if attempt == 0 else sorted(wanted, key=hash) if attempt == 1 else wanted[:]
        if attempt > 1:
            shuffle(shuffled)
    return False, wanted


def dumps(  # noqa: PLR0915 - the writer of each type in one closure
    value: Any, side: Side, known: list[Any] | None = None
) -> tuple[bytes, list[Any]]:
    """The bytes of a value and its mutable containers in the order of their numbers.

    `known` holds containers that the other side has already, under the numbers of their places. Raises
    MemoryError where the value is too large to hand over.
    """
    held: list[Any] = [] if known is None else list(known)
    numbers = {id(item): number for number, item in enumerate(held)}
    out = bytearray()

    def number(item: Any) -> bool:
        """Whether the container has been written before; if so a reference to it is written."""
        place = numbers.get(id(item))
        if place is not None:
            out.extend(b"R" + _U32.pack(place))
            return True
        numbers[id(item)] = len(held)
        held.append(item)
        return False

    def many(tag: bytes, items: Any, depth: int) -> None:
        out.extend(tag + _U32.pack(len(items)))
        for item in items:
            put(item, depth + 1)

    def reference(item: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            tag, content = side.refer(item)
            out.extend(tag.encode())
            put(content, 0)
            return
        name = side.class_name(item)
        if name is not None:
            if not number(item):
                out.extend(b"O" + text(name))
                put(dict(vars(item)), depth + 1)
            return
        tag, content = side.export(item)
        if tag != "=":
            out.extend(tag.encode())
        put(content, depth + 1)

    def put(item: Any, depth: int) -> None:  # noqa: PLR0912, PLR0915 - one branch a type, the usual ones first
        kind = type(item)
        if kind is int:
            if -(2**63) <= item < 2**63:
                out.extend(b"i" + _I64.pack(item))
            else:
                raw = item.to_bytes((item.bit_length() >> 3) + 1, "little", signed=True)
                out.extend(b"I" + _U32.pack(len(raw)) + raw)
        elif kind is str:
            out.extend(b"s" + text(item))
        elif kind is bool:
            out.extend(b"T" if item else b"F")
        elif item is None:
            out.extend(b"N")
        elif kind is float:
            out.extend(b"d" + _F64.pack(item))
        elif depth > MAX_DEPTH:
            reference(item, depth)
        elif kind is tuple:
            many(b"t", item, depth)
        elif kind is list:
            if not number(item):
                many(b"l", item, depth)
        elif kind is dict:
            if not number(item):
                out.extend(b"m" + _U32.pack(len(item)))
                for key, content in item.items():
                    put(key, depth + 1)
                    put(content, depth + 1)
        elif kind is set:
            if not number(item):
                merged, items = in_order(item)
                many(b"g" if merged else b"e", items, depth)
        elif kind is frozenset:
            merged, items = in_order(item)
            many(b"h" if merged else b"f", items, depth)
        elif kind is bytes:
            out.extend(b"b" + _U32.pack(len(item)) + item)
        elif kind is bytearray:
            if not number(item):
                out.extend(b"a" + _U32.pack(len(item)) + item)
        elif kind is complex:
            out.extend(b"c" + _C128.pack(item.real, item.imag))
        elif kind in _FILLED:
            if not number(item):
                out.extend(b"w" + text(kind.__name__))
                many(b"t", _contents(item), depth)
        elif kind in _UNMAKE:
            out.extend(b"V" + text(kind.__name__))
            many(b"t", _UNMAKE[kind](item), depth)
        elif item is Ellipsis:
            out.extend(b"E")
        elif item is NotImplemented:
            out.extend(b"X")
        else:
            reference(item, depth)
        if len(out) > MAX_BYTES:
            raise MemoryError("the value is too large to hand over")

    put(value, 0)
    return bytes(out), held


def loads(  # noqa: PLR0915 - the reader of each tag in one closure
    data: bytes, side: Side, known: list[Any] | None = None
) -> tuple[Any, list[Any]]:
    """The value that `dumps` wrote and its mutable containers. Raises Forged on anything else."""
    held: list[Any] = [] if known is None else list(known)
    at = 0
    end = len(data)
    depth = 0

    def size() -> int:
        nonlocal at
        (count,) = _U32.unpack_from(data, at)
        at += 4
        if count > end - at:  # every item takes a byte at least
            raise Forged("a length exceeds its frame")
        return int(count)

    def raw() -> bytes:
        nonlocal at
        count = size()
        at += count
        return data[at - count : at]

    def items() -> list[Any]:
        return [get() for _ in range(size())]

    def small() -> int:
        nonlocal at
        at += 8
        return int(_I64.unpack_from(data, at - 8)[0])

    def real() -> float:
        nonlocal at
        at += 8
        return float(_F64.unpack_from(data, at - 8)[0])

    def two() -> complex:
        nonlocal at
        at += 16
        return complex(*_C128.unpack_from(data, at - 16))

    def filled(container: Any, fill: Callable[[Any], None]) -> Any:
        held.append(container)
        fill(container)
        return container

    def fill_dict(container: Any) -> None:
        for _ in range(size()):
            key = get()
            container[key] = get()

    def known_one() -> Any:
        nonlocal at
        (place,) = _U32.unpack_from(data, at)
        at += 4
        return held[place]

    def wide() -> Any:
        name = raw().decode("ascii")
        maker: Any = {
            "deque": collections.deque,
            "OrderedDict": _ODICT,
            "Counter": collections.Counter,
            "defaultdict": collections.defaultdict,
        }[name]
        place = len(held)
        held.append(container := maker())
        content, extra = get()
        if name == "deque" and extra is not None:
            held[place] = container = collections.deque(maxlen=extra)
        if name == "deque":
            container.extend(content)
        else:
            for key, one in content:
                container[key] = one
        if name == "defaultdict":
            container.default_factory = extra if extra in _FACTORIES else None
        return container

    def instance() -> Any:
        held.append(blank := side.blank(raw().decode("utf-8")))
        vars(blank).update(get())
        return blank

    def made() -> Any:
        maker = _MAKE[raw().decode("ascii")]
        return maker(*_sane(get()))

    readers: dict[int, Callable[[], Any]] = {
        ord("N"): lambda: None,
        ord("T"): lambda: True,
        ord("F"): lambda: False,
        ord("E"): lambda: Ellipsis,
        ord("X"): lambda: NotImplemented,
        ord("i"): small,
        ord("I"): lambda: int.from_bytes(raw(), "little", signed=True),
        ord("d"): real,
        ord("c"): two,
        ord("s"): lambda: raw().decode("utf-8", "surrogatepass"),
        ord("b"): raw,
        ord("a"): lambda: filled(bytearray(), lambda c: c.extend(raw())),
        ord("l"): lambda: filled([], lambda c: c.extend(items())),
        ord("t"): lambda: tuple(items()),
        ord("e"): lambda: filled(set(), lambda c: c.update(items())),
        ord("g"): lambda: filled(set(), lambda c: c.update(set(items()))),
        ord("f"): lambda: frozenset(items()),
        ord("h"): lambda: frozenset(set(items())),
        ord("m"): lambda: filled({}, fill_dict),
        ord("R"): known_one,
        ord("w"): wide,
        ord("V"): made,
        ord("O"): instance,
    }

    def get() -> Any:
        nonlocal at, depth
        tag = data[at]
        at += 1
        depth += 1
        if depth > MAX_DEPTH + 20:
            raise Forged("a value is too deep")
        reader = readers.get(tag)
        value = side.resolve(chr(tag), get()) if reader is None else reader()
        depth -= 1
        return value

    try:
        value = get()
        if at != end:
            raise Forged("bytes are left over")
    except (Forged, MemoryError):
        raise
    except Exception as error:
        raise Forged(f"a value is malformed ({type(error).__name__})") from error
    return value, held


_FACTORIES = (int, list, dict, set, str, float, bool, tuple, None)


def _sane(parts: Any) -> Any:
    """Arguments of plain types only, and no number so large that making the value would hang."""
    for part in parts:
        if type(part) is str and len(part) > 2**20:
            raise Forged("a number is too long")
    return parts


def restore(originals: list[Any], contents: list[Any]) -> None:
    """Give each original container the contents that its copy has after a call.

    Raises Forged on a mismatch.
    """
    if len(originals) != len(contents):
        raise Forged("a call returns other arguments than it was given")
    for original, content in zip(originals, contents, strict=True):
        kind = type(original)
        if (kind is list and type(content) is list) or (kind is bytearray and type(content) is bytearray):
            original[:] = content
        elif kind is collections.deque and type(content) is list:
            original.clear()
            original.extend(content)
        elif kind is set and type(content) is list:
            original.clear()
            original.update(content)
        elif isinstance(original, dict) and type(content) is list:
            original.clear()
            for key, value in content:
                original[key] = value
        elif hasattr(original, "__dict__") and type(content) is dict:
            vars(original).clear()
            vars(original).update(content)
        else:
            raise Forged("a call changes the type of an argument")


def shallow(container: Any) -> Any:
    """The contents of a container for `restore`, in a container of their own."""
    if isinstance(container, dict):
        return list(container.items())
    if isinstance(container, bytearray):
        return bytearray(container)
    if isinstance(container, (list, set, collections.deque)):
        return list(container)
    return dict(vars(container))
