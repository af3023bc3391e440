"""`pytest-complexity label`: complexity labels of runs or counts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_complexity.cli.arguments import add_inputs, ladder, say, write
from pytest_complexity.report.assembly import results_of
from pytest_complexity.run.inputs import read_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_inputs(parser)
    parser.add_argument("-o", metavar="FILE", type=Path, help="write there instead of to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Prints or writes a label for each task."""
    results = results_of(read_inputs(arguments.inputs, ladder(arguments)), rule=arguments.rule)
    lines = "".join(line + "\n" for line in results.labels.lines())
    if arguments.o is None:
        sys.stdout.write(lines)
    else:
        write(arguments.o, lines)
    say(results.labels_line())
    return 0
