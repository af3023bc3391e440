"""The policies of a report, in the order of its table.

To add one: write a function `make(setting) -> policies` and name it in `POLICIES`, or in another package under the
entry point group `pytest_complexity.policies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_complexity.core.registry import Registry
from pytest_complexity.errors import PolicyError
from pytest_complexity.policies import Policy, RouterPolicy, Setting
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle

Make = Callable[[Setting], Iterable[Policy]]

POLICIES = Registry(
    kind="policy",
    group="pytest_complexity.policies",
    built_in={
        "routers": f"{__name__}:make_routers",
        "assignment": "pytest_complexity.policies.assignment:known_levels",
        "always": f"{__name__}:make_always",
        "oracle": f"{__name__}:make_oracle",
        "random": f"{__name__}:make_random",
    },
    error=PolicyError,
)


def make_routers(setting: Setting) -> Iterable[Policy]:
    """The routers that were trained or named."""
    return map(RouterPolicy, setting.routers)


def make_always(setting: Setting) -> Iterable[Policy]:
    """Each model alone."""
    return [Always(name, index) for index, name in enumerate(setting.ladder)]


def make_oracle(_: Setting) -> Iterable[Policy]:
    """The cheapest model that solves each task."""
    return [Oracle()]


def make_random(setting: Setting) -> Iterable[Policy]:
    """All models equally often."""
    return [Mix("random", [1 / len(setting.ladder)] * len(setting.ladder))]


def roster(setting: Setting) -> list[Policy]:
    """Every policy that can be made from the setting. Raises `PolicyError` where another package's cannot be made."""
    policies: list[Policy] = []
    for name in POLICIES.names():
        make: Make = POLICIES.load(name)
        with POLICIES.blaming(name):
            policies += make(setting)
    names = [policy.name for policy in policies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PolicyError(f"two policies are named {twice!r}; rename one")
    return policies
