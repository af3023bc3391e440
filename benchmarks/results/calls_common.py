"""What the sections of `calls.py` share: sets of counts, tables, intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pytest_complexity.calls.switching.belief import signals_of_counts, signals_of_outcomes
from pytest_complexity.core.counts import TaskCounts, read_counts
from pytest_complexity.run.inputs import read_inputs

PAPER = ("mistral-7b-v0.1", "dolphin-2.6-mistral-7b", "dolphin-2.9-llama3-8b")
BENCH = ("mistral-7b-chat", "gpt-3.5-turbo-1106", "gpt-4-1106-preview")


@dataclass(frozen=True)
class Set:
    """Counts on a ladder, cheapest first; `signals` T x K x 2 x 2 as `switching.belief` has them."""

    name: str
    ladder: tuple[str, ...]
    counts: list[TaskCounts]
    signals: np.ndarray

    @property
    def trials(self) -> int:
        return max(task.planned for task in self.counts)

    @property
    def costs(self) -> np.ndarray:
        """Of one call by model, the last one's being 1: recorded dollars, else 1, 10, 100 from the first up.

        On RouterDC's ladder of seven models of about one size the steps are 1, 2, 3, ...
        """
        known = [
            [task.cost_usd[model] for task in self.counts if task.cost_usd and model in task.cost_usd]
            for model in self.ladder
        ]
        if all(known):
            costs = np.array([np.mean(each) for each in known])
        elif len(self.ladder) > 3:
            costs = np.arange(1.0, len(self.ladder) + 1)
        else:
            costs = 10.0 ** np.arange(len(self.ladder))
        return costs / costs[-1]


def sets(data: Path, run: Path) -> list[Set]:
    outcomes = data / "outcomes"
    measured = read_inputs([run])
    tasks = [(task.suite or "", task.task_id) for task in measured.counts]
    signals = signals_of_outcomes(measured.outcomes, tasks, measured.ladder)
    return [
        of("RouterDC's MBPP, 7 models", outcomes / "mbpp-routerdc-10trials.jsonl"),
        of("RouterDC's MBPP, 3 models", outcomes / "mbpp-routerdc-10trials.jsonl", PAPER),
        of("The paper's authors' MBPP, 2 models", outcomes / "mbpp-complexitynet-5trials.jsonl"),
        Set("Our recording of HumanEval, 3 models", measured.ladder, list(measured.counts), signals),
        of("RouterBench's MBPP, 3 models", outcomes / "mbpp-routerbench.jsonl", BENCH),
        of("RouterBench's MBPP, 11 models", by_cost(outcomes / "mbpp-routerbench.jsonl")),
        recorded(
            "The paper's authors' completions of MBPP, 3 models", data / "recordings" / "mbpp-complexitynet.jsonl"
        ),
    ]


def newer(data: Path) -> list[Set]:
    """DiffTrust's current models: all eight by price, and the first, the lower median and the last of them."""
    three = ("ministral_8b", "deepseek_r1", "claude_opus_4")
    found = []
    for suite, title in (("mbpp", "MBPP"), ("humaneval", "HumanEval")):
        path = data / "difftrust" / f"{suite}-counts.jsonl"
        lines = map(json.loads, path.read_text().splitlines())
        costs = {line["task_id"]: line["cost_usd_estimated"] for line in lines}
        for ladder in (None, three):
            counts = [replace(task, cost_usd=costs[task.task_id]) for task in read_counts(path, ladder)]
            names = tuple(counts[0].trials)
            found.append(
                Set(f"DiffTrust's {title}, {len(names)} models", names, counts, signals_of_counts(counts, names))
            )
    return found


def of(name: str, source: Path | tuple[Path, tuple[str, ...]], ladder: tuple[str, ...] | None = None) -> Set:
    path, ladder = source if isinstance(source, tuple) else (source, ladder)
    counts = read_counts(path, ladder)
    names = tuple(counts[0].trials)
    return Set(name, names, counts, signals_of_counts(counts, names))


def by_cost(path: Path) -> tuple[Path, tuple[str, ...]]:
    counts = read_counts(path)
    mean = {model: np.mean([task.cost_usd[model] for task in counts if task.cost_usd]) for model in counts[0].trials}
    return path, tuple(sorted(mean, key=lambda model: mean[model]))


def recorded(name: str, path: Path) -> Set:
    """One trial of each model, judged by the harness of those who recorded it."""
    ladder = ("codellama", "gpt35", "gpt4")
    passed: dict[str, dict[str, bool]] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        passed.setdefault(row["task_id"], {})[row["model"]] = bool(row["recorded_pass"])
    counts = [
        TaskCounts("mbpp", task, "", dict.fromkeys(ladder, 1), {model: int(found[model]) for model in ladder}, 1)
        for task, found in passed.items()
        if len(found) == 3
    ]
    return Set(name, ladder, counts, signals_of_counts(counts, ladder))


def five_of_ten(of_ten: Set, seed: int = 0) -> Set:
    """The same set as if five of its ten trials had been made."""
    random = np.random.default_rng(seed)
    counts = []
    for task in of_ten.counts:
        drawn = {
            model: int(random.hypergeometric(solved, task.trials[model] - solved, 5))
            for model, solved in task.successes.items()
        }
        counts.append(replace(task, trials=dict.fromkeys(drawn, 5), successes=drawn, planned=5))
    return Set(of_ten.name + ", 5 of 10 trials", of_ten.ladder, counts, signals_of_counts(counts, of_ten.ladder))


def plus_minus(values: Sequence[float] | np.ndarray, scale: float = 1.0, digits: int = 3) -> str:
    """Mean and half of the 95% interval over tasks."""
    values = np.asarray(values, float)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{scale * values.mean():.{digits}f} ± {scale * half:.{digits}f}"
