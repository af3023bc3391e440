"""Success counts: what labels and scores are computed from, whoever measured.

A leaf beside `outcomes.py`: it knows files of counts and outcomes, and neither rules, scores nor pytest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from pytest_complexity.core.fields import COUNT, LINE, NAME, NUMBER, STRING, Fields, integer, shown, unexpected
from pytest_complexity.core.jsonl import line_of, read_jsonl
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.errors import RecordingError

_TRIALS = integer(1)


@dataclass(frozen=True)
class TaskCounts:
    """How often each model of the ladder solved one task.

    `trials` and `successes` hold every model of the ladder, in ladder order; a model that was not measured has
    0 of 0. `planned` is what a complete measurement has (the paper's M), so `planned - trials[model]` trials are
    missing. `cost_usd` is the mean cost of one call in US dollars, for those models where it is known.
    Raises ValueError where 0 <= successes <= trials <= planned does not hold.
    """

    suite: str | None
    task_id: str
    text: str
    trials: Mapping[str, int]
    successes: Mapping[str, int]
    planned: int
    cost_usd: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if list(self.trials) != list(self.successes):
            raise ValueError(f"{self.task_id}: trials and successes name different models, or in another order")
        for model, trials in self.trials.items():
            if not 0 <= self.successes[model] <= trials <= self.planned:
                raise ValueError(
                    f"{self.task_id}, {model}: {self.successes[model]} successes of {trials} trials, "
                    f"{self.planned} planned"
                )

    @property
    def complete(self) -> bool:
        """Whether no planned trial of any model is missing."""
        return all(n == self.planned for n in self.trials.values())

    @property
    def solved(self) -> bool:
        """Whether any model solved it at least once."""
        return any(self.successes.values())


def counts_of(
    outcomes: Iterable[Outcome],
    ladder: Sequence[str],
    planned: int,
    texts: Mapping[tuple[str, str], str],
) -> list[TaskCounts]:
    """The counts of a run: `planned` trials of each model of `ladder`; `texts` by (suite, task_id).

    Tasks come in the order of `texts`, then those that only outcomes name (with an empty text); a task of
    `texts` without outcomes has 0 trials. Unmeasured outcomes, other models and trials from `planned` on do not
    count; of two outcomes with one key the last holds. Costs are means over the measured trials that have one.
    """
    final: dict[Key, Outcome] = {}
    for outcome in outcomes:
        if outcome.model in ladder and 0 <= outcome.trial < planned:
            final[outcome.key] = outcome
    groups: dict[tuple[str, str], list[Outcome]] = {task: [] for task in texts}
    for outcome in final.values():
        groups.setdefault((outcome.suite, outcome.task_id), []).append(outcome)
    return [_count_task(task, texts.get(task, ""), group, ladder, planned) for task, group in groups.items()]


def _count_task(
    task: tuple[str, str], text: str, outcomes: list[Outcome], ladder: Sequence[str], planned: int
) -> TaskCounts:
    trials, successes = dict.fromkeys(ladder, 0), dict.fromkeys(ladder, 0)
    costs: dict[str, list[float]] = {model: [] for model in ladder}
    for outcome in outcomes:
        if outcome.verdict.measured:
            trials[outcome.model] += 1
            successes[outcome.model] += outcome.verdict is Verdict.PASS
            if outcome.cost_usd is not None:
                costs[outcome.model].append(outcome.cost_usd)
    # fsum rounds once, so that the mean does not depend on the order in which workers reported.
    means = {model: math.fsum(known) / len(known) for model, known in costs.items() if known}
    return TaskCounts(*task, text, trials, successes, planned, means or None)


def read_counts(path: str | PathLike[str], models: Sequence[str] | None = None) -> list[TaskCounts]:
    """The tasks of a JSONL file of counts, or of a `labels.jsonl`.

    A line has `task_id`, `text`, `trials` (a number, or one for each model), `successes` by model, and may have
    `suite` and `cost_usd` by model (null: unknown); other fields are ignored. `planned` is the largest of the
    line's trials. `models` picks and orders the ladder; without it the ladder is the models in the order of
    their first appearance, and a line that orders them otherwise is an error. A model that a line lacks has 0
    trials there. Raises RecordingError, naming file, line and field.
    """
    tasks: list[TaskCounts] = []
    seen: dict[tuple[str | None, str], int] = {}
    lines: list[int] = []
    for number, record in read_jsonl(Path(path), RecordingError):
        fields = Fields(record, line_of(path, number), RecordingError)
        task = _task(fields)
        first = seen.setdefault((task.suite, task.task_id), number)
        if first != number:
            raise fields.wrong("task_id", f"line {first} has {task.task_id!r} too. Keep one of the two")
        tasks.append(task)
        lines.append(number)
    if not tasks:
        raise RecordingError(f"{path}: no task in the file; give a JSONL file with one task a line")
    known = list(dict.fromkeys(model for task in tasks for model in task.trials))
    ladder = known if models is None else _picked(path, models, known)
    if models is None:
        for number, task in zip(lines, tasks, strict=True):
            _check_order(line_of(path, number), list(task.trials), known)
    return [_on_ladder(task, ladder) for task in tasks]


def _task(fields: Fields) -> TaskCounts:
    if "successes" not in fields.values and (instead := _taken_for(fields.values)):
        raise fields.wrong("successes", f"is missing. {instead}")
    task_id, text = fields.get("task_id", NAME), fields.get("text", STRING)
    suite = fields.get("suite", STRING.or_null())
    solved = fields.inside("successes")
    if not solved.values:
        raise fields.wrong("successes", "names no model")
    for model in solved.values:
        if not LINE.holds(model):
            raise fields.wrong("successes", unexpected("models' names, each one printable line", model))
    successes = solved.all(COUNT)
    trials = _trials(fields, successes)
    for model, number in successes.items():
        if number > trials[model]:
            raise solved.wrong(model, f"{number} successes of {trials[model]} trials")
    return TaskCounts(suite, task_id, text, trials, successes, max(trials.values()), _costs(fields, successes))


def _taken_for(record: Mapping[str, object]) -> str:
    """What the line is instead, where that can be told, and what to do with it."""
    if "completion" in record or "solution" in record:
        return "These are samples, not outcomes. Verify them first: pytest-complexity verify"
    if "test_list" in record or "test" in record:
        return "These are tasks, not outcomes. Ask models for completions and verify them first"
    return ""


def _trials(fields: Fields, successes: Mapping[str, int]) -> dict[str, int]:
    if not isinstance(fields.values.get("trials"), dict):
        return dict.fromkeys(successes, fields.get("trials", _TRIALS))
    trials = fields.inside("trials")
    if unfit := [model for model in trials.values if model not in successes]:
        raise fields.wrong("trials", f"names {shown(unfit[0])}, which 'successes' does not")
    return {model: trials.get(model, COUNT) for model in successes}


def _costs(fields: Fields, successes: Mapping[str, int]) -> dict[str, float] | None:
    if fields.values.get("cost_usd") is None:
        return None
    costs = fields.inside("cost_usd")
    if unfit := [model for model in costs.values if model not in successes]:
        raise fields.wrong("cost_usd", f"names {shown(unfit[0])}, which 'successes' does not")
    known = costs.all(NUMBER.or_null())
    return {model: float(cost) for model in successes if (cost := known.get(model)) is not None} or None


def _picked(path: str | PathLike[str], models: Sequence[str], known: list[str]) -> list[str]:
    if not models:
        raise RecordingError(f"{path}: no model named; the file has: {', '.join(known)}")
    for model in models:
        if model not in known:
            raise RecordingError(f"{path}: no model {model!r} in the file; it has: {', '.join(known)}")
        if list(models).count(model) > 1:
            raise RecordingError(f"{path}: the model {model!r} is named twice; name each model once")
    return list(models)


def _check_order(where: str, names: list[str], ladder: list[str]) -> None:
    """A ladder read wrongly makes every label wrong, so contradicting orders are refused, not merged."""
    expected = [model for model in ladder if model in names]
    if names != expected:
        raise RecordingError(
            f"{where}, field 'successes': names the models as {', '.join(names)}, and the lines before it as "
            f"{', '.join(expected)}. Give the ladder, cheapest model first, with --models"
        )


def _on_ladder(task: TaskCounts, ladder: Sequence[str]) -> TaskCounts:
    trials = {model: task.trials.get(model, 0) for model in ladder}
    successes = {model: task.successes.get(model, 0) for model in ladder}
    known = task.cost_usd or {}
    cost = {model: known[model] for model in ladder if model in known} or None
    # The line's plan, not that of the models picked: leaving a model out takes no trial away from the others.
    return TaskCounts(task.suite, task.task_id, task.text, trials, successes, task.planned, cost)
