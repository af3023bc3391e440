"""One run: the program, then the task's own tests, in one namespace of plain Python, in a process made for it.

Nothing here is out of the program's reach and nothing that it reports is believed by itself: a pass counts because the
run says of each assertion which of the choices it is offered is the true one, and nothing here knows that.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import linecache
import marshal
import os
import reprlib
import resource
import socket
import sys
from collections.abc import Iterable
from copy import copy
from itertools import tee
from types import CodeType, ModuleType, TracebackType
from typing import Any

from . import frames, testfile

MODULE = "solution"
FILE = "<solution>"
TESTS = "<test"  #: how the file names of the tests' own text begin
_MAX_SHOWN = 400


def compiled(source: str) -> CodeType:
    """The code of a module's text; asserts stay in whatever the environment says."""
    try:
        return compile(source, FILE, "exec", dont_inherit=True, optimize=0)
    except (MemoryError, RecursionError):
        raise SyntaxError("too much for the compiler") from None


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
    if entry_point is None or not _binds(whole, entry_point):
        return [compiled(prompt + code)]
    try:
        return [compiled(prompt), whole]
    except SyntaxError:  # a prompt that ends in an open `def` line
        return [whole]


def _binds(code: CodeType, name: str) -> bool:
    return name in code.co_names and any(
        step.opname in ("STORE_NAME", "STORE_GLOBAL") and step.argval == name for step in dis.get_instructions(code)
    )


_Tee: type = type(tee((), 1)[0])


class Choices:
    """The values that one question offers."""

    __slots__ = ("number", "values")

    def __init__(self, number: int, *values: Any) -> None:
        self.number, self.values = number, values


