"""The adapter that runs current GGUF files here, on a tiny random Llama."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, Sampling, Unanswered
from pytest_complexity.models.llamacpp import Engine, LlamaCppModel

ADD = Task("t/1", "Add.", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b")
ENGINE = Engine(context=512, parallel=2, threads=1, gpu_layers=0)


def test_several_answers_at_once_and_again_after_closing(tiny: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    model = LlamaCppModel("tiny", tiny, ENGINE, endpoint="completions", sampling=Sampling(max_tokens=16))
    model.check()

    async def ask() -> list[Completion]:
        answers = await asyncio.gather(*(model.complete("s", ADD, trial) for trial in range(3)))
        await model.aclose()
        return answers

    for _ in range(2):
        answers = asyncio.run(ask())
        assert all(answer.text.startswith("def add(a, b):") for answer in answers)
        assert all(0 < (answer.completion_tokens or 0) <= 16 for answer in answers)


def test_a_file_that_the_engine_cannot_read_is_unanswered(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    model = LlamaCppModel("broken", tmp_path / "broken.gguf", ENGINE)
    model.check()
    with pytest.raises(Unanswered, match=r"broken\.gguf"):
        asyncio.run(model.complete("s", ADD, 0))


def test_the_check_tells_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'pytest-complexity\[llamacpp\]'"):
        LlamaCppModel("m", tmp_path / "no.gguf").check()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with pytest.raises(ModelError, match=r"no\.gguf: No such file or directory: set path"):
        LlamaCppModel("m", tmp_path / "no.gguf").check()
    (tmp_path / "text.gguf").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match=r"text\.gguf: no GGUF file"):
        LlamaCppModel("m", tmp_path / "text.gguf").check()
