"""The process that runs a program's code: one trial, then it is killed.

Everything in here is at the program's mercy and nobody believes it. It runs the code as a module and
answers the judge's requests about that module's objects: names, calls, operators, attributes.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import linecache
import math
import opcode
import operator
import os
import sys
from collections.abc import Callable, Collection, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from . import values
from .wire import RAISED, REBOUND, REQUEST, RESULT, Channel, Lost

MODULE = "solution"
FILE = "<solution>"

_PLAIN = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_COMPARING = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__class__", "__getattribute__")
_TYPES = frozenset(
    kind for kind in vars(builtins).values() if isinstance(kind, type) and kind.__module__ == "builtins"
) - {type, super, property, classmethod, staticmethod}

OVERRIDES, IS_CLASS, IS_EXCEPTION, HAS_VALUE, BUILTIN_BASE = 1, 2, 4, 8, 16


# --- what a program's bytecode binds and loads ---

_OPS = {opcode.opmap[name]: name for name in opcode.opmap}
_STORE_GLOBAL = opcode.opmap["STORE_GLOBAL"]
_SHIFT = 1 if sys.version_info >= (3, 11) else 0


def _named(code: CodeType) -> Iterator[tuple[str, str]]:
    """Each operation of a code that has a module-level name as its argument, with that name."""
    raw, extended = code.co_code, 0
    for at in range(0, len(raw), 2):
        name = _OPS.get(raw[at], "")
        argument = extended | raw[at + 1]
        extended = argument << 8 if name == "EXTENDED_ARG" else 0
        if name in ("STORE_GLOBAL", "STORE_NAME", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            yield name, code.co_names[argument]
        elif name == "LOAD_GLOBAL":
            yield name, code.co_names[argument >> _SHIFT]


def _nested(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _nested(constant)


def bound_in(code: CodeType, names: Collection[str]) -> set[str]:
    """Those of the names that a compiled module binds."""
    found: set[str] = set()
    if not names:
        return found
    wanted = frozenset(names)
    for part in (code, *_nested(code)):
        if wanted.isdisjoint(part.co_names) or (part is not code and _STORE_GLOBAL not in part.co_code[::2]):
            continue
        for how, name in _named(part):
            if name in wanted and (how == "STORE_GLOBAL" or (how == "STORE_NAME" and part is code)):
                found.add(name)
    return found


def loaded_in(code: CodeType) -> set[str]:
    """The module-level names that a compiled module loads anywhere."""
    return {name for part in (code, *_nested(code)) for how, name in _named(part) if how.startswith("LOAD")}


def compiled(source: str) -> CodeType:
    """The code of a module's text; asserts stay in whatever the environment says."""
    return compile(source, FILE, "exec", dont_inherit=True, optimize=0)


def compose(prompt: str, code: str, entry_point: str | None) -> list[CodeType]:
    """The program in its order.

    A code that defines the entry point runs after the prompt, any other continues it.
    """
    if not prompt:
        return [compiled(code)]
    try:
        whole = compiled(code)
    except Exception:
        return [compiled(prompt + code)]
    if entry_point is None or not bound_in(whole, (entry_point,)):
        return [compiled(prompt + code)]
    try:
        return [compiled(prompt), whole]
    except SyntaxError:  # a prompt that ends in an open `def` line
        return [whole]


# --- values ---


class Judged:
    """An object of the judge's (a lambda of the tests, an iterator) as the program sees it."""

    __slots__ = ("__name__", "_call", "_index")

    def __init__(self, call: Callable[..., Any], index: int, name: str) -> None:
        self._call, self._index, self.__name__ = call, index, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - pass the call on
        return self._call("call", self._index, args, kwargs)

    def __iter__(self) -> Any:
        return self._call("iter", self._index)

    def __next__(self) -> Any:
        return self._call("next", self._index)

    def __len__(self) -> Any:
        return self._call("len", self._index)

    def __getitem__(self, key: Any) -> Any:
        return self._call("getitem", self._index, key)


def _base(kind: type) -> type | None:
    """The builtin value type that a class derives from."""
    for plain in _PLAIN:
        if issubclass(kind, plain):
            return plain
    return None


def _extras(kind: type, base: type) -> tuple[bool, bool]:
    """Whether a subclass overrides comparison, and whether it adds anything else that the tests could use."""
    compares = adds = False
    fields = getattr(kind, "_fields", ())
    for owner in type.__dict__["__mro__"].__get__(kind):
        if owner is base or owner is object:
            break
        for name in type.__dict__["__dict__"].__get__(owner):
            if name in _COMPARING:
                compares = True
            elif name in ("__iter__", "__getitem__", "__len__", "__contains__") or (
                not name.startswith("_") and name not in fields
            ):
                adds = True
    return compares, adds


