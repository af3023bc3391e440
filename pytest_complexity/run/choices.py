"""The choices of anybody's router, read from a file: a model, or the chance of each, for each task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.fields import LINE, NAME, NUMBER, STRING, Fields, one_of
from pytest_complexity.core.jsonl import line_of, read_jsonl
from pytest_complexity.errors import ChoiceError


@dataclass(frozen=True)
class Choices:
    """A router's choices by (suite or None, task id), each in ladder order."""

    name: str
    path: Path
    shares: Mapping[tuple[str | None, str], tuple[float, ...]]

    def on(self, tasks: Iterable[TaskCounts]) -> list[tuple[float, ...]]:
        """The choices on these tasks. Raises `ChoiceError`, which counts the tasks that are left out."""
        found = [
            (task, self.shares.get((task.suite, task.task_id)) or self.shares.get((None, task.task_id)))
            for task in tasks
        ]
        missing = [task.task_id for task, each in found if each is None]
        if missing:
            raise ChoiceError(
                f"{self.path}: chooses nothing for {len(missing)} of {len(found)} tasks ({', '.join(missing[:3])}"
                f"{', ...' if len(missing) > 3 else ''}). Add a line for each"
            )
        return [each for _, each in found if each is not None]


def read_choices(text: str, ladder: Sequence[str]) -> Choices:
    """Of `NAME=FILE`: lines of `task_id` and `model`, or `chances` that add up to 1; `suite` if tasks share an id.

    Raises `ChoiceError`.
    """
    name, equals, path = text.partition("=")
    if not equals or not path or not LINE.holds(name):
        raise ChoiceError(f"--choices {text!r}: NAME=FILE is wanted, as in --choices mine=choices.jsonl")
    shares: dict[tuple[str | None, str], tuple[float, ...]] = {}
    for number, record in read_jsonl(Path(path), ChoiceError):
        fields = Fields(record, line_of(path, number), ChoiceError)
        key = (fields.get("suite", STRING.or_null()), fields.get("task_id", NAME))
        if key in shares:
            raise fields.wrong("task_id", f"{key[1]!r} is on two lines. Keep one of them")
        shares[key] = _shares(fields, ladder)
    return Choices(name, Path(path), shares)


def _shares(fields: Fields, ladder: Sequence[str]) -> tuple[float, ...]:
    if "chances" not in fields.values:
        model = fields.get("model", one_of(*ladder), "Or give `chances`")
        return tuple(float(name == model) for name in ladder)
    chances = fields.inside("chances")
    for name in chances.values:
        if name not in ladder:
            raise chances.wrong(name, f"no model of the ladder ({', '.join(ladder)})")
    known = chances.all(NUMBER)
    if abs(sum(known.values()) - 1) > 1e-6:
        raise fields.wrong(
            "chances", f"add up to {sum(known.values()):.6g}, not to 1. Give how often each model is asked"
        )
    return tuple(float(known.get(name, 0)) for name in ladder)
