"""Task files: a round trip, and an error for whatever is broken that names the line and the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.tasks import Task, dump_tasks, read_tasks
from pytest_complexity.errors import TaskError

texts = st.text(min_size=1).filter(lambda text: bool(text.strip()))
tasks = st.builds(
    Task,
    task_id=texts.filter(lambda text: "::" not in text),
    text=texts,
    test_list=st.lists(texts, min_size=1, max_size=3),
    code=st.text(),
    test_setup_code=st.text(),
    entry_point=st.none() | st.text(),
    packages=st.lists(st.text(), max_size=2),
)
LINE = {"task_id": "T/1", "text": "Add.", "test_list": ["assert add(1, 2) == 3"]}


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


@given(st.lists(tasks, min_size=1, max_size=4, unique_by=lambda task: task.task_id))
def test_tasks_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, made: list[Task]) -> None:
    path = tmp_path_factory.mktemp("tasks") / "tasks.jsonl"
    path.write_bytes(dump_tasks(made))
    assert read_tasks(path) == made


@given(st.data())
def test_a_damaged_line_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = [{**LINE, "task_id": f"T/{index}"} for index in range(4)]
    broken = data.draw(st.integers(0, 3), label="which line")
    damage = data.draw(
        st.sampled_from(
            [
                lambda line: json.dumps(line)[:-1],
                lambda line: json.dumps(line).replace("Add.", "\x00"),
                lambda line: json.dumps({**line, "text": float("nan")}),
                lambda line: json.dumps({**line, "text": 3}),
                lambda line: json.dumps({**line, "test_list": "assert True"}),
                lambda line: json.dumps({**line, "test_list": [None]}),
                lambda line: json.dumps({**line, "test_list": []}),
                lambda line: json.dumps({**line, "test_list": [" "]}),
                lambda line: json.dumps({key: line[key] for key in ("task_id", "text")}),
                lambda line: json.dumps({key: line[key] for key in ("task_id", "test_list")}),
                lambda line: json.dumps({**line, "task_id": ""}),
                lambda line: json.dumps({**line, "task_id": 7}),
                lambda line: json.dumps([line]),
                lambda line: "nonsense",
                lambda line: json.dumps(line)[:-1] + ', "text": "again"}',
                lambda line: json.dumps({**line, "task_id": "T/" + str((broken + 1) % 4)}) if broken == 3 else "{",
            ]
        ),
        label="damage",
    )
    path = written(
        tmp_path_factory.mktemp("tasks") / "tasks.jsonl",
        *(damage(line) if index == broken else line for index, line in enumerate(lines)),
    )
    with pytest.raises(TaskError, match=rf"tasks\.jsonl, line {broken + 1}[:,] "):
        read_tasks(path)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": 3}, "text"),
        ({"test_list": []}, "test_list"),
        ({"packages": "numpy"}, "packages"),
        ({"code": 1}, "code"),
    ],
)
def test_the_error_names_the_field(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    with pytest.raises(TaskError, match=f"'{field}'"):
        read_tasks(written(tmp_path / "tasks.jsonl", {**LINE, **change}))


def test_an_id_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"tasks\.jsonl, line 2, field 'task_id': .*tasks\.jsonl, line 1 has 'T/1' too"):
        read_tasks(written(tmp_path / "tasks.jsonl", LINE, LINE))


def test_a_file_without_a_task_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="holds no task"):
        read_tasks(written(tmp_path / "tasks.jsonl", ""))


def test_fields_that_are_not_known_are_ignored(tmp_path: Path) -> None:
    (task,) = read_tasks(written(tmp_path / "tasks.jsonl", {**LINE, "challenge_test_list": ["assert False"]}))
    assert task == Task("T/1", "Add.", ("assert add(1, 2) == 3",))
