"""A trained classifier with all that its answers mean: ladder, rule, costs, and what it was trained on.

On disk a directory: `router.json`, and `router.npz` with the arrays. Nothing in it is executed: JSON is read strictly,
arrays without pickle, the classifier's name picks an installed class, and each class checks types, shapes and
sizes of what it restores.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pytest_complexity.core.fields import COUNT, LINE, NUMBER, STRING, Fields, Kind, integer, one_of, unexpected
from pytest_complexity.core.jsonl import parse_object, sha256
from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import LabelError, TrainedError, TrainingError
from pytest_complexity.labels.rules import Rule
from pytest_complexity.learning.classifiers import CLASSIFIERS
from pytest_complexity.learning.classifiers.base import TextClassifier, array_of
from pytest_complexity.learning.near_duplicates import Sketches, repeated, sketches

FORMAT = 1
JSON_NAME, ARRAYS_NAME, BASELINES_NAME = "router.json", "router.npz", "baselines"
_REMEDY = "Train again"
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
    10, 100, ... ("unit"). `known` holds a MinHash sketch of each training prompt (tasks x 128, uint32), to detect
    test tasks that repeat a training task.
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
        """Which of the prompts repeat a training task, exactly or nearly."""
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
        record = parse_object(_bytes(where, _MOST_JSON), str(where), TrainedError)
        return _restored(Fields(record, str(where), TrainedError), directory)


def load_baselines(path: str | PathLike[str]) -> dict[str, Trained]:
    """The baselines that `train` put beside a classifier, by name. Raises `TrainedError`."""
    found = {}
    for place in sorted((Path(path) / BASELINES_NAME).iterdir()) if (Path(path) / BASELINES_NAME).is_dir() else []:
        baseline = Trained.load(place)
        found[baseline.name] = baseline
    if "majority" not in found:
        raise TrainedError(f"{Path(path) / BASELINES_NAME}: the baseline 'majority' is missing; train again")
    return found


def _restored(fields: Fields, directory: Path) -> Trained:
    if fields.values.get("format") != FORMAT:
        what = unexpected(f"{FORMAT}, which this version of pytest-complexity writes", fields.values.get("format"))
        raise fields.wrong("format", f"{what}. {_REMEDY}")
    name = fields.get("classifier", STRING, _REMEDY)
    try:
        kind: type[TextClassifier] = CLASSIFIERS.load(name)
    except TrainingError as why:
        raise fields.wrong("classifier", f"{why}. {_REMEDY}") from None
    ladder = tuple(fields.get("ladder", _LADDER, _REMEDY))
    try:
        rule = Rule.named(fields.get("rule", STRING, _REMEDY), len(ladder))
    except LabelError as why:
        raise fields.wrong("rule", f"{why}. {_REMEDY}") from None
    source = _source(fields.inside("source"), rule)
    unit = cast(Literal["usd", "unit"], fields.get("unit", one_of("usd", "unit"), _REMEDY))
    costs = tuple(map(float, fields.get("costs", _costs(len(ladder)), _REMEDY)))
    where = directory / ARRAYS_NAME
    arrays = _arrays(where, fields.get("arrays_sha256", STRING, _REMEDY))
    try:
        known = array_of(arrays, "known", "u", 2, (None, sketches([""]).shape[1]))
        classifier = kind.from_arrays(arrays, seed=source.seed)
    except TrainedError as why:
        raise TrainedError(f"{where}: {why}. {_REMEDY}") from None
    if classifier.models_ != len(ladder) or classifier.classes_.max() > rule.levels:
        raise TrainedError(f"{where}: is for another ladder or rule than {directory / JSON_NAME} names. {_REMEDY}")
    return Trained(name, classifier, ladder, rule.name, costs, unit, source, known.astype(np.uint32))


def _is_ladder(value: Any) -> bool:
    return isinstance(value, list) and all(map(LINE.holds, value)) and 0 < len(value) == len(set(value))


_LADDER: Kind[list[str]] = Kind("a list of different models' names", _is_ladder)


def _costs(models: int) -> Kind[list[float]]:
    return Kind(
        f"{models} numbers from 0, one a model",
        lambda value: isinstance(value, list) and len(value) == models and all(map(NUMBER.holds, value)),
    )


def _source(fields: Fields, rule: Rule) -> Source:
    levels = fields.inside("levels")
    for level in levels.values:
        if level not in map(str, range(1, rule.levels + 1)):
            raise levels.wrong(level, f"is no level of the rule {rule.name}, 1 to {rule.levels}. {_REMEDY}")
    return Source(
        fields.get("sha256", STRING, _REMEDY),
        fields.get("tasks", COUNT, _REMEDY),
        {int(level): count for level, count in levels.all(COUNT).items()},
        fields.get("seed", integer(below=1 << 32), _REMEDY),
        fields.inside("versions").all(STRING),
    )


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
