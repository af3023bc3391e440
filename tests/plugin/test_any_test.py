"""A test body that holds the assertions itself: `trial.function` and `trial.check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from small import write_lines

SAID = {
    "right": "def double(x):\n    return 2 * x\n",
    "nearly": "def double(x):\n    return 2 * x if x < 1000 else x\n",
    "raises": "def double(x):\n    if x > 5:\n        raise ValueError(f'{x} is too much')\n    return 2 * x\n",
    "loops": "def double(x):\n    while x > 5: pass\n    return 2 * x\n",
    "leaves": "import os\ndef double(x):\n    os._exit(3)\n",
    "fills": "def double(x):\n    return bytearray(2 ** 34)\n",
    "unnamed": "def triple(x):\n    return 3 * x\n",
    "strange": "def double(x):\n    return (2 * y for y in [x])\n",
    "broken": "def double(x:\n",
    "silent": "I do not know.",
    "slow when wrong": "import time\ndef double(x):\n    if x > 99: time.sleep(0.4); return x\n    return 2 * x\n",
    "forgetful": "seen = set()\ndef double(x):\n    if x > 50 and x not in seen:\n        seen.add(x)\n        return x\n    return 2 * x\n",
}
HEAD = """
import pytest
from hypothesis import given, settings, strategies as st
from pytest_complexity import Task

TASKS = [Task("T/1", "Write double(x).")]
"""
PROPERTY = (
    HEAD
    + """
@pytest.mark.complexity(tasks=TASKS)
def test_property(trial):
    double = trial.function("double")

    @given(st.integers(0, 10**6))
    def holds(x):
        assert double(x) == 2 * x

    trial.check(holds)
"""
)


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """pytest on a suite, each model of the ladder with one of the answers."""

    def run(suite: str, *args: str, models: str) -> pytest.RunResult:
        pytester.makepyfile(test_any=suite)
        names = models.split(",")
        answers = [{"task_id": "T/1", "model": name, "trial": 0, "completion": SAID[name]} for name in names]
        write_lines(pytester.path / "said.jsonl", answers)
        options = [f"--cx-models={models}", "--cx-replay=said.jsonl", "--cx-trials=1", "--cx-run=run", "--cx-timeout=2"]
        return pytester.runpytest_subprocess(*options, *args, timeout=120)

    return run


@pytest.fixture
def told(pytester: pytest.Pytester) -> Callable[[], dict[str, tuple[str, str]]]:
    """The verdict and its detail by model."""

    def read() -> dict[str, tuple[str, str]]:
        rows = [json.loads(line) for line in (pytester.path / "run" / "outcomes.jsonl").read_text().splitlines()]
        return {row["model"]: (row["verdict"], row["detail"]) for row in rows}

    return read


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_hypothesis_test_gets_its_verdict_from_the_program(
    run: Callable[..., pytest.RunResult], told: Callable[..., Any], workers: str
) -> None:
    models = "right,nearly,raises,loops,leaves,fills,unnamed,strange,broken,silent"
    result = run(PROPERTY, "-n", workers, models=models)
    assert result.ret == 0
    expected = {
        "right": ("pass", ""),
        "nearly": ("wrong", "Falsifying example: holds(x=1000); assert 1000 == (2 * 1000) + where 1000 = double(1000)"),
        "raises": ("error", "Falsifying example: holds(x=6); ValueError: 6 is too much"),
        "loops": ("timeout", "Falsifying example: holds(x="),
        "leaves": ("exit", "exit status 3"),
        "fills": ("memory", "MemoryError"),
        "unnamed": ("error", "NameError: name 'double' is not defined"),
        "strange": (
            "error",
            "Falsifying example: holds(x=0); double() returned a value of type generator, which does not cross out of the sandbox",
        ),
        "broken": ("error", "SyntaxError: '(' was never closed"),
        "silent": ("no_code", ""),
    }
    assert {name: verdict for name, (verdict, _) in told().items()} == {name: row[0] for name, row in expected.items()}
    assert [name for name, row in told().items() if expected[name][1] not in row[1]] == []


def test_a_program_that_stops_the_search_for_a_smaller_example_is_wrong_all_the_same(
    run: Callable[..., pytest.RunResult], told: Callable[..., Any]
) -> None:
    assert run(PROPERTY, models="slow when wrong,forgetful").ret == 0
    for verdict, detail in told().values():
        assert verdict == "wrong"
        assert detail.startswith("Falsifying example: holds(x=")


def test_the_body_may_hold_the_assertions(run: Callable[..., pytest.RunResult], told: Callable[..., Any]) -> None:
    body = '\n@pytest.mark.complexity(tasks=TASKS)\ndef test_it(trial):\n    double = trial.function("double")\n'
    asserts = "    assert double(1000) == 2000\n"
    result = run(HEAD + body + asserts, models="right,nearly,raises")
    assert result.ret == 0
    result.assert_outcomes(passed=1)
    assert {name: verdict for name, (verdict, _) in told().items()} == {
        "right": "pass",
        "nearly": "wrong",
        "raises": "error",
    }


def test_an_exception_of_the_program_can_be_caught(
    run: Callable[..., pytest.RunResult], told: Callable[..., Any]
) -> None:
    body = """
