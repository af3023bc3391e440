"""One request to a model's server, and its answer as it comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from multidict import CIMultiDict

from pytest_complexity.serve import Bounds
from pytest_complexity.serve.upstream import Upstream

_HELD = 8 << 20  # bytes of an answer that is not a stream, held until it is whole
_TAIL = 64 << 10  # bytes at an answer's end that are searched for its token counts
_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_HOP |= {"proxy-authenticate", "proxy-authorization", "proxy-connection"}
_NOT_SENT = _HOP | {"host", "content-length", "content-encoding", "accept-encoding", "expect", "origin"}
_NOT_SENT |= {"authorization", "api-key", "x-api-key", "cookie"}  # the client's, meant for us
_NOT_RETURNED = _HOP | {"content-length"}
_TOKENS = re.compile(rb'"usage"\s*:\s*\{')
_COUNT = {name: re.compile(rb'"%s_tokens"\s*:\s*(\d{1,12})' % name.encode()) for name in ("prompt", "completion")}


class Down(Exception):
    """A model's server gave no answer, or half of one. `status` is what a client is told; the message names no key."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Answer:
    """What a model's server sends. `held`: the whole body, or its beginning where `chunks` has more."""

    status: int
    headers: CIMultiDict[str]
    held: bytes
    _response: aiohttp.ClientResponse
    whole: bool
    _tail: bytearray = field(default_factory=bytearray)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The rest of the body as it comes. Raises `Down` where it is cut."""
        if self.whole:
            return
        try:
            async for chunk in self._response.content.iter_any():
                self._keep(chunk)
                yield chunk
        except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError) as why:
            raise _down(why) from None

    def tokens(self) -> tuple[int | None, int | None]:
        """The prompt's and the completion's, as the server counted them at the end of what was read."""
        end = bytes(self._tail or self.held[-_TAIL:])
        places = list(_TOKENS.finditer(end))
        if not places:
            return None, None
        found = [pattern.search(end, places[-1].end()) for pattern in _COUNT.values()]
        prompt, completion = (int(each[1]) if each else None for each in found)
        return prompt, completion

    def close(self) -> None:
        """Hands the connection back, or closes it where the answer was not read to its end: the server may stop."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _keep(self, chunk: bytes) -> None:
        self._tail += chunk
        if len(self._tail) > 2 * _TAIL:
            del self._tail[:-_TAIL]


class Forwarder:
    """The connections to the servers behind. Made on the event loop that uses it."""

    def __init__(self, bounds: Bounds) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_reused)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=bounds.connect_seconds, sock_read=bounds.silent_seconds
            ),
            cookie_jar=aiohttp.DummyCookieJar(),  # one client's cookies are not another's
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            trace_configs=[trace],
        )

    async def send(self, upstream: Upstream, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer, whole where it is not a stream. Raises `Down`."""
        sent = CIMultiDict((name, value) for name, value in headers.items() if _travels(name))
        sent["Accept-Encoding"] = "identity"  # so that the tokens can be read
        if upstream.key:
            sent["Authorization"] = f"Bearer {upstream.key}"
        if upstream.organization:
            sent["OpenAI-Organization"] = upstream.organization
        try:
            response = await self._ask(upstream, path, sent, body)
            try:
                return await self._begun(upstream, response)
            except BaseException:
                response.close()
                raise
        except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError, ValueError) as why:
            raise _down(why) from None

    async def _ask(
        self, upstream: Upstream, path: str, headers: CIMultiDict[str], body: bytes
    ) -> aiohttp.ClientResponse:
        while True:
            used = SimpleNamespace(before=False)
            try:
                return await self._session.post(
                    upstream.url + path,
                    data=body,
                    headers=headers,
                    proxy=upstream.proxy,
                    allow_redirects=False,  # the key goes nowhere else
                    trace_request_ctx=used,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as why:
                # A server closes connections that lie idle, and one may be caught in the act: take another.
                if not used.before or isinstance(why, aiohttp.ClientConnectorError):
                    raise

    async def _begun(self, upstream: Upstream, response: aiohttp.ClientResponse) -> Answer:
        headers = CIMultiDict((name, value) for name, value in response.headers.items() if _returns(name))
        stream = response.headers.get("Content-Type", "").lower().startswith("text/event-stream")
        held = bytearray()
        while not stream and len(held) <= _HELD:
            chunk = await response.content.readany()
            if not chunk:
                break
            held += chunk
        whole = not stream and len(held) <= _HELD
        data = bytes(held)
        if response.status >= 400 and upstream.key:  # servers quote the key that they refuse
            data = upstream.scrubbed(data)
            for name, value in list(headers.items()):
                if upstream.key in value:
                    headers[name] = value.replace(upstream.key, "[key]")
        return Answer(response.status, headers, data, response, whole)

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()


async def _reused(_: Any, context: SimpleNamespace, __: Any) -> None:
    context.trace_request_ctx.before = True


def _travels(name: str) -> bool:
    lower = name.lower()
    return lower not in _NOT_SENT and not lower.startswith("x-complexity-")


def _returns(name: str) -> bool:
    lower = name.lower()
    return lower not in _NOT_RETURNED and not lower.startswith("x-complexity-")


def _down(why: Exception) -> Down:
    """The failure in our own words: the library's may hold addresses."""
    if isinstance(why, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Down("no connection to its server", 503)
    if isinstance(why, asyncio.TimeoutError):
        return Down("its server was silent for too long", 504)
    if isinstance(why, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | ConnectionError):
        return Down("its server broke off in the middle of the answer")
    return Down("its server sent what is no HTTP answer")
