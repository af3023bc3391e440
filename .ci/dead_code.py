"""Fails where the package holds code that neither it nor `benchmarks/` uses: `python .ci/dead_code.py`.

vulture finds it. Tests do not count as use. What it cannot see is listed here with the reason.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "pytest_*": "pytest calls its hooks by their names",
    "longrepr": "pytest reads it",
    "__getattr__": "Python calls it for a name that a module lacks",
    "__path__": "Python's import system reads it",
    "predict_chances": "for users, beside scikit-learn's predict_proba",
    "label": "for users: the label of one task, beside `label_all`",
    "cell_": "for users: what an estimator has learned ends in _",
    "model_alias": "llama.cpp reads it",
    "n_*": "llama.cpp reads them",
    "verbosity": "llama.cpp reads it",
    "classify": "LiteLLM calls it",
    "calculate_strong_win_rate": "RouteLLM calls it",
    "max*": "reprlib reads them",
    "repr_*": "reprlib calls them by the type's name",
    "visit_*": "ast.NodeVisitor calls them by the node's name",
    "_getobj": "pytest calls it: our module of tests is made, not imported",
    "end_lineno": "Python's compiler reads it",
    "*col_offset": "Python's compiler reads it",
}


def main() -> int:
    """Prints a line for each finding."""
    vulture = Vulture()
    vulture.scavenge([str(ROOT / "pytest_complexity"), str(ROOT / "benchmarks")])
    registered = "".join(path.read_text() for path in (ROOT / "pytest_complexity").rglob("*.py"))
    found = [
        item
        for item in vulture.get_unused_code(min_confidence=60)
        if not any(fnmatch(item.name, name) for name in ALLOWED)
        and f':{item.name}"' not in registered  # a registry loads it by "module:name"
        and not _is_field(item.filename, item.first_lineno)
    ]
    for item in found:
        print(f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: nothing uses the {item.typ} {item.name!r}")
    return 1 if found else 0


def _is_field(path: Path, line: int) -> bool:
    """Whether an annotated name of a class stands there: a record's fields reach the report by `asdict` alone."""
    text = Path(path).read_text().splitlines()[line - 1]
    return (
        text.startswith("    ") and text.strip().partition(":")[0].isidentifier() and "(" not in text.partition(":")[0]
    )


if __name__ == "__main__":
    sys.exit(main())
