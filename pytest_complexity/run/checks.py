"""A test of the user's own, run against a program in the sandbox: its verdict, or its own mistake."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.sandbox import ProgramError, ProgramStopped


def run(test: Callable[[], object]) -> tuple[Verdict, str]:
    """The verdict of a test and its detail. Raises whatever is neither an assertion of it nor the program's doing."""
    examples: list[tuple[Verdict, str]] = []
    prepared = _derandomized(test, examples) if getattr(test, "is_hypothesis_test", False) else test
    try:
        prepared()
    except BaseException as error:
        if examples and (isinstance(error, ProgramStopped) or verdict_of(error) or _flaky(error)):
            return examples[-1]  # the smallest, also where the search for a smaller one has come to no end
        judged = verdict_of(error)
        if judged is None:
            raise
        return judged
    return Verdict.PASS, ""


def verdict_of(error: BaseException) -> tuple[Verdict, str] | None:
    """What an exception out of a test says of the program; None: it is the test's own."""
    if isinstance(error, ProgramStopped):
        return error.verdict, error.detail
    if isinstance(error, ProgramError):
        name = type(error).type
        return Verdict.ERROR, f"{name}: {error}" if name else str(error)
    missed = isinstance(error, pytest.fail.Exception) and str(error).startswith("DID NOT RAISE")  # `pytest.raises`
    if isinstance(error, AssertionError) or missed:
        return Verdict.WRONG, str(error) or "assertion failed"
    return None


def _flaky(error: BaseException) -> bool:
    """Whether hypothesis found that what had failed did not fail again."""
    from hypothesis.errors import Flaky  # noqa: PLC0415  (who has a test of its has it)

    return isinstance(error, Flaky)


def _derandomized(test: Any, examples: list[tuple[Verdict, str]]) -> Callable[[], object]:
    """The hypothesis test with the same examples each time, and no limit but the program's own.

    `examples` takes each that fails; hypothesis runs the smallest last.
    """
    from hypothesis import HealthCheck, seed, settings  # noqa: PLC0415  (as above)

    inner = test.hypothesis.inner_test

    @functools.wraps(inner)
    def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            return inner(*args, **kwargs)
        except BaseException as error:
            judged = None if isinstance(error, ProgramStopped) and examples else verdict_of(error)
            if judged is not None:
                shown = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
                examples.append((judged[0], f"Falsifying example: {inner.__name__}({shown}); {judged[1]}".rstrip("; ")))
            raise

    given = getattr(test, "_hypothesis_internal_use_settings", None) or settings.default
    test._hypothesis_internal_use_settings = settings(  # `settings` itself refuses a second application
        given,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    test.hypothesis.inner_test = watched
    return seed(0)(test)  # type: ignore[no-any-return]
