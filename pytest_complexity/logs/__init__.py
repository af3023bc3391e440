"""Results that other tools logged, as counts: one file a format.

A format is a module with `recognizes(path, head) -> bool` (`head`: the file's first bytes, unpacked) and
`read(path, options) -> Iterator[Score]`. To add one, write its file and its line in `LOGS`, or register the module in
the entry point group `pytest_complexity.logs`. Nothing is unpickled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import LINE, shown
from pytest_complexity.core.lines import read_head
from pytest_complexity.core.registry import Registry
from pytest_complexity.errors import LogError

LOGS = Registry(
    "log format",
    "pytest_complexity.logs",
    {
        "inspect_ai": "pytest_complexity.logs.inspect_ai",
        "lm_eval": "pytest_complexity.logs.lm_eval",
        "evalplus": "pytest_complexity.logs.evalplus",
        "human_eval": "pytest_complexity.logs.human_eval",
    },
    LogError,
)


@dataclass(frozen=True)
class Options:
    """What a log may leave open. `model`: the name where the log has none; `metric`: which of several scores.

    `named`: somebody gave that name, so it holds in place of the log's own.
    """

    model: str
    metric: str | None = None
    named: bool = False


@dataclass(frozen=True)
class Score:
    """One trial as a log has it. `value`: a truth value or a number; tokens and `cost_usd` where the log tells them."""

    place: str
    task_id: str
    text: str
    model: str
    value: Any
    suite: str | None = None
    cost_usd: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_log(path: Path, model: str | None = None, metric: str | None = None) -> tuple[str, Iterator[Score]]:
    """The format of a log, and its scores. Raises `LogError`."""
    if path.is_dir():
        raise LogError(f"{path}: a folder. Name the logs in it")
    if not path.exists():
        raise LogError(f"{path}: no such file. Check its name")
    head = read_head(path, LogError)
    for name in LOGS.names():
        form = LOGS.load(name)
        if form.recognizes(path, head):
            return name, form.read(path, Options(model or stem(path), metric, named=model is not None))
    if b'"completion":' in head or b'"solution":' in head:
        raise LogError(f"{path}: samples without results. Verify them: pytest-complexity verify")
    raise LogError(
        f"{path}: {'no log of a known tool' if head.strip() else 'empty'}; there are: {', '.join(LOGS.names())}"
    )


def counts(scores: Iterable[Score], threshold: float | None = None) -> list[dict[str, Any]]:
    """Lines of a file of counts: trials and passes of each task and model, in the order of their first appearance.

    Costs and tokens are means over a model's trials, of the models whose every trial has them. Raises `LogError` where
    a score is neither pass nor fail and no threshold says which it is.
    """
    lines: dict[tuple[str | None, str], dict[str, Any]] = {}
    known: dict[tuple[tuple[str | None, str], str], list[Score]] = {}
    for score in scores:
        if not LINE.holds(score.model):
            raise LogError(f"{score.place}: {score.model!r} is no name for a model. Write NAME=PATH")
        key = (score.suite, score.task_id)
        line = lines.setdefault(
            key, {"suite": score.suite, "task_id": score.task_id, "text": score.text, "trials": {}, "successes": {}}
        )
        line["trials"][score.model] = line["trials"].get(score.model, 0) + 1
        passed = _passed(score, threshold)
        line["successes"][score.model] = line["successes"].get(score.model, 0) + passed
        known.setdefault((key, score.model), []).append(score)
    models = list(dict.fromkeys(model for line in lines.values() for model in line["trials"]))
    for key, line in lines.items():
        for field in ("trials", "successes"):
            line[field] = {model: line[field][model] for model in models if model in line[field]}
        for field in ("cost_usd", "prompt_tokens", "completion_tokens"):
            means = {model: _mean([getattr(each, field) for each in known[key, model]]) for model in line["trials"]}
            if told := {model: mean for model, mean in means.items() if mean is not None}:
                line[field] = told
    return list(lines.values())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _passed(score: Score, threshold: float | None) -> bool:
    value = score.value
    if isinstance(value, int | float) and not math.isnan(value):
        if threshold is not None:
            return bool(value >= threshold)
        if value in {0, 1}:
            return bool(value)
    raise LogError(
        f"{score.place}: the score {shown(value)} is neither pass nor fail. "
        "Name the number from which on it passes: --threshold"
    )


def stem(path: Path) -> str:
    """What a model is called whose name neither its log nor anybody tells."""
    name = path.name
    for suffix in (".gz", ".xz", ".jsonl", ".json", ".eval", "_results", ".jsonl", "_eval"):
        name = name.removesuffix(suffix)
    return name
