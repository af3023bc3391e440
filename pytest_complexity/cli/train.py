"""`pytest-complexity train`: a router from labels."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pytest_complexity.calls.cascade import save_plan
from pytest_complexity.cli.arguments import add_inputs, ladder, plural, say, share, whole, write
from pytest_complexity.cli.score import print_score
from pytest_complexity.errors import ComplexityError, TargetError
from pytest_complexity.labels import to_json
from pytest_complexity.learning.cascade import choose
from pytest_complexity.learning.classifiers import CLASSIFIERS, DEFAULT
from pytest_complexity.learning.router import calibrate_to, save_policy
from pytest_complexity.learning.training import train
from pytest_complexity.learning.training.calibration import parse_target
from pytest_complexity.learning.training.repeats import repeated
from pytest_complexity.run.inputs import read_inputs, read_labels
from pytest_complexity.scoring.policies import Bench

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_inputs(parser)
    parser.add_argument("-o", metavar="DIR", type=Path, required=True, help="where the router goes, and test.jsonl")
    parser.add_argument("--overwrite", action="store_true", help="replace a router that is there already")
    parser.add_argument(
        "--classifier", metavar="NAME", default=DEFAULT, help=f"{', '.join(CLASSIFIERS.built_in)}, or another package's"
    )
    parser.add_argument("--seed", metavar="N", type=whole, default=0, help="of the split and of training (default 0)")
    parser.add_argument(
        "--test", metavar="SHARE", type=share, default=0.2, help="of the tasks, held out (default 0.2; 0: none)"
    )
    parser.add_argument(
        "--repeats",
        metavar="N",
        type=whole,
        help="further random splits, to say how much the figures move (default: 4 where training takes seconds)",
    )
    parser.add_argument(
        "--target",
        metavar="'MEASURE OP NUMBER'",
        help="what the router shall keep: accuracy>=0.8, cost<=2.5 (for a thousand tasks) or share(MODEL)<=0.2",
    )


def run(arguments: argparse.Namespace) -> int:
    """Trains, saves, and prints the score on the tasks that were held out."""
    if (arguments.o / "router.json").exists() and not arguments.overwrite:
        raise ComplexityError(f"{arguments.o}: holds a router already. Name another -o, or replace it with --overwrite")
    labels = read_labels(arguments.inputs, ladder(arguments), arguments.rule)
    target = parse_target(arguments.target, labels.ladder) if arguments.target is not None else None
    say(
        f"{plural(len(labels.rows), 'task')}: {sum(labels.counts.values())} with a level by {labels.rule}, "
        f"{labels.dropped_unsolved} never solved, {labels.below_threshold} below the threshold, "
        f"{labels.undecided} undecided; those teach the chances of success alone"
    )
    with _progress():
        training = train(labels, arguments.classifier, arguments.seed, arguments.test)
        learned = replace(labels, rows=training.train)
        outcomes = read_inputs(arguments.inputs, labels.ladder).outcomes
        plan, no_plan = kept(lambda: choose(Bench.of(learned), outcomes, target, arguments.seed))
        calibrated, no_router = kept(
            lambda: calibrate_to(target, training.trained, learned, arguments.seed) if target else None
        )
    if no_router and not plan:
        raise no_router  # neither way keeps the target
    training.save(arguments.o)
    save_policy(arguments.o, calibrated)
    save_plan(arguments.o, plan)
    if calibrated:
        say(calibrated.sentence(training.trained.unit))
    if plan:
        say(plan.sentence())
    for why in filter(None, (no_router, no_plan)):
        say(str(why))
    test = arguments.o / "test.jsonl"
    write(test, "".join(json.dumps(to_json(row, labels.ladder, labels.rule)) + "\n" for row in training.test))
    say(
        f"{plural(len(training.train), 'task')} trained on, {len(training.test)} held out in {test}; "
        f"{len(training.moved)} test tasks repeat a training task, exactly or nearly, and went to training"
    )
    if not training.test:
        return 0
    status = print_score(arguments.o, [test], as_json=False)
    if again := repeated(labels, arguments.classifier, arguments.seed, arguments.test, arguments.repeats):
        say(again.sentence())
    return status


def kept(make: Callable[[], T]) -> tuple[T | None, TargetError | None]:
    """What was made, or why the target cannot be kept in that way."""
    try:
        return make(), None
    except TargetError as why:
        return None, why


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Shows on standard error what long work logs."""
    logger, handler = logging.getLogger("pytest_complexity"), logging.StreamHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
