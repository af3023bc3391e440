"""Writes docs/results/cascades.md: cascades on all sets, by fixed and tuned plans.

    pytest benchmarks/humaneval --cx-run=OUT/open
    python benchmarks/results/cascade_runs.py DATA OUT
    python benchmarks/results/cascades.py OUT > docs/results/cascades.md

DATA holds `difftrust`, `mbpp` and `recordings`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cascade_worlds
import numpy as np
from cascade_runs import DIFFTRUST
from pages import table

from pytest_complexity.calls.cascade import Plan
from pytest_complexity.labels import label_all
from pytest_complexity.learning.near_duplicates import groups, sketches
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.run.inputs import Measured, read_inputs
from pytest_complexity.scoring.cascades import Cascade, Cascades, Odds, Trials, Tuning, cascades, check_score, trials_of
from pytest_complexity.scoring.policies import Bench, play, score_policies, singles

#: Chosen by list price alone, before any cascade on them was computed.
TWO = (
    ("ministral_8b", "claude_opus_4"),
    ("gemini_2_0_flash_lite", "gpt_4o"),
    ("llama_4_maverick_17b", "gpt_4_turbo"),
)
THREE = (
    ("ministral_8b", "gemini_2_0_flash_lite", "claude_opus_4"),
    ("ministral_8b", "llama_4_maverick_17b", "gpt_4o"),
    ("gemini_2_0_flash_lite", "deepseek_r1", "claude_opus_4"),
)
PAPER = ("the shipped recording", "MBPP, the paper's authors' trio")
TRUST = {"DiffTrust, MBPP": "difftrust-mbpp", "DiffTrust, HumanEval": "difftrust-humaneval"}
FOLDER = {PAPER[0]: "open", PAPER[1]: "mbpp", **TRUST}


@dataclass(frozen=True)
class Ladder:
    """One ladder on one set."""

    name: str
    bench: Bench
    measured: Measured
    trials: Trials

    @property
    def groups(self) -> np.ndarray:
        return groups(sketches([task.text for task in self.bench.tasks]))


@cache
def read(path: Path, ladder: tuple[str, ...] | None) -> Measured:
    return read_inputs([path], ladder)


def ladder_of(out: Path, name: str, models: tuple[str, ...] | None = None, others: bool = False) -> Ladder:
    measured = read(out / (FOLDER[name] + ("-others" if others else "")), models)
    bench = Bench.of(label_all(measured.counts, measured.ladder, "tier"))
    trials = trials_of(bench, measured.outcomes)
    assert trials is not None
    return Ladder(name, bench, measured, trials)


def scores(ladder: Ladder, each: Sequence[Cascade]) -> dict[str, object]:
    bench = ladder.bench
    policies = [*(Always(name, k) for k, name in enumerate(bench.ladder)), Oracle()]
    played = Cascades(tuple(each), (), check_score(ladder.trials)).joined(play(bench, policies))
    scored = score_policies(played)
    return getattr(scored, "scores", scored)


def signed(value: float | None, bounds: Sequence[float] | None) -> str:
    if value is None or bounds is None:
        return "-"
    return f"{100 * value:+.1f} ({100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f})"


def money(value: float, bench: Bench) -> str:
    return f"${1000 * value:.3g}" if bench.cost_unit == "usd" else f"{value:.1f}"


def planned(ladder: Ladder, text: str) -> Cascade:
    plan = Plan.parse(text, len(ladder.bench.ladder))
    odds = Odds(ladder.trials, max(stage.attempts for stage in plan.stages))
    return Cascade(text, "cascade", plan, odds.of(plan))


def row(ladder: Ladder, cascade: Cascade, title: str, score: object) -> list[str]:
    bench, best = ladder.bench, max(singles(ladder.bench), key=lambda each: (round(each[1], 9), -each[0]))
    return [
        title,
        f"{100 * best[1]:.1f}% at {money(best[0], bench)}",
        f"`{cascade.plan}`: {100 * score.accuracy:.1f}% at {money(score.cost, bench)}",
        signed(score.over_zero, score.over_zero_ci),
        signed(score.gain, score.gain_ci),
    ]


HEAD = "|best single model|cascade|against the zero router|against the best single model"


def known(out: Path) -> Iterator[str]:
    yield "## The plans that were known to pay"
    rows = []
    for name, text in zip(PAPER, ("2223", "213"), strict=True):
        for others in (False, True) if name == PAPER[1] else (False,):
            ladder = ladder_of(out, name, others=others)
            made = planned(ladder, text)
            title = name + (", right by the other assertions alone" if others else "")
            rows.append(row(ladder, made, title, scores(ladder, [made])[text]))
    yield table("set" + HEAD, rows)
    yield (
        "Points and 95% intervals. Costs 1, 10, 100 a call: no prices are recorded. MBPP shows its first assertion, "
        "which is one of three deciding ones; in the row below it an answer is right where it passes the assertions "
        "that are not shown. A third party's recording of HumanEval with Code Llama 34B, GPT-3.5 and GPT-4 is not "
        "among the data here."
    )


def ladders(out: Path) -> Iterator[str]:
    yield "## Every ladder: the fixed and the tuned plan"
    yield (
        "The fixed plan needs no tuning: up to three calls of the model before the last, then the last. The tuned one "
        "is, in five folds with near-duplicates in one, the plan that is right most often on the other folds at no "
        "more cost than the best single model; the plan named is that of all tasks. What it maximises was itself "
        "chosen on these sets. DiffTrust's ladders of two and "
        "three were chosen by list price before any cascade on them was computed; its dollars are a thousand tasks'"
        " and estimates that leave out prose and all reasoning tokens, so that o4-mini and R1 truly cost several times "
        "as much. MBPP's prompts there show no test: the first assertion is a check that the models did not know of."
    )
    rows, pays = [], {"cascade": 0, "cascade-tuned": 0}
    for name, models in every():
        ladder = ladder_of(out, name, models)
        made = cascades(ladder.bench, ladder.measured.outcomes, lambda texts: groups(sketches(texts)))
        assert made is not None
        found = scores(ladder, made.each)
        for each in made.each:
            if each.name in pays:
                title = f"{name}: {', '.join(models) if models and len(models) < 8 else 'all its models'}; {each.name}"
                rows.append(row(ladder, each, title, found[each.name]))
                pays[each.name] += found[each.name].over_zero_ci[0] > 0
    yield (
        f"**The fixed plan lies above the zero router beyond its interval on {pays['cascade']} of {len(rows) // 2} "
        f"ladders, the tuned plan on {pays['cascade-tuned']}.**"
    )
    yield table("set, ladder and plan" + HEAD, rows)
    yield from dense(out)


def every() -> Iterator[tuple[str, tuple[str, ...] | None]]:
    for name in PAPER:
        yield name, None
    for name in TRUST:
        for models in (*TWO, *THREE, DIFFTRUST):
            yield name, models


def dense(out: Path) -> Iterator[str]:
    yield "### Where the hull is dense"
    lines = []
    for name in TRUST:
        ladder = ladder_of(out, name, DIFFTRUST)
        tuned = Tuning(ladder.bench, ladder.trials).tuned(ladder.groups)
        assert tuned is not None
        score = scores(ladder, [tuned])["cascade-tuned"]
        does = "pays" if score.over_zero_ci[0] > 0 else "does not pay"
        lines.append(
            f"{name} with all eight models: the tuned cascade {does}, {signed(score.over_zero, score.over_zero_ci)} "
            "points against the zero router."
        )
    yield " ".join(lines)


def transfer(out: Path) -> Iterator[str]:
    yield "## Plans carried from one set to another"
    yield "Tuned on all tasks of one set and used unchanged on the other."
    rows = []
    for models in (*TWO, *THREE, DIFFTRUST):
        both = [ladder_of(out, name, models) for name in TRUST]
        for source, target in (both, both[::-1]):
            tuning = Tuning(source.bench, source.trials)
            weights = np.full((1, len(source.bench.cases)), 1 / len(source.bench.cases))
            made = planned(target, str(tuning.plans[tuning.best(weights)[0]]))
            title = f"{source.name} to {target.name}: {', '.join(models) if len(models) < 8 else 'all eight'}"
            rows.append(row(target, made, title, scores(target, [made])[made.name]))
    yield table("from, to, ladder" + HEAD, rows)


def checks(out: Path) -> Iterator[str]:
    yield "## How much the visible check tells"
    rows = []
    for name, folder in FOLDER.items():
        for others in (False, True) if folder.endswith("mbpp") else (False,):
            score = check_score(ladder_of(out, name, others=others).trials)
            title = name + (", by the other assertions alone" if others else "")
            cells = (f"{100 * score.precision:.1f}%", f"{100 * score.recall:.1f}%", f"{score.auroc:.3f}")
            rows.append([title, str(score.tasks), str(score.answers), *cells])
    yield table("set|tasks that show something|answers|right of those that pass|passing of the right|AUROC", rows)


def others(out: Path) -> Iterator[str]:
    yield "### By the other assertions alone"
    yield "DiffTrust's MBPP again, with an answer right where it passes the assertions that are not shown."
    rows = []
    for models in (*TWO, *THREE, DIFFTRUST):
        shown, hidden = (ladder_of(out, "DiffTrust, MBPP", models, others=hidden) for hidden in (False, True))
        tuning = Tuning(shown.bench, shown.trials)
        weights = np.full((1, len(shown.bench.cases)), 1 / len(shown.bench.cases))
        for text in ("fixed", str(tuning.plans[tuning.best(weights)[0]])):
            plan = str(cascade_worlds.usual(len(models))) if text == "fixed" else text
            made = planned(hidden, plan)
            title = f"{', '.join(models) if len(models) < 8 else 'all eight'}"
            rows.append(row(hidden, made, title, scores(hidden, [made])[made.name]))
    yield table("ladder" + HEAD, rows)
    yield "The second row of each ladder is the plan tuned on all of these tasks: it is not cross-fitted."


AGREEMENT = """## Agreement of answers as a check

Not built. Where a task shows nothing, two answers that behave alike on generated inputs could stand for a check. A
study before this page found 1.4 to 2.0 points more on weak models and nothing beyond the interval elsewhere: answers
that agree are often wrong together. No script here repeats that study."""


def main() -> None:
    out = Path(sys.argv[1])
    print(
        "# Cascades\n\nWritten by `benchmarks/results/cascades.py`. "
        "What a cascade is: [../cascades.md](../cascades.md).\n"
    )
    for part in (known(out), ladders(out), transfer(out), checks(out), others(out), cascade_worlds.page()):
        for paragraph in part:
            print(paragraph + "\n", flush=True)
    print(AGREEMENT)


if __name__ == "__main__":
    main()
