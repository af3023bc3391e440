"""Figures for papers, SVG and PNG, of the same scores as the page. Needs the extra `plots`; draws, computes nothing."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.errors import ComplexityError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Report = Mapping[str, Any]

#: What a kind of policy does, its shape and its colour: of Okabe and Ito, which everybody tells apart.
_KINDS = {
    "simple": ("one model for every task", "o", "#0072b2"),
    "router": ("decides from the prompt", "D", "#d55e00"),
    "cascade": ("checks answers and asks on", "s", "#cc79a7"),
    "informed": ("knows the outcomes", "*", "#009e73"),
    "control": ("mixes blindly", "^", "#6a707a"),
}
_VERDICTS = {
    Verdict.PASS: "#0072b2",
    Verdict.WRONG: "#e69f00",
    Verdict.ERROR: "#d55e00",
    Verdict.TIMEOUT: "#cc79a7",
    Verdict.MEMORY: "#56b4e9",
    Verdict.CRASH: "#000000",
    Verdict.EXIT: "#f0e442",
    Verdict.TAMPERED: "#009e73",
    Verdict.NO_CODE: "#8a9099",
    Verdict.UNMEASURED: "#c9cdd3",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "pytest-complexity",  # the same file for the same report
    "text.parse_math": False,  # a model's name may hold dollars
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def plots(report: Report) -> Iterator[tuple[str, bytes]]:
    """Each figure's file name and bytes; the same bytes for the same report and the same matplotlib.

    `plane`: cost and quality of every policy with 95% intervals; `verdicts`: those of each model's trials;
    `calibration`: a router's chances against what was observed. A figure that the report has no data for is left out.
    Raises `ComplexityError` where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415  (heavy, and an extra)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ComplexityError("--plots needs matplotlib: pip install 'pytest-complexity[plots]'") from None
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font lacks
        for name, draw in _drawings(report):
            figure = Figure(figsize=(6, 4), layout="constrained")
            draw(figure, report)
            for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
                file = io.BytesIO()
                figure.savefig(file, format=kind, dpi=200, metadata=metadata)
                yield f"{name}.{kind}", file.getvalue()


def _drawings(report: Report) -> Iterator[tuple[str, Callable[[Figure, Report], None]]]:
    if report["routing"] is not None:
        yield "plane", _plane
    if any(score["verdicts"] for score in report["models"].values()):
        yield "verdicts", _verdicts
    if report.get("router"):
        yield "calibration", _calibration


def _plane(figure: Figure, report: Report) -> None:
    axes = figure.add_subplot()
    dollars = report["run"]["cost_unit"] == "usd"
    factor = 1000 if dollars else 1
    scores = report["policies"]
    costs = [factor * score["cost"] for score in scores.values()]
    for score, x in zip(scores.values(), costs, strict=True):
        _, marker, colour = _KINDS[score["kind"]]
        y = 100 * score["accuracy"]
        axes.errorbar(
            x,
            y,
            xerr=_arms(score["cost_ci"], x, factor),
            yerr=_arms(score["accuracy_ci"], y, 100),
            fmt=marker,
            color=colour,
            elinewidth=0.8,
            markersize=10 if marker == "*" else 6,
            markeredgecolor="white",
        )
    for kind in dict.fromkeys(score["kind"] for score in scores.values()):
        word, marker, colour = _KINDS[kind]
        axes.plot([], [], marker, color=colour, label=word)
    _curve(axes, report["curves"]["zero_router"], factor, _KINDS["control"][2], "--", "zero router")
    _curve(axes, report["curves"]["router"] or [], factor, _KINDS["router"][2], "-", "the router at every price")
    if min(costs) > 0 and max(costs) / min(costs) > 30:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set(xlabel=f"cost {'in US dollars per 1,000 tasks' if dollars else 'per task, in units'}")
    axes.set(ylabel="tasks solved, %")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
    _name(
        figure,
        axes,
        [
            (plain(n.removeprefix("always-")), x, 100 * s["accuracy"], s["kind"])
            for (n, s), x in zip(scores.items(), costs, strict=True)
        ],
    )


