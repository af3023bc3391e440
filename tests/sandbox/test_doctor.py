"""The doctor proves what the level of this machine promises."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import levels
from pytest_complexity.sandbox.child import filters
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


def test_a_user_namespace_of_one_user_has_a_level_that_works() -> None:
    """As in a rootless container: there is no other user to become."""
    unshare = shutil.which("unshare")
    probe = subprocess.run([unshare or "false", "-rn", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("needs `unshare -rn`")
    script = (
        "from pytest_complexity.sandbox import *\n"
        "with Sandbox() as s: print(s.level, s.check(Program('def f(x): return x', ('assert f(1) == 1',))).verdict.value)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [str(unshare), "-rn", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
    level, verdict = done.stdout.split()
    assert (level in levels.LEVELS, verdict) == (True, "pass")


def test_a_level_that_gives_no_right_verdict_falls_back_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "refusal", lambda level: "" if level == "process" else "no kernel for it")
    levels.best_level.cache_clear()
    try:
        assert levels.choose(None) == ("process", "namespaces: no kernel for it; limits: no kernel for it")
    finally:
        levels.best_level.cache_clear()


def test_where_no_level_works_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "refusal", lambda level: "no fork")
    levels.best_level.cache_clear()
    try:
        with pytest.raises(SandboxError, match="no program can be run here: namespaces: no fork"):
            levels.choose(None)
    finally:
        levels.best_level.cache_clear()


def test_without_a_seccomp_filter_a_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that the kernel does not take must not pass for one that it took."""
    monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", "x", "x", "x", "riscv64")))
    assert filters.install(apart=False) is False
