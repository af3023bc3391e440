"""Models by name: the paper's three, those of `pyproject.toml`, those of other packages, `NAME=openai:MODEL@URL`.

An adapter is a function of a `ModelSpec`: `make` in its own module, and a line in `ADAPTERS`; other packages register
theirs as entry points of the group `pytest_complexity.models`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_complexity.core.registry import Registry
from pytest_complexity.errors import ModelError
from pytest_complexity.models import KNOWN_PRICES, LiveModel
from pytest_complexity.models.spec import FORM, TABLE, ModelSpec, split_spec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # the same for 3.10

Adapter = Callable[[ModelSpec], LiveModel]
_ROOM = "pytest_complexity.models"
ADAPTERS = Registry(
    kind="adapter",
    group="pytest_complexity.models",
    built_in={name: f"{_ROOM}.{name}:make" for name in ("openai", "ctransformers", "llamacpp", "scripted")},
    error=ModelError,
)


def build(
    text: str,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
    base: Path | None = None,
) -> LiveModel:
    """The model of a name or of `NAME=openai:MODEL@URL`, with the paper's sampling where nothing is said.

    `tables` holds `[tool.pytest-complexity.models]`, whose paths are relative to `base`; one of a built-in model's name
    changes what it says and keeps the rest, and one of the NAME before `=openai:` gives that its prices and its
    sampling. Raises `ModelError`, which lists the names, for any other. Whether the model can run its `check` tells.
    """
    tables = tables or {}
    name, given = split_spec(text)
    other_packages = [each for each in ADAPTERS.names() if each not in ADAPTERS.built_in]
    if not given and name not in BUILT_IN and name not in tables and name not in other_packages:
        known = ", ".join(dict.fromkeys([*BUILT_IN, *tables, *other_packages]))
        raise ModelError(
            f"--cx-models: there is no model {name!r}. Use one of {known}, write {FORM}, "
            f"or define it in [{TABLE}.NAME] of pyproject.toml"
        )
    overrides = {"temperature": temperature, "max_tokens": max_tokens}
    table = {**BUILT_IN.get(name, {}), **tables.get(name, {}), **given}
    spec = ModelSpec(name, table, overrides, seed, base or Path())
    adapter = spec.get("adapter", str, name if name in other_packages else None)
    if adapter is None:
        raise spec.error(f"adapter is missing. Use one of: {', '.join(ADAPTERS.names())}")
    if adapter not in ADAPTERS:
        raise spec.wrong("adapter", f"one of {', '.join(ADAPTERS.names())}", adapter)
    make: Adapter = ADAPTERS.load(adapter)
    model = make(spec)
    spec.done()
    return model


def read_tables(pyproject: Path) -> dict[str, dict[str, Any]]:
    """The tables `[tool.pytest-complexity.models.NAME]` of a `pyproject.toml`; none where there is no such file.

    Raises `ModelError` for a file that is not TOML and for anything else in the place of a table.
    """
    if not pyproject.is_file():
        return {}
    try:
        found = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ModelError(f"{pyproject}: {why}") from None
    ours = _table(_table(found, "tool", pyproject), "pytest-complexity", pyproject)
    if unknown := sorted(ours.keys() - {"models"}):
        raise ModelError(
            f"{pyproject}: there is no [tool.pytest-complexity] setting {unknown[0]!r}. Write [{TABLE}.NAME]"
        )
    tables = _table(ours, "models", pyproject)
    return {name: _table(tables, name, pyproject) for name in tables}


def _table(parent: Mapping[str, Any], name: str, pyproject: Path) -> dict[str, Any]:
    table = parent.get(name, {})
    if not isinstance(table, dict):
        raise ModelError(f"{pyproject}: {name!r} is not a table. Write [{TABLE}.NAME]")
    return table


def _paper(name: str, **settings: Any) -> dict[str, Any]:
    price = KNOWN_PRICES[name]
    return {**settings, "input_price": price.input, "output_price": price.output}


#: The paper's ladder, cheapest first, and a model for trying out options.
BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "codellama": _paper("codellama", adapter="ctransformers"),
    "gpt35": _paper("gpt35", adapter="openai", model="gpt-3.5-turbo-1106"),
    "gpt4": _paper("gpt4", adapter="openai", model="gpt-4-1106-preview"),
    "scripted": {"adapter": "scripted", "input_price": 0.0, "output_price": 0.0},
}