#: Where a name may stand beside its point, in points of print, the best place first.
_PLACES = [
    (7, 4, "left"),
    (-7, 4, "right"),
    (7, -11, "left"),
    (-7, -11, "right"),
    (0, 10, "center"),
    (0, -16, "center"),
]


def _name(figure: Figure, axes: Axes, points: Sequence[tuple[str, float, float, str]]) -> None:
    """Writes names where they cover neither a point nor each other; where that cannot be, at the last place."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415

    figure.draw_without_rendering()  # settles the layout
    frame = axes.get_window_extent()
    dots = axes.transData.transform([(x, y) for _, x, y, _ in points])
    taken = [Bbox.from_extents(x - 8, y - 8, x + 8, y + 8) for x, y in dots]
    for name, x, y, kind in sorted(points, key=lambda point: list(_KINDS).index(point[3])):
        for dx, dy, side in _PLACES:
            text = axes.annotate(name, (x, y), (dx, dy), textcoords="offset points", ha=side, color=_KINDS[kind][2])
            text.set_in_layout(False)
            text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.3})
            box = text.get_window_extent()
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 + 20 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if (inside and not box.count_overlaps(taken)) or (dx, dy, side) == _PLACES[-1]:
                taken.append(box)
                break
            text.remove()


def _arms(bounds: Sequence[float] | None, centre: float, factor: float) -> list[list[float]] | None:
    """How far an interval reaches down and up, as matplotlib wants it."""
    if bounds is None:
        return None
    low, high = (factor * bound for bound in bounds)
    return [[max(0.0, centre - low)], [max(0.0, high - centre)]]


def _curve(axes: Axes, points: Sequence[Mapping[str, float]], factor: float, colour: str, line: str, name: str) -> None:
    """Straight lines of the plane, in steps so small that they bend as they must on a logarithmic axis."""
    if len(points) < 2:
        return
    x, y = [], []
    for start, end in pairwise(points):
        for step in range(41):
            share = step / 40
            x.append(factor * ((1 - share) * start["cost"] + share * end["cost"]))
            y.append(100 * ((1 - share) * start["accuracy"] + share * end["accuracy"]))
    axes.plot(x, y, line, color=colour, linewidth=1, zorder=0, label=name)


def _verdicts(figure: Figure, report: Report) -> None:
    axes = figure.add_subplot()
    tallies = {plain(name): score["verdicts"] for name, score in report["models"].items() if score["verdicts"]}
    total = [sum(tally.values()) for tally in tallies.values()]
    left = [0.0] * len(tallies)
    for verdict, colour in _VERDICTS.items():
        counts = [tally.get(verdict.value, 0) for tally in tallies.values()]
        if any(counts):
            shares = [100 * count / trials for count, trials in zip(counts, total, strict=True)]
            axes.barh(list(tallies), shares, left=left, color=colour, edgecolor="white", label=verdict.value)
            left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="share of trials, %", xlim=(0, 100))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=5)


def _calibration(figure: Figure, report: Report) -> None:
    axes = figure.add_subplot(aspect="equal")
    bins = report["router"]["calibration"]["bins"]
    most = max(each["trials"] for each in bins)
    predicted, observed = ([100 * each[key] for each in bins] for key in ("predicted", "observed"))
    axes.plot([0, 100], [0, 100], "--", color=_KINDS["control"][2], linewidth=1)
    axes.plot(predicted, observed, color=_KINDS["router"][2], linewidth=1)
    axes.scatter(predicted, observed, [10 + 110 * each["trials"] / most for each in bins], color=_KINDS["router"][2])
    axes.set(xlabel="predicted chance of success, %", ylabel="observed, %", xlim=(0, 100), ylim=(0, 100))


def plain(name: str) -> str:
    """A stranger's name with what cannot be seen spelt out, lone surrogates too, which no file could hold."""

    def shown(character: str) -> str:
        hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        return f"<U+{ord(character):04X}>" if hidden else character

    return "".join(map(shown, name))
