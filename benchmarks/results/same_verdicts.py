"""Whether two run directories say the same of the same trials, such as `verify`'s and pytest's.

pytest-complexity verify RECORDING --suite mbpp --partial -o one
pytest benchmarks/mbpp --cx-models=codellama,gpt35,gpt4 --cx-trials=1 --cx-replay=RECORDING --cx-run=other
python benchmarks/results/same_verdicts.py one other
"""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.run.directory import read_run


def main() -> None:
    one, other = ({each.key: each for each in read_run(Path(path)).outcomes} for path in sys.argv[1:3])
    both = [(one[key], other[key]) for key in one.keys() & other.keys() if other[key].verdict.measured]
    different = [(first, second) for first, second in both if first.verdict is not second.verdict]
    passes = sum((first.verdict is Verdict.PASS) != (second.verdict is Verdict.PASS) for first, second in different)
    visible = sum(first.visible != second.visible for first, second in both)
    print(f"{len(both)} trials in both, {len(different)} verdicts differ ({passes} of them a pass), {visible} visible")
    for first, second in different:
        print(f"{first.key}: {first.verdict.value}, {second.verdict.value}")


if __name__ == "__main__":
    main()
