"""What the numbers say, in a sentence or two: the first thing of every form of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]


def percent(value: float | None) -> str:
    """A share as a person reads it."""
    return "-" if value is None else f"{100 * value:.1f}%"


def interval(bounds: list[float] | None) -> str:
    """A 95% interval in percent."""
    return "-" if bounds is None else f"{100 * bounds[0]:.1f}..{100 * bounds[1]:.1f}"


def coverage(report: Report) -> str:
    """How much was measured."""
    run = report["run"]
    text = f"{run['tasks']} tasks, {len(run['ladder'])} models, {run['measured']} of {run['planned']} trials measured"
    return text + (f", {run['unmeasured']} unmeasured" if run["unmeasured"] else "")


def headline(report: Report) -> str:
    """What routing could be worth here, beside the simple policy that it must beat."""
    policies, ladder = report["policies"], report["run"]["ladder"]
    oracle, last = policies["oracle"], policies[f"always-{ladder[-1]}"]
    if oracle["accuracy"] is None:
        return "No task has a measured trial of every model: nothing can be said about routing."
    text = (
        f"The cheapest right model each time (oracle) would solve {percent(oracle['accuracy'])} and save "
        f"{percent(oracle['saving'])} against always {ladder[-1]}, which solves {percent(last['accuracy'])}."
    )
    if len(ladder) == 1:
        return text
    # On a tie the cheaper one: it stands first.
    simple = max(ladder[:-1], key=lambda name: (policies[f"always-{name}"]["accuracy"], -ladder.index(name)))
    best = policies[f"always-{simple}"]
    return text + (
        f" Always {simple} solves {percent(best['accuracy'])} and saves {percent(best['saving'])}: "
        "that is what a router must beat."
    )


def levels(report: Report) -> str:
    """The levels and what has none."""
    record = report["levels"]
    parts = [f"level {level}: {count}" for level, count in record["counts"].items()]
    parts += [
        f"{name}: {record[key]}"
        for key, name in (
            ("unsolved", "never solved"),
            ("undecided", "undecided"),
            ("below_threshold", "below the threshold"),
        )
        if record[key]
    ]
    stable = record["stable_share"]
    tail = "" if stable is None else f"; {percent(stable)} of the levels would come out the same if measured again"
    return f"levels by {record['rule']}: {', '.join(parts)}{tail}"
