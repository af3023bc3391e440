"""How many calls lazy labels save; section (a) of `calls.py`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from calls_common import Set, five_of_ten
from pages import percent, table
from simulate_calls import draw, drive

from pytest_complexity.calls.lazy import Lazy
from pytest_complexity.calls.switching import DecisionProblem
from pytest_complexity.calls.switching.belief import Belief, signals_of_counts
from pytest_complexity.calls.switching.planning import Planner, histories
from pytest_complexity.core.counts import counts_of
from pytest_complexity.labels import label_all, open_models
from pytest_complexity.labels.rules import Rule

SEEDS = 5


def section(found: list[Set], newer: list[Set]) -> Iterator[str]:
    yield "## (a) Lazy labels"
    yield (
        f"Trials in {SEEDS} random orders. Cost: recorded dollars on RouterBench, estimated ones on DiffTrust "
        "(answers alone, without what a model reasons before: estimates, not bills), elsewhere 1, 10, 100 along the "
        "ladder (1, 2, 3, ... for RouterDC's seven models, which are all of about one size). The last column counts "
        "tasks whose level differs from the full run's, over all orders."
    )
    rows = []
    for each in [five_of_ten(found[0]), five_of_ten(found[1]), *found, *newer]:
        rules = ["tier", "tier@3/5"] if each.trials > 1 else ["tier"]
        for rule in ["complexitynet", *rules] if len(each.ladder) == 3 else rules:
            calls, cost, differing = saved(each, rule)
            rows.append(
                [
                    each.name,
                    str(len(each.counts)),
                    str(each.trials),
                    rule,
                    percent(calls),
                    percent(cost),
                    str(differing),
                ]
            )
    yield table("set|tasks|M|rule|calls saved|cost saved|levels that differ", rows)
    five = [row for row in rows if row[2] == "5"]
    least = min(five, key=lambda row: float(row[5][:-1]))
    reached = sum(float(row[5][:-1]) >= 60 for row in five)
    yield (
        f"The goal, 60% of the cost at M = 5, is reached in {reached} of {len(five)} rows with M = 5; the least is "
        f"{least[5]} ({least[0]}, {least[3]}). `complexitynet` saves least: it tells a task that is solved once in "
        "fifteen trials from one that is never solved, and so asks on where everything fails."
    )

    bounds = []
    for each in (five_of_ten(found[1]), found[3]):
        for rule in ("complexitynet", "tier@3/5"):
            ours, best = against_the_best(each, rule)
            bounds.append([each.name, rule, percent(ours), percent(best)])
    yield (
        "No order of calls does much better: expected cost saved by asking the cheapest model first, and by the best "
        "of all orders that decide every level (exact dynamic programming over all counts, tasks as the mixture of "
        "`switching/belief.py` has them)."
    )
    yield table("set|rule|cheapest first|best order", bounds)


def against_the_best(each: Set, rule: str) -> tuple[float, float]:
    """Expected shares of cost saved, by the order of `Lazy` and by the best one."""
    planned, models = each.trials, len(each.ladder)
    states = histories((planned,) * models, planned * models)
    named = Rule.named(rule, models)
    shows = (
        Planner(
            Belief.fit(signals_of_counts(each.counts, each.ladder)),
            DecisionProblem(tuple(each.costs), (planned,) * models, 1.0, planned * models),
        )
        .plan()
        .shows
    )
    ours, best = np.zeros(len(states.depth)), np.zeros(len(states.depth))
    for state in np.argsort(-states.depth):
        measured = tuple((int(passed), int(failed + passed)) for failed, passed in states.counts[state])
        asked = open_models(named, measured, planned)
        if not asked:
            continue

        def spent(after: np.ndarray, model: int, state: int = state) -> float:
            failed, passed = states.child[state, model]
            chance = shows[state, model]
            return float(each.costs[model] + (1 - chance) * after[failed] + chance * after[passed])

        ours[state] = spent(ours, asked[0])
        best[state] = min(spent(best, model) for model in asked)
    full = planned * each.costs.sum()
    return 1 - ours[0] / full, 1 - best[0] / full


def saved(each: Set, rule: str) -> tuple[float, float, int]:
    """Shares of calls and of cost, and how many levels differ."""
    price = dict(zip(each.ladder, each.costs, strict=True))
    full = [row.level for row in label_all(each.counts, each.ladder, rule).rows]
    texts = {(task.suite or "", task.task_id): task.text for task in each.counts}
    calls, costs, differing = [], [], 0
    for seed in range(SEEDS):
        world = draw(each.counts, each.ladder, seed)
        driven = drive(Lazy(list(world), each.ladder, each.trials, rule), world)
        calls.append(1 - len(driven.outcomes) / len(world))
        costs.append(1 - sum(price[one.model] for one in driven.outcomes) / sum(price[key.model] for key in world))
        lazy = label_all(counts_of(driven.outcomes, each.ladder, each.trials, texts), each.ladder, rule)
        differing += sum(row.level != level for row, level in zip(lazy.rows, full, strict=True))
    return float(np.mean(calls)), float(np.mean(costs)), differing
