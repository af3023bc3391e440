"""Fields of a record from outside: what is accepted, and how a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.fields import COUNT, LINE, NUMBER, STRING, Fields, Kind, integer, one_of, placed, shown
from pytest_complexity.errors import RecordingError, TaskError

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def fields(**values: Any) -> Fields:
    return Fields(values, "counts.jsonl, line 3", RecordingError)


def test_a_mistake_names_file_line_field_expectation_value_and_remedy() -> None:
    with pytest.raises(RecordingError) as error:
        fields(trials="5").get("trials", COUNT, "Write the number without quotes")
    assert str(error.value) == (
        "counts.jsonl, line 3, field 'trials': expected an integer from 0, got a string (\"5\"). "
        "Write the number without quotes"
    )


def test_a_field_of_an_inner_object_is_named_with_its_path() -> None:
    with pytest.raises(RecordingError, match=r"field 'successes\.small': expected an integer from 0, got true"):
        fields(successes={"small": True}).inside("successes").all(COUNT)


def test_a_missing_field_is_an_error_unless_it_may_be_null() -> None:
    assert fields().get("suite", STRING.or_null()) is None
    with pytest.raises(RecordingError, match="field 'suite': is missing"):
        fields().get("suite", STRING)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (COUNT, [0, 7], [-1, 1.0, True, "1", None]),
        (integer(1, below=3), [1, 2], [0, 3]),
        (NUMBER, [0, 0.5, 10**200], [-0.1, float("inf"), float("nan"), 10**400, False]),
        (LINE, ["gpt-4", "é"], ["", " ", "a\nb", "\x1b[31m", "\ud800", 3]),
        (one_of("usd", "unit"), ["usd"], ["eur", None, ["usd"]]),
    ],
)
def test_each_kind_tells_right_from_wrong(kind: Kind[Any], right: list[Any], wrong: list[Any]) -> None:
    assert all(map(kind.holds, right))
    assert not any(map(kind.holds, wrong))


@given(ANYTHING, st.text())
def test_whatever_stands_in_a_field_the_message_is_one_short_printable_line(value: Any, name: str) -> None:
    with pytest.raises(RecordingError) as error:
        Fields({name: value}, "f", RecordingError).get(name, Kind("something else", lambda _: False))
    assert str(error.value).isprintable()
    assert len(shown(value)) < 80


def test_an_error_that_knows_only_its_field_is_placed_in_its_file() -> None:
    assert (
        placed("t.jsonl, line 2", TaskError("field 'text': is missing")) == "t.jsonl, line 2, field 'text': is missing"
    )
    assert placed("t.jsonl", TaskError("not JSON")) == "t.jsonl: not JSON"
