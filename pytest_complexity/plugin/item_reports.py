"""How an item is reported: its letter and word, and what the terminal says of unmeasured trials and wrong answers."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from _pytest.outcomes import OutcomeException

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.models import Unanswered
from pytest_complexity.run.pipeline import Skipped
from pytest_complexity.run.trial import Trial

NO_VERDICT = "no verdict"
#: What `-rA` and `-vv` print at most of wrong answers, in lines.
_SHOWN_WRONG = 100


class ItemReports:
    """Called on pytest's thread: `annotate` where an item runs, the rest where reports are printed.

    An item's report has `complexity`, its verdict or `NO_VERDICT`, and `complexity_reason`, a line that says why;
    `complexity_trial` and `complexity_model` name the trial. They cross from xdist's workers as strings.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def annotate(self, item: pytest.Item, call: pytest.CallInfo[None], report: Any, trial: Trial) -> None:
        """Turns a trial's outcome into the item's report: a wrong answer is data, an unmeasured trial an error."""
        raised = call.excinfo.value if call.excinfo is not None else None
        if isinstance(raised, Skipped):
            path, line, _ = item.location
            report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {raised}")
            return
        if isinstance(raised, Unanswered):
            verdict, detail = Verdict.UNMEASURED, str(raised)
        elif raised is None and trial.record_end() is None:
            trial.record_unmeasured("the test called neither trial.verify() nor trial.record()")
            report.complexity, report.outcome = NO_VERDICT, "failed"
            report.longrepr = f"{item.nodeid}: the test called neither trial.verify() nor trial.record()"
            return
        elif raised is not None:
            if not self._is_verdict(raised, trial):
                if trial.asserts and report.failed:  # a mistake of the test's own says nothing of the program
                    report.complexity = NO_VERDICT
                return
            assert trial.outcome is not None, "the exception was recorded"
            verdict, detail = trial.outcome.verdict, trial.outcome.detail
        else:
            assert trial.outcome is not None, "one of the cases above"
            verdict, detail = trial.outcome.verdict, trial.outcome.detail
        item.user_properties.append(("verdict", verdict.value))
        report.complexity, report.complexity_reason = verdict.value, detail
        report.complexity_trial, report.complexity_model = str(trial.key), trial.model
        if verdict is Verdict.UNMEASURED:
            report.outcome, report.longrepr = "failed", f"{trial.key}: not measured: {detail}"
        elif verdict is not Verdict.PASS and self._strict:
            report.outcome, report.longrepr = "failed", f"{trial.key}: {verdict.value}: {detail}"
        elif raised is not None:
            report.outcome, report.longrepr = "passed", None

    def _is_verdict(self, raised: BaseException, trial: Trial) -> bool:
        """Whether the exception is the answer's verdict; pytest.fail, skip and xfail keep pytest's meaning."""
        if trial.asserts and trial.record_exception(raised) is not None:
            return True
        if isinstance(raised, OutcomeException) or not isinstance(raised, Exception):
            if not isinstance(raised, pytest.skip.Exception | pytest.xfail.Exception | KeyboardInterrupt):
                with contextlib.suppress(Unanswered, Skipped):
                    trial.record_unmeasured(f"the test failed: {raised}")
            return False
        if trial.asserts:
            trial.record_unmeasured(f"the test failed: {type(raised).__name__}: {raised}")
        return trial.record_exception(raised) is not None

    @staticmethod
    def status(report: Any) -> Any:
        """The category, letter and word of a report; None for those of pytest's own."""
        verdict = getattr(report, "complexity", None)
        if verdict is None or report.when != "call":
            return None
        if verdict in (Verdict.UNMEASURED.value, NO_VERDICT):
            return "error", "E", (verdict.upper(), {"red": True})
        if report.failed:
            return "failed", "F", (f"FAILED ({verdict})", {"red": True})
        if verdict == Verdict.PASS.value:
            return None
        return "wrong", "w", ("WRONG" if verdict == "wrong" else f"WRONG ({verdict})", {"yellow": True})

    @contextlib.contextmanager
    def truncate_unmeasured_errors(self, reporter: pytest.TerminalReporter) -> Iterator[None]:
        """While pytest lists its errors, one for each model and reason stands for all that are alike."""
        errors = reporter.stats.get("error", [])
        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for report in errors:
            if getattr(report, "complexity", None) == Verdict.UNMEASURED.value:
                reason = re.sub(r"\d[\d.]*", "#", report.complexity_reason)
                groups[report.complexity_model, reason].append(report)
        hidden = {id(report) for alike in groups.values() for report in alike[1:]}
        if hidden:
            reporter.stats["error"] = [report for report in errors if id(report) not in hidden]
        yield
        reporter.stats["error"] = errors
        if not errors:
            del reporter.stats["error"]
        for (model, _), alike in groups.items():
            if len(alike) > 1:
                reporter.write_line(f"complexity: {len(alike)} trials of {model} were not measured: {_reason(alike)}")
        if groups:
            reporter.write_line("complexity: run again to continue: what was answered is kept")

    @staticmethod
    def explain_wrong_answers(reporter: pytest.TerminalReporter) -> None:
        """Under `-vv` or `-rA`, why each wrong answer was wrong."""
        reports = reporter.stats.get("wrong", [])
        if not reports or (reporter.config.option.verbose < 2 and "A" not in reporter.config.option.reportchars):
            return
        reporter.write_sep("=", "wrong answers")
        for report in reports[:_SHOWN_WRONG]:
            reason = f": {report.complexity_reason}" if report.complexity_reason else ""
            reporter.write_line(f"{report.complexity_trial}: {report.complexity}{reason}")
        if len(reports) > _SHOWN_WRONG:
            rest = len(reports) - _SHOWN_WRONG
            reporter.write_line(f"... and {rest} more, in report.html and outcomes.jsonl of the run directory")


def _reason(alike: Sequence[Any]) -> str:
    return str(alike[0].complexity_reason)
