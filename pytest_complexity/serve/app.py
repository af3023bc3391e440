"""The HTTP side: who may ask, what is asked, and the answer on its way back. Everything here runs on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from aiohttp import web

from pytest_complexity.calls.cascade import Plan
from pytest_complexity.core.tasks import Task
from pytest_complexity.learning.router import Router
from pytest_complexity.serve import AUTO, Bounds
from pytest_complexity.serve.checked import Checker, NoAnswer, task_of
from pytest_complexity.serve.choice import Chooser, Decision, Ladder
from pytest_complexity.serve.decisions import DecisionLog, Served
from pytest_complexity.serve.forward import Answer, Down, Forwarder
from pytest_complexity.serve.request import BadRequest, Request
from pytest_complexity.serve.upstream import Upstream

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_AWAY = (502, 503, 504)  # what a server says that is not there, or not yet
_GONE = 499  # in the log alone: the client went before the answer was whole


@dataclass(frozen=True)
class Settings:
    """What is served: `router` over `upstreams` by name, `default` where it fails.

    `plan`: of the cascade on the router's ladder, for requests that bring their checks; None: there is none. `token`:
    what clients must send; `user_sessions`: requests of one `user` stay with their model.
    """

    router: Router
    upstreams: Mapping[str, Upstream]
    default: str
    plan: Plan | None = None
    token: str | None = None
    user_sessions: bool = False
    bounds: Bounds = field(default_factory=Bounds)


def application(settings: Settings, log: DecisionLog) -> web.Application:
    """The server, ready for `aiohttp.web.run_app` with `handler_cancellation=True`: who hangs up ends the work."""
    server = _Server(settings, log)
    guard = web.middleware(functools.partial(_Server.guard, server))
    app = web.Application(client_max_size=int(settings.bounds.body_mb * (1 << 20)), middlewares=[guard])
    app.add_routes(
        [
            web.post("/v1/chat/completions", server.complete),
            web.post("/v1/completions", server.complete),
            web.post("/v1/route", server.route),
            web.get("/v1/models", server.models),
            web.get("/v1/models/{name:.+}", server.model),
            web.get("/health", server.health),
        ]
    )
    app.cleanup_ctx.append(server.running)
    return app


class _Server:
    def __init__(self, settings: Settings, log: DecisionLog) -> None:
        bounds = settings.bounds
        self._settings = settings
        self._log = log
        self._ladder = Ladder(settings.router.ladder, bounds.down_seconds)
        self._chooser = Chooser(
            settings.router, settings.default, seconds=bounds.route_seconds, sessions=bounds.sessions
        )
        prices = {name: each.price for name, each in settings.upstreams.items()}
        self._checker = Checker(settings.plan, settings.router.ladder, prices, bounds) if settings.plan else None
        self._forwarder: Forwarder
        self._in_flight = 0
        self._held = 0  # bytes of bodies

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        self._forwarder = Forwarder(self._settings.bounds)
        yield
        await self._forwarder.close()
        self._chooser.close()
        if self._checker is not None:
            self._checker.close()
        self._log.close()

    # Who may ask

    async def guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            if request.path != "/health":
                self._admit(request)
            self._in_flight += 1
            try:
                return await handler(request)
            finally:
                self._in_flight -= 1
        except BadRequest as why:
            return _error(why.status, str(why), why.code)
        except web.HTTPRequestEntityTooLarge:
            return _too_large(self._settings.bounds.body_mb)
        except web.HTTPException as why:  # no such path, no such method
            return _error(why.status, f"{request.method} {request.path[:100]}: {why.reason}", "not_found")
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as why:  # a mistake of ours: its text could hold anything, so the client gets its name alone
            _log.exception("a request failed")
            return _error(500, f"the server failed on this request ({type(why).__name__})", "internal_error")

    def _admit(self, request: web.Request) -> None:
        token = self._settings.token
        if token is not None:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
                raise BadRequest("wrong or missing bearer token", 401, "invalid_api_key")
        elif "Origin" in request.headers:  # a page in a browser, which reaches localhost though its author does not
            raise BadRequest("pages of browsers are served only with a token (--token-env)", 403, "forbidden")
        if self._in_flight >= self._settings.bounds.in_flight:
            raise BadRequest("too many requests at once; try again", 503, "overloaded")

    # What is asked

    @contextlib.asynccontextmanager
    async def _read(self, request: web.Request) -> AsyncIterator[Request]:
        """The request, its bytes counted among those that are held. Raises `BadRequest`."""
        bounds = self._settings.bounds
        most = int(bounds.body_mb * (1 << 20))
        size = most if request.content_length is None else request.content_length
        if size > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)
        if self._held + size > bounds.memory_mb * (1 << 20):
            raise BadRequest("too many large requests at once; try again", 503, "overloaded")
        self._held += size
        try:
            try:
                body = await asyncio.wait_for(request.read(), bounds.read_seconds)
            except asyncio.TimeoutError:
                raise BadRequest(f"the body did not come within {bounds.read_seconds:g} s", 408, "timeout") from None
            yield Request.parse(body)
        finally:
            self._held -= size

    def _session(self, request: web.Request, asked: Request) -> str | None:
        named = request.headers.get("X-Complexity-Session")
        if named:
            return f"header {named[:200]}"
        user = asked.get("user") if self._settings.user_sessions else None
        return f"user {user[:200]}" if isinstance(user, str) and user else None

    async def _decide(self, request: web.Request, asked: Request) -> Decision:
        if asked.model == AUTO:
            return await self._chooser.choose(asked.prompt(), self._session(request, asked))
        self._known(asked.model)
        return Decision(asked.model, "named")

    def _known(self, name: str) -> Upstream:
        if name not in self._settings.upstreams:
            names = ", ".join([AUTO, *self._settings.upstreams])
            raise BadRequest(f"no model {name[:100]!r}; there are {names}", 404, "model_not_found")
        return self._settings.upstreams[name]

    # Answers

    async def complete(self, request: web.Request) -> web.StreamResponse:
        began, clock = time.time(), time.perf_counter()
        async with self._read(request) as asked:
            prompt = asked.prompt() if asked.model == AUTO else ""
            task = task_of(asked, prompt)
            decision = await self._decide(request, asked) if task is None else Decision("", "cascade")
            served = Served(
                time=began,
                task_id=asked.task_id(prompt) if prompt or asked.ours else "",
                asked=asked.model,
                model=None,
                policy=decision.policy,
                status=_GONE,
                whole=False,
                seconds=0.0,
                chances=decision.chances,
                level=decision.level,
            )
            try:
                if task is None:
                    answer, served = await self._ask(request, asked, decision, served)
                else:
                    answer, served = await self._checked(request, asked, task, served)
                if answer is None:
                    return _error(served.status, *_nobody(asked.model, served))
                try:
                    response = await self._relay(request, answer, decision, served)
                    served = replace(served, whole=True)
                    return response
                finally:
                    served = self._priced(served, answer) if task is None else served
                    answer.close()
            finally:
                self._log.write(replace(served, seconds=time.perf_counter() - clock))

    async def _ask(
        self, request: web.Request, asked: Request, decision: Decision, served: Served
    ) -> tuple[Answer | None, Served]:
        """The answer of the model that was decided on; where that is down and was not named, of the next that is up."""
        named = decision.policy == "named"
        order = [decision.model] if named else self._ladder.order(decision.model)
        why = Down("")
        for name in order:
            last = name == order[-1]
            try:
                answer = await self._forwarder.send(
                    self._settings.upstreams[name],
                    request.path.removeprefix("/v1"),
                    request.headers,
                    asked.body_for(self._settings.upstreams[name].model),
                )
            except Down as problem:
                why = problem
                _log.warning("model %r: %s", name, why)
            else:
                if last or answer.status not in _AWAY:
                    if answer.status not in _AWAY:
                        self._ladder.mark_up(name)
                    return answer, replace(served, model=name, status=answer.status)
                answer.close()
            self._ladder.mark_down(name)
            if not last:
                served = replace(served, fallback=(*served.fallback, name))
        return None, replace(served, status=why.status, fallback=(*served.fallback, order[-1]))

    async def _checked(
        self, request: web.Request, asked: Request, task: Task, served: Served
    ) -> tuple[Answer | None, Served]:
        """The answer that passed the request's checks, else the one that the plan hands in."""
        if self._checker is None:
            raise BadRequest("checks need a cascade, and this directory has none: `train` writes one from a run")
        tried: list[Served] = []

        async def ask(name: str) -> Answer:
            answer, one = await self._ask(request, asked, Decision(name, "cascade"), served)
            tried.append(one)
            if answer is None:
                raise Down("", one.status)
            answer.headers["X-Complexity-Model"] = one.model or ""
            return answer

        try:
            found = await self._checker.complete(task, ask)
        except NoAnswer as why:
            return why.answer, replace(tried[-1], calls=len(tried))
        except Down:
            return None, replace(tried[-1], calls=len(tried))
        found.answer.headers["X-Complexity-Tried"] = _printable(found.tried)
        found.answer.headers["X-Complexity-Passed"] = str(bool(found.passed)).lower()
        return found.answer, replace(
            served,
            model=found.answer.headers["X-Complexity-Model"],
            status=found.answer.status,
            fallback=tuple(dict.fromkeys(name for one in tried for name in one.fallback)),
            calls=len(found.attempts),
            passed=found.passed,
            cost_usd=found.cost_usd,
        )

    async def _relay(
        self, request: web.Request, answer: Answer, decision: Decision, served: Served
    ) -> web.StreamResponse:
        headers = answer.headers
        model = served.model or ""
        headers["X-Complexity-Model"] = _printable(model)
        headers["X-Complexity-Policy"] = decision.policy
        if model in decision.chances:
            headers["X-Complexity-Chance"] = f"{decision.chances[model]:.4f}"
        if served.fallback:
            headers["X-Complexity-Fallback"] = _printable(", ".join(served.fallback))
        if answer.whole:
            whole = web.Response(status=answer.status, headers=headers, body=answer.held)
            await whole.prepare(request)
            await whole.write_eof()
            return whole
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        try:
            if answer.held:
                await response.write(answer.held)
            async for chunk in answer.chunks():
                await response.write(chunk)
        except Down as why:
            _log.warning("model %r: %s", served.model, why)
            if request.transport is not None:
                request.transport.abort()  # the client must see that this is not the end
            raise ConnectionResetError("the answer was cut") from None
        await response.write_eof()
        return response

    def _priced(self, served: Served, answer: Answer) -> Served:
        prompt, completion = answer.tokens()
        prices = {name: each.price for name, each in self._settings.upstreams.items() if each.price}
        costs = {name: price.of(prompt, completion) for name, price in prices.items()}
        known = {name: cost for name, cost in costs.items() if cost is not None}
        return replace(
            served,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost_usd=known.get(served.model or ""),
            costs=known,
        )

    # Beside them

    async def route(self, request: web.Request) -> web.Response:
        """The dry run: what would be asked, and why."""
        async with self._read(request) as asked:
            decision = await self._decide(request, asked)
            order = self._ladder.order(decision.model) if decision.policy != "named" else [decision.model]
            return web.json_response({**asdict(decision), "chance": decision.chance, "order": order})

    async def models(self, _: web.Request) -> web.Response:
        names = [AUTO, *self._settings.upstreams]
        return web.json_response({"object": "list", "data": [_model(name) for name in names]})

    async def model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name != AUTO:
            self._known(name)
        return web.json_response(_model(name))

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "in_flight": self._in_flight - 1, "down": self._ladder.down()})


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "pytest-complexity"}


def _nobody(asked: str, served: Served) -> tuple[str, str]:
    names = ", ".join(repr(name) for name in served.fallback)
    what = "was silent for too long" if served.status == 504 else "gave no answer"
    return f"model {asked[:100]!r}: {names} {what}; try again", "model_down"


def _too_large(body_mb: float) -> web.Response:
    response = _error(413, f"the body is larger than {body_mb:g} MB", "too_large")
    response.force_close()
    return response


def _error(status: int, message: str, code: str) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    headers = {"Retry-After": "1"} if status == 503 else {}
    return web.json_response(body, status=status, headers=headers)


def _printable(name: str) -> str:
    """A name as a header can hold it."""
    return name.encode("ascii", "backslashreplace").decode()