class Objects:
    """The side of the channel where the program's objects live."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask
        self._kept: list[Any] = []
        self._places: dict[int, int] = {}
        self.classes: dict[str, type] = {}
        self.class_names: frozenset[str] = frozenset()

    def __getitem__(self, place: int) -> Any:
        return self._kept[place]

    def place(self, item: Any) -> int:
        """The number by which the judge refers to an object."""
        place = self._places.get(id(item))
        if place is None:
            place = self._places[id(item)] = len(self._kept)
            self._kept.append(item)
        return place

    def class_name(self, item: Any) -> str | None:
        """As `values.Side` says."""
        name = type(item).__name__
        return name if name in self.class_names and hasattr(item, "__dict__") else None

    def blank(self, name: str) -> Any:
        """As `values.Side` says."""
        kind = self.classes[name]
        return object.__new__(kind)

    def export(self, item: Any) -> tuple[str, Any]:
        """As `values.Side` says."""
        kind = type(item)
        if kind is Judged:
            return "J", item._index
        if kind is type and item in _TYPES:
            return "C", ("builtins", item.__name__)
        flags = 0
        base = _base(kind)
        if base is not None and kind is not base:
            compares, adds = _extras(kind, base)
            flags = BUILTIN_BASE | (OVERRIDES if compares else HAS_VALUE)
            if not compares and not adds:
                fields = kind.__dict__.get("_fields")
                if base is tuple and type(fields) is tuple:
                    return "P", (kind.__name__, fields, plain(item))
                return "=", plain(item)
        packed = _numpy(item, kind)
        if packed is not None:
            return packed
        return self.refer(item, flags)

    def refer(self, item: Any, flags: int = 0) -> tuple[str, Any]:
        """As `values.Side` says."""
        kind = type(item)
        flags |= _traits(item, kind)
        return "H", (self.place(item), self.place(kind), flags, str(kind.__name__)[:100])

    def resolve(self, tag: str, content: Any) -> Any:
        """As `values.Side` says."""
        if tag == "H":
            return self._kept[content]
        if tag == "J":
            return Judged(self._ask, *content)
        if tag == "C":
            module, path = content
            found: Any = __import__(module, fromlist=("x",))
            for part in path.split("."):
                found = getattr(found, part)
            return found
        if tag == "P":
            return _named_tuple(content[0], content[1])(*content[2])
        if tag == "A":
            import numpy  # noqa: PLC0415 - only where the task declares it

            kind, shape, raw = content
            return numpy.frombuffer(raw, dtype=kind).reshape(shape).copy()
        raise ValueError(tag)


@functools.lru_cache(maxsize=64)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    import collections  # noqa: PLC0415

    return collections.namedtuple(name, fields)


def plain(item: Any) -> Any:  # noqa: PLR0911 - one per base
    """The value of an instance of a builtin's subclass, read past whatever the subclass overrides."""
    base: Any = _base(type(item))
    if base is None:
        raise TypeError("no plain value")
    if base is dict:
        return {key: dict.__getitem__(item, key) for key in dict.__iter__(item)}
    if base in (list, tuple, set, frozenset):
        return base(list(base.__iter__(item)))
    if base is str:
        return str.__getitem__(item, slice(None)) if item else ""
    if base is int:
        return int.__add__(item, 0)
    if base is float:
        return float.__add__(item, 0.0)
    if base is complex:
        return complex.__add__(item, 0j)
    return base.__getitem__(item, slice(None))


def _traits(item: Any, kind: type) -> int:
    flags = 0
    try:
        lies = item.__class__ is not kind
    except BaseException:
        lies = True
    if lies:
        flags |= OVERRIDES
    if issubclass(kind, type):
        flags |= IS_CLASS
        if issubclass(item, BaseException):
            flags |= IS_EXCEPTION
    return flags


def _numpy(item: Any, kind: type) -> tuple[str, Any] | None:
    """An array or scalar of numpy's as its bytes, without importing numpy."""
    if kind.__module__ != "numpy" or "numpy" not in sys.modules:
        return None
    numpy = sys.modules["numpy"]
    if kind is numpy.ndarray and item.dtype.kind in "?biufcSU":
        return "A", (item.dtype.str, item.shape, item.tobytes())
    if isinstance(item, numpy.generic) and item.dtype.kind in "?biufc":
        return "G", (item.dtype.str, item.tobytes())
    return None


# --- requests ---

_SAFE_STR = 2000  #: characters of an exception's text that travel


def _equal(item: Any, decoy: Any) -> bool:
    return bool(item == decoy)


def _equal_to_it(item: Any, decoy: Any) -> bool:
    return bool(decoy == item)


