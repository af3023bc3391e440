"""A live run: the program is loaded once and answers calls of its functions until the test outside has done with it.

It sees no test, so nothing here need be out of its reach: whatever it answers is a plain value that the test judges.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from typing import Any

from . import frames, plain, runner

MAX_MESSAGE = 1000  #: characters of an exception's text


class Live(runner.Run):
    """Carries out an order whose tests are the task's set-up alone, then a call for each frame that comes."""

    def __init__(self, head: bytes, body: bytes, sock: socket.socket) -> None:
        super().__init__(head[len(frames.LIVE) :], body, sock.sendall)
        self._sock = sock

    def report(self) -> None:
        """Load, say so, and answer until nobody asks."""
        import json  # noqa: PLC0415 - a page in every run, for live ones alone

        self._reply(json.dumps, self._ready)
        with contextlib.suppress(EOFError, OSError):
            while True:
                name, arguments, keywords = plain.decode(json.loads(frames.read(self._sock)))
                self._reply(json.dumps, lambda: self._call(name, arguments, keywords))  # noqa: B023 - called at once

    def _ready(self) -> None:
        self._load()
        for setup in self._setup:
            exec(setup, self._names)

    def _call(self, name: str, arguments: Any, keywords: Any) -> Any:
        """What the function gives; without arguments, whether there is one. Raises whatever it raises."""
        if name not in self._names:
            raise NameError(f"name {name!r} is not defined")
        function = self._names[name]
        if arguments is not None:
            return function(*arguments, **keywords)
        if not callable(function):
            raise TypeError(f"{name!r} is of type {type(function).__name__}, which cannot be called")
        return None

    def _reply(self, dumps: Any, act: Any) -> None:
        """Report one value, one exception, or the end."""
        try:
            said = dumps(plain.encode(act()))
            self._tell(frames.VALUE, said.encode())
        except plain.NotPlain as error:
            self._tell(frames.STRANGE, str(error).encode("utf-8", "replace"))
        except (SystemExit, MemoryError) as error:
            with contextlib.suppress(Exception):  # as in `Run.report`
                resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
            self._tell(*runner.ended(error))
            os._exit(0)
        except BaseException as error:
            self._tell(frames.RAISED, dumps(_described(error)).encode())


def _described(error: BaseException) -> list[Any]:
    """Its type's name, those of the builtin exceptions that it is, the nearest first, and its text."""
    bases = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:
        text = ""
    return [type(error).__name__, bases, text[:MAX_MESSAGE]]
