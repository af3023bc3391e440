"""What a session is to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.suites.dataset import Dataset


@dataclass(frozen=True)
class TrialPlan:
    """The trials of a session, in the order in which items will ask for them.

    `datasets` are those of the trials, by suite; `collected` names every suite that was collected, selected or not,
    with the SHA-256 of its tasks.
    """

    ladder: tuple[str, ...]
    trials: int
    datasets: Mapping[str, Dataset]
    keys: tuple[Key, ...]
    collected: Mapping[str, str] = field(default_factory=dict)

    def tasks(self) -> dict[tuple[str, str], Task]:
        """Its tasks by (suite, task id)."""
        return {(suite, task.task_id): task for suite, data in self.datasets.items() for task in data.tasks}

    def to_json(self) -> dict[str, Any]:
        """As plain builtins: a worker sends its plan to the controller."""
        return {
            "ladder": self.ladder,
            "trials": self.trials,
            "keys": self.keys,
            "collected": self.collected,
            "datasets": [
                {
                    "suite": each.suite,
                    "name": each.name,
                    "sha256": each.sha256,
                    "tasks": [task.to_json() for task in each.tasks],
                }
                for each in self.datasets.values()
            ],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TrialPlan:
        """The plan that `to_json` made."""
        datasets = [
            Dataset(**{**each, "tasks": tuple(Task.from_json(task) for task in each["tasks"])})
            for each in record["datasets"]
        ]
        return cls(
            ladder=tuple(record["ladder"]),
            trials=record["trials"],
            datasets={dataset.suite: dataset for dataset in datasets},
            keys=tuple(Key(*key) for key in record["keys"]),
            collected=record["collected"],
        )
