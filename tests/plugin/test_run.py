"""A whole run: items, verdicts in the terminal, files, and the same outcomes however the items are dealt out."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

Runner = Callable[..., pytest.RunResult]
Outcomes = Callable[..., dict[str, dict[str, Any]]]

VERDICTS = {
    "T/1-small-0": "pass",
    "T/1-small-1": "pass",
    "T/1-large-0": "pass",
    "T/1-large-1": "pass",
    "T/2-small-0": "error",
    "T/2-small-1": "error",
    "T/2-large-0": "pass",
    "T/2-large-1": "pass",
    "T/3-small-0": "no_code",
    "T/3-small-1": "no_code",
    "T/3-large-0": "pass",
    "T/3-large-1": "no_code",
}
WAYS = {
    "plain": ["-p", "no:xdist"],
    "n0": ["-n0"],
    "n2": ["-n2"],
    "worksteal": ["-n2", "--dist=worksteal"],
    "loadscope": ["-n2", "--dist=loadscope"],
    "loadfile": ["-n2", "--dist=loadfile"],
    "loadgroup": ["-n2", "--dist=loadgroup"],
    "each": ["-n2", "--dist=each"],
    "shuffled": ["-p", "randomly", "-p", "no:cacheprovider"],
    "no plugins": ["-p", "no:timeout", "-p", "no:xdist", "-p", "no:cacheprovider"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_running_gives_the_same_outcomes(run: Runner, outcomes: Outcomes, way: str) -> None:
    result = run(*WAYS[way])
    assert result.ret == 0
    twice = 2 if way == "each" else 1
    result.stdout.fnmatch_lines([f"*{7 * twice} passed, {5 * twice} wrong*"])
    found = outcomes()
    assert {key: row["verdict"] for key, row in found.items()} == VERDICTS
    assert found["T/2-small-0"]["detail"].startswith("ValueError")


def test_an_item_stands_for_a_task_a_model_and_a_trial(run: Runner) -> None:
    result = run("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        ["test_small.py::test_small[[]T/1-small-0]", "test_small.py::test_small[[]T/1-small-1]"]
    )
    result.stdout.fnmatch_lines(["*12 tests collected*"])


def test_collecting_writes_nothing(run: Runner, suite: pytest.Pytester) -> None:
    run("--collect-only")
    assert not (suite.path / "run").exists()


def test_a_wrong_answer_has_its_own_letter_and_the_run_stays_green(run: Runner) -> None:
    result = run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_small.py ....ww..ww.w*"])


def test_verbose_names_the_verdict(run: Runner) -> None:
    run("-v").stdout.fnmatch_lines(
        ["*T/1-small-0] PASSED*", "*T/2-small-0] WRONG (error)*", "*T/3-small-0] WRONG (no_code)*"]
    )


def test_strict_turns_wrong_answers_into_failures_that_lf_finds_again(run: Runner) -> None:
    result = run("--cx-strict")
    assert result.ret == 1
    result.assert_outcomes(passed=7, failed=5)
    result.stdout.fnmatch_lines(["*T/2-small-0: error: ValueError*"])
    run("--cx-strict", "--lf").assert_outcomes(failed=5)


def test_x_stops_at_a_failure_and_not_at_a_wrong_answer(run: Runner) -> None:
    assert run("-x").ret == 0
    run("-x", "--cx-strict", to="strict").assert_outcomes(passed=4, failed=1)


def test_k_selects_and_a_later_session_completes_the_run(run: Runner, outcomes: Outcomes) -> None:
    run("-k", "large").stdout.fnmatch_lines(["*5 passed, 6 deselected, 1 wrong*"])
    assert len(outcomes()) == 6
    run()
    assert {key: row["verdict"] for key, row in outcomes().items()} == VERDICTS


def test_a_finished_run_verifies_nothing_again(run: Runner, suite: pytest.Pytester) -> None:
    run()
    before = (suite.path / "run" / "outcomes.jsonl").read_bytes()
    run("-n2")
    assert (suite.path / "run" / "outcomes.jsonl").read_bytes() == before


def test_junit_names_the_verdict_and_counts_no_failure(run: Runner, suite: pytest.Pytester) -> None:
    for way in ("-n0", "-n2"):
        run(way, f"--junitxml=junit{way}.xml", to=f"run{way}")
        root = ET.parse(suite.path / f"junit{way}.xml").getroot()
        verdicts = [each.get("value") for each in root.iter("property") if each.get("name") == "verdict"]
        assert sorted(filter(None, verdicts)) == sorted(VERDICTS.values())
        assert {each.get("failures") for each in root.iter("testsuite")} == {"0"}


def test_labels_and_report_lie_in_the_run_directory(run: Runner, suite: pytest.Pytester) -> None:
    run()
    labels = [json.loads(line) for line in (suite.path / "run" / "labels.jsonl").read_text().splitlines()]
    assert [(row["task_id"], row["level"]) for row in labels] == [("T/1", 1), ("T/2", 2), ("T/3", None)]
    assert labels[0]["successes"] == {"small": 2, "large": 2}
    report = json.loads((suite.path / "run" / "report.json").read_text())
    assert report["models"]["small"]["accuracy"] == pytest.approx(1 / 3)
    assert report["models"]["large"]["accuracy"] == pytest.approx(5 / 6)
    assert report["policies"]["oracle"]["accuracy"] == pytest.approx(5 / 6)


def test_the_terminal_shows_the_report_without_escapes_where_it_is_no_terminal(run: Runner) -> None:
    result = run()
    result.stdout.fnmatch_lines(["*small*33.3*", "*large*83.3*", "*oracle*"])
    assert "\x1b" not in result.stdout.str()


def test_killed_at_any_moment_the_next_session_ends_where_an_undisturbed_one_does(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes
) -> None:
    run(to="undisturbed")
    command = [sys.executable, "-m", "pytest", "-q", "--cx-models=small,large", "--cx-trials=2", "--cx-run=run"]
    command += ["--cx-replay=said.jsonl", "-p", "no:randomly"]
    for wait in (0.5, 0.8, 1.0):
        process = subprocess.Popen(command, cwd=suite.path, stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert run().ret == 0
    assert outcomes("run") == outcomes("undisturbed")
    for name in ("labels.jsonl", "report.json", "report.html"):
        assert (suite.path / "run" / name).read_text() == (suite.path / "undisturbed" / name).read_text()


def test_a_worker_that_dies_loses_nothing(run: Runner, suite: pytest.Pytester, outcomes: Outcomes) -> None:
    suite.makepyfile(
        test_small="""
