"""`pytest-complexity import`: counts from the logs of other tools."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_complexity.cli.arguments import plural, say, write
from pytest_complexity.core.jsonl import dump_line
from pytest_complexity.errors import LogError
from pytest_complexity.logs import LOGS, Score, counts, read_log, stem
from pytest_complexity.models import Price
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
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="NAME=INPUT,OUTPUT",
        type=_price,
        help="what a model's tokens cost, in US dollars a million, where its log has tokens and no costs. Repeatable",
    )
    parser.add_argument("--suite", metavar="SUITE", help="whose texts to take, where the logs have none")


def run(arguments: argparse.Namespace) -> int:
    """Prints or writes a line of counts for each task."""
    scores = _priced(_read(arguments.logs, arguments.metric), dict(arguments.price))
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
    with_costs = [model for model in models if any(model in line.get("cost_usd", ()) for line in lines)]
    if lacking := [model for model in models if model not in with_costs]:
        say(f"no costs of {', '.join(lacking)}, so report takes 1, 10, 100, ... along the ladder; see --price")
    return 0


def _read(logs: Sequence[str], metric: str | None) -> list[Score]:
    """The scores of all logs. Raises `LogError`."""
    scores: list[Score] = []
    guessed: dict[str, Path] = {}  # models that are called like their file
    for text in logs:
        name, equals, rest = text.partition("=")
        named = bool(equals) and not Path(text).exists()
        path = Path(rest if named else text)
        form, read = read_log(path, name if named else None, metric)
        found = list(read)
        if not named and any(score.model == stem(path) for score in found):
            other = guessed.setdefault(stem(path), path)
            if other != path:
                raise LogError(
                    f"{path}: {stem(path)!r} would be the model of {other} too. Name each file's model: NAME=PATH"
                )
        scores += found
        say(f"{path}: {form}")
    if not scores:
        raise LogError("the logs hold no score")
    return scores


def _price(text: str) -> tuple[str, Price]:
    name, _, prices = text.rpartition("=")
    try:
        price = Price(*map(float, prices.split(",")))
    except (TypeError, ValueError):
        price = Price(-1, -1)
    if not name or not all(0 <= each < math.inf for each in (price.input, price.output)):
        raise argparse.ArgumentTypeError(f"NAME=INPUT,OUTPUT is wanted, as in gpt4=2.5,10, found {text!r}")
    return name, price


def _priced(scores: Sequence[Score], prices: Mapping[str, Price]) -> list[Score]:
    """The scores with the costs of their tokens. Raises `LogError` where a price has nothing to be applied to."""
    models = dict.fromkeys(score.model for score in scores)
    for name in prices:
        if name not in models:
            raise LogError(f"--price {name}: no such model in the logs, which have {', '.join(models)}")
    found = []
    for score in scores:
        price = prices.get(score.model)
        if price is None:
            found.append(score)
            continue
        cost = price.of(score.prompt_tokens, score.completion_tokens)
        if cost is None:
            raise LogError(f"{score.place}: the log has no tokens, which --price {score.model} needs. Leave it out")
        found.append(replace(score, cost_usd=cost))
    return found
