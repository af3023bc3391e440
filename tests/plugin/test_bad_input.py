"""A user's mistake is told in one line that says what to do, before any model is asked, never as a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Runner = Callable[..., pytest.RunResult]


def told(result: pytest.RunResult, *said: str) -> None:
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    for each in said:
        assert each in text
    assert result.ret != 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cx-trials=0"], "--cx-trials: expected a number above 0"),
        (["--cx-trials=x"], "--cx-trials"),
        (["--cx-limit=-1"], "--cx-limit: expected a number above 0"),
        (["--cx-timeout=nan"], "--cx-timeout: expected a number above 0"),
        (["--cx-max-cost=-1"], "--cx-max-cost: expected a number above 0"),
        (["--cx-memory=0"], "--cx-memory: expected a number above 0"),
        (["--cx-sandbox=iron"], "--cx-sandbox: expected process, limits or namespaces, got 'iron'"),
        (["--cx-rule=best"], "best"),
        (["--cx-rule=complexitynet"], "three"),
        (["--cx-gate=models.small.accuracy"], "--cx-gate"),
    ],
)
def test_an_option_that_cannot_be_used(run: Runner, options: list[str], said: str) -> None:
    result = run(*options)
    told(result, said)
    assert result.ret == 4


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("small,small", "'small' is on the ladder twice"),
        ("small,giant", "no line of the recording is by 'giant'. It has small, large"),
        (",", "it names no model"),
    ],
)
def test_a_ladder_that_cannot_be_used(run: Runner, models: str, said: str) -> None:
    result = run(models=models)
    told(result, said)
    assert result.ret == 4


@pytest.mark.parametrize(("option", "said"), [("--cx-trials=0", "--cx-trials"), ("--cx-models=small,giant", "'giant'")])
def test_under_xdist_a_mistake_ends_the_run_in_the_same_way(run: Runner, option: str, said: str) -> None:
    result = run("-n2", option)
    told(result, said)
    assert result.ret == 4


def test_a_suite_without_models_says_how_to_name_some(run: Runner) -> None:
    result = run(models="", replay="")
    told(result, "has no models: give --cx-models=A,B,C, cheapest first, or --cx-replay=PATH")
    assert result.ret == 4


def test_without_a_ladder_the_recording_s_own_models_are_asked(run: Runner) -> None:
    run("-n2", models="").stdout.fnmatch_lines(["*7 passed, 5 wrong*"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"task_id": "T/1"', "said.jsonl, line 13: not JSON"),
        ('{"task_id": "T/1", "model": "small", "trial": 0, "completion": "x"}', "disagrees with"),
        ('{"task_id": "T/1", "model": "small", "trial": NaN, "completion": ""}', "said.jsonl, line 13: NaN"),
    ],
)
def test_a_recording_that_cannot_be_used(run: Runner, suite: pytest.Pytester, line: str, said: str) -> None:
    with (suite.path / "said.jsonl").open("a") as file:
        file.write(line)
    result = run()
    told(result, said)
    assert result.ret == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"task_id": "T/4", "text": "t"', "tasks.jsonl, line 4: not JSON"),
        (
            '{"task_id": "T/4", "text": "t", "test_list": []}',
            "tasks.jsonl, line 4, field 'test_list': holds no assertion",
        ),
        ('{"task_id": "T/4", "text": 4, "test_list": ["assert 1"]}', "tasks.jsonl, line 4, field 'text'"),
        ('{"task_id": "T/1", "text": "t", "test_list": ["assert 1"]}', "tasks.jsonl, line 4, field 'task_id'"),
    ],
)
def test_a_broken_task_file_is_told_with_its_line_and_field(
    run: Runner, suite: pytest.Pytester, line: str, said: str
) -> None:
    with (suite.path / "tasks.jsonl").open("a") as file:
        file.write(line + "\n")
    told(run(), said)


@pytest.mark.parametrize("way", ["-n0", "-n2", "-p no:xdist"])
def test_a_broken_task_file_ends_the_run_before_a_model_is_asked(run: Runner, suite: pytest.Pytester, way: str) -> None:
    with (suite.path / "tasks.jsonl").open("a") as file:
        file.write("{\n")
    result = run(*way.split())
    told(result, "tasks.jsonl, line 4: not JSON")
    assert not (suite.path / "run" / "completions.jsonl").exists()


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_a_run_directory_of_another_configuration_is_refused(run: Runner, way: str) -> None:
    run()
    result = run(way, "--cx-timeout=3")
    told(result, "timeout was 10.0, is 3.0", "name another directory: --cx-run")
    assert result.ret == 4


def test_a_cut_last_line_of_the_run_directory_is_dropped_with_a_notice(run: Runner, suite: pytest.Pytester) -> None:
    run()
    file = suite.path / "run" / "outcomes.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    result = run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*outcomes.jsonl: its last line was cut and is dropped*"])
    assert len(file.read_bytes().splitlines()) == 12


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_trials_that_the_recording_lacks_are_counted_once_and_are_errors(
    run: Runner, suite: pytest.Pytester, way: str
) -> None:
    lines = (suite.path / "said.jsonl").read_text().splitlines()
    (suite.path / "said.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    result = run(way)
    assert result.ret == 1
    result.assert_outcomes(passed=7, errors=1)
    result.stdout.fnmatch_lines(["*the recordings lack 1 of 12 trials, T/3-large-1 the first*"])
    result.stdout.fnmatch_lines(["T/3-large-1: not measured: the recording lacks*"])
    assert result.stdout.str().count("the recordings lack") == 1
    report = json.loads((suite.path / "run" / "report.json").read_text())
    assert report["models"]["large"]["trials"] == 5


def test_a_thousand_missing_trials_do_not_flood_the_screen(run: Runner) -> None:
    result = run("--cx-trials=100")
    assert result.ret == 1
    assert len(result.stdout.lines) < 120
    result.stdout.fnmatch_lines(["complexity: * trials of large were not measured: the recording lacks*"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "@pytest.mark.complexity(tasks='tasks.jsonl')\ndef test_small(trial):\n    pass",
            "neither trial.verify() nor",
        ),
        ("@pytest.mark.complexity(tasks='tasks.jsonl')\ndef test_small():\n    pass", "takes the argument `trial`"),
        ("@pytest.mark.complexity('tasks.jsonl')\ndef test_small(trial):\n    pass", "suite= and tasks="),
        ("@pytest.mark.complexity\ndef test_small(trial):\n    pass", "'small' is not built in"),
        ("@pytest.mark.complexity(tasks='no.jsonl')\ndef test_small(trial):\n    pass", "no.jsonl: cannot be read"),
        ("def test_small(trial):\n    pass", "@pytest.mark.complexity"),
    ],
)
def test_a_test_file_that_cannot_be_used(run: Runner, suite: pytest.Pytester, body: str, said: str) -> None:
    suite.makepyfile(test_small="import pytest\n\n" + body)
    told(run(), said)


def test_two_tests_of_one_suite_would_share_their_trials(run: Runner, suite: pytest.Pytester) -> None:
    body = (
        "\n\n@pytest.mark.complexity(suite='small', tasks='tasks.jsonl')\ndef test_again(trial):\n    trial.verify()\n"
    )
    suite.makepyfile(test_other="import pytest" + body)
    told(run(), "suite 'small' is covered by", "give one of them a suite= of its own")
