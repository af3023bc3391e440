"""JSON objects behind their length, between pytest's process and a verifier."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<I")


def send(sock: socket.socket, message: dict[str, Any]) -> None:
    """Send one object; lone surrogates in its strings survive."""
    body = json.dumps(message).encode("ascii")
    sock.sendall(_LENGTH.pack(len(body)) + body)


def receive(sock: socket.socket) -> dict[str, Any]:
    """The next object. Raises EOFError at the end of the connection."""
    (size,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    message: dict[str, Any] = json.loads(_exactly(sock, size))
    return message


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sock.recv(min(size, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
