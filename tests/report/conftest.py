"""The marker of the tests of the page that take long."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: a report of 15,000 trials; set CX_SOAK to run it")
