"""What the numbers say, in a sentence or two: the first thing of every form of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_complexity.report.formats import cost, interval, percent, points

Report = Mapping[str, Any]

_NAMED = 5  #: of the tasks without a negative control


def coverage(report: Report) -> str:
    """How much was measured."""
    run = report["run"]
    text = f"{run['tasks']} tasks, {len(run['ladder'])} models, {run['measured']} of {run['planned']} trials measured"
    text += f", {run['unmeasured']} unmeasured" if run["unmeasured"] else ""
    if run["uncontrolled"]:
        tasks = run["uncontrolled_tasks"]
        named = ", ".join(tasks[:_NAMED]) + (f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else "")
        text += f", {run['uncontrolled']} passes without a negative control ({named})"
    if not _chosen(report):
        return text
    return f"{text}, chosen by --cx-calls={run['calls']}: the accuracies are not those of a full run"


def _chosen(report: Report) -> bool:
    """Whether a policy left calls out, so that shares are of what it chose."""
    run = report["run"]
    return bool(run["calls"] != "all" and run["measured"] + run["unmeasured"] < run["planned"])


def _called(report: Report) -> str:
    """What a call policy came to."""
    calls = report.get("calls")
    if calls is None:
        known = "Levels are those of a full run" if report["run"]["calls"] == "lazy" else "Some calls were left out"
        return f"{known}; only a full run can show whether routing pays."
    if calls["policy"] in ("switching", "cascade"):
        return (
            f"{calls['policy'].capitalize()} gave a right answer to {percent(calls['accuracy'])} of "
            f"{calls['tasks']} tasks (95% {interval(calls['accuracy_ci'])}) at a mean of "
            f"{calls['cost']:.2f} calls of the last model."
        )
    filled = ", ".join(
        f"{name} {percent(each['accuracy'])} ({interval(each['accuracy_ci'])})"
        for name, each in calls["models"].items()
    )
    return f"Accuracy, with estimates for the calls that were not made: {filled}."


def headline(report: Report) -> str:
    """Whether routing pays here: the best policy that can be deployed, beside the simple one that does as well."""
    if _chosen(report):
        return _called(report)
    routing = report["routing"]
    if routing is None:
        return "No task has a measured trial of every model: nothing can be said about routing."
    if len(report["run"]["ladder"]) == 1:
        return (
            f"{_does(report, _always(report, 0), 'Always ' + report['run']['ladder'][0])}: there is nothing to route."
        )
    return _FINDINGS[routing["finding"]](report)


def _pays(report: Report) -> str:
    routing = report["routing"]
    policy = report["policies"][routing["policy"]]
    pays = "A cascade pays here" if "plan" in policy else "Routing pays here"
    verdict = "Routing could pay here" if routing["informed"] else pays
    best = _always(report, report["run"]["ladder"].index(routing["best_single"]))
    low, high = routing["gain_over_best_single_ci"]
    return (
        f"{verdict}: {_judged(report)}. {_does(report, best, 'Always ' + routing['best_single'])}, the most of any "
        f"single model; the difference to it is {points(routing['gain_over_best_single'])} points (95% {points(low)} "
        f"to {points(high)}).{_usage(policy)}"
    )


def _usage(policy: Report) -> str:
    """What a cascade asks, and how to have it; of any other policy nothing."""
    if "plan" not in policy:
        return ""
    calls = (
        f"{stage['model']} " + ("once" if stage["calls"] == 1 else f"up to {stage['calls']} times")
        for stage in policy["stages"]
    )
    return (
        f" It asks {', then '.join(calls)}, and stops at the first answer that passes the tests in the prompt. To use "
        f'it: --cx-calls=cascade:{policy["plan"]}, or Cascade.of("{policy["plan"]}", models) in Python.'
    )


def _cascades(report: Report) -> list[tuple[str, Report]]:
    return [(name, policy) for name, policy in report["policies"].items() if policy["kind"] == "cascade"]


def _plan(name: str, policy: Report) -> str:
    """What a cascade comes to, and what it lacks."""
    told = f"{name} is the plan {policy['plan']}: {policy['calls']:.2f} calls a task"
    if len(policy["stages"]) > 1:
        ended = (f"{percent(stage['ended'])} with {stage['model']}" for stage in policy["stages"])
        told += f"; tasks end {', '.join(ended)}"
    if policy["wanted"]:
        told += f". There are too few trials for {policy['wanted']}"
    if policy["short"]:
        told += f". {_tasks(policy['short'])} have fewer trials than it may call"
    return told


def _check(report: Report) -> str:
    """How much the visible check tells."""
    check = report["check"]
    told = "-" if check["auroc"] is None else f"{check['auroc']:.2f}"
    return (
        f"Visible check, on {check['tasks']} of {_tasks(report['run']['scored'])}: {percent(check['precision'])} of "
        f"the answers that pass it are right, {percent(check['recall'])} of the right ones pass it; AUROC {told}"
    )


def _loses(report: Report) -> str:
    routed = "Assigning models by known levels" if report["routing"]["informed"] else "Routing"
    return f"{routed} loses here: {_simple(report)}. {_capital(_judged(report))}."


def _not_shown(report: Report) -> str:
    routed = "Assigning models by known levels" if report["routing"]["informed"] else "Routing"
    tasks = _tasks(report["run"]["scored"])
    return f"{routed} is not shown to pay on {tasks}: {_simple(report)}. {_capital(_judged(report))}."


def _too_few(report: Report) -> str:
    return (
        f"Too few tasks to tell whether routing pays: {_simple(report)}. {_capital(_judged(report))}; but too few of "
        f"the {_tasks(report['run']['scored'])} are treated differently from always asking one model."
    )


def _leaked(report: Report) -> str:
    leaked = f"the router was trained on {report['router']['leaked']} of these tasks"
    return f"Whether routing pays cannot be told here: {leaked}. With them, {_judged(report)}."


def _no_policy(report: Report) -> str:
    routing = report["routing"]
    best = _always(report, report["run"]["ladder"].index(routing["best_single"]))
    return (
        f"{_does(report, best, 'Always ' + routing['best_single'])}, the most of any single model. There is no router "
        "or cascade to compare, and one trial a model cannot show what levels could be worth."
    )


_FINDINGS: Mapping[str, Callable[[Report], str]] = {
    "pays": _pays,
    "loses": _loses,
    "not_shown": _not_shown,
    "too_few": _too_few,
    "leaked": _leaked,
    "no_policy": _no_policy,
}


def _judged(report: Report) -> str:
    """What the assessed policy does, and how that compares with a blind mix."""
    routing = report["routing"]
    name, others = routing["policy"], len(routing["candidates"])
    low, high = routing["gain_over_zero_router_ci"]
    choice = f", which allows for choosing the best of {others} policies" if others > 1 else ""
    known = "with levels known from other trials, " if routing["informed"] else ""
    plan = report["policies"][name].get("plan")
    named = f"{name} (plan {plan})" if plan else name
    return (
        f"{known}{_does(report, report['policies'][name], named)}, {points(routing['gain_over_zero_router'])} points "
        f"(95% {points(low)} to {points(high)}{choice}) against a blind mix of single models at that cost"
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _tasks(number: int) -> str:
    return f"{number} task" + ("" if number == 1 else "s")


def _simple(report: Report) -> str:
    names = report["routing"]["simple"]
    if len(names) == 1:
        return _does(report, _always(report, report["run"]["ladder"].index(names[0])), f"always {names[0]}")
    return _does(report, report["policies"]["zero-router"], f"a blind mix of {' and '.join(names)}")


def _always(report: Report, index: int) -> Report:
    score: Report = report["policies"][f"always-{report['run']['ladder'][index]}"]
    return score


def _does(report: Report, score: Report, name: str) -> str:
    text = f"{name} solves {percent(score['accuracy'])} at {cost(score['cost'], report)}"
    return text + (f" (saves {percent(score['saving'])})" if (score["saving"] or 0) > 0 else "")


def behind(report: Report) -> list[str]:
    """Every sentence that stands below the tables, without a full stop."""
    return [*details(report), levels(report), *meaning(report), *unstable(report)]


def details(report: Report) -> list[str]:
    """What stands behind the headline: what so many tasks can show, the curve's measures, and the non-nested tasks."""
    routing, nested = report["routing"], report["nested"]
    if routing is None or nested is None:
        return []
    found = []
    if "aiq" in routing:
        shares = report["policies"][routing["policy"]]["shares"]
        found.append(
            f"{routing['policy']} asks " + ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
        )
        found.append(_curve(routing, report["run"]["ladder"]))
    if routing["finding"] != "no_policy":
        found.append(
            f"Between {routing['policy']} and always {routing['best_single']}, {_tasks(report['run']['scored'])} can "
            f"show a difference of {points(routing['detectable_difference'])[1:]} points in 4 of 5 cases"
        )
    if report["check"]:
        found += [*map(_plan, *zip(*_cascades(report), strict=True)), _check(report)]
    if nested["oracle_luck"] is not None:
        found.append(
            f"The oracle solves {percent(report['policies']['oracle']['accuracy'])}; with every draw from "
            f"{routing['best_single']} instead it would solve {percent(nested['oracle_luck'])}, by "
            "luck alone"
        )
    return [*found, _out_of_order(report)]


