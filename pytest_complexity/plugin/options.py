"""The options, checked: what a person asked for, before anything is read or run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from _pytest.config.argparsing import Parser

    from pytest_complexity.calls import CallChoice


@dataclass(frozen=True)
class Option:
    """One `--cx-*` option and its ini twin."""

    name: str
    metavar: str
    help: str
    type: type = str
    repeatable: bool = False

    @property
    def ini(self) -> str:
        """The ini name: the same with underscores."""
        return "cx_" + self.name.replace("-", "_")


OPTIONS = (
    Option("models", "A,B,C", "the ladder: models to ask, cheapest first"),
    Option("trials", "M", "trials for each task and model (default 5)", int),
    Option("dataset", "NAME_OR_PATH", "where a built-in suite's tasks come from: full, sanitized or a file"),
    Option("show-tests", "N", "show the first N assertions in the prompt, where a suite shows none", int),
    Option("limit", "N", "only the first N tasks of each suite", int),
    Option("run", "DIR", "run directory (default: .pytest-complexity/<hash of the configuration>)"),
    Option("replay", "PATH[,PATH]", "answer from recordings, call no model"),
    Option("timeout", "SECONDS", "wall time for one verification (default 10)", float),
    Option("memory", "MB", "memory for one verification (default 1024)", int),
    Option("sandbox", "LEVEL", "least isolation to accept: process < limits < namespaces"),
    Option("concurrency", "N", "calls in flight per model, over the whole run (default 16)", int),
    Option("temperature", "T", "sampling temperature (default: the model's own)", float),
    Option("max-tokens", "N", "longest completion (default: the model's own)", int),
    Option("max-cost", "USD", "stop before a call would pass it; over all sessions of the run", float),
    Option(
        "calls",
        "WHICH",
        "which to make: all, lazy, switching[:RUN_OR_COUNTS], cascade[:PLAN_OR_DIR], or their number",
    ),
    Option("rule", "NAME", "label rule: complexitynet, tier, tier@SHARE (default: by the ladder)"),
    Option("router", "DIR", "judge a trained router on this run: what `pytest-complexity train` wrote"),
    Option("gate", "'PATH OP NUMBER'", "fail the run unless it holds in report.json; repeatable", str, True),
    Option("baseline", "REPORT.JSON", "fail the run on a significant loss against an earlier report"),
    Option("margin", "SHARE", "the loss against the baseline to put up with (default 0)", float),
    Option("seed", "N", "randomness of everything that has any (default 0)", int),
    Option("strict", "", "a wrong answer fails its test", bool),
)
_IniType = Literal["string", "int", "float", "bool", "linelist"]
_INI_TYPES: dict[type, _IniType] = {str: "string", int: "int", float: "float", bool: "bool"}


@dataclass(frozen=True)
class Settings:
    """What was asked for; None where nothing was said and the default depends on the suite."""

    specs: tuple[str, ...] | None  #: the ladder as it was given: names, or NAME=openai:MODEL@URL
    trials: int | None
    dataset: str | None
    show_tests: int | None
    limit: int | None
    run: Path | None
    replay: tuple[Path, ...]
    timeout: float
    memory: int
    sandbox: str | None
    concurrency: int
    temperature: float | None
    max_tokens: int | None
    max_cost: float | None
    calls: CallChoice
    rule: str | None
    router: Path | None
    gates: tuple[str, ...]
    baseline: Path | None
    margin: float
    seed: int
    strict: bool
    base: Path  #: where pytest was started: paths are relative to it

    @property
    def models(self) -> tuple[str, ...] | None:
        """The ladder."""
        return tuple(map(_name, self.specs)) if self.specs else None


def said_anything(config: pytest.Config) -> bool:
    """Whether an option or its ini twin was given: then a mistake should end the run before collection."""
    return any(config.getoption(option.ini) is not None or _in_ini(config, option) for option in OPTIONS)


def _in_ini(config: pytest.Config, option: Option) -> bool:
    try:
        return config.getini(option.ini) not in (None, [])
    except (TypeError, ValueError):  # said, and wrong: `read_settings` tells how
        return True


def add_options(parser: Parser) -> None:
    """Registers each option with its ini twin; defaults are None, so that what was not said can be told."""
    group = parser.getgroup("complexity", "pytest-complexity: which model is enough for each task")
    for option in OPTIONS:
        flag = "--cx-" + option.name
        if option.type is bool:
            group.addoption(flag, action="store_true", default=None, help=option.help)
        elif option.repeatable:
            group.addoption(flag, action="append", default=None, metavar=option.metavar, help=option.help)
        else:
            group.addoption(flag, type=option.type, default=None, metavar=option.metavar, help=option.help)
        ini_type: _IniType = "linelist" if option.repeatable else _INI_TYPES[option.type]
        parser.addini(option.ini, option.help, type=ini_type, default=None)


def read_settings(config: pytest.Config) -> Settings:
    """The options of a session. Raises `pytest.UsageError`."""

    def get(name: str) -> Any:
        said = config.getoption("cx_" + name)
        try:
            return config.getini("cx_" + name) if said is None else said
        except (TypeError, ValueError) as why:
            raise pytest.UsageError(f"cx_{name}: {why}") from None

    run, baseline, router = get("run"), get("baseline"), get("router")
    return Settings(
        specs=_specs(get("models")),
        trials=_positive("trials", get("trials")),
        dataset=get("dataset") or None,
        show_tests=_positive("show-tests", get("show_tests")),
        limit=_positive("limit", get("limit")),
        run=config.invocation_params.dir / run if run else None,
        replay=tuple(config.invocation_params.dir / part for part in _parts(get("replay"))),
        timeout=_positive("timeout", get("timeout")) or 10.0,
        memory=_positive("memory", get("memory")) or 1024,
        sandbox=_level(get("sandbox")),
        concurrency=_positive("concurrency", get("concurrency")) or 16,
        temperature=_temperature(get("temperature")),
        max_tokens=_positive("max-tokens", get("max_tokens")),
        max_cost=_positive("max-cost", get("max_cost")),
        calls=_calls(get("calls") or "all"),
        rule=get("rule") or None,
        router=config.invocation_params.dir / router if router else None,
        gates=tuple(get("gate") or ()),
        baseline=config.invocation_params.dir / baseline if baseline else None,
        margin=_margin(get("margin") or 0.0),
        seed=_seed(get("seed") or 0),
        strict=bool(get("strict")),
        base=config.invocation_params.dir,
    )


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _specs(text: str | None) -> tuple[str, ...] | None:
    specs = _parts(text)
    if text is not None and not specs:
        raise pytest.UsageError("--cx-models: no model is named; give them cheapest first: --cx-models=small,large")
    names = [_name(spec) for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise pytest.UsageError(f"--cx-models: {name!r} stands twice on the ladder")
        if "::" in name:
            raise pytest.UsageError(f"--cx-models: {name!r} holds '::', which pytest cannot select")
    return tuple(specs) or None


def _name(spec: str) -> str:
    return spec.partition("=openai:")[0]


def _calls(text: str) -> CallChoice:
    from pytest_complexity.calls import CallChoice  # noqa: PLC0415  (nothing of ours is imported before it is used)
    from pytest_complexity.errors import CallsError  # noqa: PLC0415

    try:
        return CallChoice.parse(text)
    except CallsError as why:
        raise pytest.UsageError(str(why)) from None


def _temperature(value: Any) -> Any:
    if value is not None and not (value >= 0 and math.isfinite(value)):
        raise pytest.UsageError(f"--cx-temperature: a number from 0 is wanted, found {value}")
    return value


def _positive(name: str, value: Any) -> Any:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise pytest.UsageError(f"--cx-{name}: a number above 0 is wanted, found {value}")
    return value


def _seed(value: int) -> int:
    if not 0 <= value < 1 << 32:
        raise pytest.UsageError(f"--cx-seed: a whole number from 0 to {(1 << 32) - 1} is wanted, found {value}")
    return value


def _margin(value: float) -> float:
    if not 0 <= value < 1:
        raise pytest.UsageError(f"--cx-margin: a share from 0 up to 1 is wanted, found {value}")
    return value


def _level(value: str | None) -> str | None:
    levels = ("process", "limits", "namespaces")
    if value and value not in levels:
        raise pytest.UsageError(f"--cx-sandbox: {value!r} is no level; the levels are {' < '.join(levels)}")
    return value or None
