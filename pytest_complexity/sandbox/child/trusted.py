"""The task's own text: parsed and compiled once per task, in the verifier, which never reads a program.

Each assertion gets a line number of its own. A traceback then tells which of them failed, and a proxy can
tell a call inside an assertion (whose arguments must stay as they are) from one outside.
"""

from __future__ import annotations

import ast
import builtins
import functools
import sys
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

KEEP = "__cx_keep__"
BUILTINS = frozenset(vars(builtins))


#: what a plan depends on
FIELDS = ("tests", "test_imports", "prompt_code", "test_setup_code", "reference")
#: modules of the standard library that hold no state worth the name
PURE_MODULES = frozenset(
    (
        *("math", "cmath", "operator", "collections", "itertools", "functools", "fractions", "datetime", "re"),
        *("string", "copy", "heapq", "bisect", "statistics", "typing", "numbers", "json"),
    )
)
STATEFUL_MODULES = frozenset(sys.stdlib_module_names) - PURE_MODULES
_REACHING = frozenset(("exec", "eval", "__import__", "setattr", "delattr", "globals", "vars", "open", "breakpoint"))


class BrokenTask(Exception):
    """The task's own text does not parse: a harness error, not a verdict."""


@dataclass
class Plan:
    """What the judge executes, in order, and what the worker is told."""

    chunks: list[tuple[str, CodeType]] = field(default_factory=list)
    assertions: dict[tuple[str, int], str] = field(default_factory=dict)  #: (file, line) -> source
    loads: frozenset[str] = frozenset()  #: names that set-up and tests load
    reference: str = ""
    classes: tuple[str, ...] = ()
    setup: tuple[tuple[tuple[str, ...], bool, tuple[str, ...], str], ...] = ()
    last_plain_lines: dict[str, int] = field(default_factory=dict)  #: file -> the line before its first assertion
    asked: tuple[str, ...] = ()  #: names of which the judge must know whether the program binds them
    ahead: tuple[str, ...] = ()  #: names that the tests will want of the program
    pure: bool = True  #: whether the text can leave nothing behind in the process that runs it

    @functools.cached_property
    def reference_names(self) -> tuple[frozenset[str], frozenset[str]]:
        """What the reference solution binds at its top level, and the classes among that; few tasks need it."""
        return _reference_binds(self.reference)


class _Assertions(ast.NodeTransformer):
    """Number the assertions and keep the value that each one looks at."""

    def __init__(self, plan: Plan, file: str, line: int) -> None:
        self._plan, self._file, self._line = plan, file, line

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self._line += 1
        source = ast.unparse(ast.Assert(test=node.test, msg=None))
        self._plan.assertions[self._file, self._line] = source
        test = node.test
        if isinstance(test, ast.Compare) and not isinstance(test.left, ast.Constant):
            test.left = self._keep(test.left)
        elif isinstance(test, ast.Compare):
            test.comparators[-1] = self._keep(test.comparators[-1])
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test.operand = self._keep(test.operand)
        else:
            node.test = self._keep(test)
        for child in ast.walk(node):
            if "lineno" in child._attributes:
                child.lineno = child.end_lineno = self._line  # type: ignore[attr-defined]
                child.col_offset = child.end_col_offset = 0  # type: ignore[attr-defined]
        return node

    @staticmethod
    def _keep(value: ast.expr) -> ast.expr:
        return ast.Call(func=ast.Name(id=KEEP, ctx=ast.Load()), args=[value], keywords=[])


def _parsed(source: str, what: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BrokenTask(f"{what} does not parse: {type(error).__name__}: {source[:80]!r}") from error


def _bound(statement: ast.stmt) -> tuple[str, ...]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return tuple(a.asname or a.name.split(".")[0] for a in statement.names)
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (statement.name,)
    return ()


def _borrowable(tree: ast.Module) -> list[tuple[tuple[str, ...], bool, tuple[str, ...], str]]:
    """Imports and definitions that the program may use, without any that asserts."""
    found = []
    for statement in tree.body:
        names = _bound(statement)
        if not names or any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
            continue
        loads = tuple({n.id for n in ast.walk(statement) if isinstance(n, ast.Name)})
        found.append((names, isinstance(statement, ast.ClassDef), loads, ast.unparse(statement)))
    return found


def _classes(tree: ast.Module) -> list[str]:
    return [statement.name for statement in tree.body if isinstance(statement, ast.ClassDef)]


def _loads(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _reference_binds(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that the reference solution binds at its top level, and the classes among them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    names = {name for statement in tree.body for name in _bound(statement)}
    targets = (t for s in tree.body if isinstance(s, ast.Assign) for t in s.targets)
    names |= {t.id for t in targets if isinstance(t, ast.Name)}
    return frozenset(names), frozenset(_classes(tree))


def _is_pure(nodes: list[ast.AST]) -> bool:
    """Whether the text can change nothing but its own names and what it reaches from them.

    Strict: where it names a module that holds state, assigns to an attribute or defines a class, the answer is no.
    """
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if not {module.partition(".")[0] for module in modules} <= PURE_MODULES:
                return False
        elif isinstance(node, ast.Name):
            if node.id in _REACHING or node.id in STATEFUL_MODULES:
                return False
        elif isinstance(node, ast.Attribute):
            if node.attr.startswith("__") or not isinstance(node.ctx, ast.Load):
                return False
        elif isinstance(node, ast.ClassDef):
            return False
    return True


def plan(program: dict[str, Any]) -> Plan:
    """The plan of a task. Raises BrokenTask where its own text cannot be read."""
    made = Plan(reference=program["reference"])
    loads: set[str] = set()
    classes: list[str] = []
    texts = [("imports", source) for source in program["test_imports"]]
    texts += [("prompt", program["prompt_code"]), ("setup", program["test_setup_code"])]
    texts += [("test", source) for source in program["tests"]]
    for number, (what, source) in enumerate(texts):
        if not source.strip():
            continue
        file = f"<{what} {number}>"
        try:
            tree = _parsed(source, f"the task's {what}")
        except BrokenTask:
            if what == "prompt":  # it may end in an open `def` line that the completion continues
                continue
            raise
        if what in ("prompt", "setup"):
            classes += _classes(tree)
        if what == "setup":
            made.setup = tuple(_borrowable(tree))
        nodes = list(ast.walk(tree))
        if what in ("setup", "test"):
            loads |= _loads(nodes)
        made.pure = made.pure and _is_pure(nodes)
        tree = _Assertions(made, file, len(source.splitlines()) + 1).visit(tree)
        try:
            made.chunks.append((what, compile(tree, file, "exec", dont_inherit=True, optimize=0)))
        except Exception as error:
            raise BrokenTask(f"the task's {what} does not compile: {error}") from error
    made.loads = frozenset(loads)
    made.classes = tuple(classes)
    made.asked = tuple(made.loads) if made.loads & BUILTINS else ()
    made.ahead = tuple(sorted(loads - BUILTINS))
    for _, code in made.chunks:
        lines = [line for file, line in made.assertions if file == code.co_filename]
        made.last_plain_lines[code.co_filename] = min(lines, default=2**31) - 1
    return made
