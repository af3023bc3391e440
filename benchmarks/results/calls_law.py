"""The Performance Law on base models whose scores are known; section (d) of `calls.py`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pages import table
from scipy.stats import spearmanr

from pytest_complexity.models.performance_law import Shape, performance_law

GOLDEN = (
    (62, 4096, 8192, 10.07, 6.5, 71.69),
    (63, 4096, 8192, 10.21, 6.5, 71.82),
    (46, 4096, 12288, 10.10, 6.5, 68.75),
    (38, 6144, 8192, 10.93, 6.0, 66.70),
    (55, 4096, 12288, 11.84, 5.5, 69.78),
    (63, 4096, 8192, 10.21, 5.5, 70.92),
)


def section(data: Path) -> Iterator[str]:
    yield "## (d) The Performance Law"
    rows = []
    for layers, hidden, ffn, billions, trillions, wanted in GOLDEN:
        score = performance_law(Shape(layers, hidden, ffn, billions * 1e9), trillions * 1e12)
        rows.append(
            [str(layers), str(hidden), str(ffn), str(billions), str(trillions), f"{wanted}", f"{score.mmlu:.2f}"]
        )
    yield "The authors' rows:\n\n" + table("layers|hidden|FFN|params, B|tokens, T|theirs|ours", rows)
    models = read(data)
    yield (
        f"On {len(models['size'])} base models of `obsscaling-base.csv` that are dense and whose tokens are known "
        "(shapes from `benchmarks/results/architectures.csv`, entered by hand; the sizes that the file states are "
        f"possible with them in {int(models['possible'].sum())} cases). The fits are made without the family that they "
        "are tried on; the law has seen none of this file, but some of these models were there when it was made."
    )
    predictors = {
        "parameters": models["size"],
        "parameters x tokens": models["size"] * models["tokens"],
        "fit on log parameters and log tokens": held_out_fit(models),
        "Performance Law": models["law"],
    }
    coded = ~np.isnan(models["humaneval"])
    rows = []
    for name, values in predictors.items():
        error = "-"
        if name.startswith(("fit", "Perf")):
            error = f"{np.mean(np.abs(values - models['mmlu'])):.1f}"
        rows.append(
            [
                name,
                f"{spearmanr(values, models['mmlu'])[0]:.2f}",
                f"{spearmanr(values[coded], models['humaneval'][coded])[0]:.2f}",
                error,
            ]
        )
    yield table("order by|Spearman, MMLU|Spearman, HumanEval|mean absolute error, MMLU points", rows)
    low, high = rank_gain(models, coded)
    yield (
        "The law's Spearman with HumanEval less that of parameters x tokens has the 95% interval "
        f"{low:+.2f} to {high:+.2f} (bootstrap over models): "
        + ("a better order." if low > 0 else "a tie as an order.")
        + " As a score it is further off than the fit of two variables."
    )
    rows = []
    for year in sorted(set(models["year"])):
        own = models["year"] == year
        off = (models["law"] - models["mmlu"])[own]
        fit = (predictors["fit on log parameters and log tokens"] - models["mmlu"])[own]
        rows.append([f"{year:.0f}", str(own.sum()), f"{off.mean():+.1f}", f"{fit.mean():+.1f}"])
    yield "Mean of predicted less true MMLU, by year:\n\n" + table("year|models|Performance Law|two-variable fit", rows)
    yield (
        f"One point of predicted MMLU is worth {slope(models):.3f} logits of HumanEval (least squares over the models "
        "above 25 points): what `prior` is worth as an offset of a new model in CPP."
    )


def read(data: Path) -> dict[str, np.ndarray]:
    with (Path(__file__).parent / "architectures.csv").open() as file:
        shapes = {row["model"]: row for row in csv.DictReader(file)}
    found: dict[str, list[float]] = {
        name: [] for name in ("size", "tokens", "mmlu", "humaneval", "law", "year", "possible")
    }
    families = []
    with (data / "models" / "obsscaling-base.csv").open() as file:
        for row in csv.DictReader(file):
            shape = shapes.get(row["Model"])
            if shape is None or not row["Pretraining Data Size (T)"]:
                continue
            size, tokens = float(row["Model Size (B)"]), float(row["Pretraining Data Size (T)"])
            layers, hidden, ffn = int(shape["layers"]), int(shape["hidden"]), int(shape["ffn"])
            law = performance_law(Shape(layers, hidden, ffn, size * 1e9), tokens * 1e12)
            # From shared keys and two matrices to full attention and gates, with at most 256,000 tokens twice.
            least = 0.95 * layers * hidden * (2 * hidden + 2 * ffn)
            most = 1.05 * hidden * (layers * (4 * hidden + 3 * ffn) + 2 * 256_000)
            values = (size, tokens, 100 * float(row["MMLU"]), float(row["HumanEval"] or "nan"), law.mmlu)
            for name, value in zip(
                found, (*values, float(shape["year"]), float(least <= size * 1e9 <= most)), strict=True
            ):
                found[name].append(value)
            families.append(row["Model Family"])
    return {**{name: np.array(values) for name, values in found.items()}, "family": np.array(families)}


def rank_gain(models: dict[str, np.ndarray], coded: np.ndarray) -> tuple[float, float]:
    law, product = models["law"][coded], (models["size"] * models["tokens"])[coded]
    truth = models["humaneval"][coded]
    random = np.random.default_rng(0)
    gains = []
    for _ in range(1000):
        drawn = random.integers(0, len(truth), len(truth))
        gains.append(spearmanr(law[drawn], truth[drawn])[0] - spearmanr(product[drawn], truth[drawn])[0])
    return tuple(np.quantile(gains, [0.025, 0.975]))  # type: ignore[return-value]


def held_out_fit(models: dict[str, np.ndarray]) -> np.ndarray:
    """MMLU = a + b ln S + c ln T by least squares, each family predicted from the others."""
    design = np.stack([np.ones(len(models["size"])), np.log(models["size"]), np.log(models["tokens"])], axis=1)
    found = np.zeros(len(design))
    for family in set(models["family"]):
        own = models["family"] == family
        weights = np.linalg.lstsq(design[~own], models["mmlu"][~own], rcond=None)[0]
        found[own] = design[own] @ weights
    return np.maximum(found, 25)


def slope(models: dict[str, np.ndarray]) -> float:
    above = (models["law"] > 25) & ~np.isnan(models["humaneval"])
    share = np.clip(models["humaneval"][above], 1 / 328, 1 - 1 / 328)
    return float(np.polyfit(models["law"][above], np.log(share / (1 - share)), 1)[0])


def offsets(shapes: list[tuple[int, int, int, float, float]], per_point: float) -> np.ndarray:
    """Prior logits of models given as (layers, hidden, ffn, billions of parameters, trillions of tokens)."""
    scores = [performance_law(Shape(*each[:3], each[3] * 1e9), each[4] * 1e12).mmlu for each in shapes]
    return per_point * np.array(scores)
