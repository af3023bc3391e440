"""What somebody meets on the first day: a suite among other tests, checks of one's own, parameters, money."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers import ChatServer, error, said
from small import RIGHT, TASKS, Runner, write_lines

Outcomes = Callable[..., dict[str, dict[str, Any]]]
DOCS = Path(__file__).parents[2] / "docs"

JSON_SUITE = """
import json
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_small(trial):
    answer = json.loads(trial.completion)
    assert answer != 2, "two is not one"
    trial.record(answer == 1)
"""


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_an_exception_over_the_answer_is_its_verdict(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes, way: str
) -> None:
    suite.makepyfile(test_small=JSON_SUITE)
    answers = {"T/1": "1", "T/2": "not JSON", "T/3": "2"}
    lines = [{"task_id": task, "model": "small", "trial": 0, "completion": text} for task, text in answers.items()]
    write_lines(suite.path / "said.jsonl", lines)
    result = run(way, "--cx-trials=1", models="small")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*3 of 3 trials measured*"])
    found = {key: (row["verdict"], row["detail"]) for key, row in outcomes().items()}
    assert found["T/1-small-0"] == ("pass", "")
    assert found["T/2-small-0"] == ("error", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
    assert found["T/3-small-0"] == ("wrong", "two is not one")


def test_a_test_that_fails_itself_leaves_the_trial_unmeasured_and_the_headline_says_so(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes
) -> None:
    body = "    assert trial.completion\n    pytest.fail('the service is down')\n"
    suite.makepyfile(
        test_small=f"import pytest\n\n@pytest.mark.complexity(tasks='tasks.jsonl')\ndef test_small(trial):\n{body}"
    )
    result = run("-k", "T/1-small-0")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 unmeasured*"])
    assert outcomes()["T/1-small-0"]["detail"] == "the test failed: the service is down"


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_a_further_parameter_makes_a_variant_of_the_suite(run: Runner, suite: pytest.Pytester, way: str) -> None:
    suite.makepyfile(
        test_small="""
import pytest

@pytest.mark.parametrize("longest", [10, 1000], ids=["short", "long"])
@pytest.mark.complexity(tasks="tasks.jsonl")
def test_small(trial, longest):
    trial.record(len(trial.completion) <= longest)
