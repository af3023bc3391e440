"""The run directory: what was measured, written line by line so that nothing written is ever lost.

One process writes. Each line goes to the file by one `write` call on an append-only descriptor, so a process that is
killed leaves whole lines and at most one cut one, which the next session drops with a notice. The last line for a
trial holds.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pytest_complexity.core.jsonl import dump_line, line_of, parse_object, read_bytes
from pytest_complexity.core.outcomes import Key, Outcome
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError, RecordingError, RunDirectoryError
from pytest_complexity.models import Completion, Model
from pytest_complexity.models.prompts import prompt_sha256
from pytest_complexity.models.replay import completion_of

_Row = TypeVar("_Row")

#: What two sessions of one run must agree on; trials, limit and ladder may grow.
FIXED = ("timeout", "memory", "show_tests")


class RunDirectory:
    """Completions and outcomes of one run, in memory and on disk. Made by `open`, in the process that writes.

    With `keep` off both dicts stay empty, for who has no need to look things up: a hundred thousand completions.
    `notices` says what opening it had to repair. `add_completion` is called on the event loop's thread, `add_outcome`
    from any; each line is one `write`.
    """

    def __init__(self, path: Path, *, keep: bool = True) -> None:
        self.path = path
        self._keep = keep
        self.config: dict[str, Any] = {}
        self.notices: list[str] = []
        self.completions: dict[Key, Completion] = {}
        self.outcomes: dict[Key, Outcome] = {}
        self._lost = 0.0  # US dollars for trials without an answer
        self._completions = self._outcomes = self._lock = -1

    @classmethod
    def open(cls, path: Path, config: Mapping[str, Any], *, keep: bool = True) -> RunDirectory:
        """Opens or makes the directory. Raises `RunDirectoryError` where it is of another configuration."""
        run = cls(path, keep=keep)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run._lock = _lock(path)
            run.config = _merge(read_config(path), config, path)
            if keep:
                run._read()
            run._completions = _append_to(path / "completions.jsonl")
            run._outcomes = _append_to(path / "outcomes.jsonl")
            run.write("run.json", json.dumps(run.config, indent=2) + "\n")
        except OSError as why:
            raise RunDirectoryError(f"{path}: cannot be used as run directory: {why.strerror}") from None
        return run

    def adopt(self, answers: Iterable[tuple[Key, Completion]]) -> None:
        """Takes over answers that other runs paid for, where this one has none."""
        for key, completion in answers:
            if key not in self.completions:
                self.add_completion(key, completion)

    def add_completion(self, key: Key, completion: Completion) -> None:
        """Writes what a model said, before anything else happens to it."""
        record = {
            "suite": key.suite,
            "task_id": key.task_id,
            "model": key.model,
            "trial": key.trial,
            "completion": completion.text,
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion.completion_tokens,
            "seconds": completion.seconds,
        }
        os.write(self._completions, dump_line(record))
        if self._keep:
            self.completions[key] = completion

    def add_outcome(self, outcome: Outcome) -> Outcome:
        """Writes an outcome that an item collected, unless the same one stands there. Returns the one that holds."""
        known = self.outcomes.get(outcome.key)
        if known is not None and _same(known, outcome):
            return known
        if self._keep:
            self.outcomes[outcome.key] = outcome
        os.write(self._outcomes, dump_line(outcome.to_json()))
        return outcome

    def spent(self, models: Mapping[str, Model]) -> float:
        """US dollars for everything that these models were asked in this run, answers that served nothing included."""
        prices = {name: model.price for name, model in models.items() if model.price}
        known = (
            prices[key.model].of(said.prompt_tokens, said.completion_tokens)
            for key, said in self.completions.items()
            if key.model in prices
        )
        return sum(cost or 0.0 for cost in known) + self._lost

    def add_tasks(self, tasks: Iterable[tuple[str, Task]]) -> None:
        """Keeps what labels and report need of a run's tasks, each with its suite, so that it suffices alone."""
        file = self.path / "tasks.jsonl"
        known = {(row["suite"], row["task_id"]): row for row in _recover(file, self.notices, _task)}
        for suite, task in tasks:
            row = {"suite": suite, "task_id": task.task_id, "text": task.text, "tests": task.tests}
            row["prompt_sha256"] = prompt_sha256(task)
            known[suite, task.task_id] = row
        self.write("tasks.jsonl", "".join(dump_line(row).decode() for row in known.values()))

    def write(self, name: str, text: str) -> None:
        """Writes a whole file: it is there as it was or as it shall be, never half."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self.path / name)

    def stored_completions(self) -> Iterator[tuple[Key, Completion]]:
        """What the disk holds, a line at a time; to be read to its end before anything is added."""
        return _recover(self.path / "completions.jsonl", self.notices, _completion)

    def stored_outcomes(self) -> Iterator[Outcome]:
        """The same of the outcomes; the last of a trial holds."""
        return _recover(self.path / "outcomes.jsonl", self.notices, Outcome.from_json)

    def close(self) -> None:
        """Closes the files; what was written stays."""
        for descriptor in (self._completions, self._outcomes, self._lock):
            os.close(descriptor)

    def _read(self) -> None:
        self.completions.update(self.stored_completions())
        for outcome in self.stored_outcomes():
            self.outcomes[outcome.key] = outcome
            if not outcome.verdict.measured:
                self._lost += outcome.cost_usd or 0.0


def read_config(path: Path) -> dict[str, Any]:
    """`run.json`, or an empty dict where there is none. Raises `RunDirectoryError`."""
    file = path / "run.json"
    if not file.exists():
        if (path / "outcomes.jsonl").exists() or (path / "completions.jsonl").exists():
            raise RunDirectoryError(
                f"{path}: holds results and no run.json: name another directory: --cx-run, verify -o"
            )
        return {}
    return parse_object(read_bytes(file, RunDirectoryError), str(file), RunDirectoryError)


@dataclass(frozen=True)
class RunRecord:
    """What a run directory says: its configuration and outcomes, each task's text by (suite, task id).

    `tests`, the source of each task's tests, and `completions` hold what is known of them.
    """

    config: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    texts: Mapping[tuple[str, str], str]
    tests: Mapping[tuple[str, str], str] = field(default_factory=dict)
    completions: Mapping[Key, Completion] = field(default_factory=dict)

    @property
    def ladder(self) -> tuple[str, ...]:
        """The models, cheapest first."""
        return tuple(self.config["ladder"])


def read_run(path: Path) -> RunRecord:
    """A run directory as it lies there, the last line of each trial. Raises `RunDirectoryError`."""
    config = read_config(path)
    if not config:
        raise RunDirectoryError(f"{path}: not a run directory: run.json is missing")
    for name, kind in (("ladder", list), ("trials", int), ("models", dict)):
        if not isinstance(config.get(name), kind) or not config[name]:
            raise RunDirectoryError(
                f"{path / 'run.json'}: field {name!r} is missing or empty. Name the directory of a run"
            )
    outcomes = _rows(path / "outcomes.jsonl", Outcome.from_json)
    tasks = {(row["suite"], row["task_id"]): row for row in _rows(path / "tasks.jsonl", _task)}
    return RunRecord(
        config,
        tuple({outcome.key: outcome for outcome in outcomes}.values()),
        {key: row["text"] for key, row in tasks.items()},
        {key: row["tests"] for key, row in tasks.items() if isinstance(row.get("tests"), str)},
        dict(_rows(path / "completions.jsonl", _completion)),
    )


def read_answers(path: Path) -> Iterator[tuple[Key, Completion, str]]:
    """The answers of a run that another process may be writing, each with its prompt's SHA-256 ("" where not known).

    Raises `RunDirectoryError`.
    """
    prompts = {
        (row["suite"], row["task_id"]): str(row.get("prompt_sha256", "")) for row in _rows(path / "tasks.jsonl", _task)
    }
    for key, completion in _rows(path / "completions.jsonl", _completion, whole=True):
        yield key, completion, prompts.get((key.suite, key.task_id), "")


def _rows(file: Path, read: Callable[[dict[str, Any]], _Row], *, whole: bool = False) -> Iterator[_Row]:
    """What `read` makes of the lines of a file that is only read; a cut last one is an error, `whole`: passed over."""
    lines = read_bytes(file, RunDirectoryError).split(b"\n") if file.exists() else []
    for number, line in enumerate(lines[:-1] if whole else lines, start=1):
        if line:
            yield _row(line, line_of(file, number), read)


def _same(one: Outcome, other: Outcome) -> bool:
    return {**one.to_json(), "seconds": None} == {**other.to_json(), "seconds": None}


def _lock(path: Path) -> int:
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise RunDirectoryError(
            f"{path}: another session is writing there. Wait, or name another directory: --cx-run, verify -o"
        ) from None
    return descriptor


def _append_to(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _merge(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The configuration to write: the new one and the suites and models that only the old one has."""
    if old:
        differing = [
            f"{name} was {old.get(name)}, is {new.get(name)}" for name in FIXED if old.get(name) != new.get(name)
        ]
        for kind in ("suites", "models"):
            differing += _differences(kind, old.get(kind, {}), new[kind])
        if differing:
            raise RunDirectoryError(
                f"{path}: another configuration than the run's: {'; '.join(differing)}. Undo the change, "
                "or name another directory: --cx-run, verify -o"
            )
    merged = dict(new)
    for kind in ("suites", "models"):
        merged[kind] = {**old.get(kind, {}), **new[kind]}
    return merged