@pytest.mark.complexity(tasks=TASKS)
def test_it(trial):
    double = trial.function("double")
    with pytest.raises(ValueError, match="6 is too much"):
        double(6)
"""
    run(HEAD + body, models="right,raises,leaves")
    assert {name: verdict for name, (verdict, _) in told().items()} == {
        "right": "wrong",
        "raises": "pass",
        "leaves": "exit",
    }


@pytest.mark.parametrize(
    "mistake",
    ["double(object())", "double(2)\n    undefined", "trial.check(lambda: 1 / 0)"],
    ids=["value", "name", "in check"],
)
def test_a_mistake_of_the_test_is_an_error_and_no_verdict(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, mistake: str
) -> None:
    body = f'\n@pytest.mark.complexity(tasks=TASKS)\ndef test_it(trial):\n    double = trial.function("double")\n    {mistake}\n'
    result = run(HEAD + body, models="right")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=1)
    (line,) = (pytester.path / "run" / "outcomes.jsonl").read_text().splitlines()
    assert json.loads(line)["verdict"] == "unmeasured"


def test_several_checks_pass_together_and_the_first_that_fails_holds(
    run: Callable[..., pytest.RunResult], told: Callable[..., Any]
) -> None:
    body = """
@pytest.mark.complexity(tasks=TASKS)
def test_it(trial):
    double = trial.function("double")
    for x in (1, 1000, 2):
        def holds():
            assert double(x) == 2 * x, x
        trial.check(holds)
"""
    run(HEAD + body, models="right,nearly")
    assert told()["right"] == ("pass", "")
    assert told()["nearly"][0] == "wrong"
    assert told()["nearly"][1].startswith("1000")


FILE_SUITE = """
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_it(trial):
    trial.verify()
"""
TASK = {"task_id": "T/1", "text": "Write double(x).", "test_file": "tests/double.py"}


def test_a_task_s_test_file_decides(
    run: Callable[..., pytest.RunResult], told: Callable[..., Any], pytester: pytest.Pytester
) -> None:
    write_lines(pytester.path / "tasks.jsonl", [TASK])
    pytester.mkdir("tests")
    (pytester.path / "tests" / "double.py").write_text("def test_a(tmp_path):\n    assert double(1000) == 2000\n")
    assert run(FILE_SUITE, models="right,nearly").ret == 0
    assert told() == {"right": ("pass", ""), "nearly": ("wrong", "assert double(1000) == 2000: got 1000")}
    (line,) = (pytester.path / "run" / "tasks.jsonl").read_text().splitlines()
    assert "double(1000)" in json.loads(line)["tests"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "tests/double.py cannot be read: No such file"),
        ("def test_a(:", "tests/double.py is no Python"),
        (" ", "tests/double.py is empty"),
    ],
)
def test_a_test_file_that_cannot_be_used_is_told_with_its_task(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, text: str | None, said: str
) -> None:
    write_lines(pytester.path / "tasks.jsonl", [TASK])
    pytester.mkdir("tests")
    if text is not None:
        (pytester.path / "tests" / "double.py").write_text(text)
    result = run(FILE_SUITE, models="right")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*tasks.jsonl, line 1, field 'test_file': *{said}*"])


def test_a_pass_without_a_negative_control_is_counted_and_its_task_named(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    write_lines(
        pytester.path / "tasks.jsonl",
        [
            {
                "task_id": "T/1",
                "text": "Write double(x).",
                "test_list": ["if double(1000) != 2000: raise AssertionError"],
            }
        ],
    )
    result = run(FILE_SUITE, models="right,nearly")
    report = json.loads((pytester.path / "run" / "report.json").read_text())["run"]
    assert (report["uncontrolled"], report["uncontrolled_tasks"]) == (1, ["T/1"])
    result.stdout.fnmatch_lines(["*1 passes without a negative control*"])
    lines = (pytester.path / "run" / "outcomes.jsonl").read_text().splitlines()
    assert ["uncontrolled" in json.loads(line) for line in lines] == [True, False]


def test_why_the_sandbox_isolates_less_is_told_once(run: Callable[..., pytest.RunResult]) -> None:
    less = """
from pytest_complexity.sandbox import levels
levels.choose = lambda wanted: ("process", "namespaces: bubblewrap is not installed")
"""
    result = run(
        less
        + FILE_SUITE.replace('"tasks.jsonl"', '[Task("T/1", "Write double(x).", ("assert double(1) == 2",))]').replace(
            "import pytest", "import pytest\nfrom pytest_complexity import Task"
        ),
        models="right",
    )
    said = [line for line in result.stdout.lines if "bubblewrap is not installed" in line]
    assert said == [
        "complexity: the sandbox's level is process, for namespaces: bubblewrap is not installed. See doctor"
    ]
