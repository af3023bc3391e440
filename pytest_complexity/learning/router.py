"""A trained router, ready to use: which model to ask for a prompt, before any is asked.

router = Router.load("router")
route = router.route("Write a function to reverse a string.")
client.chat.completions.create(model=route.model, ...)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from pytest_complexity.core.fields import COUNT, NUMBER, STRING, Fields
from pytest_complexity.core.jsonl import parse_object, read_bytes
from pytest_complexity.errors import TrainedError
from pytest_complexity.labels import Labels
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training.calibration import Calibrated, Target, calibrate
from pytest_complexity.learning.training.folds import out_of_fold
from pytest_complexity.policies import PromptPolicy
from pytest_complexity.scoring.policies import Bench, routers_of

POLICY_NAME = "policy.json"
_FORMAT = 1


@dataclass(frozen=True)
class Route:
    """The model to ask, its place on the ladder from 0, and what that rests on.

    `chances`: each model's predicted chance of success, in ladder order; `level`: the most likely level, from 1;
    `cost`: the chosen model's mean cost per call in the router's `unit`.
    """

    model: str
    index: int
    chances: Mapping[str, float]
    level: int
    cost: float


@dataclass(frozen=True)
class Router:
    """A trained classifier and the policy to use it by. Thread-safe: nothing of it changes once it is made.

    `target` is what it was calibrated to, None where it was not.
    """

    trained: Trained
    policies: Sequence[PromptPolicy]
    target: str | None = None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Router:
        """The router that `pytest-complexity train` wrote into a directory. Raises `TrainedError`."""
        trained, calibrated = Trained.load(path), _calibrated(Path(path) / POLICY_NAME)
        willingness = calibrated["willingness"] if calibrated else None
        return cls(trained, tuple(routers_of(trained, willingness)), calibrated["target"] if calibrated else None)

    @property
    def ladder(self) -> tuple[str, ...]:
        """The models, cheapest first."""
        return self.trained.ladder

    @property
    def unit(self) -> str:
        """Of costs: "usd", or "unit" where the labels carried none."""
        return self.trained.unit

    def route(self, prompt: str) -> Route:
        """The model to ask for this prompt. Any text will do, an empty one too."""
        return self.route_all([prompt])[0]

    def route_all(self, prompts: Sequence[str]) -> list[Route]:
        """As `route`, for many prompts at once."""
        if isinstance(prompts, str) or not all(isinstance(prompt, str) for prompt in prompts):
            raise TypeError("a prompt is a string; `route` takes one, `route_all` a list of them")
        routes = []
        for prediction in self.trained.predict(list(prompts)):
            index = self.policies[0].choose(prediction)
            chances = dict(zip(self.ladder, prediction.chances, strict=True))
            routes.append(Route(self.ladder[index], index, chances, prediction.level, self.trained.costs[index]))
        return routes


def calibrate_to(target: Target, trained: Trained, labels: Labels, seed: int = 0) -> Calibrated:
    """The willingness to pay that keeps a target, on the labels that the router learned from.

    Each task is predicted by a classifier of the same kind that was trained on the other folds. Raises `TargetError`.
    """
    bench = Bench.of(labels, out_of_fold(labels, trained.name, seed))
    return calibrate(bench, trained.costs, target, seed)


def save_policy(path: Path, calibrated: Calibrated | None) -> None:
    """Writes what a router was calibrated to beside it; None: that it was not. Raises `TrainedError`."""
    file = path / POLICY_NAME
    try:
        if calibrated is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(json.dumps({"format": _FORMAT, **asdict(calibrated)}, indent=2) + "\n", encoding="utf-8")
    except OSError as why:
        raise TrainedError(f"{file}: cannot be written: {why.strerror}") from None


def _calibrated(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    fields = Fields(parse_object(read_bytes(file, TrainedError), str(file), TrainedError), str(file), TrainedError)
    if fields.get("format", COUNT, "Train again") != _FORMAT:
        raise fields.wrong("format", f"expected {_FORMAT}, which this version of pytest-complexity writes. Train again")
    return {name: fields.get(name, kind, "Train again") for name, kind in (("willingness", NUMBER), ("target", STRING))}
