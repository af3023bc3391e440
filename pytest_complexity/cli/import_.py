"""`pytest-complexity import`: counts from the logs of other tools."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_complexity.cli.arguments import plural, say, write
from pytest_complexity.core.jsonl import dump_line
from pytest_complexity.errors import LogError
from pytest_complexity.logs import LOGS, Score, counts, read_log
from pytest_complexity.suites import find_suite


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "logs",
        nargs="+",
        metavar="[NAME=]LOG",
        help=f"a log of {', '.join(LOGS.names())}; cheapest model first. NAME: its model, where the log has none",
    )
    parser.add_argument("-o", metavar="FILE", type=Path, help="write there instead of to standard output")
    parser.add_argument("--metric", metavar="NAME", help="which score, where a log has several")
    parser.add_argument(
        "--threshold",
        metavar="NUMBER",
        type=float,
        help="from which score on a trial passes, where it is no pass or fail",
    )
    parser.add_argument("--suite", metavar="SUITE", help="whose texts to take, where the logs have none")


def run(arguments: argparse.Namespace) -> int:
    """Prints or writes a line of counts for each task."""
    scores: list[Score] = []
    for text in arguments.logs:
        name, equals, path = text.partition("=")
        named = bool(equals) and not Path(text).exists()
        form, read = read_log(Path(path if named else text), name if named else None, arguments.metric)
        scores.extend(read)
        say(f"{path if named else text}: {form}")
    if not scores:
        raise LogError("the logs hold no score")
    lines = counts(scores, arguments.threshold)
    if arguments.suite:
        texts = {task.task_id.lower(): task.text for task in find_suite(arguments.suite).tasks}
        for line in lines:
            line["text"] = line["text"] or texts.get(line["task_id"].lower(), "")
    data = b"".join(map(dump_line, lines))
    if arguments.o is None:
        sys.stdout.write(data.decode())
    else:
        write(arguments.o, data)
    without = sum(not line["text"] for line in lines)
    models = dict.fromkeys(score.model for score in scores)
    found = (plural(len(lines), "task"), f"{plural(len(models), 'model')} ({', '.join(models)})")
    say(", ".join([*found, plural(len(scores), "trial")]))
    if without:
        say(f"{plural(without, 'task')} without a text, which train needs: --suite names where to take it from")
    return 0
