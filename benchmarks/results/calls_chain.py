"""Prior, CPP and LONDI in a row, and with each link left out in turn; section (e) of `calls.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from calls_common import Set, plus_minus
from calls_law import offsets, read, slope
from calls_switching import DRAWS, FOLDS, HORIZONS
from matrix_by_text import Informed, InformedChances, text_factors
from pages import table
from switching_baselines import OneShot, tuned_cascade
from switching_episodes import World, play_all
from switching_strategies import Planned, Strategy

from pytest_complexity.calls.switching import DecisionProblem
from pytest_complexity.calls.switching.belief import Belief

PRICE = 0.2
REVEALED = (0, 5)  # tasks on which the new model was tried, once each
#: layers, hidden, FFN, billions of parameters, trillions of tokens; entered by hand from what their makers say.
SHAPES = {
    "smollm2-135m-instruct": (30, 576, 1536, 0.1345, 2.0),
    "qwen2.5-coder-0.5b-instruct": (24, 896, 4864, 0.494, 23.5),
    "qwen2.5-coder-1.5b-instruct": (28, 1536, 8960, 1.544, 23.5),
}
CHAINS = {
    "prior, CPP, switching": (True, True, True),
    "without the prior": (False, True, True),
    "without CPP": (True, False, True),
    "without switching (one call, chosen by text)": (True, True, False),
    "none of them: the cascade tuned on what was measured": (False, False, False),
}


def section(data: Path, each: Set) -> Iterator[str]:
    per_point = slope(read(data))
    law = offsets([SHAPES[model] for model in each.ladder], per_point)
    yield "## (e) The chain: prior, CPP, switching"
    yield (
        f"{each.name}: each model in turn is new, tried once on k training tasks; the others are measured in "
        "full there. "
        "The law gives its prior, CPP fills in its cells, and their belief plays the test tasks "
        f"(price {PRICE}, {FOLDS}-fold, {DRAWS} orders). Without CPP the belief is fitted to the trials made, "
        "and with the "
        "law alone to it as if the new model's share were the law's chance on every task; without the prior the new "
        "model is taken to be like the mean of the others."
    )
    for revealed in REVEALED:
        rows = []
        found = {name: rewards(each, law, revealed, links) for name, links in CHAINS.items()}
        whole = found["prior, CPP, switching"]
        for name, values in found.items():
            rows.append([name, plus_minus(values), "" if values is whole else plus_minus(values - whole)])
        yield f"k = {revealed}\n\n" + table("chain|reward|less the whole chain", rows)
    yield (
        f"The law's scores are {', '.join(f'{value / per_point:.1f}' for value in law)} for "
        f"{', '.join(each.ladder)}: these are small instruction-tuned code models, which the law warns of."
    )


def rewards(each: Set, law: np.ndarray, revealed: int, links: tuple[bool, bool, bool]) -> np.ndarray:
    """Mean reward of each task that has a visible check, over orders and over which model is new."""
    rows = np.flatnonzero(each.signals.sum((1, 2, 3)) == each.signals.sum((1, 2, 3)).max())
    signals = each.signals[rows]
    factors = text_factors([each.counts[row].text for row in rows])
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    caps = tuple(int(cap) for cap in signals.sum((2, 3)).max(0))
    problem = DecisionProblem(tuple(each.costs), caps, PRICE, HORIZONS[len(each.ladder)])
    found = np.zeros(len(rows))
    for number in range(FOLDS):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        worlds = [
            [World(signals[task], np.random.default_rng([number, int(task), draw])) for draw in range(DRAWS)]
            for task in test
        ]
        for new in range(len(each.ladder)):
            known = known_signals(signals[train], new, revealed, np.random.default_rng([number, new]))
            strategy = player(known, new, law, factors, train, test, links, problem)
            for task, episodes in zip(test, play_all(strategy, problem, worlds), strict=True):
                found[task] += np.mean([one.solved - PRICE * one.cost(problem) for one in episodes]) / len(each.ladder)
    return found


def known_signals(signals: np.ndarray, new: int, revealed: int, random: np.random.Generator) -> np.ndarray:
    """Training signals with one trial of the new model on so many tasks and none on the others."""
    known = signals.copy()
    known[:, new] = 0
    for task in random.permutation(len(signals))[:revealed]:
        drawn = World(signals[task], random).draw(new, 0)
        known[task, new, int(drawn[0]), int(drawn[1])] = 1
    return known


def player(
    known: np.ndarray,
    new: int,
    law: np.ndarray,
    factors: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    links: tuple[bool, bool, bool],
    problem: DecisionProblem,
) -> Strategy:
    with_prior, with_cpp, with_switching = links
    if not any(links):
        return tuned_cascade(known, problem)
    successes, trials = known[:, :, :, 1].sum(2), known.sum((2, 3))
    empty = np.zeros((len(test), trials.shape[1]))
    fitted = InformedChances().fit(
        Informed(
            np.concatenate([successes, empty]),
            np.concatenate([trials, empty]),
            np.concatenate([factors[train], factors[test]]) if with_cpp else None,
            law if with_prior else None,
        )
    )
    filled = known.copy()
    share = fitted.mean_[: len(train), new] if with_cpp else np.full(len(train), fitted.mean_[: len(train), new].mean())
    if with_cpp or with_prior:
        complete(filled, new, share)
    if not with_switching:
        return OneShot(problem, fitted.mean_[len(train) :])
    return Planned(Belief.fit(filled), problem)


def complete(signals: np.ndarray, new: int, share: np.ndarray) -> None:
    """Fills the new model's cells up to five trials, its visible checks erring as those of the other models do."""
    others = np.delete(signals, new, axis=1).sum((0, 1))
    shows = others[1] / others.sum(0)  # of a wrong and of a right attempt
    missing = 5 - signals[:, new].sum((1, 2))
    for right, chance in ((0, 1 - share), (1, share)):
        signals[:, new, 1, right] += missing * chance * shows[right]
        signals[:, new, 0, right] += missing * chance * (1 - shows[right])