"""
    )
    result = run(way, "-k", "T/1-small-0")
    assert result.ret == 0
    rows = [json.loads(line) for line in (suite.path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert {row["suite"]: row["verdict"] for row in rows} == {"small[short]": "wrong", "small[long]": "pass"}


PLAIN = "def test_plain():\n    pass\n"


@pytest.mark.parametrize("selection", [[], ["-k", "plain"], ["test_small.py::test_plain"], ["-n2"]])
def test_a_suite_without_models_does_not_stop_other_tests(suite: pytest.Pytester, selection: list[str]) -> None:
    (suite.path / "test_small.py").write_text((suite.path / "test_small.py").read_text() + "\n" + PLAIN)
    result = suite.runpytest_subprocess("-rs", *selection)
    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=1 if selection in ([], ["-n2"]) else 0, deselected=int("-k" in selection))
    if not selection:
        result.stdout.fnmatch_lines(["SKIPPED*suite 'small' has no models: give --cx-models=A,B,C*"])


def test_models_of_the_ini_file_are_checked_when_a_test_needs_them(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    suite.makepyprojecttoml("[tool.pytest]\ncx_models = 'gpt4'\n")
    (suite.path / "test_plain.py").write_text(PLAIN)
    suite.runpytest_subprocess("-k", "plain").assert_outcomes(passed=1, deselected=15)
    result = suite.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*model 'gpt4': no key: set OPENAI_API_KEY*"])


def test_an_assertion_that_is_not_python_is_told_before_the_first_call(run: Runner, suite: pytest.Pytester) -> None:
    broken = {"task_id": "T/4", "text": "Write f().", "test_list": ["assert f() == 1", "assert f( =="]}
    write_lines(suite.path / "tasks.jsonl", [*TASKS, broken])
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tasks.jsonl, task 'T/4', field 'test_list': entry 2: not Python (*"])
    assert not (suite.path / "run").exists()


# -- money ------------------------------------------------------------------------------------------------------------


def answer(asked: dict[str, Any]) -> Any:
    prompt = asked["messages"][-1]["content"]
    text = next(code for task, code in RIGHT.items() if code.split("(")[0].removeprefix("def ") in prompt)
    return said(*[text] * asked.get("n", 1), prompt=10, completion=6)


def priced(suite: pytest.Pytester, server: ChatServer, price: float = 1000.0) -> None:
    suite.makepyprojecttoml(
        f'[tool.pytest-complexity.models.local]\nadapter = "openai"\nmodel = "tiny"\nurl = "{server.url}"\n'
        f"input_price = {price}\noutput_price = {price}\nmax_tokens = 20\nmany = false\n"
    )


def test_what_was_paid_for_is_found_again_whatever_is_selected(suite: pytest.Pytester) -> None:
    """With the default run directory; the two files are two suites of the same form."""
    (suite.path / "test_other.py").write_text((suite.path / "test_small.py").read_text())
    with ChatServer(answer) as server:
        priced(suite, server)
        options = ["--cx-models=local", "--cx-trials=1"]
        assert suite.runpytest_subprocess(*options).ret == 0
        assert len(server.asked) == 6
        for selection in (["test_other.py"], ["-k", "test_small"], ["test_small.py::test_small"], []):
            result = suite.runpytest_subprocess(*options, *selection)
            assert result.ret == 0
            result.stdout.fnmatch_lines(["spent $0.0000 in this session, $0.* in earlier ones"])
        assert len(server.asked) == 6


def test_a_changed_prompt_is_asked_again(suite: pytest.Pytester) -> None:
    with ChatServer(answer) as server:
        priced(suite, server)
        options = ["--cx-models=local", "--cx-trials=1"]
        suite.runpytest_subprocess(*options)
        write_lines(suite.path / "tasks.jsonl", [{**TASKS[0], "text": "Write double(x), please."}, *TASKS[1:]])
        suite.runpytest_subprocess(*options)
        assert len(server.asked) == 4


def test_a_corrected_price_lets_a_run_go_on(run: Runner, suite: pytest.Pytester) -> None:
    with ChatServer(answer) as server:
        priced(suite, server)
        assert run("--cx-trials=1", models="local", replay="").ret == 0
        priced(suite, server, price=500.0)
        result = run("--cx-trials=1", "--cx-max-cost=9", models="local", replay="")
        assert result.ret == 0
        result.stdout.fnmatch_lines(["spent $0.0000 in this session, $0.0240 in earlier ones, cap $9.00"])
        result = run("--cx-trials=1", "--cx-temperature=0.5", models="local", replay="")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["*model local has another temperature. Undo the change, or name another directory: --cx-run*"]
        )


# -- what a person sees -----------------------------------------------------------------------------------------------


def test_the_last_lines_say_where_the_page_is(run: Runner) -> None:
    run().stdout.fnmatch_lines(["open run/report.html in a browser to see each answer"])


@pytest.mark.parametrize("option", ["-vv", "-rA"])
def test_it_is_said_why_an_answer_was_wrong(run: Runner, option: str) -> None:
    result = run(option)
    result.stdout.fnmatch_lines(["*= wrong answers =*", "T/2-small-0: error: ValueError: 2", "T/3-small-0: no_code"])
    assert "wrong answers" not in run("-v").stdout.str()


def test_a_server_that_dies_is_one_line_with_its_address(run: Runner, suite: pytest.Pytester) -> None:
    write_lines(suite.path / "tasks.jsonl", [{**TASKS[0], "task_id": f"T/{n}"} for n in range(20)])
    with ChatServer(lambda _: error(401, "gone")) as server:
        result = run(models=server.spec, replay="")
        address = server.url
    assert result.ret == 1
    lines = [line for line in result.stdout.lines if "not measured" in line or line.startswith("ERROR ")]
    assert len(lines) <= 4
    result.stdout.fnmatch_lines([f"complexity: 40 trials of local were not measured: {address}: *gone*"])
    result.stdout.fnmatch_lines(["complexity: run again to continue: what was answered is kept"])


# -- the scripted model, and the examples of the documentation ---------------------------------------------------------


def test_the_scripted_model_works_from_the_command_line(run: Runner, suite: pytest.Pytester) -> None:
    write_lines(suite.path / "tasks.jsonl", [{**task, "code": RIGHT[str(task["task_id"])]} for task in TASKS[:2]])
    run(models="scripted", replay="").stdout.fnmatch_lines(["*4 passed*"])
    write_lines(suite.path / "tasks.jsonl", TASKS)
    result = run(models="scripted", replay="", to="none")
    result.stdout.fnmatch_lines(
        ["*answers with the reference solution, and T/1 has none: give the task a field 'code'*"]
    )


EXAMPLES = re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_of_the_api_runs_as_it_stands(pytester: pytest.Pytester, number: int) -> None:
    pytester.makepyfile(test_mine=EXAMPLES[number])
    result = pytester.runpytest_subprocess("--cx-models=scripted", "--cx-trials=2", "-vv")
    assert result.ret == 0
    found = result.parseoutcomes()
    assert found.get("passed", 0) >= 2
    assert "errors" not in found
