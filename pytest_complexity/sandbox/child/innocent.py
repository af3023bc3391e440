"""Which programs look as if they could but compute: one control is enough for them, the others get more.

A static look at the text, made to save time. It is no defence and need not be complete: what it does not know it calls
suspicious, and what gets around it must still fail a control.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Iterator

MAX_TEXT = 8000  #: characters, ASCII alone (Python reads other letters as these); and no tree too deep to walk
_WORDS = re.compile(r"\w+")
_DEEP = re.compile(r"[-+~]{30}|[(\[{]{30}|(?:not\s+){30}|(?:lambda\b[^:]*:\s*){10}")
_SAFE_DUNDERS = frozenset(("__init__", "__name__", "__main__", "__repr__", "__str__"))
_DUNDERS = re.compile(
    r"(?<!\w)(?:__init__|__name__|__main__|__repr__|__str__)(?!\w)|(__)|(\\(?:x5f|u005f|U0000005f|137|N\{))", re.I
)
_INNER = ("_", "gi_", "cr_", "f_", "tb_", "co_", "ag_")  #: how attributes begin that show the interpreter's inside
_UNSAFE_NAMES = frozenset(
    (
        *("getattr", "setattr", "delattr", "hasattr", "globals", "locals", "vars", "dir", "eval", "exec", "compile"),
        *("open", "breakpoint", "help", "memoryview", "StopIteration", "StopAsyncIteration", "SystemExit"),
        *("GeneratorExit", "KeyboardInterrupt", "BaseException", "exit", "quit", "id", "super", "__build_class__"),
    )
)
_COLLECTIONS = ("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple")
#: harmless modules, and what programs take from them
_MODULES: dict[str, frozenset[str]] = {
    name: frozenset(names.split())
    for name, names in {
        "math": " ".join(each for each in dir(__import__("math")) if each[0] != "_"),
        "cmath": " ".join(each for each in dir(__import__("cmath")) if each[0] != "_"),
        "itertools": " ".join(each for each in dir(__import__("itertools")) if each[0] != "_"),
        "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
        "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
        "collections": " ".join(_COLLECTIONS),
        "re": "findall finditer match fullmatch search split sub subn compile escape IGNORECASE I MULTILINE M DOTALL S",
        "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits punctuation whitespace",
        "statistics": "mean median mode stdev variance pstdev pvariance fmean multimode median_low median_high",
        "fractions": "Fraction",
        "decimal": "Decimal getcontext ROUND_HALF_UP ROUND_HALF_EVEN ROUND_DOWN ROUND_UP",
        "datetime": "date datetime time timedelta timezone",
        "calendar": "isleap leapdays monthrange weekday month_name day_name month_abbr day_abbr",
        "random": "randint choice shuffle sample random uniform randrange seed",
        "copy": "copy deepcopy",
        "functools": "reduce lru_cache cache cmp_to_key partial",
        "operator": "itemgetter add mul sub xor and_ or_ mod truediv floordiv",
        "typing": "List Dict Tuple Set Optional Union Any Callable Iterable Iterator Sequence FrozenSet Generator "
        "Mapping Counter DefaultDict Deque TypeVar Generic",
        "sys": "maxsize setrecursionlimit float_info",
    }.items()
}
_BUILTINS = frozenset(vars(builtins))


class _Suspicious(Exception):
    pass


def innocent(
    code: str, prompt: str, tests_bind: Collection[str], tests_load: Collection[str], tests_ask: Collection[str]
) -> bool:
    """Whether a program is above suspicion.

    The tests' text binds and loads some module-level names, and asks for some attributes: a program that reads the
    first, binds the second where they are not its own to bind, or sets the third might be after the tests themselves.
    """
    if len(code) > MAX_TEXT or not code.isascii() or _DEEP.search(code) or any(map(any, _DUNDERS.findall(code))):
        return False
    try:
        try:
            text, tree = code, ast.parse(code)
        except SyntaxError:
            text = prompt + code
            tree = ast.parse(text)
        looked = _Look(frozenset(tests_ask))
        looked.visit(tree)
        shared = {word for word in _WORDS.findall(code) if word in tests_bind or word in tests_load}
        if shared.isdisjoint(_BUILTINS.union(tests_bind)):
            return True
        read, bound = _module_names(symtable.symtable(text, "<solution>", "exec"))
    except (SyntaxError, ValueError):
        return True  # it will not run
    except (_Suspicious, RecursionError, MemoryError):
        return False
    rebound = (bound - looked.imported) & _BUILTINS
    return read.isdisjoint(tests_bind) and rebound.isdisjoint(tests_load)


def _module_names(top: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """The module-level names that a program only reads, and those that it binds."""
    read: set[str] = set()
    bound: set[str] = set()
    for table in _tables(top):
        for symbol in table.get_symbols():
            if table is top or symbol.is_global():
                (bound if symbol.is_assigned() or symbol.is_imported() else read).add(symbol.get_name())
    return read - bound, bound


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


class _Look(ast.NodeVisitor):
    """Visits every node; what could be more than computing raises _Suspicious."""

    def __init__(self, asked: frozenset[str]) -> None:
        self._asked = asked
        self._modules: dict[str, str] = {}
        self.imported: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in _MODULES:
                raise _Suspicious
            self._modules[alias.asname or alias.name] = alias.name
            if not alias.asname:
                self.imported.add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        allowed = _MODULES.get(node.module or "", frozenset())
        for alias in node.names:
            if node.level or (alias.name != "*" and alias.name not in allowed) or not allowed:
                raise _Suspicious
            if alias.asname is None:
                self.imported.add(alias.name)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in _UNSAFE_NAMES or (node.id.startswith("__") and node.id not in _SAFE_DUNDERS):
            raise _Suspicious
        if node.id in self._modules or node.id == "type":  # a module that is handed about could be changed
            raise _Suspicious

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self._modules:
            if node.attr not in _MODULES[self._modules[node.value.id]] or not isinstance(node.ctx, ast.Load):
                raise _Suspicious
            return
        own = isinstance(node.value, ast.Name) and node.value.id == "self" and not node.attr.startswith("__")
        if node.attr.startswith(_INNER) and node.attr not in _SAFE_DUNDERS and not own:
            raise _Suspicious
        if not isinstance(node.ctx, ast.Load) and node.attr in self._asked:
            raise _Suspicious
        if node.attr in ("format", "format_map"):
            raise _Suspicious
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1 and not node.keywords:
            for part in node.args:  # what a call of it gives has no name
                self.visit(part)
        else:
            if isinstance(node.func, ast.Call):  # such as type(x)(...)
                raise _Suspicious
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        plain = {"object", "Exception", "ValueError"}
        if node.keywords or any(not isinstance(base, ast.Name) or base.id not in plain for base in node.bases):
            raise _Suspicious
        self.generic_visit(node)

    def visit_Match(self, node: ast.AST) -> None:
        raise _Suspicious  # a pattern reads any attribute
