"""`evalplus.evaluate`: one JSON object with the samples of each task; right is what passes base and plus tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_complexity.core.fields import OBJECT, STRING, Fields, shown
from pytest_complexity.core.jsonl import parse_object
from pytest_complexity.core.lines import read_whole
from pytest_complexity.errors import LogError
from pytest_complexity.logs import Options, Score

_MOST = 1 << 30


def recognizes(path: Path, head: bytes) -> bool:
    """An object that begins with evalplus's fields."""
    return head.lstrip().startswith(b"{") and b'"eval":' in head and b'"hash":' in head


def read(path: Path, options: Options) -> Iterator[Score]:
    """Each sample. The log has no texts."""
    record = parse_object(read_whole(path, LogError, _MOST), str(path), LogError)
    for task_id, samples in Fields(record, str(path), LogError).get("eval", OBJECT).items():
        if not isinstance(samples, list):
            raise LogError(f"{path}, task {task_id!r}: expected a list, got {shown(samples)}")
        for number, sample in enumerate(samples):
            place = f"{path}, task {task_id!r}, sample {number}"
            if not isinstance(sample, dict):
                raise LogError(f"{place}: expected an object, got {shown(sample)}. Evaluate again with evalplus 0.3")
            fields = Fields(sample, place, LogError)
            statuses = (fields.get("base_status", STRING), fields.get("plus_status", STRING.or_null()))
            yield Score(place, task_id, "", options.model, all(status in {"pass", None} for status in statuses))
