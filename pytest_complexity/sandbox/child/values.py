"""The only values that cross the channel: exact builtins, a few types of the standard library, and
references.

One small format, written and read here alone. `dumps` and `loads` ask a `Side` about all that is no plain
value. What `loads` returns for plain values is made here, of exact types, so that none of its methods can
be a program's. Mutable containers are numbered in order on both sides: that keeps aliases and cycles, and
lets `restore` write a callee's changes back into the caller's own objects.
"""

from __future__ import annotations

import collections
import importlib
import random
import struct
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

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


def _imported(module: str, name: str) -> Callable[..., Any]:
    """The class of that name, imported when it is first used: each module would weigh on every fork."""

    def make(*arguments: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*arguments)

    return make


def _time(*parts: Any) -> Any:
    return _imported("datetime", "time")(*parts[:4], parts[4]).replace(fold=parts[5])


def _datetime(*parts: Any) -> Any:
    return _imported("datetime", "datetime")(*parts[:8]).replace(fold=parts[8])


def _uuid(number: int) -> Any:
    return _imported("uuid", "UUID")(None, None, None, None, number)


# What a type of the standard library is made of, and how it is made again. All of them are immutable, but
# the containers that `_FILLED` handles; those are numbered.
_UNMAKE: dict[tuple[str, str], Callable[[Any], tuple[Any, ...]]] = {
    ("decimal", "Decimal"): lambda v: (str(v),),
    ("fractions", "Fraction"): lambda v: (v.numerator, v.denominator),
    ("datetime", "date"): lambda v: (v.year, v.month, v.day),
    ("datetime", "timedelta"): lambda v: (v.days, v.seconds, v.microseconds),
    ("datetime", "timezone"): lambda v: (v.utcoffset(None), v.tzname(None)),
    ("datetime", "time"): lambda v: (v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold),
    ("datetime", "datetime"): lambda v: (
        *(v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.tzinfo, v.fold),
    ),
    ("uuid", "UUID"): lambda v: (v.int,),
    ("array", "array"): lambda v: (v.typecode, v.tobytes()),
    ("builtins", "range"): lambda v: (v.start, v.stop, v.step),
    ("builtins", "slice"): lambda v: (v.start, v.stop, v.step),
    ("builtins", "dict_keys"): lambda v: (list(v),),
    ("builtins", "dict_values"): lambda v: (list(v),),
    ("builtins", "dict_items"): lambda v: (list(v),),
    ("builtins", "memoryview"): lambda v: (v.tobytes(),),
}
_EMPTY: dict[str, int] = {}
_VIEWS: dict[str, type] = {
    "dict_keys": type(_EMPTY.keys()),
    "dict_values": type(_EMPTY.values()),
    "dict_items": type(_EMPTY.items()),
}
_MAKE: dict[str, Callable[..., Any]] = {
    "Decimal": _imported("decimal", "Decimal"),
    "Fraction": _imported("fractions", "Fraction"),
    "date": _imported("datetime", "date"),
    "timedelta": _imported("datetime", "timedelta"),
    "timezone": _imported("datetime", "timezone"),
    "time": _time,
    "datetime": _datetime,
    "UUID": _uuid,
    "array": _imported("array", "array"),
    "range": range,
    "slice": slice,
    "dict_keys": lambda keys: dict.fromkeys(keys).keys(),
    "dict_values": lambda values: dict(enumerate(values)).values(),
    "dict_items": lambda pairs: dict(pairs).items(),
    "memoryview": memoryview,
}


def _standard(kind: type) -> tuple[str, str] | None:
    """The key in `_UNMAKE` of a class of the standard library, not of one that only bears its name."""
    key = kind.__module__, kind.__name__
    if key not in _UNMAKE:
        return None
    found = _VIEWS.get(key[1]) or getattr(sys.modules.get(key[0]), key[1], None)
    return key if found is kind else None


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


