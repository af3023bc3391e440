"""A loaded program answers calls with plain values, and no value changes on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.sandbox import LiveRun, Program, ProgramError, ProgramStopped, Sandbox
from pytest_complexity.sandbox.child import plain

CODE = """
import enum, os, sys
calls = []
class Own(KeyError): pass
class Pair(tuple): pass
class One(enum.IntEnum): A = 1
def echo(*args, **kwargs): calls.append(1); return (args, kwargs)
def count(): return len(calls)
def own(): raise Own("mine")
def values(kind): return {"generator": (x for x in ()), "Pair": Pair((1,)), "One": One.A, "function": own}[kind]
def deep():
    x = []
    for _ in range(1000): x = [x]
    return x
def leave(): os._exit(0)
def left(): sys.exit(1)
def crash(): import ctypes; ctypes.string_at(0)
def forge():
    frame = sys._getframe()
    while frame:
        live = frame.f_locals.get("self")
        if hasattr(live, "_tell"):
            live._tell(b"value", b'{"no such kind": 1}')
        frame = frame.f_back
    return 1
constant = 3
"""

hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hashable, inner, max_size=3) | st.tuples(inner),
    max_leaves=10,
)


def exactly(value: object) -> object:
    """What tells values apart that are equal: types, signs of zeros, and what is not a number."""
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(map(repr, map(exactly, value))))
    if isinstance(value, dict):
        return (dict, [(exactly(key), exactly(held)) for key, held in value.items()])
    if isinstance(value, (list, tuple)):
        return (type(value), [exactly(each) for each in value])
    return (type(value), repr(value))


@given(values)
def test_a_plain_value_is_the_same_after_the_way_through_json(value: object) -> None:
    assert exactly(plain.decode(json.loads(json.dumps(plain.encode(value))))) == exactly(value)


@pytest.mark.parametrize(
    "said", [{"list": []}, {"tuple": 3}, {}, {"int": "x", "set": []}, {"set": [[]]}, {"dict": [1]}]
)
def test_what_no_value_is_written_as_is_refused(said: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        plain.decode(said)


@pytest.fixture
def live(sandbox: Sandbox) -> Iterator[LiveRun]:
    run = sandbox.start(Program(code=CODE, tests=(), test_setup_code="calls.append(0)"))
    yield run
    run.close()


def test_values_cross_in_both_directions(live: LiveRun) -> None:
    given = [None, True, 2**200, -0.0, math.inf, 1 - 0j, "\ud800\0", b"\xff", {(): {1, 2}}, frozenset({(1,)})]
    assert exactly(live.function("echo")(*given, key={})) == exactly((tuple(given), {"key": {}}))


def test_the_program_keeps_its_state_and_the_set_up_has_run(live: LiveRun) -> None:
    live.function("echo")()
    live.function("echo")()
    assert live.function("count")() == 3


@pytest.mark.parametrize("kind", ["generator", "Pair", "One", "function"])
def test_a_result_that_is_not_plain_is_refused_by_its_type(live: LiveRun, kind: str) -> None:
    with pytest.raises(ProgramError, match=f"values.. returned a value of type {kind}, which does not cross"):
        live.function("values")(kind)


def test_a_value_that_is_nested_too_deep_is_refused(live: LiveRun) -> None:
    with pytest.raises(ProgramError, match="nested more than"):
        live.function("deep")()


def test_an_argument_that_is_not_plain_is_the_caller_s_mistake(live: LiveRun) -> None:
    with pytest.raises(TypeError, match="a value of type Fraction, which does not cross") as caught:
        live.function("echo")(Fraction(1, 2))
    assert not isinstance(caught.value, ProgramError)


def test_an_exception_has_the_name_of_its_type_and_is_the_nearest_of_python_s_own(live: LiveRun) -> None:
    with pytest.raises(KeyError) as caught:
        live.function("own")()
    assert isinstance(caught.value, ProgramError)
    assert (type(caught.value).__name__, str(caught.value)) == ("Own", "'mine'")


@pytest.mark.parametrize(("name", "error"), [("missing", NameError), ("constant", TypeError)])
def test_a_name_that_is_no_function_is_told_before_a_call(live: LiveRun, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        live.function(name)


@pytest.mark.parametrize(
    ("name", "verdict"), [("leave", "exit"), ("left", "exit"), ("crash", "crash"), ("forge", "tampered")]
)
def test_a_program_that_ends_says_how_and_answers_no_further_call(live: LiveRun, name: str, verdict: str) -> None:
    for call in (live.function(name), live.function("count")):
        with pytest.raises(ProgramStopped) as caught:
            call()
        assert caught.value.verdict.value == verdict


@pytest.mark.parametrize(("code", "error"), [("def f(:", SyntaxError), ("1 / 0", ZeroDivisionError)])
def test_a_program_that_cannot_be_loaded_raises_what_it_raised(
    sandbox: Sandbox, code: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        sandbox.start(Program(code=code, tests=()))


def test_verdicts_go_on_where_a_live_run_has_ended(sandbox: Sandbox, check: Callable[..., object]) -> None:
    sandbox.start(Program(code=CODE, tests=())).close()
    assert check("def f(x): return x + 1").verdict.value == "pass"  # type: ignore[attr-defined]
