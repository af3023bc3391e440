"""The call policy that `--cx-calls` names, for a plan: where policies meet what was measured before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_complexity.calls import AllCalls, Calls
from pytest_complexity.calls.lazy import Lazy
from pytest_complexity.core.costs import mean_costs, unit_costs
from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import RecordingError
from pytest_complexity.plugin.options import CallChoice
from pytest_complexity.run.inputs import Measured, read_inputs


def policy_of(
    choice: CallChoice,
    plan: Sequence[Key],
    ladder: Sequence[str],
    trials: int,
    *,
    rule: str | None,
    seed: int,
    tasks: Mapping[tuple[str, str], Task],
) -> Calls:
    """Raises `ComplexityError` where the rule does not fit, or what switching shall learn from cannot be used."""
    if choice.name == "lazy":
        return Lazy(plan, ladder, trials, rule)
    if choice.name == "budget":
        from pytest_complexity.calls.budget import Budget  # noqa: PLC0415  (numpy and scipy: only where used)

        return Budget(plan, ladder, choice.number, seed)
    if choice.name == "switching":
        return _switching(choice.measured, plan, ladder, tasks)
    return AllCalls(plan)


def _switching(
    path: Path | None, plan: Sequence[Key], ladder: Sequence[str], tasks: Mapping[tuple[str, str], Task]
) -> Calls:
    from pytest_complexity.calls.switching.belief import (  # noqa: PLC0415
        Belief,
        signals_of_counts,
        signals_of_outcomes,
    )
    from pytest_complexity.calls.switching.policy import Switching  # noqa: PLC0415  (as above)

    checked = frozenset(key for key, task in tasks.items() if task.visible_tests)
    if path is None:
        return Switching(plan, ladder, Belief.vague(len(ladder)), unit_costs(len(ladder)), checked)
    measured = read_inputs([path], ladder)
    if not any(task.trials[model] for task in measured.counts for model in ladder):
        raise RecordingError(f"{path}: no measured trial of {', '.join(ladder)}: switching has nothing to learn from")
    known = [(task.suite or "", task.task_id) for task in measured.counts]
    signals = signals_of_outcomes(measured.outcomes, known, ladder) if _shows(measured) else None
    belief = Belief.fit(signals_of_counts(measured.counts, ladder) if signals is None else signals)
    costs, _ = mean_costs(measured.counts, ladder)
    return Switching(plan, ladder, belief, costs if costs[-1] > 0 else unit_costs(len(ladder)), checked)


def _shows(measured: Measured) -> bool:
    return any(outcome.visible is not None for outcome in measured.outcomes)
