"""Does the artefact's own report show that routing by it pays? Asked before the first request is taken."""

from __future__ import annotations

from pathlib import Path

from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.router import Router
from pytest_complexity.report.assembly import results_of, route_on
from pytest_complexity.run.inputs import read_inputs

HELD_OUT = "test.jsonl"  #: what `train` keeps from the classifier, beside it


def check_pays(directory: Path, router: Router) -> str:
    """The figures, in one line. Raises `TrainedError` with them where they do not show that the router pays."""
    held_out = directory / HELD_OUT
    if not held_out.is_file() or not held_out.stat().st_size:
        raise TrainedError(
            f"{directory}: no held-out tasks ({HELD_OUT}) show that this router pays. "
            "Train with --test above 0, or serve it with --anyway"
        )
    measured = read_inputs([held_out], router.ladder)
    report = results_of(measured, routed=route_on(measured, directory)).report
    routing, name = report["routing"], router.policies[0].name
    if routing is None:
        raise TrainedError(f"{held_out}: no task was measured in full. Train on more tasks, or serve with --anyway")
    score = report["policies"][name]
    figures = (
        f"on {report['run']['scored']} held-out tasks {name} solves {score['accuracy']:.1%} and saves "
        f"{score['saving']:.1%}, {_points(score['over_zero'])} points against mixing single models blindly"
        f"{_interval(score['over_zero_ci'])}"
    )
    pays = routing["worth_it"] if routing["policy"] == name else _above(score["over_zero_ci"])
    leaked = report["router"]["leaked"] if report["router"] else 0
    if leaked:
        figures += f"; {leaked} of these tasks stand in its training set as well"
    if not pays:
        raise TrainedError(
            f"{directory}: its own report does not show that it pays: {figures}. Train on more tasks or other models, "
            "or serve it with --anyway"
        )
    return figures


def _above(interval: list[float] | None) -> bool:
    return interval is not None and interval[0] > 0


def _points(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:+.1f}"


def _interval(interval: list[float] | None) -> str:
    return "" if interval is None else f" (95% {_points(interval[0])} to {_points(interval[1])})"
