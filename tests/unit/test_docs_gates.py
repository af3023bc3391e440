"""The gates that README and docs show."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARES = re.compile(r"'(policies\.\S+|models\.\S+)\.(accuracy|saving|over_zero) >= ([\d.]+)'")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GATES = [(page.name, *found) for page in PAGES for found in SHARES.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "path", "key", "number"), GATES)
def test_a_gate_on_a_share_asks_for_at_most_1(page: str, path: str, key: str, number: str) -> None:
    assert float(number) <= 1, f"{page}: {path}.{key} is a share"
