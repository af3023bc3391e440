"""Gates: a path into report.json, a comparison, a number. Missing data fails a gate; it never passes one."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_complexity.errors import GateError

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
# A quoted name may hold anything, operators and lines included.
_QUOTED = r'"(?:[^"\\]|\\.)+"'
_GATE = re.compile(rf'\s*(?P<path>(?:{_QUOTED}|[^"<>])+?)\s*(?P<op>>=|<=|==|>|<)\s*(?P<number>\S+)\s*', re.DOTALL)
_STEP = re.compile(rf'({_QUOTED})|([^."\s]+)', re.DOTALL)


@dataclass(frozen=True)
class Gate:
    """`path op number`; `path` as its steps, names with dots unquoted."""

    text: str
    path: tuple[str, ...]
    operator: str
    number: float


@dataclass(frozen=True)
class GateResult:
    """Whether a gate holds, and a line that says what was found."""

    passed: bool
    message: str


def parse_gate(text: str, option: str = "--cx-gate") -> Gate:
    """The gate that is written so. Raises `GateError` with the option's name and an example of a right one."""
    try:
        return _parsed(text)
    except GateError as why:
        raise GateError(f"{option} {why}") from None


def _parsed(text: str) -> Gate:
    match = _GATE.fullmatch(text)
    if match is None:
        raise _malformed(text, "'PATH OP NUMBER' is wanted")
    try:
        number = float(match["number"])
    except ValueError:
        raise _malformed(text, f"{match['number']!r} is no number") from None
    if not math.isfinite(number):
        raise _malformed(text, f"{match['number']!r} can be compared with nothing")
    return Gate(text.strip(), _steps(text, match["path"]), match["op"], number)


def check_gate(gate: Gate, report: Mapping[str, Any]) -> GateResult:
    """Compares what stands at the gate's path; what is not there or no number fails."""
    value: Any = _by_task(report) if gate.path[:1] == ("tasks",) else report
    for index, step in enumerate(gate.path):
        found = _children(value)
        if step not in found:
            where = ".".join(gate.path[:index]) or "report.json"
            names = list(found)
            there = f"; there are {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}" if names else ""
            return GateResult(False, f"gate failed: {gate.text}: {where} has no {step!r}{there}")
        value = found[step]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = "not known" if value is None else f"no number but {type(value).__name__}"
        return GateResult(False, f"gate failed: {gate.text}: it is {kind}")
    passed = _OPERATORS[gate.operator](value, gate.number)
    return GateResult(passed, f"gate {'passed' if passed else 'failed'}: {gate.text} (found {value:.6g})")


def _by_task(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report's tasks by their ids too, each with its models' shares of passes: `tasks."MBPP/11".gpt4`."""
    ladder, rows = report.get("run", {}).get("ladder", ()), report.get("tasks", ())
    measured = [zip(ladder, row["successes"], row["trials"], strict=True) for row in rows]
    shares = [{name: passes / trials for name, passes, trials in models if trials} for models in measured]
    found = [{**row, **share} for row, share in zip(rows, shares, strict=True)]
    return {"tasks": {**{str(i): row for i, row in enumerate(found)}, **{row["task_id"]: row for row in found}}}


def margin(text: str) -> float:
    """A loss to put up with, from 0 up to 1. Raises ValueError."""
    share = float(text)
    if not 0 <= share < 1:
        raise ValueError(f"a share from 0 up to 1 is wanted, found {text}")
    return share


def annotated(result: GateResult) -> str:
    """The message; on GitHub Actions a failed one is an annotation of the workflow's run."""
    if result.passed or os.environ.get("GITHUB_ACTIONS") != "true":
        return result.message
    return "::error title=pytest-complexity::" + result.message.replace("%", "%25").replace("\n", "%0A")


def _children(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(index): each for index, each in enumerate(value)}
    return {}


def _steps(text: str, path: str) -> tuple[str, ...]:
    steps, position = list[str](), 0
    while True:
        match = _STEP.match(path, position)
        if match is None:
            raise _malformed(text, f"{path!r} is no dotted path; names with dots are quoted")
        quoted, plain = match.groups()
        steps.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL))
        position = match.end()
        if position == len(path):
            return tuple(steps)
        if path[position] != ".":
            raise _malformed(text, f"{path!r} is no dotted path; names with dots are quoted")
        position += 1


def _malformed(text: str, why: str) -> GateError:
    return GateError(f"{text!r}: {why}, as in 'models.\"gpt-3.5\".accuracy >= 0.7'")
