"""Policies of other packages."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_complexity.core import registry as core_registry
from pytest_complexity.errors import PolicyError
from pytest_complexity.labels.rules import Rule
from pytest_complexity.policies import Setting, registry
from pytest_complexity.policies.mix import Mix

SETTING = Setting(("a", "b"), Rule.named("tier", 2), (), ())


def installed(monkeypatch: pytest.MonkeyPatch, make: Any) -> list[str]:
    found = EntryPoints([EntryPoint("mine", "package:make", "pytest_complexity.policies")])
    monkeypatch.setattr(core_registry, "entry_points", found.select)
    monkeypatch.setitem(sys.modules, "package", SimpleNamespace(make=make))
    return [policy.name for policy in registry.roster(SETTING)]


def test_a_policy_of_another_package_stands_after_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    names = installed(monkeypatch, lambda setting: [Mix("mine", [0.5] * len(setting.ladder))])
    assert names == ["assignment", "always-a", "always-b", "oracle", "random", "mine"]


def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PolicyError, match="two policies are named 'random'"):
        installed(monkeypatch, lambda _: [Mix("random", [1, 0])])


def test_what_another_packages_policy_raises_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PolicyError, match="policy 'mine' of package:make: TypeError: "):
        installed(monkeypatch, lambda: [])
