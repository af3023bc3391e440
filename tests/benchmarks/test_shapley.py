"""Shapley values: exact in games whose values are known, and adding up in every game."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapley import shapley

FACTORS = ("a", "b", "c", "noise")


@given(st.integers(0, 2**31))
def test_values_add_up_to_all_less_none(seed: int) -> None:
    worths: dict[frozenset[str], float] = {}
    source = random.Random(seed)

    def worth(coalition: frozenset[str]) -> float:
        return worths.setdefault(coalition, source.random())

    found = shapley(FACTORS, worth, 3, seed)
    assert sum(each.value for each in found.values()) == pytest.approx(worth(frozenset(FACTORS)) - worth(frozenset()))


def test_an_additive_game_has_its_own_terms_and_noise_has_none() -> None:
    terms = {"a": 3.0, "b": 1.0, "c": -2.0, "noise": 0.0}
    found = shapley(FACTORS, lambda coalition: sum(terms[each] for each in coalition), 2)
    assert {name: each.value for name, each in found.items()} == pytest.approx(terms)
    assert found["noise"].interval == pytest.approx((0, 0))


def test_two_factors_that_say_the_same_share_its_worth() -> None:
    found = shapley(("a", "b"), lambda coalition: float(bool(coalition)), 2)
    assert found["a"].value == found["b"].value == 0.5


def test_each_coalition_is_judged_once() -> None:
    asked: list[frozenset[str]] = []

    def worth(coalition: frozenset[str]) -> float:
        asked.append(coalition)
        return len(coalition)

    shapley(FACTORS, worth, 20)
    assert len(asked) == len(set(asked)) <= 16
