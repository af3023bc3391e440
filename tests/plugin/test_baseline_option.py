"""--cx-baseline and --cx-margin: a run against an earlier report, whichever way the session runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small import Runner


def earlier(path: Path, tasks: int) -> str:
    """The report of an earlier run in which both models solved as many tasks as now, or more of them."""
    rows = [
        {
            "suite": "small",
            "task_id": f"T/{n}",
            "level": 1,
            "successes": [2 * (n == 1), 1 if n == 3 else 2],
            "trials": [2, 2],
        }
        for n in range(1, tasks + 1)
    ]
    report = {"run": {"ladder": ["small", "large"], "cost_unit": "unit"}, "models": {}, "policies": {}, "tasks": rows}
    (path / "earlier.json").write_text(json.dumps(report))
    return "--cx-baseline=earlier.json"


@pytest.mark.parametrize("mode", [("-p", "no:xdist"), ("-n2",)], ids=["no xdist", "n2"])
def test_a_run_without_a_task_that_the_baseline_has_fails_and_names_it(
    mode: tuple[str, ...], suite: pytest.Pytester, run: Runner
) -> None:
    result = run(earlier(suite.path, 4), *mode)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["baseline failed: 1 of its tasks are not measured here: T/4 (*"])


def test_a_run_that_changed_nothing_passes(suite: pytest.Pytester, run: Runner) -> None:
    result = run(earlier(suite.path, 3), "--cx-margin=0.01")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["baseline passed: nothing lost in 2 measures on 3 common tasks"])


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--cx-baseline=none.json", "*none.json: cannot be read*"),
        ("--cx-seed=-1", "*--cx-seed: expected an integer from 0 to 4294967295, got -1"),
        ("--cx-margin=1.5", "*--cx-margin: expected a share from 0 up to 1, got 1.5"),
    ],
)
def test_a_baseline_that_cannot_be_used_ends_the_run_before_it_begins(option: str, told: str, run: Runner) -> None:
    result = run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])
