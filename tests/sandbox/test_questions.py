"""A pass counts because the program tells the true expectation of each assertion from others."""

from __future__ import annotations

import ast
import json
import marshal
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.tasks import Task
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Limits, Program, Sandbox
from pytest_complexity.sandbox.child import literals, plan
from pytest_complexity.suites import load_suite

TESTS = ("assert f(3) == 4", "assert f(5) == 6", "assert f(10) == 11")

# Programs that compute nothing and would pass by other means; each runs against TESTS.
DISHONEST = {
    "leaves early": "import os\ndef f(x): os._exit(0)",
    "leaves through a signal": "import os, signal\nsignal.signal(14, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, .001)\nimport time\ndef f(x): time.sleep(9)",
    "equal to everything": "class A:\n def __eq__(s, o): return True\ndef f(x): return A()",
    "equal to what is near": "class A:\n def __eq__(s, o): return type(o) is int and 0 < o < 20\ndef f(x): return A()",
    "an int that lies": "class A(int):\n def __eq__(s, o): return True\n __hash__ = int.__hash__\ndef f(x): return A()",
    "a class made by type": "A = type('A', (), {'_' + '_eq_' + '_': lambda s, o: True})\ndef f(x): return A()",
    "an enum made by its name": "import enum\nA = enum.Enum('A', {'_' + '_eq__': lambda s, o: True, 'B': 1})\ndef f(x): return A.B",
    "mock's ANY": "from unittest.mock import ANY\ndef f(x): return ANY",
    "reports a pass itself": "import sys, os, struct\ndef f(x):\n fr = sys._getframe()\n while fr:\n  s = fr.f_locals.get('self')\n  if hasattr(s, '_tell'):\n   s._tell(b'pass', b'', b''); os._exit(0)\n  fr = fr.f_back\n return 0",
    "reads its token and writes to every descriptor": "import sys, os, struct\ndef f(x):\n fr = sys._getframe()\n while fr:\n  s = fr.f_locals.get('self')\n  if hasattr(s, '_token'):\n   b = s._token + b'\\0pass\\0\\0'\n   for fd in range(3, 200):\n    try: os.write(fd, struct.pack('<I', len(b)) + b)\n    except OSError: pass\n   os._exit(0)\n  fr = fr.f_back\n return 0",
    "empties the tests that are to come": "import gc\ndef f(x):\n for o in gc.get_objects():\n  if type(o).__name__ == 'Run': o._tests.clear()\n return 4",
    "exchanges the code of what follows": "import sys\ndef f(x):\n fr = sys._getframe()\n while fr:\n  s = fr.f_locals.get('self')\n  if hasattr(s, '_tests'): s._tests[:] = [compile('pass', '<tests 9>', 'exec')] * len(s._tests)\n  fr = fr.f_back\n return 4",
    "reads what is expected off the code that calls it": "import sys\ndef f(x):\n c = [k for k in sys._getframe(1).f_code.co_consts if type(k) is int]\n return c[-1]",
    "reads what is expected off the heap": "import sys\ndef f(x): return max(k for k in sys._getframe(1).f_code.co_consts if type(k) is int and k != x)",
    "traces the tests": "import sys\ndef t(fr, ev, arg):\n fr.f_trace_opcodes = True\n if ev == 'line':\n  try: fr.f_lineno = fr.f_lineno + 1\n  except Exception: pass\n return t\nsys.settrace(t)\ndef f(x): return 0",
    "raises no assertion": "import builtins\nclass N(BaseException):\n def __new__(c, *a): import os; os._exit(0)\nbuiltins.AssertionError = N\ndef f(x): return 0",
    "forks, and the parent leaves": "import os\nif os.fork(): os._exit(0)\ndef f(x): return 0",
    "knows a report by heart": "import os\nfor fd in range(3, 64):\n try: os.write(fd, b'\\x0f\\0\\0\\0' + b'0' * 8 + b'\\0pass\\0\\0')\n except OSError: pass\ndef f(x): return 0",
    "a file tells the next run": "import os\nseen = os.path.exists('seen')\nopen('seen', 'w').close()\nclass A:\n def __eq__(s, o): return not seen\ndef f(x): return A()",
    "shared memory tells the next run": "import os\np = '/dev/shm/seen'\nseen = os.path.exists(p)\nopen(p, 'w').close()\nclass A:\n def __eq__(s, o): return not seen\ndef f(x): return A()",
    "the process number tells": "import os\nclass A:\n def __eq__(s, o): return os.getpid() % 4 == 1\ndef f(x): return A()",
}  # fmt: skip


