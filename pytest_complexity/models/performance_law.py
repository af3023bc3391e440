"""An order of models before the first call: the Performance Law (arXiv 2408.09895) from a `config.json`.

A leaf: imports the errors and the JSON reader. The constants are those of the first author's planner. The law was
fitted to dense base models; what it cannot know it refuses, what it was not made for it warns of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import unexpected
from pytest_complexity.core.jsonl import parse_object, read_bytes
from pytest_complexity.errors import PriorError

_W_LAYERS, _W_HIDDEN, _W_FFN, _W_DATA, _BIAS = 13.95018192, 0.23072027, -0.48523402, 5.39801689, 9.195410648934768
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Shape:
    """What the law needs of a dense transformer: layers, hidden size, FFN size, parameters (a plain number)."""

    layers: int
    hidden: int
    ffn: int
    parameters: float


@dataclass(frozen=True)
class Score:
    """What the law says: MMLU in points (0 to 100), the stability factor u, and which bound it was clipped at."""

    mmlu: float
    u: float
    clipped: int | None = None


@dataclass(frozen=True)
class Prior:
    """The score of one configuration, named by its path, and what to doubt about it."""

    config: str
    parameters: float
    score: Score
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """One entry of `models` in the command's JSON; MMLU to two decimals."""
        return {
            "config": self.config,
            "mmlu": round(self.score.mmlu, 2),
            "u": round(self.score.u, 6),
            "warnings": list(self.warnings),
        }


def performance_law(shape: Shape, tokens: float) -> Score:
    """Predicted MMLU after training on that many tokens (a plain number).

    arXiv 2408.09895: T' = min(T, S), trillions of tokens against billions of parameters as bare numbers;
    u = exp(-((10/d + 20/h) N)^2); MMLU = w1 ln(uN) + w2 ln(uh) + w3 ln(ud) + w4 ln(uT') + b, at least 25, and
    above 90 drawn in by 10 tanh(x/10 - 9). The precision loss gamma is 1.
    """
    log_u = -(((10 / shape.ffn + 20 / shape.hidden) * shape.layers) ** 2)
    data = min(tokens / 1e12, shape.parameters / 1e9)
    raw = (
        _W_LAYERS * (log_u + math.log(shape.layers))
        + _W_HIDDEN * (log_u + math.log(shape.hidden))
        + _W_FFN * (log_u + math.log(shape.ffn))
        + _W_DATA * (log_u + math.log(data))
        + _BIAS
    )
    if raw < 25:
        return Score(25.0, math.exp(log_u), clipped=25)
    if raw > 90:
        return Score(90 + 10 * math.tanh(0.1 * raw - 9), math.exp(log_u), clipped=90)
    return Score(raw, math.exp(log_u))


def ladder(priors: Sequence[Prior]) -> list[str]:
    """The configurations from the weakest predicted to the strongest; of two alike the smaller first."""
    return [each.config for each in sorted(priors, key=lambda each: (each.score.mmlu, each.parameters))]


def predict(paths: Sequence[Path], tokens: str, params: str | None = None) -> list[Prior]:
    """The priors of these configurations.

    `tokens` and `params` are lists such as "18T,300B" in the order of `paths`; an empty place in `params`, or no
    `params`, has the parameters counted from the configuration. Raises PriorError.
    """
    seen = _quantities("--tokens", tokens, len(paths))
    sizes = _quantities("--params", params, len(paths)) if params is not None else [None] * len(paths)
    return [_prior(*each) for each in zip(paths, seen, sizes, strict=True)]


def _prior(path: Path, tokens: float | None, params: float | None) -> Prior:
    if tokens is None:
        raise PriorError(f"--tokens: none is given for {path}: the law cannot do without the training tokens")
    if path.is_dir():
        path = path / "config.json"
    if not path.exists():
        raise PriorError(f"{path}: no such file; the law needs a model's config.json, which closed models do not show")
    config = parse_object(read_bytes(path, PriorError), str(path), PriorError)
    shape = shape_of(config, str(path), params)
    score = performance_law(shape, tokens)
    return Prior(str(path), shape.parameters, score, tuple(_warnings(path, config, shape, tokens, score)))


# -- quantities ---------------------------------------------------------------------------------------------------


def _quantities(option: str, text: str, wanted: int) -> list[float | None]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != wanted:
        raise PriorError(
            f"{option}: {len(parts)} given for {wanted} configurations; give one for each, in the same order"
        )
    return [_quantity(option, part) if part else None for part in parts]


def _quantity(option: str, text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([KMBT])", text.upper())
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < value < math.inf:
        raise PriorError(f"{option}: {text!r} is no count; write a number above 0 and its unit: 18T, 300B, 135M")
    return value


# -- configurations -----------------------------------------------------------------------------------------------

_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "ffn_config.moe_num_experts")
_OTHER_KINDS = ("mamba", "mamba2", "rwkv", "jamba", "falcon_mamba", "recurrent_gemma", "t5", "bart", "bert", "roberta")
_NAMES = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "ffn": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "key heads": ("num_key_value_heads",),
    "width": ("head_dim",),
    "vocabulary": ("vocab_size",),
    "positions": ("n_positions", "max_position_embeddings"),
}
#: Families whose parameters can be counted: whether embeddings are tied where the configuration does not say.
_TIED = {
    "llama": False,
    "mistral": False,
    "qwen2": False,
    "qwen3": False,
    "gemma": True,
    "gpt2": True,
    "gpt_neox": False,
}


