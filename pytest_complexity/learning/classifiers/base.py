"""What all classifiers share: scikit-learn's contract, two targets, and a state of plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError

if TYPE_CHECKING:
    from typing_extensions import Self

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Counts:
    """How often each of K models solved each of n tasks: two arrays of n rows and K columns."""

    successes: Floats
    trials: Floats

    def __getitem__(self, rows: Any) -> Counts:
        return Counts(self.successes[rows], self.trials[rows])

    def rates(self) -> Floats:
        """Each model's share over all tasks, with Jeffreys' half success and half failure added."""
        rates: Floats = (self.successes.sum(0) + 0.5) / (self.trials.sum(0) + 1)
        return rates


class TextClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # sklearn has no types
    """A classifier of prompts. `fit` sets `classes_`, the levels seen, and `models_`, how many models were counted.

    A subclass says how to `_learn` and how to `_predict`, and names in `learned` the arrays that it learns.
    """

    #: Each learned array by its name without the final `_`: numpy's kind of type, and its sizes. A size is a number or
    #: a word, which means the same number wherever it occurs; "classes", "models" and "outputs" (their sum) are known.
    learned: ClassVar[Mapping[str, tuple[str, tuple[int | str, ...]]]] = {}

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(
        self,
        texts: Sequence[str],
        levels: ArrayLike,
        successes: ArrayLike | None = None,
        trials: ArrayLike | None = None,
    ) -> Self:
        """Learns the levels of n prompts and, where counts are given, each model's chance of success.

        `levels`: n whole numbers from 1; 0 where a task has none: it teaches chances alone. `successes` and `trials`:
        n rows, one column a model, so that 3 of 5 counts as 3 of 5. Raises ValueError where the shapes disagree, or no
        task has a level.
        """
        prompts = list(texts)
        found = np.asarray(levels, dtype=np.int64)
        if found.shape != (len(prompts),) or not prompts:
            raise ValueError(f"{len(prompts)} texts and levels of shape {found.shape}: expected one level a text")
        if not (found > 0).any() or (found < 0).any():
            raise ValueError("levels are whole numbers from 1, 0 where there is none; at least one task needs a level")
        counts = _counts(len(prompts), successes, trials)
        self.classes_ = np.unique(found[found > 0])
        self.models_ = counts.successes.shape[1]
        self._learn(prompts, found, counts)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The most likely level of each prompt; of two alike the lower."""
        levels: NDArray[np.int64] = self.classes_[self.predict_proba(texts).argmax(axis=1)]
        return levels

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """The chance of each of `classes_`, one row a prompt."""
        return self.predict_both(texts)[0]

    def predict_chances(self, texts: Sequence[str]) -> Floats:
        """Each model's chance of success, one row a prompt; no column where `fit` was given no counts."""
        return self.predict_both(texts)[1]

    def predict_both(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """`predict_proba` and `predict_chances` in one pass over the texts."""
        check_is_fitted(self, "classes_")
        return self._predict(list(texts))

    def sample(self, texts: Sequence[str], times: int) -> NDArray[np.int64] | None:
        """So many answers to each prompt, a row each; None for a classifier that always answers alike."""
        return None

    def untrained(self, texts: Sequence[str], times: int) -> NDArray[np.int64] | None:
        """As `sample`, of the model before it was trained; None where it knew nothing then."""
        return None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, as arrays of numbers or bytes."""
        check_is_fitted(self, "classes_")
        return {"classes": self.classes_, "models": np.array(self.models_), **self._state()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, seed: int = 0) -> Self:
        """A fitted classifier of what `arrays` returned. Raises `TrainedError` where they cannot be that."""
        new = cls(seed=seed)
        new.classes_ = array_of(arrays, "classes", "i", 1)
        models = array_of(arrays, "models", "i", 0)
        if not (new.classes_ > 0).all() or not (np.diff(new.classes_) > 0).all() or not 0 <= models <= 1000:
            raise TrainedError("arrays 'classes' and 'models': expected increasing levels from 1, at most 1000 models")
        new.models_ = int(models)
        new._restore(arrays)
        return new

    @abstractmethod
    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        """Learns both targets; `counts` has no column where none were given."""

    @abstractmethod
    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        """Both targets, a row for each text."""

    def _state(self) -> dict[str, NDArray[Any]]:
        """What `_restore` takes: more than `learned` where a subclass learns what is no array."""
        return {name: np.asarray(getattr(self, f"{name}_")) for name in self.learned}

    def _restore(self, arrays: Arrays) -> None:
        """Sets what `_learn` sets. Raises `TrainedError` where shapes or types are wrong."""
        classes = len(self.classes_)
        sizes = {"classes": classes, "models": self.models_, "outputs": classes + self.models_}
        for name, (kind, shape) in self.learned.items():
            known = tuple(sizes.get(size) if isinstance(size, str) else size for size in shape)
            array = array_of(arrays, name, kind, len(shape), known)
            sizes |= {size: length for size, length in zip(shape, array.shape, strict=True) if isinstance(size, str)}
            setattr(self, f"{name}_", array)


def array_of(arrays: Arrays, name: str, kind: str, dimensions: int, shape: tuple[int | None, ...] = ()) -> NDArray[Any]:
    """The array of that name, checked: numpy's kind of type, dimensions, sizes (None: any), finite.

    Raises `TrainedError`.
    """
    if name not in arrays:
        raise TrainedError(f"array {name!r} is missing")
    array = arrays[name]
    sizes = shape or (None,) * dimensions
    if array.dtype.kind != kind or array.ndim != len(sizes):
        raise TrainedError(f"array {name!r}: {array.ndim} dimensions of type {array.dtype}, which it cannot have")
    if any(size is not None and size != found for size, found in zip(sizes, array.shape, strict=True)):
        raise TrainedError(f"array {name!r}: its shape {array.shape} does not fit the others")
    if kind == "f" and not np.isfinite(array).all():
        raise TrainedError(f"array {name!r}: not all of its numbers are finite")
    return array


def _counts(tasks: int, successes: ArrayLike | None, trials: ArrayLike | None) -> Counts:
    if successes is None or trials is None:
        return Counts(np.zeros((tasks, 0)), np.zeros((tasks, 0)))
    counts = Counts(np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64))
    if counts.successes.ndim != 2 or counts.successes.shape != counts.trials.shape or len(counts.trials) != tasks:
        raise ValueError("successes and trials: expected one row a text and one column a model")
    if not ((counts.successes >= 0) & (counts.successes <= counts.trials)).all():
        raise ValueError("successes lie between 0 and trials")
    return counts
