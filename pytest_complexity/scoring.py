"""Scores of models and policies, with 95% intervals. Computes; knows neither files nor drawing.

Tasks, not trials, are what is sampled: the trials of a task are alike, so every interval is over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from pytest_complexity.counts import TaskCounts
from pytest_complexity.labels import Labels
from pytest_complexity.outcomes import Outcome, Verdict
from pytest_complexity.policies import Case, Policy
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import Assignment
from pytest_complexity.policies.oracle import Oracle

Interval = tuple[float, float]
PASS_AT = (1, 5, 10)
_Z = 1.959963984540054  # of a two-sided 95% interval


@dataclass(frozen=True)
class ModelScore:
    """One model. `accuracy` is the mean success rate over the tasks with a measured trial; None where none has one.

    `pass_at` by k, None where a task has fewer trials; `verdicts` None where only counts are known; `cost_usd` the
    total, None where a trial's is not known.
    """

    accuracy: float | None
    accuracy_ci: Interval | None
    pass_at: Mapping[int, float | None]
    tasks: int
    trials: int
    verdicts: Mapping[str, int] | None
    cost_usd: float | None


@dataclass(frozen=True)
class PolicyScore:
    """One policy on the tasks that every model of the ladder was measured on; None where there is no such task.

    `cost` is the mean per task in units of the first model's cost; `saving` is against always the last model.
    """

    accuracy: float | None
    accuracy_ci: Interval | None
    cost: float | None
    saving: float | None
    saving_ci: Interval | None


def score_model(model: str, counts: Sequence[TaskCounts], outcomes: Sequence[Outcome]) -> ModelScore:
    """The score of one model; `outcomes` empty where only counts are known."""
    measured = [(task.successes[model], task.trials[model]) for task in counts if task.trials[model]]
    rates = [successes / trials for successes, trials in measured]
    own = [outcome for outcome in outcomes if outcome.model == model]
    spent = [outcome.cost_usd for outcome in own if outcome.verdict.measured]
    tally = {verdict.value: sum(each.verdict is verdict for each in own) for verdict in Verdict}
    return ModelScore(
        accuracy=fmean(rates) if rates else None,
        accuracy_ci=share_interval(rates) if rates else None,
        pass_at={k: mean_pass_at(k, measured) for k in PASS_AT},
        tasks=len(measured),
        trials=sum(trials for _, trials in measured),
        verdicts={name: count for name, count in tally.items() if count} if outcomes else None,
        cost_usd=math.fsum(filter(None, spent)) if spent and None not in spent else None,
    )


def score_policies(counts: Sequence[TaskCounts], labels: Labels) -> dict[str, PolicyScore]:
    """The assignment, always each model and the oracle, at the paper's unit costs: 1, 10, 100, ..."""
    ladder = labels.ladder
    costs = [10.0**index for index in range(len(ladder))]
    cases = [
        Case([task.successes[model] / task.trials[model] for model in ladder], row.level)
        for task, row in zip(counts, labels.rows, strict=True)
        if all(task.trials[model] for model in ladder)
    ]
    policies: list[Policy] = [Assignment(labels.rule), *(Always(name, i) for i, name in enumerate(ladder)), Oracle()]
    return {policy.name: score_policy(policy, cases, costs) for policy in policies}


def score_policy(policy: Policy, cases: Sequence[Case], costs: Sequence[float]) -> PolicyScore:
    """One policy on these cases."""
    if not cases:
        return PolicyScore(None, None, None, None, None)
    decisions = [policy.decide(case, costs) for case in cases]
    solved = [decision.solved for decision in decisions]
    savings = [1 - decision.cost / costs[-1] for decision in decisions]
    return PolicyScore(
        accuracy=fmean(solved),
        accuracy_ci=share_interval(solved),
        cost=fmean(decision.cost for decision in decisions),
        saving=fmean(savings),
        saving_ci=mean_interval(savings, 1 - max(costs) / costs[-1], 1 - min(costs) / costs[-1]),
    )


def mean_pass_at(k: int, measured: Sequence[tuple[int, int]]) -> float | None:
    """Mean over tasks of the unbiased 1 - C(n - c, k) / C(n, k) (arXiv 2107.03374, equation 1).

    None, "not estimable", where a task has fewer than k trials; `measured` holds (c successes, n trials).
    """
    if not measured or any(trials < k for _, trials in measured):
        return None
    return fmean(1 - math.comb(trials - successes, k) / math.comb(trials, k) for successes, trials in measured)


def share_interval(rates: Sequence[float]) -> Interval:
    """95% interval of a mean of shares, one share a task: Wilson's score interval at the effective sample size.

    The effective size is the number of independent yes-or-no tasks whose mean would vary as much as that of these
    shares does; where all shares are alike, the number of tasks. Unlike a bootstrap it does not shrink to a point
    at 0 of n or n of n.
    """
    n, p = len(rates), min(max(fmean(rates), 0.0), 1.0)
    spread = variance(rates, p) / n if n > 1 else 0.0
    size = p * (1 - p) / spread if spread > 1e-12 else float(n)
    z2 = _Z * _Z / size
    centre = (p + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(p * (1 - p) / size + z2 / (4 * size))
    return max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))


def mean_interval(values: Sequence[float], least: float, most: float) -> Interval:
    """95% interval of a mean over tasks of values in [least, most], by the normal approximation."""
    mean = fmean(values)
    half = _Z * math.sqrt(variance(values, mean) / len(values)) if len(values) > 1 else 0.0
    return max(mean - half, least), min(mean + half, most)
