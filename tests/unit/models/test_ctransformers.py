"""The adapter that runs a model file here, on a tiny random Llama."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, LiveModel, Sampling, Unanswered
from pytest_complexity.models.ctransformers import CTransformersModel
from pytest_complexity.models.registry import build

ADD = Task(
    "t/1", "Write a function to add two numbers.", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b"
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_COMPLEXITY_CODELLAMA", raising=False)


def ask(model: LiveModel, task: Task = ADD, trial: int = 0) -> Completion:
    return asyncio.run(model.complete("s", task, trial))


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
    assert 20 < answer.prompt_tokens <= model.most_tokens(ADD)[0]
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
