"""`pytest-complexity route`: the model to ask."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pytest_complexity.calls.cascade import PLAN_NAME, SavedPlan
from pytest_complexity.cli.arguments import say
from pytest_complexity.errors import ComplexityError
from pytest_complexity.learning.router import Router


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("router", type=Path, metavar="DIR", help="what `train` wrote")
    parser.add_argument(
        "prompt",
        nargs="?",
        default="-",
        metavar="PROMPT",
        help="or - for standard input: a prompt a line, or a JSON object with a field `text`",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="a JSON object a line: model, chances, level, cost, and the plan of a cascade",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints a model for each prompt."""
    router = Router.load(arguments.router)
    plan = SavedPlan.load(arguments.router) if (arguments.router / PLAN_NAME).exists() else None
    if plan and not arguments.json:
        say(plan.sentence())
    for prompt in _prompts() if arguments.prompt == "-" else [arguments.prompt]:
        route = router.route(prompt)
        record = {**asdict(route), "plan": plan.plan} if plan else asdict(route)
        print(json.dumps(record) if arguments.json else route.model, flush=True)
    return 0


def _prompts() -> Iterator[str]:
    """Each line of standard input; of a JSON object with a field `text`, that field."""
    if sys.stdin.isatty():
        say("waiting for prompts, one a line; Ctrl-D ends")
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as why:
            raise ComplexityError(f"standard input, line {number}: not UTF-8 (byte {why.start})") from None
        record: object = None
        if text.lstrip().startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                record = json.loads(text)
        yield record["text"] if isinstance(record, dict) and isinstance(record.get("text"), str) else text
