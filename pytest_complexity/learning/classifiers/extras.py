"""Libraries of the extras, imported where a classifier needs them, without looking anything up on the network."""

from __future__ import annotations

import os
from importlib import import_module

from pytest_complexity.errors import TrainingError


def need(classifier: str, *libraries: str) -> None:
    """Imports them all. Raises `TrainingError` with the extra to install, which has the classifier's name."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read by huggingface_hub when it is first imported
    for library in libraries:
        try:
            import_module(library)
        except ImportError as why:
            raise TrainingError(
                f"the classifier {classifier!r} lacks a library ({why}): pip install 'pytest-complexity[{classifier}]'"
            ) from None
