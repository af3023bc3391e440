"""inspect_ai's logs (`.eval` and `.json`), through its own reader, which must be installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_complexity.errors import LogError
from pytest_complexity.logs import Options, Score

#: inspect_ai's letters: correct, incorrect, partly, no answer.
_LETTERS = {"C": 1, "I": 0, "P": 0.5, "N": 0}


def recognizes(path: Path, head: bytes) -> bool:
    """A zip named `.eval`, or an object with a version, a status and a run."""
    if path.suffix == ".eval":
        return True
    return path.suffix == ".json" and b'"version":' in head and b'"run_id":' in head


def read(path: Path, options: Options) -> Iterator[Score]:
    """Each sample and epoch that has a score."""
    if importlib.util.find_spec("inspect_ai") is None:
        raise LogError(f"{path}: a log of inspect_ai, which reads it and is not installed: pip install inspect_ai")
    from inspect_ai.log import read_eval_log  # noqa: PLC0415 - heavy

    try:
        log = read_eval_log(str(path))
    except Exception as why:  # whatever its reader meets in a broken file
        raise LogError(f"{path}: cannot be read by inspect_ai: {' '.join(str(why).split())[:200]}") from None
    for sample in log.samples or ():
        place = f"{path}, sample {sample.id!r}, epoch {sample.epoch}"
        text = sample.input if isinstance(sample.input, str) else "\n".join(each.text for each in sample.input)
        value = _value(place, sample.scores or {}, options.metric)
        model = options.model if options.named else log.eval.model
        usage = (sample.model_usage or {}).get(log.eval.model)  # not that of a model that graded the answer
        cost, tokens = (usage.total_cost, _tokens(usage)) if usage else (None, (None, None))
        yield Score(place, str(sample.id), text, model, value, log.eval.task, cost, *tokens)


def _tokens(usage: Any) -> tuple[int, int]:
    """Input and output; what the provider had in its cache was read all the same."""
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    return usage.input_tokens + cached, usage.output_tokens


def _value(place: str, scores: Any, metric: str | None) -> Any:
    name = metric or (next(iter(scores)) if len(scores) == 1 else None)
    if name is None or name not in scores:
        there = ", ".join(scores)
        if not there:
            raise LogError(f"{place}: has no score (was the run an error?). Score it first: inspect score")
        raise LogError(f"{place}: has the scores {there}. Name one with --metric")
    value = scores[name].value
    return _LETTERS.get(value, value) if isinstance(value, str) else value
