"""A language model that is small enough for every test run."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with two layers, in the version of GGUF that ctransformers reads."""
    gguf = pytest.importorskip("gguf", reason="the package gguf writes the tiny model; pip install gguf")
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    characters = ["\u2581".encode()] + [chr(code).encode() for code in range(32, 127)]
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256)), *characters]
    writer = gguf.GGUFWriter(str(path), "llama")
    _describe(writer, tokens, len(characters))
    _add_weights(writer, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with path.open("r+b") as file:  # the writer says version 3; the layout of these files is version 2's
        file.seek(4)
        file.write(struct.pack("<I", 2))
    return path


def _describe(writer: Any, tokens: list[bytes], characters: int) -> None:
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(characters)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * characters)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def _add_weights(writer: Any, vocabulary: int, width: int = 32, inner: int = 64) -> None:
    numpy = pytest.importorskip("numpy")
    draws = numpy.random.default_rng(0)
    shapes = {"token_embd": (vocabulary, width), "output": (vocabulary, width), "output_norm": (width,)}
    for layer in range(2):
        shapes |= {f"blk.{layer}.{name}": (width,) for name in ("attn_norm", "ffn_norm")}
        shapes |= {f"blk.{layer}.attn_{name}": (width, width) for name in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.ffn_{name}": (inner, width) for name in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down"] = (width, inner)
    for name, shape in shapes.items():
        weight = numpy.ones(shape) if len(shape) == 1 else draws.standard_normal(shape) * 0.05
        writer.add_tensor(name + ".weight", weight.astype(numpy.float32))
