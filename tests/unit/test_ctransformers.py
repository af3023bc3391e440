"""The adapter that runs a model file here, on a tiny random Llama."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, LiveModel, Sampling, Unanswered
from pytest_complexity.models.ctransformers import CTransformersModel
from pytest_complexity.models.registry import build
from pytest_complexity.tasks import Task

ADD = Task(
    "t/1", "Write a function to add two numbers.", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b"
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_COMPLEXITY_CODELLAMA", raising=False)


def ask(model: LiveModel, task: Task = ADD, trial: int = 0) -> Completion:
    return asyncio.run(model.complete("s", task, trial))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with two layers, in the version of GGUF that ctransformers reads."""
    gguf = pytest.importorskip("gguf", reason="the package gguf writes the tiny model; pip install gguf")
    pytest.importorskip("ctransformers", reason="ctransformers is not installed")
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


def local(path: Path | None, **sampling: Any) -> CTransformersModel:
    return CTransformersModel(
        "tiny", path, sampling=Sampling(**{"max_tokens": 24, "top_k": 10, **sampling}), context=512, threads=1
    )


def test_ctransformers_gives_a_whole_function(tiny: Path) -> None:
    model = local(tiny)
    model.check()
    answer = ask(model)
    assert answer.text.startswith("def add(a, b):")
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 20
    assert answer.completion_tokens is not None
    assert 1 <= answer.completion_tokens <= 24


def test_ctransformers_trial_alone_decides_the_answer(tiny: Path) -> None:
    """Order, company and what ran before change nothing; another trial or seed draws anew."""
    model = local(tiny)
    forward = [ask(model, trial=trial).text for trial in range(4)]
    assert len(set(forward)) == 4
    assert [ask(model, trial=trial).text for trial in (3, 2, 1, 0)] == forward[::-1]

    async def together() -> list[Completion]:
        return await asyncio.gather(*(model.complete("s", ADD, trial) for trial in range(4)))

    assert [answer.text for answer in asyncio.run(together())] == forward
    other = CTransformersModel("tiny", tiny, sampling=Sampling(max_tokens=24, top_k=10), context=512, threads=1, seed=1)
    assert ask(other).text != forward[0]


def test_ctransformers_each_token_has_its_own_luck(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine starts its generator anew at each token: one seed for a whole answer would repeat the same draw."""
    import ctransformers  # noqa: PLC0415 - may not be installed

    seeds: list[int] = []
    sample = ctransformers.LLM.sample

    def spy(llm: Any, *, seed: int, **options: Any) -> int:
        seeds.append(seed)
        return int(sample(llm, seed=seed, **options))

    monkeypatch.setattr(ctransformers.LLM, "sample", spy)
    answer = ask(local(tiny))
    assert answer.completion_tokens is not None
    assert len(set(seeds)) == len(seeds) >= answer.completion_tokens > 1


def test_ctransformers_greedy_ignores_the_trial(tiny: Path) -> None:
    model = local(tiny, temperature=0.0)
    assert len({ask(model, trial=trial).text for trial in range(3)}) == 1


def test_ctransformers_prompt_code_and_letters_outside_the_vocabulary(tiny: Path) -> None:
    code = 'def f():\n    """' + "漢字é" * 20 + '"""\n'
    answer = ask(local(tiny), Task("p", "p", ("assert f()",), prompt_code=code))
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > len(code)
    assert not answer.text.startswith("def f")


def test_ctransformers_prompt_beyond_the_context_is_unanswered(tiny: Path) -> None:
    with pytest.raises(Unanswered, match="context 512"):
        ask(local(tiny), Task("p", "p", ("assert f()",), prompt_code="x" * 600))


def test_ctransformers_cancelled_call_ends_soon(tiny: Path) -> None:
    model = local(tiny, max_tokens=400, temperature=50.0)
    ask(model)  # loads

    async def cancel() -> None:
        call = asyncio.create_task(model.complete("s", ADD, 0))
        await asyncio.sleep(0)  # the call has begun and cannot be over
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(cancel())
    assert ask(model, trial=1).text


def test_ctransformers_check_tells_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="PYTEST_COMPLEXITY_CODELLAMA"):
        local(None).check()
    with pytest.raises(ModelError, match=r"absent\.gguf"):
        local(tmp_path / "absent.gguf").check()
    text = tmp_path / "text.gguf"
    text.write_text("version https://git-lfs.github.com/spec/v1\n")
    monkeypatch.setenv("PYTEST_COMPLEXITY_CODELLAMA", str(text))
    with pytest.raises(ModelError, match="neither GGUF nor GGML"):
        build("codellama").check()
    with pytest.raises(Unanswered, match="neither"):
        ask(build("codellama"))
