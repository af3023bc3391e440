"""Samples of other tools: each format, and what is wrong with a file, in one line."""

from __future__ import annotations

import gzip
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import SampleError
from pytest_complexity.verify.samples import Sample, Samples, Source

TASKS = [Task(f"HumanEval/{n}", "text", test_list=("assert f(1)",)) for n in range(2)]
MBPP = [Task(f"MBPP/{n}", "text", test_list=("assert f(1)",)) for n in range(974)]


def lines(path: Path, *rows: Any) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "wt") as file:
        file.write(text)
    return path


def read(*paths: Path, tasks: list[Task] = TASKS) -> list[Sample]:
    return list(Samples([Source.parse(str(path)) for path in paths], tasks))


def row(task: int, text: str = "    return 1", **fields: Any) -> dict[str, Any]:
    return {"task_id": f"HumanEval/{task}", "completion": text, **fields}


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_human_evals_samples_are_numbered_in_their_order(tmp_path: Path, suffix: str) -> None:
    path = lines(tmp_path / f"gpt-4.jsonl{suffix}", row(0, "a"), row(1, "b"), row(0, "c"))
    assert read(path) == [
        Sample("HumanEval/0", "gpt-4", 0, "a", False),
        Sample("HumanEval/1", "gpt-4", 0, "b", False),
        Sample("HumanEval/0", "gpt-4", 1, "c", False),
    ]


def test_a_field_names_the_model_and_a_recording_the_trial(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", row(0, model="a"), row(0, model="b"))
    assert [(each.model, each.trial) for each in read(path)] == [("a", 0), ("b", 0)]
    path = lines(tmp_path / "r.jsonl", row(0, model="a", trial=4), row(0, model="a", trial=2))
    assert [each.trial for each in read(path)] == [4, 2]


def test_evalplus_writes_whole_programs_in_lines_folders_and_zips(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"task_id": "HumanEval/0", "solution": "def f(x): ..."})
    assert read(path) == [Sample("HumanEval/0", "a", 0, "def f(x): ...", True)]
    folder = tmp_path / "b"
    for name, text in (("HumanEval_0/10.py", "ten"), ("HumanEval_0/2.py", "two"), ("HumanEval_1/0.py", "other")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "eval_results.json").write_text("{}")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for file in folder.rglob("*.py"):
            archive.write(file, file.relative_to(tmp_path))
    for path, name in ((folder, "b"), (tmp_path / "c.zip", "c")):
        assert [(each.task_id, each.model, each.trial, each.text) for each in read(path)] == [
            ("HumanEval/0", name, 0, "two"),
            ("HumanEval/0", name, 1, "ten"),
            ("HumanEval/1", name, 0, "other"),
        ]


def test_bigcodes_lists_are_told_apart_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "generations.json"
    path.write_text(json.dumps([["a", "b"], ["c"]]))
    assert [(each.task_id, each.trial, each.program) for each in read(path)] == [
        ("HumanEval/0", 0, True),
        ("HumanEval/0", 1, True),
        ("HumanEval/1", 0, True),
    ]
    path.write_text(json.dumps([["a"]] * 500))  # MBPP's test split
    assert [each.task_id for each in read(path, tasks=MBPP)][::499] == ["MBPP/11", "MBPP/510"]


