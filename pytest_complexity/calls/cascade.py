"""Plans of cascades: which model is asked next, given which answers passed the visible check. Pure.

Written by places on the ladder, from 1: `2223` asks the second model up to three times, then the third once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, permutations, product
from pathlib import Path
from typing import Literal, NamedTuple

from pytest_complexity.core.fields import LINE, NUMBER, STRING, Fields, Kind, one_of
from pytest_complexity.core.jsonl import parse_object, read_bytes
from pytest_complexity.errors import PlanError

STOP = -1
_FORM = re.compile(r"(?P<digits>[1-9]+)(?P<last>/last)?|(?P<places>[1-9]\d*(-[1-9]\d*)*)-?(?P<last_too>/last)?")


class Attempt(NamedTuple):
    """One call: the model's place on the ladder, from 0, and whether its answer passed the visible check."""

    model: int
    shown: bool


class Stage(NamedTuple):
    """At most `attempts` calls of one model, by its place on the ladder from 0."""

    model: int
    attempts: int


@dataclass(frozen=True)
class Plan:
    """The first answer that passes the visible check is handed in; after the last stage that stage's first answer.

    `unchecked`: a task that shows nothing gets one call, of the first or the last stage's model.
    """

    stages: tuple[Stage, ...]
    unchecked: Literal["first", "last"] = "first"

    @classmethod
    def parse(cls, text: str, models: int) -> Plan:
        """`2223`, or `2-2-2-11` where the ladder is long; `2223/last` for the other `unchecked`. Raises `PlanError`."""
        found = _FORM.fullmatch(text)
        if not found:
            raise PlanError(f"{text!r} is no plan: write the models' places on the ladder, such as 2223 or 2-2-11")
        places = list(map(int, found["digits"] or found["places"].split("-")))
        if max(places) > models:
            raise PlanError(f"plan {text!r} asks model {max(places)}, and the ladder has {models}")
        stages = tuple(Stage(place - 1, len(list(calls))) for place, calls in groupby(places))
        if len({stage.model for stage in stages}) < len(stages):
            raise PlanError(f"plan {text!r} comes back to a model: write all calls of a model together")
        return cls(stages, "last" if found["last"] or found["last_too"] else "first")

    def __str__(self) -> str:
        places = [str(stage.model + 1) for stage in self.stages for _ in range(stage.attempts)]
        short = all(len(place) == 1 for place in places)
        joined = "".join(places) if short else "-".join(places) + ("-" if len(places) == 1 else "")
        return joined + ("/last" if self.unchecked == "last" else "")

    @property
    def alone(self) -> Plan:
        """What it does where there is nothing to check an answer by."""
        return Plan((Stage(self.stages[0 if self.unchecked == "first" else -1].model, 1),))

    def act(self, attempts: Sequence[Attempt]) -> int:
        """The model to call next, or STOP."""
        if attempts and attempts[-1].shown:
            return STOP
        made = len(attempts)
        for stage in self.stages:
            if made < stage.attempts:
                return stage.model
            made -= stage.attempts
        return STOP

    def answer(self, attempts: Sequence[Attempt]) -> int:
        """Which attempt to hand in, by its index: the one that passed, else the first of the model asked last."""
        if attempts[-1].shown:
            return len(attempts) - 1
        return next(place for place, each in enumerate(attempts) if each.model == attempts[-1].model)

    def capped(self, trials: Sequence[int]) -> Plan:
        """The same with no more calls of each model than it has trials, in ladder order."""
        kept = tuple(Stage(model, min(calls, trials[model])) for model, calls in self.stages if trials[model])
        return Plan(kept, self.unchecked)

    def within(self, trials: int) -> Plan:
        """The same with no more calls of a model than there are trials."""
        return Plan(tuple(Stage(model, min(calls, trials)) for model, calls in self.stages), self.unchecked)


def written(text: str) -> bool:
    """Whether this is the form of a plan, and no directory's name."""
    return _FORM.fullmatch(text) is not None


def usual(models: int) -> Plan:
    """The plan that needs no tuning: up to three calls of the model before the last, then the last.

    For two models the first once, then the last; for one model three calls of it.
    """
    if models < 2:
        return Plan((Stage(0, 3),))
    return Plan((Stage(models - 2, 3 if models > 2 else 1), Stage(models - 1, 1)))


