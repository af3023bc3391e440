"""Models by name: the paper's three, those of `pyproject.toml`, those of other packages, `NAME=openai:MODEL@URL`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pytest_complexity.errors import ModelError
from pytest_complexity.models import KNOWN_PRICES, LiveModel, Price, Sampling
from pytest_complexity.models.ctransformers import PAPER_SAMPLING, CTransformersModel
from pytest_complexity.models.llamacpp import Engine, LlamaCppModel
from pytest_complexity.models.openai import OpenAIModel, Server
from pytest_complexity.models.scripted import ScriptedModel
from pytest_complexity.models.smollm2 import SmolLM2Model

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # the same for 3.10

ENTRY_POINTS = "pytest_complexity.models"
TABLE = "tool.pytest-complexity.models"
_SPEC = re.compile(r"(?P<name>[^=\s]+)=openai:(?P<model>\S+?)@(?P<url>https?://\S+)")
_FORM = "NAME=openai:MODEL@URL"
_SAMPLING: Mapping[str, type] = {"temperature": float, "top_p": float, "max_tokens": int, "top_k": int}


@dataclass(frozen=True)
class Wish:
    """A model that somebody asked for: what an adapter reads its settings from.

    `table` is the model's table in `pyproject.toml`, `said` what the command line says of sampling. Each value that is
    read is checked; `done` refuses those that nobody read.
    """

    name: str
    table: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    _read: set[str] = field(default_factory=set)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of `key`, of type `kind` (str, bool, int, float). Raises `ModelError` for any other type."""
        self._read.add(key)
        value = self.table.get(key, default)
        if value is default:
            return default
        right = isinstance(value, (int, float) if kind is float else kind)
        if not right or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{key} = {value!r}: {_WORDS[kind]} is wanted")
        return kind(value)

    def positive(self, key: str, kind: type, default: Any = None) -> Any:
        """The same for a number above 0."""
        value = self.get(key, kind, default)
        if value is not None and value <= 0:
            raise self.error(f"{key} = {value!r}: a number above 0 is wanted")
        return value

    def choice(self, key: str, values: tuple[str, ...]) -> str:
        """The same for one of some words, the first by default."""
        value = str(self.get(key, str, values[0]))
        if value not in values:
            raise self.error(f"{key} = {value!r}: one of {', '.join(values)} is wanted")
        return value

    def sampling(self, default: Sampling | None = None) -> Sampling:
        """`default` with what the table says, and over that what the command line says."""
        found = {key: value for key, kind in _SAMPLING.items() if (value := self.get(key, kind)) is not None}
        sampling = replace(default or Sampling(), **found)
        if sampling.temperature < 0 or not 0 < sampling.top_p <= 1 or sampling.max_tokens < 1:
            raise self.error("temperature is from 0 up, top_p above 0 and at most 1, max_tokens from 1 up")
        return replace(sampling, **{key: value for key, value in self.said.items() if value is not None})

    def price(self) -> Price | None:
        """US dollars per million tokens, `input_price` and `output_price`; None where the table has neither."""
        both = self.get("input_price", float), self.get("output_price", float)
        if both == (None, None):
            return None
        if None in both or min(both) < 0:
            raise self.error(
                "input_price and output_price are wanted both, in US dollars per million tokens, from 0 up"
            )
        return Price(*both)

    def done(self) -> None:
        """Raises `ModelError` for a key that no adapter knows: a slip of the pen must not go unseen."""
        for key in self.table:
            if key not in self._read and key != "adapter":
                raise self.error(f"no setting {key!r}; known are {', '.join(sorted(self._read))}")

    def error(self, what: str) -> ModelError:
        """A mistake in the table."""
        return ModelError(f"[{TABLE}.{self.name}] {what}")


_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
Adapter = Callable[[Wish], LiveModel]


def build(
    spec: str,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
) -> LiveModel:
    """The model of a name or of `NAME=openai:MODEL@URL`, with the paper's sampling where nothing is said.

    `tables` holds `[tool.pytest-complexity.models]`; one of a built-in model's name changes what it says and keeps the
    rest, and one of the NAME before `=openai:` gives that its prices and its sampling. Raises `ModelError`, which lists
    the names, for any other. Whether the model can run is for its `check` to tell.
    """
    tables = tables or {}
    said = {"temperature": temperature, "max_tokens": max_tokens}
    if parts := _SPEC.fullmatch(spec):
        name = parts["name"]
        table = {**tables.get(name, {}), "adapter": "openai", "model": parts["model"], "url": parts["url"]}
        return _made(Wish(name, table, said, seed), "openai")
    if "=openai:" in spec and "@" in spec and "://" not in spec:
        server = spec.rpartition("@")[2]
        raise ModelError(f"--cx-models: {spec!r} lacks http:// or https:// before {server}; write {_FORM}")
    others = [each.name for each in entry_points(group=ENTRY_POINTS)]
    if spec not in BUILT_IN and spec not in tables and spec not in others:
        known = ", ".join(dict.fromkeys([*BUILT_IN, *tables, *others]))
        raise ModelError(
            f"--cx-models: no model {spec!r}; known are {known}, and {_FORM}; "
            f"more are defined in [{TABLE}.NAME] of pyproject.toml"
        )
    wish = Wish(spec, {**BUILT_IN.get(spec, {}), **tables.get(spec, {})}, said, seed)
    adapter = wish.get("adapter", str, spec if spec in others else None)
    if adapter is None:
        raise wish.error(f"adapter is missing; there are {', '.join([*_ADAPTERS, *others])}")
    if adapter not in _ADAPTERS and adapter not in others:
        raise wish.error(f"no adapter {adapter!r}; there are {', '.join([*_ADAPTERS, *others])}")
    return _made(wish, adapter)


