"""How long a whole replayed pytest run takes, and what the time goes into.

usage: whole_run.py [ROUNDS] -- PYTEST ARGUMENTS...       e.g. whole_run.py 2 -- benchmarks/humaneval --cx-trials=5

Runs `-n 0` and `-n 2` in turn, ROUNDS times each (default 2), every time in a new run directory; then once more in the
last directory of each, where every outcome is written already: what is left then is pytest's own loop, collection,
reading and the report. Prints medians of wall seconds, and the seconds of verification by verdict.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

WAYS = ("-n0", "-n2")


def main(rounds: int, arguments: list[str]) -> None:
    walls: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for way in WAYS:
                walls[way].append(timed([way, f"--cx-run={folder}/{way}-{number}", *arguments]))
        for way in WAYS:
            walls[f"{way}, all written already"].append(timed([way, f"--cx-run={folder}/{way}-0", *arguments]))
        for way, seconds in walls.items():
            print(f"{way}: {median(seconds):.1f} s of wall time ({', '.join(f'{each:.1f}' for each in seconds)})")
        spent: dict[str, list[float]] = defaultdict(list)
        for line in (Path(folder) / "-n0-0" / "outcomes.jsonl").read_text().splitlines():
            outcome = json.loads(line)
            spent[outcome["verdict"]].append(outcome["seconds"] or 0.0)
        for verdict, seconds in sorted(spent.items(), key=lambda item: -sum(item[1])):
            print(f"  verification, {verdict}: {sum(seconds):.1f} s over {len(seconds)} trials")


def timed(arguments: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *arguments], capture_output=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return time.perf_counter() - began


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]) if split > 1 else 2, sys.argv[split + 1 :])
