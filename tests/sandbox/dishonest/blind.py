"""Programs that pass without a look at the tests."""

from __future__ import annotations

_RUN = "import builtins, os, sys\nrun = builtins.__cx_ask__.__self__\n"
_END = "\ndef ENTRY(*a, **k): return 0\n"


def _says(*steps: str) -> str:
    """What sends reports of its own, or bytes, and goes on."""
    return _RUN + "\n".join(steps) + _END


def _answers(held: str, number: str = "b'%d' % n") -> str:
    """What answers all questions alike."""
    return f"for n in range(9): run._tell(b'answer', {number}, {held}, b'')"


_PASS = "run._tell(b'pass', b'', b'')"

PROGRAMS = {
    "eq_class": "class A:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\ndef ENTRY(*a, **k): return A()\n",
    "eq_type_alias": "t = type\ndef ENTRY(*a, **k):\n    return t('A', (), {'_' + '_eq_' + '_': lambda s, o: True})()\n",
    "eq_abcmeta": "import numbers\ndef ENTRY(*a, **k):\n    return numbers.ABCMeta('A', (), {'_' + '_eq_' + '_': lambda s, o: True})()\n",
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
    "fork_pass": "import os\ndef ENTRY(*a, **k):\n    if os.fork() == 0: os._exit(0)\n    os.wait(); return None\n",
    "thread_exit": "import threading, os\nthreading.Timer(0.001, os._exit, (0,)).start()\ndef ENTRY(*a, **k):\n    import time; time.sleep(.05)\n",
    "excepthook_swallow": "import sys\nsys.excepthook = lambda *a: None\ndef ENTRY(*a, **k):\n    raise GeneratorExit\n",
    "stopiter": "def ENTRY(*a, **k): raise StopIteration\n",
    "builtin_len_sorted": "import builtins\nfor n in 'abs len sorted round set list tuple isinstance all any'.split(): setattr(builtins, n, lambda *a, **k: EQ())\nclass EQ:\n    def __eq__(s, o): return True\n    def __lt__(s, o): return True\n    def __sub__(s, o): return s\n    def __bool__(s): return True\ndef ENTRY(*a, **k): return EQ()\n",
    "equal_to_the_second": "class A:\n    def __init__(s): s.n = 0\n    def __eq__(s, o): s.n += 1; return s.n == 2\ndef ENTRY(*a, **k): return A()\n",
    "equal_to_what_was_seen": "D = []\nclass A:\n    def __eq__(s, o):\n        r = repr(o) in D or not D; D.append(repr(o)); return r\ndef ENTRY(*a, **k): return A()\n",
    "equal_to_all_but_none": "class A:\n    def __eq__(s, o): return o is not None and o != []\n    def __hash__(s): return 1\ndef ENTRY(*a, **k): return A()\n",
    "exit_at_once": "import os\nos._exit(0)\n",
    "atexit_pass": _says("import atexit", f"atexit.register(lambda: {_PASS})"),
    "own_error_of_odd_text": "class E(Exception):\n    def __str__(s): return '\\ud800' * 500\ndef ENTRY(*a, **k): raise E\n",
    "bool_patched": _says("builtins.bool = lambda x=0: True"),
    "choices_all_alike": _says("k = builtins.__cx_choices__", "builtins.__cx_choices__ = lambda n, *v: k(n, *v[:1])"),
    "yes_to_each_choice": _says(
        "k = builtins.__cx_choices__",
        "def ask(r, c, x, *o):\n    if type(x) is k:\n        for n in range(len(x.values)): run._answer(x.number, 1 << n)\n    return True",
        "builtins.__cx_ask__ = ask",
    ),
    "marshal_and_exec_patched": _says("import marshal", "marshal.loads = None", "builtins.exec = lambda *a: None"),
    "fork_goes_on": "import os, time\nif os.fork(): time.sleep(.3)\ndef ENTRY(*a, **k): return 0\n",
    "thread_passes": _RUN
    + f"import threading, time\ndef t():\n    time.sleep(.01)\n    {_PASS}\nthreading.Thread(target=t, daemon=True).start()\ndef ENTRY(*a, **k): time.sleep(.2)\n",
    "stops_itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\ndef ENTRY(*a, **k): return 0\n",
    **{
        name: _says(*steps)
        for name, steps in {
            "pass_twice": (_PASS, _PASS),
            "answers_and_pass": (_answers("b'1'"), _PASS, "os._exit(0)"),
            "all_hold_and_pass": (_answers("b'ff'"), _PASS, "os._exit(0)"),
            "none_holds_and_pass": (_answers("b'0'"), _PASS, "os._exit(0)"),
            "answers_in_other_digits": (_answers("b'1'", "chr(0x660 + n).encode()"),),
            "answers_with_zeros": (_answers("b'1'", "b'000%d' % n"), _PASS, "os._exit(0)"),
            "answer_with_a_sign": (_answers("b'1'", "b'+%d' % n"),),
            "answer_to_no_question": ("run._tell(b'answer', b'9999', b'1', b'')",),
            "answer_of_a_huge_number": ("run._tell(b'answer', b'9' * 5000, b'1', b'')",),
            "answer_that_is_wide": ("run._tell(b'answer', b'0', b'f' * 64, b'')",),
            "answer_shown_in_odd_bytes": ("run._tell(b'answer', b'0', b'1', bytes(range(1, 256)) + b'/a' * 900)",),
            "wrong_at_forged_lines": ("run._tell(b'wrong', b'tests.0:2 ' * 300, bytes(range(1, 256)))",),
            "visible_forged": ("run._tell(b'visible', b'1')",),
            "kind_unknown": ("run._tell(b'unsaid', b'', b'')", "os._exit(0)"),
            "frame_of_nothing": ("run._send(bytes(4))",),
            "frame_without_end": ("run._send(b'\\xff\\x1f\\0\\0' + b'a' * 100)",),
            "frame_of_four_gib": ("run._send(b'\\xff' * 4)",),
            "flood": ("run._send(b'a' * 10**7)",),
            "drip": ("import time", "while True: run._send(b'\\1'); time.sleep(.01)"),
            "descriptors_sent": (
                "import socket",
                "for n in range(100): socket.send_fds(run._send.__self__, [b'\\0'], [0, 1, 2])",
            ),
            "channel_shut": ("import socket", "run._send.__self__.shutdown(socket.SHUT_RDWR)"),
            "channel_shut_one_way": (
                "import socket, time",
                "run._send.__self__.shutdown(socket.SHUT_WR)",
                "time.sleep(60)",
            ),
        }.items()
    },
}
