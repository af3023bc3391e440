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
    text += f", {run['unmeasured']} unmeasured" if run["unmeasured"] else ""
    if not _chosen(report):
        return text
    return f"{text}, chosen by --cx-calls={run['calls']}: shares of models and policies are not those of a full run"


def _chosen(report: Report) -> bool:
    """Whether a policy left calls out, so that shares are of what it chose."""
    run = report["run"]
    return bool(run["calls"] != "all" and run["measured"] + run["unmeasured"] < run["planned"])


def _called(report: Report) -> str:
    """What a call policy came to."""
    calls = report.get("calls")
    if calls is None:
        known = "Levels are those of a full run" if report["run"]["calls"] == "lazy" else "Calls were chosen"
        return f"{known}; about routing only a full run can say something."
    if calls["policy"] in ("switching", "cascade"):
        return (
            f"{calls['policy'].capitalize()} handed in a right answer for {percent(calls['accuracy'])} of "
            f"{calls['tasks']} tasks (95% {interval(calls['accuracy_ci'])}) at a mean of "
            f"{calls['cost']:.2f} calls of the last model."
        )
    filled = ", ".join(
        f"{name} {percent(each['accuracy'])} ({interval(each['accuracy_ci'])})"
        for name, each in calls["models"].items()
    )
    return f"With the calls that were not made filled in, right are: {filled}."


def headline(report: Report) -> str:
    """Whether routing is worth it here, beside the simple policy that does as well."""
    if _chosen(report):
        return _called(report)
    routing = report["routing"]
    if routing is None:
        return "No task has a measured trial of every model: nothing can be said about routing."
    if len(report["run"]["ladder"]) == 1:
        return (
            f"{_does(report, _always(report, 0), 'Always ' + report['run']['ladder'][0])}: there is nothing to route."
        )
    name = routing["policy"]
    judged = report["policies"][name]
    over = (
        f"{points(judged['over_zero'])} points (95% {points(judged['over_zero_ci'][0])} to "
        f"{points(judged['over_zero_ci'][1])}) against mixing single models blindly at that cost"
    )
    known = "with the levels known in advance, " if routing["informed"] else ""
    if routing["worth_it"] is None:
        leaked = f"the router was trained on {report['router']['leaked']} of these tasks"
        does = _does(report, judged, name)
        return f"Whether routing pays cannot be told here: {leaked}. With them {does}, {over}."
    if routing["worth_it"]:
        verdict = "Routing could pay here" if routing["informed"] else "Routing pays here"
        best = report["run"]["ladder"].index(routing["best_single"])
        beside = _does(report, _always(report, best), f"Always {routing['best_single']}")
        return f"{verdict}: {known}{_does(report, judged, name)}, {over}. {beside}."
    does = known + _does(report, judged, name)
    routed = "Routing by these levels" if routing["informed"] else "Routing"
    return f"{routed} is not worth it here: {_simple(report)}. {does[0].upper()}{does[1:]}, {over}."


def _simple(report: Report) -> str:
    names = report["routing"]["simple"]
    if len(names) == 1:
        return _does(report, _always(report, report["run"]["ladder"].index(names[0])), f"always {names[0]}")
    return _does(report, report["policies"]["zero-router"], f"mixing {' and '.join(names)} blindly")


def _always(report: Report, index: int) -> Report:
    score: Report = report["policies"][f"always-{report['run']['ladder'][index]}"]
    return score


def _does(report: Report, score: Report, name: str) -> str:
    text = f"{name} solves {percent(score['accuracy'])} at {cost(score['cost'], report)}"
    return text + (f" (saves {percent(score['saving'])})" if score["saving"] else "")


def details(report: Report) -> list[str]:
    """What stands behind the headline: what so many tasks can show, the curve's measures, and the non-nested tasks."""
    routing, nested = report["routing"], report["nested"]
    if routing is None or nested is None:
        return []
    ladder, extra, found = report["run"]["ladder"], nested["extra_cost"], []
    if "aiq" in routing:
        shares = report["policies"][routing["policy"]]["shares"]
        found.append(
            f"{routing['policy']} asks " + ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
        )
        found.append(_curve(routing, ladder))
    found.append(
        f"{report['run']['scored']} tasks can show a difference of {points(routing['detectable_difference'])[1:]} "
        f"points against the best single model, {routing['best_single']}, in 4 of 5 cases"
    )
    found.append(
        f"A weaker model solves {percent(nested['share'])} of the tasks (95% {interval(nested['share_ci'])}) where "
        f"{ladder[-1]} fails, and asked there costs {cost(abs(extra), report).removeprefix('cost ')} "
        f"{'less' if extra < 0 else 'more'}; no model solves {percent(nested['none'])}"
    )
    return found


def _curve(routing: Report, ladder: list[str]) -> str:
    parts = []
    if (aiq := routing["aiq"]) is not None:
        low, high = aiq["gain_ci"]
        parts.append(
            f"AIQ {aiq['router']:.3f}, the zero router's {aiq['zero_router']:.3f} (95% of the difference "
            f"{low:+.3f} to {high:+.3f})"
        )
    if routing["pgr"] is not None:
        parts.append(f"PGR {routing['pgr']:.2f}")
    if routing["apgr"] is not None:
        reached = (
            f"CPT({100 * float(share):.0f}%) " + ("not reached" if calls is None else percent(calls))
            for share, calls in routing["cpt"].items()
        )
        parts.append(f"Between {ladder[0]} and {ladder[-1]} alone: APGR {routing['apgr']:.2f}, {', '.join(reached)}")
    return ". ".join(parts) or "All models cost the same: there is no curve"


def points(value: float | None) -> str:
    """A difference of shares in percentage points."""
    return "-" if value is None else f"{round(100 * value, 1) + 0.0:+.1f}"  # no -0.0


def cost(value: float, report: Report) -> str:
    """A mean cost per task as a person reads it: dollars for a thousand tasks, or units."""
    cell = cost_cell(value, report)
    return f"${cell} per 1,000 tasks" if report["run"]["cost_unit"] == "usd" else f"cost {cell}"


def cost_cell(value: float | None, report: Report) -> str:
    """The same in a table under `cost_head`."""
    if value is None:
        return "-"
    return f"{1000 * value:.3g}" if report["run"]["cost_unit"] == "usd" else f"{value:.1f}"


def cost_head(report: Report) -> str:
    """What a column of costs holds."""
    return "$/1000" if report["run"]["cost_unit"] == "usd" else "cost"


def notes(report: Report) -> str:
    """What a reader of the tables must know."""
    unit = "recorded, US dollars" if report["run"]["cost_unit"] == "usd" else "1, 10, 100, ... along the ladder"
    known = "assignment-known" if "assignment-known" in report["policies"] else "assignment"
    return (
        f"{known}: levels known in advance, from these same trials. Cost: {unit}. Over zero: points against mixing "
        "single models blindly at that cost. Intervals are 95%, over tasks."
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
    return f"Levels by {record['rule']}: {', '.join(parts)}{tail}"


def unstable(report: Report) -> list[str]:
    """Which levels are least stable, and how many trials would settle them."""
    record = report["levels"]
    least = record["least_stable"]
    if not least:
        return []
    shown = ", ".join(
        f"{row['task_id']} ({100 * row['same_level']:.0f}%, "
        + (f"settled by {row['settled_by']} trials)" if row["settled_by"] else "not within 50 trials)")
        for row in least[:3]
    )
    return [f"{record['unstable']} levels would come out the same less than 9 times in 10; the least stable: {shown}"]
