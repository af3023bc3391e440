"""A trained router as LiteLLM's classifier: it names the tier of a request, and LiteLLM asks that tier's model.

LiteLLM calls `classify` of the object that `classifier_plugin` names, with `classifier_type: custom`. In Python give
`RouterClassifier("router")`; in the proxy's YAML name `pytest_complexity.serve.litellm.classifier`, whose directory is
in the variable `PYTEST_COMPLEXITY_ROUTER`. docs/serve.md has both. Nothing here imports LiteLLM.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from os import PathLike
from typing import Any, Protocol

from pytest_complexity.errors import TrainedError
from pytest_complexity.learning.router import Router
from pytest_complexity.serve.request import last_user_text

VARIABLE = "PYTEST_COMPLEXITY_ROUTER"


class Context(Protocol):
    """What LiteLLM hands over: its `RoutingContext`, version 1.94 or later."""

    structured_messages: list[dict[str, Any]]
    signals: dict[str, Any]


class RouterClassifier:
    """The router that `pytest-complexity train` wrote into `directory`.

    `tiers`: the names of LiteLLM's tiers for the models of the router's ladder, in its order; by default the models'
    own. Raises `TrainedError`.
    """

    def __init__(self, directory: str | PathLike[str], tiers: Sequence[str] | None = None) -> None:
        self._router = Router.load(directory)
        self.tiers = tuple(tiers or self._router.ladder)
        if len(self.tiers) != len(self._router.ladder):
            raise TrainedError(f"{directory}: expected a tier for each of {', '.join(self._router.ladder)}")

    async def classify(self, context: Context) -> str:
        """The tier of the model to ask. Whatever it raises, LiteLLM takes its fallback."""
        route = await asyncio.to_thread(self._router.route, last_user_text(context.structured_messages))
        context.signals["pytest-complexity"] = {"model": route.model, "chances": dict(route.chances)}
        return self.tiers[route.index]


def __getattr__(name: str) -> RouterClassifier:
    """`classifier`, made when LiteLLM asks for it. Raises `TrainedError`."""
    if name != "classifier":
        raise AttributeError(name)
    directory = os.environ.get(VARIABLE, "").strip()
    if not directory:
        raise TrainedError(f"{VARIABLE} is empty. Set it to the directory that `pytest-complexity train` wrote")
    made = globals()["classifier"] = RouterClassifier(directory)
    return made
