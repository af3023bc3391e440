"""Curves whose measures were worked out on paper, and hulls against a brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.scoring.curves import (
    calls_to_recover,
    height,
    hull,
    mean_height,
    mean_recovery,
    recovered,
    recovery_curve,
)
from pytest_complexity.scoring.policies import blind

# (1, 0.2), (5, 0.8) and (9, 0.9) are the hull; (3, 0.4) lies under the first chord, (7, 0.5) under both, (9, 0.7) below.
POINTS = [(1.0, 0.2), (3.0, 0.4), (5.0, 0.8), (7.0, 0.5), (9.0, 0.9), (9.0, 0.7)]


def test_the_hull_worked_out_on_paper() -> None:
    assert hull(POINTS) == [0, 2, 4]
    vertices = [POINTS[index] for index in hull(POINTS)]
    at = {0.0: 0.2, 1.0: 0.2, 2.0: 0.35, 3.0: 0.5, 5.0: 0.8, 7.0: 0.85, 9.0: 0.9, 20.0: 0.9}
    assert {cost: round(height(vertices, cost), 12) for cost in at} == at


def test_the_hull_never_falls_and_takes_no_point_that_costs_more_for_no_more() -> None:
    assert hull([(1, 0.5), (2, 0.4), (3, 0.5), (1, 0.3)]) == [0]
    assert hull([(2, 0.5), (1, 0.5)]) == [1]


def test_aiq_worked_out_on_paper() -> None:
    # Trapezoids of the hull: 4 * (0.2 + 0.8) / 2 + 4 * (0.8 + 0.9) / 2 = 2 + 3.4, over a range of 8.
    assert mean_height(POINTS, 1, 9) == pytest.approx(5.4 / 8)
    # One model only: flat at its own accuracy, right and left of it.
    assert mean_height([(5, 0.6)], 1, 9) == pytest.approx(0.6)
    # Beyond its last vertex flat: 1..3 rises from 0 to 1, 3..5 stays at 1.
    assert mean_height([(1, 0.0), (3, 1.0)], 1, 5) == pytest.approx((1 + 2) / 4)
    assert mean_height(POINTS, 4, 4) is None


def test_pgr_worked_out_on_paper() -> None:
    assert recovered(0.7, 0.5, 0.9) == pytest.approx(0.5)
    assert recovered(0.4, 0.5, 0.9) == pytest.approx(-0.25)
    assert recovered(0.7, 0.9, 0.9) is None


# Four tasks; the strong model solves the first, second and fourth, the weak one the second and the third.
WEAK, STRONG = [0, 1, 1, 0], [1, 1, 0, 1]


def test_the_recovery_curve_apgr_and_cpt_worked_out_on_paper() -> None:
    # 2 solved by the weak one, 3 by the strong one: a gap of 1. Sent in this order: +1, 0, -1, +1.
    curve = recovery_curve([0.9, 0.5, 0.4, 0.1], WEAK, STRONG)
    assert curve == [(0.0, 0.0), (0.25, 1.0), (0.5, 1.0), (0.75, 0.0), (1.0, 1.0)]
    assert mean_recovery(curve) == pytest.approx((0.5 + 1 + 0.5 + 0.5) / 4)
    assert calls_to_recover(curve, 0.5) == pytest.approx(0.125)
    assert calls_to_recover(curve, 1.0) == pytest.approx(0.25)
    assert calls_to_recover(curve, 1.01) is None  # not reached


def test_where_the_curve_is_not_monotone_the_first_crossing_of_its_envelope_holds() -> None:
    # -1 first, then +1, +1, 0: PGR 0, -1, 0, 1, 1.
    curve = recovery_curve([0.1, 0.05, 0.9, 0.2], WEAK, STRONG)
    assert [round(y, 9) for _, y in curve] == [0, -1, 0, 1, 1]
    assert calls_to_recover(curve, 0.0) == 0.0
    assert calls_to_recover(curve, 0.5) == pytest.approx(0.625)


def test_tasks_of_equal_gain_go_together_in_no_order() -> None:
    assert recovery_curve([0.3] * 4, WEAK, STRONG) == [(0.0, 0.0), (1.0, 1.0)]
    assert mean_recovery(recovery_curve([0.3] * 4, WEAK, STRONG)) == 0.5  # a router that knows nothing


def test_without_a_gap_there_is_nothing_to_recover() -> None:
    assert recovery_curve([0.1, 0.2], [1, 0], [0, 1]) == []
    assert mean_recovery([]) is None
    assert calls_to_recover([], 0.5) is None


points = st.lists(
    st.tuples(st.integers(0, 9).map(float), st.integers(0, 10).map(lambda n: n / 10)), min_size=1, max_size=6
)


@given(points, st.floats(-1, 10))
def test_the_hull_is_the_best_mix_of_two_points(some: list[tuple[float, float]], cost: float) -> None:
    cheapest = min(c for c, _ in some)
    mixes = [a for c, a in some if c <= cost] or [max(a for c, a in some if c == cheapest)]
    for c0, a0 in some:
        mixes += [a0 + (a1 - a0) * (cost - c0) / (c1 - c0) for c1, a1 in some if c0 < cost < c1]
    vertices = [some[index] for index in hull(some)]
    assert height(vertices, cost) == pytest.approx(max(mixes))
    costs, accuracies = (np.array([column]) for column in zip(*some, strict=True))
    assert blind(costs, accuracies, np.array([cost])).max() == pytest.approx(max(mixes))
