"""Only the calls that can still change a task's level: the labels are exactly those of the full run.

The cheapest model that matters is asked first, one call of a task at a time. For `tier` no order is cheaper: whatever
the level, a failure of every model below it has to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_complexity.calls import Setup, Step, by_task
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.labels import open_models
from pytest_complexity.labels.rules import Rule

REASON = "level already decided"


class Lazy:
    """Skips every trial that can no longer change its task's level by the rule.

    `trials` is the number that a complete measurement has; the plan may hold fewer (`-k`). A trial that was not
    measured counts as missing for good. A task that `tier` gives no level either way is left as soon as that is
    certain: whether some model would have solved it now and then stays unknown.
    """

    def __init__(self, plan: Sequence[Key], ladder: Sequence[str], trials: int, rule: str | None = None) -> None:
        """Raises LabelError where the rule does not fit the ladder."""
        named = Rule.named(rule, len(ladder))
        self._tasks = {task: _Task(keys, ladder, trials, named) for task, keys in by_task(plan).items()}

    def first(self) -> tuple[Key, ...]:
        """The first call of every task."""
        return tuple(key for task in self._tasks.values() for key in task.step().call)

    def after(self, outcome: Outcome) -> Step:
        """The next call of its task, or none any more."""
        task = self._tasks[outcome.suite, outcome.task_id]
        task.add(outcome)
        return task.step()


def make(setup: Setup) -> Lazy:
    """The policy of `--cx-calls=lazy`. Raises `LabelError` where the rule does not fit the ladder."""
    setup.refuse_argument("lazy")
    return Lazy(setup.plan, setup.ladder, setup.trials, setup.rule)


class _Task:
    def __init__(self, keys: Mapping[str, list[Key]], ladder: Sequence[str], trials: int, rule: Rule) -> None:
        self._left = {model: list(keys.get(model, ())) for model in ladder}
        self._seen = dict.fromkeys(ladder, (0, 0))
        self._trials = trials
        self._rule = rule

    def add(self, outcome: Outcome) -> None:
        if outcome.verdict.measured:
            solved, trials = self._seen[outcome.model]
            self._seen[outcome.model] = solved + (outcome.verdict is Verdict.PASS), trials + 1

    def step(self) -> Step:
        left = tuple(self._left.values())
        for index in open_models(self._rule, tuple(self._seen.values()), self._trials):
            if left[index]:
                return Step((left[index].pop(0),))
        return Step(skip={key: REASON for keys in left for key in keys})