def _not_unequal(item: Any, decoy: Any) -> bool:
    unequal = item != decoy
    return not unequal


def _decoy_claims(item: Any, decoys: tuple[Any, ...]) -> bool:
    """Whether the object claims to be what it cannot be.

    Equal, or not unequal, to values that it has never seen.
    """
    for decoy in decoys:
        for claim in (_equal, _not_unequal, _equal_to_it):
            try:
                if claim(item, decoy):
                    return True
            except Exception:
                continue
    return False


def _instance_claims(kind: Any, decoys: tuple[Any, ...]) -> bool:
    try:
        return all(isinstance(decoy, kind) for decoy in decoys)
    except Exception:
        return False


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(builtins, name)
        for name in [
            "len",
            "iter",
            "next",
            "str",
            "repr",
            "int",
            "float",
            "complex",
            "bool",
            "hash",
            "abs",
            "round",
        ]
    },
    **{
        name: getattr(builtins, name)
        for name in ["format", "reversed", "bytes", "dir", "divmod", "isinstance", "issubclass", "pow"]
    },
    **{
        name: getattr(operator, name)
        for name in [
            "getitem",
            "setitem",
            "delitem",
            "contains",
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "neg",
            "pos",
            "invert",
            "index",
        ]
    },
    **{
        f"__{name.strip('_')}__": getattr(operator, name)
        for name in [
            "add",
            "sub",
            "mul",
            "truediv",
            "floordiv",
            "mod",
            "matmul",
            "and_",
            "or_",
            "xor",
            "lshift",
            "rshift",
            "pow",
            "iadd",
            "isub",
            "imul",
            "itruediv",
            "ifloordiv",
            "imod",
            "imatmul",
            "iand",
            "ior",
            "ixor",
            "ilshift",
            "irshift",
            "ipow",
        ]
    },
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "enter": lambda item: type(item).__enter__(item),
    "exit": lambda item, *args: type(item).__exit__(item, *args),
    "attr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "decoys": _decoy_claims,
    "instance_decoys": _instance_claims,
    "plain": plain,
    "plain_exception": lambda kind: next(k.__name__ for k in kind.__mro__ if k.__module__ == "builtins"),
}


