"""Where tasks come from: the official files, packages, and copies of the user's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_complexity.core.machine import cache_directory
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import TaskError
from pytest_complexity.suites import SUITES, find_suite, load_list, load_suite
from pytest_complexity.suites.official import OFFICIAL, fetch


def test_official_mbpp_has_974_tasks_with_string_ids(shared: Path) -> None:
    data = load_suite("mbpp", str(shared / "mbpp" / "mbpp.jsonl"))
    assert (len(data.tasks), data.sha256) == (974, OFFICIAL["full"].sha256)
    assert data.tasks[10].task_id == "MBPP/11"


def test_sanitized_mbpp_is_an_array_whose_texts_are_called_prompts(shared: Path) -> None:
    data = load_suite("mbpp", str(shared / "mbpp" / "sanitized-mbpp.json"))
    assert (len(data.tasks), data.sha256) == (427, OFFICIAL["sanitized"].sha256)
    assert data.tasks[0].text == "Write a function to find the shared elements from the given two lists."
    assert sum(task.test_imports == ("import math",) for task in data.tasks) == 13


def test_a_file_in_the_cache_is_used_and_its_digest_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_directory().mkdir(parents=True)
    (cache_directory() / "mbpp.jsonl").write_bytes((shared / "mbpp" / "mbpp.jsonl").read_bytes())
    assert len(load_suite("mbpp").tasks) == 974
    (cache_directory() / "mbpp.jsonl").write_text("{}\n")
    with pytest.raises(TaskError, match="SHA-256"):
        load_suite("mbpp")


def test_a_download_that_fails_says_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def refused(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refused)
    with pytest.raises(TaskError, match=r"no network.*put the file at .*mbpp\.jsonl, or .*--cx-dataset=PATH"):
        fetch("full")


def test_humaneval_has_164_tasks_checked_through_their_entry_point() -> None:
    tasks = load_suite("humaneval").tasks
    assert len(tasks) == 164
    assert tasks[0].test_list == ("check(has_close_elements)",)
    assert tasks[0].prompt_code == tasks[0].text


def test_an_unknown_suite_lists_the_known_ones_and_the_way_to_bring_tasks() -> None:
    with pytest.raises(TaskError, match=r"known: mbpp, humaneval.*tasks="):
        load_suite("maths")


def test_a_broken_copy_of_humaneval_names_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text(json.dumps({"task_id": "HumanEval/0", "prompt": "def f():", "entry_point": "f"}) + "\n")
    with pytest.raises(TaskError, match=r"h\.jsonl, line 1, field 'test'"):
        load_suite("humaneval", str(path))


def test_tasks_made_in_python_are_checked_too() -> None:
    task = Task("A", "text")
    with pytest.raises(TaskError, match="two tasks are named"):
        load_list("mine", [task, task])
    with pytest.raises(TaskError, match="holds no task"):
        load_list("mine", [])
    with pytest.raises(TaskError, match="Task objects"):
        load_list("mine", [{"task_id": "A"}])  # type: ignore[list-item]


def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: str) -> None:
    """A package on the path whose entry point is a suite."""
    (tmp_path / "sums.py").write_text(
        "from pytest_complexity.core.tasks import Task\n"
        "from pytest_complexity.suites.dataset import Dataset\n\n\n"
        f"def load(dataset):\n    {load}\n"
    )
    info = tmp_path / "sums-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sums\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest_complexity.suites]\nsums = sums:load\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sums", raising=False)


def test_a_suite_comes_from_another_package_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(
        monkeypatch, tmp_path, "return Dataset('sums', dataset or 'all', '0', (Task('Sums/1', 'Add.', ('1',)),))"
    )
    assert SUITES.names() == ("mbpp", "humaneval", "mbpp+", "humaneval+", "sums")
    assert load_suite("sums").tasks[0].task_id == "Sums/1"
    assert find_suite("sums", "few").name == "few"


def test_a_suite_of_another_package_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, tmp_path, "raise RuntimeError('no network')")
    with pytest.raises(TaskError, match=r"suite 'sums': RuntimeError: no network"):
        load_suite("sums")


def test_the_first_assertions_are_shown_where_a_suite_shows_none() -> None:
    tasks = [Task(f"T/{n}", "text", test_list=("assert f(1)", "assert f(2)", "assert f(3)")) for n in (1, 2)]
    shown = load_list("mine", tasks).showing(2)
    assert [task.visible_tests for task in shown.tasks] == [("assert f(1)", "assert f(2)")] * 2
    assert [task.test_list for task in shown.tasks] == [task.test_list for task in tasks]
    assert shown.showing(1) is shown
