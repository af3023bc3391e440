"""The run directory: nothing that was written is lost, whatever moment the writer was killed at."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError, RunDirectoryError
from pytest_complexity.models import Completion
from pytest_complexity.run.directory import RunDirectory, RunRecord, read_run
from pytest_complexity.run.inputs import join_runs, measured_of

CONFIG: dict[str, Any] = {
    "ladder": ["small", "large"],
    "trials": 3,
    "timeout": 10.0,
    "memory": 1024,
    "suites": {"s": {"dataset": "tasks.jsonl", "sha256": "0" * 64, "tasks": 2}},
    "models": {"small": {"adapter": "replay"}, "large": {"adapter": "replay"}},
}
KEY = Key("s", "T/1", "small", 0)
OUTCOME = Outcome(*KEY, verdict=Verdict.PASS, seconds=0.1)

keys = st.builds(
    Key, st.just("s"), st.sampled_from(["T/1", "T/2"]), st.sampled_from(["small", "large"]), st.integers(0, 2)
)
completions = st.builds(
    Completion,
    st.text(alphabet=st.characters(codec=None), max_size=20),
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 99),
    st.none() | st.floats(0, 9),
)


def opened(path: Path, **changes: Any) -> RunDirectory:
    return RunDirectory.open(path, {**CONFIG, **changes})


@given(st.dictionaries(keys, completions, max_size=6), st.data())
def test_a_file_cut_at_any_byte_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, said: dict[Key, Completion], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("run")
    run = opened(path)
    for key, completion in said.items():
        run.add_completion(key, completion)
    run.close()
    file = path / "completions.jsonl"
    written = file.read_bytes()
    cut = data.draw(st.integers(0, len(written)), label="cut at")
    os.truncate(file, cut)
    whole = written[:cut].count(b"\n")
    again = opened(path)
    assert again.completions == dict(list(said.items())[:whole])
    assert bool(again.notices) == (cut not in (0, written[:cut].rfind(b"\n") + 1))
    # What is written next stands on a line of its own.
    again.add_completion(KEY, Completion("more"))
    again.close()
    last = opened(path)
    assert last.completions[KEY] == Completion("more")
    last.close()


def test_the_last_line_of_a_trial_holds(tmp_path: Path) -> None:
    run = opened(tmp_path)
    run.add_outcome(replace(OUTCOME, verdict=Verdict.UNMEASURED))
    run.add_outcome(OUTCOME)
    run.close()
    assert read_run(tmp_path).outcomes == (OUTCOME,)


def test_an_outcome_that_differs_in_its_seconds_alone_is_not_written_again(tmp_path: Path) -> None:
    run = opened(tmp_path)
    run.add_outcome(OUTCOME)
    assert run.add_outcome(replace(OUTCOME, seconds=9.0)) == OUTCOME
    run.close()
    assert (tmp_path / "outcomes.jsonl").read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timeout": 5.0}, "timeout was 10.0, is 5.0"),
        ({"memory": 512}, "memory was 1024, is 512"),
        ({"suites": {"s": {**CONFIG["suites"]["s"], "sha256": "1" * 64}}}, "the tasks of suite s have changed"),
        ({"models": {"small": {"adapter": "openai"}}}, "model small has another adapter. Undo"),
    ],
)
def test_another_configuration_is_refused_and_nothing_is_touched(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    opened(tmp_path).close()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(RunDirectoryError, match="another directory: --cx-run") as error:
        opened(tmp_path, **change)
    assert said in str(error.value)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_trials_limit_ladder_and_suites_may_grow(tmp_path: Path) -> None:
    opened(tmp_path).close()
    more = {"ladder": ["small", "middle", "large"], "trials": 5, "models": {"middle": {"adapter": "replay"}}}
    run = opened(tmp_path, **more, suites={"t": {"dataset": "d", "sha256": "2" * 64, "tasks": 1}})
    run.close()
    config = read_run(tmp_path).config
    assert (config["trials"], list(config["models"]), list(config["suites"])) == (
        5,
        ["small", "large", "middle"],
        ["s", "t"],
    )


def test_two_sessions_cannot_write_to_one_directory(tmp_path: Path) -> None:
    run = opened(tmp_path)
    with pytest.raises(RunDirectoryError, match="another session is writing"):
        opened(tmp_path)
    run.close()


@pytest.mark.parametrize("name", ["outcomes.jsonl", "completions.jsonl", "tasks.jsonl"])
@pytest.mark.parametrize("line", ["nonsense", "{}", '{"suite": "s"}', '{"a": NaN}'])
def test_a_broken_line_that_is_not_the_last_is_an_error_that_names_it(tmp_path: Path, name: str, line: str) -> None:
    run = opened(tmp_path)
    run.close()
    (tmp_path / name).write_text(line + "\n")

    def read() -> None:
        again = opened(tmp_path)
        try:
            again.add_tasks([("s", Task("T/1", "text"))])
        finally:
            again.close()

    with pytest.raises(ComplexityError, match=rf"{name}, line 1: "):
        read()


def test_results_without_a_configuration_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outcomes.jsonl").write_text("")
    with pytest.raises(RunDirectoryError, match=r"no run\.json"):
        opened(tmp_path)


def test_a_directory_that_is_no_run_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"run\.json is missing"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"ladder": "a"}))
    with pytest.raises(RunDirectoryError, match="'ladder' is missing or empty"):
        read_run(tmp_path)


verdicts = st.sampled_from([Verdict.PASS, Verdict.WRONG, Verdict.UNMEASURED])


@given(st.dictionaries(keys, verdicts), st.data())
def test_runs_join_to_the_same_counts_in_any_order(measured: dict[Key, Verdict], data: st.DataObject) -> None:
    texts = {("s", "T/1"): "one", ("s", "T/2"): "two"}
    outcomes = [Outcome(*key, verdict=verdict) for key, verdict in measured.items()]
    shards: list[list[Outcome]] = [[], [], []]
    for outcome in outcomes:
        for index in data.draw(st.sets(st.integers(0, 2), min_size=1), label=str(outcome.key)):
            shards[index].append(outcome)
    runs = [(f"run {index}", RunRecord(CONFIG, tuple(shard), texts)) for index, shard in enumerate(shards)]
    shuffled = data.draw(st.permutations(runs))
    joined = measured_of(join_runs(shuffled))
    assert joined.counts == measured_of(join_runs(runs)).counts
    whole = measured_of(RunRecord(CONFIG, tuple(sorted(outcomes, key=lambda each: each.key)), texts))
    assert joined.counts == whole.counts


def test_runs_that_disagree_on_a_trial_are_refused() -> None:
    one = RunRecord(CONFIG, (OUTCOME,), {})
    other = RunRecord(CONFIG, (replace(OUTCOME, verdict=Verdict.WRONG),), {})
    with pytest.raises(ComplexityError, match=r"b: T/1-small-0 is wrong, pass in another"):
        join_runs([("a", one), ("b", other)])
