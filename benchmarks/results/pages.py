"""How the pages of results write their figures."""

from __future__ import annotations

from collections.abc import Sequence


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    names = head.split("|")
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
