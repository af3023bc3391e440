"""From what was measured to labels, report and gates: the same for a run and for counts that others measured."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from pytest_complexity.gates import Gate, GateResult, check_gate, parse_gate
from pytest_complexity.inputs import Measured
from pytest_complexity.labels import Labels, label_all
from pytest_complexity.report import build, sentences
from pytest_complexity.report.markdown import markdown
from pytest_complexity.scoring import score_model, score_policies


@dataclass(frozen=True)
class Results:
    """What a run comes to."""

    labels: Labels
    report: Mapping[str, Any]

    def json(self) -> str:
        """`report.json`."""
        return json.dumps(self.report, indent=2, allow_nan=False) + "\n"

    def write(self, write: Callable[[str, str], None]) -> None:
        """Hands each file's name and text to `write`."""
        write("labels.jsonl", "".join(line + "\n" for line in self.labels.lines()))
        write("report.json", self.json())
        write("report.md", markdown(self.report))

    def text(self, *, width: int, markup: bool) -> str:
        """The report for a terminal of this width, with or without colours."""
        from rich.console import Console  # noqa: PLC0415  (`pytest --help` and `label` need no tables)

        from pytest_complexity.report.terminal import render  # noqa: PLC0415

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
        render(self.report, console)
        return "".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines())

    def print(self, file: IO[str]) -> None:
        """Prints it to a stream, with colours where that is a terminal."""
        file.write(self.text(width=100 if file.isatty() else 80, markup=file.isatty()))

    def labels_line(self) -> str:
        """How many tasks have which level, and how many none."""
        return sentences.levels(self.report)


def results_of(measured: Measured, rule: str | None = None) -> Results:
    """Labels and report of what was measured. Raises `LabelError` where the rule does not fit the ladder."""
    labels = label_all(measured.counts, measured.ladder, rule)
    models = {name: score_model(name, measured.counts, measured.outcomes) for name in measured.ladder}
    policies = score_policies(measured.counts, labels)
    unmeasured = sum(not outcome.verdict.measured for outcome in measured.outcomes)
    return Results(labels, build(models, policies, labels, unmeasured))


def parse_gates(texts: Sequence[str]) -> list[Gate]:
    """The gates of an option. Raises `GateError`."""
    return [parse_gate(text) for text in texts]


def check_gates(report: Mapping[str, Any], gates: Sequence[Gate]) -> list[GateResult]:
    """Each gate on a report."""
    return [check_gate(gate, report) for gate in gates]