def _differences(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in old.keys() & new.keys():
        if kind == "suites" and old[name]["sha256"] != new[name]["sha256"]:
            yield f"the tasks of suite {name} have changed"
        elif kind == "models":
            was, is_now = _flat(old[name]), _flat(new[name])
            if changed := sorted(key for key in was.keys() | is_now.keys() if was.get(key) != is_now.get(key)):
                yield f"model {name} has another {', '.join(changed)}"


def _flat(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model's settings by name, those of its sampling among them; without the price, which changes no answer."""
    flat = {name: value for name, value in model.items() if name not in ("price", "sampling")}
    return {**flat, **model.get("sampling", {})}


def _recover(file: Path, notices: list[str], read: Callable[[dict[str, Any]], _Row]) -> Iterator[_Row]:
    """What `read` makes of the lines of a file; a cut last one is dropped, from the disk too, with a notice."""
    if not file.exists():
        return
    whole = 0  # bytes
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.endswith(b"\n"):
                whole += len(line)
                yield _row(line, line_of(file, number), read)
            else:
                notices.append(f"{file}: its last line was cut and is dropped")
                os.truncate(file, whole)


def _row(line: bytes, where: str, read: Callable[[dict[str, Any]], _Row]) -> _Row:
    remedy = "Remove the line: the next session measures again what it held"
    try:
        record = parse_object(line, where, RunDirectoryError)
    except RunDirectoryError as why:
        raise RunDirectoryError(f"{why}. {remedy}") from None
    try:
        return read(record)
    except (ComplexityError, KeyError, TypeError, ValueError) as why:
        raise RunDirectoryError(f"{where}: not a line of a run directory ({why}). {remedy}") from None


def _completion(record: dict[str, Any]) -> tuple[Key, Completion]:
    (suite, task_id, model, trial), completion = completion_of(record)
    if suite is None:
        raise RecordingError("field 'suite' is missing")
    return Key(suite, task_id, model, trial), completion


def _task(record: dict[str, Any]) -> dict[str, Any]:
    if not all(isinstance(record.get(name), str) for name in ("suite", "task_id", "text")):
        raise ValueError("expected the strings suite, task_id and text")
    return record
