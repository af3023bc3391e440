"""A server on loopback that speaks OpenAI's protocol as well or as badly as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What one request gets. `cut`: the connection is closed in the middle of the body; `delay` in seconds.

    `stream`: these chunks of a server-sent event stream in place of the body, `pause` seconds after each.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay: float = 0.0
    stream: Sequence[bytes] | None = None
    pause: float = 0.0


def said(*texts: str | None, reason: str = "stop", prompt: int = 11, completion: int = 7) -> Reply:
    """The answer of a chat model with these choices."""
    choices = [
        {"index": i, "finish_reason": reason, "message": {"role": "assistant", "content": text}, "text": text}
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}
    return Reply(body=body)


def error(status: int, message: str = "no", after: float | None = None, **more: Any) -> Reply:
    """A refusal; `after` in seconds."""
    headers = {} if after is None else {"retry-after-ms": str(after * 1000)}
    return Reply(status, {"error": {"message": message, **more}}, headers)


class ChatServer(ThreadingHTTPServer):
    """`answer` makes a reply to the body of a request (its `path` and `key` among it); `asked` holds them all.

    Each also has its `raw` bytes and its `headers`. `gone` counts the clients that left in mid-answer.

    `busy` and `most` count the requests at work now and at most. `models` is what it lists; None: it has no such list.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer: Callable[[dict[str, Any]], Reply], models: Sequence[str] | None = ("tiny",)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.models = models
        self.keys: tuple[str, ...] | None = None  # those that it takes; None: any
        self.asked: list[dict[str, Any]] = []
        self.busy = self.most = self.gone = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def spec(self) -> str:
        return f"local=openai:tiny@{self.url}"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that went away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = self.server.models
        if models is None or self.path != "/v1/models":
            self._send(error(404))
        elif not self._welcome():
            self._send(error(401, "bad key"))
        else:
            self._send(Reply(body={"object": "list", "data": [{"id": each, "object": "model"} for each in models]}))

    def do_POST(self) -> None:
        server = self.server
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw) | {"raw": raw, "headers": dict(self.headers.items())}
        body |= {"path": self.path, "key": (self.headers["Authorization"] or "").removeprefix("Bearer ")}
        with server.lock:
            server.asked.append(body)
            server.busy += 1
            server.most = max(server.most, server.busy)
        try:
            reply = server.answer(body) if self._welcome() else error(401, f"bad key {body['key']}")
            time.sleep(reply.delay)
        finally:
            with server.lock:
                server.busy -= 1
        self._send(reply)

    def _welcome(self) -> bool:
        key = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        return self.server.keys is None or key in self.server.keys

    def _send(self, reply: Reply) -> None:
        try:
            self._send_stream(reply, reply.stream) if reply.stream is not None else self._send_body(reply)
        except ConnectionError:
            self.server.gone += 1
            raise

    def _send_stream(self, reply: Reply, chunks: Sequence[bytes]) -> None:
        self.send_response(reply.status)
        for name, value in {
            "Content-Type": "text/event-stream",
            "Transfer-Encoding": "chunked",
            **reply.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            time.sleep(reply.pause)
        if not reply.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = reply.cut

    def _send_body(self, reply: Reply) -> None:
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) + (100 if reply.cut else 0)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = reply.cut

    def log_message(self, *_: object) -> None:
        """Quiet."""
