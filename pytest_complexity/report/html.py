"""The report as one HTML file: it opens from disk, needs no network and runs no script but its own.

What strangers wrote (completions, prompts, names) stands in it as data, never as markup: JSON without a character that
HTML knows, or compressed bytes. The page's script shows it as text nodes alone. Should either fail, the page's
Content-Security-Policy still lets no script run whose digest it does not name, and nothing be loaded.

Draws and writes, computes nothing: the figures are those of `report.json`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_complexity.core.outcomes import Outcome, Verdict
from pytest_complexity.models import Completion
from pytest_complexity.report import sentences
from pytest_complexity.report.changes import changes
from pytest_complexity.report.columns import CLASSIFIERS, MODELS, POLICIES, for_page
from pytest_complexity.report.gates import GateResult
from pytest_complexity.run.directory import RunRecord
from pytest_complexity.run.extraction import extract_code

#: Longer texts are cut on the page, which says so; the run directory has them whole.
MAX_SHOWN = 100_000
#: Characters of completions that are packed, and unpacked, together.
CHUNK = 400_000

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("vendor/d3.min.js", "vendor/plot.umd.min.js")
_OURS = ("text.js", "charts.js", "tasks.js", "page.js")
_VERDICTS = {verdict: index for index, verdict in enumerate(Verdict)}


def page(
    report: Mapping[str, Any],
    run: RunRecord | None = None,
    checked: Sequence[GateResult] = (),
    baseline: Mapping[str, Any] | None = None,
) -> str:
    """The page of a report; `run` is what it was made from, None where only counts are known.

    `checked` is what gates found, `baseline` an earlier report to be compared with. The same to the byte for the same
    input.
    """
    style, scripts, template = _assets()
    filling = {
        "policy": _policy(scripts),
        "style": style,
        "data": "\n".join(_data(report, run or RunRecord({}, (), {}), checked, baseline)),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filling[found.group(1)], template)


def _policy(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy: these scripts, styles of our own and of the chart library's, nothing else."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=1)
def _assets() -> tuple[str, tuple[str, ...], str]:
    """Style, scripts and template."""

    def read(name: str) -> str:
        return (_ASSETS / name).read_text(encoding="utf-8")

    ours = '"use strict";\n(() => {\n' + "\n".join(read(name) for name in _OURS) + "\n})();\n"
    return read("page.css"), (*(read(name) for name in _SCRIPTS), ours), read("page.html")


def _data(
    report: Mapping[str, Any], run: RunRecord, checked: Sequence[GateResult], baseline: Mapping[str, Any] | None
) -> Iterator[str]:
    """The data blocks. A script element whose type is no script's is never run."""
    groups = _groups(report, run.outcomes)
    yield _json_block("report", report)
    yield _json_block(
        "about",
        {
            "headline": sentences.headline(report),
            "coverage": sentences.coverage(report),
            "levels": sentences.levels(report),
            "details": sentences.details(report),
            "notes": sentences.notes(report),
            "meaning": sentences.meaning(report),
            "columns": {
                "models": for_page(MODELS, report["models"].values()),
                "policies": for_page(POLICIES, report["policies"].values()),
                "classifiers": for_page(CLASSIFIERS, report["router"]["rows"].values() if report["router"] else ()),
            },
            "checked": [asdict(result) for result in checked],
            "config": run.config,
            "verdicts": [verdict.value for verdict in Verdict],
            "licences": (_ASSETS / "vendor/LICENSES.txt").read_text(encoding="utf-8"),
        },
    )
    yield _json_block("changes", changes(report, baseline) if baseline else None)
    yield _json_block("verdicts", [_verdict_rows(group) for group in groups])
    keys = [(task["suite"], task["task_id"]) for task in report["tasks"]]
    yield _packed_block("prompts", [_cut(run.texts.get(key, "")) for key in keys])
    starts = []
    tasks = ((run.tests.get(key, ""), group) for key, group in zip(keys, groups, strict=True))
    for number, (start, chunk) in enumerate(_chunks(tasks, run)):
        starts.append(start)
        yield _packed_block(f"chunk-{number}", chunk)
    yield _json_block("chunks", starts)


Group = Sequence[Sequence[Outcome]]


def _groups(report: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[Group]:
    """The outcomes of each task of the report, by model in ladder order, by trial."""
    ladder = {name: index for index, name in enumerate(report["run"]["ladder"])}
    by_task: dict[tuple[str | None, str], list[list[Outcome]]] = {
        (task["suite"], task["task_id"]): [[] for _ in ladder] for task in report["tasks"]
    }
    for outcome in sorted(outcomes, key=lambda each: each.trial):
        if (outcome.suite, outcome.task_id) in by_task and outcome.model in ladder:
            by_task[outcome.suite, outcome.task_id][ladder[outcome.model]].append(outcome)
    return list(by_task.values())


def _verdict_rows(group: Group) -> list[str]:
    """A digit for the verdict of each trial of each model."""
    return ["".join(str(_VERDICTS[outcome.verdict]) for outcome in outcomes) for outcomes in group]


def _chunks(tasks: Iterable[tuple[str, Group]], run: RunRecord) -> Iterator[tuple[int, list[Any]]]:
    """What the page of a task shows, several tasks to a chunk: the place of the first, and a record for each."""
    start, size = 0, 0
    chunk: list[Any] = []
    for tests, group in tasks:
        trials = [_trial(outcome, run.completions.get(outcome.key)) for outcomes in group for outcome in outcomes]
        chunk.append({"tests": _cut(tests), "trials": trials})
        size += sum(len(trial["text"] or "") for trial in trials)
        if size >= CHUNK:
            yield start, chunk
            start, size, chunk = start + len(chunk), 0, []
    if chunk:
        yield start, chunk


def _trial(outcome: Outcome, completion: Completion | None) -> dict[str, Any]:
    """One trial; `code` is where the part of the text stands that was run, in units of UTF-16 as the page counts."""
    record: dict[str, Any] = {
        "model": outcome.model,
        "trial": outcome.trial,
        "verdict": outcome.verdict.value,
        "detail": _cut(outcome.detail),
        "visible": outcome.visible,
        "tokens": outcome.completion_tokens,
        "cost_usd": outcome.cost_usd,
        "text": None,
    }
    if completion is not None:
        text = completion.text
        code = extract_code(text) or ""
        start = text.find(code)
        record |= {
            "text": _cut(text),
            "code": [_units(text[:start]), _units(text[: start + len(code)])],
            "seconds": completion.seconds,
        }
    return record


def _units(text: str) -> int:
    """The length of a text as JavaScript counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str) -> str:
    """The text, or its beginning and how much the run directory has beyond that."""
    beyond = len(text) - MAX_SHOWN
    return text if beyond <= 0 else f"{text[:MAX_SHOWN]}\n[... and {beyond} more characters]"


def _json_block(name: str, value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="data-{name}">{text}</script>'


def _packed_block(name: str, value: Any) -> str:
    packed = zlib.compress(json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii"))
    return f'<script type="text/plain" id="data-{name}">{base64.b64encode(packed).decode()}</script>'
