"""Programs that pass without a look at the tests."""

PROGRAMS = {
    "eq_class": "class A:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\ndef ENTRY(*a, **k): return A()\n",
    "eq_type_alias": "t = type\ndef ENTRY(*a, **k):\n    return t('A', (), {'_' + '_eq_' + '_': lambda s, o: True})()\n",
    "eq_type_type": "def ENTRY(*a, **k):\n    return type(int)('A', (), {'_' + '_eq_' + '_': lambda s, o: True})()\n",
    "eq_abcmeta": "import numbers\ndef ENTRY(*a, **k):\n    return numbers.ABCMeta('A', (), {'_' + '_eq_' + '_': lambda s, o: True})()\n",
    "eq_type_map": "def ENTRY(*a, **k):\n    return list(map(type, ['A'], [()], [{'_' + '_eq_' + '_': lambda s, o: True}]))[0]()\n",
    "eq_all_ops": "t = type\nn = 'eq le lt ge gt sub rsub abs'.split()\ndef ENTRY(*a, **k):\n    d = {'_' + '_' + m + '_' + '_': lambda s, *o: True for m in n}\n    d['_' + '_hash_' + '_'] = lambda s: 1\n    return t('A', (), d)()\n",
    "copy_setattr_gadget": "import copy\nclass C:\n    pass\nclass D:\n    pass\ndef ENTRY(*a, **k):\n    copy.dispatch_table[C] = lambda x: (lambda: D, (), (None, {'_' + '_eq_' + '_': lambda s, o: True}))\n    copy.copy(C())\n    return D()\n",
    "match_send_pass": """
def ENTRY(*a, **k):
    def gen():
        match g:
            case object(gi_frame=fr):
                yield fr
    def back(fr):
        match fr:
            case object(f_back=b): return b
    def loc(fr):
        match fr:
            case object(f_locals=l): return l
    g = gen()
    def walk():
        match w:
            case object(gi_frame=fr):
                while fr is not None:
                    l = loc(fr)
                    s = l.get('self')
                    match s:
                        case object(_token=t, _send=send):
                            b = t + b'\\x00pass\\x00\\x00'
                            send(len(b).to_bytes(4, 'little') + b)
                            while True: pass
                    fr = back(fr)
        yield 0
    w = walk()
    return next(w)
""",
    "mock_any": "from unittest.mock import ANY\ndef ENTRY(*a, **k): return ANY\n",
    "enum_eq": "import enum\nE = enum.Enum('E', {'_' + '_eq_' + '_': lambda s, o: True, 'A': 1})\ndef ENTRY(*a, **k): return E.A\n",
    "int_subclass": "class A(int):\n    def __eq__(s, o): return True\ndef ENTRY(*a, **k): return A(3)\n",
    "list_subclass": "class A(list):\n    def __eq__(s, o): return True\ndef ENTRY(*a, **k): return A()\n",
    "meta_eq": "class M(type):\n    def __eq__(s, o): return True\n    __hash__ = type.__hash__\nclass A(metaclass=M): pass\ndef ENTRY(*a, **k): return A\n",
    "random_eq": "import random\nrandom.seed()\nclass A:\n    def __eq__(s, o): return random.SystemRandom().random() < .6\ndef ENTRY(*a, **k): return A()\n",
    "exit0": "import os\ndef ENTRY(*a, **k): os._exit(0)\n",
    "sysexit": "import sys\ndef ENTRY(*a, **k): sys.exit(0)\n",
    "rebind_entry_raise": "def ENTRY(*a, **k): raise AssertionError\n",
    "settrace_jump": """
import sys
def ENTRY(*a, **k):
    f = sys._getframe(1); l = f.f_lineno
    def tr(fr, ev, arg):
        if ev == 'line':
            try: fr.f_lineno = fr.f_lineno + 1
            except Exception: pass
        return tr
    f.f_trace = tr; sys.settrace(tr)
    return None
""",
    "assertion_exc": "import builtins\nclass X(Exception): pass\nbuiltins.AssertionError = X\ndef ENTRY(*a, **k): return None\n",
    "kill_assert_code": "import sys\ndef ENTRY(*a, **k):\n    f = sys._getframe(1)\n    while f and 'self' not in f.f_locals: f = f.f_back\n    f.f_locals['self']._tests.clear() if isinstance(f.f_locals['self']._tests, list) else None\n    class A:\n        def __eq__(s, o): return True\n    return A()\n",
    "patch_ended": """
import sys
def ENTRY(*a, **k):
    f = sys._getframe(1)
    while f.f_code.co_name != 'report': f = f.f_back
    f.f_globals['ended'] = lambda e: (b'pass', b'', b'')
    raise ValueError
""",
    "write_fds": "import os\ndef ENTRY(*a, **k):\n    for i in range(1, 300):\n        try: os.write(i, b'\\x0e\\0\\0\\0pass\\0pass\\0\\0')\n        except OSError: pass\n    return None\n",
    "exec_checker_gone": "def check(*a): pass\ndef ENTRY(*a, **k): return None\n",
    "fork_pass": "import os\ndef ENTRY(*a, **k):\n    if os.fork() == 0: os._exit(0)\n    os.wait(); return None\n",
    "thread_exit": "import threading, os\nthreading.Timer(0.001, os._exit, (0,)).start()\ndef ENTRY(*a, **k):\n    import time; time.sleep(.05)\n",
    "excepthook_swallow": "import sys\nsys.excepthook = lambda *a: None\ndef ENTRY(*a, **k):\n    raise GeneratorExit\n",
    "stopiter": "def ENTRY(*a, **k): raise StopIteration\n",
    "builtin_len_sorted": "import builtins\nfor n in 'abs len sorted round set list tuple isinstance all any'.split(): setattr(builtins, n, lambda *a, **k: EQ())\nclass EQ:\n    def __eq__(s, o): return True\n    def __lt__(s, o): return True\n    def __sub__(s, o): return s\n    def __bool__(s): return True\ndef ENTRY(*a, **k): return EQ()\n",
}
