"""Find the cheapest model that gets each task right. Users import `Task`, `Trial`, `Outcome`, `Verdict`, `Cascade`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_complexity.core.outcomes import Outcome, Verdict
    from pytest_complexity.core.tasks import Task
    from pytest_complexity.learning.cascade import Cascade
    from pytest_complexity.run.trial import Trial

__all__ = ["Cascade", "Outcome", "Task", "Trial", "Verdict"]

_HOME = {
    "Cascade": "learning.cascade",
    "Outcome": "core.outcomes",
    "Task": "core.tasks",
    "Trial": "run.trial",
    "Verdict": "core.outcomes",
}


def __getattr__(name: str) -> Any:
    """Loads an exported name on its first use: a project that only has the plugin installed pays for none of them."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
