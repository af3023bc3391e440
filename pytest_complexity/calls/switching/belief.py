"""What is believed of a task while it is tried: a mixture over joint success rates of all models.

Attempts at one task are not independent: where the small model fails, the large one's odds fall too, and some tasks
are hopeless. A mixture of kinds of task, each with its rates for every model, fitted to training tasks by EM, says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from pytest_complexity.core.arrays import Floats
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Outcome, Verdict

_KINDS = 32  # of 8, 16 and 32 the first that is nowhere worse than the tuned cascade (docs/results/calls.md)
_ROUNDS = 100


def signals_of_counts(counts: Sequence[TaskCounts], ladder: Sequence[str]) -> Floats:
    """T x K x 2 x 2: attempts by (visible check passed, right), where the check sees all: it passed where right."""
    signals = np.zeros((len(counts), len(ladder), 2, 2))
    for row, task in enumerate(counts):
        for k, model in enumerate(ladder):
            signals[row, k, 1, 1] = task.successes[model]
            signals[row, k, 0, 0] = task.trials[model] - task.successes[model]
    return signals


def signals_of_outcomes(outcomes: Sequence[Outcome], tasks: Sequence[tuple[str, str]], ladder: Sequence[str]) -> Floats:
    """As above from outcomes, whose visible checks err; attempts without a visible check are left out."""
    row = {task: index for index, task in enumerate(tasks)}
    signals = np.zeros((len(tasks), len(ladder), 2, 2))
    for each in outcomes:
        if each.verdict.measured and each.visible is not None:
            right = each.verdict is Verdict.PASS
            signals[row[each.suite, each.task_id], ladder.index(each.model), int(each.visible), int(right)] += 1
    return signals


@dataclass(frozen=True)
class Belief:
    """J kinds of task: their shares, J; each model's chance that the visible check passes, J x K; and the chance that
    the attempt is right given what the check showed, J x K x 2.
    """

    weights: Floats
    shows: Floats
    right: Floats

    @classmethod
    def fit(cls, signals: Floats, kinds: int = _KINDS, seed: int = 0) -> Belief:
        """From training tasks, T x K x 2 x 2 as `signals_of_counts` gives them."""
        tasks, models = signals.shape[:2]
        flat = signals.reshape(tasks, -1)
        kinds = max(1, min(kinds, tasks))
        pooled = signals.sum(0) + 1e-9
        pooled /= pooled.sum((1, 2), keepdims=True)
        share = np.random.default_rng(seed).dirichlet(np.full(kinds, 0.3), tasks)
        for _ in range(_ROUNDS):
            weights = (share.sum(0) + 0.5) / (tasks + 0.5 * kinds)
            cells = (share.T @ flat).reshape(kinds, models, 2, 2) + pooled  # one attempt's worth of the models' means
            cells /= cells.sum((2, 3), keepdims=True)
            logs = flat @ np.log(cells).reshape(kinds, -1).T + np.log(weights)
            share = np.exp(logs - logs.max(1, keepdims=True))
            share /= share.sum(1, keepdims=True)
        shows = cells[:, :, 1].sum(2)
        return cls(weights, shows, cells[:, :, :, 1] / cells.sum(3))

    @classmethod
    def vague(cls, models: int) -> Belief:
        """Where nothing was measured: difficulties evenly spread, each model one logit above the one before it."""
        chance = expit(np.arange(models) - np.linspace(-5, 5 + models, 9)[:, None])
        return cls(np.full(9, 1 / 9), chance, np.broadcast_to([0.0, 1.0], (9, models, 2)).copy())

    @property
    def chances(self) -> Floats:
        """Each kind's chance that an attempt is right, J x K."""
        chances: Floats = self.shows * self.right[:, :, 1] + (1 - self.shows) * self.right[:, :, 0]
        return chances
