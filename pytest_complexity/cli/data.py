"""`pytest-complexity data`: official task files, and whether a suite's tests tell right from wrong."""

from __future__ import annotations

import argparse
import sys

from pytest_complexity.cli.arguments import plural
from pytest_complexity.core.machine import processors
from pytest_complexity.suite_check import check_tasks
from pytest_complexity.suites import SUITES, find_suite
from pytest_complexity.suites.official import OFFICIAL, fetch

GUESSABLE = 20  #: combinations of choices from which a task is hard to pass by guessing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    actions.add_parser("list", help="what can be fetched")
    one = actions.add_parser("fetch", help="download a file into the cache directory")
    one.add_argument("name", choices=list(OFFICIAL))
    suite = actions.add_parser(
        "check",
        help="do a suite's tests tell right from wrong? exit 1 where a reference solution fails them, or where an "
        "empty program or one that returns a constant passes",
    )
    suite.add_argument("suite", metavar="SUITE", help=f"{', '.join(SUITES.names())}, or the path of a task file")
    suite.add_argument("--dataset", metavar="NAME_OR_PATH", help="where a built-in suite's tasks come from")


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    if arguments.action == "list":
        for name, official in OFFICIAL.items():
            print(f"{name}\t{official.url}\tsha256 {official.sha256}")
        return 0
    if arguments.action == "fetch":
        print(fetch(arguments.name))
        return 0
    return _check(arguments)


def _check(arguments: argparse.Namespace) -> int:
    dataset = find_suite(arguments.suite, arguments.dataset)
    total = len(dataset.tasks)

    def progress(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} tasks", end="\n" if done == total else "", file=sys.stderr, flush=True)

    found = check_tasks(dataset.tasks, workers=processors(), progress=progress)
    for task in found:
        for fault in task.faults:
            print(f"{task.task_id}: {fault}")
        if not task.combinations:
            print(f"{task.task_id}: has no negative control, so a pass may be forged: add an assertion on a value")
    without = sum(not task.has_reference for task in found)
    uncontrolled = sum(not task.combinations for task in found)
    guessable = sum(0 < task.combinations < GUESSABLE for task in found)
    mutants, survivors = sum(task.mutants for task in found), sum(task.survivors for task in found)
    faulty = sum(bool(task.faults) for task in found)
    print(f"{dataset.suite}: {plural(total, 'task')}, {without} without a reference solution, {faulty} with a fault")
    print(f"{mutants - survivors} of {plural(mutants, 'mutant')} of the references fail, as they should")
    if uncontrolled:
        print(f"{plural(uncontrolled, 'task')} without a negative control")
    if guessable:
        print(
            f"{plural(guessable, 'task')} that a program may pass by guessing: they expect true or false, with less "
            f"than {GUESSABLE} combinations of them"
        )
    return 1 if faulty else 0
