"""What the driver of a Ray cluster pays for a verdict, where verdicts cost nothing.

usage: cluster.py [--count N] [--rounds N] [--workers N]

Starts Ray on this machine with workers that answer `pass` without looking. Each round submits so many programs of a
real one's size and collects their verdicts. Prints, for each round, the driver's processor time a verdict (all its
threads, Ray's among them), wall time a verdict, and the processors that one driver could keep busy with verdicts of 10
ms. Exit status 1 where the median is above 0.2 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import ray

from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.run.cluster import Cluster
from pytest_complexity.sandbox import Check, Limits, Program

GOAL, EACH = 0.2, 10.0  # ms
CODE = "def f(xs):\n" + "".join(f"    x{n} = sorted(xs)[{n} % len(xs)]\n" for n in range(12)) + "    return x0\n"


class Free:
    """A worker whose verdicts cost nothing."""

    def __init__(self, level: str | None, limits: Limits) -> None:
        pass

    def check_all(self, programs: Sequence[Program]) -> list[Check]:
        return [Check(Verdict.PASS, "", None, False, 0.001) for _ in programs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    ray.init(num_cpus=arguments.workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    paid = []
    with Cluster(worker=Free) as cluster:
        for turn in range(arguments.rounds + 1):
            wall, processor = time.perf_counter(), time.process_time()
            asked = [
                cluster.submit(Program(CODE, (f"assert f([{n}]) == {n}", "assert f([1, 2]) == 1")))
                for n in range(arguments.count)
            ]
            assert all(future.result().verdict is Verdict.PASS for future in asked)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            each = 1000 * processor / arguments.count
            if turn:  # the first warms up
                paid.append(each)
                print(
                    f"driver {each:.3f} ms a verdict, wall {1000 * wall / arguments.count:.3f} ms; "
                    f"at {EACH:g} ms a verdict one driver keeps {EACH / each:.0f} processors busy",
                    flush=True,
                )
    ray.shutdown()
    return 0 if statistics.median(paid) <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
