"""Classifiers of prompts: of a text alone, the chance of each level and each model's chance of success.

scikit-learn's estimator contract on lists of texts. They know neither verdicts nor files nor pytest. Each stands in a
file of its own and loads what it needs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_complexity.errors import TrainingError

if TYPE_CHECKING:
    from pytest_complexity.learning.classifiers.base import TextClassifier

DEFAULT = "tfidf"
#: Name -> module and class. The first four are in the base install and stand beside every score.
_PLACES: Mapping[str, tuple[str, str]] = {
    "majority": ("majority", "MajorityClassifier"),
    "length": ("length", "LengthClassifier"),
    "knn": ("knn", "KnnClassifier"),
    "tfidf": ("tfidf", "TfidfClassifier"),
    "embedding": ("embedding", "EmbeddingClassifier"),
    "lm": ("lm", "LmClassifier"),
    "openai": ("openai", "OpenaiClassifier"),
}
NAMES = tuple(_PLACES)
CHEAP = ("majority", "length", "knn", "tfidf")


def classifier_class(name: str) -> type[TextClassifier]:
    """The class of that name. Raises `TrainingError` where there is none."""
    if name not in _PLACES:
        raise TrainingError(f"no classifier {name!r}; there are: {', '.join(NAMES)}")
    module, attribute = _PLACES[name]
    found: type[TextClassifier] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found


def make(name: str, seed: int = 0) -> TextClassifier:
    """An unfitted classifier. Raises `TrainingError` where there is none of that name."""
    return classifier_class(name)(seed=seed)
