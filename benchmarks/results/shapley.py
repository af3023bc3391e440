"""Shapley values of factors: what each one adds, averaged over the orders in which they could be added.

Every coalition is judged by whoever calls, who retrains for it: masking a factor without retraining is ablation. A
leaf.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev


@dataclass(frozen=True)
class Importance:
    """A factor's mean addition, and its 95% interval over the permutations."""

    value: float
    interval: tuple[float, float]


def shapley(
    factors: Sequence[str], worth: Callable[[frozenset[str]], float], permutations: int, seed: int = 0
) -> dict[str, Importance]:
    """Each factor's value; they add up to the worth of all less the worth of none.

    Permutations come in pairs, each with its reverse, which halves the noise; each coalition is judged once.
    `permutations` is the number of pairs, at least 2.
    """
    known: dict[frozenset[str], float] = {}

    def judged(coalition: frozenset[str]) -> float:
        if coalition not in known:
            known[coalition] = worth(coalition)
        return known[coalition]

    def additions(order: Sequence[str]) -> dict[str, float]:
        found, before, inside = {}, judged(frozenset()), frozenset[str]()
        for factor in order:
            inside = inside | {factor}
            found[factor] = judged(inside) - before
            before = judged(inside)
        return found

    pairs: dict[str, list[float]] = {factor: [] for factor in factors}
    source = random.Random(seed)
    for _ in range(permutations):
        order = source.sample(list(factors), len(factors))
        there, back = additions(order), additions(order[::-1])
        for factor in factors:
            pairs[factor].append((there[factor] + back[factor]) / 2)
    return {factor: _importance(values) for factor, values in pairs.items()}


def _importance(values: Sequence[float]) -> Importance:
    mean = fmean(values)
    half = 1.96 * stdev(values) / len(values) ** 0.5
    return Importance(mean, (mean - half, mean + half))