def shape_of(config: Mapping[str, Any], where: str, params: float | None = None) -> Shape:
    """The shape that a `config.json` describes, `params` or its own count of parameters.

    Raises PriorError for mixtures of experts, for what is no dense decoder, and where a field is missing.
    """
    config = {**config, **config["text_config"]} if isinstance(config.get("text_config"), dict) else config
    kind = config.get("model_type")
    if any(isinstance(config.get(name), int) and config[name] > 1 for name in _EXPERTS):
        raise PriorError(
            f"{where}: a mixture of experts: the law's form for these could not be sourced, and the heuristic "
            "sqrt(total x active parameters) is not offered; leave it out"
        )
    if kind in _OTHER_KINDS or config.get("is_encoder_decoder"):
        raise PriorError(f"{where}: {kind!r} is no dense decoder, which the law is for; leave it out")
    layers, hidden = _field(config, "layers", where), _field(config, "hidden", where)
    if kind in ("gpt2", "gptj", "gpt_neo") and not any(config.get(name) for name in _NAMES["ffn"]):
        ffn = 4 * hidden  # these families' documented default
    else:
        ffn = _field(config, "ffn", where)
    return Shape(layers, hidden, ffn, params or _parameters(config, kind, (layers, hidden, ffn), where))


def _field(config: Mapping[str, Any], what: str, where: str, default: int | None = None) -> int:
    found = {name: config[name] for name in _NAMES[what] if config.get(name) is not None}
    if not found and default is not None:
        return default
    if not found:
        raise PriorError(f"{where}, field {_NAMES[what][0]!r}: is missing: no config.json of a dense transformer")
    name, value = next(iter(found.items()))
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**9:
        raise PriorError(f"{where}, field {name!r}: {unexpected('an integer above 0', value)}")
    return value


def _parameters(config: Mapping[str, Any], kind: object, sizes: tuple[int, int, int], where: str) -> int:
    """Every weight of the model, embeddings counted once where they are tied."""
    if kind not in _TIED:
        raise PriorError(
            f"{where}: parameters can be counted for {', '.join(_TIED)}, not for {kind!r}: give them with --params"
        )
    layers, hidden, ffn = sizes
    tied = config.get("tie_word_embeddings", _TIED[str(kind)])
    embeddings = _field(config, "vocabulary", where) * hidden * (1 if tied else 2)
    if kind in ("gpt2", "gpt_neox"):  # biases everywhere, two layer norms with bias
        each = 4 * hidden * (hidden + 1) + 2 * hidden * ffn + ffn + hidden + 4 * hidden
        positions = _field(config, "positions", where) * hidden if kind == "gpt2" else 0
        return embeddings + positions + layers * each + 2 * hidden
    heads = _field(config, "heads", where)
    width = _field(config, "width", where, hidden // heads)
    query, key = heads * width, _field(config, "key heads", where, heads) * width
    each = 2 * hidden * (query + key) + 3 * hidden * ffn + 2 * hidden
    if kind == "qwen2" or config.get("attention_bias"):
        each += query + 2 * key
    if kind != "qwen2" and config.get("attention_bias"):
        each += hidden
    if config.get("mlp_bias"):
        each += 2 * ffn + hidden
    if kind == "qwen3":
        each += 2 * width
    return embeddings + layers * each + hidden


# -- doubts ---------------------------------------------------------------------------------------------------------

_TUNED = re.compile(r"instruct|(?<![a-z])(chat|it|sft|dpo|rlhf|assistant)(?![a-z])", re.IGNORECASE)
_CODE = re.compile(r"code|starcoder", re.IGNORECASE)
_QUANTISED = re.compile(r"gguf|awq|gptq|bnb|int[48]|fp8|[48]-?bit|(?<![a-z])q[2-8](_|$)", re.IGNORECASE)


def _warnings(path: Path, config: Mapping[str, Any], shape: Shape, tokens: float, score: Score) -> list[str]:
    folder = path.resolve().parent.name
    name = " ".join(str(part) for part in (config.get("_name_or_path", ""), folder, path.stem))
    found = []
    if score.clipped == 25:
        found.append("clipped: below 25, which is chance: the order among such models says nothing")
    if score.clipped == 90:
        found.append("clipped: above 90 the law is only an asymptote")
    if tokens / 1e12 > shape.parameters / 1e9:
        found.append("more trillions of tokens than billions of parameters: the law does not see the rest")
    if _TUNED.search(name):
        found.append("instruction-tuned by its name: the law is for base models")
    if _CODE.search(name):
        found.append("tuned on code by its name: MMLU says little of such a model")
    if "quantization_config" in config or _QUANTISED.search(name):
        found.append("quantised: the law's precision loss is taken as none")
    return found