class _Writer:
    """The bytes of one value; a method for each type."""

    __slots__ = ("held", "numbers", "out", "side")

    def __init__(self, side: Side, known: list[Any] | None) -> None:
        self.side = side
        self.out = bytearray()
        self.held: list[Any] = [] if known is None else list(known)
        self.numbers = {id(item): number for number, item in enumerate(self.held)}

    def put(self, item: Any, depth: int) -> None:
        write = _WRITERS.get(type(item))
        if write is None or (depth > MAX_DEPTH and type(item) not in _HASHED):
            self._other(item, depth)
        else:
            write(self, item, depth)
        if len(self.out) > MAX_BYTES:
            raise MemoryError("the value is too large to hand over")

    def _other(self, item: Any, depth: int) -> None:
        key = _standard(type(item))
        if key is not None and depth <= MAX_DEPTH:
            self.out += b"V" + text(key[1])
            self._many(b"t", _UNMAKE[key](item), depth)
            return
        if depth > MAX_DEPTH:
            tag, content = self.side.refer(item)
            self.out += tag.encode()
            self.put(content, 0)
            return
        name = self.side.class_name(item)
        if name is not None:
            if self._new(item):
                self.out += b"O" + text(name)
                self.put(dict(vars(item)), depth + 1)
            return
        tag, content = self.side.export(item)
        if tag != "=":
            self.out += tag.encode()
        self.put(content, depth + 1)

    def _new(self, item: Any) -> bool:
        """Number a container; where it has one already, write a reference to it and say False."""
        place = self.numbers.get(id(item))
        if place is not None:
            self.out += b"R" + _U32.pack(place)
            return False
        self.numbers[id(item)] = len(self.held)
        self.held.append(item)
        return True

    def _many(self, tag: bytes, items: Any, depth: int) -> None:
        self.out += tag + _U32.pack(len(items))
        depth += 1
        for item in items:
            self.put(item, depth)

    def write_int(self, item: int, _: int) -> None:
        if -(2**63) <= item < 2**63:
            self.out += b"i" + _I64.pack(item)
        else:
            raw = item.to_bytes((item.bit_length() >> 3) + 1, "little", signed=True)
            self.out += b"I" + _U32.pack(len(raw)) + raw

    def write_str(self, item: str, _: int) -> None:
        self.out += b"s" + text(item)

    def write_bool(self, item: bool, _: int) -> None:
        self.out += b"T" if item else b"F"

    def write_none(self, _: None, __: int) -> None:
        self.out += b"N"

    def write_float(self, item: float, _: int) -> None:
        self.out += b"d" + _F64.pack(item)

    def write_tuple(self, item: tuple[Any, ...], depth: int) -> None:
        self._many(b"t", item, depth)

    def write_list(self, item: list[Any], depth: int) -> None:
        if self._new(item):
            self._many(b"l", item, depth)

    def write_dict(self, item: dict[Any, Any], depth: int) -> None:
        if self._new(item):
            self.out += b"m" + _U32.pack(len(item))
            for key, content in item.items():
                self.put(key, depth + 1)
                self.put(content, depth + 1)

    def write_set(self, item: set[Any], depth: int) -> None:
        if self._new(item):
            merged, items = in_order(item)
            self._many(b"g" if merged else b"e", items, depth)

    def write_frozenset(self, item: frozenset[Any], depth: int) -> None:
        merged, items = in_order(item)
        self._many(b"h" if merged else b"f", items, depth)

    def write_bytes(self, item: bytes, _: int) -> None:
        self.out += b"b" + _U32.pack(len(item)) + item

    def write_bytearray(self, item: bytearray, _: int) -> None:
        if self._new(item):
            self.out += b"a" + _U32.pack(len(item)) + item

    def write_complex(self, item: complex, _: int) -> None:
        self.out += b"c" + _C128.pack(item.real, item.imag)

    def write_filled(self, item: Any, depth: int) -> None:
        if self._new(item):
            self.out += b"w" + text(type(item).__name__)
            self._many(b"t", _contents(item), depth)

    def write_ellipsis(self, _: Any, __: int) -> None:
        self.out += b"E"

    def write_not_implemented(self, _: Any, __: int) -> None:
        self.out += b"X"


_WRITERS: dict[type, Callable[[_Writer, Any, int], None]] = {
    **{kind: getattr(_Writer, f"write_{kind.__name__}") for kind in (int, str, bool, float, tuple, list, dict, set)},
    **{kind: getattr(_Writer, f"write_{kind.__name__}") for kind in (frozenset, bytes, bytearray, complex)},
    **dict.fromkeys(_FILLED, _Writer.write_filled),
    _NONE: _Writer.write_none,
    type(Ellipsis): _Writer.write_ellipsis,
    type(NotImplemented): _Writer.write_not_implemented,
}


def dumps(value: Any, side: Side, known: list[Any] | None = None) -> tuple[bytes, list[Any]]:
    """The bytes of a value and its mutable containers in the order of their numbers.

    `known` holds containers that the other side has already, under the numbers of their places. Raises
    MemoryError where the value is too large to hand over.
    """
    writer = _Writer(side, known)
    writer.put(value, 0)
    return bytes(writer.out), writer.held


