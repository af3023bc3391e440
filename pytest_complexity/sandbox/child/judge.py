"""One trial's judge: trusted code alone, in a process that the program cannot reach.

It executes the task's imports, prompt, set-up and assertions. Names that this code does not define are
asked of the worker, at each use. What comes back is plain values and handles; what decides is the
traceback.
"""

from __future__ import annotations

import builtins
import re
import reprlib
import traceback
from typing import Any

from .proxies import Handle, Session
from .trusted import BUILTINS, KEEP, Plan
from .wire import Channel, Forged, Lost

MODULE = "tests"
MAX_DETAIL = 200


class Names(dict[str, Any]):
    """The namespace of the trusted code; what is missing is the program's."""

    def __init__(self, session: Session) -> None:
        super().__init__(__name__=MODULE, __builtins__=builtins)
        self._session = session
        self.redefined: frozenset[str] = frozenset()

    def __missing__(self, name: str) -> Any:
        if name in BUILTINS and name not in self.redefined:
            raise KeyError(name)
        return self._session.name(name)


class Judge:
    """Judges one program by one plan over one channel."""

    def __init__(self, channel: Channel, program: dict[str, Any], plan: Plan) -> None:
        self._program, self._plan = program, plan
        self._session = Session(channel, MODULE)
        self._names = Names(self._session)
        self._session.names = self._names
        self._session.reference_classes = lambda: plan.reference_names[1]
        self._kept: Any = None
        self._names[KEEP] = self._keep
        self._session.assertion_files = plan.last_plain_lines

    @property
    def pure(self) -> bool:
        """Whether the tests have met no module whose state they could have changed."""
        return self._session.pure

    def verdict(self) -> tuple[str, str]:
        """The verdict and its detail.

        `lost` where the worker is gone, which the verifier knows more about.
        """
        session = self._session
        try:
            outcome = self._judge()
        except BaseException as error:
            outcome = self._of(error)
        if session.forged:
            return "tampered", session.forged
        if session.lost:
            return "lost", ""
        return outcome[0], tidy(outcome[1])

    def _judge(self) -> tuple[str, str]:
        program, plan = self._program, self._plan
        spec = {
            "code": program["code"],
            "prompt": program["prompt_code"],
            "imports": list(program["test_imports"]),
            "entry_point": program["entry_point"],
            "setup": list(plan.setup),
            "classes": plan.classes,
            "asked": plan.asked,
            "ahead": plan.ahead,
        }
        self._names.redefined = self._redefined(self._session.start(spec))
        for what, code in plan.chunks:
            exec(code, self._names)
            if what == "prompt" and program["entry_point"]:
                self._names.pop(program["entry_point"], None)
        return "pass", ""

    def _redefined(self, bound: frozenset[str]) -> frozenset[str]:
        """The builtin names that the tests mean as the program's own."""
        ours = bound & BUILTINS
        if not ours:
            return ours
        if not (bound & self._plan.loads) - BUILTINS:
            return ours
        meant = self._plan.reference_names[0] | {self._program["entry_point"]}
        return ours & meant

    def _keep(self, value: Any) -> Any:
        self._kept = value
        return value

    def _of(self, error: BaseException) -> tuple[str, str]:
        """The verdict of what ended the tests."""
        if isinstance(error, (Forged, Lost)):
            if isinstance(error, Forged):
                self._session.forged = self._session.forged or str(error)
            else:
                self._session.lost = True
            return "tampered", ""
        remote = any(error is known for known in self._session.remote)
        if isinstance(error, MemoryError):
            return "memory", "MemoryError"
        if isinstance(error, SystemExit) and remote:
            return "exit", f"SystemExit: {error}" if error.args else "SystemExit"
        if isinstance(error, AssertionError) and not remote:
            return self._wrong(error)
        return "error", _shown(error)

    def _wrong(self, error: AssertionError) -> tuple[str, str]:
        source = ""
        for frame, line in traceback.walk_tb(error.__traceback__):
            source = self._plan.assertions.get((frame.f_code.co_filename, line), source)
        if not source:
            return "wrong", _shown(error)
        try:
            self._suspect(self._kept)
            got = _repr(self._kept)
        except (Forged, Lost) as failure:
            return self._of(failure)
        except BaseException:
            got = "?"
        return "wrong", f"{shorten(source, 120)}: got {shorten(got, 60)}"

    def _suspect(self, value: Any, depth: int = 0) -> None:
        """Look for forged objects in a value that has failed its assertion."""
        if type(value) is Handle:
            self._session.suspect(value)
        elif type(value) in (list, tuple, set, frozenset) and depth < 4:
            for item in list(value)[:100]:
                self._suspect(item, depth + 1)
        elif type(value) is dict and depth < 4:
            for key in list(value)[:100]:
                self._suspect(key, depth + 1)
                self._suspect(value[key], depth + 1)


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 20

    def repr_Handle(self, value: Any, level: int) -> str:
        return f"<{object.__getattribute__(value, '_cx')[3]} object>"

    def repr_int(self, value: int, level: int) -> str:
        return repr(value) if value.bit_length() < 200 else f"an int of {value.bit_length()} bits"


_repr = _Short().repr


def shorten(text: str, width: int) -> str:
    """At most `width` characters, the cut marked."""
    return text if len(text) <= width else text[: width - 3] + "..."


def tidy(text: str) -> str:
    """One printable line without addresses and paths."""
    text = re.sub(r"0x[0-9a-fA-F]{4,}", "0x..", text[:2000])
    text = re.sub(r"(?<![\w/])(?:/[\w.+-]+){2,}/?", "...", text)
    text = "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode("utf-8"))
    return shorten(" ".join(text.split()), MAX_DETAIL)


def _shown(error: BaseException) -> str:
    label, text = getattr(error, "__cx_shown__", (None, None))
    if label is None:
        label = type(error).__name__
        try:
            text = str(error)
        except BaseException:
            text = ""
    return f"{label}: {text}" if text else str(label)
