"""The options: one table, from which come pytest's options, their ini twins, the help and the checked `Settings`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from _pytest.config.argparsing import Parser

    from pytest_complexity.calls import CallChoice


def _as_given(value: Any, _: Path) -> Any:
    return value


def _positive(value: float, _: Path) -> Any:
    return _checked(value > 0 and math.isfinite(value), "a number above 0", value)


def _from_zero(value: float, _: Path) -> Any:
    return _checked(value >= 0 and math.isfinite(value), "a number from 0", value)


def _seed(value: int, _: Path) -> Any:
    return _checked(0 <= value < 1 << 32, f"an integer from 0 to {(1 << 32) - 1}", value)


def _share(value: float, _: Path) -> Any:
    return _checked(0 <= value < 1, "a share from 0 up to 1", value)


def _level(value: str, _: Path) -> Any:
    return _checked(value in ("process", "limits", "namespaces"), "process, limits or namespaces", repr(value))


def _ray(value: str, _: Path) -> Any:
    """The address. Where the option stands alone before a path, pytest takes that path for it."""
    from pytest_complexity.run.cluster import address  # noqa: PLC0415  (only where the option is used)

    try:
        return address(value)
    except ValueError as why:
        raise ValueError(f"{why}. Write --cx-ray=HOST:PORT, or --cx-ray after the paths") from None


def _checked(holds: bool, expected: str, value: object) -> Any:
    if not holds:
        raise ValueError(f"expected {expected}, got {value}")
    return value


def _path(value: str, base: Path) -> Path:
    return base / value


def _paths(value: str, base: Path) -> tuple[Path, ...]:
    return tuple(base / part for part in _parts(value))


def _dataset(value: str, base: Path) -> str:
    return str(base / value) if (base / value).is_file() else value


def _specs(value: str, _: Path) -> tuple[str, ...]:
    """The ladder as it was given: names, or NAME=openai:MODEL@URL."""
    from pytest_complexity.models.spec import split_spec  # noqa: PLC0415  (only where the option is used)

    specs = _parts(value)
    if not specs:
        raise ValueError("it names no model. Give them cheapest first: --cx-models=small,large")
    names = [split_spec(spec)[0] for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is on the ladder twice. Name each model once")
        if "::" in name:
            raise ValueError(f"{name!r} holds '::', which pytest cannot select. Rename the model")
    return tuple(specs)


def _calls(value: str, _: Path) -> CallChoice:
    from pytest_complexity.calls import CallChoice  # noqa: PLC0415  (only where the plugin is used)

    return CallChoice.parse(value)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Option:
    """One `--cx-*` option and its ini twin.

    `parse` turns what was given, of type `type`, into the setting; `base` is where pytest was started. It raises
    ValueError, with what was expected. `default` is the setting where nothing was given, `bare` what the option alone
    stands for.
    """

    name: str
    metavar: str
    help: str
    default: Any = None
    parse: Callable[[Any, Path], Any] = _as_given
    type: type = str
    repeatable: bool = False
    setting: str = ""
    bare: str = ""

    @property
    def flag(self) -> str:
        """As it is typed."""
        return "--cx-" + self.name

    @property
    def ini(self) -> str:
        """The ini name: the same with underscores."""
        return "cx_" + self.name.replace("-", "_")

    @property
    def field(self) -> str:
        """The name in `Settings`."""
        return self.setting or self.name.replace("-", "_")

    @property
    def full_help(self) -> str:
        """The help with the default."""
        shown = self.default not in (None, False, ())
        return f"{self.help} (default {self.default})" if shown else self.help

    def read(self, given: Any, base: Path) -> Any:
        """The setting. Raises `pytest.UsageError`."""
        if given in (None, []) or (given == "" and self.name != "models"):
            given = self.default
            if not given:
                return given
        from pytest_complexity.errors import ComplexityError  # noqa: PLC0415  (only where the plugin is used)

        try:
            return self.parse(given, base)
        except ComplexityError as why:
            raise pytest.UsageError(str(why)) from None
        except ValueError as why:
            raise pytest.UsageError(f"{self.flag}: {why}") from None


OPTIONS = (
    Option("models", "A,B,C", "the ladder: models to ask, cheapest first", None, _specs, setting="specs"),
    Option("trials", "M", "trials for each task and model", 5, _positive, int),
    Option(
        "dataset", "NAME_OR_PATH", "where a built-in suite's tasks come from: full, sanitized or a file", None, _dataset
    ),
    Option(
        "show-tests", "N", "show the first N assertions in the prompt, where a suite shows none", None, _positive, int
    ),
    Option("limit", "N", "only the first N tasks of each suite", None, _positive, int),
    Option("run", "DIR", "run directory (default: .pytest-complexity/<hash of the configuration>)", None, _path),
    Option("replay", "PATH[,PATH]", "answer from recordings, call no model", (), _paths),
    Option("timeout", "SECONDS", "wall time for one verification", 10.0, _positive, float),
    Option("memory", "MB", "memory for one verification", 1024, _positive, int),
    Option("sandbox", "LEVEL", "least isolation to accept: process < limits < namespaces", None, _level),
    Option(
        "ray",
        "ADDRESS",
        "verify on a Ray cluster: HOST:PORT; alone: the one that `ray start` left here, else a new one",
        None,
        _ray,
        bare="here",
    ),
    Option("concurrency", "N", "calls in flight for each model, over the whole run", 16, _positive, int),
    Option("temperature", "T", "sampling temperature (default: the model's own)", None, _from_zero, float),
    Option("max-tokens", "N", "longest completion (default: the model's own)", None, _positive, int),
    Option(
        "max-cost",
        "USD",
        "what all answers of the run may cost, those of earlier sessions included: no call begins that could pass it",
        None,
        _positive,
        float,
    ),
    Option(
        "calls",
        "WHICH",
        "which to make: all, lazy, switching[:RUN_OR_COUNTS], cascade[:PLAN_OR_DIR], or their number",
        "all",
        _calls,
    ),
    Option("rule", "NAME", "label rule: complexitynet, tier or tier@SHARE (default: by the number of models)"),
    Option("router", "DIR", "score a trained router on this run: what `pytest-complexity train` wrote", None, _path),
    Option(
        "gate",
        "'PATH OP NUMBER'",
        "fail the run unless it holds in report.json; repeatable",
        (),
        lambda value, _: tuple(value),
        repeatable=True,
        setting="gates",
    ),
    Option("baseline", "REPORT.JSON", "fail the run on a significant loss against an earlier report", None, _path),
    Option("margin", "SHARE", "the loss against the baseline to tolerate", 0.0, _share, float),
    Option("seed", "N", "seed of everything random", 0, _seed, int),
    Option("strict", "", "a wrong answer fails its test", False, lambda value, _: bool(value), bool),
)
_IniType = Literal["string", "int", "float", "bool", "linelist"]
_INI_TYPES: dict[type, _IniType] = {str: "string", int: "int", float: "float", bool: "bool"}


@dataclass(frozen=True)
class Settings:
    """What was asked for, one field for each option. None: nothing was given, and there is no one default."""

    specs: tuple[str, ...] | None
    trials: int
    dataset: str | None
    show_tests: int | None
    limit: int | None
    run: Path | None
    replay: tuple[Path, ...]
    timeout: float
    memory: int
    sandbox: str | None
    ray: str | None
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
    models_on_command_line: bool  #: else the ladder is the ini file's, if there is one

    @property
    def models(self) -> tuple[str, ...] | None:
        """The ladder."""
        from pytest_complexity.models.spec import split_spec  # noqa: PLC0415  (only where the plugin is used)

        return tuple(split_spec(spec)[0] for spec in self.specs) if self.specs else None


def any_option_given(config: pytest.Config) -> bool:
    """Whether an option or its ini twin was given: then a mistake should end the run before collection."""
    return any(config.getoption(option.ini) is not None or _in_ini(config, option) for option in OPTIONS)


def _in_ini(config: pytest.Config, option: Option) -> bool:
    try:
        return config.getini(option.ini) not in (None, [])
    except (TypeError, ValueError):  # given, and wrong: `read_settings` reports it
        return True


def add_options(parser: Parser) -> None:
    """Registers each option with its ini twin; defaults are None, so that what was not given is known."""
    group = parser.getgroup("complexity", "pytest-complexity: which model is enough for each task")
    for option in OPTIONS:
        if option.type is bool:
            group.addoption(option.flag, action="store_true", default=None, help=option.full_help)
        else:
            how: dict[str, Any] = {"action": "append"} if option.repeatable else {"type": option.type}
            how |= {"nargs": "?", "const": option.bare} if option.bare else {}
            group.addoption(option.flag, default=None, metavar=option.metavar, help=option.full_help, **how)
        ini_type: _IniType = "linelist" if option.repeatable else _INI_TYPES[option.type]
        parser.addini(option.ini, option.full_help, type=ini_type, default=None)


def read_settings(config: pytest.Config) -> Settings:
    """The options of a session. Raises `pytest.UsageError`."""
    base = config.invocation_params.dir
    values = {option.field: option.read(_given(config, option), base) for option in OPTIONS}
    on_command_line = config.getoption("cx_models") is not None
    return Settings(**values, base=base, models_on_command_line=on_command_line)


def _given(config: pytest.Config, option: Option) -> Any:
    value = config.getoption(option.ini)
    try:
        return config.getini(option.ini) if value is None else value
    except (TypeError, ValueError) as why:
        raise pytest.UsageError(f"{option.ini}: {why}") from None
