"""Worlds in which a statement of the report is false: tasks and models made up, nothing to be found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.policies import Case
from pytest_complexity.scoring.policies import Bench

Floats = NDArray[np.float64]
PRICES = (1.0, 8.0, 60.0)
#: How much better each model is than a task is hard, in logits: mean accuracies of 52, 63 and 77%; of 65, 67 and
#: 68%, within the noise of 400 tasks; and three models alike.
STRENGTHS = {"separated": (-0.4, 0.4, 1.4), "near": (0.4, 0.5, 0.6), "equal": (0.5, 0.5, 0.5)}


def chances(rng: np.random.Generator, tasks: int, strengths: Sequence[float], own: float = 0.8) -> Floats:
    """Tasks of every ease; `own`: how much each model's luck with a task is its own. (tasks, models)."""
    models = len(strengths)
    ease = rng.normal(0.2, 1.5, (tasks, 1))
    found: Floats = 1 / (1 + np.exp(-(ease + np.array(strengths) + rng.normal(0, own, (tasks, models)))))
    return found


def bench(rng: np.random.Generator, solve: Floats, trials: int, guesses: Floats | None = None) -> Bench:
    """Measured tasks with calls of uneven cost; 0 trials: the true chances. `guesses`: a router's chances."""
    tasks, models = solve.shape
    prices = np.array(PRICES[:models])
    costs = prices * np.exp(rng.normal(0, 0.5, (tasks, 1)) - 0.125)
    won = rng.binomial(trials, solve) if trials else solve
    names = tuple("abcdefgh"[:models])
    cases, counts = [], []
    for number in range(tasks):
        guess = None if guesses is None else Prediction(tuple(guesses[number]), (1.0,))
        cases.append(Case((won[number] / (trials or 1)).tolist(), costs[number].tolist(), None, guess, number))
        if trials:
            pairs = dict.fromkeys(names, trials), dict(zip(names, won[number].tolist(), strict=True))
            counts.append(TaskCounts("made", str(number), "", *pairs, trials))
    return Bench(names, tuple(counts), tuple(cases), "usd")
