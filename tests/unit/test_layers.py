"""The package is built in layers, in the order that its documentation gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_complexity"


def order() -> list[str]:
    text = (ROOT / "docs" / "how-it-works.md").read_text()
    return re.findall(r"`(\w+)`", text.split("reads this list):")[1].split("##")[0])


def imported(source: str) -> Iterator[str]:
    """The rooms that a module imports, however it spells it."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        for name in names:
            top, _, rest = name.partition(".")
            if top == "pytest_complexity" and rest:
                yield rest.partition(".")[0]


def test_the_list_of_layers_names_every_room_once() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(order()) == sorted(rooms - {"__init__"})


def test_a_room_imports_only_from_those_before_it() -> None:
    place = {name: index for index, name in enumerate(order())}
    above = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in PACKAGE.rglob("*.py")
        if (owner := path.relative_to(PACKAGE).parts[0].removesuffix(".py")) in place
        for name in imported(path.read_text())
        if place.get(name, -1) > place[owner]
    ]
    assert above == []


@pytest.mark.parametrize(
    "line",
    ["import pytest_complexity.cli", "from pytest_complexity import cli", "from pytest_complexity.cli import main"],
)
def test_every_spelling_of_an_import_is_seen(line: str) -> None:
    assert list(imported(line)) == ["cli"]
