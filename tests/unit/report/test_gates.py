"""Gates: what is written is what is compared, and what is not known never passes."""

from __future__ import annotations

import operator
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.errors import GateError
from pytest_complexity.report.gates import check_gate, parse_gate

OPERATORS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt}
REPORT: dict[str, Any] = {
    "models": {"gpt-3.5": {"accuracy": 0.7, "accuracy_ci": [0.6, 0.8], "cost_usd": None}},
    "levels": {"rule": "tier", "counts": {"1": 3, "2": 0}},
    "flag": True,
}

plain = st.from_regex(r"[\w\-/@:]+", fullmatch=True)
quoted = st.text(min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
blanks = st.sampled_from(["", " ", "  "])


@given(
    st.lists(st.tuples(plain | quoted, st.booleans()), min_size=1, max_size=4),
    st.sampled_from(list(OPERATORS)),
    numbers,
    blanks,
    blanks,
)
def test_a_gate_is_read_as_it_was_written(
    steps: list[tuple[str, bool]], op: str, number: float, before: str, after: str
) -> None:
    def written(name: str, quote: bool) -> str:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"' if quote or not re.fullmatch(r"[\w\-/@:]+", name) else name

    path = ".".join(written(*step) for step in steps)
    gate = parse_gate(f"{after}{path}{before}{op}{after}{number!r}{before}")
    assert gate.path == tuple(name for name, _ in steps)
    assert (gate.operator, gate.number) == (op, number)


@pytest.mark.parametrize("op", list(OPERATORS))
@given(value=numbers, number=numbers)
def test_each_operator_compares_as_in_python(op: str, value: float, number: float) -> None:
    result = check_gate(parse_gate(f"a.b {op} {number!r}"), {"a": {"b": value}})
    assert result.passed == OPERATORS[op](value, number)
    assert result.message.startswith(f"gate {'passed' if result.passed else 'failed'}: a.b {op} ")


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('models."gpt-3.5".accuracy >= 0.7', True),
        ('models."gpt-3.5".accuracy > 0.7', False),
        ('models."gpt-3.5".accuracy_ci.0 >= 0.6', True),
        ("levels.counts.2 == 0", True),
        ("levels.counts.1 < 3e0", False),
    ],
)
def test_a_gate_reads_the_report(text: str, passed: bool) -> None:
    assert check_gate(parse_gate(text), REPORT).passed is passed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modles.a.accuracy > 0", "report.json has no 'modles'; there are models, levels, flag"),
        ("models.gpt4.accuracy > 0", "models has no 'gpt4'; there are gpt-3.5"),
        ('models."gpt-3.5".acuracy > 0', "there are accuracy, accuracy_ci, cost_usd"),
        ('models."gpt-3.5".accuracy_ci.2 > 0', "has no '2'; there are 0, 1"),
        ("levels.rule.0 > 0", "levels.rule has no '0'"),
        ("router.accuracy > 0", "report.json has no 'router'"),
    ],
)
def test_a_path_that_leads_nowhere_fails_and_names_what_is_there(text: str, said: str) -> None:
    result = check_gate(parse_gate(text), REPORT)
    assert not result.passed
    assert result.message.startswith(f"gate failed: {text}: ")
    assert said in result.message


@pytest.mark.parametrize("op", list(OPERATORS))
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('models."gpt-3.5".cost_usd', "it is not known"),
        ("levels.rule", "no number but str"),
        ("flag", "no number but bool"),
        ("models", "no number but dict"),
        ('models."gpt-3.5".accuracy_ci', "no number but list"),
    ],
)
def test_what_is_no_number_fails_whatever_it_is_compared_with(path: str, op: str, said: str) -> None:
    for number in (0, 1, -1):
        result = check_gate(parse_gate(f"{path} {op} {number}"), REPORT)
        assert not result.passed
        assert said in result.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accuracy",
        "accuracy >",
        "> 0.7",
        "accuracy = 0.7",
        "accuracy != 0.7",
        "accuracy >= high",
        "accuracy >= nan",
        "accuracy <= inf",
        "accuracy >= 0.7 0.8",
        "accuracy >== 0.7",
        "models..accuracy > 0",
        ".accuracy > 0",
        "accuracy. > 0",
        "a b > 0",
        'models."gpt-3.5.accuracy > 0',
        'models.""."accuracy" > 0',
        'models."gpt"4.accuracy > 0',
        'models.gpt"4".accuracy > 0',
    ],
)
def test_a_malformed_gate_is_an_error_with_an_example_of_a_right_one(text: str) -> None:
    with pytest.raises(GateError) as error:
        parse_gate(text)
    told = str(error.value)
    assert told.startswith(f"--cx-gate {text!r}: ")
    example = re.search(r"as in '(.+)'$", told)
    assert example is not None
    assert parse_gate(example[1]).path == ("models", "gpt-3.5", "accuracy")