def _out_of_order(report: Report) -> str:
    """Tasks that an earlier model on the ladder solves and the last does not, and how much of that is luck."""
    nested, last = report["nested"], report["run"]["ladder"][-1]
    luck = (
        "one task, or one trial a model, cannot show how much of this is luck"
        if nested["luck"] is None
        else f"asked as often again, {last} itself would be right in {percent(nested['luck'])}, by luck alone"
    )
    return (
        f"In {percent(nested['share'])} of the cases (95% {interval(nested['share_ci'])}) {last} is wrong and an "
        f"earlier model on the ladder is right; {luck}. No model is right in {percent(nested['none'])}"
    )


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


def notes(report: Report) -> str:
    """What a reader of the tables must know."""
    return " ".join(_notes(report))


def _notes(report: Report) -> Iterator[str]:
    names = [name for name in ("assignment", "assignment-known") if name in report["policies"]]
    if names and report["policies"][names[-1]]["kind"] == "informed":
        yield f"{names[-1]}: by levels from all trials but one of each model, tested on those left out."
    run, last = report["run"], report["run"]["ladder"][-1]
    if run["cost_unit"] == "usd":
        yield "Cost: recorded, US dollars for 1,000 tasks."
    else:
        yield "Cost: units of 1, 10, 100, ... along the ladder, for no prices are known."
    if run["cost_unit"] == "unit" and len(run["ladder"]) > 3:
        yield "Such units say nothing about money for more than three models: give prices."
    yield f"Saving: against always {last}, the last model of the ladder."
    yield "vs zero-router: points of accuracy against a blind mix of single models at the same cost."
    yield "Intervals are 95%, over tasks."
    if left := run["tasks"] - run["scored"]:
        yield f"Left out of the tables: {_tasks(left)} without a measured trial of every model."


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
    tail = "" if stable is None else f"; measured again, about {percent(stable)} of the tasks would keep their level"
    return f"Levels by {record['rule']}: {', '.join(parts)}{tail}"


