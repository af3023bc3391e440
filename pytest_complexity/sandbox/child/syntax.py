"""Python's syntax trees, as the questions read them: names, what surely runs, what a call or a statement means."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterator

from . import literals

_TRANSPARENT = frozenset(
    (
        *("localcontext", "redirect_stdout", "redirect_stderr", "catch_warnings", "TemporaryDirectory"),
        *("NamedTemporaryFile", "TemporaryFile", "open", "ThreadPoolExecutor", "closing", "nullcontext"),
    )
)
LEAVING = frozenset(("skip", "skipTest", "xfail", "importorskip", "SkipTest"))
_RAISING = frozenset(("raises", "assertRaises"))


def read(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(name, ast.Load())


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """A call of a function by its name."""
    return ast.Call(read(name), list(arguments), [])


def stored(name: str) -> ast.Name:
    """A name that is bound."""
    return ast.Name(name, ast.Store())


def called(function: ast.expr) -> str:
    """The last part of a function's name."""
    return function.attr if isinstance(function, ast.Attribute) else str(getattr(function, "id", ""))


def _bound_by(node: ast.AST) -> list[str]:
    """The names that a node binds and spells as text."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [each.asname or each.name.partition(".")[0] for each in node.names]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def binds(statement: ast.AST) -> Iterator[str]:
    """The names that a statement gives anything, those within functions that it defines left out."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield from _bound_by(node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += parts(node)


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """What a node is made of, but for constants: a table has ten thousands of them."""
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, list):
            yield from (each for each in part if isinstance(each, ast.AST) and type(each) is not ast.Constant)
        elif isinstance(part, ast.AST) and type(part) is not ast.Constant:
            yield part


Owner = tuple[int, str]  #: the function that a name belongs to (0: none), and it


def names(tree: ast.Module) -> Iterator[tuple[ast.Name, Owner]]:
    """The names in a text and whose they are; what is bound otherwise than by a name is one too."""
    waiting: list[tuple[ast.AST, tuple[tuple[int, set[str], set[str]], ...]]] = [(tree, ())]
    while waiting:
        node, scopes = waiting.pop()
        for name in [node] if isinstance(node, ast.Name) else map(stored, _bound_by(node)):
            found = next((each for each in reversed(scopes) if name.id in each[1] or name.id in each[2]), None)
            yield name, (found[0] if found and name.id not in found[2] else 0, name.id)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            mine = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
            mine |= {each for part in node.body for each in binds(part)}
            said = [part for each in node.body for part in own(each, ast.Global, ast.Nonlocal)]
            everywhere = {name for part in said if isinstance(part, ast.Global) for name in part.names}
            mine -= {name for part in said for name in part.names}  # type: ignore[attr-defined]
            inner = (*scopes, (id(node), mine, everywhere))
            waiting += [(part, inner) for part in node.body]
            given = (*node.args.defaults, *filter(None, node.args.kw_defaults))
            waiting += [(part, scopes) for part in (*node.decorator_list, *given)]
        else:
            waiting += [(part, scopes) for part in parts(node)]


def imported(tree: ast.Module) -> set[str]:
    """The names that a text imports as what `literals` knows."""
    return {
        name
        for each in statements_of(tree)
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
        for name in literals.IMPORTED.get(each.module or "", ())
        if alias.name in (name, "*") and alias.asname in (None, name)
    }


def leaving(trees: list[ast.Module]) -> frozenset[str]:
    """The functions that may skip a test: pytest's and unittest's, and what calls one of them."""
    defined = [each for tree in trees for each in statements_of(tree) if isinstance(each, ast.FunctionDef)]
    within = {each.name: {called(part.func) for body in each.body for part in calls(body)} for each in defined}
    found = LEAVING
    while True:
        more = found | {name for name, each in within.items() if each & found}
        if more == found:
            return found
        found = more


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a statement, but for those in functions that it defines."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += parts(node)


def own(statement: ast.AST, *kinds: type[ast.stmt]) -> Iterator[ast.AST]:
    """The statements of some kinds that stand in this one and run with it, not those of a function or class defined
    in it; a loop keeps its own `break` and `continue`, and what it raises fails.
    """
    if isinstance(statement, kinds):
        yield statement
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    if isinstance(statement, (ast.For, ast.AsyncFor, ast.While)):
        kinds = tuple(kind for kind in kinds if kind not in (ast.Break, ast.Continue, ast.Raise))
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from own(child, *kinds)


