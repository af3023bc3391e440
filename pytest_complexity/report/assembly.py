"""From what was measured to labels, report and gates: the same for a run and for counts that others measured."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_complexity.core.predictions import Prediction
from pytest_complexity.errors import ChoiceError
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.labels.stability import Stability
from pytest_complexity.policies import Policy, PromptPolicy
from pytest_complexity.policies.chosen import Chosen
from pytest_complexity.policies.mix import Mix
from pytest_complexity.policies.registry import roster
from pytest_complexity.report import Findings, build, sentences
from pytest_complexity.report.gates import Gate, GateResult, check_gate, parse_gate
from pytest_complexity.report.html import page
from pytest_complexity.report.markdown import markdown
from pytest_complexity.report.regression import check_baseline, read_baseline
from pytest_complexity.run.choices import Choices
from pytest_complexity.run.directory import RunRecord
from pytest_complexity.run.inputs import Measured
from pytest_complexity.scoring.models import score_model
from pytest_complexity.scoring.policies import Bench, controls, play, score_policies
from pytest_complexity.scoring.routing_gain import assess, non_nested, router_curve

if TYPE_CHECKING:
    from pytest_complexity.learning.training.evaluation import Evaluation
    from pytest_complexity.scoring.cascades import Cascades


@dataclass(frozen=True)
class Routed:
    """What a trained router says of the measured tasks: a prediction for each, in their order.

    `routers` are the ways to use it, the one to assess first; `prices` what it takes calls to cost, in ladder order;
    `rule` the one that it was trained by; `evaluation` how right it is, None where no task has a level.
    """

    predictions: Sequence[Prediction]
    routers: Sequence[PromptPolicy]
    prices: Sequence[float]
    rule: str | None = None
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Results:
    """What a run comes to; `run` is what it was made from, where more than counts is known."""

    labels: Labels
    report: Mapping[str, Any]
    run: RunRecord | None = None

    def told(self, calls: Mapping[str, Any]) -> Results:
        """The same with what a call policy has to say."""
        return replace(self, report={**self.report, "calls": calls})

    def json(self) -> str:
        """`report.json`, each task on a line of its own."""
        head = json.dumps({k: v for k, v in self.report.items() if k != "tasks"}, indent=2, allow_nan=False)
        rows = ",\n".join("    " + json.dumps(row, allow_nan=False) for row in self.report["tasks"])
        return head.removesuffix("\n}") + f',\n  "tasks": [\n{rows}\n  ]\n}}\n'

    def write(
        self,
        write: Callable[[str, str], None],
        *,
        checked: Sequence[GateResult] = (),
        baseline: Mapping[str, Any] | None = None,
    ) -> None:
        """Hands each file's name and text to `write`; the page tells what was `checked`, and against which report."""
        write("labels.jsonl", "".join(line + "\n" for line in self.labels.lines()))
        write("report.json", self.json())
        write("report.md", markdown(self.report, checked))
        write("report.html", page(self.report, self.run, checked, baseline))

    def text(self, *, width: int, markup: bool, only_router: bool = False) -> str:
        """The report for a terminal of this width, with or without colours; or of the router alone."""
        from rich.console import Console  # noqa: PLC0415  (`pytest --help` and `label` need no tables)

        from pytest_complexity.report import terminal  # noqa: PLC0415

        buffer = io.StringIO()
        colours = "standard" if markup else None
        # A model's name may hold what rich would read as markup or as an emoji.
        console = Console(
            file=buffer,
            width=width,
            force_terminal=markup,
            color_system=colours,  # type: ignore[arg-type]
            markup=False,
            emoji=False,
        )
        (terminal.router_alone if only_router else terminal.render)(self.report, console)
        return "".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines())

    def print(self, file: IO[str], *, only_router: bool = False) -> None:
        """Prints it to a stream, with colours where that is a terminal."""
        tty = file.isatty()
        file.write(self.text(width=100 if tty else 80, markup=tty, only_router=only_router))

    def labels_line(self) -> str:
        """How many tasks have which level, and how many none."""
        return sentences.levels(self.report)