@pytest.fixture(scope="module")
def watched() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(3.0, 256)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", DISHONEST)
def test_a_dishonest_program_does_not_pass(watched: Sandbox, name: str) -> None:
    code = DISHONEST[name]
    found = [watched.check(Program(code=f"{code}\n# {n}", tests=TESTS)).verdict.value for n in range(3)]
    assert "pass" not in found


#: assertions, and the kind of the question that is made of each (none: it may not be reached)
KINDS = {
    "assert f(1) == 2": "value",
    "assert f(1) == [1, (2, 'a'), {3: None}]": "value",
    "assert 2 == f(1)": "value",
    "assert f(1) is None": "value",
    "assert set(f(1)) == set([1, 2])": "value",
    "assert f(1) == 2 and f(2) == 3": "value",
    "assert abs(f(1) - 3.14) < 1e-6": "value",
    "import math\nassert math.isclose(f(1), 3.14)": "value",
    "e = [1, 2]\nassert f(1) == e": "value",
    "for x, e in [(1, 2), (2, 3)]: assert f(x) == e": "value",
    "xs = [1, 2]\nes = [2, 3]\nfor i, (x, e) in enumerate(zip(xs, es)): assert f(x) == e": "value",
    "def check(c):\n assert c(1) == 2\ncheck(f)": "value",
    "assert f(1) in (2, 3)": "value",
    "assert f(1) == f(2)": "computed",
    "import pytest\nwith pytest.raises(ValueError): f(1)": "computed",
    "def same(a, b): return a == b\nassert same(f(1), 2)": "value",
    "e = [1]\ne.append(2)\nassert f(1) == e": "computed",
    "import unittest\nunittest.TestCase().assertEqual(f(1), 2)": "value",
    "import unittest\nunittest.TestCase().assertTrue(f(1))": "truth",
    "assert all(f(x) == x + 1 for x in range(3))": "computed",
    "assert isinstance(f(1), int)": "computed",
    "try:\n f(1)\nexcept ValueError: pass\nelse: assert False": "computed",
    "assert f(1) > 0": "order",
    "assert f(1)": "truth",
    "assert not f(1)": "truth",
    "if f(1): assert f(2) == 3": "",
    "def check(c):\n assert c(1) == 2": "",
    "def check(c):\n return\n assert c(1) == 2\ncheck(f)": "",
    "for x in f(1): assert x == 2": "",
    "try:\n assert f(1) == 2\nexcept AssertionError: pass": "",
}


def planned(*tests: str, secret: str = "s", **fields: object) -> plan.Plan:
    return plan.make(vars(Program(code="", tests=tests, **fields)), secret)  # type: ignore[arg-type]


@pytest.mark.parametrize("test", KINDS)
def test_an_assertion_that_is_surely_reached_is_a_question_of_the_strongest_kind(test: str) -> None:
    made = planned(test)
    assert {made.kinds[number] for number in made.answers} == ({KINDS[test]} if KINDS[test] else set())


def test_the_program_is_called_once_for_each_assertion_and_in_the_tests_order(watched: Sandbox) -> None:
    code = "calls = []\ndef f(x):\n    calls.append(x)\n    return x"
    tests = ("assert f(1) == 1", "assert abs(f(2.5) - 2.5) < 1e-6 and f(3) in (3, 4)", "assert calls == [1, 2.5, 3]")
    assert watched.check(Program(code=code, tests=tests)).verdict.value == "pass"


def choices(made: plan.Plan) -> list[tuple[int, list[object]]]:
    """The number and the values of each question, from the compiled text, as a run sees them."""
    found = []

    def look(code: CodeType) -> None:
        names = {"__cx_choices__": lambda number, *values: found.append((number, list(values)))}
        exec(code, {**names, "__cx_ask__": lambda *_: True, "f": lambda *_: None})

    for code in marshal.loads(made.body)[2]:
        look(code)
    return found


