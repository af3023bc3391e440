"""Made-up tasks whose level their words give away: what classifiers are tested on."""

from __future__ import annotations

import random

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import Labels, label_all

LADDER = ("small", "large")
_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "mu", "nu", "xi")


def easy_and_hard(tasks: int, seed: int = 0, trials: int = 5, cost: bool = False) -> list[TaskCounts]:
    """Tasks that say "easy" are solved by both models, those that say "hard" by the large one, a tenth by none."""
    chance = random.Random(seed)
    counts = []
    for number in range(tasks):
        hard, never = chance.random() < 0.4, chance.random() < 0.1
        words = " ".join(chance.choices(_WORDS, k=6))
        text = f"A {'hard' if hard else 'easy'} task {'abcdefghij'[number % 10]}{number} about {words}."
        small = 0 if never or (hard and chance.random() < 0.9) else trials
        large = 0 if never else trials
        counts.append(
            TaskCounts(
                "made",
                f"made/{number}",
                text,
                dict.fromkeys(LADDER, trials),
                {"small": small, "large": large},
                trials,
                {"small": 0.001, "large": 0.02 + number % 2 / 100} if cost else None,
            )
        )
    return counts


def labelled(tasks: int, seed: int = 0, trials: int = 5, cost: bool = False) -> Labels:
    return label_all(easy_and_hard(tasks, seed, trials, cost), LADDER)
