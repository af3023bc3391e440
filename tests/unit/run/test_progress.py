"""Progress: what the lines say, and that drawing below pytest's output leaves that output as it was."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_complexity.run import progress
from pytest_complexity.run.progress import Progress, _rows
from pytest_complexity.run.scheduler import Traffic

BUSY = Traffic("gpt4", wanted=400, done=100, in_flight=16, spent=1.234, priced=True, waits=0.0)
DONE = Traffic("small", wanted=4, done=4, in_flight=0, spent=0.0, priced=False, waits=0.0)


def written(monkeypatch: pytest.MonkeyPatch, make: Callable[[], tuple[int, int]], column: int = 0) -> str:
    """What progress writes to a standard output made by `make` in at least three of its intervals."""
    reading, writing = make()
    monkeypatch.setattr(progress, "EVERY", 0.02)
    monkeypatch.setattr(progress, "REDRAW", 0.02)
    monkeypatch.setenv("TERM", "xterm")
    asked: list[Traffic] = []

    def traffic() -> list[Traffic]:
        asked.append(replace(BUSY, done=100 + 10 * len(asked)))
        return [DONE, asked[-1]]

    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        told = Progress(traffic, lambda: "spent $1.23 in this session, cap $5.00", lambda: column)
        told.start()
        while len(asked) < 4:
            time.sleep(0.001)
        told.stop()
        told.stop()
        # Before the other end is closed: a terminal forgets what nobody has read by then.
        os.set_blocking(reading, False)
        text = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(reading, 4096):
                text += chunk
    os.close(reading)
    return text.decode()


def test_without_a_terminal_a_line_at_times_for_each_model_that_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = written(monkeypatch, os.pipe).splitlines()
    assert len(lines) >= 4
    assert lines[0].startswith("complexity: gpt4  100/400  0.0/s  16 in flight  $1.23")
    assert lines[1] == "complexity: spent $1.23 in this session, cap $5.00"
    assert lines[2].startswith("complexity: gpt4  110/400  ")
    assert lines[2].endswith(" s left")
    assert "small" not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_a_line_does_not_begin_within_pytests_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, os.pipe, column=7).startswith("\ncomplexity: ")


def test_on_a_terminal_the_rows_are_redrawn_and_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(monkeypatch, pty.openpty)
    assert text.count("gpt4") >= 2
    assert text.endswith("\x1b[J")


def test_a_wait_that_the_server_asked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Traffic("gpt4", 400, 100, 0, 0.0012, True, 125.0)
    assert Progress(lambda: [], lambda: "", lambda: 0)._line(waiting) == (
        "gpt4  100/400  0.0/s  0 in flight  $0.0012  waits 2 min as the server asks"
    )


@pytest.mark.parametrize("above", [0, 3, 9, 50])
def test_drawing_moves_neither_the_cursor_nor_what_was_written(above: int) -> None:
    """At the top, in the middle and at the bottom of a screen, where drawing makes it scroll."""
    pyte = pytest.importorskip("pyte", reason="the package pyte plays the terminal; pip install pyte")
    screen = pyte.Screen(40, 12)
    stream = pyte.Stream(screen)
    stream.feed("line\r\n" * above + "tests/test_a.py ..")
    for _ in range(5):
        stream.feed(_rows(["first row", "second row, which is longer than the screen is wide"], 40))
        stream.feed(".w")
    shown = [line.rstrip() for line in screen.display]
    place = shown.index("tests/test_a.py ...w.w.w.w.w")
    assert shown[place + 1 : place + 3] == ["first row", "second row, which is longer than the sc"]
    assert (screen.cursor.y, screen.cursor.x) == (place, len("tests/test_a.py ...w.w.w.w.w"))
    stream.feed("\r\nnext line")
    stream.feed(_rows([], 40))
    assert [line.rstrip() for line in screen.display if line.strip()][-1].startswith("next line")