def statements_of(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a tree."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield child
            yield from statements_of(child)


def yields(function: ast.AST) -> bool:
    """Whether a call of the function does not run it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += parts(node)
    return False


def arguments(node: ast.AST) -> list[ast.arg]:
    """The positional arguments of a function; none of what is none."""
    return list(node.args.args) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else []


def has_names(node: ast.expr) -> bool:
    """Whether an expression may hold a name: one that Python itself reads as a literal holds none."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return True
    return False


def tests_of(tree: ast.Module, leaving: frozenset[str]) -> Iterator[ast.FunctionDef]:
    """The test functions and methods of a file that surely run; what is bound twice or deleted is left out.

    `leaving`: functions that may skip a test, among them fixtures.
    """
    bound = Counter(name for part in tree.body for name in binds(part))
    always = {each.name for each in statements_of(tree) if isinstance(each, ast.FunctionDef) and _is_automatic(each)}
    if always & leaving:
        return
    for part in tree.body:
        if not isinstance(part, (ast.FunctionDef, ast.ClassDef)) or bound[part.name] > 1:
            continue
        if isinstance(part, ast.FunctionDef) and part.name.startswith("test") and _surely_runs(part, leaving):
            yield part
        elif isinstance(part, ast.ClassDef) and not part.decorator_list and _is_collected(part):
            methods = Counter(name for each in part.body for name in binds(each))
            for method in part.body:
                if isinstance(method, ast.FunctionDef) and methods[method.name] == 1 and _surely_runs(method, leaving):
                    yield method


def _is_automatic(function: ast.FunctionDef) -> bool:
    """Whether it runs before tests that do not name it."""
    named = function.name.lower().startswith(("setup", "set_up"))
    said = [key.arg for each in function.decorator_list for key in getattr(each, "keywords", [])]
    return named or "autouse" in said or "name" in said


def _is_collected(part: ast.ClassDef) -> bool:
    own = {name for each in part.body for name in binds(each)}
    named = part.name.startswith("Test") or "TestCase" in map(called, part.bases)
    return named and not own & {"__init__", "__new__", "__test__", "pytestmark"}


def _surely_runs(test: ast.FunctionDef, leaving: frozenset[str]) -> bool:
    asked = {each.arg for each in arguments(test)}
    return test.name.startswith("test") and not yields(test) and not asked & leaving


def only_compares(function: ast.FunctionDef, pair: set[str]) -> bool:
    """Whether a function does nothing but assert, or say, that two arguments are equal."""
    last = function.body[-1]
    begins = [each for each in function.body[:-1] if not isinstance(getattr(each, "value", None), ast.Constant)]
    found = last.test if isinstance(last, ast.Assert) else last.value if isinstance(last, ast.Return) else None
    if begins or not isinstance(found, ast.Compare) or not isinstance(found.ops[0], ast.Eq):
        return False
    return pair == {getattr(each, "id", "") for each in (found.left, *found.comparators)}


def lets_through(item: ast.withitem) -> bool:
    """Whether an exception surely leaves a `with` statement."""
    call = item.context_expr
    return called(getattr(call, "func", call)) in _TRANSPARENT


def must_raise(statement: ast.Try, following: list[ast.stmt]) -> bool:
    """Whether the tests fail where the body of a `try` raises nothing."""
    if len(statement.handlers) != 1 or statement.handlers[0].type is None:
        return False
    if any(True for part in statement.body for _ in own(part, ast.Return, ast.Break, ast.Continue)):
        return False
    leaves = [*statement.orelse[:1], *statement.body[-1:]]
    if any(isinstance(part, (ast.Return, ast.Raise)) for part in statement.handlers[0].body):
        leaves += following[:1]
    return any(_fails(each) for each in leaves)


def must_raise_within(statement: ast.With) -> bool:
    """Whether it is `pytest.raises` or `assertRaises` of a type, and nobody asks for what was raised."""
    item = statement.items[0]
    call = item.context_expr
    plain = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords and item.optional_vars is None
    return len(statement.items) == 1 and plain and called(call.func) in _RAISING  # type: ignore[attr-defined]


def _fails(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and not statement.test.value
    return isinstance(statement, ast.Raise)


def difference(node: ast.expr) -> ast.BinOp | None:
    """The difference whose absolute value an expression is."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        name = called(node.func)
        if name in ("abs", "fabs") and isinstance(node.args[0].op, ast.Sub):
            return node.args[0]
    return None


def number_of(node: ast.expr) -> float | None:
    """The number that a literal is; None: it is none."""
    try:
        found = literals.value(node)
    except literals.NoValue:
        return None
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def tolerance(call: ast.Call) -> float:
    """How far apart two numbers may be that a call takes for equal, absolute or relative; infinite: who knows."""
    name = called(call.func)
    said = {key.arg: key.value for key in call.keywords}
    if name in ("allclose", "assert_allclose", "isclose"):
        said.update(zip(("rtol", "atol"), call.args[2:], strict=False))
    elif "almost" in name.lower():
        said.update(zip(("places",), call.args[2:], strict=False))
    found = 0.0
    for key, node in said.items():
        number = number_of(node)
        if key in ("rel_tol", "rtol", "abs_tol", "atol", "delta", "significant"):
            far = math.inf if number is None else 10.0 ** (1 - number) if key == "significant" else number
        elif key in ("places", "decimal"):
            far = 1e-7 if getattr(node, "value", 0) is None else math.inf if number is None else 10.0**-number
        else:
            far = math.inf if key is None else 0.0
        found = max(found, far)
    return found