class _Reader:
    """One value out of bytes that nobody believes; a method for each tag."""

    __slots__ = ("at", "data", "depth", "held", "side")

    def __init__(self, data: bytes, side: Side, known: list[Any] | None) -> None:
        self.data, self.side = data, side
        self.at = self.depth = 0
        self.held: list[Any] = [] if known is None else list(known)

    def get(self) -> Any:
        tag = self.data[self.at]
        self.at += 1
        read = _READERS[tag]
        if read in _LEAVES:
            return read(self)
        self.depth += 1
        if self.depth > MAX_DEPTH + 20:
            raise Forged("a value is too deep")
        value = self.side.resolve(chr(tag), self.get()) if read is None else read(self)
        self.depth -= 1
        return value

    def _size(self) -> int:
        (count,) = _U32.unpack_from(self.data, self.at)
        self.at += 4
        if count > len(self.data) - self.at:  # every item takes a byte at least
            raise Forged("a length exceeds its frame")
        return int(count)

    def read_raw(self) -> bytes:
        count = self._size()
        self.at += count
        return self.data[self.at - count : self.at]

    def _items(self) -> list[Any]:
        get = self.get
        return [get() for _ in range(self._size())]

    def read_none(self) -> None:
        return None

    def read_true(self) -> bool:
        return True

    def read_false(self) -> bool:
        return False

    def read_ellipsis(self) -> Any:
        return Ellipsis

    def read_not_implemented(self) -> Any:
        return NotImplemented

    def read_small(self) -> int:
        self.at += 8
        return int(_I64.unpack_from(self.data, self.at - 8)[0])

    def read_big(self) -> int:
        return int.from_bytes(self.read_raw(), "little", signed=True)

    def read_real(self) -> float:
        self.at += 8
        return float(_F64.unpack_from(self.data, self.at - 8)[0])

    def read_complex(self) -> complex:
        self.at += 16
        return complex(*_C128.unpack_from(self.data, self.at - 16))

    def read_str(self) -> str:
        return self.read_raw().decode("utf-8", "surrogatepass")

    def _hold(self, container: _C) -> _C:
        self.held.append(container)
        return container

    def read_bytearray(self) -> bytearray:
        container = self._hold(bytearray())
        container.extend(self.read_raw())
        return container

    def read_list(self) -> list[Any]:
        container: list[Any] = self._hold([])
        container.extend(self._items())
        return container

    def read_tuple(self) -> tuple[Any, ...]:
        return tuple(self._items())

    def read_set(self) -> set[Any]:
        container: set[Any] = self._hold(set())
        container.update(self._items())
        return container

    def read_merged_set(self) -> set[Any]:
        container: set[Any] = self._hold(set())
        container.update(set(self._items()))
        return container

    def read_frozenset(self) -> frozenset[Any]:
        return frozenset(self._items())

    def read_merged_frozenset(self) -> frozenset[Any]:
        return frozenset(set(self._items()))

    def read_dict(self) -> dict[Any, Any]:
        container: dict[Any, Any] = self._hold({})
        for _ in range(self._size()):
            key = self.get()
            container[key] = self.get()
        return container

    def read_known(self) -> Any:
        (place,) = _U32.unpack_from(self.data, self.at)
        self.at += 4
        return self.held[place]

    def read_wide(self) -> Any:
        name = self.read_raw().decode("ascii")
        place = len(self.held)
        container = self._hold(_WIDE[name]())
        content, extra = self.get()
        if name == "deque" and extra is not None:
            self.held[place] = container = collections.deque(maxlen=extra)
        if name == "deque":
            container.extend(content)
        else:
            for key, one in content:
                container[key] = one
        if name == "defaultdict":
            container.default_factory = extra if extra in _FACTORIES else None
        return container

    def read_instance(self) -> Any:
        blank = self._hold(self.side.blank(self.read_raw().decode("utf-8")))
        vars(blank).update(self.get())
        return blank

    def read_made(self) -> Any:
        maker = _MAKE[self.read_raw().decode("ascii")]
        return maker(*_sane(self.get()))


_C = TypeVar("_C")
_WIDE: dict[str, Callable[[], Any]] = {kind.__name__: kind for kind in _FILLED}
_TAGS: dict[bytes, Callable[[_Reader], Any]] = {
    b"N": _Reader.read_none,
    b"T": _Reader.read_true,
    b"F": _Reader.read_false,
    b"E": _Reader.read_ellipsis,
    b"X": _Reader.read_not_implemented,
    b"i": _Reader.read_small,
    b"I": _Reader.read_big,
    b"d": _Reader.read_real,
    b"c": _Reader.read_complex,
    b"s": _Reader.read_str,
    b"b": _Reader.read_raw,
    b"a": _Reader.read_bytearray,
    b"l": _Reader.read_list,
    b"t": _Reader.read_tuple,
    b"e": _Reader.read_set,
    b"g": _Reader.read_merged_set,
    b"f": _Reader.read_frozenset,
    b"h": _Reader.read_merged_frozenset,
    b"m": _Reader.read_dict,
    b"R": _Reader.read_known,
    b"w": _Reader.read_wide,
    b"V": _Reader.read_made,
    b"O": _Reader.read_instance,
}
#: by byte; None where the other end's `resolve` knows the tag
_READERS = [_TAGS.get(bytes([byte])) for byte in range(256)]
_LEAVES = frozenset(_TAGS[bytes([byte])] for byte in b"NTFEXiIdcsbaR")


def loads(data: bytes, side: Side, known: list[Any] | None = None) -> tuple[Any, list[Any]]:
    """The value that `dumps` wrote and its mutable containers. Raises Forged on anything else."""
    reader = _Reader(data, side, known)
    try:
        value = reader.get()
        if reader.at != len(data):
            raise Forged("bytes are left over")
    except (Forged, MemoryError):
        raise
    except Exception as error:
        raise Forged(f"a value is malformed ({type(error).__name__})") from error
    return value, reader.held


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
