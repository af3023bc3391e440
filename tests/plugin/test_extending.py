"""One of each thing that another package can add, added from outside by an entry point: see CONTRIBUTING.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from small import RIGHT, TASKS, write_lines

PACKAGE = '''
from typing import ClassVar

import numpy as np

from pytest_complexity.calls import Step
from pytest_complexity.core.tasks import Task
from pytest_complexity.labels.rules import Rule
from pytest_complexity.learning.classifiers.base import TextClassifier
from pytest_complexity.models.scripted import ScriptedModel
from pytest_complexity.policies.always import Always
from pytest_complexity.suites.dataset import Dataset


def model(spec):
    return ScriptedModel(spec.name, right=spec.get("right", float, 1.0))


def suite(dataset):
    add = Task("Sums/1", "Write add(a, b).", ("assert add(1, 2) == 3",), code="def add(a, b):\\n    return a + b")
    return Dataset("sums", dataset or "few", "0" * 64, (add,))


def ever(argument, models):
    """The first model that solved the task at all."""
    return Rule("ever", lambda shares: next((k for k, share in enumerate(shares, 1) if share), None), tuple(range(models)))


def policy(setting):
    return [Always("the-first", 0)]


class FirstTrials:
    def __init__(self, plan, trials):
        self.plan, self.trials = plan, trials

    def first(self):
        return [key for key in self.plan if key.trial < self.trials]

    def after(self, outcome):
        return Step(skip={key: "not among the first" for key in self.plan if key.trial >= self.trials})


def first_trials(setup):
    return FirstTrials(setup.plan, int(setup.argument))


class WordClassifier(TextClassifier):
    """Looks for one word."""

    learned: ClassVar = {"shares": ("f", (2, "classes")), "rates": ("f", (2, "models"))}

    def _has(self, texts):
        return np.array(["hard" in text for text in texts], dtype=int)

    def _learn(self, texts, levels, counts):
        has = self._has(texts)
        self.shares_ = np.array([[(levels[has == k] == each).mean() for each in self.classes_] for k in (0, 1)])
        self.rates_ = np.array([counts[has == k].rates() for k in (0, 1)])

    def _predict(self, texts):
        return self.shares_[self._has(texts)], self.rates_[self._has(texts)]
'''
ENTRY_POINTS = """
[pytest_complexity.models]
parrot = extras:model
[pytest_complexity.suites]
sums = extras:suite
[pytest_complexity.rules]
ever = extras:ever
[pytest_complexity.policies]
the-first = extras:policy
[pytest_complexity.calls]
first = extras:first_trials
[pytest_complexity.classifiers]
word = extras:WordClassifier
"""


@pytest.fixture
def installed(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The directory of the small suite, and a distribution `extras` that processes started here can import."""
    site = suite.mkdir("site")
    (site / "extras.py").write_text(PACKAGE)
    information = site / "extras-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: extras\nVersion: 1\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    return suite


def command(*arguments: str) -> str:
    """What `pytest-complexity` prints, in a process of its own."""
    program = [sys.executable, "-c", "import sys; from pytest_complexity.cli import main; sys.exit(main())"]
    return subprocess.run([*program, *arguments], capture_output=True, text=True, check=True).stdout


def test_a_rule_and_a_policy_of_another_package_stand_in_the_report(installed: pytest.Pytester) -> None:
    line = {"text": "t", "trials": 2}
    write_lines(
        installed.path / "counts.jsonl",
        [
            {**line, "task_id": "T/1", "successes": {"small": 1, "large": 2}},
            {**line, "task_id": "T/2", "successes": {"small": 0, "large": 1}},
        ],
    )
    counts = str(installed.path / "counts.jsonl")
    labels = [json.loads(line) for line in command("label", counts, "--rule", "ever").splitlines()]
    assert [(line["level"], line["rule"]) for line in labels] == [(1, "ever"), (2, "ever")]
    command("report", counts, "--rule", "ever", "-o", str(installed.path / "out"))
    report = json.loads((installed.path / "out" / "report.json").read_text())
    assert report["levels"]["rule"] == "ever"
    assert report["policies"]["always-the-first"]["accuracy"] == 0.25


def test_a_model_adapter_and_a_call_policy_of_another_package_make_a_run(installed: pytest.Pytester) -> None:
    write_lines(installed.path / "tasks.jsonl", [{**task, "code": RIGHT[str(task["task_id"])]} for task in TASKS])
    result = installed.runpytest_subprocess("--cx-models=parrot", "--cx-trials=3", "--cx-calls=first:2", "--cx-run=run")
    assert result.ret == 0
    lines = [json.loads(line) for line in (installed.path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert [(line["model"], line["verdict"]) for line in lines] == [("parrot", "pass")] * 6
    assert {line["trial"] for line in lines} == {0, 1}
    assert json.loads((installed.path / "run" / "run.json").read_text())["calls"] == "first"


def test_a_suite_of_another_package_is_run_by_its_name(installed: pytest.Pytester) -> None:
    installed.makepyfile(
        test_small="import pytest\n@pytest.mark.complexity(suite='sums')\ndef test_sums(trial):\n    trial.verify()"
    )
    result = installed.runpytest_subprocess("--cx-models=parrot", "--cx-trials=1", "--cx-run=run")
    assert result.ret == 0
    assert json.loads((installed.path / "run" / "run.json").read_text())["suites"]["sums"]["dataset"] == "few"
    assert '"verdict": "pass"' in (installed.path / "run" / "outcomes.jsonl").read_text()


def test_a_classifier_of_another_package_is_trained_stored_and_used(installed: pytest.Pytester) -> None:
    texts = [f"{'A hard' if n % 2 else 'An easy'} task number {n * n} {'abcdefgh'[n % 8] * 9}" for n in range(60)]
    counts = [
        {"task_id": f"T/{n}", "text": text, "trials": 2, "successes": {"small": 0 if n % 2 else 2, "large": 2}}
        for n, text in enumerate(texts)
    ]
    write_lines(installed.path / "counts.jsonl", counts)
    directory = str(installed.path / "router")
    assert "word" in command("train", str(installed.path / "counts.jsonl"), "-o", directory, "--classifier", "word")
    assert command("route", directory, "A hard one.") == "large\n"
    assert command("route", directory, "An easy one.") == "small\n"


def test_what_another_package_breaks_is_one_line(installed: pytest.Pytester) -> None:
    (installed.path / "site" / "extras.py").write_text("import something_that_is_missing")
    for options in (
        ["--cx-models=parrot"],
        ["--cx-models=small,large", "--cx-replay=said.jsonl", "--cx-calls=first:2"],
    ):
        result = installed.runpytest_subprocess("--cx-trials=2", "--cx-run=run", *options)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*of extras:*ModuleNotFoundError: *something_that_is_missing*"])
