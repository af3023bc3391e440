"""The command: what it prints and writes, and that every mistake is one line and exit status 2."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds import easy_and_hard, labelled

from pytest_complexity.cli import COMMANDS, main
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.labels import label_all
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.sandbox.doctor import Row

LADDER = ("small", "large")


def written(path: Path, *lines: Any) -> str:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return str(path)


def line(task_id: str, small: int, large: int) -> dict[str, Any]:
    return {"task_id": task_id, "text": "Add.", "trials": 5, "successes": {"small": small, "large": large}}


@pytest.fixture
def counts(tmp_path: Path) -> str:
    return written(tmp_path / "counts.jsonl", line("T/1", 5, 5), line("T/2", 3, 5), line("T/3", 0, 0))


@pytest.fixture
def run(tmp_path: Path) -> str:
    """What a session leaves: T/1 is solved by both, T/2 by the large model, and one trial of it was not measured."""
    config = {"ladder": list(LADDER), "trials": 2, "timeout": 10.0, "memory": 1024, "suites": {}}
    run = RunDirectory.open(tmp_path / "run", {**config, "models": {name: {} for name in LADDER}})
    run.add_tasks([("s", Task("T/1", "Add.")), ("s", Task("T/2", "Halve."))])
    for task_id in ("T/1", "T/2"):
        for model in LADDER:
            for trial in range(2):
                right = task_id == "T/1" or model == "large"
                verdict = Verdict.PASS if right else Verdict.WRONG
                run.add_outcome(Outcome(*Key("s", task_id, model, trial), verdict=verdict))
    run.add_outcome(replace(run.outcomes[Key("s", "T/2", "small", 1)], verdict=Verdict.UNMEASURED))
    run.close()
    return str(tmp_path / "run")


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in text.splitlines()]


def levels_of(text: str) -> dict[str, int | None]:
    return {row["task_id"]: row["level"] for row in lines_of(text)}


def test_label_prints_a_line_for_each_task_and_tells_how_many_have_which_level(
    counts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", counts]) == 0
    out, err = capsys.readouterr()
    assert levels_of(out) == {"T/1": 1, "T/2": 2, "T/3": None}
    assert err.startswith("Levels by tier: level 1: 1, level 2: 1, never solved: 1")
    assert err.count("\n") == 1


def test_label_reads_a_run_and_leaves_no_level_that_a_missing_trial_could_change(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", run]) == 0
    rows = lines_of(capsys.readouterr().out)
    assert [row["level"] for row in rows] == [1, 2]
    assert [row["text"] for row in rows] == ["Add.", "Halve."]
    assert rows[1]["trials"] == {"small": 1, "large": 2}


def test_label_writes_a_file_that_label_reads(counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "labels.jsonl"
    assert main(["label", counts, "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["label", str(file)]) == 0
    assert capsys.readouterr().out == file.read_text()


def test_rule_and_models_are_heeded(counts: str, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["label", counts, "--rule", "tier@3/5"])
    assert levels_of(capsys.readouterr().out) == {"T/1": 1, "T/2": 1, "T/3": None}
    main(["label", counts, "--models", "large, small"])
    assert levels_of(capsys.readouterr().out) == {"T/1": 1, "T/2": 1, "T/3": None}
    main(["label", run, "--models", "large"])
    assert [list(row["successes"]) for row in lines_of(capsys.readouterr().out)] == [["large"], ["large"]]


def test_files_of_counts_are_joined(counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = written(tmp_path / "other.jsonl", line("T/9", 0, 5))
    assert main(["label", counts, other]) == 0
    assert levels_of(capsys.readouterr().out) == {"T/1": 1, "T/2": 2, "T/3": None, "T/9": 2}


@pytest.mark.parametrize("kind", ["counts", "run"])
def test_report_prints_tables_and_writes_its_files(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = request.getfixturevalue(kind)
    directory = tmp_path / "out"
    assert main(["report", given, "-o", str(directory)]) == 0
    out, err = capsys.readouterr()
    assert all(f"always-{name}" in out for name in LADDER)
    assert "\x1b" not in out
    assert err == ""
    assert {file.name for file in directory.iterdir()} == {"labels.jsonl", "report.json", "report.md", "report.html"}
    report = json.loads((directory / "report.json").read_text())
    assert main(["report", given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report
    assert (report["models"]["small"]["verdicts"] is None) == (kind == "counts")


def test_a_gate_that_fails_is_exit_status_1_and_all_are_told(
    counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passing, failing, missing = "models.small.accuracy >= 0.5", "policies.oracle.cost < 1", "router.accuracy > 0"
    assert main(["report", counts, "--gate", passing]) == 0
    assert capsys.readouterr().err.startswith(f"gate passed: {passing}")
    directory = tmp_path / "out"
    assert main(["report", counts, "--gate", passing, "--gate", failing, "--gate", missing, "-o", str(directory)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert [each.split(":")[0] for each in told] == ["gate passed", "gate failed", "gate failed"]
    assert (directory / "report.json").exists()  # what failed can be looked at


COUNTS = line("T/1", 5, 5)
MISTAKES: list[tuple[list[str], str]] = [
    (["label", "{tmp}/none.jsonl"], "cannot be read"),
    (["label", "{tmp}"], "run.json is missing"),
    (["label", "{tmp}/broken.jsonl"], "broken.jsonl, line 2"),
    (["label", "{tmp}/empty.jsonl"], "no task in the file"),
    (["label", "{counts}", "{run}"], "not both at once"),
    (["label", "{counts}", "{counts}"], "stands already in another"),
    (["label", "{counts}", "--rule", "best"], "no label rule 'best'"),
    (["label", "{counts}", "--rule", "complexitynet"], "for three models"),
    (["label", "{counts}", "--rule", "tier@2"], "write tier@3/5"),
    (["label", "{counts}", "--models", "huge"], "no model 'huge'"),
    (["label", "{counts}", "--models", ","], "no model named"),
    (["label", "{run}", "--models", "huge"], "has no 'huge'. It has small, large"),
    (["label", "{run}", "--models", "small,small"], "is on the ladder twice"),
    (["label", "{run}", "--models", ","], "no model named"),
    (["label", "{counts}", "-o", "{tmp}"], "cannot be written: Is a directory"),
    (["label", "{counts}", "-o", "{counts}/labels.jsonl"], "cannot be written"),
    (["report", "{counts}", "-o", "{counts}"], "cannot be written"),
    (["report", "{counts}", "--gate", "accuracy"], "--gate 'accuracy': 'PATH OP NUMBER' is wanted"),
    (
        ["label", "{tmp}/tasks.jsonl"],
        "tasks.jsonl, line 1, field 'successes': is missing. These are tasks, not outcomes",
    ),
    (["report", "{tmp}/samples.jsonl"], "These are samples, not outcomes. Verify them first: pytest-complexity verify"),
    (["label", "{tmp}/bare"], "field 'models' is missing"),
    (["label", "{tmp}/nobody"], "field 'ladder' is missing"),
    (["label", "{tmp}/folder"], "cannot be read: Is a directory"),
    (["label", "{tmp}/folder2"], "cannot be read: Is a directory"),
    (["report", "{tmp}/cut"], "outcomes.jsonl, line 1"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES, ids=[f"{row[0]} {said}" for row, said in MISTAKES])
def test_a_mistake_is_one_line_and_exit_status_2(
    arguments: list[str], said: str, counts: str, run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "broken.jsonl", COUNTS, "nonsense")
    written(tmp_path / "empty.jsonl")
    written(tmp_path / "tasks.jsonl", {"task_id": "T/1", "text": "Add.", "test_list": ["assert f(1) == 1"]})
    written(tmp_path / "samples.jsonl", {"task_id": "T/1", "completion": "    return 1"})
    config = {"ladder": ["small"], "trials": 2, "models": {"small": {}}}
    for name in ("bare", "nobody", "folder", "folder2", "cut"):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "run.json", config)
    (tmp_path / "folder" / "run.json").unlink()
    (tmp_path / "folder" / "run.json").mkdir()
    written(tmp_path / "bare" / "run.json", {"ladder": ["small"], "trials": 2})
    written(tmp_path / "nobody" / "run.json", {**config, "ladder": []})
    (tmp_path / "folder2" / "outcomes.jsonl").mkdir()
    written(tmp_path / "cut" / "outcomes.jsonl", '{"suite": "s", "ta')
    filled = [each.format(tmp=tmp_path, counts=counts, run=run) for each in arguments]
    assert main(filled) == 2
    out, err = capsys.readouterr()
    assert out == "" or arguments[0] == "report"  # the tables may stand there already
    assert err.startswith("pytest-complexity: ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["lable"], ["label"], ["report", "x", "--gates", "y"], ["data", "fetch", "z"]]
)
def test_what_the_command_does_not_know_is_exit_status_2_with_its_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: pytest-complexity")


def test_help_names_every_command_with_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    told = [each.split() for each in capsys.readouterr().out.splitlines()]
    assert {"label", "report", "data"} <= set(COMMANDS)
    for command in COMMANDS:
        assert any(words[:1] == [command] and len(words) > 1 for words in told), command
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0


def test_the_readme_names_every_command_and_no_other() -> None:
    root = Path(__file__).parents[3]
    texts = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    named = {name for file in texts for name in re.findall(r"pytest-complexity ([a-z]+) ", file.read_text())}
    in_readme = set(re.findall(r"^pytest-complexity ([a-z]+)", texts[0].read_text(), re.MULTILINE))
    assert set(COMMANDS) <= in_readme | named
    assert in_readme <= set(COMMANDS)


def test_help_imports_nothing_heavy_and_a_command_only_its_own() -> None:
    code = (
        "import sys; from pytest_complexity.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('loaded', *[m for m in ('sklearn', 'numpy', 'rich', 'openai', 'pytest') if m in sys.modules])"
    )
    for words in (["--help"], ["doctor", "--help"]):
        said = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True).stdout
        assert said.splitlines()[-1] == "loaded"


def test_doctor_has_headings_and_no_word_of_failure_where_a_limit_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        Row("level", True, "limits (linux, user)", True),
        Row("wall time", True, "timeout", True),
        Row("disk", False, "pass", True),
        Row("the network", False, "wrong: no", False),
    ]
    monkeypatch.setattr("pytest_complexity.cli.doctor.doctor", lambda _: rows)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "sandbox level: limits (linux, user)",
        "limit        state",
        "wall time    holds",
        "disk         DOES NOT HOLD: the program that breaks it came to pass",
        "the network  not promised at this level: the program that breaks it came to wrong: no",
    ]


def test_route_says_that_it_waits_where_a_person_sits_before_it(
    labels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = trained(labels, tmp_path)
    for terminal, said in ((True, "waiting for prompts, one a line; Ctrl-D ends\n"), (False, "")):
        capsys.readouterr()
        lines = io.TextIOWrapper(io.BytesIO(b"Add two numbers.\n"))
        monkeypatch.setattr(lines, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stdin", lines)
        assert main(["route", directory]) == 0
        out, err = capsys.readouterr()
        assert out.strip() in LADDER
        assert err == said


def test_data_list_names_each_official_file_and_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    rows = [each.split("\t") for each in capsys.readouterr().out.splitlines()]
    assert rows
    assert all(len(row) == 3 and row[2].startswith("sha256 ") for row in rows)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("mbpp-complexitynet-5trials.jsonl", "tier"),
        ("mbpp-routerbench.jsonl", "tier"),
        ("mbpp-routerdc-10trials.jsonl", "tier"),
    ],
)
def test_counts_that_others_measured_are_labelled_and_reported(
    shared: Path, name: str, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared / "outcomes" / name
    assert main(["label", str(file)]) == 0
    rows = lines_of(capsys.readouterr().out)
    given = lines_of(file.read_text(encoding="utf-8"))
    assert [(row["task_id"], row["successes"]) for row in rows] == [(row["task_id"], row["successes"]) for row in given]
    assert {row["rule"] for row in rows} == {rule}
    for row in rows:
        solved = [n == row["trials"] for n in row["successes"].values()]
        assert row["level"] == (solved.index(True) + 1 if any(solved) else None)
    assert main(["report", str(file)]) == 0


def test_models_pick_a_ladder_of_three_from_seven_and_the_papers_rule_with_it(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ladder = ["zephyr-7b-beta", "mistral-7b-v0.1", "meta-llama-3-8b"]
    file = shared / "outcomes" / "mbpp-routerdc-10trials.jsonl"
    assert main(["label", str(file), "--models", ",".join(ladder)]) == 0
    out, err = capsys.readouterr()
    rows = lines_of(out)
    assert all(list(row["successes"]) == ladder for row in rows)
    assert {row["rule"] for row in rows} == {"complexitynet"}
    assert err.startswith("Levels by complexitynet: level 1: ")
    assert all((row["level"] is None) == (not any(row["successes"].values())) for row in rows)


def test_a_report_against_an_earlier_one_fails_on_a_loss_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    before = written(tmp_path / "before.jsonl", *(line(f"T/{n}", 3, 5) for n in range(40)))
    after = written(tmp_path / "after.jsonl", *(line(f"T/{n}", 3, 5 if n > 8 else 2) for n in range(40)))
    assert main(["report", before, "-o", str(tmp_path / "before")]) == 0
    earlier = str(tmp_path / "before" / "report.json")
    capsys.readouterr()
    assert main(["report", before, "--baseline", earlier]) == 0
    assert "baseline passed" in capsys.readouterr().err
    assert main(["report", after, "--baseline", earlier]) == 1
    assert "models.large.accuracy went from 1 to 0.865 on 40" in capsys.readouterr().err
    assert main(["report", after, "--baseline", earlier, "--margin", "0.2"]) == 0


def test_on_github_a_gate_that_failed_is_an_annotation(
    counts: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["report", counts, "--gate", "run.tasks == 4", "--gate", "run.tasks == 3"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "::error title=pytest-complexity::gate failed: run.tasks == 4 (found 3)",
        "gate passed: run.tasks == 3 (found 3)",
    ]


# -- train and score ----------------------------------------------------------------------------------------------


@pytest.fixture
def labels(tmp_path: Path) -> str:
    return written(tmp_path / "labels.jsonl", *labelled(80).lines())


def trained(labels: str, tmp_path: Path, *options: str) -> str:
    directory = tmp_path / "router"
    assert main(["train", labels, "-o", str(directory), "--classifier", "majority", *options]) == 0
    return str(directory)


def test_train_tells_what_it_did_with_every_task_and_score_reads_what_it_wrote(
    labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "router"
    assert main(["train", labels, "-o", str(directory), "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    assert all(
        name in out for name in ("tfidf", "majority", "length", "knn", "untrained", "exact", "within 1", "5 tries")
    )
    assert err.startswith("80 tasks: ")
    assert "64 tasks trained on, 16 held out" in err
    test = directory / "test.jsonl"
    assert main(["score", str(directory), str(test), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    keys = {"accuracy", "accuracy_ci", "within_one", "any_of_n", "majority", "ceiling"}
    assert keys <= record["router"].keys()
    assert record["router"]["leaked"] == 0
    assert record["router"]["any_of_n"] is None
    assert {"utility", "oracle", "always-small"} <= record["policies"].keys()
    assert main(["score", str(directory), str(test)]) == 0
    assert capsys.readouterr().out == out


def test_score_warns_of_tasks_that_were_trained_on(
    labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = trained(labels, tmp_path)
    capsys.readouterr()
    assert main(["score", directory, labels]) == 0
    out, err = capsys.readouterr()
    assert "WARNING: 64 of these tasks repeat" in " ".join(out.split())
    assert err == "warning: 64 of these tasks stand in the training set as well\n"


def test_report_with_a_router_holds_its_score_and_gates_reach_it(
    labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = trained(labels, tmp_path)
    capsys.readouterr()
    gates = ["--gate", "router.accuracy >= 0.3", "--gate", "router.leaked == 64", "--gate", "router.any_of_n > 0"]
    assert main(["report", labels, "--router", directory, *gates, "-o", str(tmp_path / "out")]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["gate passed"] * 2 + [
        "gate failed"
    ]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["router"]["classifier"] == "majority"
    assert main(["report", labels, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["router"] is None
    assert "levels by" in (tmp_path / "out" / "report.md").read_text()


def test_train_without_a_test_writes_no_score(labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(labels, tmp_path, "--test", "0")
    out, err = capsys.readouterr()
    assert out == ""
    assert "80 tasks trained on, 0 held out" in err


def test_train_takes_the_rule_that_the_labels_name(tmp_path: Path) -> None:
    file = written(tmp_path / "l.jsonl", *label_all(easy_and_hard(80), LADDER, "tier@3/5").lines())
    assert json.loads((Path(trained(file, tmp_path)) / "router.json").read_text())["rule"] == "tier@3/5"
    again = trained(file, tmp_path, "--rule", "tier", "--overwrite")
    assert json.loads((Path(again) / "router.json").read_text())["rule"] == "tier"


def test_a_target_is_kept_beside_the_router_and_forgotten_by_the_next_training(labels: str, tmp_path: Path) -> None:
    policy = Path(trained(labels, tmp_path, "--target", "accuracy>=0.5")) / "policy.json"
    assert json.loads(policy.read_text())["target"] == "accuracy>=0.5"
    trained(labels, tmp_path, "--overwrite")
    assert not policy.exists()


def relabelled(tmp_path: Path, **fields: Any) -> str:
    first, *others = labelled(80).lines()
    return written(tmp_path / "changed.jsonl", {**json.loads(first), **fields}, *others)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"level": 9},
            "changed.jsonl, line 1, field 'level': expected a level of the rule tier, 1 to 2, got an integer (9)",
        ),
        ({"level": 0}, "expected a level of the rule tier"),
        ({"level": "1"}, "expected a level of the rule tier"),
        ({"level": True}, "expected a level of the rule tier"),
        ({"level": 2}, "the line's counts give 1 by tier"),
        ({"rule": "tier@1/2"}, "labels by several rules (tier, tier@1/2)"),
        ({"text": ""}, "1 tasks have an empty text (made/0)"),
    ],
)
def test_labels_that_are_not_what_they_say_are_one_line(
    tmp_path: Path, fields: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", relabelled(tmp_path, **fields), "-o", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert said in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_mistakes_around_a_router_are_one_line(
    labels: str, counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = trained(labels, tmp_path)
    other_directory = str(tmp_path / "new")
    unsolved = written(tmp_path / "unsolved.jsonl", line("T/1", 0, 0))
    other = written(tmp_path / "other.jsonl", {**line("T/1", 5, 5), "successes": {"tiny": 5, "large": 5}})
    capsys.readouterr()
    for arguments, said in [
        (["score", str(tmp_path / "none"), counts], "give the directory that `train` wrote"),
        (["score", directory, unsolved], "no task of 1 has a level"),
        (["score", directory, other], "no model 'small' in the file"),
        (["report", counts, "--router", directory, "--rule", "tier@1/2"], "the router is for small, large by tier"),
        (["train", labels, "-o", directory], "holds a router already. Name another -o, or replace it with --overwrite"),
        (["train", labels, "-o", other_directory, "--classifier", "best"], "no classifier 'best'"),
        (["train", labels, "-o", other_directory, "--target", "speed>=2"], "write accuracy>=0.8"),
        (["train", counts, "-o", other_directory], "2 of 3 tasks have a level, and 20 are needed"),
        (["train", labels, "-o", f"{labels}/x", "--classifier", "majority"], "cannot be written"),
    ]:
        assert main(arguments) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]
    shutil.rmtree(Path(directory) / "baselines")
    assert main(["score", directory, labels]) == 2
    assert "the baseline 'majority' is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--seed", "-1"], ["--seed", "x"], ["--seed", str(1 << 32)], ["--test", "1"], ["--test", "-0.1"]]
)
def test_a_seed_or_a_share_that_cannot_be_is_told_before_anything_is_read(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["train", "none.jsonl", "-o", "out", *option])
    assert exit_.value.code == 2
    assert "is wanted" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "label", "verify", "import"])
def test_a_file_that_this_user_may_not_read_is_one_line(
    command: str, counts: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("open", "read_bytes"):  # the tests may run as root, who reads everything
        monkeypatch.setattr(Path, name, refused)
    monkeypatch.setattr("builtins.open", refused)
    assert main([command, counts, *(["--suite", "humaneval"] if command == "verify" else [])]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "Permission denied" in told
