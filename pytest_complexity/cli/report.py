"""`pytest-complexity report`: the report of runs or counts, gates included."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pytest_complexity.cli.arguments import add_inputs, ladder, say, share, write
from pytest_complexity.report.assembly import Checks, results_of, route_on
from pytest_complexity.report.gates import annotated
from pytest_complexity.report.plots import plots
from pytest_complexity.run.choices import read_choices
from pytest_complexity.run.inputs import read_inputs
from pytest_complexity.serve.decisions import is_log, lines, traffic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_inputs(parser)
    parser.add_argument(
        "-o", metavar="DIR", type=Path, help="also write labels.jsonl and report.json, .md and .html there"
    )
    parser.add_argument(
        "--gate", action="append", default=[], metavar="'PATH OP NUMBER'", help="exit 1 unless it holds"
    )
    parser.add_argument(
        "--baseline", metavar="FILE", type=Path, help="a report.json or a run: exit 1 on a significant loss"
    )
    parser.add_argument(
        "--margin", metavar="SHARE", type=share, default=0.0, help="the loss against it to put up with (default 0)"
    )
    parser.add_argument("--plots", metavar="DIR", type=Path, help="also draw figures there, SVG and PNG (extra: plots)")
    parser.add_argument("--router", metavar="DIR", type=Path, help="what `train` wrote: score it on these tasks")
    parser.add_argument(
        "--choices",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="what another router chose, a line a task: task_id and model, or chances; scored like ours. Repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print report.json instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Prints the report, writes what was asked for; 1 where a gate failed."""
    if all(map(is_log, arguments.inputs)):
        return _traffic(arguments)
    checks = Checks.read(arguments.gate, arguments.baseline, arguments.margin, option="--gate")
    measured = read_inputs(arguments.inputs, ladder(arguments))
    routed = route_on(measured, arguments.router, arguments.rule) if arguments.router else None
    choices = [read_choices(text, measured.ladder) for text in arguments.choices]
    results = results_of(measured, arguments.rule, routed=routed, choices=choices)
    if arguments.json:
        sys.stdout.write(results.json())
    else:
        results.print(sys.stdout)
    checked = checks.of(results.report)
    if arguments.o is not None:
        results.write(lambda name, text: write(arguments.o / name, text), checked=checked, baseline=checks.baseline)
    if arguments.plots is not None:
        for name, data in plots(results.report):
            write(arguments.plots / name, data)
    for gate in checked:
        say(annotated(gate))
    return 0 if all(gate.passed for gate in checked) else 1


def _traffic(arguments: argparse.Namespace) -> int:
    """What a log of `serve` comes to."""
    checks = Checks.read(arguments.gate, option="--gate")
    report = traffic(arguments.inputs)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    sys.stdout.write(text if arguments.json else "".join(line + "\n" for line in lines(report)))
    if arguments.o is not None:
        write(arguments.o / "traffic.json", text)
    checked = checks.of(report)
    for gate in checked:
        say(annotated(gate))
    return 0 if all(gate.passed for gate in checked) else 1