def meaning(report: Report) -> list[str]:
    """What the levels mean, and why assigning models by them can lose."""
    record, ladder = report["levels"], report["run"]["ladder"]
    means = "; ".join(f"level {level}: {text}" for level, text in record["meaning"].items())
    by_model = [[level for level, place in record["assignment"].items() if place == k] for k in range(len(ladder))]
    if list(record["assignment"].values()) == list(range(len(ladder))):
        assigned = "level k to model k"
    else:
        assigned = "; ".join(
            f"level {' and '.join(levels)} to {model}" for levels, model in zip(by_model, ladder, strict=True) if levels
        )
    return [
        *([_capital(means)] if means else []),
        f"The assignment sends {assigned}; a task without a level to {ladder[-1]}. It loses where a level's model "
        "solves few of the tasks with that level, where a level came about by luck, and where a task that no model "
        "solves still costs a call",
    ]


def unstable(report: Report) -> list[str]:
    """Which levels are least stable, and how many trials would settle them."""
    record = report["levels"]
    least = record["least_stable"]
    if not least:
        return []
    shown = ", ".join(
        f"{row['task_id']} (in {100 * row['same_level']:.0f}%; "
        + (f"{row['settled_by']} trials would settle it)" if row["settled_by"] else "50 trials would not settle it)")
        for row in least[:3]
    )
    number = record["unstable"]
    what = "1 task would keep its" if number == 1 else f"{number} tasks would keep their"
    return [f"{what} level in fewer than 9 of 10 repeated measurements; the least stable: {shown}"]
