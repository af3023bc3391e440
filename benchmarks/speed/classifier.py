"""How long the default classifier trains on 10,000 tasks, at what memory, and how long one prompt takes.

    python benchmarks/speed/classifier.py [TASKS] [--classifier NAME]

The prompts are sentences of MBPP's length over a vocabulary of 3,000 made-up words; half of the words matter.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time

import numpy as np

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import label_all
from pytest_complexity.learning.classifiers import CLASSIFIERS, DEFAULT
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import train

LADDER = ("small", "middle", "large")


def made_up(tasks: int, seed: int = 0) -> list[TaskCounts]:
    """Tasks of five trials; each word adds to, or takes from, every model's log-odds."""
    random = np.random.default_rng(seed)
    letters = np.array(list("abcdefghiklmnoprstuvwy"))
    words = np.array(["".join(random.choice(letters, random.integers(3, 10))) for _ in range(3000)])
    effects = random.normal(0, 1, 3000) * (random.random(3000) < 0.5)
    frequency = 1 / np.arange(10, 3010)
    counts = []
    for number in range(tasks):
        drawn = random.choice(3000, random.integers(8, 30), p=frequency / frequency.sum())
        chances = 1 / (1 + np.exp(-effects[drawn].sum() / 3 - np.array([-1, 0, 1]) + random.normal(0, 0.5, 3)))
        successes = dict(zip(LADDER, random.binomial(5, chances).tolist(), strict=True))
        text = f"Write a function to {' '.join(words[drawn])} {random.integers(100)}."
        counts.append(TaskCounts(None, f"made/{number}", text, dict.fromkeys(LADDER, 5), successes, 5))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="?", type=int, default=10_000)
    parser.add_argument("--classifier", choices=CLASSIFIERS.built_in, default=DEFAULT)
    arguments = parser.parse_args()
    labels = label_all(made_up(arguments.tasks), LADDER)
    before, processor = time.perf_counter(), time.process_time()
    training = train(labels, arguments.classifier)
    seconds, processor = time.perf_counter() - before, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as directory:
        training.trained.save(directory)
        before = time.perf_counter()
        loaded = Trained.load(directory)
        load = time.perf_counter() - before
    texts = [row.task.text for row in training.test[:1000]]
    loaded.predict(texts[:1])
    each = []
    for text in texts:
        before = time.perf_counter()
        loaded.predict([text])
        each.append(1000 * (time.perf_counter() - before))
    print(f"{arguments.classifier}, {arguments.tasks} tasks: split, leak check and training {seconds:.1f} s")
    print(
        f"processor time {processor:.1f} s, peak memory of the process {peak:.0f} MB, {len(training.moved)} tasks moved"
    )
    print(
        f"loading {1000 * load:.0f} ms; one prompt: median {statistics.median(each):.2f} ms, worst {max(each):.2f} ms"
    )


if __name__ == "__main__":
    main()
