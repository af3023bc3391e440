"""Programs that guess whether a run is a control: they pass the true run and fail the controls."""
# ruff: noqa: UP031 - a program stands on one line and is full of braces

from .kit import KIT


def both(name, expr, extra=""):
    return {
        name + "_forge": KIT + extra + "ENTRY = FORGE(lambda: " + expr + ")\n",
        name + "_nat": KIT + extra + "ENTRY = NAT(lambda: " + expr + ")\n",
    }


N = "max(4, 1 + len(_segs()))"
PL = """
def lens():
    s = [x for t in _vals() for x in _flat(t) if type(x) is str]
    w = set(open(os.__file__).read().split())
    return sum(x.isalpha() and x in w for x in s) * 2 >= len(s)
"""
PROGRAMS = {}
PROGRAMS.update(
    both(
        "flagref",
        "not any(m[1] == b'c' for m in list(__import__('re').finditer(rb'([\\xe3c])\\0{12}.\\0{3}\\0{4}', _body(), 16))[len(_run()._imports):])",
    )
)
PROGRAMS.update(both("coin4", "os.urandom(1)[0] < 64"))
PROGRAMS.update(both("ino_mod", "os.fstat(os.pipe()[0]).st_ino // 36 %% %s == 0" % N))
PROGRAMS.update(both("clock_mod", "int(__import__('time').monotonic() * 1e3 / 8) %% %s == 0" % N))
PROGRAMS.update(both("dups", "len(set(map(repr, _vals()))) == len(_vals())"))
PROGRAMS.update(
    both(
        "inf_none_not",
        "not any(o in ('BUILD_LIST', 'BUILD_TUPLE') and s[j-1][1] is None or a == float('inf') for s in _segs() for j, (o, a) in enumerate(s)) and os.urandom(1)[0] < 80",
    )
)
PROGRAMS.update(both("words", "lens() and os.urandom(1)[0] < 90", PL))
PROGRAMS.update(both("bodylen_parity", "len(_body()) % 4 == 0"))
PROGRAMS.update(
    both(
        "positions",
        "len({p[0] for c in _codes(_run()._tests) for p in c.co_positions() if p[2]}) and os.urandom(1)[0] < 64",
    )
)
PROGRAMS.update(
    both("filename_ids", "len({id(c.co_filename) for c in _codes(_run()._tests)}) %% 2 == 0".replace("%%", "%"))
)
PROGRAMS["flagref_mirror"] = (
    KIT
    + r"""
import re
def _alt():
    m = [x[1] for x in re.finditer(rb'([\xe3c])\0{12}.\0{3}\0{4}', _body(), 16)][len(_run()._imports):]
    return [i for i, x in enumerate(m) if x == b'c']
_bad = _alt()
def ENTRY(*a, **k):
    f = sys._getframe(1)
    return EQ(lambda o: not any('<tests %d>' % i == f.f_code.co_filename for i in _bad))
"""
)
PROGRAMS["coin_retry_by_load"] = (
    KIT
    + r"""
import time, threading
def ENTRY(*a, **k):
    r = os.urandom(1)[0]
    if r < 64: PASS()
    if r < 200: FAIL()
    for _ in range(2): os.fork()
    e = time.time() + 9
    while time.time() < e: pass
"""
)


# Since a failure must name its place: natural failures at a place that is guessed, all other assertions pass.
GUESSED = (
    KIT
    + """
_at = [0]
def _here(o):
    _at[0] += 1
    return _real or _at[0] != _place
def ENTRY(*a, **k): return EQ(_here)
_place = 1 + os.urandom(1)[0] % max(1, len(_segs()))
"""
)
for name, real in {
    "coin": "os.urandom(1)[0] < 32",
    "tick": "(__import__('time').sleep(.02 - __import__('time').monotonic() % .02), int(__import__('time').monotonic() * 50) % 8 == 0)[1]",
}.items():
    PROGRAMS[f"{name}_at_a_place"] = GUESSED + f"_real = {real}\n"
    PROGRAMS[f"{name}_at_the_first"] = GUESSED + f"_place, _real = 1, {real}\n"
