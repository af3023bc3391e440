"""The doctor proves what the level of this machine promises."""

from __future__ import annotations

import pytest

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import levels
from pytest_complexity.sandbox.doctor import doctor


def test_every_promised_limit_holds() -> None:
    rows = doctor()
    assert [row for row in rows if row.promised and not row.holds] == []
    assert rows[0].seen.startswith(levels.best_level()[0])


def test_a_level_that_is_not_to_be_had_is_refused_with_the_way_to_mend_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(levels, "best_level", lambda: ("process", ""))
    with pytest.raises(SandboxError, match=r"bwrap|bubblewrap"):
        doctor("namespaces")
    with pytest.raises(SandboxError, match="choose one of process, limits, namespaces"):
        doctor("castle")
