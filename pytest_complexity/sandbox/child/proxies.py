"""The program's objects as trusted code sees them, and the judge's end of the channel.

Plain values arrive as themselves. Everything else is a `Handle`: a stand-in that forwards what is done with
it to the worker. A handle is never equal to a trusted value, and no trusted value is sent to decide a
comparison: an object that answers yes to everything would pass. Whether it would have is asked with decoys,
and such an object is a forgery.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import os
import random
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any, NoReturn, TypeVar, cast

from . import values
from .trusted import PURE_MODULES
from .wire import RAISED, REBOUND, REQUEST, RESULT, Channel, Forged, Lost

OVERRIDES, IS_CLASS, IS_EXCEPTION, HAS_VALUE, BUILTIN_BASE = 1, 2, 4, 8, 16
_TYPES: dict[str, type] = {n: k for n, k in vars(builtins).items() if isinstance(k, type)}
_RAISABLE = {n: k for n, k in _TYPES.items() if issubclass(k, BaseException)}
_FUNCTIONS = (
    FunctionType,
    BuiltinFunctionType,
    type(str.upper),
    type(int.__add__),
    type("".join),
    functools.partial,
)
_T = TypeVar("_T")
_random = random.Random()


def reseed() -> None:
    """Have this process choose decoys and nonces that no other one chooses."""
    _random.seed(os.urandom(16))


class Session:
    """The judge's end of the channel: asks the worker, serves callbacks, keeps what it has seen."""

    def __init__(self, channel: Channel, module: str) -> None:
        self._channel = channel
        self._module = module
        self._objects: list[Any] = []  # the judge's own, that the worker may call
        self._places: dict[int, int] = {}
        self._handles: dict[int, Handle] = {}
        self._errors: list[BaseException] = []
        self._exceptions: dict[str, type[BaseException]] = {}
        self.names: dict[str, Any] = {}  # the trusted namespace
        self.reference_classes: Callable[[], frozenset[str]] = frozenset
        self.named_classes: set[int] = set()
        self.assertion_files: dict[str, int] = {}  # file -> the last line of its plain statements
        self.forged = ""
        self.lost = False
        self.pure = True  # as long as no module with a state of its own came into the tests' hands
        self._ahead: dict[str, tuple[str, Any]] = {}  # names that the worker told before they were asked
        self.remote: list[BaseException] = []  # what the program raised, newest last

    # --- requests ---

    def ask(self, *request: Any) -> Any:
        """What the worker answers. Raises what the program raised, `Lost` or `Forged`."""
        return self._exchange(request, None)

    def call(self, handle: Handle, args: tuple[Any, ...], kwargs: dict[str, Any], restore: bool) -> Any:
        """Call one of the program's objects; with `restore` its changes to the arguments come back."""
        request = ("call", handle, args, kwargs, restore)
        if not restore:
            return self._exchange(request, None)
        body, held = values.dumps(request, self)
        answer = self._exchange(None, body, held)
        if type(answer) is not tuple or len(answer) != 2 or type(answer[1]) is not list:
            self.forge("a call's answer is malformed")
        values.restore(held, answer[1])
        return answer[0]

    def _exchange(self, request: Any, body: bytes | None, held: list[Any] | None = None) -> Any:
        if self.lost:
            raise Lost
        if body is None:
            body = values.dumps(request, self)[0]
        nonce = _random.getrandbits(64)
        try:
            self._channel.send(nonce, REQUEST, body)
            while True:
                echoed, kind, body = self._channel.receive()
                if kind == REQUEST:
                    self._serve(body)
                    continue
                if echoed != nonce:
                    raise Forged("an answer to no question")
                if kind in REBOUND:
                    self._ahead.clear()
                    kind = kind.lower()
                content = values.loads(body, self, held)[0]
                if kind == RESULT:
                    return content
                if kind == RAISED:
                    raise self._raised(content)
                raise Forged("a frame of no known kind")
        except Lost:
            self.lost = True
            raise
        except Forged as error:
            self.forge(str(error))

    def forge(self, why: str) -> NoReturn:
        """Note the forgery and end the trial. Raises Forged always."""
        self.forged = self.forged or why
        raise Forged(why)

    def _raised(self, content: Any) -> BaseException:
        """What the program raised, as the nearest builtin class or the class that the tests know by name."""
        if type(content) is not tuple or len(content) != 5:
            raise Forged("an exception is malformed")
        name, arguments, shown, own, index = content
        if type(index) is not int or type(own) is not tuple or type(arguments) is not tuple or type(shown) is not str:
            raise Forged("an exception is malformed")
        if 0 <= index < len(self._errors):
            return self._errors[index]
        kind: type[BaseException] | None = _RAISABLE.get(name) if type(name) is str else None
        if kind is None:
            raise Forged("an exception of no known class")
        label = own[0] if own and type(own[0]) is str else kind.__name__
        for known in reversed(own):
            if type(known) is str and known.isidentifier():
                kind = self._exceptions.setdefault(known, type(known, (kind,), {}))
        try:
            error = kind(*(arguments or ((shown,) if shown else ())))
        except Exception:
            error = kind.__new__(kind)
        error.__cx_shown__ = (label, shown)  # type: ignore[attr-defined]
        self.remote.append(error)
        return error

    def _serve(self, body: bytes) -> None:
        """Answer one callback: what a program may do with an object of the tests."""
        request = values.loads(body, self)[0]
        if type(request) is not tuple or len(request) < 2 or request[0] not in _CALLBACKS:
            raise Forged("a callback of no known kind")
        if type(request[1]) is not int or not 0 <= request[1] < len(self._objects):
            raise Forged("a callback to no known object")
        target = self._objects[request[1]]
        try:
            result = _CALLBACKS[request[0]](target, *request[2:])
            body, kind = values.dumps(result, self)[0], RESULT
        except (Forged, Lost):
            raise
        except BaseException as error:
            self._errors.append(error)
            base = next(k for k in type(error).__mro__ if k.__module__ == "builtins")
            shown = tuple(a for a in error.args if type(a) in (str, int, float))
            if base in (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError):
                base, shown = UnicodeError, ()
            body, kind = values.dumps((base.__name__, shown, len(self._errors) - 1), self)[0], RAISED
        self._channel.send(0, kind, body)

    # --- names ---

    def start(self, spec: dict[str, Any]) -> frozenset[str]:
        """Have the program run; those of the asked names that it binds."""
        answer = self.ask("start", spec)
        if type(answer) is not tuple or [type(part) for part in answer] != [tuple, dict]:
            self.forge("the first answer is malformed")
        bound, self._ahead = answer
        if not all(type(name) is str for name in bound):
            self.forge("the first answer is malformed")
        return frozenset(bound)

    def name(self, name: str) -> Any:
        """A name that the program binds. Raises KeyError where it does not."""
        answer = self._ahead.get(name) or self.ask("name", name)
        if type(answer) is not tuple or len(answer) != 2:
            self.forge("a name's answer is malformed")
        how, found = answer
        if how == "missing":
            raise KeyError(name)
        if how == "answers":
            self.forge("the module answers every name")
        if how == "module" and name in sys.stdlib_module_names and name not in ("antigravity", "this", "unittest"):
            self.pure = self.pure and name in PURE_MODULES
            return importlib.import_module(name)
        if how == "shared" and type(found) is tuple and len(found) == 2:
            home, found = found
            if type(home) is str and home in values.SHARED and hasattr(importlib.import_module(home), name):
                self.pure = self.pure and home in PURE_MODULES
                return getattr(importlib.import_module(home), name)
        if type(found) is Handle:
            found = self._named(name, found)
        return found

    def _named(self, name: str, handle: Handle) -> Any:
        place, _, flags, _ = _get(handle, "_cx")
        if not flags & IS_CLASS:
            return handle
        if flags & IS_EXCEPTION:
            base = self.ask("plain_exception", handle)
            kind = _RAISABLE.get(base, Exception) if type(base) is str else Exception
            known = self._exceptions.setdefault(name, type(name, (kind,), {}))
            known.__cx_class__ = handle  # type: ignore[attr-defined]
            return known
        if name[:1].isupper() or name in self.reference_classes():
            self.named_classes.add(place)
        return handle

    # --- values ---

    def class_name(self, item: Any) -> str | None:
        """As `values.Side` says."""
        kind = type(item)
        if kind.__module__ == self._module and self.names.get(kind.__name__) is kind and hasattr(item, "__dict__"):
            return kind.__name__ if kind.__base__ is object or object.__new__ is kind.__new__ else None
        return None

    def blank(self, name: str) -> Any:
        """As `values.Side` says."""
        kind = self.names.get(name)
        if not isinstance(kind, type) or kind.__module__ != self._module:
            raise Forged("an instance of no known class")
        return object.__new__(kind)

    def export(self, item: Any) -> tuple[str, Any]:  # noqa: PLR0911 - one per kind of reference
        """As `values.Side` says."""
        kind = type(item)
        if kind is Handle:
            return "H", _get(item, "_cx")[0]
        remote = getattr(item, "__cx_class__", None) if isinstance(item, type) else None
        if type(remote) is Handle:
            return "H", _get(remote, "_cx")[0]
        reference = _reference(item)
        if reference is not None:
            return "C", reference
        if isinstance(item, tuple) and hasattr(kind, "_fields"):
            return "P", (kind.__name__, tuple(kind._fields), tuple(item))
        if kind.__module__ == "numpy" and hasattr(item, "tobytes"):
            return "A", (item.dtype.str, item.shape, item.tobytes())
        plain: Any
        for plain in (int, float, str, list, tuple, dict, set, frozenset):
            if kind is not plain and isinstance(item, plain) and kind.__module__ != self._module:
                return "=", plain(item)
        return self.refer(item)

    def refer(self, item: Any) -> tuple[str, Any]:
        """As `values.Side` says."""
        if type(item) is Handle:
            return "H", _get(item, "_cx")[0]
        place = self._places.get(id(item))
        if place is None:
            place = self._places[id(item)] = len(self._objects)
            self._objects.append(item)
        return "J", (place, str(getattr(item, "__name__", type(item).__name__))[:100])

    def resolve(self, tag: str, content: Any) -> Any:
        """As `values.Side` says."""
        if tag == "H":
            return self._handle(content)
        if tag == "J" and type(content) is int and 0 <= content < len(self._objects):
            return self._objects[content]
        if tag == "C" and type(content) is tuple and len(content) == 2 and content[0] == "builtins":
            return _TYPES[content[1]]
        if tag == "P":
            _, fields, items = content
            if type(items) is tuple and type(fields) is tuple and len(fields) < 256:
                return _named_tuple(fields)(*items)
        if tag in "AG":
            import numpy  # noqa: PLC0415 - only where the task declares it

            kind, *shape, raw = content
            array = numpy.frombuffer(raw, dtype=_dtype(numpy, kind))
            return array.reshape(shape[0]).copy() if tag == "A" else array[0]
        raise Forged("a reference of no known kind")

    def _handle(self, content: Any) -> Handle:
        if type(content) is not tuple or [type(part) for part in content] != [int, int, int, str]:
            raise Forged("a handle is malformed")
        handle = self._handles.get(content[0])
        if handle is None:
            handle = self._handles[content[0]] = object.__new__(Handle)
            object.__setattr__(handle, "_cx", content)
            object.__setattr__(handle, "_session", self)
        return handle

    # --- suspicion ---

    def suspect(self, handle: Handle) -> None:
        """Ask whether an object claims to be what it is not; a `yes` ends the trial as a forgery."""
        if _get(handle, "_cx")[2] & OVERRIDES:
            self.forge("an object of a builtin's class overrides comparison, or lies about its class")
        if self.ask("decoys", handle, _decoys()):
            self.forge("an object claims to be equal to everything")