@pytest.mark.parametrize("name", ["Mbpp/2", "MBPP/2", "2", 2, "mbpp_2"])
def test_a_task_goes_by_the_names_that_other_tools_give_it(tmp_path: Path, name: object) -> None:
    path = lines(tmp_path / "s.jsonl", {"task_id": name, "completion": ""})
    assert read(path, tasks=MBPP)[0].task_id == "MBPP/2"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(0), row(7)], "s.jsonl, line 2, field 'task_id': the suite has no task 'HumanEval/7'"),
        ([row(0), {"task_id": "HumanEval/1", "solution": ""}], "line 2: two formats in one file: this is evalplus"),
        ([row(0), '{"task_id": "HumanEval/1", "comp'], "line 2: not JSON: .*is the line cut"),
        ([row(0), {**row(1), "score": float("nan")}], "line 2: NaN is not JSON"),
        ([{"task_id": "HumanEval/0", "text": ""}], "line 1: no format that is known here"),
        ([{"completion": ""}], "line 1, field 'task_id': is missing"),
        ([{"task_id": [1], "completion": ""}], r"the suite has no task \[1\]"),
        ([row(0, text=5)], "line 1, field 'completion': expected a string, got an integer"),
        ([row(0, model="a", trial=-1)], "line 1, field 'trial': expected an integer from 0"),
        ([row(0, model="a", trial=0, prompt_tokens=-1)], "line 1, field 'prompt_tokens': expected an integer from 0"),
        ([row(0, model="a\nb")], "line 1, field 'model': expected one printable line"),
        ([row(0, model="a", trial=1), row(0, model="a", trial=1)], "trial 1 of a on HumanEval/0 is there twice"),
        (["5"], "line 1: expected an object"),
        ([], "s.jsonl: holds no sample. Is this the right file?"),
        (["\n" * (1 << 20)], "line 1048577: more than 1048576 blank lines. Is this the right file?"),
        (["x" * (17 << 20)], "line 1: longer than 16 MiB"),
    ],
)
def test_a_broken_line_is_one_line(tmp_path: Path, rows: list[Any], said: str) -> None:
    path = lines(tmp_path / "s.jsonl", *rows)
    with pytest.raises(SampleError, match=said) as told:
        Samples([Source.parse(str(path))], TASKS).count()
    assert "\n" not in str(told.value)


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / {"zip": "s.zip", "list": "s.json"}.get(kind, "s.jsonl.gz")
    if kind == "bomb":
        path.write_bytes(gzip.compress((b" " * 1023 + b"\n") * (1 << 17)))
    elif kind == "cut":
        path.write_bytes(gzip.compress(json.dumps(row(0)).encode() * 100)[:-20])
    elif kind == "none":
        path.write_bytes(b"no gzip")
    elif kind == "list":
        path.write_text("[[1], []]")
    elif kind == "nan":
        path = tmp_path / "s.json"
        path.write_text("[[NaN], []]")
    elif kind == "lists":
        path = tmp_path / "s.json"
        path.write_text("[[], []]")
    else:
        path = tmp_path / "s.zip"
        with zipfile.ZipFile(path, "w") as archive:
            if kind == "zip":
                archive.writestr("../../HumanEval_0/0.py", "import os")
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("bomb", "unpacks to more than 200 times its"),
        ("cut", "cannot be read: .* Is the file cut?"),
        ("none", r"cannot be read: Not a gzipped file \(b'no'\)\. Is it packed at all\?"),
        ("zip", "the path leaves the archive's folder"),
        ("empty zip", r"s.zip: holds no sample\. Is this the right file\?"),
        ("lists", r"s.json: holds no sample\. Is this the right file\?"),
        ("nan", r"s.json: NaN is not JSON\. Write programs alone"),
        ("list", r"entry 0: expected a list of programs, got a list \(\[1\]\)"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, kind: str, said: str) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(SampleError, match=said):
        Samples([Source.parse(str(path))], TASKS).count()


def test_a_list_for_another_suite_a_strange_file_and_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text("[[]]")
    with pytest.raises(SampleError, match="holds lists for 1 tasks, the suite has 2"):
        read(tmp_path / "g.json")
    (tmp_path / "f").mkdir()
    with pytest.raises(SampleError, match=r"holds no sample: expected run.json, or files such as HumanEval_0/0.py"):
        read(tmp_path / "f")
    (tmp_path / "f" / "notes.txt").write_text("")
    with pytest.raises(SampleError, match=r"notes.txt: expected files such as HumanEval_0/0.py alone"):
        read(tmp_path / "f")
    with pytest.raises(SampleError, match="no such file"):
        read(tmp_path / "none.jsonl")


def test_two_files_of_one_model_need_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        lines(tmp_path / name / "samples.jsonl", row(0))
    sources = [Source.parse(f"{tmp_path}/{name}/samples.jsonl") for name in ("a", "b")]
    with pytest.raises(SampleError, match=r"samples of 'samples' stand in .*a/samples.jsonl too"):
        Samples(sources, TASKS).count()
    named = [Source.parse(f"{name}={tmp_path}/{name}/samples.jsonl") for name in ("a", "b")]
    assert {model: dict(count) for model, count in Samples(named, TASKS).count().items()} == {
        "a": {"HumanEval/0": 1},
        "b": {"HumanEval/0": 1},
    }
