"""One sandbox for all tests of this directory: starting one costs more than a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_complexity.sandbox import Check, Limits, Program, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, limits=Limits(seconds=3.0, memory_mb=256)) as sandbox:
        yield sandbox


@pytest.fixture
def check(sandbox: Sandbox) -> Callable[..., Check]:
    """Check a code by some tests."""

    def check(code: str, *tests: str, **fields: object) -> Check:
        return sandbox.check(Program(code=code, tests=tests or ("assert f(3) == 4",), **fields))  # type: ignore[arg-type]

    return check
