"""Files of counts, and the counts of a run: what is read is what was written, and a damaged line is never guessed at."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.counts import TaskCounts, counts_of, read_counts
from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.errors import RecordingError
from pytest_complexity.labels import label_all

LADDER = ("small", "large")
LINE: dict[str, Any] = {"task_id": "T/1", "text": "Add.", "trials": 5, "successes": {"small": 2, "large": 5}}


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


@st.composite
def any_counts(draw: st.DrawFn) -> list[TaskCounts]:
    tasks = []
    for task_id in draw(st.lists(st.text().filter(str.strip), unique=True, min_size=1, max_size=5)):
        planned = draw(st.integers(1, 6))
        trials = {model: draw(st.integers(0, planned)) for model in LADDER}
        if not any(trials.values()):
            trials["small"] = planned
        planned = max(trials.values())  # all that a file can say of a plan
        successes = {model: draw(st.integers(0, trials[model])) for model in LADDER}
        cost = {model: draw(st.floats(0, 9)) for model in LADDER if draw(st.booleans())} or None
        suite = draw(st.none() | st.text(min_size=1, max_size=5))
        tasks.append(TaskCounts(suite, task_id, draw(st.text()), trials, successes, planned, cost))
    return tasks


@given(any_counts())
def test_lines_of_labels_are_read_back_as_the_counts_they_were_made_of(
    tmp_path_factory: pytest.TempPathFactory, tasks: list[TaskCounts]
) -> None:
    path = tmp_path_factory.mktemp("counts") / "labels.jsonl"
    written(path, *label_all(tasks, LADDER).lines())
    assert read_counts(path) == tasks
    assert read_counts(path, LADDER) == tasks


NEXT = {**LINE, "task_id": "T/2"}
DAMAGED: list[tuple[Any, str]] = [
    (b'{"task_id": "T/2", "te', "not JSON"),
    ([1], "expected an object, got a list ([1])"),
    (b'{"task_id": "T/2", "task_id": "T/3"}', "the key 'task_id' is there twice"),
    (b"\xff", "not UTF-8"),
    (b"[" * 100_000, "recursion"),
    (dict.fromkeys(LINE, 1), "field 'task_id': expected a string that is not empty, got an integer (1)"),
    ({**NEXT, "task_id": ""}, "field 'task_id': expected a string that is not empty, got a string (\"\")"),
    (LINE, "field 'task_id': line 1 has 'T/1' too"),
    ({**NEXT, "text": None}, "field 'text': expected a string, got null"),
    ({**NEXT, "suite": 7}, "field 'suite': expected a string or null, got an integer (7)"),
    ({**NEXT, "trials": "5"}, "field 'trials': expected an integer"),
    ({**NEXT, "trials": True}, "field 'trials': expected an integer"),
    ({**NEXT, "trials": 0}, "field 'trials': expected an integer from 1, got an integer (0)"),
    ({**NEXT, "trials": -5}, "field 'trials': expected an integer"),
    ({**NEXT, "trials": 5.0}, "field 'trials': expected an integer"),
    ({**NEXT, "trials": float("nan")}, "NaN is not JSON"),
    ({**NEXT, "trials": {"small": 5}}, "field 'trials.large': is missing"),
    (
        {**NEXT, "trials": {"small": 5, "large": 5, "huge": 5}},
        "field 'trials': names a string (\"huge\"), which 'successes' does not",
    ),
    ({**NEXT, "trials": {"small": 5, "large": None}}, "field 'trials.large': expected an integer"),
    ({**NEXT, "successes": {}}, "field 'successes': names no model"),
    ({**NEXT, "successes": [2, 5]}, "field 'successes': expected an object, got a list ([2, 5])"),
    ({**NEXT, "successes": {"": 2}}, "field 'successes': expected models' names"),
    ({**NEXT, "successes": {"small": 6, "large": 5}}, "field 'successes.small': 6 successes of 5 trials"),
    ({**NEXT, "successes": {"small": 0.4, "large": 5}}, "field 'successes.small': expected an integer"),
    ({**NEXT, "successes": {"small": float("inf"), "large": 5}}, "Infinity is not JSON"),
    (json.dumps(NEXT).replace("5", "1e999", 1).encode(), "1e999 is too large for a number"),
    ({**NEXT, "successes": {"large": 5, "small": 2}}, "field 'successes': names the models as large, small"),
    ({**NEXT, "cost_usd": 1}, "field 'cost_usd': expected an object"),
    ({**NEXT, "cost_usd": {"small": -1}}, "field 'cost_usd.small': expected a number from 0 or null"),
    ({**NEXT, "cost_usd": {"small": float("nan")}}, "NaN is not JSON"),
    ({**NEXT, "cost_usd": {"small": True}}, "field 'cost_usd.small': expected a number from 0 or null"),
    ({**NEXT, "cost_usd": {"small": 10**400}}, "field 'cost_usd.small': expected a number from 0 or null"),
    ({**NEXT, "cost_usd": {"huge": 1}}, "field 'cost_usd': names a string (\"huge\"), which 'successes' does not"),
    ({**NEXT, "successes": {"sm\nall": 2}}, "field 'successes': expected models' names, each one printable line"),
    ({**NEXT, "successes": {"\x1b[31mred": 2}}, "field 'successes': expected models' names, each one printable line"),
    ({**NEXT, "successes": {"\ud800": 2}}, "field 'successes': expected models' names, each one printable line"),
]


@pytest.mark.parametrize(("line", "said"), DAMAGED, ids=[said for _, said in DAMAGED])
def test_a_damaged_line_is_an_error_that_names_its_place_and_its_field(tmp_path: Path, line: Any, said: str) -> None:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    path = tmp_path / "counts.jsonl"
    path.write_bytes(b"\n".join([json.dumps(LINE).encode(), b"", raw, json.dumps({**LINE, "task_id": "T/9"}).encode()]))
    with pytest.raises(RecordingError) as error:
        read_counts(path)
    told = str(error.value)
    assert told.startswith((f"{path}, line 3: ", f"{path}, line 3, field "))
    assert said in told
    assert told.isprintable()


@pytest.mark.parametrize("field", ["task_id", "text", "trials", "successes"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    path = written(tmp_path / "c.jsonl", {name: value for name, value in LINE.items() if name != field})
    with pytest.raises(RecordingError, match=rf"c\.jsonl, line 1, field '{field}': is missing"):
        read_counts(path)


@given(st.data())
def test_a_file_cut_within_its_last_line_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts.jsonl"
    whole = "".join(json.dumps({**LINE, "task_id": f"T/{n}"}) + "\n" for n in range(3))
    start = whole.rindex("\n", 0, -1) + 1
    path.write_text(whole[: data.draw(st.integers(start + 1, len(whole) - 2), label="cut at")])
    with pytest.raises(RecordingError, match=r"counts\.jsonl, line 3: not JSON.*is the line cut"):
        read_counts(path)


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff\n"])
def test_a_file_without_a_task_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(RecordingError, match="no task in the file"):
        read_counts(tmp_path / "c.jsonl")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_counts(tmp_path / "c.jsonl")
    with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
        read_counts(tmp_path)


def test_a_packed_file_that_is_cut_or_made_to_fill_memory_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (1 << 27)))
    with pytest.raises(RecordingError, match="unpacks to more than 200 times its"):
        read_counts(path)
    path.write_bytes(gzip.compress(json.dumps(LINE).encode())[:-9])
    with pytest.raises(RecordingError, match=r"cannot be read: .*\. Is the file cut\?"):
        read_counts(path)


def test_a_mark_at_the_start_blank_lines_and_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text("\ufeff" + json.dumps({**LINE, "source": [1]}) + "\r\n\r\n", encoding="utf-8")
    (task,) = read_counts(path)
    assert task == TaskCounts(None, "T/1", "Add.", {"small": 5, "large": 5}, LINE["successes"], 5)


def test_one_task_id_may_stand_in_two_suites(tmp_path: Path) -> None:
    path = written(tmp_path / "c.jsonl", {**LINE, "suite": "one"}, {**LINE, "suite": "two"}, LINE)
    assert [task.suite for task in read_counts(path)] == ["one", "two", None]


def test_models_pick_and_order_the_ladder_and_leave_the_plan_alone(tmp_path: Path) -> None:
    line = {**LINE, "trials": {"small": 3, "large": 5}, "cost_usd": {"small": 0.1, "large": None}}
    path = written(tmp_path / "c.jsonl", line)
    (task,) = read_counts(path, ["large", "small"])
    assert list(task.successes) == list(task.trials) == ["large", "small"]
    (small,) = read_counts(path, ["small"])
    assert (small.trials, small.planned, small.cost_usd) == ({"small": 3}, 5, {"small": 0.1})
    (large,) = read_counts(path, ["large"])
    assert large.cost_usd is None


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["huge"], "no model 'huge' in the file; it has: small, large"),
        (["small", "small"], "'small' is named twice"),
        ([], "no model named; the file has: small, large"),
    ],
)
def test_a_ladder_that_the_file_cannot_give_is_an_error(tmp_path: Path, models: list[str], said: str) -> None:
    with pytest.raises(RecordingError, match=re.escape(said)):
        read_counts(written(tmp_path / "c.jsonl", LINE), models)


def test_a_model_that_a_line_lacks_was_not_measured_there(tmp_path: Path) -> None:
    path = written(tmp_path / "c.jsonl", LINE, {**LINE, "task_id": "T/2", "successes": {"large": 1}})
    assert read_counts(path)[1].trials == {"small": 0, "large": 5}


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5), (0, 6), (1, 0)])
def test_counts_that_cannot_be_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes of"):
        TaskCounts(None, "T/1", "", {"small": trials}, {"small": successes}, 5)
    with pytest.raises(ValueError, match="different models"):
        TaskCounts(None, "T/1", "", {"small": 5}, {"large": 5}, 5)


@given(st.lists(st.sampled_from(list(Verdict)), max_size=8), st.integers(0, 8), st.randoms())
def test_only_measured_trials_of_the_plan_and_the_ladder_count(
    verdicts: list[Verdict], planned: int, shuffle: random.Random
) -> None:
    outcomes = [Outcome("s", "T/1", "small", n, verdict, cost_usd=0.1 * n) for n, verdict in enumerate(verdicts)]
    outcomes += [Outcome("s", "T/1", "other", 0, Verdict.PASS)]
    shuffle.shuffle(outcomes)
    (task,) = counts_of(outcomes, LADDER, planned, {("s", "T/1"): "Add."})
    measured = [n for n, verdict in enumerate(verdicts[:planned]) if verdict is not Verdict.UNMEASURED]
    assert task.trials == {"small": len(measured), "large": 0}
    assert task.successes == {"small": sum(verdicts[n] is Verdict.PASS for n in measured), "large": 0}
    mean = sum(0.1 * n for n in measured) / len(measured) if measured else None
    assert (task.cost_usd or {}).get("small") == (None if mean is None else pytest.approx(mean))
    assert (task.planned, task.text) == (planned, "Add.")


def test_of_two_outcomes_of_one_trial_the_last_holds() -> None:
    first = Outcome("s", "T/1", "small", 0, Verdict.UNMEASURED)
    last = Outcome("s", "T/1", "small", 0, Verdict.PASS)
    assert counts_of([first, last], LADDER, 1, {})[0].successes["small"] == 1
    assert counts_of([last, first], LADDER, 1, {})[0].trials["small"] == 0


def test_tasks_come_in_the_order_of_the_texts_and_then_those_of_outcomes_alone() -> None:
    outcomes = [Outcome("s", "T/9", "small", 0, Verdict.PASS)]
    tasks = counts_of(outcomes, LADDER, 1, {("s", "T/2"): "b", ("s", "T/1"): "a"})
    assert [(task.task_id, task.text) for task in tasks] == [("T/2", "b"), ("T/1", "a"), ("T/9", "")]
    assert [task.complete for task in tasks] == [False, False, False]
    assert [task.solved for task in tasks] == [False, False, True]
