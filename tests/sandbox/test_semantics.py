"""What a test means is what plain Python makes of it: program and tests run in one namespace."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_complexity.errors import SandboxError
from pytest_complexity.sandbox import Check, Program, Sandbox

HONEST = {
    "int": ("def f(x): return x + 1", "assert f(3) == 4"),
    "True for 1": ("def f(x): return True", "assert f(3) == 1"),
    "float for int": ("def f(x): return 4.0", "assert f(3) == 4"),
    "big int": ("def f(x): return 2**5000", "assert f(3) == 2**5000"),
    "surrogate": ("def f(x): return chr(0xd800)", "assert f(3) == chr(0xd800)"),
    "set of tuples": ("def f(x): return {(1, 2), (3, x)}", "assert f(4) == {(1, 2), (3, 4)}"),
    "Counter": (
        "import collections\ndef f(x): return collections.Counter(x)",
        "assert f('aab') == {'a': 2, 'b': 1}",
    ),
    "defaultdict": (
        "from collections import defaultdict\ndef f(x):\n d = defaultdict(list)\n d[1].append(x)\n return d",
        "assert f(3) == {1: [3]}",
    ),
    "Decimal": ("from decimal import Decimal\ndef f(x): return Decimal(x)", "assert f('1.5') == 1.5"),
    "date": (
        "from datetime import date\ndef f(x): return date(x, 1, 1)",
        "import datetime\nassert f(2000) == datetime.date(2000, 1, 1)",
    ),
    "dict view": ("def f(x): return x.keys()", "assert f({1: 2}) == {1}"),
    "generator": ("def f(x):\n yield from range(x)", "assert list(f(3)) == [0, 1, 2]"),
    "endless generator": (
        "def f():\n i = 0\n while True:\n  yield i\n  i += 1",
        "import itertools\nassert list(itertools.islice(f(), 3)) == [0, 1, 2]",
    ),
    "closure": ("def f(x):\n return lambda y: x + y", "assert f(3)(4) == 7"),
    "lambda in": ("def f(g, xs): return [g(x) for x in xs]", "assert f(lambda x: x * 2, [1, 2]) == [2, 4]"),
    "builtin in": ("def f(g, xs): return g(xs)", "assert f(len, [1, 2]) == 2", "assert f(max, [1, 2]) == 2"),
    "type in": (
        "def f(kind, xs): return [x for x in xs if type(x) is not kind]",
        "assert f(int, [1, 'a']) == ['a']",
    ),
    "iterator in": ("def f(xs): return sum(xs)", "assert f(x * x for x in range(4)) == 14"),
    "class of its own": (
        "class Pair:\n def __init__(s, a, b): s.a, s.b = a, b\ndef f(ps): return max(p.b - p.a for p in ps)",
        "assert f([Pair(1, 2), Pair(3, 9)]) == 6",
    ),
    "dataclasses compare": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n x: int\ndef f(x): return P(x)",
        "assert f(3) == P(3)",
        "assert f(3) != P(4)",
        "assert f(3).x == 3",
        "assert isinstance(f(3), P)",
        "assert [f(1), f(2)] == [P(1), P(2)]",
    ),
    "operators of its own class": (
        "class Money:\n def __init__(s, n): s.n = n\n def __mul__(s, o): return Money(s.n * o)\n"
        " def __eq__(s, o): return isinstance(o, Money) and s.n == o.n\n def __lt__(s, o): return s.n < o.n\n",
        "assert Money(5) * 2 == Money(10)",
        "assert Money(1) < Money(2)",
        "assert sorted([Money(2), Money(1)])[0].n == 1",
    ),
    "state": (
        "class Stack(list):\n def push(s, x): s.append(x)\n",
        "s = Stack(); s.push(3); assert len(s) == 1 and s.pop() == 3",
        "s = Stack(); s.push(3); assert s == [3]",
    ),
    "enum": (
        "from enum import Enum, IntEnum\nclass C(Enum):\n A = 1\nclass D(IntEnum):\n B = 2\ndef f(x): return C(x)",
        "assert f(1) == C.A and f(1) is C.A and C.A.name == 'A'",
        "assert D.B == 2",
    ),
    "named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        "assert f() == (1, 2)",
        "assert f().y == 2",
        "assert f() == P(1, 2)",
    ),
    "in place": ("def f(xs): xs.sort()", "l = [2, 1]; f(l); assert l == [1, 2]"),
    "in place, nested and aliased": (
        "def f(d): d['a'].append(1); d['b'] = d['a']",
        "d = {'a': []}\na = d['a']\nf(d)\nassert d == {'a': [1], 'b': [1]} and d['a'] is a and d['b'] is a",
    ),
    "exception": (
        "def f(x):\n if x < 0: raise ValueError('bad')\n",
        "try:\n f(-1)\nexcept ValueError as e:\n assert str(e) == 'bad'\nelse:\n assert False",
    ),
    "exception of its own": (
        "class Mine(ValueError): pass\ndef f(x): raise Mine('no')",
        "try:\n f(1)\nexcept Mine as e:\n assert str(e) == 'no'\nelse:\n assert False",
    ),
    "exception through a callback": (
        "def f(g): g()",
        "def g(): raise KeyError('k')\ntry:\n f(g)\nexcept KeyError:\n pass\nelse:\n assert False",
    ),
    "redefined builtin": ("def sum(a, b): return a + b", "assert sum(1, 2) == 3"),
    "import of its own": (
        "import sys\ndef f(x): return sys.getsizeof(x)",
        "assert f((1, 2)) == sys.getsizeof((1, 2))",
    ),
    "imported function": ("from math import *\ndef f(x): return sqrt(x)", "assert isclose(f(4), 2)"),
    "recursion": ("def f(n): return 0 if n == 0 else 1 + f(n - 1)", "assert f(980) == 980"),
    "type": ("def f(x): return type(x)", "assert f(3) is int"),
    "pickle": (
        "import pickle\nclass A:\n def __init__(s): s.x = 4\ndef f(x): return pickle.loads(pickle.dumps(A())).x",
        "assert f(3) == 4",
    ),
    "context manager": (
        "from contextlib import contextmanager\nlog = []\n@contextmanager\ndef f():\n log.append(1)\n yield 5\n log.append(2)",
        "with f() as x:\n assert x == 5\nassert log == [1, 2]",
    ),
    "guard": ("def f(x): return 4\nif __name__ == '__main__': 1 / 0", "assert f(3) == 4"),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_passes(check: Callable[..., Check], name: str) -> None:
    code, *tests = HONEST[name]
    found = check(code, *tests)
    assert (found.verdict.value, found.detail) == ("pass", "")


WRONG = {
    "value": ("def f(x): return 5", "assert f(3) == 4", "wrong", "assert f(3) == 4: got 5"),
    "second assertion": (
        "def f(x): return x",
        "assert f(1) == 1\nassert f(3) == 4",
        "wrong",
        "assert f(3) == 4: got 3",
    ),
    "truth": ("def f(x): return []", "assert f(1)", "wrong", "assert f(1): got []"),
    "instance": (
        "class A: pass\ndef f(x): return A()",
        "assert f(3) == 4",
        "wrong",
        "assert f(3) == 4: got <A object>",
    ),
    "its own assertion": ("def f(x): assert False, 'no'", "assert f(3) == 4", "error", "AssertionError: no"),
    "name": ("def g(x): return 4", "assert f(3) == 4", "error", "NameError: name 'f' is not defined"),
    "None compared": (
        "def f(x): return None",
        "assert f(3) > 4",
        "error",
        None,
    ),
    "syntax": ("def f(x) return 4", "assert f(3) == 4", "error", "SyntaxError: expected ':' (line 1)"),
    "exit": ("def f(x): raise SystemExit(0)", "assert f(3) == 4", "exit", "SystemExit: 0"),
    "hard exit": ("import os\ndef f(x): os._exit(0)", "assert f(3) == 4", "exit", "exit status 0"),
    "signal": ("import os\ndef f(x): os.abort()", "assert f(3) == 4", "crash", None),
    "changes its argument": (
        "def f(xs):\n xs.append(1)\n return len(xs)",
        "l = []\nassert f(l) == 1\nassert f(l) == 1",
        "wrong",
        "assert f(l) == 1: got 2",
    ),
    "memory": ("def f(x): return [0] * 10**11", "assert f(3) == 4", "memory", "MemoryError"),
    "time": ("def f(x):\n while True: pass", "assert f(3) == 4", "timeout", ""),
    "address": ("def f(x): return [object()]\n", "assert str(f(3)[0]) == ''", "wrong", None),
}


@pytest.mark.parametrize("name", WRONG)
def test_failures_have_their_verdict_and_detail(check: Callable[..., Check], name: str) -> None:
    code, test, verdict, detail = WRONG[name]
    found = check(code, test)
    assert found.verdict.value == verdict
    assert detail is None or found.detail == detail
    assert "0x7" not in found.detail


def test_a_completion_continues_the_prompt_or_stands_after_it(check: Callable[..., Check]) -> None:
    prompt = 'from typing import List\n\ndef f(xs: List[int]) -> int:\n    """Add."""\n'
    for code in ("    return sum(xs)\n", "def f(xs: List[int]) -> int:\n    return sum(xs)\n"):
        found = check(
            code,
            "check(f)",
            prompt_code=prompt,
            entry_point="f",
            test_setup_code="def check(c):\n assert c([1]) == 1",
        )
        assert found.verdict.value == "pass"


def test_a_helper_of_the_prompt_is_the_programs_to_redefine(check: Callable[..., Check]) -> None:
    found = check(
        "def check(c): pass\ndef f(x): return 0\ndef helper(x): return 0",
        "check(f)",
        entry_point="f",
        prompt_code="def helper(x): return x + 1\n\ndef f(x):\n    pass\n",
        test_setup_code="def check(c):\n assert c(3) == helper(3)",
    )
    assert found.verdict.value == "pass"


def test_a_class_of_the_set_up_travels_by_value(check: Callable[..., Check]) -> None:
    setup = (
        "class Node:\n def __init__(s, v): s.v = v; s.next = None\n def __eq__(s, o): return s.v == o.v\n"
        "a = Node(1)\na.next = Node(2)\n"
    )
    code = "def f(n):\n return n.next\ndef g(v): return Node(v)\ndef h(n): n.v = 9"
    found = check(
        code,
        "assert f(a) == Node(2)",
        "assert g(1) == Node(1)",
        "h(a); assert a.v == 9",
        test_setup_code=setup,
    )
    assert (found.verdict.value, found.detail) == ("pass", "")


def test_visible_tests_are_told_apart(check: Callable[..., Check]) -> None:
    code = "def f(x): return 4"
    assert check(code, "assert f(1) == 2", visible_tests=("assert f(3) == 4",)).visible is True
    assert check(code, "assert f(3) == 4", visible_tests=("assert f(1) == 2",)).visible is False
    assert check(code, "assert f(3) == 4").visible is None


def test_a_task_that_does_not_parse_is_the_harness_own_error(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="does not parse"):
        sandbox.check(Program(code="x = 1", tests=("assert (",)))
    with pytest.raises(SandboxError, match="without tests"):
        sandbox.check(Program(code="x = 1", tests=()))
