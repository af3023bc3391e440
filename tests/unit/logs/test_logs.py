"""Logs that the real packages wrote (`make_logs.py`) become counts; what is no pass or fail is told."""

from __future__ import annotations

import contextlib
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


def test_costs_and_tokens_are_means_of_the_models_whose_every_trial_has_them() -> None:
    scores = [Score("here", "T/1", "text", "m", 1, None, cost, 10, 3) for cost in (0.1, 0.3)]
    other = Score("here", "T/1", "text", "other", 1)
    (row,) = counts([*scores, other])
    assert row["cost_usd"] == {"m": pytest.approx(0.2)}
    assert (row["prompt_tokens"], row["completion_tokens"]) == ({"m": 10}, {"m": 3})
    assert "cost_usd" not in counts([*scores, Score("here", "T/1", "text", "m", 1)])[0]


def imported(*arguments: object) -> int:
    return main(["import", *map(str, arguments)])


@pytest.fixture
def inspect() -> Path:
    pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed: pip install inspect_ai")
    return WRITTEN / "costs.eval"


def test_the_costs_that_inspect_ai_logged_are_the_costs_of_the_report(
    inspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "counts.jsonl"
    price = "b=1,4"  # 10 tokens in, cached ones included, and 3 out
    assert imported(f"a={inspect}", f"b={WRITTEN / 'capitals.eval'}", "--price", price, "-o", file) == 0
    assert "no costs" not in capsys.readouterr().err
    for row in read_counts(file):
        assert row.cost_usd == {"a": pytest.approx(21e-6), "b": pytest.approx(22e-6)}
    assert json.loads(file.read_text().splitlines()[0])["prompt_tokens"] == {"a": 10, "b": 10}
    assert main(["report", str(file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["run"]["cost_unit"] == "usd"
    assert report["policies"]["always-a"]["cost"] == pytest.approx(21e-6)


def test_without_costs_import_says_what_report_will_take(inspect: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(inspect, f"b={WRITTEN / 'capitals.eval'}") == 0
    assert "no costs of b, so report takes 1, 10, 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a=LOG", "--price", "b=1,4"], "--price b: no such model in the logs, which have a"),
        (["a=LOG", "--price", "a=1,4"], "sample 0: the log has no tokens, which --price a needs. Leave it out"),
        (["a=LOG", "--price", "a=1"], "NAME=INPUT,OUTPUT is wanted, as in gpt4=2.5,10, found 'a=1'"),
        (["a=LOG", "--price", "a=1,nan"], "NAME=INPUT,OUTPUT is wanted"),
        (["LOG", "other/small_eval_results.json"], "'small' would be the model of"),
    ],
)
def test_a_price_or_a_name_that_fits_nothing_is_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = WRITTEN / "small_eval_results.json"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / log.name).write_bytes(log.read_bytes())
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):  # of argparse
        assert imported(*(each.replace("LOG", str(log)) for each in arguments)) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


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
        ("a.jsonl", "", "a.jsonl: empty; there are: "),
        (
            "a.jsonl",
            '{"task_id": "a", "solution": ""}',
            "samples without results. Verify them: pytest-complexity verify",
        ),
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


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"a folder\. Name the logs in it"):
        read_log(tmp_path)


def test_two_filters_in_one_log_are_told(tmp_path: Path) -> None:
    row = json.loads(LM_EVAL.read_text().splitlines()[0])
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "filter": "strict"}) + "\n")
    with pytest.raises(LogError, match=r"line 2, field 'filter': 'strict' after 'none'"):
        list(read_log(path)[1])