def _decoys() -> tuple[Any, ...]:
    number = _random.randint(10**6, 10**9)
    word = "".join(_random.choices("abcdefghijklmnopqrstuvwxyz", k=12))
    return number, word, [number, word], (number,), number + 0.5, {word: number}, None, True


def _dtype(numpy: Any, kind: Any) -> Any:
    if type(kind) is not str or len(kind) > 12 or "O" in kind:
        raise Forged("an array of no known type")
    return numpy.dtype(kind)


@functools.lru_cache(maxsize=64)
def _named_tuple(fields: tuple[str, ...]) -> Any:
    import collections  # noqa: PLC0415

    return collections.namedtuple("Named", fields)


def _reference(item: Any) -> tuple[str, str] | None:
    """Where the worker finds the same builtin or standard function or class, by (module, path)."""
    path = getattr(item, "__qualname__", None)
    if not isinstance(item, (type, *_FUNCTIONS)) or type(path) is not str:
        return None
    module = getattr(item, "__module__", None) or getattr(getattr(item, "__objclass__", None), "__module__", None)
    if type(module) is not str or module.split(".")[0] not in sys.stdlib_module_names:
        return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return (module, path) if found is item else None


_CALLBACKS: dict[str, Callable[..., Any]] = {
    "call": lambda target, args, kwargs: target(*args, **kwargs),
    "iter": iter,
    "next": next,
    "len": len,
    "getitem": lambda target, key: target[key],
}

