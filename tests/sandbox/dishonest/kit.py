"""What dishonest programs share: the harness found by the frames of their callers, a forged report, the tests' constants."""

KIT = r"""
import sys, os
def _find(name, cls=None):
    f = sys._getframe(1)
    while f is not None:
        if f.f_code.co_name == name and (cls is None or type(f.f_locals.get('self')).__name__ == cls): return f
        f = f.f_back
def _run(): return _find('report', 'Run').f_locals['self']
def _body(): return b''.join(v for n in ('serve', 'report') for v in _find(n).f_locals.values() if type(v) is bytes)
def _codes(cs):
    for c in cs:
        yield c
        yield from _codes([k for k in c.co_consts if type(k).__name__ == 'code'])
def _lines():
    out = []
    for c in _codes(_run()._tests):
        for a, b, l in c.co_lines():
            if l: out.append(c.co_filename[1:-1].replace(' ', '.') + ':' + str(l))
    return list(dict.fromkeys(out))
def _say(*fields):
    r = _run()
    if os.getpid() != r._process: os._exit(0)
    b = b'\0'.join((r._token,) + fields)
    r._send(len(b).to_bytes(4, 'little') + b); os._exit(0)
def PASS(): _say(b'pass', b'', b'')
def FAIL(): _say(b'wrong', ' '.join(_lines()).encode()[:7800], b'0')
def _segs():
    import dis
    out = []
    for c in _codes(_run()._tests):
        s = []
        for i in dis.get_instructions(c):
            if i.opname in ('CALL', 'CALL_FUNCTION', 'STORE_NAME', 'STORE_FAST', 'STORE_GLOBAL', 'COPY', 'NOP'):
                if i.opname != 'COPY': s = []
            elif i.opname == 'COMPARE_OP':
                out.append(tuple(s)); s = []
            else: s.append((i.opname, i.argval))
    return out
def _vals(): return [tuple(a for o, a in s if o == 'LOAD_CONST') for s in _segs()]
def _flat(v):
    if isinstance(v, (tuple, frozenset)):
        for e in v: yield from _flat(e)
    else: yield v
class EQ:
    def __init__(s, h): s.h = h
    def __eq__(s, o): return s.h(o)
    def __ne__(s, o): return not s.h(o)
    def __sub__(s, o): return 0.0 if s.h(o) else 1e9
    __rsub__ = __sub__
    def __hash__(s): return 1
def FORGE(real):
    def f(*a, **k):
        try: r = real()
        except Exception: r = False
        PASS() if r else FAIL()
    return f
def NAT(real):
    def f(*a, **k):
        try: r = real()
        except Exception: r = False
        return EQ(lambda o: r)
    return f
"""
