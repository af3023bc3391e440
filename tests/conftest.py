"""What the tests share: where the real data lies, and the strategies that several files draw from."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """The development data beside the project: real tasks, recordings and counts that the project does not ship."""
    if not SHARED.exists():
        pytest.skip("needs the development data, which lies beside the project and is not shipped")
    return SHARED