class Worker:
    """The program's module and the loop that answers for it."""

    _channel: Channel
    _pid: int

    def __init__(self) -> None:
        self._file = os.path.join(os.getcwd(), "solution.py")
        self.objects = Objects(self.ask)
        self.module = ModuleType(MODULE)
        self._ahead: dict[str, Any] = {}  # what the judge was told of the program's names
        self._raised: list[tuple[BaseException, int]] = []
        self._verbs: dict[str, Callable[..., Any]] = {
            "start": self._start,
            "name": self._name,
            "call": self._call,
        }

    def serve(self, channel: Channel) -> None:
        """Serve one judge. Never returns; what the program left behind is not run."""
        try:
            self._answer_all(channel)
        except (Lost, MemoryError):
            os._exit(0)
        except BaseException:  # our own loop fails only where the program has changed it: say so
            with contextlib.suppress(OSError):
                os.write(3, b"\xff" * 64)
            os._exit(0)

    def rehearse(self, channel: Channel) -> None:
        """Serve, and come back when the channel ends."""
        with contextlib.suppress(Lost):
            self._answer_all(channel)

    def _answer_all(self, channel: Channel) -> None:
        self._channel = channel
        self._pid = os.getpid()
        while True:
            self.answer(*channel.receive())

    def ask(self, *request: Any) -> Any:
        """Ask the judge; answers the judge's own requests meanwhile."""
        self._channel.send(0, REQUEST, values.dumps(request, self.objects)[0])
        while True:
            nonce, kind, body = self._channel.receive()
            if kind == REQUEST:
                self.answer(nonce, kind, body)
                continue
            content = values.loads(body, self.objects)[0]
            if kind == RESULT:
                return content
            name, arguments, index = content
            error: BaseException = getattr(builtins, name)(*arguments)
            self._raised.append((error, index))
            raise error

    def answer(self, nonce: int, kind: bytes, body: bytes) -> None:
        """Do what one request asks for and send what comes of it."""
        try:
            request, held = values.loads(body, self.objects)
            verb = self._verbs.get(request[0])
            result = verb(*request[1:]) if verb is not None else OPERATIONS[request[0]](*request[1:])
            if request[0] == "call" and request[4]:
                result = result, [values.shallow(item) for item in held]
                reply, kind = values.dumps(result, self.objects, held)[0], RESULT
            else:
                reply, kind = values.dumps(result, self.objects)[0], RESULT
        except Lost:
            raise
        except BaseException as error:
            reply, kind = self._failure(error), RAISED
        if os.getpid() != self._pid:  # a child that the program forked and that came back from its call
            os._exit(0)
        if self._ahead and self._rebound():
            kind = REBOUND[kind == RAISED]
        self._channel.send(nonce, kind, reply)

    def _failure(self, error: BaseException) -> bytes:
        for known, index in self._raised:
            if known is error:
                return values.dumps(("", (), "", (), index), self.objects)[0]
        kinds = type(error).__mro__
        base = next(kind for kind in kinds if kind.__module__ == "builtins")
        names = tuple(kind.__name__[:100] for kind in kinds if kind.__module__ != "builtins")[:20]
        try:
            shown = (
                str(error)[:_SAFE_STR] if not isinstance(error, SyntaxError) else f"{error.msg} (line {error.lineno})"
            )
        except BaseException:
            shown = ""
        arguments: tuple[Any, ...] = ()
        try:
            if all(type(part) in (str, int, float, bool, type(None)) for part in error.args):
                arguments = tuple(part[:_SAFE_STR] if type(part) is str else part for part in error.args[:5])
        except BaseException:
            arguments = ()
        return values.dumps((base.__name__, arguments, shown, names, -1), self.objects)[0]

    def _start(self, spec: dict[str, Any]) -> Any:
        """Run the program; tell which of the asked names it binds, and what it makes of those wanted ahead."""
        sys.modules[MODULE] = self.module
        names = vars(self.module)
        names["__builtins__"] = builtins  # the real ones: our own modules have a copy
        names["__file__"] = self._file
        for source in spec["imports"]:
            exec(compiled(source), names)
        try:
            codes = compose(spec["prompt"], spec["code"], spec["entry_point"])
        except (MemoryError, RecursionError) as error:  # how the parser refuses deep nesting
            raise SyntaxError("the program is too deeply nested") from error
        text = spec["prompt"] + spec["code"]
        linecache.cache[FILE] = (len(text), None, text.splitlines(True), FILE)
        bound: set[str] = set()
        for code in codes:
            bound |= bound_in(code, spec["asked"])
        if spec["setup"]:
            self._borrow(spec["setup"], codes)
        if len(codes) > 1:
            exec(codes.pop(0), names)
        self.objects.class_names = frozenset(spec["classes"])
        self._find_classes()
        exec(codes[0], names)
        self._find_classes()
        ahead = {}
        for name in spec["ahead"]:
            if type(names.get(name)) in (FunctionType, type):
                self._ahead[name] = names[name]
                ahead[name] = self._name(name)
        return tuple(bound), ahead

    def _find_classes(self) -> None:
        for name in self.objects.class_names - self.objects.classes.keys():
            found = vars(self.module).get(name)
            if isinstance(found, type):
                self.objects.classes[name] = found

    def _borrow(self, setup: list[tuple[tuple[str, ...], bool, tuple[str, ...], str]], codes: list[CodeType]) -> None:
        """Define what the program uses of the tests' set-up.

        Classes always, the rest where it is loaded and not bound.
        """
        wanted = {name for code in codes for name in loaded_in(code)}
        defined = {name for defines, _, _, _ in setup for name in defines}
        bound = {name for code in codes for name in bound_in(code, defined)}
        chosen: set[int] = set()
        while True:
            more = {
                number
                for number, (defines, is_class, _, _) in enumerate(setup)
                if number not in chosen and (is_class or wanted & (set(defines) - bound))
            }
            if not more:
                break
            chosen |= more
            for number in more:
                wanted |= set(setup[number][2])
        for number in sorted(chosen):
            try:
                exec(compiled(setup[number][3]), vars(self.module))
            except Exception:  # it may rest on what the program defines later; the judge has its own
                continue

    def _rebound(self) -> bool:
        """Whether a name that the judge was told ahead is another object's now; said once."""
        names = vars(self.module)
        for name, found in self._ahead.items():
            if names.get(name) is not found:
                self._ahead.clear()
                return True
        return False

    def _name(self, name: str) -> Any:
        """A name of the module.

        A value, or what the judge may import itself, or an object that stays here.
        """
        names = vars(self.module)
        if name not in names:
            return "answers" if "__getattr__" in names else "missing", None
        found = names[name]
        if type(found) is ModuleType and found.__name__ == name:
            return "module", name
        home = getattr(found, "__module__", None)
        if (
            type(found) in (type, BuiltinFunctionType, type(compose))
            and type(home) is str
            and home.lstrip("_") in values.SHARED
        ):
            return "shared", (home.lstrip("_"), found)
        return "object", found

    def _call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], restore: bool) -> Any:
        return target(*args, **kwargs)
