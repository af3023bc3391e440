"""RouteLLM's routers on prompts, by the package itself, as far as they work without its services.

    OPENAI_API_KEY=none python benchmarks/results/routers_routellm.py < tasks.jsonl > choices.jsonl

where `pip install routellm` was done (it brings torch). A line in has `task_id`, `prompt`, `fold`, and the shares of
trials that `weak` and `strong` solve; a line out `task_id` and whether each router asks the strong model:

- `random`: the package's, which reads no prompt.
- `mf`: its matrix factorization, trained by its own code with its own settings on the other folds. Its published
  weights and OpenAI's embeddings cannot be had offline: words hashed to as many numbers stand in for the embeddings.

The threshold is the median of the scores of the training prompts, as its `calibrate_threshold` takes it for half of the
calls; `Router.route` compares. `--unavailable` says why its published routers cannot be loaded.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

STRONG = 0.5  #: the share of calls of the strong model that the threshold is calibrated to
PAIR = ("gpt-4-1106-preview", "mixtral-8x7b-instruct-v0.1")  #: the names that RouteLLM trains its strong and weak with
WIDTH, DIM, BATCH, EPOCHS, NOISE, RATE, DECAY = 1536, 128, 64, 100, 0.1, 3e-4, 1e-5  #: as in its training script

Row = dict[str, Any]


def battles(rows: list[Row]) -> list[Row]:
    """What its training reads: who won on each prompt, ties left out."""
    strong, weak = PAIR
    return [
        {
            "model_a": strong,
            "model_b": weak,
            "idx": row["idx"],
            "winner": "model_a" if row["strong"] > row["weak"] else "model_b",
        }
        for row in rows
        if row["strong"] != row["weak"]
    ]


def win_rates(rows: list[Row], fold: int, embeddings: Path) -> list[float]:
    """The strong model's win rate on every prompt, by a model trained on the other folds."""
    import torch  # noqa: PLC0415 - RouteLLM's
    from routellm.routers.matrix_factorization.model import MODEL_IDS  # noqa: PLC0415
    from routellm.routers.matrix_factorization.train_matrix_factorization import (  # noqa: PLC0415
        MFModel_Train,
        PairwiseDataset,
        train_loops,
    )

    torch.manual_seed(fold)
    data = PairwiseDataset(battles([row for row in rows if row["fold"] != fold]))
    net = MFModel_Train(DIM, len(MODEL_IDS), len(rows), WIDTH, npy_path=embeddings)
    train, test = data.get_dataloaders(BATCH), data.get_dataloaders(1024, shuffle=False)
    train_loops(net, train, test, lr=RATE, weight_decay=DECAY, alpha=NOISE, num_epochs=EPOCHS, device="cpu")
    strong, weak = (torch.full((len(rows),), MODEL_IDS[name]) for name in PAIR)
    with torch.no_grad():
        return torch.sigmoid(net(strong, weak, torch.arange(len(rows)), test=True)).tolist()


def routed(rows: list[Row]) -> Iterator[Row]:
    """The choices of both routers, fold by fold."""
    import numpy as np  # noqa: PLC0415 - RouteLLM's
    import pandas as pd  # noqa: PLC0415
    from routellm.controller import ModelPair  # noqa: PLC0415
    from routellm.routers.routers import RandomRouter, Router  # noqa: PLC0415
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415

    class Trained(Router):
        """`route` is RouteLLM's; the win rates are those that were computed."""

        def __init__(self, scores: dict[str, float]) -> None:
            self.scores = scores

        def calculate_strong_win_rate(self, prompt: str) -> float:
            return self.scores[prompt]

    pair = ModelPair(strong="strong", weak="weak")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "embeddings.npy"
        np.save(file, HashingVectorizer(n_features=WIDTH).transform([row["prompt"] for row in rows]).toarray())
        random.seed(0)
        for fold in sorted({row["fold"] for row in rows}):
            scores = win_rates(rows, fold, file)
            known = pd.Series([score for row, score in zip(rows, scores, strict=True) if row["fold"] != fold])
            mf = Trained(dict(zip((row["prompt"] for row in rows), scores, strict=True)))
            thresholds = {"random": 1 - STRONG, "mf": float(known.quantile(q=1 - STRONG))}
            for row in rows:
                if row["fold"] == fold:
                    routers = {"random": RandomRouter(), "mf": mf}
                    said = {name: each.route(row["prompt"], thresholds[name], pair) for name, each in routers.items()}
                    yield {"task_id": row["task_id"], **{name: model == "strong" for name, model in said.items()}}


def unavailable() -> Iterator[str]:
    """Why RouteLLM's published routers cannot be loaded, a line each."""
    from routellm.controller import GPT_4_AUGMENTED_CONFIG  # noqa: PLC0415
    from routellm.routers.routers import ROUTER_CLS  # noqa: PLC0415

    for name, config in GPT_4_AUGMENTED_CONFIG.items():
        try:
            with redirect_stdout(sys.stderr):
                ROUTER_CLS[name](**config)
        except Exception as why:  # whatever its loading meets without a network
            yield f"`{name}` wants {', '.join(map(str, _wanted(config)))}: {type(why).__name__}"


def _wanted(config: dict[str, Any]) -> Iterator[str]:
    """The names of the data and the weights that a router loads."""
    for value in config.values():
        yield from value if isinstance(value, list) else [value]


def main() -> None:
    """See the module."""
    rows = [{**json.loads(line), "idx": index} for index, line in enumerate(sys.stdin)]
    for row in routed(rows):
        print(json.dumps(row))
    print(f"routellm {version('routellm')}", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:] == ["--unavailable"]:
        print("\n".join(unavailable()))
    else:
        main()