def results_of(
    measured: Measured,
    rule: str | None = None,
    *,
    routed: Routed | None = None,
    choices: Sequence[Choices] = (),
    seed: int = 0,
) -> Results:
    """Labels and report of what was measured. Raises `LabelError` where the rule does not fit the ladder.

    `choices` of other routers become policies, each beside a shuffle of its own. Raises `ChoiceError` where they leave
    tasks out.
    """
    labels = label_all(measured.counts, measured.ladder, rule or (routed.rule if routed else None))
    stability = Stability(labels)
    bench = Bench.of(labels, routed.predictions if routed else None)
    played = play(bench, _with(choices, bench, roster(bench.setting(labels.rule, routed.routers if routed else ()))))
    cascades = _cascades(bench, measured, seed)
    played = cascades.joined(played) if cascades else played
    scored = score_policies(played, seed)
    assessment = assess(played, scored, seed, leaked=bool(routed and routed.evaluation and routed.evaluation.leaked))
    compared = assessment is not None and assessment.finding != "no_policy"
    blind = play(bench, controls(played, assessment.policy)) if assessment and compared else None
    policies = {**scored.scores, **(score_policies(blind, seed).scores if blind else {})}
    calls = measured.run.config.get("calls", "all") if measured.run else "all"
    # One set of tasks for both tables; where calls were left out, few tasks have a trial of every model.
    same = bench.tasks if bench.tasks and calls == "all" else measured.counts
    times: dict[str, list[float]] = {name: [] for name in measured.ladder}
    for key, said in measured.run.completions.items() if measured.run else ():
        if key.model in times and said.seconds is not None:
            times[key.model].append(said.seconds)
    findings = Findings(
        labels=labels,
        stability=stability,
        least_stable=stability.least_stable(),
        unmeasured=sum(not outcome.verdict.measured for outcome in measured.outcomes),
        uncontrolled=[outcome.task_id for outcome in measured.outcomes if outcome.uncontrolled],
        models={name: score_model(name, same, measured.outcomes, times[name]) for name in measured.ladder},
        played=played,
        policies=policies,
        assessment=assessment,
        curve=router_curve(played, routed.prices, seed) if routed else None,
        nested=non_nested(bench, seed),
        router=routed.evaluation if routed else None,
        cascades=cascades,
        calls=calls,
    )
    return Results(labels, build(findings), measured.run)


def _with(choices: Sequence[Choices], bench: Bench, policies: list[Policy]) -> list[Policy]:
    """The policies with those of the choices in front."""
    taken = {policy.name for policy in policies} | {"shuffled", "zero-router"}
    chosen: list[Policy] = []
    for each in choices:
        if each.name in taken:
            raise ChoiceError(f"--choices {each.name}={each.path}: {each.name!r} is another policy's name. Use another")
        shares = each.on(bench.tasks)
        chosen.append(Chosen(each.name, shares))
        if shares:
            mean = [sum(column) / len(shares) for column in zip(*shares, strict=True)]
            chosen.append(Mix(f"{each.name} shuffled", mean))
        taken |= {policy.name for policy in chosen}
    return [*chosen, *policies]


def _cascades(bench: Bench, measured: Measured, seed: int) -> Cascades | None:
    """None too where calls were chosen by what came before: their trials are no sample of what a model answers."""
    shown = any(outcome.visible is not None for outcome in measured.outcomes)
    if not shown or not bench.cases or (measured.run and measured.run.config.get("calls", "all") != "all"):
        return None
    from pytest_complexity.learning.near_duplicates import groups, sketches  # noqa: PLC0415  (most commands need none)
    from pytest_complexity.scoring.cascades import cascades  # noqa: PLC0415

    return cascades(bench, measured.outcomes, lambda texts: groups(sketches(texts)), seed)


def check_router(directory: Path, ladder: Sequence[str], rule: str | None = None) -> None:
    """Raises `TrainedError` where the router is damaged, or for another ladder or rule: before any model is called."""
    route_on(Measured(tuple(ladder), ()), directory, rule)


def route_on(measured: Measured, directory: Path, rule: str | None = None, seed: int = 0) -> Routed:
    """A trained router, and what it says of these tasks, by its own rule unless another is named.

    Raises `TrainedError` where it is damaged, or for another ladder or rule.
    """
    from pytest_complexity.learning.model_store import load_baselines  # noqa: PLC0415
    from pytest_complexity.learning.router import Router  # noqa: PLC0415
    from pytest_complexity.learning.training.evaluation import evaluate  # noqa: PLC0415  (heavy, and most reports have no router)

    router = Router.load(directory)
    labels = label_all(measured.counts, measured.ladder, rule or router.trained.rule)
    evaluation = evaluate(router.trained, labels, load_baselines(directory), seed)
    predictions = router.trained.predict([task.text for task in measured.counts])
    return Routed(predictions, router.policies, router.trained.costs, labels.rule, evaluation)


@dataclass(frozen=True)
class Checks:
    """What decides over the exit status: gates, and an earlier report with the loss to put up with."""

    gates: tuple[Gate, ...] = ()
    baseline: Mapping[str, Any] | None = None
    margin: float = 0.0

    @classmethod
    def read(
        cls, gates: Sequence[str], baseline: Path | None = None, margin: float = 0.0, option: str = "--cx-gate"
    ) -> Checks:
        """As the options say; `option` is the gates'. Raises `GateError`."""
        return cls(
            tuple(parse_gate(gate, option) for gate in gates), read_baseline(baseline) if baseline else None, margin
        )

    def of(self, report: Mapping[str, Any], seed: int = 0) -> list[GateResult]:
        """Each of them on a report."""
        results = [check_gate(gate, report) for gate in self.gates]
        return results + (check_baseline(report, self.baseline, self.margin, seed) if self.baseline else [])