class Run:
    """One order carried out; `send` takes each report."""

    def __init__(self, head: bytes, body: bytes, send: Any) -> None:
        self._token, self._code, self._prompt, self._entry_point = marshal.loads(head)
        self._imports, self._setup, self._tests, self._visible, self._prefix = marshal.loads(body)
        self._send = send
        self._names: dict[str, Any] = {}
        self._process = os.getpid()
        self._told: dict[int, int] = {}

    def report(self) -> None:
        """Run it all; the last report says how it ended."""
        try:
            self._load()
            if self._visible is not None:
                self._tell(frames.VISIBLE, b"%d" % self._passes_visible())
            for setup in self._setup:
                exec(setup, self._names)
            for number, test in enumerate(self._tests, 1):
                if test.co_filename == frames.TEST_FILE:
                    testfile.run(test, self._names)
                else:
                    exec(test, self._names)
                if number == self._prefix:
                    self._tell(frames.VISIBLE, b"1")
        except BaseException as error:
            with contextlib.suppress(Exception):  # what is left of the memory limit is for telling of it
                resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
            self._tell(*ended(error))
        else:
            self._tell(frames.PASSED, b"", b"")

    def _load(self) -> None:
        """Execute the imports and the program as a module."""
        module = ModuleType(MODULE)
        module.__file__ = FILE
        sys.modules[MODULE] = module
        builtins.__dict__.update({frames.ASK: self._ask, frames.CHOICES: Choices, frames.CAUGHT: self._caught})
        self._names = names = module.__dict__
        names.update({"__builtins__": vars(builtins), frames.KEPT: None})
        for code in self._imports:
            exec(code, names)
        text = self._prompt + self._code
        linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
        for code in compose(self._prompt, self._code, self._entry_point):
            exec(code, names)

    def _passes_visible(self) -> bool:
        """Run the visible tests in a fork, so that they change nothing for the others; its token proves its end."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid:
            os.close(theirs)
            os.waitpid(pid, 0)
            os.set_blocking(ours, False)  # a process that is left behind may hold the other end
            with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as end:
                return bool(end.read(len(self._token)) == self._token)
            return False
        try:
            self._process = os.getpid()
            for test in (*self._setup, *self._visible):
                exec(test, self._names)
            os.write(theirs, self._token)
        finally:
            os._exit(0)

    def _ask(self, mode: int, check: Any, choices: Any, *operands: Any) -> bool:
        """Report for which of its choices a condition is true, or a call raises nothing; whether there is one."""
        if mode == frames.TRUE:
            self._answer(choices.number, 1 << bool(operands[0]), _text(_got(*operands)))
            return True
        if mode == frames.MEMBER:
            self._answer(choices.number, _holds(*operands), _text(_got(operands[1])))
            return True
        raising = mode == frames.RAISING
        if type(choices) is not Choices:  # a table's row that is no question
            return bool(check(choices, *operands)) or raising
        if mode != frames.COMPARED:  # each call may read what comes but once
            operands = tuple(tee(each, 1)[0] if hasattr(type(each), "__next__") else each for each in operands)
        held, errors = 0, list[Exception]()
        for number, choice in enumerate(choices.values):
            try:
                fresh = (copy(each) if type(each) is _Tee else each for each in operands)
                held |= (bool(check(choice, *fresh)) or raising) << number
            except AssertionError as error:
                errors += [] if raising else [error]
            except Exception as error:
                errors.append(error)
        if held:
            self._answer(choices.number, held)
        elif len(errors) == len(choices.values):
            raise errors[0]
        elif raising:
            raise AssertionError(_got(*operands[:1]))
        return held != 0

    def _caught(self, choices: Choices | None = None) -> tuple[Any, ...]:
        """Report which choices the exception is of that is being handled; these. None: there should be one."""
        if choices is None:
            raise AssertionError("nothing is raised")
        error = sys.exc_info()[1]
        held = [isinstance(error, kind) for kind in choices.values]
        if any(held):
            self._answer(choices.number, sum(each << number for number, each in enumerate(held)))
        kinds = [kind for kind, each in zip(choices.values, held, strict=True) if each]
        return tuple(part for kind in kinds for part in (kind if isinstance(kind, tuple) else (kind,)))

    def _answer(self, number: int, held: int, shown: bytes = b"") -> None:
        if self._told.get(number) != held:
            self._told[number] = held
            self._tell(frames.ANSWER, b"%d" % number, b"%x" % held, shown)

    def _tell(self, *fields: bytes) -> None:
        if os.getpid() != self._process:  # a fork of the program's that has come back to us
            os._exit(0)
        self._send(frames.pack(frames.SEPARATOR.join((self._token, *fields))))


def ended(error: BaseException) -> tuple[bytes, bytes, bytes]:
    """What an exception out of the tests comes to: a kind, the lines of the tests that it passed, and a text."""
    steps = list(_steps(error.__traceback__))
    lines = b" ".join(f"{code.co_filename[1:-1]}:{line}".replace(" ", ".").encode() for code, line, _ in steps)
    inner = steps and not any(code.co_filename == FILE for code in _after(error.__traceback__, steps[-1][2]))
    if isinstance(error, MemoryError):
        return frames.MEMORY, lines, b"MemoryError"
    if isinstance(error, SystemExit):
        return frames.EXIT, lines, _text(_shown(error))
    if type(error).__name__ == frames.TOO_LONG:
        return frames.LATE, lines, _text(str(error))
    if isinstance(error, AssertionError) and inner:
        beyond = any(True for _ in _after(error.__traceback__, steps[-1][2]))  # raised by unittest or pytest for them
        return frames.WRONG, lines, _text(str(error) if beyond else _got(steps[-1][2].f_locals.get(frames.KEPT)))
    return frames.ERROR, lines, _text(_shown(error))


def _steps(trace: TracebackType | None) -> Iterable[tuple[CodeType, int, Any]]:
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(TESTS):
            yield trace.tb_frame.f_code, trace.tb_lineno, trace.tb_frame
        trace = trace.tb_next


def _after(trace: TracebackType | None, last: Any) -> Iterable[CodeType]:
    """The code of the frames below `last`, which stands in the traceback."""
    seen = False
    while trace is not None:
        if seen:
            yield trace.tb_frame.f_code
        seen = seen or trace.tb_frame is last
        trace = trace.tb_next


def _holds(member: Any, container: Any) -> int:
    """The choices that hold of `member in container`: false, true, or both where it holds anything."""
    if member not in container:
        return 1
    with contextlib.suppress(Exception):
        return 2 if hasattr(type(container), "__next__") or [member, None] not in container else 3
    return 2


def _got(*value: Any) -> str:
    try:
        return f"got {_short.repr(*value)}" if value else ""
    except BaseException:
        return "got ?"


def _shown(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)[: 2 * _MAX_SHOWN]
    except BaseException:
        text = ""
    if isinstance(error, SyntaxError) and text and FILE[1:-1] in text:
        text = f"{error.msg} (line {error.lineno})"
    return f"{name}: {text}" if text else name


def _text(text: str) -> bytes:
    return text[:_MAX_SHOWN].replace("\0", " ").encode("utf-8", "replace")


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 20

    def repr_int(self, value: int, level: int) -> str:
        return repr(value) if value.bit_length() < 200 else f"an int of {value.bit_length()} bits"

    def repr_instance(self, value: Any, level: int) -> str:
        kind = type(value)
        if vars(object)["__repr__"] is getattr(kind, "__repr__", None):
            return f"<{kind.__name__} object>"
        return super().repr_instance(value, level)


_short = _Short()


def serve(sock: socket.socket, live: Any) -> None:
    """Carry out the order that comes, and leave; `live` is the class of a live run."""
    try:
        run = _ordered(sock, live)
    except (EOFError, OSError):
        return
    run.report()


def _ordered(sock: socket.socket, live: Any) -> Any:
    """The run that is asked for; the bytes of its order are then gone."""
    head, body = frames.read(sock), frames.read(sock)
    return live(head, body, sock) if head.startswith(frames.LIVE) else Run(head, body, sock.sendall)
