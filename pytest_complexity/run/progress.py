"""How far the calls are, for a person who waits: rows below pytest's own output on a terminal, else a line at times.

pytest writes its letters itself and knows nothing of this, so nothing here moves its cursor: on a terminal the rows
below it are drawn and the cursor is put back, in one `write`. Writes to a descriptor of its own, since pytest takes the
standard one away while a test runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from pytest_complexity.run.scheduler import Traffic
from pytest_complexity.run.spending import dollars

EVERY = 30.0  #: seconds between lines where there is no terminal, and before the first
REDRAW = 0.5  #: seconds between pictures on a terminal
WINDOW = 60.0  #: seconds over which the rate is taken


class Progress:
    """Begins to tell once started, and wipes what it drew when stopped. `column` says where pytest's cursor is.

    `money` says what was spent, "" where there is nothing to say.
    """

    def __init__(
        self, traffic: Callable[[], Sequence[Traffic]], money: Callable[[], str], column: Callable[[], int]
    ) -> None:
        self._traffic = traffic
        self._money = money
        self._column = column
        self._rates: dict[str, _Rate] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="complexity-progress", daemon=True)
        self._descriptor = _standard_output()
        self._terminal = (
            self._descriptor is not None and os.isatty(self._descriptor) and os.environ.get("TERM", "dumb") != "dumb"
        )

    def start(self) -> None:
        """In a thread of its own, where there is a standard output."""
        if self._descriptor is not None:
            self._thread.start()

    def stop(self) -> None:
        """Ends it. May be called more than once."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _tell(self) -> None:
        while not self._ended.wait(REDRAW if self._terminal else EVERY):
            lines = [self._line(each) for each in self._traffic() if each.done < each.wanted]
            if lines and (money := self._money()):
                lines.append(money)
            if self._terminal:
                self._write(_rows(lines, self._width()))
            elif lines:
                start = "\n" if self._column() else ""
                self._write(start + "".join(f"complexity: {line}\n" for line in lines))
        if self._terminal:
            self._write("\x1b[J")

    def _line(self, now: Traffic) -> str:
        rate = self._rates.setdefault(now.name, _Rate()).of(now.done, time.monotonic())
        words = [f"{now.name}  {now.done}/{now.wanted}", f"{rate:.1f}/s", f"{now.in_flight} in flight"]
        if now.priced:
            words.append(dollars(now.spent))
        if now.waits:
            words.append(f"waits {_span(now.waits)} as the server asks")
        elif rate:
            words.append(f"{_span((now.wanted - now.done) / rate)} left")
        return "  ".join(words)

    def _width(self) -> int:
        with contextlib.suppress(OSError):
            return os.get_terminal_size(self._descriptor or 1).columns
        return 80

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more
            os.write(self._descriptor or 1, text.encode("utf-8", "replace"))


class _Rate:
    """Trials a second over the last `WINDOW` seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, done: int, now: float) -> float:
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        (began, before), seconds = self._seen[0], now - self._seen[0][0]
        return (done - before) / seconds if seconds > 0 and began < now else 0.0


def _rows(lines: Sequence[str], width: int) -> str:
    """Draws the lines below the cursor and puts it back.

    First the screen is made to scroll as far as needed, by going down without leaving the column, then back up; only
    then is the place saved, since what is saved does not scroll.
    """
    count = len(lines)
    room = "\x1bD" * count + (f"\x1b[{count}A" if count else "")
    body = "".join(f"\r\n{line[: width - 1]}" for line in lines)
    return f"{room}\x1b7\x1b[J{body}\x1b8"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _standard_output() -> int | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nothing that has a descriptor
        return os.dup(sys.stdout.fileno())
    return None
