"""A program that stays loaded in the sandbox while a test outside calls its functions."""

from __future__ import annotations

import builtins
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox.child import plain
from pytest_complexity.sandbox.client import Client


class ProgramError(Exception):
    """An exception of the program under test; `type` is its type's name.

    Where the program's exception is one of Python's own, or a subclass, so is this one: `pytest.raises(ValueError)`
    sees it. A plain `ProgramError` says that the program returned what does not cross.
    """

    type: str = ""

    def __init__(self, message: str = "") -> None:
        self.message = message

    def __str__(self) -> str:
        return self.message


class ProgramStopped(BaseException):
    """The program has ended before the test has: killed at a limit, crashed, or left. No test is meant to catch it."""

    def __init__(self, verdict: Verdict, detail: str = "") -> None:
        self.verdict = verdict
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.verdict.value}: {self.detail}" if self.detail else self.verdict.value


class _Function:
    """A function of the program's, shown by its name alone in an assertion's message."""

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.__name__ = name
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(self.__name__, args, kwargs)

    def __repr__(self) -> str:
        return self.__name__


class LiveRun:
    """One process that holds a program; made by `Sandbox.start`.

    `seconds` is what the program may take for loading and all calls together. After its end each further call raises
    the same `ProgramStopped`.
    """

    def __init__(
        self, client: Client, program: Mapping[str, Any], seconds: float, done: Callable[[Client], None]
    ) -> None:
        self._client = client
        self._packages = tuple(program["packages"])
        self._left = seconds
        self._done = done
        self._end: ProgramStopped | None = None
        self._over = False
        try:
            self._said = self._take({"live": "start", "program": dict(program)})
        except BaseException:
            self.close()
            raise

    def function(self, name: str) -> Callable[..., Any]:
        """The program's function of this name, to be called with plain values.

        Raises ProgramError where there is none.
        """

        self._call(name, None, {})
        return _Function(name, self._call)

    def close(self) -> None:
        """End the process."""
        if not self._over:
            self._over = True
            try:
                self._client.request({"live": "end", "seconds": 0.0}, self._packages, attempts=1)
            except SandboxError:
                self._client.close()
            self._done(self._client)

    def _call(self, name: str, args: tuple[Any, ...] | None, kwargs: dict[str, Any]) -> Any:
        if self._end is not None:
            raise self._end
        try:
            said = json.dumps(plain.encode((name, list(args) if args is not None else None, kwargs)))
        except plain.NotPlain as why:
            raise TypeError(f"{name}() was given {why}, which does not cross into the sandbox: pass builtins") from None
        answer = self._take({"live": "call", "call": said})
        if answer["kind"] == "strange":
            raise ProgramError(f"{name}() returned {answer['text']}, which does not cross out of the sandbox")
        try:
            return plain.decode(json.loads(answer["text"]))
        except (ValueError, TypeError, KeyError, RecursionError) as why:
            raise self._stopped(Verdict.TAMPERED, "an answer that is no plain value") from why

    def _take(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """The next answer. Raises what the program raised, or that it has ended; SandboxError: the harness failed."""
        first = request["live"] == "start"
        if self._over and not first:
            raise SandboxError("the live run is closed")
        if self._left <= 0:
            raise self._stopped(Verdict.TIMEOUT, "")
        request = {**request, "seconds": self._left}
        answer = self._client.request(request, self._packages, **({} if first else {"attempts": 1}))
        self._left -= answer["seconds"]
        if answer["kind"] == "end":
            raise self._stopped(Verdict(answer["verdict"]), answer["detail"])
        if answer["kind"] == "raised":
            raise self._error(answer["text"])
        return answer

    def _error(self, text: str) -> BaseException:
        try:
            name, bases, message = json.loads(text)
            return _kind(str(name), tuple(map(str, bases)))(str(message))
        except (ValueError, TypeError, RecursionError):
            return self._stopped(Verdict.TAMPERED, "an exception that is none")

    def _stopped(self, verdict: Verdict, detail: str) -> ProgramStopped:
        self._end = ProgramStopped(verdict, detail)
        return self._end


@functools.lru_cache(maxsize=256)  # hypothesis tells failures apart by their type
def _kind(name: str, bases: tuple[str, ...]) -> type[ProgramError]:
    """A type of `ProgramError` that is also the nearest of Python's own exceptions."""
    for base in bases:
        found = getattr(builtins, base, None)
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, BaseExceptionGroups):
            return type(name, (ProgramError, found), {"type": name, "__module__": "solution"})
    return type(name, (ProgramError,), {"type": name, "__module__": "solution"})


#: an exception group cannot be made without the exceptions that it holds
BaseExceptionGroups: tuple[type, ...] = (
    (builtins.BaseExceptionGroup,) if hasattr(builtins, "BaseExceptionGroup") else ()  # type: ignore[attr-defined,unused-ignore]
)
