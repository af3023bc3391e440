"""Models by name: the paper's, the user's, other packages'; a slip of the pen is told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers import ChatServer, said

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import KNOWN_PRICES, Bounded, Price, Unanswered
from pytest_complexity.models.registry import BUILT_IN, build, read_tables
from pytest_complexity.models.scripted import ScriptedModel
from pytest_complexity.models.spec import ModelSpec, split_spec

ADD = Task("t/1", "Write add(a, b).", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b")


@pytest.mark.parametrize(
    ("name", "model", "sampling"),
    [
        ("codellama", None, {"temperature": 1.0, "top_p": 0.95, "max_tokens": 200, "top_k": 10}),
        ("gpt35", "gpt-3.5-turbo-1106", {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2047}),
        ("gpt4", "gpt-4-1106-preview", {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2047}),
    ],
)
def test_built_in_models_are_the_papers(
    name: str, model: str | None, sampling: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_COMPLEXITY_CODELLAMA", raising=False)
    built = build(name)
    assert (built.name, built.price) == (name, KNOWN_PRICES[name])
    assert (built.definition["model"], built.definition["sampling"]) == (model, sampling)
    assert len(built.definition["prompts"]) == 64
    assert json.loads(json.dumps(built.definition)) == built.definition


def test_sampling_options_reach_the_definition() -> None:
    tables = {"mine": {"adapter": "openai", "temperature": 0.5, "max_tokens": 7}}
    for name in ("codellama", "gpt4", "a=openai:b@http://c/v1", "mine"):
        sampling = build(name, tables, temperature=0.0, max_tokens=9).definition["sampling"]
        assert (sampling["temperature"], sampling["max_tokens"]) == (0.0, 9)
    assert build("mine", tables).definition["sampling"]["temperature"] == 0.5


def test_a_model_of_any_server() -> None:
    with ChatServer(lambda _: said("hello"), models=["@org/model:7b"]) as server:
        spec = f"mine=openai:@org/model:7b@{server.url}"
        model = build(spec)
        assert (model.name, split_spec(spec)[0], model.price) == ("mine", "mine", None)
        model.check()
        assert asyncio.run(model.complete("s", ADD, 0)).text == "hello"
        assert server.asked[0]["model"] == "@org/model:7b"


def test_a_server_without_its_scheme_is_told_what_lacks() -> None:
    with pytest.raises(ModelError, match=r"'x=openai:m@127.0.0.1:1' lacks http:// or https:// before 127.0.0.1:1"):
        build("x=openai:m@127.0.0.1:1")


@pytest.mark.parametrize("spec", ["gpt5", "x=openai:m", "=openai:m@http://h", "x=other:m@http://h"])
def test_unknown_name_lists_the_known(spec: str) -> None:
    with pytest.raises(ModelError, match=r"codellama, gpt35, gpt4.*, mine, write NAME=openai:MODEL@URL"):
        build(spec, {"mine": {"adapter": "openai"}})


def test_a_table_defines_a_model_and_changes_a_built_in_one() -> None:
    tables = {
        "mine": {"adapter": "openai", "model": "m", "url": "http://h/v1", "input_price": 1, "output_price": 2.5},
        "gpt4": {"url": "http://proxy/v1", "many": False},
    }
    assert build("mine", tables).price == Price(1.0, 2.5)
    changed = build("gpt4", tables)
    assert changed.definition == build("gpt4").definition
    priced = build("mine=openai:other@http://h/v1", tables)
    assert (priced.price, priced.definition["model"]) == (Price(1.0, 2.5), "other")
    assert changed.price == KNOWN_PRICES["gpt4"]
    assert changed.batch == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "said_of_it"),
    [
        ({}, "adapter is missing. Use one of: openai"),
        (
            {"adapter": "opnai"},
            'adapter: expected one of openai, ctransformers, llamacpp, scripted, got a string ("opnai")',
        ),
        ({"adapter": "openai", "modle": "m"}, "there is no setting 'modle'. Use one of: "),
        ({"adapter": "openai", "model": 3}, "model: expected a string, got an integer (3)"),
        ({"adapter": "openai", "many": 1}, "many: expected true or false, got an integer (1)"),
        ({"adapter": "openai", "max_tokens": True}, "max_tokens: expected an integer, got true"),
        ({"adapter": "openai", "temperature": -1}, "temperature: expected a number from 0, got a number (-1.0)"),
        ({"adapter": "openai", "timeout": 0}, "timeout: expected a number above 0, got a number (0.0)"),
        ({"adapter": "openai", "endpoint": "edits"}, "endpoint: expected one of chat, completions, got a string"),
        ({"adapter": "openai", "input_price": 1}, "output_price is missing. Set input_price and output_price"),
        ({"adapter": "openai", "input_price": -1, "output_price": 1}, "input_price: expected a number from 0"),
        ({"adapter": "scripted", "right": 2}, "right: expected a share from 0 to 1, got a number (2.0)"),
        ({"adapter": "ctransformers", "threads": 0}, "threads: expected a number above 0, got an integer (0)"),
    ],
)
def test_a_slip_in_a_table_is_told_with_its_place(table: dict[str, Any], said_of_it: str) -> None:
    with pytest.raises(ModelError) as caught:
        build("mine", {"mine": table})
    assert str(caught.value).startswith("[tool.pytest-complexity.models.mine] ")
    assert said_of_it in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said_of_it"),
    [
        ("[tool", "pyproject.toml: "),
        ("[tool.pytest-complexity]\ntrials = 5", "there is no [tool.pytest-complexity] setting 'trials'"),
        ("[tool.pytest-complexity.models]\nmine = 3", "'mine' is not a table"),
        ("[tool.pytest-complexity]\nmodels = 3", "'models' is not a table"),
        ("tool = 3", "'tool' is not a table"),
    ],
)
def test_a_broken_pyproject_is_told(tmp_path: Path, text: str, said_of_it: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ModelError) as caught:
        read_tables(tmp_path / "pyproject.toml")
    assert said_of_it in str(caught.value)


def test_a_project_without_tables_has_none(tmp_path: Path) -> None:
    assert read_tables(tmp_path / "pyproject.toml") == {}
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_tables(tmp_path / "pyproject.toml") == {}


# -- other packages' adapters -----------------------------------------------------------------------------------------


def echo(spec: ModelSpec) -> ScriptedModel:
    shout = spec.get("shout", bool, False)
    return ScriptedModel(spec.name, lambda task, _: task.text.upper() if shout else task.text)


def test_another_package_adds_an_adapter_and_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "acme-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        f"[pytest_complexity.models]\necho = {__name__}:echo\nbroken = acme_that_is_not_there:make\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert asyncio.run(build("echo").complete("s", ADD, 0)).text == ADD.text
    loud = build("loud", {"loud": {"adapter": "echo", "shout": True}})
    assert asyncio.run(loud.complete("s", ADD, 0)).text == ADD.text.upper()
    with pytest.raises(ModelError, match="there is no setting 'shuot'"):
        build("loud", {"loud": {"adapter": "echo", "shuot": True}})
    with pytest.raises(ModelError, match="adapter 'broken' of acme_that_is_not_there:make: ModuleNotFoundError: "):
        build("broken")


# -- the scripted model -----------------------------------------------------------------------------------------------


def test_a_scripted_model_is_right_in_its_share_and_the_same_every_time() -> None:
    model = build("demo", {"demo": {"adapter": "scripted", "right": 0.7}})
    tasks = [Task(f"T/{n}", "Write.", ("assert f()",), code="def f(): ...") for n in range(400)]
    answers = [asyncio.run(model.complete("s", task, 0)).text for task in tasks]
    assert 0.6 < sum("def f" in text for text in answers) / 400 < 0.8
    assert answers == [asyncio.run(model.complete("s", task, 0)).text for task in tasks]


def test_a_scripted_model_has_nothing_to_say_where_there_is_no_solution() -> None:
    with pytest.raises(Unanswered, match="reference solution"):
        asyncio.run(ScriptedModel("demo").complete("s", Task("T", "Write.", ("assert f()",)), 0))
    with pytest.raises(Unanswered, match="as told"):
        asyncio.run(ScriptedModel("demo", lambda *_: Unanswered("as told")).complete("s", ADD, 0))


def test_a_scripted_model_gives_the_answers_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text(
        '{"task_id": "t/1", "completion": "every trial"}\n{"task_id": "t/1", "trial": 1, "completion": "the second"}\n'
    )
    model = build("demo", {"demo": {"adapter": "scripted", "answers": "said.jsonl"}}, base=tmp_path)
    assert [asyncio.run(model.complete("s", ADD, trial)).text for trial in (0, 1)] == ["every trial", "the second"]
    with pytest.raises(Unanswered, match=r"said.jsonl has no answer to trial 0 of T: add a line"):
        asyncio.run(model.complete("s", Task("T", "Write."), 0))
    other = build("demo", {"demo": {"adapter": "scripted"}}, base=tmp_path)
    assert model.definition != other.definition


def test_a_broken_file_of_answers_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text('{"task_id": "t/1", "completion": 3}\n')
    with pytest.raises(ModelError, match=r"said.jsonl, line 1, field 'completion': expected a string, got an integer"):
        build("demo", {"demo": {"adapter": "scripted", "answers": "said.jsonl"}}, base=tmp_path)


def test_building_imports_no_vendor() -> None:
    code = (
        "import sys; from pytest_complexity.models.registry import build; "
        "[build(n).definition for n in ('codellama', 'gpt4')]; "
        "print({'openai', 'ctransformers', 'xllamacpp', 'pytest'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_built_in_model_can_run_under_a_cap() -> None:
    for name in BUILT_IN:
        assert isinstance(build(name), Bounded)
        assert build(name).price is not None
