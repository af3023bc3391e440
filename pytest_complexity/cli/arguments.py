"""What several commands share: arguments, how they are read, and how files are written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_complexity.errors import ComplexityError


def add_inputs(command: argparse.ArgumentParser) -> None:
    """Run directories or files of counts, the label rule and the ladder."""
    command.add_argument("inputs", nargs="+", type=Path, metavar="RUN_OR_COUNTS", help="run directory, or JSON Lines")
    command.add_argument("--rule", metavar="NAME", help="complexitynet, tier or tier@SHARE (default: by the ladder)")
    command.add_argument("--models", metavar="A,B,C", help="the ladder, cheapest first (default: the input's own)")


def ladder(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """The models that `--models` names, or None."""
    if arguments.models is None:
        return None
    return tuple(part.strip() for part in arguments.models.split(",") if part.strip())


def share(text: str) -> float:
    """A number from 0 up to 1, as argparse wants its types."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"a share from 0 up to 1 is wanted, found {text!r}")
    return number


def whole(text: str) -> int:
    """A whole number of 32 bits."""
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to {(1 << 32) - 1} is wanted, found {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is wanted, found {text!r}")
    return int(text)


def say(text: str) -> None:
    """A line on standard error, where what is not the command's result goes."""
    print(text, file=sys.stderr, flush=True)


def plural(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def write(path: Path, content: str | bytes) -> None:
    """Writes a file, its folder included. Raises `ComplexityError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as why:
        raise ComplexityError(f"{path}: cannot be written: {why.strerror}") from None
