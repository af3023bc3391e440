"""Unusual tests and honest programs get the verdict that plain Python gives: each row's was found by running it there."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_complexity.sandbox import Program, Sandbox
from pytest_complexity.sandbox.child import plan

#: what is tested, a program, a test, the verdict, and what else belongs to the task
TESTS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("chain mixed", 'def f(x): return x + 1', 'assert 1 < f(1) <= 2 < 5', "pass", {}),
    ("chain mixed", 'def f(x): return x + 2', 'assert 1 < f(1) <= 2 < 5', "wrong", {}),
    ("walrus expected", 'def f(x): return x + 1', 'assert f(3) == (e := 4)\nassert e == 4 and f(e) == 5', "pass", {}),
    ("walrus expected", 'def f(x): return x + 2', 'assert f(3) == (e := 4)\nassert e == 4 and f(e) == 5', "wrong", {}),
    ("all range shadows", 'def f(x): return x', 'e = 5\nassert all(f(e) == e for e in range(3))\nassert e == 5', "pass", {}),
    ("all range shadows", 'def f(x): return x + 1', 'e = 5\nassert all(f(e) == e for e in range(3))\nassert e == 5', "wrong", {}),
    ("nonlocal", 'def f(x): return x + 1', 'def outer():\n    e = 1\n    def bump():\n        nonlocal e\n        e += 1\n    bump()\n    assert f(1) == e\nouter()', "pass", {}),
    ("nonlocal", 'def f(x): return x', 'def outer():\n    e = 1\n    def bump():\n        nonlocal e\n        e += 1\n    bump()\n    assert f(1) == e\nouter()', "wrong", {}),
    ("global counter", 'def f(c, xs): return [c(x) for x in xs]', 'count = 0\ndef cb(x):\n    global count\n    count += 1\n    return x\nassert f(cb, [1,2,3]) == [1,2,3]\nassert 3 == count', "pass", {}),
    ("global counter", 'def f(c, xs): return xs', 'count = 0\ndef cb(x):\n    global count\n    count += 1\n    return x\nassert f(cb, [1,2,3]) == [1,2,3]\nassert 3 == count', "wrong", {}),
    ("global counter 2", 'def f(c, xs): return len([c(x) for x in xs])', 'e = 0\ndef cb(x):\n    global e\n    e += 1\n    return x\nassert f(cb, [1,2,3]) == e', "pass", {}),
    ("global counter 2", 'def f(c, xs): return 0', 'e = 0\ndef cb(x):\n    global e\n    e += 1\n    return x\nassert f(cb, [1,2,3]) == e', "pass", {}),
    ("name rebound between calls", 'n = 0\ndef f():\n    global n\n    n += 1\n    return n', 'e = 1\ndef check():\n    assert f() == e\ncheck()\ne = 2\ncheck()', "pass", {}),
    ("name rebound between calls", 'def f(): return 1', 'e = 1\ndef check():\n    assert f() == e\ncheck()\ne = 2\ncheck()', "wrong", {}),
    ("name augmented", 'def f(x): return x + 1', 'e = 1\nassert f(0) == e\ne += 1\nassert f(1) == e', "pass", {}),
    ("name augmented", 'def f(x): return x', 'e = 1\nassert f(0) == e\ne += 1\nassert f(1) == e', "wrong", {}),
    ("augmented column", 'def f(x): return x + 1', 'for x, e in [(1, 2), (2, 3)]:\n    assert f(x) == e\n    e += 1\n    assert f(x + 1) == e', "pass", {}),
    ("augmented column", 'def f(x): return x + 1 if x < 3 else 0', 'for x, e in [(1, 2), (2, 3)]:\n    assert f(x) == e\n    e += 1\n    assert f(x + 1) == e', "wrong", {}),
    ("column read after loop", 'def f(x): return x + 1', 'for x, e in [(1, 2), (2, 3)]:\n    assert f(x) == e\nassert f(2) == e', "pass", {}),
    ("column read after loop", 'def f(x): return 2', 'for x, e in [(1, 2), (2, 3)]:\n    assert f(x) == e\nassert f(2) == e', "wrong", {}),
    ("mutated literal", 'def f(x): return [2, 1]', 'e = [1, 1]\ne[0] = 2\nassert f(1) == e', "pass", {}),
    ("mutated literal", 'def f(x): return [1, 1]', 'e = [1, 1]\ne[0] = 2\nassert f(1) == e', "wrong", {}),
    ("expected mutated by program", 'def f(x):\n x.reverse()\n return x', 'e = [1, 2]\nassert f(e) == [2, 1]\nassert e == [2, 1]', "pass", {}),
    ("expected mutated by program", 'def f(x): return x[::-1]', 'e = [1, 2]\nassert f(e) == [2, 1]\nassert e == [2, 1]', "wrong", {}),
    ("table used twice", 'def f(x): return x + 1', 'T = [(1, 2), (2, 3)]\nfor x, e in T:\n    assert f(x) == e\nassert [f(x) for x, _ in T] == [e for _, e in T]', "pass", {}),
    ("table used twice", 'def f(x): return x + 2', 'T = [(1, 2), (2, 3)]\nfor x, e in T:\n    assert f(x) == e\nassert [f(x) for x, _ in T] == [e for _, e in T]', "wrong", {}),
    ("setup constant used by program", 'def f(): return LIMIT', 'assert f() == LIMIT', "pass", {'test_setup_code': 'LIMIT = 5'}),
    ("setup constant used by program", 'def f(): return LIMIT + 1', 'assert f() == LIMIT', "wrong", {'test_setup_code': 'LIMIT = 5'}),
    ("setup table used by program", 'def f(x): return dict(TABLE)[x]', 'for x, e in TABLE:\n    assert f(x) == e', "pass", {'test_setup_code': 'TABLE = [(1, 2), (3, 4)]'}),
    ("setup table used by program", 'def f(x): return 0', 'for x, e in TABLE:\n    assert f(x) == e', "wrong", {'test_setup_code': 'TABLE = [(1, 2), (3, 4)]'}),
    ("posonly arg shadows", 'def f(x): return x + 1', 'e = 3\ndef check(e, /):\n    assert f(1) == e\ncheck(2)', "pass", {}),
    ("posonly arg shadows", 'def f(x): return x + 2', 'e = 3\ndef check(e, /):\n    assert f(1) == e\ncheck(2)', "wrong", {}),
    ("eval reads", 'def f(x): return [x + 1]', "e = [2]\nassert f(1) == e\nassert eval('e') == [2]", "pass", {}),
    ("eval reads", 'def f(x): return x + 1', "e = [2]\nassert f(1) == e\nassert eval('e') == [2]", "wrong", {}),
    ("globals()", 'def f(x): return x + 1', "e = 2\nassert f(1) == e\nassert globals()['e'] == 2", "pass", {}),
    ("globals()", 'def f(x): return x + 2', "e = 2\nassert f(1) == e\nassert globals()['e'] == 2", "wrong", {}),
    ("helper at least", 'def f(x): return x + 1', 'def at_least(a, b):\n    assert a >= b\nat_least(f(3), 4)', "pass", {}),
    ("helper at least", 'def f(x): return x', 'def at_least(a, b):\n    assert a >= b\nat_least(f(3), 4)', "wrong", {}),
    ("helper differs", 'def f(x): return x + 1', 'def differ(a, b):\n    assert a != b\ndiffer(f(3), 5)', "pass", {}),
    ("helper differs", 'def f(x): return x + 2', 'def differ(a, b):\n    assert a != b\ndiffer(f(3), 5)', "wrong", {}),
    ("helper counts", 'def f(x): return x + 1', 'n = 0\ndef check(a, b):\n    global n\n    n += 1\n    assert a == b\ncheck(f(1), 2)\ncheck(f(2), 3)\nassert n == 2', "pass", {}),
    ("helper counts", 'def f(x): return x + 2', 'n = 0\ndef check(a, b):\n    global n\n    n += 1\n    assert a == b\ncheck(f(1), 2)\ncheck(f(2), 3)\nassert n == 2', "wrong", {}),
    ("helper tolerance", 'def f(): return 11', 'def close(a, b, tol=5):\n    if a == b: return True\n    return abs(a - b) < tol\nassert close(f(), 10)', "pass", {}),
    ("helper tolerance", 'def f(): return 20', 'def close(a, b, tol=5):\n    if a == b: return True\n    return abs(a - b) < tol\nassert close(f(), 10)', "wrong", {}),
    ("helper consumes", 'def f(): yield from (1, 2, 3)', 'def same(a, b):\n    a = list(a)\n    assert a == b\nsame(f(), [1, 2, 3])', "pass", {}),
    ("helper consumes", 'def f(): yield from (1, 2)', 'def same(a, b):\n    a = list(a)\n    assert a == b\nsame(f(), [1, 2, 3])', "wrong", {}),
    ("helper named c", 'def f(x): return x + 1', 'def c(a, b):\n    assert a == b\nc(f(3), 4)', "pass", {}),
    ("helper named c", 'def f(x): return x + 2', 'def c(a, b):\n    assert a == b\nc(f(3), 4)', "wrong", {}),
    ("object named v1", 'def f(x): return x + 1', 'class V:\n    def __init__(s, x): s.x = x\n    def isclose(s, a, b): return abs(a - b) < 1e-6\nv1 = V(1)\nv0 = V(2)\nassert v1.isclose(f(1), 2)\nassert v0.isclose(f(1), 2)', "pass", {}),
    ("object named v1", 'def f(x): return x + 2', 'class V:\n    def __init__(s, x): s.x = x\n    def isclose(s, a, b): return abs(a - b) < 1e-6\nv1 = V(1)\nv0 = V(2)\nassert v1.isclose(f(1), 2)\nassert v0.isclose(f(1), 2)', "wrong", {}),
    ("generator helper not run", 'def f(x): return x + 1', 'def gen():\n    assert f(1) == 99\n    yield 1\ngen()\nassert f(1) == 2', "pass", {}),
    ("generator helper not run", 'def f(x): return x + 2', 'def gen():\n    assert f(1) == 99\n    yield 1\ngen()\nassert f(1) == 2', "wrong", {}),
    ("coroutine never awaited", 'def f(x): return x + 1', 'async def main():\n    assert f(1) == 99\nmain()\nassert f(1) == 2', "pass", {}),
    ("coroutine never awaited", 'def f(x): return x + 2', 'async def main():\n    assert f(1) == 99\nmain()\nassert f(1) == 2', "wrong", {}),
    ("early return in loop", 'def f(x): return x + 1', 'def check():\n    for x in [1, 2, 3]:\n        if f(x) == 2:\n            return\n    assert f(9) == 99\ncheck()', "pass", {}),
    ("early return in loop", 'def f(x): return x + 2', 'def check():\n    for x in [1, 2, 3]:\n        if f(x) == 2:\n            return\n    assert f(9) == 99\ncheck()', "wrong", {}),
    ("decorated helper", 'def f(x): return x + 1', 'def swallow(g):\n    def inner():\n        try:\n            g()\n        except AssertionError:\n            pass\n    return inner\n@swallow\ndef check():\n    assert f(1) == 99\ncheck()\nassert f(1) == 2', "pass", {}),
    ("decorated helper", 'def f(x): return x + 2', 'def swallow(g):\n    def inner():\n        try:\n            g()\n        except AssertionError:\n            pass\n    return inner\n@swallow\ndef check():\n    assert f(1) == 99\ncheck()\nassert f(1) == 2', "wrong", {}),
    ("helper rebound", 'def f(x): return x + 1', 'def check():\n    assert f(1) == 99\ncheck = lambda: None\ncheck()\nassert f(1) == 2', "pass", {}),
    ("helper rebound", 'def f(x): return x + 2', 'def check():\n    assert f(1) == 99\ncheck = lambda: None\ncheck()\nassert f(1) == 2', "wrong", {}),
    ("helper by condition", 'def f(x): return x + 1', 'def check():\n    assert f(1) == 99\nif True:\n    def check():\n        assert f(1) == 2\ncheck()', "pass", {}),
    ("helper by condition", 'def f(x): return x + 2', 'def check():\n    assert f(1) == 99\nif True:\n    def check():\n        assert f(1) == 2\ncheck()', "wrong", {}),
    ("nested helper uncalled", 'def f(x): return x + 1', 'def check(x):\n    assert f(x) == 2\ndef a():\n    def check(x):\n        assert f(x) == 99\n    return check\ndef b():\n    check(1)\na()\nb()', "pass", {}),
    ("nested helper uncalled", 'def f(x): return x + 2', 'def check(x):\n    assert f(x) == 2\ndef a():\n    def check(x):\n        assert f(x) == 99\n    return check\ndef b():\n    check(1)\na()\nb()', "wrong", {}),
    ("kw default", 'def f(x): return [x + 1]', 'e = [2]\ndef check(*, want=e):\n    assert f(1) == want\ncheck()\nassert f(1) == e', "pass", {}),
    ("kw default", 'def f(x): return x + 1', 'e = [2]\ndef check(*, want=e):\n    assert f(1) == want\ncheck()\nassert f(1) == e', "wrong", {}),
    ("each call once", 'log = []\ndef f(x):\n    log.append(x)\n    return x + 1', 'assert f(1) == 2\nassert f(2) == f(1) + 1\nassert f(3) > 1 and f(4) in (5, 6)\nassert isinstance(f(5), int)\nassert f(6)\nassert abs(f(7) - 8) < 1e-6\nassert log == [1, 2, 1, 3, 4, 5, 6, 7]', "pass", {}),
    ("each call once", 'log = []\ndef f(x):\n    log.extend([x, x])\n    return x + 1', 'assert f(1) == 2\nassert f(2) == f(1) + 1\nassert f(3) > 1 and f(4) in (5, 6)\nassert isinstance(f(5), int)\nassert f(6)\nassert abs(f(7) - 8) < 1e-6\nassert log == [1, 2, 1, 3, 4, 5, 6, 7]', "wrong", {}),
    ("message is read", 'def f(x): return x + 1', "try:\n    assert f(1) == 99, 'no'\nexcept AssertionError as e:\n    assert str(e) == 'no'\nelse:\n    raise ValueError", "pass", {}),
    ("message is read", 'def f(x): return 99', "try:\n    assert f(1) == 99, 'no'\nexcept AssertionError as e:\n    assert str(e) == 'no'\nelse:\n    raise ValueError", "error", {}),
    ("in generator", 'def f(n): yield from range(n)', 'assert 2 in f(5)', "pass", {}),
    ("in generator", 'def f(n): yield from (0, 1)', 'assert 2 in f(5)', "wrong", {}),
    ("in endless generator", 'def f():\n n = 0\n while True:\n  yield n\n  n += 2', 'assert 4 in f()', "pass", {}),
    ("in endless generator", 'def f():\n yield 1', 'assert 4 in f()', "wrong", {}),
    ("one list meant in two ways", "def f(x): return [1, 2][x]\ndef g(): return [1, 2]", "assert g() == [1, 2]\nassert f(0) in [1, 2]\nassert f(1) in [1, 2]", "pass", {}),
    ("one list in two orders", "def g(): return [3, 1, 2]\ndef h(): return [1, 2, 3]", "import unittest\nt = unittest.TestCase()\nt.assertEqual(g(), [3, 1, 2])\nt.assertCountEqual(h(), [3, 1, 2])", "pass", {}),
    ("tolerance about zero", "def f(x): return 0.005 * x", "import math\nassert abs(f(1) - 0.005) < 0.01\nassert abs(f(400) - 2) <= 5\nassert abs(f(-400) - -2) <= 3\nassert math.isclose(f(10), 0.05, abs_tol=0.1)", "pass", {}),
    ("in iterator, then rest", 'def f(): return iter([1, 2, 3])', 'it = f()\nassert 2 in it\nassert next(it) == 3', "pass", {}),
    ("in iterator, then rest", 'def f(): return iter([2, 1])', 'it = f()\nassert 2 in it\nassert next(it) == 3', "wrong", {}),
    ("own bool counts", 'class B:\n n = 0\n def __bool__(s):\n  s.n += 1\n  return True', 'b = B()\nassert b\nassert b.n == 1', "pass", {}),
    ("own bool counts", 'class B:\n n = 0\n def __bool__(s): return False', 'b = B()\nassert b\nassert b.n == 1', "wrong", {}),
    ("own Fraction strict", "class Fraction:\n def __init__(s, a, b):\n  if a != 5: raise ValueError('no')\n  s.a, s.b = a, b\n def __eq__(s, o): return (s.a, s.b) == (o.a, o.b)\ndef f(x): return Fraction(x, 6)", 'assert f(5) == Fraction(5, 6)', "pass", {}),
    ("own Fraction strict", 'class Fraction:\n def __init__(s, a, b): s.a, s.b = a, b\n def __eq__(s, o): return (s.a, s.b) == (o.a, o.b)\ndef f(x): return Fraction(x, 7)', 'assert f(5) == Fraction(5, 6)', "wrong", {}),
    ("own Counter counts instances", "class Counter:\n made = 0\n def __init__(s, x): Counter.made += 1; s.x = x\n def __eq__(s, o): return s.x == o.x\ndef f(t): return Counter([('a', 2)])", "assert f('aab') == Counter([('a', 2)])\nassert Counter.made == 2", "pass", {}),
    ("own Counter counts instances", "class Counter:\n made = 0\n def __init__(s, x): s.x = x\n def __eq__(s, o): return s.x == o.x\ndef f(t): return Counter([('a', 2)])", "assert f('aab') == Counter([('a', 2)])\nassert Counter.made == 2", "wrong", {}),
    ("OrderedDict against dict", "def f(): return {'c': 3, 'b': 2, 'a': 1}", "from collections import OrderedDict\nassert f() == OrderedDict([('a', 1), ('b', 2), ('c', 3)])", "pass", {}),
    ("OrderedDict against dict", "def f(): return {'c': 3, 'b': 1, 'a': 1}", "from collections import OrderedDict\nassert f() == OrderedDict([('a', 1), ('b', 2), ('c', 3)])", "wrong", {}),
    ("order by inf", "def f(): return float('inf')", "assert f() >= float('inf')\nassert -f() <= float('-inf')", "pass", {}),
    ("order by inf", 'def f(): return 1.0', "assert f() >= float('inf')\nassert -f() <= float('-inf')", "wrong", {}),
    ("huge hex literal", 'def f(): return 16 ** 5000 - 1', "assert f() == 0x" + "f" * 5000, "pass", {}),
    ("huge hex literal", 'def f(): return 16 ** 5000', "assert f() == 0x" + "f" * 5000, "wrong", {}),
    ("huge float", 'def f(): return 1.7e308', 'assert f() == 1.7e308\nimport math\nassert math.isclose(f(), 1.7e308)', "pass", {}),
    ("huge float", 'def f(): return 1.6e308', 'assert f() == 1.7e308\nimport math\nassert math.isclose(f(), 1.7e308)', "wrong", {}),
    ("memoryview", "def f(): return memoryview(b'ab')", "assert f() == b'ab'\nassert isinstance(f(), memoryview)", "pass", {}),
    ("memoryview", "def f(): return b'ab'", "assert f() == b'ab'\nassert isinstance(f(), memoryview)", "wrong", {}),
    ("abs tolerance named", 'def f(): return 12', 'tol = 50\nassert abs(f() - 10) < tol', "pass", {}),
    ("abs tolerance named", 'def f(): return 99', 'tol = 50\nassert abs(f() - 10) < tol', "wrong", {}),
    ("isclose wide", 'def f(): return 3.5', 'import math\nassert math.isclose(f(), 3.0, rel_tol=0.5)\nassert math.isclose(f(), 3, abs_tol=2)', "pass", {}),
    ("isclose wide", 'def f(): return 30', 'import math\nassert math.isclose(f(), 3.0, rel_tol=0.5)\nassert math.isclose(f(), 3, abs_tol=2)', "wrong", {}),
    ("raises else raise", 'def f(x): raise TypeError', "try:\n    f(-1)\nexcept (ValueError, TypeError):\n    pass\nelse:\n    raise AssertionError('no')", "pass", {}),
    ("raises else raise", 'def f(x): return 1', "try:\n    f(-1)\nexcept (ValueError, TypeError):\n    pass\nelse:\n    raise AssertionError('no')", "wrong", {}),
    ("raises ConnectionResetError", 'def f(x): raise ConnectionResetError', 'for k in range(4):\n    try:\n        f(-1)\n    except OSError:\n        pass\n    else:\n        assert False', "pass", {}),
    ("raises ConnectionResetError", 'def f(x): return 1', 'for k in range(4):\n    try:\n        f(-1)\n    except OSError:\n        pass\n    else:\n        assert False', "wrong", {}),
    ("return in try", 'def f(x): return x + 1', 'def check():\n    try:\n        r = f(2)\n        return r\n    except ValueError:\n        return None\n    assert False\nassert check() == 3', "pass", {}),
    ("return in try", 'def f(x): return x + 2', 'def check():\n    try:\n        r = f(2)\n        return r\n    except ValueError:\n        return None\n    assert False\nassert check() == 3', "wrong", {}),
    ("break", 'def f(x): return x + 1', 'for x, e in [(1, 2), (2, 99)]:\n    assert f(x) == e\n    break', "pass", {}),
    ("break", 'def f(x): return x + 2', 'for x, e in [(1, 2), (2, 99)]:\n    assert f(x) == e\n    break', "wrong", {}),
    ("except rebinds", 'def f(x): return x', 'e = 3\ntry:\n    f(1)\nexcept ValueError as e:\n    kept = e\nassert e == 3', "pass", {}),
    ("except rebinds", 'def f(x): raise ValueError', 'e = 3\ntry:\n    f(1)\nexcept ValueError as e:\n    kept = e\nassert e == 3', "error", {}),
    ("match capture", 'def f(x): return x + 1', 'e = 7\nmatch [f(1)]:\n    case [e]:\n        pass\nassert 2 == e', "pass", {}),
    ("match capture", 'def f(x): return x + 2', 'e = 7\nmatch [f(1)]:\n    case [e]:\n        pass\nassert 2 == e', "wrong", {}),
    ("import rebinds", 'import math\ndef f(): return math.pi', 'pi = 3\nfrom math import pi\nassert f() == pi', "pass", {}),
    ("import rebinds", 'def f(): return 3', 'pi = 3\nfrom math import pi\nassert f() == pi', "wrong", {}),
    ("alias of expected", 'def f(x): return [3, 2]', 'e = [2, 2]\na = e\na[0] = 3\nassert f(1) == e', "pass", {}),
    ("alias of expected", 'def f(x): return [2, 2]', 'e = [2, 2]\na = e\na[0] = 3\nassert f(1) == e', "wrong", {}),
    ("async", 'async def f(x): return x + 1', 'import asyncio\nasync def main():\n    assert await f(3) == 4\n    assert [await f(x) for x in (1, 2)] == [2, 3]\n    assert all([await f(x) == y for x, y in [(1, 2), (2, 3)]])\nasyncio.run(main())', "pass", {}),
    ("async", 'async def f(x): return x + 2', 'import asyncio\nasync def main():\n    assert await f(3) == 4\n    assert [await f(x) for x in (1, 2)] == [2, 3]\n    assert all([await f(x) == y for x, y in [(1, 2), (2, 3)]])\nasyncio.run(main())', "wrong", {}),
    ("assertCountEqual generator", 'def f(): yield from [3, 1, 2]', 'import unittest\ntc = unittest.TestCase()\ntc.assertCountEqual(f(), [1, 2, 3])', "pass", {}),
    ("assertCountEqual generator", 'def f(): yield 1', 'import unittest\ntc = unittest.TestCase()\ntc.assertCountEqual(f(), [1, 2, 3])', "wrong", {}),
    ("assertAlmostEqual wide", 'def f(): return 110', 'import unittest\ntc = unittest.TestCase()\ntc.assertAlmostEqual(f(), 100, delta=60)\ntc.assertAlmostEqual(f(), 100, places=-2)\ntc.assertAlmostEqual(f(), 100, -2)', "pass", {}),
    ("assertAlmostEqual wide", 'def f(): return 190', 'import unittest\ntc = unittest.TestCase()\ntc.assertAlmostEqual(f(), 100, delta=60)\ntc.assertAlmostEqual(f(), 100, places=-2)\ntc.assertAlmostEqual(f(), 100, -2)', "wrong", {}),
    ("assertTrue message", 'log = []\ndef f(x):\n    log.append(x)\n    return x + 1', "import unittest\ntc = unittest.TestCase()\ntc.assertTrue(f(1), f'{f(2)}')\nassert log == [1, 2]", "pass", {}),
    ("assertTrue message", 'log = []\ndef f(x):\n    log.extend([x, x])\n    return x + 1', "import unittest\ntc = unittest.TestCase()\ntc.assertTrue(f(1), f'{f(2)}')\nassert log == [1, 2]", "wrong", {}),
    ("np all literal", 'import numpy as np\ndef f(): return np.array([1, 1])', 'assert (f() == [1, 1]).all()', "pass", {'packages': ('numpy',)}),
    ("np all literal", 'import numpy as np\ndef f(): return np.array([1, 2])', 'assert (f() == [1, 1]).all()', "wrong", {'packages': ('numpy',)}),
    ("np empty", 'import numpy as np\ndef f(): return np.array([])', 'import numpy as np\nassert (f() == []).all()\nassert np.allclose(f(), [])\nassert np.array_equal(f(), [])\nassert len(f()) == 0', "pass", {'packages': ('numpy',)}),
    ("np empty", 'import numpy as np\ndef f(): return np.array([1])', 'import numpy as np\nassert (f() == []).all()\nassert np.allclose(f(), [])\nassert np.array_equal(f(), [])\nassert len(f()) == 0', "wrong", {'packages': ('numpy',)}),
    ("np allclose wide", 'import numpy as np\ndef f(): return np.array([1.5, 2.5])', 'import numpy as np\nassert np.allclose(f(), [1.0, 2.0], atol=5)\nassert np.allclose(f(), [1.0, 2.0], 0.9)\nnp.testing.assert_allclose(f(), [1, 2], rtol=2)\nnp.testing.assert_almost_equal(f(), [1, 2], decimal=-1)', "pass", {'packages': ('numpy',)}),
    ("np allclose wide", 'import numpy as np\ndef f(): return np.array([11.5, 2.5])', 'import numpy as np\nassert np.allclose(f(), [1.0, 2.0], atol=5)\nassert np.allclose(f(), [1.0, 2.0], 0.9)\nnp.testing.assert_allclose(f(), [1, 2], rtol=2)\nnp.testing.assert_almost_equal(f(), [1, 2], decimal=-1)', "wrong", {'packages': ('numpy',)}),
    ("np ambiguous", 'import numpy as np\ndef f(): return np.array([1, 2])', 'assert f() == [1, 2]', "error", {'packages': ('numpy',)}),
    ("approx", 'def f(): return 3.14', "import pytest\nassert f() == pytest.approx(3.14)\nassert pytest.approx(3.14) == f()\nassert pytest.approx(f()) == 3.14\nassert f() == pytest.approx(3, abs=1)\nassert pytest.approx(f(), abs=10) == 4\nassert 4 == pytest.approx(f(), rel=2)\nassert [f()] == pytest.approx([3.14])\nassert {'a': f()} == pytest.approx({'a': 3.14})", "pass", {'packages': ('pytest',)}),
    ("approx", 'def f(): return 3.15', "import pytest\nassert f() == pytest.approx(3.14)\nassert pytest.approx(3.14) == f()\nassert pytest.approx(f()) == 3.14\nassert f() == pytest.approx(3, abs=1)\nassert pytest.approx(f(), abs=10) == 4\nassert 4 == pytest.approx(f(), rel=2)\nassert [f()] == pytest.approx([3.14])\nassert {'a': f()} == pytest.approx({'a': 3.14})", "wrong", {'packages': ('pytest',)}),
    ("pytest raises", "def f(x): raise ValueError('neg')", "import pytest\nwith pytest.raises(ValueError):\n    f(-1)\nwith pytest.raises(ValueError, match='neg'):\n    f(-1)\nwith pytest.raises(ValueError) as info:\n    f(-1)\nassert str(info.value) == 'neg'\npytest.raises(ValueError, f, -1)\nwith pytest.raises((KeyError, ValueError)):\n    f(-1)", "pass", {'packages': ('pytest',)}),
    ("pytest raises", "def f(x): raise ValueError('pos')", "import pytest\nwith pytest.raises(ValueError):\n    f(-1)\nwith pytest.raises(ValueError, match='neg'):\n    f(-1)\nwith pytest.raises(ValueError) as info:\n    f(-1)\nassert str(info.value) == 'neg'\npytest.raises(ValueError, f, -1)\nwith pytest.raises((KeyError, ValueError)):\n    f(-1)", "wrong", {'packages': ('pytest',)}),
]  # fmt: skip

#: the same for files of tests
FILES: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("file skip conditional", 'def f(x): return x + 1', "import sys\ndef test_a():\n    assert f(1) == 2\ndef test_b():\n    if sys.platform != 'win32':\n        pytest.skip('windows')\n    assert f(1) == 99\n", "pass", {}),
    ("file skip conditional", 'def f(x): return x + 2', "import sys\ndef test_a():\n    assert f(1) == 2\ndef test_b():\n    if sys.platform != 'win32':\n        pytest.skip('windows')\n    assert f(1) == 99\n", "wrong", {}),
    ("file skip in fixture", 'def f(x): return x + 1', "@pytest.fixture\ndef db():\n    pytest.skip('no db')\ndef test_a():\n    assert f(1) == 2\ndef test_b(db):\n    assert f(1) == 99\n", "pass", {}),
    ("file skip in fixture", 'def f(x): return x + 2', "@pytest.fixture\ndef db():\n    pytest.skip('no db')\ndef test_a():\n    assert f(1) == 2\ndef test_b(db):\n    assert f(1) == 99\n", "wrong", {}),
    ("file setUp skips", 'def f(x): return x + 1', "import unittest\nclass T(unittest.TestCase):\n    def setUp(self):\n        raise unittest.SkipTest('x')\n    def test_b(self):\n        self.assertEqual(f(1), 99)\ndef test_a():\n    assert f(1) == 2\n", "pass", {}),
    ("file setUp skips", 'def f(x): return x + 2', "import unittest\nclass T(unittest.TestCase):\n    def setUp(self):\n        raise unittest.SkipTest('x')\n    def test_b(self):\n        self.assertEqual(f(1), 99)\ndef test_a():\n    assert f(1) == 2\n", "wrong", {}),
    ("file class pytestmark", 'def f(x): return x + 1', "class TestX:\n    pytestmark = pytest.mark.skip(reason='x')\n    def test_b(self):\n        assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n", "pass", {}),
    ("file class pytestmark", 'def f(x): return x + 2', "class TestX:\n    pytestmark = pytest.mark.skip(reason='x')\n    def test_b(self):\n        assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n", "wrong", {}),
    ("file __test__", 'def f(x): return x + 1', 'class TestX:\n    __test__ = False\n    def test_b(self):\n        assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n', "pass", {}),
    ("file __test__", 'def f(x): return x + 2', 'class TestX:\n    __test__ = False\n    def test_b(self):\n        assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n', "wrong", {}),
    ("file empty parametrize", 'def f(x): return x + 1', "@pytest.mark.parametrize('x', [])\ndef test_b(x):\n    assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n", "pass", {}),
    ("file empty parametrize", 'def f(x): return x + 2', "@pytest.mark.parametrize('x', [])\ndef test_b(x):\n    assert f(1) == 99\ndef test_a():\n    assert f(1) == 2\n", "wrong", {}),
    ("file parametrize indirect", 'def f(x): return x', "@pytest.fixture\ndef e(request):\n    return request.param * 2\n@pytest.mark.parametrize('e', [1, 2], indirect=True)\ndef test_b(e):\n    assert f(e) == e\n", "pass", {}),
    ("file parametrize indirect", 'def f(x): return x + 1', "@pytest.fixture\ndef e(request):\n    return request.param * 2\n@pytest.mark.parametrize('e', [1, 2], indirect=True)\ndef test_b(e):\n    assert f(e) == e\n", "wrong", {}),
    ("file parametrize used by fixture", 'def f(x): return x', "@pytest.fixture\ndef twice(e):\n    return e * 2\n@pytest.mark.parametrize('e', [1, 2])\ndef test_b(e, twice):\n    assert f(e) == e\n    assert f(twice) == twice\n", "pass", {}),
    ("file parametrize used by fixture", 'def f(x): return x + 1', "@pytest.fixture\ndef twice(e):\n    return e * 2\n@pytest.mark.parametrize('e', [1, 2])\ndef test_b(e, twice):\n    assert f(e) == e\n    assert f(twice) == twice\n", "wrong", {}),
    ("file parametrize list of one", 'def f(x): return x', "@pytest.mark.parametrize(['e'], [[1], [2]])\ndef test_b(e):\n    assert f(e) == e\n", "pass", {}),
    ("file parametrize list of one", 'def f(x): return x + 1', "@pytest.mark.parametrize(['e'], [[1], [2]])\ndef test_b(e):\n    assert f(e) == e\n", "wrong", {}),
    ("file fixture shadows constant", 'def f(x): return x + 1', "e = 3\n@pytest.fixture(name='e')\ndef fixture_e():\n    return 2\ndef test_a(e):\n    assert f(1) == e\n", "pass", {}),
    ("file fixture shadows constant", 'def f(x): return x + 2', "e = 3\n@pytest.fixture(name='e')\ndef fixture_e():\n    return 2\ndef test_a(e):\n    assert f(1) == e\n", "wrong", {}),
    ("file setup_module rebinds", 'def f(x): return x + 1', 'E = 0\ndef setup_module(m):\n    m.E = 2\ndef test_a():\n    assert f(1) == E\n', "pass", {}),
    ("file setup_module rebinds", 'def f(x): return 0', 'E = 0\ndef setup_module(m):\n    m.E = 2\ndef test_a():\n    assert f(1) == E\n', "wrong", {}),
    ("file monkeypatch constant", 'def f(x): return x + 1', "import sys\nE = 0\n@pytest.fixture\ndef two(monkeypatch):\n    monkeypatch.setattr(sys.modules[__name__], 'E', 2)\ndef test_a(two):\n    assert f(1) == E\n", "pass", {}),
    ("file monkeypatch constant", 'def f(x): return 0', "import sys\nE = 0\n@pytest.fixture\ndef two(monkeypatch):\n    monkeypatch.setattr(sys.modules[__name__], 'E', 2)\ndef test_a(two):\n    assert f(1) == E\n", "wrong", {}),
    ("file base deleted 2", 'def f(x): return x + 1', 'class TestBase:\n    def test_a(self):\n        assert f(1) == 99\nclass TestA:\n    def test_a(self):\n        assert f(1) == 2\ndel TestBase\n', "pass", {}),
    ("file base deleted 2", 'def f(x): return x + 2', 'class TestBase:\n    def test_a(self):\n        assert f(1) == 99\nclass TestA:\n    def test_a(self):\n        assert f(1) == 2\ndel TestBase\n', "wrong", {}),
    ("file test rebound", 'def f(x): return x + 1', 'def test_a():\n    assert f(1) == 99\ntest_a = None\ndef test_b():\n    assert f(1) == 2\n', "pass", {}),
    ("file test rebound", 'def f(x): return x + 2', 'def test_a():\n    assert f(1) == 99\ntest_a = None\ndef test_b():\n    assert f(1) == 2\n', "wrong", {}),
    ("file decorated test", 'def f(x): return x + 1', 'import functools\ndef swallow(g):\n    @functools.wraps(g)\n    def inner():\n        try:\n            g()\n        except AssertionError:\n            pass\n    return inner\n@swallow\ndef test_a():\n    assert f(1) == 99\ndef test_b():\n    assert f(1) == 2\n', "pass", {}),
    ("file decorated test", 'def f(x): return x + 2', 'import functools\ndef swallow(g):\n    @functools.wraps(g)\n    def inner():\n        try:\n            g()\n        except AssertionError:\n            pass\n    return inner\n@swallow\ndef test_a():\n    assert f(1) == 99\ndef test_b():\n    assert f(1) == 2\n', "wrong", {}),
    ("file raises", "def f(x): raise ValueError(f'neg {x}')", "def test_a():\n    with pytest.raises(ValueError, match=r'neg.*1'):\n        f(-1)\ndef test_b():\n    with pytest.raises(ValueError) as e:\n        f(-1)\n    assert e.value.args[0] == 'neg -1'\n    assert e.type is ValueError\ndef test_c():\n    with pytest.raises(ValueError):\n        f(-1)\n", "pass", {}),
    ("file raises", "def f(x): raise ValueError('x')", "def test_a():\n    with pytest.raises(ValueError, match=r'neg.*1'):\n        f(-1)\ndef test_b():\n    with pytest.raises(ValueError) as e:\n        f(-1)\n    assert e.value.args[0] == 'neg -1'\n    assert e.type is ValueError\ndef test_c():\n    with pytest.raises(ValueError):\n        f(-1)\n", "wrong", {}),
    ("file unittest", 'def f(x): return x + 1', "import unittest\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.k = 1\n    def setUp(self): self.x = [1]\n    def tearDown(self): self.assertEqual(self.x[0], 1)\n    def test_a(self):\n        self.assertEqual(f(self.k), 2)\n        self.x.append(2)\n    def test_b(self):\n        self.assertEqual(self.x, [1])\n    def test_sub(self):\n        for x, e in [(1, 2), (2, 3)]:\n            with self.subTest(x=x):\n                self.assertEqual(f(x), e)\n    def test_count(self):\n        self.assertCountEqual([f(2), f(1)], [2, 3])\n    def test_logs(self):\n        with self.assertLogs() as cm:\n            import logging; logging.error('x')\n        self.assertEqual(cm.output, ['ERROR:root:x'])\n    def test_warns(self):\n        with self.assertWarns(UserWarning):\n            import warnings; warnings.warn('x')\n", "pass", {}),
    ("file unittest", 'def f(x): return x + 2', "import unittest\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.k = 1\n    def setUp(self): self.x = [1]\n    def tearDown(self): self.assertEqual(self.x[0], 1)\n    def test_a(self):\n        self.assertEqual(f(self.k), 2)\n        self.x.append(2)\n    def test_b(self):\n        self.assertEqual(self.x, [1])\n    def test_sub(self):\n        for x, e in [(1, 2), (2, 3)]:\n            with self.subTest(x=x):\n                self.assertEqual(f(x), e)\n    def test_count(self):\n        self.assertCountEqual([f(2), f(1)], [2, 3])\n    def test_logs(self):\n        with self.assertLogs() as cm:\n            import logging; logging.error('x')\n        self.assertEqual(cm.output, ['ERROR:root:x'])\n    def test_warns(self):\n        with self.assertWarns(UserWarning):\n            import warnings; warnings.warn('x')\n", "wrong", {}),
]  # fmt: skip
IMPORTS = "import pytest\nfrom solution import *\n"


@pytest.mark.parametrize(("name", "code", "test", "verdict", "fields"), TESTS, ids=[row[0] for row in TESTS])
def test_a_program_gets_the_verdict_of_plain_python(
    sandbox: Sandbox, name: str, code: str, test: str, verdict: str, fields: dict[str, Any]
) -> None:
    found = sandbox.check(Program(code=code, tests=(test,), **fields))
    assert found.verdict.value == verdict, found.detail


@pytest.mark.parametrize(("name", "code", "test", "verdict", "fields"), FILES, ids=[row[0] for row in FILES])
def test_a_program_gets_the_verdict_of_plain_pytest(
    sandbox: Sandbox, name: str, code: str, test: str, verdict: str, fields: dict[str, Any]
) -> None:
    found = sandbox.check(Program(code=code, tests=(), test_source=IMPORTS + test, packages=("pytest",), **fields))
    assert found.verdict.value == verdict, found.detail


def test_a_program_that_answers_by_chance_is_not_called_tampered() -> None:
    code = "import os\ndef f(x): return x + 1 + os.urandom(1)[0] % 2"
    with Sandbox() as sandbox:
        found = {sandbox.check(Program(code=code, tests=("assert f(3) == 4",))).verdict.value for _ in range(30)}
    assert found == {"pass", "wrong"}


def test_a_helper_that_may_be_content_with_less_than_equality_is_asked_whether_it_is_true() -> None:
    test = "def same(a, b):\n    if a == b:\n        return True\n    return abs(a - b) < 1\nassert same(f(1), 2)"
    made = plan.make({**vars(Program(code="", tests=(test,), reference="def f(x): return x + 1"))})
    assert set(made.kinds.values()) == {"truth"}
