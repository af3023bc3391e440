"""`pytest-complexity score`: a trained router on labelled tasks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_complexity.cli.arguments import say
from pytest_complexity.errors import ComplexityError
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.report.assembly import results_of, route_on
from pytest_complexity.run.inputs import read_inputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("router", type=Path, metavar="DIR", help="what `train` wrote")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="LABELS", help="run directory, or JSON Lines")
    parser.add_argument("--json", action="store_true", help="print `router` and `policies` as JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Prints how right the router is."""
    return print_score(arguments.router, arguments.inputs, as_json=arguments.json)


def print_score(directory: Path, inputs: Sequence[Path], *, as_json: bool) -> int:
    """The score of a trained directory on inputs. Raises `ComplexityError` where no task has a level."""
    trained = Trained.load(directory)
    measured = read_inputs(inputs, trained.ladder)
    results = results_of(measured, routed=route_on(measured, directory))
    if results.report["router"] is None:
        raise ComplexityError(f"no task of {len(measured.counts)} has a level by {trained.rule}: nothing to score")
    if as_json:
        record = {name: results.report[name] for name in ("router", "policies")}
        sys.stdout.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
    else:
        results.print(sys.stdout, only_router=True)
    if results.report["router"]["leaked"]:
        say(f"warning: {results.report['router']['leaked']} of these tasks stand in the training set as well")
    return 0
