"""Switching between models while a task is being tried, after LONDI (arXiv 2402.12061).

A task may be tried several times. Each attempt's visible check (the example that the prompt shows) passes or not; the
hidden one is never seen. After each attempt: again with this model, up to a stronger one, or stop and hand in the
best attempt. The reward is 1 for a right answer less `price` times what the calls cost; a budget is a hard cap on the
calls above the first model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_complexity.calls.cascade import STOP, Attempt

__all__ = ["STOP", "Attempt", "DecisionProblem"]


@dataclass(frozen=True)
class DecisionProblem:
    """The rules of a task: what is paid, and how often may be tried.

    `costs` of one call by model, in units of the last one's; `price` of such a unit in right answers; `caps` how many
    attempts each model has; `horizon` attempts in all; `budget` calls of any model but the first, None: no cap.
    """

    costs: tuple[float, ...]
    caps: tuple[int, ...]
    price: float
    horizon: int
    budget: int | None = None

    def allowed(self, attempts: Sequence[Attempt]) -> list[int]:
        """The models that may be called now: not below the last one called, within caps, horizon and budget."""
        if len(attempts) >= self.horizon:
            return []
        current = attempts[-1].model if attempts else 0
        above = sum(attempt.model > 0 for attempt in attempts)
        spent = self.budget is not None and above >= self.budget
        used = [sum(attempt.model == model for attempt in attempts) for model in range(len(self.costs))]
        return [
            model
            for model in range(current, len(self.costs))
            if used[model] < self.caps[model] and not (spent and model > 0)
        ]
