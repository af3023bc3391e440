"""What crosses between processes arrives as it was sent."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.run.messages import (
    Begin,
    Checked,
    Claim,
    Denied,
    Found,
    LeftOut,
    Message,
    NotMeasured,
    Read,
    Record,
    Said,
    Verify,
    decode,
    encode,
)
from pytest_complexity.run.plan import TrialPlan
from pytest_complexity.sandbox import Check
from pytest_complexity.suites.dataset import Dataset

texts = st.text(alphabet=st.characters(codec=None), max_size=8)  # lone surrogates too
keys = st.builds(Key, texts, texts, texts, st.integers(0, 9))
verdicts = st.sampled_from(Verdict)
checks = st.builds(Check, verdicts, texts, st.none() | st.booleans(), st.booleans(), st.floats(0, 9))
outcomes = st.builds(lambda key, verdict, detail: Outcome(*key, verdict=verdict, detail=detail), keys, verdicts, texts)
plans = st.builds(
    lambda key, text: TrialPlan(
        (key.model,),
        3,
        {key.suite: Dataset(key.suite, "d", "0" * 64, (Task("T/1", "Write it.", (text,)),))},
        (key,),
        {key.suite: "0" * 64},
    ),
    keys,
    texts,
)
messages = st.one_of(
    st.builds(Begin, plans),
    st.builds(Verify, keys),
    st.builds(Claim, keys, texts),
    st.builds(Checked, keys, st.none() | checks, st.none() | verdicts),
    st.builds(Read, keys),
    st.builds(Record, keys, verdicts, texts),
    st.builds(Found, outcomes),
    st.builds(Said, texts),
    st.builds(Denied),
    st.builds(LeftOut, texts),
    st.builds(NotMeasured, texts),
)


@given(st.integers(0), messages)
def test_a_message_survives_the_wire(number: int, message: Message) -> None:
    text = encode(number, message)
    assert text.isascii()
    assert isinstance(json.loads(text), dict)
    assert decode(text) == (number, message)