import os
from pathlib import Path
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_small(trial):
    trial.verify()
    if trial.index == 1 and trial.model == "large" and not Path("died").exists():
        Path("died").touch()
        os._exit(3)
"""
    )
    result = run("-n2")
    result.stdout.fnmatch_lines(["*crashed while running*"])
    assert {key: row["verdict"] for key, row in outcomes().items()} == VERDICTS


def test_ctrl_c_leaves_what_was_collected_and_a_run_to_go_on_with(suite: pytest.Pytester, run: Runner) -> None:
    suite.makepyfile(
        test_small="""
import time
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_small(trial):
    trial.verify()
    if trial.model == "large":
        print("waiting", flush=True)
        time.sleep(30)
"""
    )
    # A shell's background job ignores Ctrl-C, and so would its children: what a terminal would give is set again.
    start = "import pytest, signal; signal.signal(signal.SIGINT, signal.default_int_handler); raise SystemExit(pytest.main())"
    command = [sys.executable, "-c", start, "-s", "--cx-models=small,large", "--cx-trials=2", "--cx-run=run"]
    command += ["--cx-replay=said.jsonl", "-p", "no:randomly"]
    process = subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "waiting" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[0]
    assert process.returncode == 2
    assert "KeyboardInterrupt" in rest
    assert "Traceback" not in rest
    assert len((suite.path / "run" / "outcomes.jsonl").read_text().splitlines()) == 3
    assert (suite.path / "run" / "labels.jsonl").exists()


def test_pytest_timeout_never_fires_before_our_own_limit(run: Runner, suite: pytest.Pytester) -> None:
    text = (suite.path / "said.jsonl").read_text().replace("return 2 * x", "return sum(iter(int, 1))")
    (suite.path / "said.jsonl").write_text(text)
    result = run("--timeout=1", "--cx-timeout=2", "-k", "T/1-small-0", "-v")
    result.stdout.fnmatch_lines(["*T/1-small-0] WRONG (timeout)*"])
    assert result.ret == 0


def test_progress_lines_do_not_grow_with_wrong_answers(run: Runner) -> None:
    lines = run("-q").stdout.lines
    assert not [line for line in lines if re.search(r"T/\d-", line)]