_get = object.__getattribute__


def _same_side(handle: Handle, other: Any) -> bool:
    """Whether an operator may show the other operand to the program.

    It may where that is the program's own, or where the tests name the handle's class themselves.
    """
    return type(other) is Handle or _get(handle, "_cx")[1] in _get(handle, "_session").named_classes


def _binary(name: str) -> Callable[[Any, Any], Any]:
    def operate(self: Handle, other: Any) -> Any:
        session = _get(self, "_session")
        if _get(self, "_cx")[2] & HAS_VALUE and type(other) is not Handle:
            return getattr(session.ask("plain", self), name)(other)
        if not _same_side(self, other):
            session.suspect(self)
            return NotImplemented
        if name in _ORDERING:
            return session.ask(_ORDERING[name], self, other)
        if name.startswith("__r") and name not in ("__rshift__",):
            return session.ask(f"__{name[3:]}", other, self)
        return session.ask(name, self, other)

    return operate


_ORDERING = {"__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge"}


def _unary(name: str) -> Callable[..., Any]:
    def operate(self: Handle, *args: Any) -> Any:
        return _get(self, "_session").ask(name, self, *args)

    return operate


class Handle:
    """An object that stays with the program."""

    __slots__ = ("_cx", "_session")
    _cx: tuple[int, int, int, str]
    _session: Session

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Handle
        return _get(self, "_session").ask("attr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _get(self, "_session").ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        _get(self, "_session").ask("delattr", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - pass the call on
        session = _get(self, "_session")
        caller = sys._getframe(1)
        last = session.assertion_files.get(caller.f_code.co_filename)
        restore = last is not None and caller.f_lineno <= last
        return session.call(self, args, kwargs, restore)

    def __eq__(self, other: Any) -> Any:
        if self is other:
            return True
        session = _get(self, "_session")
        session.suspect(self)
        if type(other) is Handle:
            session.suspect(other)
            return session.ask("eq", self, other)
        if _get(self, "_cx")[2] & HAS_VALUE:
            return session.ask("plain", self) == other
        return False

    def __ne__(self, other: Any) -> Any:
        if type(other) is Handle and self is not other:
            session = _get(self, "_session")
            session.suspect(self)
            session.suspect(other)
            return session.ask("ne", self, other)
        return not self == other

    def __hash__(self) -> int:
        return hash(_get(self, "_session").ask("hash", self))

    def __contains__(self, item: Any) -> bool:
        session = _get(self, "_session")
        if _same_side(self, item):
            return bool(session.ask("contains", self, item))
        return any(found is item or found == item for found in session.ask("iter", self))

    def __instancecheck__(self, item: Any) -> bool:
        session = _get(self, "_session")
        if session.ask("instance_decoys", self, _decoys()):
            session.forge("a class claims every instance")
        return type(item) is Handle and bool(session.ask("isinstance", item, self))

    def __subclasscheck__(self, item: Any) -> bool:
        return bool(_get(self, "_session").ask("issubclass", item, self))

    def __bool__(self) -> bool:
        return _exact(self, "bool", bool)

    def __index__(self) -> int:
        return _exact(self, "index", int)

    def __int__(self) -> int:
        return _exact(self, "int", int)

    def __float__(self) -> float:
        return _exact(self, "float", float)

    def __complex__(self) -> complex:
        return _exact(self, "complex", complex)

    def __str__(self) -> str:
        return _exact(self, "str", str)

    def __repr__(self) -> str:
        return _exact(self, "repr", str)

    def __format__(self, spec: str) -> str:
        return str(_get(self, "_session").ask("format", self, spec))

    def __bytes__(self) -> bytes:
        return _exact(self, "bytes", bytes)

    def __iter__(self) -> Any:
        return iter(found) if type(found := _get(self, "_session").ask("iter", self)) is not Handle else found

    __len__ = _unary("len")
    __next__ = _unary("next")
    __getitem__ = _unary("getitem")
    __setitem__ = _unary("setitem")
    __delitem__ = _unary("delitem")
    __reversed__ = _unary("reversed")
    __enter__ = _unary("enter")
    __dir__ = _unary("dir")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        return _get(self, "_session").ask("exit", self, None, None, None)


for _name in ["neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil"]:
    setattr(Handle, f"__{_name}__", _unary(_name))
for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "pow",
    "divmod",
]:
    for _form in ("__{}__", "__r{}__", "__i{}__"):
        if (_name, _form) != ("divmod", "__i{}__"):
            setattr(Handle, _form.format(_name), _binary(_form.format(_name)))
for _name in _ORDERING:
    setattr(Handle, _name, _binary(_name))


def _exact(handle: Handle, name: str, kind: type[_T]) -> _T:
    """A conversion's result, which must be of exactly that type."""
    session = _get(handle, "_session")
    found = session.ask(name, handle)
    if type(found) is not kind:
        session.forge(f"{name}() gives something else")
    return cast("_T", found)
