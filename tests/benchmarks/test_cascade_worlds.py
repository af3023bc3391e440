"""The simulated worlds of cascades: those that are called worthless are."""

from __future__ import annotations

import numpy as np
from cascade_worlds import LADDER, Population, worthless

from pytest_complexity.calls.cascade import plans
from pytest_complexity.scoring.cascades import Odds, Trials
from pytest_complexity.scoring.curves import heights


def endless(kind: Population) -> Trials:
    """So many trials of each task that drawing them changes nothing."""
    tasks = len(kind.right)
    paid = np.broadcast_to(np.array(kind.costs)[:, None], (tasks, len(LADDER), 2))
    return Trials(1e9 * kind.cells(np.arange(tasks)), paid, np.ones(tasks, bool))


def test_no_plan_is_truly_above_the_zero_router_in_a_worthless_world() -> None:
    for kind in worthless(np.random.default_rng(1)):
        odds, singles = Odds(endless(kind), 3), kind.right.mean(axis=0)[None]
        for plan in plans(len(LADDER), 3):
            expected = odds.of(plan)
            zero = heights(np.array([kind.costs]), singles, np.array([[expected.cost.mean()]]))[0, 0]
            assert expected.solved.mean() - zero < 0.001, (kind.name, str(plan))


def test_a_world_holds_as_many_trials_as_asked_for_and_their_mean_is_the_populations() -> None:
    kind = Population("", np.full((10, 3), [0.2, 0.5, 0.9]), (0.1, 0.97), (1.0, 10.0, 100.0))
    bench, trials = kind.world(2000, 5, np.random.default_rng(0))
    assert (trials.made == 5).all()
    assert np.allclose(np.mean([case.rates for case in bench.cases], axis=0), [0.2, 0.5, 0.9], atol=0.02)
