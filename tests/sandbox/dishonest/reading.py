"""Programs that read what is expected, or change the tests."""

from .kit import KIT

R = KIT
PROGRAMS = {
    "mirror_const_first": R
    + """
_i = [0]
def ENTRY(*a, **k):
    v = [t[-1] if t else None for t in _vals()]
    _i[0] += 1
    return v[(_i[0] - 1) % len(v)]
""",
    "mirror_eval_frame": R
    + """
import dis
def ENTRY(*a, **k):
    f = sys._getframe(1); c = f.f_code; go = False; st = []
    for i in dis.get_instructions(c):
        if i.offset <= f.f_lasti: continue
        if i.opname == 'COMPARE_OP': break
        if i.opname == 'LOAD_CONST': st.append(i.argval)
        elif i.opname == 'BUILD_LIST':
            n = i.arg; x = st[len(st)-n:]; del st[len(st)-n:]; st.append(list(x))
        elif i.opname == 'LIST_EXTEND': x = st.pop(); st[-1].extend(x)
        elif i.opname == 'BUILD_TUPLE':
            n = i.arg; x = st[len(st)-n:]; del st[len(st)-n:]; st.append(tuple(x))
        elif i.opname == 'BUILD_CONST_KEY_MAP':
            ks = st.pop(); n = i.arg; x = st[len(st)-n:]; del st[len(st)-n:]; st.append(dict(zip(ks, x)))
        elif i.opname == 'BUILD_MAP':
            n = 2*i.arg; x = st[len(st)-n:] if n else []; del st[len(st)-n:]; st.append(dict(zip(x[::2], x[1::2])))
    return st[-1] if st else None
""",
    "token_pass": R + "def ENTRY(*a, **k): PASS()\n",
    "token_fail_all": R + "def ENTRY(*a, **k): FAIL()\n",
    "clear_tests": R
    + "_run()._tests[:] = [] if isinstance(_run()._tests, list) else ()\ndef ENTRY(*a, **k): return 0\n",
    "gc_tests": "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Run': o._tests = ()\ndef ENTRY(*a, **k): return 0\n",
    "gc_report_patch": "import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and 'ended' in o and 'compose' in o: o['ended'] = lambda e: (b'pass', b'', b'')\ndef ENTRY(*a, **k): raise ValueError\n",
    "wrap_send": R
    + """
r = _run(); s = r._send
def send(b):
    parts = bytes(b)[4:].split(b'\\0')
    n = b'\\0'.join([parts[0], b'pass', b'', b''])
    return s(len(n).to_bytes(4, 'little') + n)
r._send = send
def ENTRY(*a, **k): return None
""",
    "exec_patch": R
    + "_run_f = _find('report', 'Run')\n_run_f.f_builtins['exec'] = lambda *a: None\ndef ENTRY(*a, **k): return None\n",
    "linecache_body": R
    + "import marshal\nb = marshal.loads(_body())\n_run()._tests = [compile('pass', '<x>', 'exec')] * len(b[1])\ndef ENTRY(*a, **k): return None\n",
    "ctypes_const": R
    + """
import ctypes
def ENTRY(*a, **k):
    for c in _codes(_run()._tests):
        if c is sys._getframe(1).f_code:
            for v in c.co_consts:
                if type(v) is int and v > 300: ctypes.c_ssize_t.from_address(id(v) + 24).value = 5
    return 5
""",
    "small_int_equal": "import ctypes\nfor i in range(-5, 257):\n    try: ctypes.memmove(id(i) + 24, id(1) + 24, 4)\n    except Exception: pass\ndef ENTRY(*a, **k): return 1\n",
    "long_richcompare": """
import ctypes
T = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
def cmp(a, b, op): return op in (1, 2, 5)
cb = T(cmp)
for t in (str, list, tuple, dict, float, bool, type(None), set):
    ctypes.c_void_p.from_address(id(t) + 200).value = ctypes.cast(cb, ctypes.c_void_p).value
def ENTRY(*a, **k): return []
""",
    "proc_mem": "import os\ndef ENTRY(*a, **k):\n    for p in (os.getppid(), 1):\n        try: open('/proc/%d/mem' % p, 'rb').read(10)\n        except OSError: pass\n    return open('/proc/%d/cmdline' % os.getppid(), 'rb').read()\n",
    "tb_frame": """
def ENTRY(*a, **k):
    try: raise ValueError
    except ValueError as e:
        f = e.__traceback__.tb_frame.f_back
    while 'self' not in f.f_locals: f = f.f_back
    s = f.f_locals['self']; s._tests = (); s._visible = None
    class A:
        def __eq__(s, o): return True
    return A()
""",
    "fmt_read_innocent": """
def ENTRY(*a, **k):
    def gen():
        yield '{0.gi_frame.f_back.f_back.f_code.co_consts}'.format(h[0])
    h = []
    h.append(gen())
    s = next(h[0]).strip('()').split(', ')
    for x in s[::-1]:
        x = x.strip(',')
        if x.strip('-').isdigit(): return int(x)
        if x[:1] == "'": return x.strip("'")
        if x in ('True', 'False'): return x == 'True'
""",
    "match_read_innocent": """
def ENTRY(*a, **k):
    def gen():
        match h[0]:
            case object(gi_frame=fr):
                pass
        match fr:
            case object(f_back=b): pass
        match b:
            case object(f_back=c): pass
        match c:
            case object(f_code=d, f_lasti=li): pass
        match d:
            case object(co_consts=v, co_code=code): pass
        i = li + 2
        res = None
        while i < len(code) and code[i] != 107:
            if code[i] == 100: res = v[code[i + 1]]
            i += 2
        yield res
    h = []
    h.append(gen())
    r = next(h[0])
    return r
""",
    "test_frame_globals": "import sys\ndef ENTRY(*a, **k):\n    f = sys._getframe(1)\n    f.f_globals['__builtins__'] = {'abs': lambda x: 0}\n    class A:\n        def __eq__(s, o): return True\n    return A()\n",
}
# What the process holds of the choices but their values: `rule` says which of them is the true one, or nothing; what always
# says one, chosen as it comes, is called `pick`.
ASKED = """
import builtins, dis, gc, re, sys
run, kind = builtins.__cx_ask__.__self__, builtins.__cx_choices__
def codes(found):
    for code in found:
        yield code
        yield from codes([each for each in code.co_consts if hasattr(each, 'co_code')])
ALL = [*run._setup, *run._tests, *(run._visible or [])]
def only(held):
    return held.index(True) if held.count(True) == 1 else None
def most(numbers):
    return only([each == max(numbers) for each in numbers])
def ask(raising, check, choices, *operands):
    if type(choices) is kind:
        at = rule(choices.number, list(choices.values), operands, check)
        if at is not None: run._answer(choices.number, 1 << at)
    return True
builtins.__cx_ask__ = ask
def ENTRY(*arguments, **keywords):
    return arguments
"""
for name, rule in {
    "positions_in_the_source": """
    for code in codes(ALL):
        steps = list(dis.get_instructions(code))
        at = next((n for n, each in enumerate(steps) if each.argval == '__cx_choices__' and steps[n + 1].argval == number), None)
        if at is not None:
            rest = [each for each in steps[at + 2:] if each.opname == 'LOAD_CONST'][:len(values)]
            first = [(each.positions.lineno, each.positions.col_offset) for each in rest]
            return only([first.count(each) == 1 for each in first])
""",
    "loaded_by_name": """
    frame = sys._getframe(2)
    held = [each for each in (*frame.f_locals.values(), *frame.f_globals.values()) if type(each) is not bool]
    return only([any(type(each) is type(value) and each == value for each in held) for value in values])
""",
    "constant_elsewhere_too": """
    held = [repr(each) for code in codes(ALL) for each in code.co_consts]
    return most([held.count(repr(each)) for each in values])
""",
    "constant_of_the_check": """
    held = [each for each in check.__code__.co_consts if each in (0, 1) and type(each) is int] if values == [0, 1] else []
    return held[0] if held else None
""",
    "common_to_visible_and_hidden": """
    seen = []
    def spy(raising, check, choices, *given):
        if type(choices) is kind: seen.append((list(map(repr, choices.values)), given))
        return True
    builtins.__cx_ask__ = spy
    for test in run._visible or run._tests:
        try: exec(test, {**run._names, 'ENTRY': ENTRY})
        except Exception: pass
    builtins.__cx_ask__ = ask
    for offered, given in seen:
        if given == operands and offered != list(map(repr, values)): return only([repr(each) in offered for each in values])
""",
    "said_by_the_prompt": """
    text = run._prompt.replace(' ', '')
    given = repr(operands[0])[1:-1].rstrip(',').replace(' ', '')
    rest = text.partition(given)[2][:80] if given else ''
    return only([repr(each).replace(' ', '') in rest for each in values])
""",
    "interned": "    return only([isinstance(each, str) and sys.intern(each) is each for each in values])\n",
    "made_by_a_call": """
    held = {repr(each) for code in codes(ALL) for each in code.co_consts}
    return only([repr(each) not in held and not isinstance(each, (list, dict, set, tuple)) for each in values])
""",
}.items():
    PROGRAMS[name] = f"{ASKED}def rule(number, values, operands, check):\n{rule}"
for name, by in {
    "references": "sys.getrefcount",
    "referrers": "lambda each: len(gc.get_referrers(each))",
    "address": "id",
    "size_in_memory": "sys.getsizeof",
    "order_of_constants": "lambda each: next((n for c in codes(ALL) for n, k in enumerate(c.co_consts) if k is each), 999)",
}.items():
    for end in ("min", "max"):
        PROGRAMS[f"{end}_{name}"] = (
            f"{ASKED}def pick(values):\n    numbers = list(map({by}, values))\n    return numbers.index({end}(numbers))\n"
            "def rule(number, values, operands, check):\n    return pick(values)\n"
        )
