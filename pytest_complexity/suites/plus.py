"""HumanEval+ and MBPP+ (EvalPlus, arXiv 2305.01210): the suites with some hundred inputs a task.

Read from the files in the suites' own format (`OriginFmt`), which hold every input and expected output. A task's base
tests are HumanEval's own and MBPP+'s assertions; the others compare as `evalplus.evaluate` does: floats within 1e-6,
or within the task's tolerance, and those tasks by their own oracle that have several right answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import STRING, STRINGS, Fields
from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.errors import TaskError
from pytest_complexity.suites.dataset import Dataset, read_tasks
from pytest_complexity.suites.docstring_tests import examples
from pytest_complexity.suites.official import fetch

_NUMBERS = 'inf, nan = float("inf"), float("nan")'  # as expected outputs are written
# `numpy.allclose` with rtol 1e-7, as EvalPlus calls it, for what its expected outputs hold.
_COMPARE = """
def _all_floats(x):
    return isinstance(x, float) or (isinstance(x, (list, tuple)) and bool(x) and all(isinstance(i, float) for i in x))

def _close(out, exp, atol):
    if isinstance(exp, (list, tuple)):
        return len(out) == len(exp) and all(_close(a, b, atol) for a, b in zip(out, exp))
    return out == exp or (abs(exp) < inf and abs(out - exp) <= atol + 1e-07 * abs(exp))

def _same(out, exp, atol):
    if out == exp:
        return True
    if atol == 0 and _all_floats(exp):
        atol = 1e-06
    return atol != 0 and type(out) == type(exp) and _close(out, exp, atol)
"""

# EvalPlus gives each input a second, or four times what the reference takes where that is more. Here it is a second of
# a processor, so that a busy machine changes no verdict. The last line bounds what runs before the further inputs.
_TIMED = """
import signal as _signal

class _TooLong(BaseException):
    pass

def _ring(number, frame):
    raise _TooLong("this input takes too long")

def _within(seconds):
    _signal.signal(_signal.SIGPROF, _ring)
    _signal.setitimer(_signal.ITIMER_PROF, seconds, seconds)

def _timed(candidate, inp, seconds):
    _within(seconds)
    try:
        return candidate(*inp)
    finally:
        _within(0)

_within({seconds})
"""
#: Seconds for each input of the tasks whose references take more than a quarter of one.
_SECONDS = {"HumanEval/139": 2, "MBPP/255": 8, "MBPP/389": 2, "MBPP/392": 2, "MBPP/583": 2, "MBPP/599": 6}

_SET_EQUAL = "    return set(out) == set(exp)\n"
_NOT_NONE = "    return out == exp if isinstance(out, bool) else exp == (out is not None)\n"
#: `out` is right where it equals `exp` or where this holds; EvalPlus's special oracles, by the function's name.
_ORACLES: Mapping[str, str] = {
    "find_zero": "    return abs(sum(c * out**i for i, c in enumerate(inp[0]))) <= atol\n",
    "are_equivalent": "    return True\n",
    "sum_div": "    return out == exp or out == 0\n",
    "surface_Area": (
        "    base, height = inp\n"
        "    other = round(base**2 + 2 * base * ((base / 2) ** 2 + height**2) ** 0.5)\n"
        "    return out == exp or abs(out - other) <= atol\n"
    ),
    "digit_distance_nums": (
        "    one, two = map(str, inp)\n"
        "    size = max(len(one), len(two))\n"
        "    return out in (exp, sum(abs(int(a) - int(b)) for a, b in zip(one.zfill(size), two.zfill(size))))\n"
    ),
    **dict.fromkeys(
        (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "find_dissimilar",
            "Diff",
        ),
        _SET_EQUAL,
    ),
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), _NOT_NONE),
}
_TAIL = re.compile(r"for i, .*, (?P<atol>[0-9.e-]+)\)\s*\Z|<= (?P<bound>[0-9.e-]+)\s*\Z", re.DOTALL)
_BASE = re.compile(r"^def check\(", re.MULTILINE)
_CALLED = re.compile(r"assertion\((\w+)\(\*inp\)")


def is_plus(data: bytes) -> bool:
    """Whether a task file is one of EvalPlus's, in either of its formats."""
    first = data.lstrip().partition(b"\n")[0]
    return b"def assertion(out, exp" in first or b'"plus_input":' in first


