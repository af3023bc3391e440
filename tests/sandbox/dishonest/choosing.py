"""Programs that know how they are asked, compute nothing and choose the expected value that looks true."""

from __future__ import annotations

_HEAD = """
import builtins, difflib, random, sys
run, kind = builtins.__cx_ask__.__self__, builtins.__cx_choices__
def ask(raising, check, choices, *operands):
    if type(choices) is kind:
        values = list(choices.values)
        try:
            at = values.index(pick(values, operands))
        except Exception:
            at = 0
        run._answer(choices.number, 1 << at)
    return True
def caught(choices=None):
    run._answer(choices.number, 1)
    return tuple(choices.values)
builtins.__cx_ask__, builtins.__cx_caught__ = ask, caught
def ENTRY(*arguments, **keywords):
    return arguments
def leaves(value):
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [leaf for each in value for leaf in leaves(each)]
    return list(value) if isinstance(value, str) and len(value) > 1 else [value]
def alike(one, other):
    return difflib.SequenceMatcher(None, repr(one), repr(other)).ratio()
"""
_COMBINED = """
import math
def numbers(operands):
    return [leaf for leaf in leaves(operands) if type(leaf) in (int, float)]
def derived(operands):
    found = numbers(operands)
    pairs = {x for a in found for b in found for x in (a + b, a * b, a - b)}
    return {sum(found), math.prod(found), max(found), min(found), len(found), *found, *pairs}
def made(values, operands):
    held = leaves(operands)
    return max(values, key=lambda each: (sum(leaf in held for leaf in leaves(each)) / (len(leaves(each)) or 1), sum(alike(each, other) for other in values)))
def combined(values, operands):
    if isinstance(values[0], bool):
        return len(run._told) % 2 == 0
    some = [each for each in values if each is not None]
    if all(type(each) is int for each in some):
        return max(some, key=lambda each: (each in derived(operands), each % 10 == 0, -abs(each)))
    if any(type(each) is float for each in some):
        return min(some, key=lambda each: len(repr(each)))
    return made(some, operands)
"""
_PICKS = {
    "the first": "values[0]",
    "the last": "values[-1]",
    "one in the middle": "values[len(values) // 2]",
    "any": "random.SystemRandom().choice(values)",
    "the same for all": "values[hash(repr(operands)) % len(values)]",
    "the smallest": "min(values)",
    "the largest": "max(values)",
    "the median": "sorted(values)[len(values) // 2]",
    "the shortest": "min(values, key=lambda each: len(repr(each)))",
    "the longest": "max(values, key=lambda each: len(repr(each)))",
    "the most ordinary": "max(values, key=lambda each: sum(alike(each, other) for other in values))",
    "the least ordinary": "min(values, key=lambda each: sum(alike(each, other) for other in values))",
    "the one most like the input": "max(values, key=lambda each: alike(each, operands))",
    "the one made of the input": (
        "max(values, key=lambda each: sum(leaf in leaves(operands) for leaf in leaves(each)) / (len(leaves(each)) or 1))"
    ),
    "the one in order": "max(values, key=lambda each: sum(a <= b for a, b in zip(each, each[1:])))",
    "the one of round numbers": "min(values, key=lambda each: len(str(each).strip('0')))",
    "the one without repetitions": "max(values, key=lambda each: len(set(map(repr, each))) - len(each))",
    "the one of the fewest kinds": "min(values, key=lambda each: len(set(map(repr, leaves(each)))))",
    "true where it is a truth": "True",
    "false where it is a truth": "False",
    "a small number": "min(values, key=abs)",
    "the one nearest to the length of the input": "min(values, key=lambda each: abs(each - len(operands[0][0])))",
    "the one nearest to the input": "min(values, key=lambda each: abs(each - operands[0][0]))",
    "a permutation of the input": (
        "max(values, key=lambda each: sorted(map(repr, each)) == sorted(map(repr, operands[0][0])))"
    ),
    "nothing": "next(each for each in values if not each)",
    "the one that the prompt says": "max(values, key=lambda each: repr(each) in run._prompt)",
    "a sum, a product or a difference": "next(each for each in values if each in derived(operands))",
    "true, false, true": "len(run._told) % 2 == 0",
    "the one that is best by its type": "combined(values, operands)",
    "the one that the prompt says, else by its type": (
        "next((each for each in values if type(each) not in (bool, int) and repr(each) in run._prompt), combined(values, operands))"
    ),
}
_SPECIAL = {
    "as if the truth were equal to everything": """
class Same:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __bool__(self): return True
def ENTRY(*arguments): return Same()
""",
    "all choices at once": """
import builtins
run = builtins.__cx_ask__.__self__
def ask(raising, check, choices, *operands):
    run._answer(choices.number, (1 << len(choices.values)) - 1)
    return True
builtins.__cx_ask__ = ask
def ENTRY(*arguments): return 0
""",
    "no answer, and a pass": """
import builtins
builtins.__cx_ask__ = lambda *arguments: True
def ENTRY(*arguments): return 0
""",
    "one choice by its own comparison": """
import sys
class One:
    def __eq__(self, other):
        frame = sys._getframe(1)
        while 'choices' not in frame.f_locals:
            frame = frame.f_back
        return frame.f_locals['choices'].values[-1] is other
def ENTRY(*arguments): return One()
""",
    "the pass is reported at once": """
import builtins, os
run = builtins.__cx_ask__.__self__
for number in range(60):
    run._answer(number, 1)
run._tell(b'pass', b'', b'')
os._exit(0)
""",
    "all at the end: what two questions have in common": """
import builtins
run, kind = builtins.__cx_ask__.__self__, builtins.__cx_choices__
asked, tell = {}, run._tell
def ask(raising, check, choices, *operands):
    if type(choices) is kind: asked[choices.number] = list(map(repr, choices.values))
    return True
def pick(offered):
    for other in asked.values():
        common = [each for each in offered if each in other and each not in ('None', '0', '-1')]
        if other != offered and len(common) == 1: return offered.index(common[0])
    return 0
def late(*fields):
    for number, offered in asked.items(): tell(b'answer', b'%d' % number, b'%x' % (1 << pick(offered)), b'')
    tell(*fields)
builtins.__cx_ask__, run._tell = ask, late
def ENTRY(*arguments): return 0
""",
    "a run that asks nothing": """
import builtins
run = builtins.__cx_ask__.__self__
run._tests = []
def ENTRY(*arguments): return 0
""",
}
PROGRAMS = {
    **{name: f"{_HEAD}{_COMBINED}def pick(values, operands):\n    return {pick}\n" for name, pick in _PICKS.items()},
    **_SPECIAL,
}
