"""A trained classifier with all that its answers mean: ladder, rule, costs, and what it was trained on.

On disk a directory: `router.json`, and `router.npz` with the arrays. Nothing in it is executed: JSON is read strictly,
arrays without pickle, the classifier's name picks a class of this package, and each class checks types, shapes and
sizes of what it restores.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.jsonl import parse_object, sha256
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import ComplexityError, TrainedError
from pytest_complexity.labels.rules import Rule
from pytest_complexity.learning.classifiers import NAMES, classifier_class
from pytest_complexity.learning.classifiers.base import TextClassifier, wanted
from pytest_complexity.learning.near_duplicates import Sketches, repeated, sketches

FORMAT = 1
JSON_NAME, ARRAYS_NAME, BASELINES_NAME = "router.json", "router.npz", "baselines"
_UNREADABLE = (OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError)
_MOST_JSON, _MOST_ARRAYS = 1 << 20, 1 << 30  # bytes, the arrays' once unpacked


@dataclass(frozen=True)
class Source:
    """What a classifier was trained on: the SHA-256 of those labels, and how many tasks had which level."""

    sha256: str
    tasks: int
    levels: Mapping[int, int]
    seed: int
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False)  # arrays do not compare as one
class Trained:
    """See the module.

    `costs`: mean cost of a call by ladder order, in US dollars where the labels carried them (`unit` "usd"), else 1,
    10, 100, ... ("unit"). `known` holds a sketch of each training prompt, to tell leaks.
    """

    name: str
    classifier: TextClassifier
    ladder: tuple[str, ...]
    rule: str
    costs: tuple[float, ...]
    unit: Literal["usd", "unit"]
    source: Source
    known: Sketches

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """What the classifier says of each prompt. Thread-safe.

        Levels are Laplace-smoothed, as if each had been seen once more: none is impossible because training lacked it.
        """
        levels, chances = self.classifier.predict_both(texts)
        every = Rule.named(self.rule, len(self.ladder)).levels
        tasks = sum(self.source.levels.values())
        smooth = np.full((len(levels), every), 1 / (tasks + every))
        smooth[:, self.classifier.classes_ - 1] += levels * (tasks / (tasks + every))
        return [
            Prediction(tuple(ours), tuple(theirs))
            for ours, theirs in zip(chances.tolist(), smooth.tolist(), strict=True)
        ]

    def leaks(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of the prompts stand among the training tasks, exactly or nearly."""
        return repeated(sketches(texts), self.known)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the directory. Raises `TrainedError`."""
        directory = Path(path)
        arrays = io.BytesIO()
        np.savez_compressed(arrays, allow_pickle=False, known=self.known, **self.classifier.arrays())
        record = {
            "format": FORMAT,
            "classifier": self.name,
            "ladder": list(self.ladder),
            "rule": self.rule,
            "costs": list(self.costs),
            "unit": self.unit,
            "source": {
                "sha256": self.source.sha256,
                "tasks": self.source.tasks,
                "levels": {str(level): count for level, count in self.source.levels.items()},
                "seed": self.source.seed,
                "versions": dict(self.source.versions),
            },
            "arrays_sha256": sha256(arrays.getvalue()),
        }
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / ARRAYS_NAME).write_bytes(arrays.getvalue())
            (directory / JSON_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        except OSError as why:
            raise TrainedError(f"{directory}: cannot be written: {why.strerror}") from None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Trained:
        """Reads a directory that `save` wrote. Raises `TrainedError`: what is wrong, and where."""
        directory = Path(path)
        where = directory / JSON_NAME
        try:
            record = parse_object(_bytes(where, _MOST_JSON), str(where), TrainedError)
            return _restored(record, directory)
        except _FieldError as why:
            raise TrainedError(f"{where}: {why}; train again") from None


def load_baselines(path: str | PathLike[str]) -> dict[str, Trained]:
    """The baselines that `train` put beside a classifier, by name. Raises `TrainedError`."""
    found = {}
    for place in sorted((Path(path) / BASELINES_NAME).iterdir()) if (Path(path) / BASELINES_NAME).is_dir() else []:
        baseline = Trained.load(place)
        found[baseline.name] = baseline
    if "majority" not in found:
        raise TrainedError(f"{Path(path) / BASELINES_NAME}: the baseline 'majority' is missing; train again")
    return found


class _FieldError(Exception):
    """A field of `router.json` that is missing or cannot be what it says."""


def _restored(record: dict[str, Any], directory: Path) -> Trained:
    if record.get("format") != FORMAT:
        raise _FieldError(f"format {record.get('format')!r}, and this version of pytest-complexity reads {FORMAT}")
    name = _field(record, "classifier", str)
    if name not in NAMES:
        raise _FieldError(f"classifier {name[:60]!r} is not known; there are: {', '.join(NAMES)}")
    ladder = _names(_field(record, "ladder", list))
    rule = _rule(_field(record, "rule", str), len(ladder))
    source = _source(_field(record, "source", dict), rule)
    unit = record.get("unit")
    if unit not in ("usd", "unit"):
        raise _FieldError("field 'unit': 'usd' or 'unit' is wanted")
    costs = _costs(_field(record, "costs", list), len(ladder))
    where = directory / ARRAYS_NAME
    arrays = _arrays(where, _field(record, "arrays_sha256", str))
    try:
        known = wanted(arrays, "known", "u", 2, (None, sketches([""]).shape[1]))
        classifier = classifier_class(name).from_arrays(arrays, seed=source.seed)
    except TrainedError as why:
        raise TrainedError(f"{where}: {why}; train again") from None
    if classifier.models_ != len(ladder) or classifier.classes_.max() > rule.levels:
        raise TrainedError(f"{where}: made for another ladder or rule than {directory / JSON_NAME} says; train again")
    return Trained(name, classifier, ladder, rule.name, costs, unit, source, known.astype(np.uint32))


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise TrainedError(f"{path}: larger than {most >> 20} MB; is it what `train` wrote?")
        return path.read_bytes()
    except OSError as why:
        raise TrainedError(f"{path}: cannot be read: {why.strerror}; give the directory that `train` wrote") from None


def _arrays(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    raw = _bytes(path, _MOST_ARRAYS)
    if sha256(raw) != digest:
        raise TrainedError(f"{path}: damaged, or of another training than {JSON_NAME}; train again")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > _MOST_ARRAYS:
            raise TrainedError(f"{path}: {size >> 20} MB once unpacked, more than {_MOST_ARRAYS >> 20}")
        with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (*_UNREADABLE, zipfile.BadZipFile, zlib.error) as why:
        raise TrainedError(f"{path}: not arrays that can be read: {why}; train again") from None


def _field(record: Mapping[str, Any], name: str, kind: type) -> Any:
    value = record.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _FieldError(f"field {name!r}: missing, or no {kind.__name__}")
    return value


def _names(values: list[Any]) -> tuple[str, ...]:
    if not values or not all(isinstance(each, str) and each and each.isprintable() for each in values):
        raise _FieldError("field 'ladder': names of models are wanted")
    if len(set(values)) != len(values):
        raise _FieldError("field 'ladder': a model stands twice")
    return tuple(values)


def _rule(name: str, models: int) -> Rule:
    try:
        return Rule.named(name, models)
    except ComplexityError as why:
        raise _FieldError(f"field 'rule': {why}") from None


def _costs(values: list[Any], models: int) -> tuple[float, ...]:
    right = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values)
    if len(values) != models or not right or not all(0 <= each < math.inf for each in values):
        raise _FieldError("field 'costs': a number from 0 for each model is wanted")
    return tuple(map(float, values))


def _source(record: Mapping[str, Any], rule: Rule) -> Source:
    levels = _field(record, "levels", dict)
    known = {str(level) for level in range(1, rule.levels + 1)}
    numbers = all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in levels.values())
    if not set(levels) <= known or not numbers:
        raise _FieldError(f"field 'source.levels': counts of the levels 1 to {rule.levels} are wanted")
    seed = _field(record, "seed", int)
    if not 0 <= seed < 1 << 32:
        raise _FieldError("field 'source.seed': a whole number from 0 is wanted")
    return Source(
        _field(record, "sha256", str),
        _field(record, "tasks", int),
        {int(level): count for level, count in levels.items()},
        seed,
        {str(name): str(version) for name, version in _field(record, "versions", dict).items()},
    )
