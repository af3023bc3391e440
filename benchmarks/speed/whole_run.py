"""How long a whole replayed pytest run takes, and what the time goes into.

    python benchmarks/speed/whole_run.py MBPP.jsonl RECORDING.jsonl [--trials 5] [--rounds 2] [--limit N]

The run is every task times the recording's models times `--trials`: 974 x 3 x 5 = 14,610 for MBPP. Recorded
completions that do not time out are repeated to get there; where a task lacks a model's, another model's stands
in. Each way runs ROUNDS times in turn, every time in a new run directory:

  -n0, -n2            the run itself
  ..., written        the same again in its finished directory: collection, pytest's loop, reading and the report
  ..., empty items    as many tests that do nothing, without this plugin: pytest's and xdist's own cost

Wall seconds are medians; processor seconds are those of all processes together, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.sandbox import Limits, Program, Sandbox

SUITE = Path(__file__).parents[1] / "mbpp"
EMPTY = "import pytest\n\n\n@pytest.mark.parametrize('n', range({count}))\ndef test_nothing(n):\n    pass\n"
Spent = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    tasks = {f"MBPP/{row['task_id']}": row for row in _rows(options.tasks)[: options.limit]}
    recorded = [row for row in _rows(options.recording) if row["task_id"] in tasks]
    models = list(dict.fromkeys(row["model"] for row in recorded))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = repeat(tasks, steady(tasks, recorded), models, options.trials, folder / "recording.jsonl")
        arguments = [str(SUITE), f"--cx-models={','.join(models)}", f"--cx-trials={options.trials}"]
        arguments += [f"--cx-replay={folder / 'recording.jsonl'}", f"--cx-dataset={options.tasks.resolve()}"]
        arguments += [f"--cx-limit={len(tasks)}"]
        (folder / "test_empty.py").write_text(EMPTY.format(count=count))
        spent: dict[str, list[Spent]] = defaultdict(list)
        for number in range(options.rounds):
            for way in ("-n0", "-n2"):
                run = [way, f"--cx-run={folder}/run{way}-{number}", *arguments]
                spent[way].append(timed(run))
                spent[f"{way}, written"].append(timed(run))
                spent[f"{way}, empty items"].append(timed([way, "-p", "no:complexity", str(folder / "test_empty.py")]))
        report(spent, count)
        verdicts(folder / "run-n0-0" / "outcomes.jsonl")


def steady(tasks: dict[str, Any], recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The recorded trials that end within a second, so that nothing depends on the limit."""
    with Sandbox(workers=2, limits=Limits(1.0)) as sandbox, ThreadPoolExecutor(2) as pool:

        def ends(row: dict[str, Any]) -> bool:
            task, code = tasks[row["task_id"]], extract_code(row["completion"])
            if code is None:
                return True
            program = Program(code, tuple(task["test_list"]), test_setup_code=task["test_setup_code"])
            return sandbox.check(program).verdict is not Verdict.TIMEOUT

        return [row for row, keep in zip(recorded, pool.map(ends, recorded), strict=True) if keep]


def repeat(tasks: dict[str, Any], recorded: list[dict[str, Any]], models: list[str], trials: int, path: Path) -> int:
    """Write a recording of every task, model and trial; their number."""
    by_task: dict[str, dict[str, str]] = defaultdict(dict)
    for row in recorded:
        by_task[row["task_id"]][row["model"]] = row["completion"]
    lines = []
    for task_id, task in tasks.items():
        known = by_task[task_id]
        other = next(iter(known.values()), task["code"])
        for model in models:
            for trial in range(trials):
                row = {"task_id": task_id, "model": model, "trial": trial, "completion": known.get(model, other)}
                lines.append(json.dumps(row))
    path.write_text("\n".join(lines) + "\n")
    return len(lines)


def timed(arguments: list[str]) -> Spent:
    """Wall and processor seconds of one pytest run."""
    began, before = time.perf_counter(), _processor()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"})
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return time.perf_counter() - began, _processor() - before


def report(spent: dict[str, list[Spent]], count: int) -> None:
    """Print the table."""
    print(f"{count} trials, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| way | wall s | processor s | processor ms a trial |\n|---|---|---|---|")
    for way, each in spent.items():
        wall, processor = median(one for one, _ in each), median(one for _, one in each)
        print(f"| {way} | {wall:.1f} | {processor:.1f} | {1000 * processor / count:.2f} |")


def verdicts(path: Path) -> None:
    """Print the seconds of verification by verdict."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for outcome in _rows(path):
        seconds[outcome["verdict"]].append(outcome["seconds"] or 0.0)
    for verdict, each in sorted(seconds.items(), key=lambda item: -sum(item[1])):
        print(f"  verification, {verdict}: {sum(each):.1f} s over {len(each)} trials")


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
