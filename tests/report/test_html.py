"""The page as a file: data that no browser can take for markup, one policy that lets only its own scripts run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import LADDER, html, made_run, results

from pytest_complexity.cli import main
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.report import html as module
from pytest_complexity.report.assembly import results_of
from pytest_complexity.report.html import page
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.inputs import Measured

SMALL = made_run(tasks=("T/1", "T/2"), trials=2)
anything = st.text(alphabet=st.characters(codec=None), max_size=60)
markup = st.sampled_from(
    ["</script>", "<!--", "<script>", "]]>", "&lt;", "\u2028", "\x00", "\ud800", "{{data}}", "\\", '"']
)


def blocks(text: str) -> dict[str, Any]:
    """What the page's script reads: every data block by its id."""
    found = {}
    for kind, name, content in re.findall(r'<script type="([^"]+)" id="data-([^"]+)">(.*?)</script>', text, re.DOTALL):
        packed = kind == "text/plain"
        found[name] = json.loads(zlib.decompress(base64.b64decode(content)) if packed else content)
    return found


def test_the_page_holds_the_report_as_it_is_and_every_completion_of_the_run() -> None:
    found = blocks(html(SMALL))
    assert found["report"] == results(SMALL).report
    trials = [
        trial
        for number, _ in enumerate(found["chunks"])
        for task in found[f"chunk-{number}"]
        for trial in task["trials"]
    ]
    said = {(key.model, completion.text) for key, completion in SMALL.completions.items()}
    assert {(trial["model"], trial["text"]) for trial in trials} == said
    assert found["prompts"] == list(SMALL.texts.values())
    digits = [
        [outcome.verdict for outcome in SMALL.outcomes if (outcome.task_id, outcome.model) == ("T/2", model)]
        for model in LADDER
    ]
    assert found["verdicts"][1] == ["".join(str(list(Verdict).index(each)) for each in row) for row in digits]


@settings(max_examples=15)
@given(st.lists(anything | markup).map("".join), st.lists(anything | markup).map("".join))
def test_no_text_of_strangers_ends_its_block_or_is_changed(said: str, name: str) -> None:
    """Whatever a completion, a model's name, a task's id and its prompt hold."""
    run = made_run(tasks=(f"T{name}",), ladder=(f"m{name}", "large"), trials=1, said=lambda _: said, suite=f"s{name}")
    text = html(run)
    assert text.encode("utf-8")  # no lone surrogate is left in it
    found = blocks(text)
    assert set(found) == {"report", "about", "changes", "verdicts", "prompts", "chunks", "chunk-0"}
    assert text.lower().count("<script") == text.lower().count("</script>") == len(found) + 3
    assert found["chunk-0"][0]["trials"][0]["text"] == said
    assert found["report"]["run"]["ladder"][0] == f"m{name}"
    assert found["report"]["tasks"][0]["task_id"] == f"T{name}"


@settings(max_examples=15)
@given(anything, st.sampled_from(["def f():\n    return '😀'\n", "import os\n"]), anything)
def test_the_part_that_was_run_is_marked_in_the_units_of_the_browser(before: str, code: str, after: str) -> None:
    said = f"{before}\n```python\n{code}```\n{after}"
    trial = blocks(html(made_run(tasks=("T/1",), trials=1, said=lambda _: said)))["chunk-0"][0]["trials"][0]
    start, end = (2 * place for place in trial["code"])
    assert said.encode("utf-16-le", "surrogatepass")[start:end].decode("utf-16-le", "surrogatepass") == (
        extract_code(said) or ""
    )


def test_only_scripts_of_ours_run_and_nothing_is_loaded() -> None:
    text = html(SMALL)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 3
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"(?!#|data:,)", outside) == []


def test_no_script_of_ours_writes_markup() -> None:
    folder = Path(module.__file__).parent / "assets"
    ours = "".join(file.read_text() for file in folder.glob("*.js"))
    assert ours
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        ".html(",
    ):
        assert word not in ours


def test_the_chart_libraries_are_the_published_files() -> None:
    """As their digests beside their licences say; no block of data or script of the page can end within them."""
    folder = Path(module.__file__).parent / "assets" / "vendor"
    named = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "LICENSES.txt").read_text(), re.MULTILINE)
    assert {name for _, name in named} == {file.name for file in folder.glob("*.js")}
    for digest, name in named:
        data = (folder / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        assert b"</script" not in data
        assert b"<!--" not in data


def test_the_same_input_gives_the_same_page_to_the_byte() -> None:
    assert html(SMALL) == html(SMALL)


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    run = made_run(tasks=("T/1",), trials=1, said=lambda _: "x" * 1_000_000)
    trial = blocks(html(run))["chunk-0"][0]["trials"][0]
    assert trial["text"] == "x" * module.MAX_SHOWN + "\n[... and 900000 more characters]"


def test_many_completions_are_packed_in_several_chunks_that_name_their_first_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1000)
    found = blocks(html(made_run(trials=2)))
    sizes = [len(found[f"chunk-{number}"]) for number in range(len(found["chunks"]))]
    assert len(sizes) > 5
    assert found["chunks"] == [sum(sizes[:number]) for number in range(len(sizes))]
    assert sum(sizes) == 120


def test_counts_alone_and_no_task_at_all_make_a_page_too() -> None:
    counts = (TaskCounts(None, "T/1", "text", {"a": 2, "b": 2}, {"a": 1, "b": 2}, 2),)
    for tasks in (counts, ()):
        made = results_of(Measured(("a", "b"), tasks))
        found = blocks(page(made.report, made.run))
        assert len(found["verdicts"]) == len(tasks)
        assert [name for name in found if name.startswith("chunk-")] == ["chunk-0"] * len(tasks)


def test_the_printed_json_costs_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pytest_complexity.report.assembly.page", lambda *_: pytest.fail("the page was made"))
    file = tmp_path / "counts.jsonl"
    file.write_text(json.dumps({"task_id": "T/1", "text": "x", "trials": 1, "successes": {"a": 1, "b": 1}}))
    assert main(["report", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["tasks"] == 1


def test_the_command_writes_the_page_beside_the_report_with_gates_and_what_changed(tmp_path: Path) -> None:
    """`--baseline` takes a directory that holds a report.json, a run's own too."""
    files = []
    for name, right in (("before", 2), ("after", 1)):
        line = {"task_id": "T/1", "text": "x", "trials": 2, "successes": {"a": right, "b": 2}}
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text(json.dumps(line))
    assert main(["report", str(files[0]), "-o", str(tmp_path / "old")]) == 0
    arguments = ["--baseline", str(tmp_path / "old"), "--gate", "models.a.accuracy > 0.9", "-o", str(tmp_path / "new")]
    assert main(["report", str(files[1]), *arguments]) == 1
    found = blocks((tmp_path / "new" / "report.html").read_text(encoding="utf-8"))
    assert [each["passed"] for each in found["about"]["checked"]] == [False, True]
    assert found["changes"]["tasks"][0]["solved"] == {"a": [[2, 2], [1, 2]]}
    assert blocks((tmp_path / "old" / "report.html").read_text(encoding="utf-8"))["changes"] is None
