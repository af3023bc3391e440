"""Classifiers of prompts: of a text alone, the chance of each level and each model's chance of success.

scikit-learn's estimator contract on lists of texts. They know neither verdicts nor files nor pytest. Each has a file of
its own and imports there what it needs. Another package registers its own, a subclass of `base.TextClassifier`, as an
entry point of the group `pytest_complexity.classifiers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_complexity.core.registry import Registry
from pytest_complexity.errors import TrainingError

if TYPE_CHECKING:
    from pytest_complexity.learning.classifiers.base import TextClassifier

DEFAULT = "tfidf"
#: The first four are in the base install and are scored beside every other.
CLASSIFIERS = Registry(
    kind="classifier",
    group="pytest_complexity.classifiers",
    built_in={
        "majority": f"{__name__}.majority:MajorityClassifier",
        "length": f"{__name__}.length:LengthClassifier",
        "knn": f"{__name__}.knn:KnnClassifier",
        "tfidf": f"{__name__}.tfidf:TfidfClassifier",
        "embedding": f"{__name__}.embedding:EmbeddingClassifier",
        "lm": f"{__name__}.lm:LmClassifier",
        "openai": f"{__name__}.openai:OpenaiClassifier",
    },
    error=TrainingError,
)
CHEAP = ("majority", "length", "knn", "tfidf")


def make(name: str, seed: int = 0) -> TextClassifier:
    """An unfitted classifier. Raises `TrainingError` where there is none of that name."""
    found: TextClassifier = CLASSIFIERS.load(name)(seed=seed)
    return found
