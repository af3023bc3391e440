"""A pass counts because the same program fails on tests whose truth was changed."""

from __future__ import annotations

import ast
import json
import marshal
import random
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_complexity.core.tasks import Task
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox
from pytest_complexity.sandbox.child import innocent, literals, plan, sites
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
def suspicious() -> object:
    with Sandbox(limits=Limits(3.0, 256)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", DISHONEST)
def test_a_dishonest_program_does_not_pass(suspicious: Sandbox, name: str) -> None:
    code = DISHONEST[name]
    found = [suspicious.check(Program(code=f"{code}\n# {n}", tests=TESTS)).verdict.value for n in range(3)]
    assert "pass" not in found


def test_a_program_that_passes_by_luck_once_is_followed_by_full_controls(check: Callable[..., Check]) -> None:
    with Sandbox(limits=Limits(3.0, 256)) as sandbox:
        assert not sandbox._thorough
        assert sandbox.check(Program(code=DISHONEST["equal to everything"], tests=TESTS)).verdict.value == "tampered"
        assert sandbox._thorough


#: assertions, and the kind of the strongest change that each allows (none: no control)
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
    "xs, es = 0, 0\nxs = [1, 2]\nes = [2, 3]\nfor i, (x, e) in enumerate(zip(xs, es)): assert f(x) == e": "value",
    "def check(c):\n assert c(1) == 2\ncheck(f)": "value",
    "assert f(1) in (2, 3)": "value",
    "assert f(1) == f(2)": "computed",
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


def planned(*tests: str, **fields: object) -> plan.Plan:
    return plan.make(vars(Program(code="", tests=tests, **fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("test", KINDS)
def test_an_assertion_that_is_surely_reached_has_a_control_of_the_strongest_kind(test: str) -> None:
    made = planned(test)
    assert {site.kind for site in made.found} == ({KINDS[test]} if KINDS[test] else set())
    assert bool(list(made.controls())) == bool(KINDS[test])


def test_a_task_has_up_to_seven_controls_and_one_for_each_assertion() -> None:
    assert 3 < len(list(planned("assert f(1) == 23").controls())) <= plan.LEAST_CONTROLS
    five = planned(*(f"assert f({n}) == {n * n}" for n in range(5)))
    assert {line for control in five.controls() for line in control.lines} == set(five.assertions)


def test_a_coin_and_a_counter_of_runs_lose_but_one_trial_in_twenty() -> None:
    p = 1 / (1 + plan.LEAST_CONTROLS)
    assert p * (1 - p) ** plan.LEAST_CONTROLS < 0.05
    assert 1 / (1 + plan.ONE_LINE_CONTROLS) <= 0.05
    assert plan.enough(list(planned(TESTS[0]).controls())) == plan.ONE_LINE_CONTROLS


def test_nobody_outside_can_tell_what_is_changed() -> None:
    made = {bytes(b"".join(each.body for each in planned(*TESTS).controls())) for _ in range(3)}
    assert len(made) == 3


def shape(code: object) -> object:
    """All that a code object holds but its constants that are no code."""
    if not isinstance(code, CodeType):
        return type(code)
    inside = [shape(each) for each in code.co_consts if isinstance(each, CodeType)]
    return code.co_name, code.co_filename, code.co_names, list(code.co_positions()), inside


@pytest.mark.parametrize("tests", [TESTS, ("for x, e in [(1, 20),\n  (2, [30, 4])]:\n  assert f(x) == e",)])
def test_the_bytes_of_a_control_differ_from_the_true_ones_in_constants_alone(tests: tuple[str, ...]) -> None:
    made = planned(*tests)
    for body in [made.body, *(control.body for control in made.controls())]:
        assert marshal.dumps(marshal.loads(body), plan.CANONICAL) == body
        assert list(map(shape, marshal.loads(body)[1])) == list(map(shape, marshal.loads(made.body)[1]))


def test_a_forged_failure_that_names_every_line_is_none() -> None:
    made = planned("def check(c):\n assert c(1) == 2\n assert c(2) == 3\ncheck(f)", "assert f(9) == 10")
    lines = {line for site in made.found for line in made._lines(site)}
    for control in made.controls():
        assert not made.fails(control, tuple(lines))
        assert not made.fails(control, tuple(lines - control.lines))
        assert made.fails(control, tuple(sorted(control.lines))[:1])


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


@given(VALUES, st.booleans(), st.integers())
def test_another_value_is_never_equal(value: object, coarse: bool, seed: int) -> None:
    node = ast.parse(repr(value), mode="eval").body
    found = literals.other(node, random.Random(seed), [], coarse)
    assert found is None or literals.value(found) != value


INNOCENT = {
    "def f(x): return x + 1": True,
    "import math\ndef f(x):\n    return math.sqrt(x)": True,
    "from collections import Counter\ndef f(x): return Counter(x).most_common(1)": True,
    "class P:\n    def __init__(self, x): self.x = x\ndef f(x): return P(x).x": True,
    "import os\ndef f(x): return x": False,
    "class A:\n    def __eq__(self, o): return True\ndef f(x): return A()": False,
    "import math\nmath.isclose = lambda *a: True\ndef f(x): return x": False,
    "import calendar\ndef f(x): return calendar.sys.modules": False,
    "import sys as s\ndef f(x): return s.modules": False,
    "def f(x): return expected[x]": False,
    "def abs(x): return 0\ndef f(x): return x": False,
    "from math import floor as abs\ndef f(x): return x": False,
    "def f(x): return '{0.a}'.format(x)": False,
    "def f(x): return type(x)(3)": False,
    "t = type\ndef f(x): return t": False,
    "import copy\ndef f(x): return copy.dispatch_table": False,
    "def f(x): return type(x) == int": True,
    "def f(x):\n    expected = 3\n    return expected": True,
    "def f(x): return ('{0.' + x).format(f)": False,
    "def f(x): return type('A', (), {})": False,
    "def f(n):\n    n.check = lambda *a: True\n    return n": False,
}


@pytest.mark.parametrize("code", INNOCENT)
def test_a_program_is_innocent_where_it_can_but_compute(code: str) -> None:
    found = innocent.innocent(code, "", tests_bind={"expected"}, tests_load={"f", "abs"}, tests_ask={"check"})
    assert found is INNOCENT[code]


def test_humanevals_references_fail_every_control() -> None:
    tasks = load_suite("humaneval").tasks
    with Sandbox(limits=Limits(60.0)) as sandbox:
        sandbox._thorough = True
        found = {task.task_id: sandbox.check(program_of(task, task.code)) for task in tasks}
    assert {name for name, check in found.items() if check.verdict.value != "pass" or check.uncontrolled} == set()


def test_three_tasks_of_humaneval_state_nothing_but_truth() -> None:
    kinds = {task.task_id: {site.kind for site in planned_of(task).found} for task in load_suite("humaneval").tasks}
    weak = {name for name, found in kinds.items() if found == {sites.TRUTH}}
    assert weak == {"HumanEval/52", "HumanEval/56", "HumanEval/61"}


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
        sandbox._thorough = True
        for line in (shared / "semantics.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            task = Task(task_id="x", text="x", **row["task"])
            found = sandbox.check(program_of(task, row["code"]))
            if found.verdict.value not in row["accept"]:
                unlike[row["name"]] = found
    if sandbox.level == "namespaces":
        unlike.pop("world/subprocess echo", None)  # nothing is in sight but the interpreter
    assert set(unlike) <= vacuous, unlike
