"""Drives a call policy on outcomes that are known already: a recording's, or drawn from success counts."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_complexity.calls import CallPolicy
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Key, Outcome, Verdict


@dataclass(frozen=True)
class Driven:
    """What became of a plan: the outcomes of the trials that were called, in that order, and what was skipped."""

    outcomes: tuple[Outcome, ...]
    skipped: Mapping[Key, str]

    def calls(self, model: str) -> int:
        """How many trials of that model were called."""
        return sum(outcome.model == model for outcome in self.outcomes)


def draw(counts: Iterable[TaskCounts], ladder: Sequence[str], seed: int) -> dict[Key, Outcome]:
    """One order of trials that gives these counts: the measured trials of each model, drawn without replacement."""
    world = {}
    for task in counts:
        for model in ladder:
            solved, trials = task.successes[model], task.trials[model]
            verdicts = [Verdict.PASS] * solved + [Verdict.WRONG] * (trials - solved)
            random.Random(f"{seed}/{task.suite}/{task.task_id}/{model}").shuffle(verdicts)
            for trial, verdict in enumerate(verdicts):
                key = Key(task.suite or "", task.task_id, model, trial)
                world[key] = Outcome(*key, verdict=verdict, visible=verdict is Verdict.PASS)
    return world


def drive(policy: CallPolicy, world: Mapping[Key, Outcome]) -> Driven:
    """Makes the policy's calls in a world where every outcome is known. Raises KeyError for a trial it lacks."""
    waiting, skipped = deque(policy.first()), dict[Key, str]()
    outcomes = []
    while waiting:
        outcome = world[waiting.popleft()]
        outcomes.append(outcome)
        step = policy.after(outcome)
        waiting.extend(step.call)
        skipped.update(step.skip)
    return Driven(tuple(outcomes), skipped)
