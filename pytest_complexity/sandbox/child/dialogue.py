"""The trusted side of a live run: passes calls down and answers up, and says what came of the run where it ends."""

from __future__ import annotations

import contextlib
import marshal
import secrets
import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import frames, plan

if TYPE_CHECKING:
    from .verifier import Result, Verifier

#: the first false answer: the question, the choices that held, the true one's place, what was compared if it was said
Astray = tuple[int, int, int, str]
MAX_ANSWER = 2**24  #: bytes of one answer


class Gone(Exception):
    """pytest's process has ended."""


@dataclass
class Answer:
    """One answer as it comes in; the names that `Verifier.conclude` reads are those of its own reports."""

    token: bytes
    late: bool = False
    forged: str = ""
    ended: tuple[bytes, bytes, bytes] | None = None
    said: tuple[str, str] | None = None  #: kind and text
    visible: bool = False
    astray: Astray | None = None
    answers: dict[int, set[int]] = field(default_factory=dict)
    _buffer: bytearray = field(default_factory=bytearray)
    _closed: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more is waited for."""
        return bool(self.said or self.ended or self.forged or self._closed)

    def take(self, data: bytes) -> None:
        """More bytes; none at the end of the connection."""
        self._closed = self._closed or not data
        self._buffer += data
        if len(self._buffer) < frames.LENGTH.size:
            return
        (size,) = frames.LENGTH.unpack_from(self._buffer)
        whole = frames.LENGTH.size + size
        if size > MAX_ANSWER:
            self.forged = f"an answer of more than {MAX_ANSWER // 2**20} MiB"
        elif len(self._buffer) > whole or (self.over and not self._closed):
            self.forged = "an answer too many"
        elif len(self._buffer) == whole:
            self._read(bytes(self._buffer[frames.LENGTH.size :]))
            self._buffer.clear()

    def _read(self, body: bytes) -> None:
        token, _, rest = body.partition(frames.SEPARATOR)
        kind, _, text = rest.partition(frames.SEPARATOR)
        if token == self.token and kind in frames.ANSWERS:
            self.said = (kind.decode(), text.decode("utf-8", "replace"))
        elif token == self.token and kind in frames.ENDS and text.count(frames.SEPARATOR) == 1:
            lines, _, shown = text.partition(frames.SEPARATOR)
            self.ended = (kind, lines, shown)
        else:
            self.forged = "an answer that is none"


class Dialogue:
    """The live run of a verifier: at most one, and no other run meanwhile."""

    def __init__(self, verifier: Verifier, parent: socket.socket) -> None:
        self._verifier = verifier
        self._parent = parent
        self._channel: socket.socket | None = None
        self._token = b""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a run, pass on a call, or end the run. Raises `plan.BrokenTask`, `ZygoteLost`, `Gone`."""
        if request["live"] == "end":
            self._end()
            return {}
        if request["live"] == "start":
            self._end()
            order = self._order(request["program"])
            self._channel = self._verifier.channel()
        else:
            order = frames.pack(request["call"].encode())
        return self._exchange(order, request["seconds"])

    def _order(self, program: dict[str, Any]) -> bytes:
        task = plan.make({**program, "tests": [], "test_source": "", "visible_tests": []})
        self._token = secrets.token_hex(8).encode()
        head = (self._token, program["code"], program["prompt_code"], program["entry_point"])
        return frames.pack(frames.LIVE + marshal.dumps(head)) + frames.pack(task.body)

    def _exchange(self, order: bytes, seconds: float) -> dict[str, Any]:
        assert self._channel is not None, "a call belongs to a run"
        answer, began = Answer(self._token), time.monotonic()
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._parent, getattr(select, "POLLRDHUP", 0))
        self._channel.settimeout(max(0.001, seconds))
        with contextlib.suppress(OSError):  # it has left, or will not read
            self._channel.sendall(order)
        while not answer.over:
            ready = dict(poll.poll(max(0.0, began + seconds - time.monotonic()) * 1000))
            if self._parent.fileno() in ready:
                raise Gone
            if not ready:
                answer.late = True
                break
            answer.take(_received(self._channel))
        spent = time.monotonic() - began
        if answer.said and not answer.forged:
            return {"kind": answer.said[0], "text": answer.said[1], "seconds": spent}
        channel, self._channel = self._channel, None
        try:
            result: Result = self._verifier.conclude(answer, channel, spent, seconds)
        finally:
            channel.close()
        return {"kind": "end", "verdict": result.verdict, "detail": result.detail, "seconds": spent}

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
            self._verifier.end_run()


def _received(channel: socket.socket) -> bytes:
    try:
        return channel.recv(2**18)
    except OSError:
        return b""