def name_of(spec: str) -> str:
    """The name on the ladder of what `build` takes."""
    parts = _SPEC.fullmatch(spec)
    return parts["name"] if parts else spec


def read_tables(pyproject: Path) -> dict[str, dict[str, Any]]:
    """The tables `[tool.pytest-complexity.models.NAME]` of a `pyproject.toml`; none where there is no such file.

    Raises `ModelError` for a file that is no TOML and for tables that are none.
    """
    if not pyproject.is_file():
        return {}
    try:
        found = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ModelError(f"{pyproject}: {why}") from None
    ours = _table(_table(found, "tool", pyproject), "pytest-complexity", pyproject)
    if unknown := sorted(ours.keys() - {"models"}):
        raise ModelError(f"{pyproject}: [tool.pytest-complexity] holds models alone, not {unknown[0]!r}")
    tables = _table(ours, "models", pyproject)
    return {name: _table(tables, name, pyproject) for name in tables}


def _table(parent: Mapping[str, Any], name: str, pyproject: Path) -> dict[str, Any]:
    table = parent.get(name, {})
    if not isinstance(table, dict):
        raise ModelError(f"{pyproject}: {name} is no table: write [{TABLE}.NAME]")
    return table


def _made(wish: Wish, adapter: str) -> LiveModel:
    model = _adapter(adapter)(wish)
    wish.done()
    return model


def _adapter(name: str) -> Adapter:
    """A built-in adapter or another package's. Raises `ModelError` where that fails."""
    if name in _ADAPTERS:
        return _ADAPTERS[name]
    found = {each.name: each for each in entry_points(group=ENTRY_POINTS)}[name]
    try:
        adapter: Adapter = found.load()
    except Exception as why:  # whatever another package's module does
        raise ModelError(f"adapter {name!r} of {found.value}: {type(why).__name__}: {why}") from None
    return adapter


def _openai(wish: Wish) -> LiveModel:
    server = Server(
        url=wish.get("url", str),
        key_env=wish.get("key_env", str),
        organization=wish.get("organization", str),
        timeout=wish.positive("timeout", float, 120.0),
        listed=wish.get("listed", bool, True),
    )
    return OpenAIModel(
        wish.name,
        wish.get("model", str, wish.name),
        server,
        endpoint=wish.choice("endpoint", ("chat", "completions")),  # type: ignore[arg-type]
        many=wish.get("many", bool, True),
        sampling=wish.sampling(),
        price=wish.price(),
    )


def _ctransformers(wish: Wish) -> LiveModel:
    return CTransformersModel(
        wish.name,
        wish.get("path", str),
        sampling=wish.sampling(PAPER_SAMPLING),
        price=wish.price(),
        model_type=wish.get("model_type", str, "llama"),
        context=wish.positive("context", int, 2048),
        threads=wish.positive("threads", int),
        seed=wish.seed,
    )


def _llamacpp(wish: Wish) -> LiveModel:
    path = wish.get("path", str)
    if not path:
        raise wish.error("path is missing: the GGUF file")
    engine = Engine(
        context=wish.positive("context", int, 4096),
        parallel=wish.positive("parallel", int, 4),
        threads=wish.positive("threads", int),
        gpu_layers=wish.get("gpu_layers", int, -1),
    )
    return LlamaCppModel(
        wish.name,
        path,
        engine,
        endpoint=wish.choice("endpoint", ("chat", "completions")),  # type: ignore[arg-type]
        sampling=wish.sampling(),
        price=wish.price(),
    )


def _smollm2(wish: Wish) -> LiveModel:
    return SmolLM2Model(
        wish.name,
        sampling=wish.sampling(Sampling(temperature=0.2, top_p=0.95, max_tokens=200, top_k=10)),
        price=wish.price(),
        threads=wish.positive("threads", int),
        seed=wish.seed,
    )


def _scripted(wish: Wish) -> LiveModel:
    right = wish.get("right", float, 1.0)
    if not 0 <= right <= 1:
        raise wish.error(f"right = {right}: a share from 0 to 1 is wanted")
    wish.sampling()
    return ScriptedModel(
        wish.name, right=right, latency=wish.get("latency", float, 0.0), price=wish.price(), seed=wish.seed
    )


#: More come from the entry points of the group `pytest_complexity.models`.
_ADAPTERS: Mapping[str, Adapter] = {
    "openai": _openai,
    "ctransformers": _ctransformers,
    "llamacpp": _llamacpp,
    "smollm2": _smollm2,
    "scripted": _scripted,
}


def _paper(name: str, **settings: Any) -> dict[str, Any]:
    price = KNOWN_PRICES[name]
    return {**settings, "input_price": price.input, "output_price": price.output}


#: The paper's ladder, cheapest first, and a small model for trying out.
BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "codellama": _paper("codellama", adapter="ctransformers"),
    "gpt35": _paper("gpt35", adapter="openai", model="gpt-3.5-turbo-1106"),
    "gpt4": _paper("gpt4", adapter="openai", model="gpt-4-1106-preview"),
    "smollm2": {"adapter": "smollm2", "input_price": 0.0, "output_price": 0.0},
}
