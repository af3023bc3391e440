"""Models by name: the paper's three, and any model of a server that speaks OpenAI's protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from pytest_complexity.errors import ModelError
from pytest_complexity.models import KNOWN_PRICES, LiveModel, Sampling
from pytest_complexity.models.ctransformers import PAPER_SAMPLING, CTransformersModel
from pytest_complexity.models.openai import OpenAIModel

_SPEC = re.compile(r"(?P<name>[^=\s]+)=openai:(?P<model>\S+?)@(?P<url>https?://\S+)")
_FORM = "NAME=openai:MODEL@URL"

Factory = Callable[[str, float | None, int | None, int], LiveModel]


def build(spec: str, *, temperature: float | None = None, max_tokens: int | None = None, seed: int = 0) -> LiveModel:
    """The model of a built-in name or of `NAME=openai:MODEL@URL`, with the paper's sampling where nothing is said.

    Raises `ModelError`, which lists the names, for any other. Whether the model can run is for its `check` to tell.
    """
    if spec in BUILT_IN:
        return BUILT_IN[spec](spec, temperature, max_tokens, seed)
    parts = _SPEC.fullmatch(spec)
    if parts is None:
        raise ModelError(f"--cx-models: no model {spec!r}; known are {', '.join(BUILT_IN)}, and {_FORM}")
    sampling = _sampling(Sampling(), temperature, max_tokens)
    return OpenAIModel(parts["name"], parts["model"], base_url=parts["url"], sampling=sampling)


def name_of(spec: str) -> str:
    """The name on the ladder of what `build` takes."""
    parts = _SPEC.fullmatch(spec)
    return parts["name"] if parts else spec


def _sampling(default: Sampling, temperature: float | None, max_tokens: int | None) -> Sampling:
    said = replace(default, temperature=default.temperature if temperature is None else temperature)
    return replace(said, max_tokens=said.max_tokens if max_tokens is None else max_tokens)


def _code_llama(name: str, temperature: float | None, max_tokens: int | None, seed: int) -> LiveModel:
    sampling = _sampling(PAPER_SAMPLING, temperature, max_tokens)
    return CTransformersModel(name, sampling=sampling, price=KNOWN_PRICES[name], seed=seed)


def _openai(model: str) -> Factory:
    def make(name: str, temperature: float | None, max_tokens: int | None, seed: int) -> LiveModel:
        sampling = _sampling(Sampling(), temperature, max_tokens)
        return OpenAIModel(name, model, sampling=sampling, price=KNOWN_PRICES[name])

    return make


#: The paper's ladder, cheapest first.
BUILT_IN: Mapping[str, Factory] = {
    "codellama": _code_llama,
    "gpt35": _openai("gpt-3.5-turbo-1106"),
    "gpt4": _openai("gpt-4-1106-preview"),
}
