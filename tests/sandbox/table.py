"""Run the table of programs elsewhere: `python table.py WORKERS LEVEL`, JSON on standard input and output."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from pytest_complexity.sandbox import Limits, Program, Sandbox, levels


def main() -> None:
    """Read `{name: code}` and the tests, write `{"level": ..., "verdicts": {name: verdict}}`."""
    order = json.load(sys.stdin)
    best = levels.best_level()[0]
    if sys.argv[2] != "best":
        levels.best_level = lambda: (sys.argv[2], "")  # type: ignore[assignment]
    workers = int(sys.argv[1])
    with Sandbox(workers=workers, limits=Limits(1.5, 128)) as sandbox, ThreadPoolExecutor(workers) as pool:
        names = list(order["programs"])
        checks = pool.map(
            lambda name: sandbox.check(Program(code=order["programs"][name], tests=tuple(order["tests"]))),
            names,
        )
        verdicts = {name: check.verdict.value for name, check in zip(names, checks, strict=True)}
        json.dump({"best": best, "level": sandbox.level, "verdicts": verdicts}, sys.stdout)


if __name__ == "__main__":
    main()
