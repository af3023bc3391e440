"""Logs that the real packages wrote (`make_logs.py`) become counts; what is no pass or fail is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.cli import main
from pytest_complexity.core.counts import read_counts
from pytest_complexity.errors import LogError
from pytest_complexity.logs import Score, counts, read_log

WRITTEN = Path(__file__).parent / "written"
LM_EVAL = next(WRITTEN.glob("samples_sums_*.jsonl"))


def line(model: str, passes: int, trials: int, **fields: Any) -> dict[str, Any]:
    return {"suite": None, "text": "", **fields, "trials": {model: trials}, "successes": {model: passes}}


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("small_eval_results.json", "evalplus", [line("small", 1, 2, task_id="HumanEval/0")]),
        ("small.jsonl_results.jsonl", "human_eval", [line("small", 1, 2, task_id="HumanEval/0")]),
        (
            LM_EVAL.name,
            "lm_eval",
            [
                line("written", 0, 1, suite="sums", task_id="sums/0", text="1+1="),
                line("written", 1, 1, suite="sums", task_id="sums/1", text="say lol"),
            ],
        ),
    ],
)
def test_a_log_of_a_real_package_becomes_counts(name: str, form: str, expected: list[dict[str, Any]]) -> None:
    found, scores = read_log(WRITTEN / name)
    assert found == form
    assert counts(scores) == expected


def test_a_log_of_inspect_ai_is_read_by_its_own_reader(tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed: pip install inspect_ai")
    as_json = tmp_path / "capitals.json"
    log.write_eval_log(log.read_eval_log(str(WRITTEN / "capitals.eval")), str(as_json), format="json")
    for path in (WRITTEN / "capitals.eval", as_json):
        form, scores = read_log(path)
        assert form == "inspect_ai"
        rows = {row["task_id"]: row for row in counts(scores)}
        assert set(rows) == {"norway", "italy"}  # two epochs each
        assert [rows[name]["trials"]["mockllm/model"] for name in rows] == [2, 2]
        assert sum(row["successes"]["mockllm/model"] for row in rows.values()) == 2
        assert rows["norway"]["text"] == "The capital of Norway?"
        assert rows["norway"]["suite"] == "capitals"


def test_without_inspect_ai_its_log_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        LogError, match="a log of inspect_ai, which reads it and is not installed: pip install inspect_ai"
    ):
        list(read_log(WRITTEN / "capitals.eval")[1])


def test_models_of_several_logs_stand_side_by_side_and_report_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, file = WRITTEN / "small_eval_results.json", tmp_path / "counts.jsonl"
    assert main(["import", f"a={log}", f"b={log}", "-o", str(file), "--suite", "humaneval"]) == 0
    err = capsys.readouterr().err
    assert "small_eval_results.json: evalplus" in err
    assert "1 task, 2 models (a, b), 4 trials" in err
    (task,) = read_counts(file)
    assert task.trials == {"a": 2, "b": 2}
    assert task.text.startswith("from typing import List")
    assert main(["report", str(file)]) == 0


def test_a_task_without_a_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(WRITTEN / "small_eval_results.json")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["successes"] == {"small": 1}
    assert "1 task without a text, which train needs" in err


@pytest.mark.parametrize(
    ("value", "threshold", "passes"), [(1, None, 1), (0.0, None, 0), (True, None, 1), (0.5, 0.5, 1), (0.4, 0.5, 0)]
)
def test_a_score_passes_by_itself_or_by_the_threshold(value: float, threshold: float | None, passes: int) -> None:
    (row,) = counts([Score("here", "T/1", "text", "m", value)], threshold)
    assert row["successes"] == {"m": passes}


@pytest.mark.parametrize("value", [0.5, float("nan"), "yes", None, [1]])
def test_what_is_no_pass_or_fail_wants_a_threshold(value: object) -> None:
    with pytest.raises(LogError, match=r"^here: the score .* is neither pass nor fail\. .*--threshold$"):
        counts([Score("here", "T/1", "text", "m", value)])


def test_costs_are_means_where_every_trial_has_one() -> None:
    scores = [Score("here", "T/1", "text", "m", 1, cost_usd=cost) for cost in (0.1, 0.3)]
    assert counts(scores)[0]["cost_usd"] == {"m": pytest.approx(0.2)}
    assert "cost_usd" not in counts([*scores, Score("here", "T/1", "text", "m", 1)])[0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{}", "no log of a known tool; there are: inspect_ai, lm_eval, evalplus, human_eval"),
        ("a.json", '{"hash": "1", "eval": {"T/1": [[]]}}', "a.json, task 'T/1', sample 0: expected an object"),
        ("a.json", '{"hash": "1", "eval": {"T/1": [{"base_status": 1}]}}', "field 'base_status': expected a string"),
        ("a.json", '{"hash": "1", "eval": {"T', "a.json: not JSON"),
        ("a.jsonl", '{"task_id": "a", "result": "", "passed": 1}', "line 1, field 'passed': expected true or false"),
        ("a.jsonl", '{"task_id": "a", "result": "", "passed": NaN}', "line 1: NaN is not JSON"),
        ("a.jsonl", '{"doc_id": 1, "filtered_resps": [], "metrics": ["a", "b"]}', "has a, b. Name one with --metric"),
        ("a.pkl", "x", "no log of a known tool"),
    ],
)
def test_a_broken_log_is_one_line(
    name: str, text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert main(["import", str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err


def test_two_filters_in_one_log_are_told(tmp_path: Path) -> None:
    row = json.loads(LM_EVAL.read_text().splitlines()[0])
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "filter": "strict"}) + "\n")
    with pytest.raises(LogError, match=r"line 2, field 'filter': 'strict' after 'none'"):
        list(read_log(path)[1])
