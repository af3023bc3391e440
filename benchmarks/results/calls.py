"""What it is worth to choose the calls: lazy labels, CPP, LONDI, the Performance Law. Prints docs/results/calls.md.

    pytest benchmarks/humaneval --cx-run=RUN
    python benchmarks/results/calls.py DATA RUN > docs/results/calls.md

DATA holds `outcomes/`, `recordings/` and `models/`. Everything is seeded; it takes about half an hour of one processor.
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
from calls_common import sets
from sklearn.exceptions import ConvergenceWarning


def page(data: Path, run: Path) -> Iterator[str]:
    found = sets(data, run)
    yield "# What to call next"
    yield (
        "Printed by `python benchmarks/results/calls.py DATA RUN`, RUN being the run directory of "
        "`pytest benchmarks/humaneval`. Methods: lazy labels (ours), the completion of the matrix after CPP "
        "(arXiv 2407.01300), switching after LONDI (arXiv 2402.12061), the Performance Law (arXiv "
        "2408.09895). Of LONDI "
        "only the abstract's form is known to us, so none of its figures is claimed here."
    )
    yield from calls_lazy.section(found)
    yield from calls_cpp.section(found)
    yield from calls_cpp.paper_section(data)
    yield from calls_cpp.factors_section(data)
    yield from calls_switching.section(found)
    yield from calls_law.section(data)
    yield from calls_chain.section(data, found[3])


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)  # the neural one is stopped after so many rounds, as it says
    for text in page(Path(sys.argv[1]), Path(sys.argv[2])):
        print(text, end="\n\n", flush=True)
