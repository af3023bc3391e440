"""Are a suite's tests worth anything? Each reference solution must pass, and what is plainly no solution must fail.

No solution are: an empty program; functions that return one and the same value whatever they are asked; and mutants
of the reference (DeMillo, Lipton & Sayward 1978, "Hints on test data selection"): a comparison negated, an integer
one too large, a sum made a difference, a returned value dropped. A mutant that passes may be equivalent to the
reference, so mutants are counted; the others are faults of the task.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import SandboxError
from pytest_complexity.run.pipeline import program_of
from pytest_complexity.sandbox import Limits, Sandbox
from pytest_complexity.sandbox.child import plan

MAX_MUTANTS = 6  #: of one task
MAX_CONSTANTS = 10
SECONDS = 1.0  #: for what must fail; a mutant often loops for ever
_ALWAYS: tuple[object, ...] = (None, True, False, 0, 1, "", [])
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class TaskCheck:
    """What a task's tests say: `reference` what is wrong with the reference (None: it passes or is missing)."""

    task_id: str
    has_reference: bool
    reference: str | None
    accepts_nothing: bool
    constants: tuple[str, ...]  #: those that pass, as source
    mutants: int
    survivors: int  #: mutants that pass
    combinations: int  #: of answers that a program which knows none has to choose from; 0: nothing can be asked

    @property
    def faults(self) -> tuple[str, ...]:
        """Each reason not to trust the task's verdicts."""
        found = [f"the reference does not pass: {self.reference}"] if self.reference else []
        if self.accepts_nothing:
            found.append("an empty program passes")
        elif self.constants:
            found.append(f"a function that always returns {' or '.join(self.constants)} passes")
        return tuple(found)


def check_tasks(tasks: Sequence[Task], workers: int = 1, progress: Callable[[int], object] = bool) -> list[TaskCheck]:
    """Check every task, `workers` at a time; `progress` hears how many are done. Raises `SandboxError`."""
    with (
        Sandbox(workers=workers) as patient,
        Sandbox(workers=workers, limits=Limits(SECONDS)) as strict,
        ThreadPoolExecutor(workers) as pool,
    ):
        found = []
        for one in pool.map(lambda task: _check(task, patient, strict), tasks):
            found.append(one)
            progress(len(found))
        return found


def _check(task: Task, patient: Sandbox, strict: Sandbox) -> TaskCheck:
    def passes(code: str) -> bool:
        return strict.check(program_of(task, code)).verdict is Verdict.PASS

    wrong = None
    if task.code.strip():
        check = patient.check(program_of(task, task.code))
        wrong = None if check.verdict is Verdict.PASS else f"{check.verdict.value}: {check.detail}".rstrip(": ")
    mutated = mutants(task)
    return TaskCheck(
        task_id=task.task_id,
        has_reference=bool(task.code.strip()),
        reference=wrong,
        accepts_nothing=passes(""),
        constants=tuple(value for value, code in constants(task) if passes(code)),
        mutants=len(mutated),
        survivors=sum(map(passes, mutated)),
        combinations=_combinations(task),
    )


def _combinations(task: Task) -> int:
    try:
        made = plan.make(vars(program_of(task, task.code)))
        return made.combinations if made.answers else 0
    except plan.BrokenTask as why:
        raise SandboxError(str(why)) from None


def constants(task: Task) -> list[tuple[str, str]]:
    """(value, program) of functions that return a constant: usual ones, and those that the tests compare with."""
    names = [task.entry_point] if task.entry_point else _functions(task.code)
    values = dict.fromkeys([*_expected(task), *map(repr, _ALWAYS)])
    return [
        (value, "".join(f"def {name}(*args, **kwargs):\n    return {value}\n" for name in names))
        for value in list(values)[:MAX_CONSTANTS]
        if names
    ]


def mutants(task: Task) -> list[str]:
    """At most `MAX_MUTANTS` programs that differ from the reference in one place, all kinds of change in turn."""
    source, first = task.code, 0
    if task.prompt_code and task.entry_point not in _functions(task.code):
        source, first = task.prompt_code + task.code, task.prompt_code.count("\n")
    tree = _parsed(source)
    if tree is None:
        return []
    kinds: dict[type, list[str]] = {}
    for node in ast.walk(tree):
        if getattr(node, "lineno", 0) > first:
            for text in _changed(tree, node):
                kinds.setdefault(type(node), []).append(text)
    longest = max(map(len, kinds.values()), default=0)
    turns = [texts[turn] for turn in range(longest) for texts in kinds.values() if turn < len(texts)]
    return list(dict.fromkeys(turns))[:MAX_MUTANTS]


def _changed(tree: ast.Module, node: ast.AST) -> Iterator[str]:
    """The program with this node changed; the tree is as it was afterwards."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPPOSITE:
        kept = node.ops
        node.ops = [_OPPOSITE[type(kept[0])](), *kept[1:]]
        yield ast.unparse(tree)
        node.ops = kept
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        node.value += 1
        yield ast.unparse(tree)
        node.value -= 1
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        was = node.op
        node.op = ast.Sub() if isinstance(was, ast.Add) else ast.Add()
        yield ast.unparse(tree)
        node.op = was
    elif isinstance(node, ast.Return) and node.value is not None:
        value, node.value = node.value, None
        yield ast.unparse(tree)
        node.value = value


def _expected(task: Task) -> Iterator[str]:
    """The literals on the right of an assertion's comparison."""
    for source in (task.test_setup_code, *task.test_list, task.test_source):
        for node in ast.walk(_parsed(source) or ast.Module([], [])):
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
                try:
                    yield repr(ast.literal_eval(node.test.comparators[-1]))
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue


def _functions(source: str) -> list[str]:
    tree = _parsed(source)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
