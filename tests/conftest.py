"""What the tests share: where the real data lies, and the strategies that several files draw from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

# A property must hold; how long its examples take says something of the machine only.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """The development data beside the project: real tasks, recordings and counts that the project does not ship."""
    if not SHARED.exists():
        pytest.skip("needs the development data, which lies beside the project and is not shipped")
    return SHARED
