"""`pytest-complexity serve`: options, checks before the first request, and the server."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import socket
import sys
from dataclasses import fields
from ipaddress import ip_address
from pathlib import Path

from pytest_complexity.errors import ComplexityError, ModelError
from pytest_complexity.models.registry import build, read_tables
from pytest_complexity.serve import AUTO, Bounds
from pytest_complexity.serve.upstream import Upstream, upstreams

_BOUNDS = {
    "body_mb": "MiB of one request",
    "memory_mb": "MiB of all requests' bodies together",
    "in_flight": "requests at once; more are told to come again (503)",
    "read_seconds": "for a client to send its request",
    "connect_seconds": "to reach a model's server",
    "silent_seconds": "between two bytes of a model's server",
    "route_seconds": "for the router, after which the default model is asked",
    "down_seconds": "for which a model that did not answer is passed over",
    "sessions": "conversations whose model is remembered",
    "check_workers": "answers checked at once, where requests bring checks",
    "check_seconds": "for one check of an answer",
    "check_mb": "MiB of one check",
}


def add_options(command: argparse.ArgumentParser) -> None:
    """The options, each bound of the server's among them."""
    command.add_argument("directory", type=Path, metavar="DIR", help="what `train` wrote")
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1)")
    command.add_argument("--port", type=_port, default=8000, help="the port (default 8000; 0: any that is free)")
    command.add_argument(
        "--cx-models",
        metavar="A,B,C",
        help="models beside those of the router's ladder, or where those are: NAME=openai:MODEL@URL "
        "(others come from pyproject.toml here)",
    )
    command.add_argument("--default", metavar="NAME", help="the model where the router fails (default: the last)")
    command.add_argument(
        "--token-env", metavar="NAME", help="the variable with the bearer token that clients must send"
    )
    command.add_argument("--anyway", action="store_true", help="serve a router that is not shown to pay")
    command.add_argument("--user-sessions", action="store_true", help="requests of one `user` stay with their model")
    command.add_argument("--log", metavar="FILE", type=Path, help="append decisions there, as JSON Lines for `report`")
    for bound in fields(Bounds):
        command.add_argument(
            "--" + bound.name.replace("_", "-"),
            metavar="N",
            type=_whole if isinstance(bound.default, int) else _positive,
            default=bound.default,
            help=f"{_BOUNDS[bound.name]} (default {bound.default:g})",
        )


def serve(arguments: argparse.Namespace) -> int:
    """Serves until it is interrupted. Raises `ComplexityError`, before the first request."""
    if importlib.util.find_spec("aiohttp") is None:
        raise ComplexityError("serve needs the package aiohttp: pip install 'pytest-complexity[serve]'")
    from aiohttp import web  # noqa: PLC0415 - an extra

    from pytest_complexity.calls.cascade import PLAN_NAME, SavedPlan  # noqa: PLC0415 - heavy
    from pytest_complexity.learning.router import Router  # noqa: PLC0415 - heavy
    from pytest_complexity.serve.app import Settings, application  # noqa: PLC0415
    from pytest_complexity.serve.decisions import DecisionLog  # noqa: PLC0415
    from pytest_complexity.serve.proof import check_pays  # noqa: PLC0415 - heavy

    token = _token(arguments.token_env, arguments.host)
    router = Router.load(arguments.directory)
    behind = servers(router.ladder, arguments.cx_models)
    default = arguments.default or router.ladder[-1]
    if default not in behind:
        raise ModelError(f"--default: no model {default!r}; there are {', '.join(behind)}")
    proof = "not asked whether it pays" if arguments.anyway else check_pays(arguments.directory, router)
    bounds = Bounds(**{bound.name: getattr(arguments, bound.name) for bound in fields(Bounds)})
    saved = arguments.directory / PLAN_NAME
    plan = SavedPlan.load(arguments.directory).on(router.ladder) if saved.exists() else None
    settings = Settings(router, behind, default, plan, token, arguments.user_sessions, bounds)
    app = application(settings, DecisionLog(arguments.log))
    listening = _listening(arguments.host, arguments.port)
    _logged()
    _tell(f"{arguments.directory}: {proof}")
    offers = f"model {AUTO!r}: {' < '.join(router.ladder)}" + (f", cascade {plan}" if plan else "")
    _tell(f"http://{arguments.host}:{listening.getsockname()[1]}/v1, {offers}")
    web.run_app(app, sock=listening, handler_cancellation=True, access_log=None, print=None)
    return 0


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as why:
        raise ComplexityError(f"{host}:{port}: cannot listen there: {why.strerror}. Give another --port") from None


def servers(ladder: tuple[str, ...], specs: str | None = None) -> dict[str, Upstream]:
    """The servers of a ladder's models and of those named beside them. Raises `ModelError`."""
    tables = read_tables(Path("pyproject.toml"))
    named = [build(spec.strip(), tables) for spec in (specs or "").split(",") if spec.strip()]
    known = {model.name for model in named}
    behind = upstreams([*(build(name, tables) for name in ladder if name not in known), *named])
    if AUTO in behind:
        raise ModelError(f"a model cannot be named {AUTO!r}: requests for that name are routed. Rename it")
    return {name: behind[name] for name in (*ladder, *(each for each in behind if each not in ladder))}


def _token(variable: str | None, host: str) -> str | None:
    if variable is None:
        if not _is_local(host):
            raise ComplexityError(f"--host {host}: others could spend on your keys. Give --token-env NAME as well")
        return None
    token = os.environ.get(variable, "").strip()
    if not token:
        raise ComplexityError(f"--token-env: the variable {variable} is empty. Set it to the token of your clients")
    return token


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _logged() -> None:
    logger, handler = logging.getLogger("pytest_complexity.serve"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer from 1, got {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number
