"""The package is built in layers, in the order that its documentation gives."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_complexity"


def order() -> list[str]:
    text = (ROOT / "docs" / "how-it-works.md").read_text()
    return re.findall(r"`(\w+)`", text.split("reads this list):")[1].split("##")[0])


def test_the_list_of_layers_names_every_module_once() -> None:
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(order()) == sorted(modules - {"__init__"})


def test_a_module_imports_only_from_those_before_it() -> None:
    place = {name: index for index, name in enumerate(order())}
    above = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path in PACKAGE.rglob("*.py")
        if (owner := path.relative_to(PACKAGE).parts[0].removesuffix(".py")) in place
        for imported in re.findall(r"^\s*from pytest_complexity\.(\w+)", path.read_text(), re.MULTILINE)
        if place[imported] > place[owner]
    ]
    assert above == []
