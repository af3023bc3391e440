"""The Performance Law: its golden rows, counting parameters, and that it refuses what it cannot know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.cli import main
from pytest_complexity.errors import PriorError
from pytest_complexity.models.performance_law import Shape, performance_law, predict, shape_of

QWEN: dict[str, Any] = {
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
SMOLLM: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
LLAMA2: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}
GEMMA: dict[str, Any] = {
    "model_type": "gemma",
    "num_hidden_layers": 18,
    "hidden_size": 2048,
    "intermediate_size": 16384,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "vocab_size": 256000,
}
GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_layer": 12,
    "n_embd": 768,
    "n_head": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
}
PYTHIA: dict[str, Any] = {
    "model_type": "gpt_neox",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "intermediate_size": 16384,
    "num_attention_heads": 32,
    "vocab_size": 50432,
}


def config(folder: Path, content: dict[str, Any], name: str = "config.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return folder / name


@pytest.mark.parametrize(
    ("layers", "hidden", "ffn", "billions", "trillions", "mmlu"),
    [
        (62, 4096, 8192, 10.07, 6.5, 71.69),
        (63, 4096, 8192, 10.21, 6.5, 71.82),
        (46, 4096, 12288, 10.10, 6.5, 68.75),
        (38, 6144, 8192, 10.93, 6.0, 66.70),
        (55, 4096, 12288, 11.84, 5.5, 69.78),
        (63, 4096, 8192, 10.21, 5.5, 70.92),
    ],
)
def test_the_law_gives_its_authors_figures(
    layers: int, hidden: int, ffn: int, billions: float, trillions: float, mmlu: float
) -> None:
    score = performance_law(Shape(layers, hidden, ffn, billions * 1e9), trillions * 1e12)
    assert round(score.mmlu, 2) == mmlu
    assert score.clipped is None


@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        (QWEN, 7_615_616_512),
        (SMOLLM, 134_515_008),
        (LLAMA2, 6_738_415_616),
        (GEMMA, 2_506_172_416),
        (GPT2, 124_439_808),
        (PYTHIA, 6_857_302_016),
    ],
)
def test_parameters_are_counted_to_the_last_weight(content: dict[str, Any], parameters: int) -> None:
    assert shape_of(content, "here").parameters == parameters


@given(st.integers(1, 200), st.integers(64, 20000), st.integers(64, 80000), st.floats(1e6, 1e13), st.floats(1e6, 1e15))
def test_a_score_is_one_whatever_the_shape(
    layers: int, hidden: int, ffn: int, parameters: float, tokens: float
) -> None:
    score = performance_law(Shape(layers, hidden, ffn, parameters), tokens)
    assert 25 <= score.mmlu <= 100
    assert 0 <= score.u <= 1
    more = performance_law(Shape(layers, hidden, ffn, parameters), 2 * tokens)
    assert more.mmlu >= score.mmlu


def test_the_bounds_are_flagged() -> None:
    assert performance_law(Shape(2, 64, 128, 1e6), 1e9).clipped == 25
    high = performance_law(Shape(110, 20000, 80000, 2e12), 3e14)
    assert high.clipped == 90
    assert 90 < high.mmlu < 100


def test_doubts_are_told(tmp_path: Path) -> None:
    path = config(tmp_path / "Qwen2.5-Coder-7B-Instruct-AWQ", {**QWEN, "quantization_config": {}})
    (prior,) = predict([path], "18T")
    said = " ".join(prior.warnings)
    for word in ("instruction-tuned", "code", "quantised", "does not see the rest"):
        assert word in said
    (plain,) = predict([config(tmp_path / "Qwen2.5-7B", QWEN)], "5T", "7.6B")
    assert plain.warnings == ()


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ({**LLAMA2, "num_local_experts": 8}, ["--tokens=2T"], "mixture of experts"),
        ({**LLAMA2, "model_type": "mamba"}, ["--tokens=2T"], "no dense decoder"),
        ({**LLAMA2, "model_type": "opt"}, ["--tokens=2T"], "--params"),
        ({**LLAMA2, "hidden_size": None}, ["--tokens=2T"], "'hidden_size': is missing"),
        ({**LLAMA2, "hidden_size": "4096"}, ["--tokens=2T"], "expected an integer above 0"),
        ({**LLAMA2, "num_key_value_heads": "8"}, ["--tokens=2T"], "expected an integer above 0"),
        (LLAMA2, ["--tokens=2"], "its unit"),
        (LLAMA2, ["--tokens=0T"], "above 0"),
        (LLAMA2, ["--tokens=2T,3T"], "one for each"),
        (LLAMA2, ["--tokens=2T", "--params=large"], "its unit"),
        (LLAMA2, ["--tokens="], "none is given"),
    ],
)
def test_what_it_cannot_know_is_refused_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: dict[str, Any],
    arguments: list[str],
    said: str,
) -> None:
    assert main(["prior", str(config(tmp_path, content)), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_closed_model_has_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(PriorError, match="closed models"):
        predict([tmp_path / "gpt-4"], "13T")


def test_several_models_give_a_ladder_with_the_weakest_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large, small = str(config(tmp_path / "large", QWEN)), str(config(tmp_path / "small", SMOLLM))
    assert main(["prior", large, small, "--tokens", "18T,2T", "--params", "7.6B,", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ladder"] == [small, large]
    assert [each["config"] for each in said["models"]] == [large, small]
    assert set(said["models"][0]) == {"config", "mmlu", "u", "warnings"}
    assert said["models"][0]["mmlu"] == round(said["models"][0]["mmlu"], 2)
    assert main(["prior", large, small, "--tokens=18T,2T", "--params=7.6B,"]) == 0
    out = capsys.readouterr().out
    assert f"suggested ladder: {small} < {large}" in out
    assert f"MMLU {said['models'][0]['mmlu']:.2f}" in out
