"""EvalPlus's suites: what their files hold becomes tasks whose base and further tests both tell."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import TaskError
from pytest_complexity.run.pipeline import program_of, verdicts_of
from pytest_complexity.sandbox import Sandbox
from pytest_complexity.suites import load_suite
from pytest_complexity.suites.official import OFFICIAL

MBPP = """import numpy as np
from math import inf


def assertion(out, exp, atol):
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"


inputs = INPUTS
results = RESULTS
for i, (inp, exp) in enumerate(zip(inputs, results)):
    assertion(NAME(*inp), exp, ATOL)
"""


def task(path: Path, inputs: str, results: str, name: str = "half", atol: str = "0") -> Task:
    test = MBPP.replace("INPUTS", inputs).replace("RESULTS", results).replace("NAME", name).replace("ATOL", atol)
    row = {"task_id": 8, "code": "", "prompt": "Do.", "test_imports": [], "test_list": ["assert True"], "test": test}
    path.write_text(json.dumps(row) + "\n")
    (only,) = load_suite("mbpp+", str(path)).tasks
    return only


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    with Sandbox() as made:
        yield made


@pytest.mark.parametrize(
    ("results", "atol", "returned", "passes"),
    [
        ("[0.5, 1.5]", "0", "x / 2", True),
        ("[0.5, 1.5]", "0", "x / 2 + 9e-7", True),  # floats agree to 1e-6
        ("[0.5, 1.5]", "0", "x / 2 + 9e-6", False),
        ("[0.5, 1.5]", "0.0001", "x / 2 + 9e-5", True),
        ("[0.5, 1.5]", "0", "[x / 2]", False),
        ("[0.5, 1.5]", "0", "None", False),
        ("[[0.5, 0.0], [1.5, 0.0]]", "0", "[x / 2 + 9e-7, 0.0]", True),
        ("[[0.5, 0.0], [1.5, 0.0]]", "0", "[x / 2 + 9e-7]", False),
        ("[[0.5, 0.0], [1.5, 0.0]]", "0", "(x / 2 + 9e-7, 0.0)", False),
        ("[inf, inf]", "0", "float('inf')", True),
        ("[inf, inf]", "0", "-float('inf')", False),
        ("['1', '3']", "0", "str(x)", True),
        ("['1', '3']", "0", "x", False),
    ],
)
def test_floats_agree_as_evalplus_has_it_and_all_else_is_equal(
    tmp_path: Path, sandbox: Sandbox, results: str, atol: str, returned: str, passes: bool
) -> None:
    made = task(tmp_path / "t.jsonl", "[[1], [3]]", results, atol=atol)
    check, base = verdicts_of(made, f"def half(x):\n    return {returned}\n", sandbox)
    assert (check.verdict is Verdict.PASS) == passes
    assert base is Verdict.PASS


@pytest.mark.parametrize(
    ("name", "inputs", "results", "returned", "passes"),
    [
        ("similar_elements", "[[[1, 2]]]", "[(1, 2)]", "[2, 1, 1]", True),
        ("similar_elements", "[[[1, 2]]]", "[(1, 2)]", "[2]", False),
        ("are_equivalent", "[[1]]", "[True]", "False", True),
        ("sum_div", "[[5]]", "[1]", "0", True),
        ("sum_div", "[[5]]", "[1]", "2", False),
        ("check_str", "[['a'], [1]]", "[True, True]", "5", True),
        ("check_str", "[['a']]", "[True]", "None", False),
        ("digit_distance_nums", "[[23, 156]]", "[6]", "7", True),  # 0-1, 2-5, 3-6
        ("digit_distance_nums", "[[23, 156]]", "[6]", "8", False),
        ("surface_Area", "[[4, 5]]", "[56]", "59", True),
    ],
)
def test_tasks_with_several_right_answers_have_their_own_oracle(
    tmp_path: Path, sandbox: Sandbox, name: str, inputs: str, results: str, returned: str, passes: bool
) -> None:
    made = task(tmp_path / "t.jsonl", inputs, results, name)
    check = sandbox.check(program_of(made, f"def {name}(*args):\n    return {returned}\n"))
    assert (check.verdict is Verdict.PASS) == passes


SLOW = "def half(x):\n    while x == 3:\n        pass\n    return x / 2\n"


def test_an_input_has_a_limit_of_its_own(tmp_path: Path, sandbox: Sandbox) -> None:
    made = task(tmp_path / "t.jsonl", "[[1], [3]]", "[0.5, 1.5]")
    check, base = verdicts_of(made, SLOW, sandbox)
    assert (check.verdict, base, check.detail) == (Verdict.TIMEOUT, Verdict.PASS, "this input takes too long")


def test_base_tests_have_a_limit_together_and_who_fails_them_fails_all(tmp_path: Path, sandbox: Sandbox) -> None:
    made = replace(task(tmp_path / "t.jsonl", "[[1]]", "[0.5]"), base_tests=("assert half(3) == 1.5",))
    check, base = verdicts_of(made, SLOW, sandbox)
    assert (check.verdict, base) == (Verdict.TIMEOUT, Verdict.TIMEOUT)


def test_a_prompt_shows_base_tests_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    task(path, "[[1]]", "[0.5]")
    assert load_suite("mbpp+", str(path)).showing(3).tasks[0].visible_tests == ("assert True",)


def test_a_file_of_another_form_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"task_id": 1, "test_list": [], "test": "assert f(1)"}) + "\n")
    with pytest.raises(TaskError, match=r"line 1, field 'test': ends with no call of the function"):
        load_suite("mbpp+", str(path))


@pytest.mark.parametrize(("suite", "file", "tasks"), [("humaneval+", "HumanEvalPlus", 164), ("mbpp+", "MbppPlus", 378)])
def test_the_official_files_give_every_task_a_base_and_further_inputs(
    shared: Path, suite: str, file: str, tasks: int
) -> None:
    path = shared / "evalplus" / f"{file}-OriginFmt.jsonl.gz"
    data = load_suite(suite, str(path))
    assert len(data.tasks) == tasks
    assert all(set(each.base_tests) < set(each.test_list) for each in data.tasks)
    assert all("def _check_plus(" in each.test_list[-1] for each in data.tasks)
    assert OFFICIAL[suite].url.endswith(path.name)
    with gzip.open(path) as unpacked:
        assert sum(1 for _ in unpacked) == tasks
    assert max(map(len, (each.tests for each in data.tasks))) < 20_000  # what a page shows of them


def test_references_pass_both_and_a_constant_neither(shared: Path, sandbox: Sandbox) -> None:
    for suite, file in (("humaneval+", "HumanEvalPlus"), ("mbpp+", "MbppPlus")):
        for made in load_suite(suite, str(shared / "evalplus" / f"{file}-OriginFmt.jsonl.gz")).tasks[:8]:
            assert sandbox.check(program_of(made, made.code)).verdict is Verdict.PASS, made.task_id
            assert sandbox.check(program_of(made, "")).verdict is not Verdict.PASS, made.task_id
