"""What routing is worth on recorded outcomes, and the paper's three figures. Prints docs/results/routing.md.

    python benchmarks/results/routing.py DATA > docs/results/routing.md

DATA holds `outcomes/`, `difftrust/`, `recordings/`, `complexitynet/` and `mbpp/`. Everything is seeded; it takes a few
minutes. Names of parts after DATA (`ladders`, `difftrust`, `paper`, `held_out_labels`) print those alone.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from pages import percent, table

from pytest_complexity.labels import label_all
from pytest_complexity.labels.rules import Rule
from pytest_complexity.learning.training.folds import out_of_fold
from pytest_complexity.policies import Case, Decision, Kind, Policy
from pytest_complexity.policies.always import Always
from pytest_complexity.policies.oracle import Oracle
from pytest_complexity.report.assembly import Results, Routed, results_of
from pytest_complexity.run.inputs import Measured, read_inputs
from pytest_complexity.scoring.policies import Bench, matrices, play, routers_of, score_policies
from pytest_complexity.scoring.resampling import LEAST

THREE = ("mistral-7b-chat", "gpt-3.5-turbo-1106", "gpt-4-1106-preview")
ELEVEN = (
    *("mistral-7b-chat", "wizardlm-13b-v1.2", "code-llama-instruct-34b-chat", "mixtral-8x7b-chat", "yi-34b-chat"),
    *("llama-2-70b-chat", "gpt-3.5-turbo-1106", "claude-instant-v1", "claude-v1", "claude-v2", "gpt-4-1106-preview"),
)
LADDERS = (
    ("RouterBench's MBPP, three models", "mbpp-routerbench.jsonl", THREE),
    ("RouterBench's MBPP, eleven models", "mbpp-routerbench.jsonl", ELEVEN),
    (
        "RouterDC's MBPP, three models, ten trials",
        "mbpp-routerdc-10trials.jsonl",
        ("mistral-7b-v0.1", "dolphin-2.6-mistral-7b", "dolphin-2.9-llama3-8b"),
    ),
    ("RouterDC's MBPP, seven models, ten trials", "mbpp-routerdc-10trials.jsonl", None),
    ("The paper's authors' MBPP, two models, five trials", "mbpp-complexitynet-5trials.jsonl", None),
)
#: By price: the first, the lower median and the last; and all eight.
DIFFTRUST = ("ministral_8b", "deepseek_r1", "claude_opus_4")
CURRENT = tuple(
    (f"DiffTrust's {title}, {number} models, ten trials", f"{suite}-counts.jsonl", ladder)
    for suite, title in (("mbpp", "MBPP"), ("humaneval", "HumanEval"))
    for number, ladder in (("three", DIFFTRUST), ("eight", None))
)


@dataclass(frozen=True)
class Prices:
    """What `routers_of` takes: the prices of a ladder, as known before any call."""

    ladder: tuple[str, ...]
    rule: str
    costs: tuple[float, ...]


@dataclass(frozen=True)
class KnownAssignment:
    """The assignment by levels that the cases have, whatever trials they were made from."""

    rule: Rule
    name: str = "assignment"
    kind: Kind = "informed"

    def decide(self, case: Case) -> Decision:
        last = len(case.rates) - 1
        return Decision.certain(case, last if case.level is None else self.rule.assignment[case.level - 1])


def known_assignment(rule: str, models: int) -> KnownAssignment:
    return KnownAssignment(Rule.named(rule, models))


def points(value: float, bounds: Sequence[float]) -> str:
    shown = [f"{round(100 * each, 1) + 0.0:+.1f}" for each in (value, *bounds)]  # no -0.0
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def judged(measured: Measured) -> tuple[Results, Bench]:
    """The report with a router that is trained and judged in five folds."""
    labels = label_all(measured.counts, measured.ladder)
    predictions = out_of_fold(labels)
    bench = Bench.of(labels, predictions)
    costs = tuple(float(cost) for cost in matrices(bench)[1].mean(axis=0))
    routers = routers_of(Prices(measured.ladder, labels.rule, costs))
    return results_of(measured, routed=Routed(predictions, routers, costs)), bench


def policies(report: dict[str, Any]) -> str:
    usd = report["run"]["cost_unit"] == "usd"
    rows = []
    for name, score in report["policies"].items():
        cost = f"{1000 * score['cost']:.3g}" if usd else f"{score['cost']:.4g}"
        rows.append(
            [
                name,
                points(score["accuracy"], score["accuracy_ci"]).replace("+", ""),
                cost,
                percent(score["saving"]),
                points(score["over_zero"], score["over_zero_ci"]),
                points(score["gain"], score["gain_ci"]),
                f"{score['gain_p']:.2g}",
                f"{100 * score['regret']:.1f}",
            ]
        )
    cost = "$ per 1,000 tasks" if usd else "cost"
    return table(f"policy|accuracy (95%)|{cost}|saving|vs zero-router, points|vs best model, points|p|regret", rows)


def ladders(data: Path) -> Iterator[str]:
    yield "## Every policy, in five folds"
    yield (
        "Trained with the default classifier on four folds, judged on the fifth; near-duplicates share a fold. Right "
        "and differences in percent of tasks, with 95% intervals over tasks; p of the paired test against the best "
        "single model. Costs of RouterBench are recorded dollars. RouterDC and the authors recorded none: there the "
        "units 1, 10, 100, ... stand, which for RouterDC's models of 7 and 8 billion parameters is no statement about "
        "money. `utility` takes a solved task to be worth ten calls of the dearest model. A router beats the zero "
        f"router where the interval lies above 0; fewer than {LEAST} tasks sent elsewhere than most tell nothing."
    )
    yield from compared([(title, read_inputs([data / "outcomes" / file], models)) for title, file, models in LADDERS])


def difftrust(data: Path) -> Iterator[str]:
    yield "## The same on eight current models"
    yield (
        "DiffTrust's programs (arXiv 2507.00057), ten trials a model, in our sandbox; the ladders are in the order of "
        "price: the first model, the lower median and the last, and all eight. The dollars are estimates from the "
        "programs that were kept: prose and reasoning tokens are missing, so the true cost of gpt_o4_mini and "
        "deepseek_r1 is several times higher. MBPP's prompts show no test."
    )
    yield from compared([(title, with_estimates(data / "difftrust" / file, models)) for title, file, models in CURRENT])


def with_estimates(file: Path, models: Sequence[str] | None) -> Measured:
    """The counts of a file, with its estimates of cost in the place of measured costs."""
    measured = read_inputs([file], models)
    lines = map(json.loads, file.read_text().splitlines())
    costs = {line["task_id"]: line["cost_usd_estimated"] for line in lines}
    counts = [replace(task, cost_usd=_known(costs[task.task_id], measured.ladder)) for task in measured.counts]
    return replace(measured, counts=tuple(counts))


def _known(costs: dict[str, float | None], ladder: Sequence[str]) -> dict[str, float]:
    return {name: cost for name, cost in costs.items() if name in ladder and cost is not None}


def compared(sets: Sequence[tuple[str, Measured]]) -> Iterator[str]:
    """Whether each router beats the zero router, then every policy on each ladder."""
    found, summary = [], []
    for title, measured in sets:
        report = dict(judged(measured)[0].report)
        routing = report["routing"]
        aiq, cpt = routing["aiq"], routing["cpt"]
        reached = ", ".join(f"{target}: {'-' if at is None else percent(at)}" for target, at in cpt.items())
        nested = report["nested"]
        found += [
            f"### {title}",
            policies(report),
            f"Curve of `utility`: AIQ {aiq['router']:.3f}, zero router {aiq['zero_router']:.3f}, difference "
            f"{aiq['gain']:+.3f} (95% {aiq['gain_ci'][0]:+.3f} to {aiq['gain_ci'][1]:+.3f}). First and last model "
            f"alone: APGR {routing['apgr']:.2f} (0.50 knows nothing), CPT {reached}. A difference of "
            f"{100 * routing['detectable_difference']:.1f} points against {routing['best_single']} would show in 4 of "
            f"5 cases. Non-nested: {percent(nested['share'])} ({100 * nested['share_ci'][0]:.1f} to "
            f"{100 * nested['share_ci'][1]:.1f}) of the tasks are solved by an earlier model and not by the last; "
            f"{percent(nested['none'])} by none.",
        ]
        for name, score in report["policies"].items():
            if score["kind"] == "router":
                elsewhere = round(report["run"]["scored"] * (1 - max(score["shares"].values())))
                low, high = score["over_zero_ci"]
                verdict = "yes" if low > 0 else "worse" if high < 0 else "no"
                verdict = verdict if elsewhere >= LEAST else "too few to tell"
                summary.append([title, name, str(elsewhere), points(score["over_zero"], (low, high)), verdict])
    beaten = sum(row[-1] == "yes" for row in summary)
    yield f"**{beaten} of {len(summary)} routers beat the zero router.**"
    yield table("ladder|router|tasks sent elsewhere than most|over the zero router|beats it", summary)
    yield from found


def recorded(data: Path) -> Measured:
    """The authors' recordings, verified by our sandbox: one trial of each of the three models."""
    with tempfile.TemporaryDirectory() as directory:
        run = Path(directory) / "run"
        command = [sys.executable, "-m", "pytest", "-q", "benchmarks/mbpp", "--cx-trials=1", f"--cx-run={run}"]
        command += ["--cx-models=codellama,gpt35,gpt4", f"--cx-dataset={data / 'mbpp' / 'mbpp.jsonl'}"]
        command += [f"--cx-replay={data / 'recordings' / 'mbpp-complexitynet.jsonl'}", "-p", "no:randomly"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # trials that were not recorded are errors
        return read_inputs([run])


def splits(data: Path) -> list[tuple[int, list[int]]]:
    """(actual level, the tuned model's answers) of the authors' five test splits; answers that are no level stay."""
    rows = []
    for file in sorted((data / "complexitynet").glob("predictions-*.csv")):
        with file.open() as lines:
            for row in csv.DictReader(lines):
                rows.append((int(row["Actual"]), [int(v) for k, v in row.items() if k and k.startswith("Fine-Tuned")]))
    return rows


def paper(data: Path) -> Iterator[str]:
    rows = splits(data)
    first = [(actual, answers[0]) for actual, answers in rows]
    several = [(actual, answers) for actual, answers in rows if len(answers) > 1]
    exact = fmean(actual == answer for actual, answer in first)
    near = fmean(abs(actual - answer) <= 1 for actual, answer in first)
    any_of = fmean(actual in answers for actual, answers in several)

    assigned = Rule.named("complexitynet", 3).assignment

    def cost(answers: Sequence[int]) -> float:
        return fmean(10.0 ** assigned[min(max(answer, 1), 5) - 1] for answer in answers)

    measured = recorded(data)
    x, y = (cost([answer for actual, answer in first if (actual == answer) is right]) for right in (True, False))
    told = (100 - (0.79 * (0.67 * 1 + 10 * 0.27 + 100 * 0.06) + 0.21 * (0.65 * 1 + 10 * 0.29 + 100 * 0.06))) / 100
    yield "## The paper's three figures"
    yield (
        f"arXiv 2312.11511 reports 79% right levels, 90% saved, 86.7% of the code right. Its authors' five test splits "
        f"hold {len(rows)} answers of the tuned model, without task ids; their recordings hold one trial of each model."
    )
    yield table(
        "figure|the paper|recomputed|the honest reading of the same data",
        [
            [
                "right levels",
                "79%",
                f"within one level {percent(near)}; any of five answers {percent(any_of)}",
                f"exact, first answer: {percent(exact)}",
            ],
            [
                "saved",
                f"90% ({percent(told)} by its shares)",
                f"{percent((100 - (exact * x + (1 - exact) * y)) / 100)} by its formula on the splits' answers",
                "always gpt35 saves 90.0% by the same formula, whatever the levels: it measures where tasks are sent, "
                "not whether they are solved there",
            ],
            ["code right", "86.7%", "no formula is given, and the splits name no tasks", _always(measured)],
        ],
    )
    yield from _code_right(measured)


def _always(measured: Measured) -> str:
    tasks = [task for task in measured.counts if all(task.trials.values())]
    shares = []
    for some in (tasks, [task for task in tasks if task.solved]):
        rights = (f"{name} {percent(fmean(task.successes[name] for task in some))}" for name in measured.ladder[1:])
        shares.append(f"{', '.join(rights)} of {len(some)}")
    return f"always the same model: {shares[0]} tasks; {shares[1]} that some model solved"


def _code_right(measured: Measured) -> Iterator[str]:
    labels = label_all(measured.counts, measured.ladder)
    single = label_all(measured.counts, measured.ladder, "tier")
    rows = []
    for tasks, keep in (("all", False), ("solved by some model", True)):
        for name, made in (("the paper's rule and assignment", labels), ("single-trial labels", single)):
            some = [row for row in made.rows if all(row.task.trials.values()) and (row.task.solved or not keep)]
            bench = Bench.of(replace(made, rows=tuple(some)))
            report = score_policies(
                play(bench, [known_assignment(made.rule, len(made.ladder)), *_simple(bench), Oracle()])
            ).scores
            score = report["assignment"]
            rows.append([f"{tasks} ({len(bench.cases)})", name, *_told(score)])
        rows += [[f"{tasks} ({len(bench.cases)})", policy, *_told(report[policy])] for policy in list(report)[1:-1]]
    yield (
        "The recordings, each verified by our sandbox, with **perfect labels**: levels made from the very trials that "
        "judge the assignment. With one trial the paper's rule sends level 2 (GPT-3.5 is right, Code Llama is wrong) "
        "to Code Llama. Tasks that no model solved are dropped before training in the paper; with single-trial labels "
        "the assignment then solves everything by construction."
    )
    yield table("tasks|policy|accuracy (95%)|cost|saving|vs zero-router, points", rows)


def _simple(bench: Bench) -> list[Policy]:
    return [Always(name, index) for index, name in enumerate(bench.ladder)]


def _told(score: Any) -> list[str]:
    right = points(score.accuracy, score.accuracy_ci).replace("+", "")
    return [right, f"{score.cost:.1f}", percent(score.saving), points(score.over_zero, score.over_zero_ci)]


def held_out_labels(data: Path) -> Iterator[str]:
    """Perfect labels on RouterDC's ten trials: made from five of them, judged on the other five."""
    measured = read_inputs([data / "outcomes" / LADDERS[2][1]], LADDERS[2][2])
    rng, draws = np.random.default_rng(0), []
    for _ in range(50):
        ours, theirs = [], []
        for task in measured.counts:
            drawn = {name: int(rng.hypergeometric(won, 10 - won, 5)) for name, won in task.successes.items()}
            five = dict.fromkeys(task.trials, 5)
            rest = {name: won - drawn[name] for name, won in task.successes.items()}
            ours.append(replace(task, trials=five, successes=drawn, planned=5))
            theirs.append(replace(task, trials=five, successes=rest, planned=5))
        known = label_all(ours, measured.ladder)
        rows = tuple(replace(row, task=task) for row, task in zip(known.rows, theirs, strict=True))
        bench = Bench.of(replace(known, rows=rows))
        assigned = known_assignment(known.rule, len(known.ladder))
        score = score_policies(play(bench, [assigned, *_simple(bench), Oracle()])).scores["assignment"]
        draws.append((score.accuracy, score.cost, score.over_zero))
    accuracy, cost, over = (fmean(column) for column in zip(*draws, strict=True))
    yield (
        f"The same assignment with the paper's five trials, on RouterDC's MBPP ({', '.join(measured.ladder)}): labels "
        f"from five of ten trials, judged on the other five, mean of 50 draws: {percent(accuracy)} right at cost "
        f"{cost:.1f}, {100 * over:+.1f} points against the zero router."
    )


PARTS = {part.__name__: part for part in (ladders, difftrust, paper, held_out_labels)}


def main() -> None:
    data, names = Path(sys.argv[1]), sys.argv[2:]
    if not names:
        print("# Routing\n\nWritten by `benchmarks/results/routing.py`.\n")
    for name in names or PARTS:
        for paragraph in PARTS[name](data):
            print(paragraph + "\n", flush=True)


if __name__ == "__main__":
    main()
