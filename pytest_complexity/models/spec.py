"""What a ladder names: a model's name, or `NAME=openai:MODEL@URL`, and the settings that an adapter is made from.

Imports no adapter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import unexpected
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Price, Sampling

TABLE = "tool.pytest-complexity.models"
FORM = "NAME=openai:MODEL@URL"
_SPEC = re.compile(r"(?P<name>[^=\s]+)=openai:(?P<model>\S+?)@(?P<url>https?://\S+)")
_NO_SCHEME = re.compile(r"[^=\s]+=openai:\S+?@(?P<server>[^@\s]+)")
_SAMPLING: Mapping[str, type] = {"temperature": float, "top_p": float, "max_tokens": int, "top_k": int}
_KINDS = {str: "a string", bool: "true or false", int: "an integer", float: "a number"}


def split_spec(text: str) -> tuple[str, Mapping[str, Any]]:
    """A model's name on the ladder, and the settings that `NAME=openai:MODEL@URL` gives. Raises `ModelError`."""
    if parts := _SPEC.fullmatch(text):
        return parts["name"], {"adapter": "openai", "model": parts["model"], "url": parts["url"]}
    if (parts := _NO_SCHEME.fullmatch(text)) and "://" not in parts["server"]:
        server = parts["server"]
        raise ModelError(f"--cx-models: {text!r} lacks http:// or https:// before {server}. Write {FORM}")
    return text, {}


@dataclass(frozen=True)
class ModelSpec:
    """A model that somebody asked for: what an adapter reads its settings from.

    `table` is the model's table in `pyproject.toml`, `overrides` the sampling that the command line gives, `base` what
    the table's paths are relative to. Each value that is read is checked; `done` refuses those that nobody read.
    """

    name: str
    table: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    base: Path = Path()
    _read: set[str] = field(default_factory=set)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of `key`, of type `kind` (str, bool, int, float). Raises `ModelError` for any other type."""
        self._read.add(key)
        value = self.table.get(key, default)
        if value is default:
            return default
        right = isinstance(value, (int, float) if kind is float else kind)
        if not right or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, _KINDS[kind], value)
        return kind(value)

    def positive(self, key: str, kind: type, default: Any = None) -> Any:
        """The same for a number above 0."""
        value = self.get(key, kind, default)
        if value is not None and value <= 0:
            raise self.wrong(key, "a number above 0", value)
        return value

    def choice(self, key: str, values: tuple[str, ...]) -> str:
        """The same for one of some words, the first by default."""
        value = str(self.get(key, str, values[0]))
        if value not in values:
            raise self.wrong(key, f"one of {', '.join(values)}", value)
        return value

    def path(self, key: str) -> Path | None:
        """The same for a path, which is relative to `base`."""
        value = self.get(key, str)
        return self.base / value if value else None

    def sampling(self, default: Sampling | None = None) -> Sampling:
        """`default` with what the table says, and over that what the command line says."""
        found = {key: value for key, kind in _SAMPLING.items() if (value := self.get(key, kind)) is not None}
        sampling = replace(default or Sampling(), **found)
        if sampling.temperature < 0:
            raise self.wrong("temperature", "a number from 0", sampling.temperature)
        if not 0 < sampling.top_p <= 1:
            raise self.wrong("top_p", "a number above 0 and at most 1", sampling.top_p)
        if sampling.max_tokens < 1:
            raise self.wrong("max_tokens", "an integer from 1", sampling.max_tokens)
        return replace(sampling, **{key: value for key, value in self.overrides.items() if value is not None})

    def price(self) -> Price | None:
        """US dollars per million tokens, `input_price` and `output_price`; None where the table has neither."""
        prices = {key: self.get(key, float) for key in ("input_price", "output_price")}
        if set(prices.values()) == {None}:
            return None
        for key, value in prices.items():
            if value is None:
                raise self.error(f"{key} is missing. Set input_price and output_price, in US dollars a million tokens")
            if value < 0:
                raise self.wrong(key, "a number from 0", value)
        return Price(*prices.values())

    def done(self) -> None:
        """Raises `ModelError` for a key that the adapter did not read, such as a misspelt one."""
        for key in self.table:
            if key not in self._read and key != "adapter":
                raise self.error(f"there is no setting {key!r}. Use one of: {', '.join(sorted(self._read))}")

    def wrong(self, key: str, expected: str, value: object) -> ModelError:
        """A value that cannot be used."""
        return self.error(f"{key}: {unexpected(expected, value)}")

    def error(self, what: str) -> ModelError:
        """A mistake in the table."""
        return ModelError(f"[{TABLE}.{self.name}] {what}")
