"""`pytest-complexity prior`: predicted MMLU from a model's configuration."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pytest_complexity.models.performance_law import ladder, predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("configs", nargs="+", type=Path, metavar="CONFIG.json", help="a dense model's config.json")
    parser.add_argument("--tokens", required=True, metavar="18T[,...]", help="training tokens, in the same order")
    parser.add_argument("--params", metavar="7B[,...]", help="parameters (default: counted from the configuration)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Prints a prediction for each model, and the ladder of several."""
    priors = predict(arguments.configs, arguments.tokens, arguments.params)
    order = ladder(priors)
    if arguments.json:
        print(json.dumps({"models": [each.to_json() for each in priors], "ladder": order}, indent=2))
        return 0
    for each in priors:
        print(f"{each.config}\tMMLU {each.score.mmlu:.2f}\tu {each.score.u:.4f}\tparameters {each.parameters:.4g}")
        for warning in each.warnings:
            print(f"  warning: {warning}")
    if len(order) > 1:
        print("suggested ladder: " + " < ".join(order))
    return 0
