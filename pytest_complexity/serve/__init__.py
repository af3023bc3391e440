"""An OpenAI-compatible server in front of the ladder: each request goes to the model that its prompt needs.

Needs the extra `serve`. Requests and answers travel unchanged; see docs/serve.md.
"""

from __future__ import annotations

from dataclasses import dataclass

AUTO = "auto"  #: the model name of a request that is to be routed


@dataclass(frozen=True)
class Bounds:
    """What the server holds and waits for at most.

    `body_mb`: MiB of one request; `memory_mb`: MiB of all requests' bodies together; `in_flight`: requests at once;
    seconds: `read_seconds` for a client to send its request, `connect_seconds` to reach a model's server,
    `silent_seconds` between two of its bytes, `route_seconds` for the router, `down_seconds` for which a model that did
    not answer is passed over; `sessions`: conversations whose model is remembered. Of the checks that requests bring:
    `check_workers` run at once, each for `check_seconds` in `check_mb` MiB.
    """

    body_mb: float = 32.0
    memory_mb: float = 1024.0
    in_flight: int = 512
    read_seconds: float = 60.0
    connect_seconds: float = 5.0
    silent_seconds: float = 600.0
    route_seconds: float = 1.0
    down_seconds: float = 5.0
    sessions: int = 10_000
    check_workers: int = 2
    check_seconds: float = 10.0
    check_mb: int = 1024
