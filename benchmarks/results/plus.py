"""Our verdicts on EvalPlus's suites beside those of the `evalplus` package, on the same programs.

    pip install evalplus
    python benchmarks/results/plus.py DATA KEPT theirs   # evalplus's verdicts, one program at a time
    python benchmarks/results/plus.py DATA KEPT ours     # `pytest-complexity verify`
    python benchmarks/results/plus.py DATA KEPT again    # those that differ: each alone, ours with evalplus's limits
    python benchmarks/results/plus.py DATA KEPT page > docs/results/plus.md

DATA holds `recordings/`, `difftrust/` and `evalplus/`. KEPT is a folder that keeps what was verified: each step goes on
where it was stopped. Programs that are the same character by character are verified once. They are taken recording by
recording, within one in an order drawn by hash, so that a step that was stopped has a sample.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import lzma
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from pages import percent, table

from pytest_complexity.cli import main as pytest_complexity
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.pipeline import program_of, verdicts_of
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.suites import find_suite

#: recording: its file, its suite, and the models that are taken (none named: all)
RECORDINGS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "mbpp": ("recordings/mbpp-complexitynet.jsonl", "mbpp+", ()),
    "qwen": (
        "recordings/humaneval-open.jsonl",
        "humaneval+",
        ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"),
    ),
    "difftrust": ("difftrust/humaneval.jsonl.xz", "humaneval+", ()),
}
FILES = {"mbpp+": "MbppPlus", "humaneval+": "HumanEvalPlus"}
WIDE = Limits(60.0, 4096)  #: what evalplus gives a program
Row = dict[str, Any]


@dataclass(frozen=True)
class Distinct:
    """A program, and the completions that are this program."""

    recording: str
    task_id: str
    text: str
    names: tuple[str, ...]

    @property
    def suite(self) -> str:
        return RECORDINGS[self.recording][1]

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.task_id}\n{self.text}".encode()).hexdigest()[:16]


def official(data: Path, suite: str) -> Path:
    return data / "evalplus" / f"{FILES[suite]}-OriginFmt.jsonl.gz"


@cache
def tasks_of(data: Path, suite: str) -> Mapping[str, Task]:
    return {task.task_id: task for task in find_suite(suite, str(official(data, suite))).tasks}


def programs(data: Path, recording: str) -> list[Distinct]:
    """A recording's whole programs in the order that is kept; MBPP's tasks that MBPP+ has."""
    file, suite, models = RECORDINGS[recording]
    names: Mapping[tuple[str, str], list[str]] = defaultdict(list)
    with lzma.open(data / file, "rt") if file.endswith(".xz") else (data / file).open() as lines:
        for line in lines:
            row = json.loads(line)
            task = tasks_of(data, suite).get(row["task_id"])
            # The Qwen models continue the prompt; the others answer with code, in prose and fences at times.
            code = row["completion"] if recording == "qwen" else extract_code(row["completion"])
            if task is not None and code is not None and (not models or row["model"] in models):
                name = f"{row['task_id']}-{row['model']}-{row['trial']}"
                names[row["task_id"], task.prompt_code + code].append(name)
    found = [Distinct(recording, task_id, text, tuple(each)) for (task_id, text), each in names.items()]
    return sorted(found, key=lambda program: program.key)


class Theirs:
    """`evalplus`, on its own inputs, with the times and outputs of its references as it computes them."""

    def __init__(self, data: Path) -> None:
        for name, suite in (("MBPP", "mbpp+"), ("HUMANEVAL", "humaneval+")):
            os.environ[f"{name}_OVERRIDE_PATH"] = str(data / "evalplus" / f"{FILES[suite]}.jsonl.gz")
        from evalplus.data import get_human_eval_plus, get_mbpp_plus  # noqa: PLC0415 - it reads the paths when imported

        self.problems = {**get_mbpp_plus(), **get_human_eval_plus()}
        self.expected: dict[str, Any] = {}

    def check(self, program: Distinct) -> Row:
        from evalplus.evaluate import check_correctness  # noqa: PLC0415

        name = program.task_id.replace("MBPP", "Mbpp")
        expected = self.expected.get(name) or self._prepare(name)
        begun = time.perf_counter()
        dataset = program.suite.rstrip("+")
        said = check_correctness(dataset, 0, self.problems[name], program.text, expected, fast_check=True)
        seconds = round(time.perf_counter() - begun, 4)
        base, plus = said["base"][0], said["plus"][0]
        return {"base": base, "plus": base if base != "pass" else plus, "seconds": seconds}

    def _prepare(self, name: str) -> Any:
        """Runs the task's reference, as `get_groundtruth` does, once."""
        from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS  # noqa: PLC0415
        from evalplus.gen.util import trusted_exec  # noqa: PLC0415

        task, found = self.problems[name], {}
        for part in ("base", "plus"):
            found[part], found[f"{part}_time"] = trusted_exec(
                task["prompt"] + task["canonical_solution"],
                task[f"{part}_input"],
                task["entry_point"],
                record_time=True,
                output_not_none=task["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS,
            )
        self.expected[name] = found
        return found


def read(file: Path) -> dict[str, Row]:
    if not file.exists():
        return {}
    return {row.pop("key"): row for row in map(json.loads, file.read_text().splitlines())}


def keep(file: Path, rows: Iterable[tuple[str, Row]]) -> None:
    with file.open("a") as stream:
        for key, row in rows:
            stream.write(json.dumps({"key": key, **row}) + "\n")
            stream.flush()


def theirs(data: Path, kept: Path, wanted: Sequence[Distinct]) -> None:
    file, evalplus = kept / "theirs.jsonl", Theirs(data)
    known = read(file)
    keep(file, ((program.key, evalplus.check(program)) for program in wanted if program.key not in known))


def ours(data: Path, kept: Path, wanted: Sequence[Distinct], workers: int) -> None:
    """By the command itself, from files in evalplus's format; a recording is a model, a program a trial."""
    for recording in RECORDINGS:
        own = [program for program in wanted if program.recording == recording]
        own.sort(key=lambda program: program.task_id)  # a task's tests are read once; within a task as they are kept
        samples, suite = kept / f"{recording}.jsonl", RECORDINGS[recording][1]
        rows = [{"task_id": program.task_id, "solution": program.text} for program in own]
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        options = ["--suite", suite, "--dataset", str(official(data, suite)), "--workers", str(workers), "--partial"]
        if pytest_complexity(["verify", str(samples), *options, "-o", str(kept / f"ours-{recording}")]):
            sys.exit(f"verify failed on {samples}")


def verified(kept: Path, wanted: Sequence[Distinct]) -> dict[str, Row]:
    """What `ours` said."""
    outcomes = {}
    for recording in RECORDINGS:
        file = kept / f"ours-{recording}" / "outcomes.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            row = json.loads(line)
            outcomes[recording, row["task_id"], row["trial"]] = row
    found, trials = {}, Counter[tuple[str, str]]()
    for program in wanted:
        place = (program.recording, program.task_id)
        row = outcomes.get((*place, trials[place]))
        trials[place] += 1
        if row is not None:
            found[program.key] = {
                "base": row["base"],
                "plus": row["verdict"],
                "detail": row["detail"],
                "seconds": row["seconds"],
            }
    return found


def agree(theirs: Row, mine: Row) -> bool:
    return all((theirs[part] == "pass") == (mine[part] == "pass") for part in ("base", "plus"))


def again(data: Path, kept: Path, different: Sequence[Distinct]) -> None:
    """The programs that differ once more, one at a time: a busy machine is ruled out, and so are our limits."""
    known = read(kept / "again.jsonl")
    different = [program for program in different if program.key not in known]
    evalplus = Theirs(data)
    found = {program.key: {"theirs": evalplus.check(program)} for program in different}  # it forks: before threads
    with Sandbox(limits=WIDE) as sandbox:
        for program in different:
            task = replace(tasks_of(data, program.suite)[program.task_id], prompt_code="")
            check, base = verdicts_of(task, program.text, sandbox, whole=True)
            mine = {"base": base and base.value, "plus": check.verdict.value, "detail": check.detail}
            found[program.key]["ours"] = mine
    keep(kept / "again.jsonl", found.items())


#: Differences whose cause a person found.
_IMPORT = "MBPP+'s own `import math` stands before the program, which lacks it; evalplus runs the program alone"
_NOT_AMONG = "one of MBPP's assertions is not among evalplus's base inputs"
_ORDER = "MBPP's assertions want an order, evalplus compares base outputs as sets too"
_BUSY = "the machine was busy: evalplus's second for an input is by the clock, ours of a processor (0.3 to 0.7 s)"
FOUND = {
    **dict.fromkeys((f"HumanEval/{number}" for number in (83, 129, 130, 139)), _BUSY),
    "HumanEval/95": "HumanEval's own test has a dict with the key 5, evalplus's base inputs have '5' (as JSON has)",
    "MBPP/3": "evalplus's base inputs hold 1, MBPP's assertions do not: it is among our plus inputs",
    **dict.fromkeys(("MBPP/82", "MBPP/139", "MBPP/276"), _IMPORT),
    "MBPP/87": "MBPP's assertions merge dicts that share a key, evalplus's base inputs have none that do",
    "MBPP/104": "MBPP's assertions pass a tuple, evalplus's base inputs are lists",
    "MBPP/123": "evalplus gives each base input 1 s, here the base assertions have 3 s together",
    **dict.fromkeys(("MBPP/223", "MBPP/612"), _NOT_AMONG),
    "MBPP/312": "MBPP's assertions allow 0.1%, evalplus compares base outputs with the reference's to 1e-4",
    **dict.fromkeys(("MBPP/579", "MBPP/769"), _ORDER),
}


def cause(program: Distinct, first: Row, mine: Row, second: Row | None) -> str:
    """Why the two differ: as the second verdicts tell it, or found by a person."""
    which = "base" if (first["base"] == "pass") != (mine["base"] == "pass") else "plus"
    why = f"{which} tests: evalplus {first[which]}, ours {mine[which]}: {mine['detail'] or 'no detail'}"
    if mine["detail"].startswith("ModuleNotFoundError"):
        why = "imports what is not of the standard library, which is all that programs may use here"
    elif second is not None and agree(second["theirs"], mine):
        why = "evalplus, once more, says what ours says: the machine was busy"
    elif program.task_id in FOUND:
        why = FOUND[program.task_id]
    elif second is not None and agree(first, second["ours"]):
        why = f"our limits: {mine['plus']}; the same verdict with evalplus's (60 s and 4 GiB)"
    return why


def calls_of(name: str, assertions: Sequence[str]) -> set[int]:
    """With how many arguments assertions call a function."""
    nodes = (node for text in assertions for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {len(node.args) for node in nodes if isinstance(node.func, ast.Name) and node.func.id == name}


def signatures(data: Path) -> Iterator[str]:
    """What MBPP+ asks otherwise than MBPP does."""
    mbpp = {task.task_id: task for task in find_suite("mbpp", str(data / "mbpp" / "mbpp.jsonl")).tasks}
    tasks, other = tasks_of(data, "mbpp+"), 0
    names, arguments, failing = list[str](), list[str](), list[str]()
    with Sandbox() as sandbox:
        for task_id, task in tasks.items():
            own = mbpp[task_id]
            name = task.test_list[-1].rpartition("_check_plus(")[2].rstrip(")\n")
            other += set(task.base_tests) != set(own.test_list)
            before, after = calls_of(name, own.test_list), calls_of(name, task.base_tests)
            if before != after:
                (arguments if before else names).append(task_id)
            if sandbox.check(program_of(own, task.code)).verdict is not Verdict.PASS:
                failing.append(task_id)
    yield f"Of MBPP+'s {len(tasks)} tasks {other} have other assertions than the full MBPP. "
    yield "What MBPP+ asks is taken.\n"
    yield f"- {len(names)} call a function of another name: {', '.join(names)}."
    yield f"- {len(arguments)} call it with another number of arguments: {', '.join(arguments)}."
    yield f"- {len(failing)} of its references fail MBPP's assertions: {', '.join(failing)}."


def page(data: Path, kept: Path, wanted: Sequence[Distinct]) -> Iterator[str]:
    said, mine = read(kept / "theirs.jsonl"), verified(kept, wanted)
    both = [program for program in wanted if program.key in said and program.key in mine]
    yield "# Verdicts on HumanEval+ and MBPP+, beside the evalplus package's\n"
    yield "Written by `benchmarks/results/plus.py`. Both verified the same programs, each distinct one once; shares are"
    yield "of completions.\n"
    counts, times = [], []
    for recording, (_, suite, _) in RECORDINGS.items():
        own = [program for program in both if program.recording == recording]
        if not own:
            continue
        total = [program for program in wanted if program.recording == recording]
        completions = sum(len(program.names) for program in own)
        shares = [
            percent(sum(len(each.names) for each in own if who[each.key][part] == "pass") / completions)
            for part in ("base", "plus")
            for who in (said, mine)
        ]
        different = sum(not agree(said[each.key], mine[each.key]) for each in own)
        numbers = [f"{len(own)} of {len(total)}", f"{completions} of {sum(len(each.names) for each in total)}"]
        counts.append([recording, suite, *numbers, *shares, str(different)])
        seconds = [[who[each.key]["seconds"] for each in own] for who in (said, mine)]
        times.append([recording, *(f"{figure(values):.3f}" for figure in (median, mean, max) for values in seconds)])
    head = "recording|suite|programs|completions|base: evalplus|base: ours|plus: evalplus|plus: ours|programs differ"
    yield table(head, counts) + "\n"
    yield "## Differences by cause\n"
    yield from differences(both, said, mine, read(kept / "again.jsonl"))
    yield "## Seconds for a verdict (base and plus)\n"
    yield table("recording|median: evalplus|ours|mean: evalplus|ours|longest: evalplus|ours", times) + "\n"
    yield "Not alike: ours is the last run alone, without the plan of the task's tests and the run of the base tests"
    yield "before it; evalplus's is `check_correctness`. Measured at different hours on a machine that had other work;"
    yield "[verify.md](verify.md) has the rates of whole commands in turns.\n"
    yield "## Tasks of MBPP+ that differ from MBPP\n"
    yield from signatures(data)


def differences(
    both: Sequence[Distinct], said: Mapping[str, Row], mine: Mapping[str, Row], second: Mapping[str, Row]
) -> Iterator[str]:
    causes: Mapping[str, list[Distinct]] = defaultdict(list)
    for each in both:
        if not agree(said[each.key], mine[each.key]):
            causes[cause(each, said[each.key], mine[each.key], second.get(each.key))].append(each)
    rows = []
    for why, found in sorted(causes.items(), key=lambda item: -len(item[1])):
        names = sorted(each.names[0] for each in found)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        rows.append([why, str(len(found)), shown])
    yield table("cause|programs|which", rows) + "\n" if rows else "None.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("step", choices=("theirs", "ours", "again", "page"))
    parser.add_argument("--workers", type=int, default=1, help="for `ours`")
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    wanted = [program for recording in RECORDINGS for program in programs(given.data, recording)]
    if given.step == "theirs":
        theirs(given.data, given.kept, wanted)
    elif given.step == "ours":
        ours(given.data, given.kept, wanted, given.workers)
    elif given.step == "again":
        said, mine = read(given.kept / "theirs.jsonl"), verified(given.kept, wanted)
        both = [each for each in wanted if each.key in said and each.key in mine]
        again(given.data, given.kept, [each for each in both if not agree(said[each.key], mine[each.key])])
    else:
        print("\n".join(page(given.data, given.kept, wanted)))


if __name__ == "__main__":
    main()
