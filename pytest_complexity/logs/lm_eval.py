"""lm-evaluation-harness's `samples_TASK_DATE.jsonl` (`--log_samples`): a line for each document and filter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import COUNT, STRINGS, Fields
from pytest_complexity.core.jsonl import parse_object
from pytest_complexity.core.lines import read_lines
from pytest_complexity.errors import LogError
from pytest_complexity.logs import Options, Score

_NAME = re.compile(r"samples_(?P<task>.+)_\d{4}-\d\d-\d\dT[0-9-]+(?:\.\d+)?\.jsonl.*")


def recognizes(path: Path, head: bytes) -> bool:
    """Lines that have `doc_id` and `metrics`."""
    first = head.split(b"\n", 1)[0]
    return first.lstrip().startswith(b"{") and b'"doc_id":' in head and b'"filtered_resps":' in head


def read(path: Path, options: Options) -> Iterator[Score]:
    """Each document's score by one metric and one filter; the model is that of `NAME=PATH`, else the folder's name."""
    named = _NAME.fullmatch(path.name)
    suite = named["task"] if named else None
    model = path.parent.name.replace("__", "/") if named and options.model.startswith("samples_") else options.model
    used: tuple[str, str] | None = None
    for place, line in read_lines(path, LogError):
        fields = Fields(parse_object(line, place, LogError), place, LogError)
        metric = _metric(fields, options.metric)
        by = (str(fields.values.get("filter", "none")), metric)
        if used not in {None, by}:
            raise LogError(f"{place}, field 'filter': {by[0]!r} after {used[0] if used else ''!r}. Split it by filter")
        used = by
        number = fields.get("doc_id", COUNT)
        task_id = f"{suite or 'doc'}/{number}"
        yield Score(place, task_id, _prompt(fields.values), model or "model", fields.values[metric], suite)


def _metric(fields: Fields, wanted: str | None) -> str:
    metrics = fields.get("metrics", STRINGS)
    name = wanted or (metrics[0] if len(metrics) == 1 else None)
    if name is None or name not in fields.values:
        raise fields.wrong("metrics", f"has {', '.join(metrics) or 'none'}. Name one with --metric")
    return name


def _prompt(record: Any) -> str:
    """The text that the model was given."""
    try:
        return str(record["arguments"]["gen_args_0"]["arg_0"])
    except (KeyError, TypeError, IndexError):
        return ""
