"""What it is worth to choose the calls: lazy labels, CPP, LONDI, the Performance Law. Prints docs/results/calls.md.

    pytest benchmarks/humaneval --cx-run=RUN
    python benchmarks/results/calls.py DATA RUN [SECTIONS] > docs/results/calls.md

SECTIONS are letters, "0abcde" where none is given; "0" is the page's head. DATA holds `outcomes/`, `recordings/`,
`difftrust/` and `models/`. Everything is seeded; it takes about ten minutes of one processor.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import calls_chain
import calls_cpp
import calls_law
import calls_lazy
import calls_switching
from calls_common import newer, sets
from sklearn.exceptions import ConvergenceWarning


def head() -> Iterator[str]:
    yield "# What to call next"
    yield (
        "Printed by `python benchmarks/results/calls.py DATA RUN`, RUN being the run directory of "
        "`pytest benchmarks/humaneval`. Methods: lazy labels (ours), the completion of the matrix after CPP "
        "(arXiv 2407.01300), switching after LONDI (arXiv 2402.12061), the Performance Law (arXiv 2408.09895). Of "
        "LONDI only the abstract's form is known to us, so none of its figures is claimed here."
    )


def page(data: Path, run: Path, letters: str) -> Iterator[str]:
    found = sets(data, run)
    sections = {
        "0": head,
        "a": lambda: calls_lazy.section(found, newer(data)),
        "b": lambda: calls_cpp.section(found, data),
        "c": lambda: calls_switching.section(found),
        "d": lambda: calls_law.section(data),
        "e": lambda: calls_chain.section(data, found[3]),
    }
    for letter in letters:
        yield from sections[letter]()


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)  # the neural one is stopped after so many rounds, as it says
    for text in page(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "0abcde"):
        print(text, end="\n\n", flush=True)