def test_nothing_in_a_run_tells_which_choice_is_the_true_one() -> None:
    """Over many secrets the true value has every place among as many others, in size too."""
    places, ranks = Counter[int](), Counter[int]()
    for secret in range(300):
        made = planned("assert f(1) == 567", "assert f(2) == 777", "assert f(3) == 987", secret=str(secret))
        (number, values), *_ = choices(made)
        assert values[made.answers[number]] == 567
        places[made.answers[number]] += 1
        ranks[sorted(each for each in values if isinstance(each, int) and each > 3).index(567)] += 1
    assert len(places) == plan.asking.LEAST_CHOICES
    assert max(places.values()) < 300 / len(places) * 2
    assert max(ranks.values()) < 300 / len(ranks) * 2


def test_a_task_offers_the_same_choices_in_each_of_its_runs_and_others_under_another_secret() -> None:
    assert planned(*TESTS).body == planned(*TESTS).body
    assert len({planned(*TESTS, secret=str(each)).body for each in range(5)}) == 5


def test_values_that_are_equal_are_offered_among_the_same_others() -> None:
    made = choices(planned("assert f(1) == 'yes'", "assert f(2) == 'yes'", "assert f(3) == 'no'"))
    assert made[0][1] == made[1][1] != made[2][1]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_who_chooses_blindly_passes_less_than_one_trial_in_a_hundred(count: int) -> None:
    found = choices(planned(*(f"assert f({n}) == {100 + 7 * n}" for n in range(count))))
    chance = 1.0
    for _, values in found:
        chance /= len(values)
    assert len(found) == count
    assert chance < 0.01


def test_the_true_value_stands_nowhere_else_in_what_a_run_reads() -> None:
    made = planned("expected = 123456\nassert f(1) == expected, 'not 123456'", "assert f(2) == 3")
    codes = marshal.loads(made.body)[2]
    assert sum(repr(part).count("123456") for part in codes[0].co_consts) == 1
    assert 123456 in choices(made)[0][1]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES, st.booleans(), st.integers(), st.lists(st.integers() | st.text(), max_size=4))
def test_what_is_offered_are_different_values_and_the_true_one(
    value: object, coarse: bool, seed: int, near: list[object]
) -> None:
    node = ast.parse(repr(value), mode="eval").body
    found, place = literals.candidates(node, random.Random(seed), 16, near, coarse) or ([node], 0)
    offered = [literals.value(each) for each in found]
    assert repr(offered[place]) == repr(value)
    assert sum(each == value for each in offered) == 1


def test_humanevals_references_answer_every_question() -> None:
    tasks = load_suite("humaneval").tasks
    with Sandbox(limits=Limits(60.0)) as sandbox:
        found = {task.task_id: sandbox.check(program_of(task, task.code)) for task in tasks}
    assert {name for name, check in found.items() if check.verdict.value != "pass" or check.uncontrolled} == set()


def test_three_tasks_of_humaneval_state_nothing_that_can_be_offered_among_others() -> None:
    made = {task.task_id: planned_of(task) for task in load_suite("humaneval").tasks}
    kinds = {name: {each.kinds[number] for number in each.answers} for name, each in made.items()}
    assert {name for name, found in kinds.items() if found <= {"computed", "order"}} == {
        "HumanEval/32",
        "HumanEval/38",
        "HumanEval/50",
    }


def planned_of(task: Task) -> plan.Plan:
    return plan.make(vars(program_of(task, "")))


def test_programs_beyond_plain_values_get_what_plain_python_says(shared: Path) -> None:
    """Three dishonest ones pass in plain Python too: what they pass are tests that a constant decides."""
    vacuous = {
        "forge/StopIteration ends a loop over iter()",
        "forge/instance attribute shadows a verifying method",
        "forge/numpy bool array compares empty",
    }
    unlike = {}
    with Sandbox(limits=Limits(10.0, 512)) as sandbox:
        for line in (shared / "semantics.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            task = Task(task_id="x", text="x", **row["task"])
            found = sandbox.check(program_of(task, row["code"]))
            if found.verdict.value not in row["accept"]:
                unlike[row["name"]] = found
    if sandbox.level == "namespaces":
        unlike.pop("world/subprocess echo", None)  # nothing is in sight but the interpreter
    assert set(unlike) <= vacuous, unlike
