"""Scores of models, with 95% intervals. Computes; knows neither files nor drawing.

Tasks, not trials, are what is sampled: the trials of a task are alike, so every interval is over tasks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.intervals import Interval, share_interval
from pytest_complexity.core.outcomes import Outcome, Verdict

PASS_AT = (1, 5, 10)


@dataclass(frozen=True)
class ModelScore:
    """One model. `accuracy` is the mean success rate over the tasks with a measured trial; None where none has one.

    `pass_at` and `pass_all` (pass^k: all of k trials right) by k, None where a task has fewer trials; `base_accuracy`
    that of the suite's base tests alone, None where a measured trial has no such verdict; `verdicts` None where only
    counts are known; `cost_usd` the total, None where a trial's is not known; `seconds` the median time of a call,
    None where none is known.
    """

    accuracy: float | None
    accuracy_ci: Interval | None
    pass_at: Mapping[int, float | None]
    pass_all: Mapping[int, float | None]
    base_accuracy: float | None
    tasks: int
    trials: int
    verdicts: Mapping[str, int] | None
    cost_usd: float | None
    seconds: float | None


def score_model(
    model: str, counts: Sequence[TaskCounts], outcomes: Sequence[Outcome], times: Sequence[float] = ()
) -> ModelScore:
    """The score of one model; `outcomes` empty where only counts are known, `times` those of calls, in seconds."""
    measured = [(task.successes[model], task.trials[model]) for task in counts if task.trials[model]]
    rates = [successes / trials for successes, trials in measured]
    own = [outcome for outcome in outcomes if outcome.model == model]
    spent = [outcome.cost_usd for outcome in own if outcome.verdict.measured]
    tally = {verdict.value: sum(each.verdict is verdict for each in own) for verdict in Verdict}
    return ModelScore(
        accuracy=fmean(rates) if rates else None,
        accuracy_ci=share_interval(rates) if rates else None,
        pass_at={k: mean_pass_at(k, measured) for k in PASS_AT},
        pass_all={k: mean_pass_all(k, measured) for k in PASS_AT},
        base_accuracy=_base_accuracy(counts, own),
        tasks=len(measured),
        trials=sum(trials for _, trials in measured),
        verdicts={name: count for name, count in tally.items() if count} if outcomes else None,
        cost_usd=math.fsum(filter(None, spent)) if spent and None not in spent else None,
        seconds=median(times) if times else None,
    )


def mean_pass_at(k: int, measured: Sequence[tuple[int, int]]) -> float | None:
    """Mean over tasks of the unbiased 1 - C(n - c, k) / C(n, k) (arXiv 2107.03374, equation 1).

    None, "not estimable", where a task has fewer than k trials; `measured` holds (c successes, n trials).
    """
    if not measured or any(trials < k for _, trials in measured):
        return None
    return fmean(1 - math.comb(trials - successes, k) / math.comb(trials, k) for successes, trials in measured)


def mean_pass_all(k: int, measured: Sequence[tuple[int, int]]) -> float | None:
    """Mean over tasks of the unbiased C(c, k) / C(n, k): pass^k, all of k trials right (arXiv 2406.12045).

    None, "not estimable", where a task has fewer than k trials; `measured` holds (c successes, n trials).
    """
    if not measured or any(trials < k for _, trials in measured):
        return None
    return fmean(math.comb(successes, k) / math.comb(trials, k) for successes, trials in measured)


def _base_accuracy(counts: Sequence[TaskCounts], own: Sequence[Outcome]) -> float | None:
    tasks = {(task.suite, task.task_id) for task in counts}
    passed: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for outcome in own:
        task = outcome.suite, outcome.task_id
        if outcome.verdict.measured and task in tasks:
            if outcome.base is None:
                return None
            passed[task].append(outcome.base is Verdict.PASS)
    return fmean(fmean(trials) for trials in passed.values()) if passed else None
