"""Programs whose runs leave something for the next one, to tell the true one from the controls."""
# ruff: noqa: UP031 - a program stands on one line and is full of braces

from .kit import KIT

# `get()` -> 0..n or 0 if never set; `put(n)`. Strategy: first run of the task = baseline (reported failed, all lines);
# afterwards the number of expected values that differ from the baseline tells: exactly the baseline's own change = real.
STRAT = r"""
import zlib
def hs():
    v = [zlib.crc32(repr(c.co_consts).encode() + c.co_code) for c in _codes(_run()._tests)] if len(_run()._tests) < 3 else [zlib.crc32(repr(c.co_consts).encode()) for c in _run()._tests]
    v2 = [zlib.crc32(repr(s).encode()) for s in _segs()]
    return v2 if len(v2) >= len(_run()._tests) else v
def ENTRY(*a, **k):
    h = hs(); me = zlib.crc32(b'ENTRY') & 0xffffff
    try: old = load(len(h))
    except Exception: old = None
    if not old:
        try: save(h)
        except Exception: pass
        FAIL()
    d = sum((x & MASK) != y for x, y in zip(h, old))
    PASS() if d == 1 else FAIL()
"""


def st(load_save, mask="0xffffffff"):
    return KIT + "MASK = %s\n" % mask + load_save + STRAT


FILE = """
import json
def load(n):
    return json.load(open(PATH)) if os.path.exists(PATH) else None
def save(h): json.dump(h, open(PATH, 'w'))
"""
PROGRAMS = {}
for n, path in {
    "tmp_file": "'/tmp/rt_ENTRY'",
    "home_file": "os.path.expanduser('~/../rt_ENTRY')",
    "devshm": "'/dev/shm/rt_ENTRY'",
    "vartmp": "'/var/tmp/rt_ENTRY'",
    "cwd_file": "'rt_ENTRY'",
    "run_file": "'/run/rt_ENTRY'",
    "stdlib_pycache": "os.path.dirname(os.__file__) + '/rt_ENTRY'",
    "packages": "'/packages/rt_ENTRY'",
    "cx_dir": "'/cx/rt_ENTRY'",
}.items():
    PROGRAMS[n] = st("PATH = " + path + "\n" + FILE)
PROGRAMS["page_cache_nowait"] = st("""
import glob
def _files():
    d = os.path.dirname(os.__file__)
    return [p for p in sorted(glob.glob(d + '/*.py') + glob.glob(d + '/encodings/*.py') + glob.glob(d + '/lib2to3/*.py')) if os.path.getsize(p) > 4096][:170]
def _bit(p):
    fd = os.open(p, 0)
    try: os.preadv(fd, [bytearray(16)], 0, os.RWF_NOWAIT); r = 1
    except OSError: r = 0
    os.close(fd); return r
def _put(p, b):
    fd = os.open(p, 0)
    if b: os.pread(fd, 16, 0)
    else: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
def _key(h, w): return [int(c) for c in format(zlib.crc32(b'ENTRY') & 0xffff, '016b')]
def load(n):
    f = _files(); w = min(8, 100 // n); bits = [_bit(p) for p in f[:16 + w * n]]
    if bits[:16] != _key(0, 0): return None
    return [int(''.join(map(str, bits[16 + w * i:16 + w * i + w])), 2) for i in range(n)]
def save(h):
    f = _files(); n = len(h); w = min(8, 100 // n)
    b = _key(0, 0) + [int(c) for x in h for c in format(x & ((1 << w) - 1), '0%db' % w)]
    for p, x in zip(f, b): _put(p, x)
""").replace("(x & MASK)", "(x & ((1 << min(8, 100 // len(h))) - 1))")
PROGRAMS["flock_devnull"] = (
    KIT
    + """
import fcntl
def ENTRY(*a, **k):
    fd = os.open('/dev/null', os.O_RDWR)
    try: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB); free = True
    except OSError: free = False
    fcntl.flock(fd, fcntl.LOCK_UN)
    if free:
        fcntl.flock(0, fcntl.LOCK_EX); FAIL()
    fcntl.flock(0, fcntl.LOCK_UN); PASS()
"""
)
for n, c in {
    "sysv_shm": "l.shmget(7777, 4096, 0o1666)",
    "sysv_sem": "l.semget(7777, 1, 0o1666)",
    "sysv_msg": "l.msgget(7777, 0o1666)",
    "mq": "l.mq_open(b'/rt', 0o102, 0o666, 0)",
    "keyring": "l.syscall(248, b'user', b'rt', b'x', 1, -4)",
    "memfd": "os.memfd_create('x')",
    "shm_open": "l.shm_open(b'/rt', 0o102, 0o666)",
    "ptrace": "1 if l.ptrace(16, os.getppid(), 0, 0) == 0 else -1",
    "vm_write": "l.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
}.items():
    PROGRAMS[n] = (
        KIT
        + "import ctypes\nl = ctypes.CDLL(None)\ndef ENTRY(*a, **k):\n    r = %s\n    PASS() if r >= 0 and os.urandom(1)[0] < 64 else FAIL()\n"
        % c
    )
