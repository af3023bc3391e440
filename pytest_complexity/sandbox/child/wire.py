"""Frames between the judge and the worker: a length, a nonce, a kind, a body.

Nothing that arrives is believed: a frame that is too long, out of turn or cut is a `Forged`.
"""

from __future__ import annotations

import socket
import struct

MAX_BODY = 64 * 2**20  #: bytes; what a program may hand over at once
_HEAD = struct.Struct("<IQc")

REQUEST, RESULT, RAISED = b"q", b"v", b"x"
REBOUND = (b"V", b"X")  #: RESULT and RAISED where the program has bound a name anew that was told ahead


class Forged(BaseException):
    """What came through the channel cannot come from our worker.

    No `except Exception` of a test catches it.
    """


class Lost(BaseException):
    """The other side has closed the channel."""


class Channel:
    """One end of the socket pair. Raises `Lost` at its end and `Forged` on a frame that is none."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def send(self, nonce: int, kind: bytes, body: bytes) -> None:
        """Send one frame."""
        try:
            self._sock.sendall(_HEAD.pack(len(body), nonce, kind) + body)
        except OSError as error:
            raise Lost from error

    def receive(self) -> tuple[int, bytes, bytes]:
        """The next frame as (nonce, kind, body)."""
        size, nonce, kind = _HEAD.unpack(self._read(_HEAD.size))
        if size > MAX_BODY:
            raise Forged("a frame is too long")
        return nonce, kind, self._read(size)

    def _read(self, size: int) -> bytes:
        buffer = self._buffer
        if len(buffer) < size:
            parts, have = [buffer], len(buffer)
            while have < size:
                try:
                    part = self._sock.recv(max(16384, min(size - have, 2**20)))
                except OSError as error:
                    raise Lost from error
                if not part:
                    raise Lost
                parts.append(part)
                have += len(part)
            buffer = b"".join(parts)
        self._buffer = buffer[size:]
        return buffer[:size]
