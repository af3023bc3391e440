"""LiteLLM's complexity router on prompts, by the package itself: nothing is called, it scores by rules on this machine.

    pip install litellm
    python benchmarks/results/routers_litellm.py < prompts.jsonl > tiers.jsonl

A line in has `task_id` and `prompt`; a line out `task_id` and, for each of the two ways to classify that need no model,
the place from 0 of the tier that the request was routed to.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")
WAYS = ("heuristic", "heuristic_v2")


def router_of(way: str) -> Any:
    """A router as LiteLLM's documentation sets it up, each tier a model of its own."""
    from litellm import Router  # noqa: PLC0415 - where it is installed

    config = {"classifier_type": way, "tiers": {tier: tier.lower() for tier in TIERS}}
    auto = {"model": "auto_router/complexity_router", "complexity_router_config": config}
    models = [
        {"model_name": tier.lower(), "litellm_params": {"model": f"openai/{tier.lower()}", "api_key": "none"}}
        for tier in TIERS
    ]
    default = {"complexity_router_default_model": TIERS[-1].lower()}
    return Router(model_list=[*models, {"model_name": "auto", "litellm_params": {**auto, **default}}])


async def main() -> None:
    """See the module."""
    routers = {way: router_of(way) for way in WAYS}
    for line in sys.stdin:
        row = json.loads(line)
        found = {}
        for way, router in routers.items():
            messages = [{"role": "user", "content": row["prompt"]}]
            answer = await router.async_pre_routing_hook(model="auto", request_kwargs={}, messages=messages)
            found[way] = TIERS.index(answer.model.upper())
        print(json.dumps({"task_id": row["task_id"], **found}))
    print(f"litellm {version('litellm')}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