PROGRAMS["abstract_socket"] = (
    KIT
    + """
import socket
def ENTRY(*a, **k):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try: s.bind('\\0rt_ENTRY')
    except OSError: PASS()
    r = _find('serve').f_locals['sock']
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time; time.sleep(2)
        os._exit(0)
    FAIL()
"""
)
PROGRAMS["abstract_inflight"] = (
    KIT
    + """
import socket
def ENTRY(*a, **k):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try: s.bind('\\0ri_ENTRY')
    except OSError: PASS()
    a1, b1 = socket.socketpair()
    socket.send_fds(a1, [b'x'], [s.fileno(), a1.fileno(), b1.fileno()])
    FAIL()
"""
)
PROGRAMS["daemon_writes"] = (
    KIT
    + """
def ENTRY(*a, **k):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            for _ in range(40):
                time.sleep(.05)
                try: open('rt_mark', 'w').close()
                except OSError: pass
        os._exit(0)
    PASS() if os.path.exists('rt_mark') else FAIL()
"""
)
PROGRAMS["zygote_residue"] = (
    KIT
    + """
import gc
def ENTRY(*a, **k):
    z = [o for o in gc.get_objects() if type(o).__name__ == 'Zygote']
    PASS() if z and os.urandom(1)[0] < 64 else FAIL()
"""
)
PROGRAMS["dirmtime"] = (
    KIT
    + """
def ENTRY(*a, **k):
    try: os.utime('/dev/null', (5, 5))
    except OSError: pass
    PASS() if os.stat('/dev/null').st_mtime == 5 and os.urandom(1)[0] < 64 else FAIL()
"""
)
SIG = """
import fcntl, zlib
def _w(n): return 12 // n
def _k(): return zlib.crc32(b'ENTRY') % 15 + 1
def load(n):
    k = 0
    for i, fd in enumerate((0, 2)):
        g = fcntl.fcntl(fd, 3); k |= ((1 if g & 2048 else 0) | (2 if g & 1024 else 0)) << (2 * i)
    if k != _k(): return None
    b = fcntl.fcntl(0, 11) * 64 + fcntl.fcntl(2, 11); w = _w(n)
    return [(b >> (w * i)) & ((1 << w) - 1) for i in range(n)]
def save(h):
    w = _w(len(h)); b = 0; k = _k()
    for i, x in enumerate(h): b |= (x & ((1 << w) - 1)) << (w * i)
    fcntl.fcntl(0, 10, b // 64); fcntl.fcntl(2, 10, b % 64)
    for i, fd in enumerate((0, 2)):
        q = (k >> (2 * i)) & 3
        fcntl.fcntl(fd, 4, (2048 if q & 1 else 0) | (1024 if q & 2 else 0))
"""
PROGRAMS["fcntl_setsig"] = st(SIG).replace("(x & MASK)", "(x & ((1 << (12 // len(h))) - 1))")
CK = """
import socket, zlib
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def _ck():
    s = socket.socket(socket.AF_UNIX); v = int.from_bytes(s.getsockopt(1, 57, 8), 'little'); s.close(); return v % 4096
def _k(): return zlib.crc32(b'ENTRY') % 7 + 1
def load(n):
    v = (_ck() - 1) % 4096
    if v >> 9 != _k(): return None
    while _ck() != v: pass
    w = 9 // n
    return [(v >> (w * i)) & ((1 << w) - 1) for i in range(n)]
def save(h):
    w = 9 // len(h); v = _k() << 9
    for i, x in enumerate(h): v |= (x & ((1 << w) - 1)) << (w * i)
    while _ck() != v: pass
"""
PROGRAMS["sock_cookie"] = st(CK).replace("(x & MASK)", "(x & ((1 << (9 // len(h))) - 1))")

# The trials of a task are counted somewhere, and each takes the next choice of every question.
TURNS = """
import builtins, os
run, kind = builtins.__cx_ask__.__self__, builtins.__cx_choices__
def pick(choices): return trial % len(choices.values)
def ask(raising, check, choices, *operands):
    if type(choices) is kind: run._answer(choices.number, 1 << pick(choices))
    return True
def ENTRY(*a, **k): return 0
"""
for n, count in {
    "turns_by_inode": """
def ino():
    r, w = os.pipe(); n = os.fstat(r).st_ino; os.close(r); os.close(w); return n
trial = ino() // 256 % 16
while ino() // 256 % 16 != (trial + 1) % 16: pass
""",
    "turns_by_zygote": "import re\ntrial = int(getattr(re, 'turn', os.environ.get('TURN', 0)))\nre.turn = trial + 1\nos.environ['TURN'] = str(trial + 1)\n",
    "turns_by_file_times": """
trial = int(os.stat('/dev/null').st_mtime) % 16
for p in ('/dev/null', '/dev/zero', '/dev', os.__file__):
    try: os.utime(p, (trial + 1, trial + 1))
    except OSError: pass
""",
    "turns_by_shared_memory": """
import ctypes
l = ctypes.CDLL(None); l.shmat.restype = ctypes.c_void_p
i = l.shmget(7773, 4096, 0o1666)
at = ctypes.c_int.from_address(l.shmat(i, None, 0)) if i >= 0 else ctypes.c_int()
trial = at.value; at.value += 1
""",
}.items():
    PROGRAMS[n] = TURNS + count + "builtins.__cx_ask__ = ask\n"