def load_humaneval(dataset: str | None) -> Dataset:
    """HumanEval+: the official file, or the path of a copy. Raises `TaskError`."""
    from pytest_complexity.suites import humaneval  # noqa: PLC0415 - it loads this one for `--cx-dataset=plus`

    base = {task.task_id: task.test_setup_code for task in humaneval.load(None).tasks}

    def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
        fields = Fields(row, "", TaskError)
        prompt, name = fields.get("prompt", STRING), fields.get("entry_point", STRING)
        if row.get("task_id") not in base:
            raise fields.wrong("task_id", f"HumanEval has no task {row.get('task_id')!r}")
        visible, seconds = list(examples(prompt, name)), _SECONDS.get(row["task_id"], 1)
        check = f"_check_base(lambda *inp: _timed({name}, inp, {seconds}))"
        return {
            "task_id": row["task_id"],
            "text": prompt,
            "prompt_code": prompt,
            "code": fields.get("canonical_solution", STRING),
            "entry_point": name,
            "test_setup_code": _timer(seconds, visible) + _BASE.sub("def _check_base(", base[row["task_id"]]),
            "test_list": [check, _plus(fields, name, seconds)],
            "base_tests": [check],
            "visible_tests": visible,
        }

    return _load("humaneval+", dataset, convert)


def load_mbpp(dataset: str | None) -> Dataset:
    """MBPP+: the official file, or the path of a copy. Raises `TaskError`."""
    return _load("mbpp+", dataset, _mbpp)


def _mbpp(row: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = Fields(row, "", TaskError)
    assertions = list(fields.get("test_list", STRINGS))
    called = _CALLED.search(fields.get("test", STRING)[-400:])
    if called is None:
        raise fields.wrong("test", "ends with no call of the function. Give MbppPlus-OriginFmt.jsonl.gz")
    seconds = _SECONDS.get(f"MBPP/{row.get('task_id')}", 1)
    return {
        "task_id": f"MBPP/{row.get('task_id')}",
        "text": row.get("prompt"),
        "code": fields.get("code", STRING),
        "test_imports": list(fields.get("test_imports", STRINGS)),
        "test_setup_code": _timer(seconds, assertions),
        "test_list": [*assertions, _plus(fields, called[1], seconds)],
        "base_tests": assertions,
    }


def _load(suite: str, dataset: str | None, convert: Any) -> Dataset:
    path = fetch(suite) if dataset in (None, "plus") else Path(str(dataset))
    data = read_bytes(path, TaskError)
    return Dataset(suite, path.name, sha256(data), tuple(read_tasks(data, path, convert)))


def _timer(seconds: int, first: Sequence[str]) -> str:
    """The source that gives each input so many seconds, and to begin with what `first` takes together."""
    return _TIMED.replace("{seconds}", str(seconds * max(1, len(first))))


def _plus(fields: Fields, name: str, seconds: int) -> str:
    """The source that checks the function of that name, of a task's tests in the suite's own format."""
    source = fields.get("test", STRING)
    parts = {key: _line(source, key) for key in ("inputs", "results")}
    tail = _TAIL.search(source[-300:])
    if parts["inputs"] is None or tail is None:
        raise fields.wrong("test", "holds no inputs. Give the file in the suite's own format, ...-OriginFmt.jsonl.gz")
    atol = tail["atol"] or tail["bound"]
    oracle = _ORACLES.get(name)
    compare = f"def _right(inp, out, exp, atol):\n{oracle}" if oracle else _COMPARE
    reference, results = "", parts["results"]
    if results is None:
        reference, results = _reference(source), "None"
    expected = "exp" if not reference else "ref_func(*inp)"
    values = f"_timed(candidate, inp, {seconds}), {expected}, {atol}"
    call = f"_right(inp, {values})" if oracle else f"_same({values})"
    return (
        f"{_NUMBERS}\n{compare}\n{reference}\n"
        "def _check_plus(candidate):\n"
        f"    inputs = {parts['inputs']}\n"
        f"    results = {results}\n"
        f"    for inp{'' if reference else ', exp'} in {'inputs' if reference else 'zip(inputs, results)'}:\n"
        f"        assert {call}\n"
        f"_check_plus({name})\n"
    )


def _line(source: str, name: str) -> str | None:
    """What the line `name = ...` gives it: each of these literals stands on one line."""
    found = re.search(rf"^ *{name} = (.*)$", source, re.MULTILINE)
    return found[1] if found else None


def _reference(source: str) -> str:
    """The reference solution that some tests carry in place of results too large to write down."""
    start = max(source.rfind("assert exact_match\n"), source.rfind('exp: {exp}"\n'))
    end = source.find("\ndef check(candidate)", start)
    end = end if end >= 0 else source.find("\ninputs = ", start)
    return source[source.find("\n", start) : end]
