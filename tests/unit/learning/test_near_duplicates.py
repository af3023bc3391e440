"""Near-duplicates: what is found equals what the pieces of each pair say, within the sketches' error."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.learning.near_duplicates import NEAR, groups, normalised, repeated, sketches

SENTENCE = "Write a function to find the volume of a cube whose side is given as a number of feet."


def likeness(one: str, other: str) -> float:
    """Jaccard's, counted."""
    sets = [{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in map(normalised, (one, other))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_texts_alike_once_normalised_always_share_a_group(texts: list[str]) -> None:
    group = groups(sketches([*texts, *(f"  {text.upper().lower()}?! " for text in texts)]))
    for number, text in enumerate(texts):
        if normalised(text.upper().lower()) == normalised(text):
            assert group[number] == group[number + len(texts)]


@pytest.mark.parametrize("seed", range(20))
def test_pairs_well_above_the_threshold_are_found_and_well_below_are_not(seed: int) -> None:
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(60)]
    changed = list(words)
    for place in chance.sample(range(60), seed % 10):
        changed[place] = "other" + str(place)
    texts = [" ".join(words), " ".join(changed)]
    near = likeness(*texts)
    if abs(near - NEAR) > 0.14:  # four standard errors
        assert (len(set(groups(sketches(texts)).tolist())) == 1) == (near > NEAR)


def test_a_group_holds_the_neighbours_of_neighbours() -> None:
    first, last = SENTENCE, SENTENCE.replace("cube", "cone").replace("number of feet", "number of yards")
    middle = SENTENCE.replace("number of feet", "number of yards")
    assert likeness(first, middle) > NEAR < likeness(middle, last)
    group = groups(sketches([last, "Something else.", middle, first])).tolist()
    assert group[0] == group[2] == group[3] != group[1]


def test_repeated_names_exact_and_near_copies_of_the_known_alone() -> None:
    near = SENTENCE.replace("feet", "foot")
    found = repeated(sketches([SENTENCE.lower(), near, near, "Reverse a string.", ""]), sketches([SENTENCE, "Sort."]))
    assert found.tolist() == [True, True, True, False, False]
    nothing = sketches([])
    assert repeated(nothing, nothing).tolist() == []
    assert repeated(sketches([SENTENCE]), nothing).tolist() == [False]
    assert groups(nothing).tolist() == []


def test_sketches_estimate_the_likeness_without_bias() -> None:
    pairs = [(SENTENCE, SENTENCE.replace("cube", "sphere")), (SENTENCE, SENTENCE[20:]), (SENTENCE, "Reverse a string.")]
    for one, other in pairs:
        rows = sketches([one, other])
        assert float((rows[0] == rows[1]).mean()) == pytest.approx(likeness(one, other), abs=0.18)  # four errors


def test_a_long_text_is_sketched_in_slices() -> None:
    text = "".join(random.Random(0).choices("abcdefgh ", k=50_000))
    assert np.array_equal(sketches([text]), sketches([text + "."]))
