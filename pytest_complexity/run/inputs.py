"""What labels and reports are made from: run directories and files of counts, joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.counts import TaskCounts, counts_of, read_counts
from pytest_complexity.core.fields import shown
from pytest_complexity.core.jsonl import line_of, read_jsonl
from pytest_complexity.core.outcomes import Key, Outcome
from pytest_complexity.errors import LabelError, RecordingError
from pytest_complexity.labels import Label, Labels, label_all
from pytest_complexity.models import Completion
from pytest_complexity.run.directory import RunRecord, read_run


@dataclass(frozen=True)
class Measured:
    """Success counts on a ladder, and the run with the outcomes behind them; none where only counts are known."""

    ladder: tuple[str, ...]
    counts: tuple[TaskCounts, ...]
    outcomes: tuple[Outcome, ...] = ()
    run: RunRecord | None = None


def read_inputs(paths: Sequence[Path], ladder: Sequence[str] | None = None) -> Measured:
    """Joins inputs of one kind. Raises `ComplexityError` where they disagree, on a ladder or on a trial."""
    runs = [path for path in paths if path.is_dir()]
    if runs and len(runs) < len(paths):
        raise RecordingError("give run directories or files of counts, not both at once")
    if runs:
        return measured_of(join_runs([(str(path), read_run(path)) for path in runs]), ladder)
    counts: dict[tuple[str | None, str], TaskCounts] = {}
    for path in paths:
        for task in read_counts(path, ladder):
            if (task.suite, task.task_id) in counts:
                raise RecordingError(f"{path}: {task.task_id} stands already in another of these files")
            if counts and list(task.trials) != list(next(iter(counts.values())).trials):
                raise RecordingError(f"{path}: another ladder than the files before it: pick one with --models")
            counts[task.suite, task.task_id] = task
    return Measured(tuple(next(iter(counts.values())).trials), tuple(counts.values()))


def read_measured(path: Path, ladder: Sequence[str]) -> tuple[Sequence[TaskCounts], Sequence[Outcome]]:
    """The counts and outcomes of one input, as call policies learn from them. Raises `ComplexityError`."""
    measured = read_inputs([path], ladder)
    return measured.counts, measured.outcomes


def read_labels(paths: Sequence[Path], ladder: Sequence[str] | None = None, rule: str | None = None) -> Labels:
    """The labels of inputs, by the rule of that name, else the one that the files name, else the ladder's default.

    A level that stands in a file must be what its counts give. Raises `ComplexityError`.
    """
    measured = read_inputs(paths, ladder)
    stored = [] if paths[0].is_dir() else [_stored(path) for path in paths]
    named = {str(record["rule"]) for file in stored for _, record in file if record.get("rule")}
    if rule is None and len(named) > 1:
        raise LabelError(f"labels by several rules ({', '.join(sorted(named))}): pick one with --rule")
    labels = label_all(measured.counts, measured.ladder, rule or next(iter(named), None))
    if ladder is None and (not named or named == {labels.rule}):
        rows = iter(labels.rows)
        for file in stored:
            for where, record in file:
                _check_level(where, record.get("level"), next(rows), labels)
    return labels


def _stored(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(line_of(path, number), record) for number, record in read_jsonl(path, RecordingError)]


def _check_level(where: str, level: Any, row: Label, labels: Labels) -> None:
    if level is None:
        return
    if not isinstance(level, int) or isinstance(level, bool) or level not in labels.counts:
        raise LabelError(
            f"{where}, field 'level': expected a level of the rule {labels.rule}, 1 to {len(labels.counts)}, "
            f"got {shown(level)}"
        )
    if level != row.level:
        raise LabelError(
            f"{where}, field 'level': says {level}, and the line's counts give {row.level or 'none'} by {labels.rule}. "
            "Label again, or name another rule with --rule"
        )


def measured_of(run: RunRecord, ladder: Sequence[str] | None = None) -> Measured:
    """The counts of a run: trials that lie beyond its number, or off the ladder, are left out."""
    names = run.ladder if ladder is None else tuple(ladder)
    if not names:
        raise RecordingError(f"--models: no model named. The run has {', '.join(run.config['models'])}")
    for name in names:
        if names.count(name) > 1:
            raise RecordingError(f"--models: {name!r} is on the ladder twice. Name each model once")
        if name not in run.config["models"]:
            raise RecordingError(f"--models: the run has no {name!r}. It has {', '.join(run.config['models'])}")
    trials = run.config["trials"]
    outcomes = tuple(each for each in run.outcomes if each.model in names and each.trial < trials)
    asked = {(each.suite, each.task_id) for each in outcomes}
    texts = {key: text for key, text in run.texts.items() if key in asked}
    return Measured(names, tuple(counts_of(outcomes, names, trials, texts)), outcomes, replace(run, outcomes=outcomes))


def join_runs(runs: Sequence[tuple[str, RunRecord]]) -> RunRecord:
    """One run of several, each with its name, in any order. Raises `RecordingError` where they disagree."""
    name, first = runs[0]
    if len(runs) == 1:
        return first
    outcomes: dict[Key, Outcome] = {}
    texts: dict[tuple[str, str], str] = {}
    tests: dict[tuple[str, str], str] = {}
    completions: dict[Key, Completion] = {}
    for other, run in runs:
        if run.ladder != first.ladder:
            raise RecordingError(f"{other}: another ladder than {name}'s")
        for outcome in run.outcomes:
            known = outcomes.get(outcome.key)
            if known and known.verdict.measured and outcome.verdict.measured and known.verdict != outcome.verdict:
                raise RecordingError(
                    f"{other}: {outcome.key} is {outcome.verdict.value}, {known.verdict.value} in another of these runs"
                )
            if known is None or not known.verdict.measured:
                outcomes[outcome.key] = outcome
                if said := run.completions.get(outcome.key):
                    completions[outcome.key] = said
        texts.update(run.texts)
        tests.update(run.tests)
    trials = max(run.config["trials"] for _, run in runs)
    ordered = {key: outcomes[key] for key in sorted(outcomes)}
    config = {**first.config, "trials": trials}
    return RunRecord(config, tuple(ordered.values()), dict(sorted(texts.items())), tests, completions)
