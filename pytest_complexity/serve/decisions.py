"""The log of what was decided: written a line a request, and read back as what routing came to."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import COUNT, NUMBER, OBJECT, STRING, Fields
from pytest_complexity.core.jsonl import dump_line, read_jsonl
from pytest_complexity.errors import RecordingError

FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """One request and what came of it; a line of the log.

    `asked` is the model that the client named, `model` the one that answered (null: none), `policy` why it was asked,
    `fallback` those that were down, `chances` what the router said of each model. `status` is the HTTP status that the
    client got, `whole` whether it got all of the answer. `cost_usd` and `costs` (the same tokens at each model's
    price, in US dollars) are null and empty where prices or tokens are not known. `task_id`: equal prompts share one.
    `passed`: whether an answer passed the checks that the request brought, null where it brought none.
    """

    time: float
    task_id: str
    asked: str
    model: str | None
    policy: str
    status: int
    whole: bool
    seconds: float
    chances: Mapping[str, float] = field(default_factory=dict)
    level: int | None = None
    fallback: Sequence[str] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    calls: int = 1
    passed: bool | None = None


class DecisionLog:
    """Appends whole lines. What cannot be written is told once, and no client notices."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None if path is None else _opened(path)
        self._told = False

    def write(self, served: Served) -> None:
        """One line, by one `write`."""
        if self._file is None:
            return
        try:
            os.write(self._file, dump_line({"decision": FORMAT, **vars(served)}))
        except OSError as why:
            if not self._told:
                self._told = True
                _log.error("%s: decisions cannot be written: %s", self._path, why.strerror)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as why:
        raise RecordingError(f"{path}: cannot be written: {why.strerror}. Give --log a file that can") from None


def is_log(path: Path) -> bool:
    """Whether a file begins as such a log does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(12) == b'{"decision":'


def traffic(paths: Sequence[Path]) -> dict[str, Any]:
    """What routing came to, as plain builtins for `report --json`. Raises `RecordingError`.

    `routed` is about the requests that the router decided: what they cost, what each single model would have cost for
    the same tokens, and the mean chance of success that the router predicted for its choices and for each model.
    """
    rows = [row for path in paths for row in _read(path)]
    if not rows:
        raise RecordingError(f"{', '.join(map(str, paths))}: no request was served")
    routed = [row for row in rows if row["policy"] in ("router", "session") and row["model"] and row["chances"]]
    priced = [row for row in routed if row["cost_usd"] is not None and set(row["chances"]) <= set(row["costs"])]
    ladder = list(routed[0]["chances"]) if routed else []
    always = {name: sum(row["costs"][name] for row in priced) for name in ladder} if priced else {}
    cost = sum(row["cost_usd"] for row in priced)
    dearest = always.get(ladder[-1]) if always else None
    checked = [row["passed"] for row in rows if row["passed"] is not None]
    return {
        "from": min(row["time"] for row in rows),
        "to": max(row["time"] for row in rows),
        "requests": len(rows),
        "policies": dict(Counter(row["policy"] for row in rows).most_common()),
        "models": dict(Counter(row["model"] or "none" for row in rows).most_common()),
        "statuses": {str(status): count for status, count in sorted(Counter(row["status"] for row in rows).items())},
        "cut": sum(not row["whole"] for row in rows),
        "fallbacks": dict(Counter(name for row in rows for name in row["fallback"])),
        "cost_usd": sum(row["cost_usd"] or 0.0 for row in rows),
        "unpriced": sum(row["cost_usd"] is None for row in rows),
        "routed": {
            "requests": len(routed),
            "priced": len(priced),
            "cost_usd": cost if priced else None,
            "always_cost_usd": always,
            "saving": 1 - cost / dearest if dearest else None,
            "predicted": _mean([row["chances"].get(row["model"], 0.0) for row in routed]),
            "always_predicted": {name: _mean([row["chances"].get(name, 0.0) for row in routed]) for name in ladder},
        },
        "checked": {"requests": len(checked), "passed": sum(checked), "calls": sum(row["calls"] for row in rows)},
    }


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The same for a person."""
    day = [time.strftime("%Y-%m-%d %H:%M", time.gmtime(report[end])) for end in ("from", "to")]
    yield f"{report['requests']} requests, {day[0]} to {day[1]} UTC; {report['cut']} broke off"
    for title, counts in (("asked by", "policies"), ("answered by", "models"), ("status", "statuses")):
        yield f"{title}: " + ", ".join(f"{name} {count}" for name, count in report[counts].items())
    if report["fallbacks"]:
        yield "down: " + ", ".join(f"{name} {count} times" for name, count in report["fallbacks"].items())
    yield f"cost: {report['cost_usd']:.6g} US dollars, without {report['unpriced']} requests whose cost is not known"
    if (checked := report["checked"])["requests"]:
        yield f"checks: {checked['passed']} of {checked['requests']} requests that brought some passed"
    routed = report["routed"]
    if not routed["requests"]:
        return
    yield f"routed: {routed['requests']} requests, predicted to succeed {routed['predicted']:.1%}"
    if routed["saving"] is not None:
        yield (
            f"  cost {routed['cost_usd']:.6g} US dollars on the {routed['priced']} of known cost: "
            f"{routed['saving']:.1%} less than always the last model at the same tokens"
        )
    for name, chance in routed["always_predicted"].items():
        price = routed["always_cost_usd"].get(name)
        yield f"  always {name}: predicted {chance:.1%}" + ("" if price is None else f", cost {price:.6g}")
    yield "  predicted: by the router's own chances; measure a sample with verify or a run to know"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _read(path: Path) -> Iterator[dict[str, Any]]:
    for number, record in read_jsonl(path, RecordingError):
        fields = Fields(record, f"{path}, line {number}", RecordingError)
        for name, kind in _FIELDS.items():
            fields.get(name, kind)
        for name in ("chances", "costs"):
            fields.inside(name).all(NUMBER)
        if not isinstance(record.get("whole"), bool) or not isinstance(record.get("fallback"), list):
            raise fields.wrong("whole", "expected true or false, and a list 'fallback'. Is it a log of `serve`?")
        yield record


_FIELDS = {
    "time": NUMBER,
    "policy": STRING,
    "model": STRING.or_null(),
    "status": COUNT,
    "chances": OBJECT,
    "costs": OBJECT,
    "cost_usd": NUMBER.or_null(),
    "calls": COUNT,
}
