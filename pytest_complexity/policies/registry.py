"""The policies of a report, in the order of its table.

To add one: write a function `make(setting) -> policies` and name it in `BUILT_IN`, or in another package under the
entry point group `pytest_complexity.policies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points

from pytest_complexity.errors import PolicyError
from pytest_complexity.policies import Policy, RouterPolicy, Setting
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.assignment import known_levels
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.oracle import Oracle

ENTRY_POINTS = "pytest_complexity.policies"
Make = Callable[[Setting], Iterable[Policy]]

BUILT_IN: tuple[Make, ...] = (
    lambda setting: map(RouterPolicy, setting.routers),
    known_levels,
    lambda setting: [Always(name, index) for index, name in enumerate(setting.ladder)],
    lambda _: [Oracle()],
    lambda setting: [Mix("random", [1 / len(setting.ladder)] * len(setting.ladder))],
)


def roster(setting: Setting) -> list[Policy]:
    """Every policy that can be made from the setting. Raises `PolicyError` where another package's cannot be made."""
    policies = [policy for make in BUILT_IN for policy in make(setting)]
    for found in entry_points(group=ENTRY_POINTS):
        try:
            policies += found.load()(setting)
        except Exception as why:  # whatever another package's module does
            raise PolicyError(f"policy {found.name!r} of {found.value}: {type(why).__name__}: {why}") from None
    names = [policy.name for policy in policies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PolicyError(f"two policies are named {twice!r}; rename one")
    return policies
