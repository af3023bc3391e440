"""`pytest-complexity doctor`: which limits of the sandbox hold on this machine."""

from __future__ import annotations

import argparse

from pytest_complexity.sandbox.doctor import Row, doctor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--sandbox", metavar="LEVEL", help="process, limits or namespaces (default: the best here)")


def run(arguments: argparse.Namespace) -> int:
    """Prints the level and a row for each limit; 1 where one that the level promises does not hold."""
    level, *rows = doctor(arguments.sandbox)
    print(f"sandbox level: {level.seen}")
    width = max(len(row.limit) for row in rows)
    print(f"{'limit':<{width}}  state")
    for row in rows:
        print(f"{row.limit:<{width}}  {_state(row)}")
    return 0 if all(row.holds for row in rows if row.promised) else 1


def _state(row: Row) -> str:
    if row.holds:
        return "holds"
    state = "DOES NOT HOLD" if row.promised else "not promised at this level"
    return f"{state}: the program that breaks it came to {row.seen}"