def plans(models: int, trials: int, most: int = 3) -> list[Plan]:
    """Every plan of one to three stages, the simplest first: up to `most` calls a stage and no more than `trials`.

    On ladders of more than four models the last stage calls once, and of more than eight there are two stages at most:
    else there would be too many.
    """
    calls = range(1, min(most, trials) + 1)
    found: list[Plan] = []
    for stages in range(1, min(models, 3 if models <= 8 else 2) + 1):
        ends = calls if models <= 4 else range(1, 2)
        for order in permutations(range(models), stages):
            for attempts in product(*[calls] * (stages - 1), ends):
                made = tuple(map(Stage, order, attempts))
                found.append(Plan(made))
                if stages > 1:
                    found.append(Plan(made, "last"))
    return found


PLAN_NAME = "cascade.json"
_FORMAT = 1
_STRINGS: Kind[list[str]] = Kind(
    "a list of models' names", lambda value: isinstance(value, list) and all(map(LINE.holds, value))
)


@dataclass(frozen=True)
class SavedPlan:
    """A plan on its ladder, as `train` writes it beside the classifier.

    `accuracy` and `cost` (a task, in `unit`: "usd" or "unit") are what it came to where it was chosen; `target` what it
    was chosen to keep, "" where it is the one that is right most often at no more cost than the best single model.
    """

    ladder: tuple[str, ...]
    plan: str
    accuracy: float
    cost: float
    unit: str
    target: str = ""

    def on(self, ladder: Sequence[str]) -> Plan:
        """The plan. Raises `PlanError` where it was made for other models than those of `ladder`."""
        if tuple(ladder) != self.ladder:
            raise PlanError(f"the plan {self.plan} is for the models {', '.join(self.ladder)}, not {', '.join(ladder)}")
        return Plan.parse(self.plan, len(self.ladder))

    def sentence(self) -> str:
        """What it asks, and what to expect of it."""
        stages = self.on(self.ladder).stages
        calls = (f"{self.ladder[model]} " + ("once" if n == 1 else f"up to {n} times") for model, n in stages)
        cost = f"${1000 * self.cost:.3g} for a thousand" if self.unit == "usd" else f"cost {self.cost:.3g} for each"
        target = f", calibrated to {self.target}" if self.target else ""
        return (
            f"cascade {self.plan}{target}: {', then '.join(calls)}; {100 * self.accuracy:.1f}% right at {cost} of "
            "the tasks that it was chosen on"
        )

    def save(self, directory: Path) -> None:
        """Writes it into a directory. Raises `PlanError`."""
        _write(directory / PLAN_NAME, json.dumps({"format": _FORMAT, **asdict(self)}, indent=2) + "\n")

    @classmethod
    def load(cls, directory: Path) -> SavedPlan:
        """The plan of a directory. Raises `PlanError`."""
        file = directory / PLAN_NAME
        if not file.exists():
            raise PlanError(
                f"{directory}: no plan there, {PLAN_NAME} is missing. `train` writes one from a run whose prompts show "
                "examples; or give a plan such as 2223"
            )
        fields = Fields(parse_object(read_bytes(file, PlanError), str(file), PlanError), str(file), PlanError)
        if fields.values.get("format") != _FORMAT:
            raise PlanError(f"{file}: no plan that this version of pytest-complexity reads; train again")
        found = cls(
            ladder=tuple(fields.get("ladder", _STRINGS)),
            plan=fields.get("plan", LINE),
            accuracy=fields.get("accuracy", NUMBER),
            cost=fields.get("cost", NUMBER),
            unit=fields.get("unit", one_of("usd", "unit")),
            target=fields.get("target", STRING),
        )
        found.on(found.ladder)
        return found


def save_plan(directory: Path, plan: SavedPlan | None) -> None:
    """Writes a plan beside a classifier; None: removes the one of an earlier training. Raises `PlanError`."""
    if plan is None:
        _write(directory / PLAN_NAME, None)
    else:
        plan.save(directory)


def _write(file: Path, text: str | None) -> None:
    try:
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text, encoding="utf-8")
    except OSError as why:
        raise PlanError(f"{file}: cannot be written: {why.strerror}") from None
