"""What pytest's start costs where the plugin is installed and unused, in two environments, in one run.

    python benchmarks/speed/startup.py PYTHON_A PYTHON_B [--rounds 15]

Each round starts, in turn, pytest on one empty test without the plugin and with it, in A and in B, so a busy machine
slows all alike; no other plugin is loaded. Wall and processor time are medians over the rounds. Then: modules that the
plugin brings in.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

ALONE = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
COUNT = "import sys\nbefore = set(sys.modules)\nimport pytest_complexity.plugin\nprint(len(set(sys.modules) - before))"


def start(command: list[str], directory: str) -> tuple[float, float]:
    """Wall and processor seconds of one process."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, cwd=directory, env=ALONE, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs=2, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    pythons = [os.path.abspath(python) for python in arguments.pythons]  # a link to another one stays
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_empty.py"]
    cases = {}
    for letter, python in zip("AB", pythons, strict=True):
        cases[f"{letter} without the plugin"] = [python, *pytest]
        cases[f"{letter} with the plugin"] = [python, *pytest, "-p", "pytest_complexity.plugin"]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "test_empty.py").write_text("def test_empty():\n    pass\n")
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for number in range(arguments.rounds + 1):
            for name, command in cases.items():
                measured = start(command, directory)
                if number:  # the first round compiles
                    taken[name].append(measured)
        for name, times in taken.items():
            wall, used = (1000 * median(each) for each in zip(*times, strict=True))
            print(f"{name}: {wall:.0f} ms, {used:.0f} ms of processor")
        for letter, python in zip("AB", pythons, strict=True):
            said = subprocess.run([python, "-c", COUNT], cwd=directory, check=True, capture_output=True, text=True)
            print(f"{letter}: the plugin's import brings {said.stdout.strip()} modules")


if __name__ == "__main__":
    main()
