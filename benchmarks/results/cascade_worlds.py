"""Cascades in simulated worlds: how often a worthless one is said to pay, and how often the intervals hold the truth.

python benchmarks/results/cascade_worlds.py [WORLDS]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pages import table

from pytest_complexity.calls.cascade import usual
from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import label_all
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.scoring.cascades import Cascades, Odds, Trials, Tuning, check_score, fixed, folds
from pytest_complexity.scoring.curves import heights
from pytest_complexity.scoring.policies import Bench, Played, play, score_policies
from pytest_complexity.scoring.routing_gain import assess

LADDER = ("small", "large", "huge")
TRUTH = 20_000  # tasks that stand for all there are
WORLDS = 1000

__all__ = ["page", "usual"]


@dataclass(frozen=True)
class Population:
    """Where tasks come from: the chance of each model to be right on `tasks` many, and of the check to pass.

    `right` (tasks, models); `passes` given that an answer is wrong, right; `costs` of a call by model.
    """

    name: str
    right: np.ndarray
    passes: tuple[float, float]
    costs: tuple[float, ...]

    def cells(self, rows: np.ndarray) -> np.ndarray:
        """The chances of (check passed, right), (tasks, models, 2, 2)."""
        right = self.right[rows]
        chances = np.empty((*right.shape, 2, 2))
        for truth, share in ((0, 1 - right), (1, right)):
            chances[..., 1, truth] = share * self.passes[truth]
            chances[..., 0, truth] = share * (1 - self.passes[truth])
        return chances

    def world(self, tasks: int, trials: int, random: np.random.Generator) -> tuple[Bench, Trials]:
        """A recording of so many tasks and trials."""
        chances = self.cells(random.integers(0, len(self.right), tasks))
        counts = random.multinomial(trials, chances.reshape(*chances.shape[:2], 4)).reshape(chances.shape).astype(float)
        solved, costs = counts[..., 1].sum(-1), dict(zip(LADDER, self.costs, strict=True))
        made = dict.fromkeys(LADDER, trials)
        rows = [
            TaskCounts("s", f"T/{n}", "", made, dict(zip(LADDER, map(int, own), strict=True)), trials, costs)
            for n, own in enumerate(solved)
        ]
        paid = np.broadcast_to(np.array(self.costs)[:, None], (tasks, len(LADDER), 2))
        return Bench.of(label_all(rows, LADDER, "tier")), Trials(counts, paid, np.ones(tasks, bool))


def worthless(random: np.random.Generator) -> Iterator[Population]:
    """Populations in which no cascade is worth anything."""
    hard = random.normal(size=(TRUTH, 1))
    spread = 1 / (1 + np.exp(-(3 * hard + np.array([-3.0, -0.3, 0.5]))))
    yield Population("the check knows nothing", spread, (0.5, 0.5), (1.0, 10.0, 100.0))
    free = (1e-4, 1e-3, 100.0)
    yield Population("the check knows nothing, and all but the last model are almost free", spread, (0.5, 0.5), free)
    alike = np.repeat((hard > 0).astype(float), 3, axis=1)
    yield Population("all models solve the same tasks, always", alike, (0.0, 1.0), (1.0, 10.0, 100.0))


def joined(bench: Bench, trials: Trials) -> tuple[Played, Tuning]:
    """The policies of a report that know no outcomes, and the cascades."""
    tuning = Tuning(bench, trials)
    tuned = tuning.tuned(np.arange(len(bench.cases)))
    assert tuned is not None
    policies = [*(Always(name, k) for k, name in enumerate(LADDER)), Oracle()]
    each = [cascade for cascade in (*fixed(bench, trials), tuned) if cascade.kind == "cascade"]
    return Cascades(tuple(each), (), check_score(trials)).joined(play(bench, policies)), tuning


def false_headlines(worlds: int) -> Iterator[str]:
    yield "## Worlds in which a cascade is worth nothing"
    random, rows, total = np.random.default_rng(1), [], 0
    kinds = list(worthless(random))
    for number, kind in enumerate(kinds):
        some = worlds // len(kinds) + (number < worlds % len(kinds))
        said = 0
        for _ in range(some):
            bench, trials = kind.world(164, 5, random)
            played, _ = joined(bench, trials)
            assessment = assess(played, score_policies(played))
            said += assessment is not None and assessment.finding == "pays"
        rows.append([kind.name, str(some), str(said), f"{100 * said / some:.1f}%"])
        total += said
    rows.append(["together", str(worlds), str(total), f"{100 * total / worlds:.1f}%"])
    yield "164 tasks, five trials, three models. How often the headline says that a cascade pays (goal: at most 5%)."
    yield table("worlds|number|said to pay|share", rows)


def coverage(worlds: int) -> Iterator[str]:
    yield "## How often the intervals hold the truth"
    random, rows = np.random.default_rng(2), []
    hard = random.normal(size=(TRUTH, 1))
    right = 1 / (1 + np.exp(-(3 * hard + np.array([-3.0, -0.3, 0.5]))))
    kind = Population("", right, (0.1, 0.97), (1.0, 10.0, 100.0))
    paid = np.broadcast_to(np.array(kind.costs)[:, None], (TRUTH, len(LADDER), 2))
    everything = Trials(1e9 * kind.cells(np.arange(TRUTH)), paid, np.ones(TRUTH, bool))
    for tasks, trials in ((164, 5), (412, 1)):
        held: dict[str, list[tuple[bool, bool]]] = {}
        truths: dict[str, tuple[float, float]] = {}
        odds = Odds(everything, 4)
        for _ in range(worlds):
            bench, some = kind.world(tasks, trials, random)
            played, tuning = joined(bench, some)
            scores = score_policies(played).scores
            for policy in played.policies:
                if policy.kind != "cascade" or (len(policy.plan.stages) == 1 and policy.plan.stages[0].attempts == 1):
                    continue  # a single call is no cascade
                plans = [policy.plan]
                weights = np.ones(1)
                if policy.name == "cascade-tuned":
                    fold = folds(np.arange(tasks))
                    outside = np.array([fold != number for number in range(5)], float)
                    plans = [tuning.plans[k] for k in tuning.best(outside / outside.sum(1, keepdims=True))]
                    weights = np.bincount(fold, minlength=5) / tasks
                for plan in plans:
                    if str(plan) not in truths:
                        expected = odds.of(plan)
                        truths[str(plan)] = float(expected.solved.mean()), float(expected.cost.mean())
                solved, cost = weights @ np.array([truths[str(plan)] for plan in plans])
                singles = right.mean(axis=0)
                zero = heights(np.array([kind.costs]), singles[None], np.array([[cost]]))[0, 0]
                score = scores[policy.name]
                held.setdefault(policy.name, []).append(
                    (
                        score.over_zero_ci[0] <= solved - zero <= score.over_zero_ci[1],
                        score.gain_ci[0] <= solved - singles.max() <= score.gain_ci[1],
                    )
                )
        for name, each in held.items():
            over, gain = np.mean(each, axis=0)
            rows.append(
                [f"{tasks} tasks, {trials} trials: {name}", str(len(each)), f"{100 * over:.1f}%", f"{100 * gain:.1f}%"]
            )
    shares = ", ".join(f"{100 * mean:.0f}%" for mean in right.mean(axis=0))
    yield (
        f"Tasks of all difficulties: the models are right on {shares} of them. The check passes 97% of right answers "
        "and 10% of wrong ones. Share of 95% intervals that hold the true value (goal: 93 to 97%)."
    )
    yield table("recording and policy|worlds|against the zero router|against the best single model", rows)


def page(worlds: int = WORLDS) -> Iterator[str]:
    yield from false_headlines(worlds)
    yield from coverage(worlds)


if __name__ == "__main__":
    for paragraph in page(int(sys.argv[1]) if len(sys.argv) > 1 else WORLDS):
        print(paragraph + "\n", flush=True)
