"""How a rule is registered, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace

import pytest

from pytest_complexity.core import registry as core_registry
from pytest_complexity.errors import LabelError
from pytest_complexity.labels import rules
from pytest_complexity.labels.rules import Rule, Shares, checked


def made(name: str, function: Callable[[Shares], int | None], assignment: tuple[int, ...] = (0, 1, 1)) -> Rule:
    return Rule(name, function, assignment)


def counting(shares: Shares) -> int:
    """3 less one for each model that solves everything."""
    return 3 - sum(share == 1 for share in shares)


def installed(monkeypatch: pytest.MonkeyPatch, make: rules.Make) -> None:
    found = EntryPoints([EntryPoint("mine", "package:make", "pytest_complexity.rules")])
    monkeypatch.setattr(core_registry, "entry_points", found.select)
    monkeypatch.setitem(sys.modules, "package", SimpleNamespace(make=make))


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    rules._named.cache_clear()


def test_a_rule_of_another_package_is_named_like_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, lambda argument, models: made(f"mine@{argument}", counting))
    rule = Rule.named("mine@7", 2)
    assert (rule.name, rule.levels, rule.assignment) == ("mine@7", 3, (0, 1, 1))
    with pytest.raises(LabelError, match=r"there are: complexitynet, tier, mine; tier takes a share"):
        Rule.named("other", 2)


def test_what_another_packages_rule_raises_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(argument: str | None, models: int) -> Rule:
        raise ZeroDivisionError("oh")

    installed(monkeypatch, broken)
    with pytest.raises(LabelError, match="label rule 'mine' of package:make: ZeroDivisionError: oh"):
        Rule.named("mine", 2)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (made("up", lambda shares: 1 + sum(share == 1 for share in shares)), "the level rises from"),
        (made("high", lambda _: 4), "level 4 of 3"),
        (made("far", counting, (0, 1, 2)), "of 2 models"),
        (made("none", counting, ()), "of 2 models"),
        (made("gone", lambda shares: None if all(shares) else 1), "the level rises from 1 to None"),
    ],
)
def test_a_rule_that_undecided_levels_could_not_rest_on_is_refused(rule: Rule, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        checked(rule, 2)


@pytest.mark.parametrize(("name", "models"), [("complexitynet", 3), ("tier", 1), ("tier@2/5", 3), ("tier", 8)])
def test_the_rules_of_this_package_pass_the_same_check(name: str, models: int) -> None:
    rule = Rule.named(name, models)
    assert checked(rule, models) is rule


def test_complexitynet_takes_no_argument() -> None:
    with pytest.raises(LabelError, match="takes no argument, got @3/5"):
        Rule.named("complexitynet@3/5", 3)
