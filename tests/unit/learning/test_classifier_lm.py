"""The language model classifier on a model of a few thousand weights, made here; needs the extra `lm`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from worlds import LADDER, labelled

from pytest_complexity.errors import TrainedError, TrainingError
from pytest_complexity.learning.classifiers import lm, make
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import fit

ROWS = labelled(40).rows
TEXTS = [row.task.text for row in ROWS[:6]]


def write_tiny(path: Path, seed: int = 0) -> None:
    """A llama of one block, 32 wide, with random weights; its tokens are the single bytes."""
    gguf = pytest.importorskip("gguf")
    random = np.random.default_rng(seed)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    tokens = [*map(chr, printable), *(chr(256 + place) for place in range(len(others))), "<end>", "\u0120t"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3, 1])
    writer.add_token_merges(["\u0120 t"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.normal(0, 0.3, shape).astype(np.float32))

    add("token_embd.weight", len(tokens), 32)
    add("output.weight", len(tokens), 32)
    writer.add_tensor("output_norm.weight", np.ones(32, dtype=np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", 32, 32)
    add("blk.0.ffn_gate.weight", 64, 32)
    add("blk.0.ffn_up.weight", 64, 32)
    add("blk.0.ffn_down.weight", 32, 64)
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(32, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for library in ("torch", "transformers", "peft", "accelerate"):
        pytest.importorskip(library, reason="needs the extra `lm`")
    write_tiny(tmp_path / "tiny.gguf")
    monkeypatch.setenv("PYTEST_COMPLEXITY_LM", str(tmp_path / "tiny.gguf"))
    return tmp_path / "tiny.gguf"


def test_it_trains_answers_samples_and_comes_back_the_same(tiny: Path, tmp_path: Path) -> None:
    trained = fit(ROWS, LADDER, "tier", "lm")
    classifier = trained.classifier
    assert isinstance(classifier, lm.LmClassifier)
    levels, chances = classifier.predict_both(TEXTS)
    assert levels.shape == chances.shape == (6, 2)
    assert np.allclose(levels.sum(axis=1), 1)
    answers = classifier.sample(TEXTS, 5)
    assert answers.shape == (6, 5)
    assert set(answers.ravel().tolist()) <= {1, 2}
    base = classifier.untrained(TEXTS, 5)
    assert base.shape == (6, 5)
    assert set(base.ravel().tolist()) <= {0, 1, 2}
    trained.save(tmp_path / "router")
    again = Trained.load(tmp_path / "router")
    assert np.allclose(again.classifier.predict_proba(TEXTS), levels, atol=1e-5)
    assert (tmp_path / "router" / "router.npz").stat().st_size < 200_000  # the adapters, not the model


def test_training_lowers_the_loss(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lm, "RATE", 1e-2)
    with caplog.at_level("INFO", logger="pytest_complexity"):
        make("lm").fit([row.task.text for row in ROWS], [row.level or 0 for row in ROWS])
    losses = [float(record.getMessage().split("loss ")[1].split(",")[0]) for record in caplog.records]
    assert len(losses) == lm.EPOCHS
    assert losses[-1] < losses[0]


def test_padding_changes_nothing(tiny: Path) -> None:
    classifier = make("lm").fit([row.task.text for row in ROWS], [row.level or 0 for row in ROWS])
    texts = ["short", "a prompt that is a good deal longer than the other one is"]
    together = classifier.predict_proba(texts)
    assert np.allclose(np.concatenate([classifier.predict_proba([text]) for text in texts]), together, atol=1e-5)


def test_adapters_of_another_base_model_are_refused(tiny: Path, tmp_path: Path) -> None:
    fit(ROWS, LADDER, "tier", "lm").save(tmp_path / "router")
    write_tiny(tiny, seed=1)
    with pytest.raises(TrainedError, match="upon another base model"):
        Trained.load(tmp_path / "router")


def test_a_missing_base_model_is_one_line(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_COMPLEXITY_LM", str(tmp_path / "nothing"))
    with pytest.raises(TrainingError, match="name a GGUF file in PYTEST_COMPLEXITY_LM"):
        make("lm").fit(["a", "b"], [1, 2])


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(TrainingError, match=r"pip install 'pytest-complexity\[lm\]'"):
        make("lm").fit(["a", "b"], [1, 2])
