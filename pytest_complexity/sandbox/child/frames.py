"""What goes between the verifier and a run: an order down, reports up. Nothing that comes up is believed.
Between pytest's process and a verifier, frames hold JSON objects.

A frame is a length and so many bytes. An order is two of them: the program, and the task's compiled text. A report is
fields between NULs: the run's token, a kind, and what belongs to it.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

LENGTH = struct.Struct("<I")
MAX_REPORT = 8192  #: bytes of all reports of a run together
SEPARATOR = b"\0"
TEST_FILE = "<test file>"  #: the file name in the code of a task's test file
KEPT = "__cx_kept__"  #: the name that holds the value an assertion looks at, for the verdict's detail

#: the names under which the tests ask a question, make its choices, and ask for an exception
ASK, CHOICES, CAUGHT = "__cx_ask__", "__cx_choices__", "__cx_caught__"
#: what `ask` tries: a comparison, a call that says so, one that raises if not; or whether a value is true, or a member
COMPARED, CALLED, RAISING, TRUE, MEMBER = 0, 1, 2, 3, 4

#: kinds of reports: what holds of a question's choices, the visible tests' outcome; then one of the others
ANSWER, VISIBLE = b"answer", b"visible"
PASSED, WRONG, ERROR, EXIT, MEMORY, LATE = b"pass", b"wrong", b"error", b"exit", b"memory", b"timeout"
ENDS = frozenset((PASSED, WRONG, ERROR, EXIT, MEMORY, LATE))
TOO_LONG = "_TooLong"  #: the exception by which tests end what takes longer than they allow (suites/plus.py)

LIVE = b"L"  #: begins the first frame of an order for a live run
#: kinds of answers of a live run: a plain value, an exception, or a value that does not cross
VALUE, RAISED, STRANGE = b"value", b"raised", b"strange"
ANSWERS = frozenset((VALUE, RAISED, STRANGE))


def pack(body: bytes) -> bytes:
    """A frame."""
    return LENGTH.pack(len(body)) + body


def read(sock: socket.socket) -> bytes:
    """The body of the next frame. Raises EOFError at the end of the connection."""
    (size,) = LENGTH.unpack(_exactly(sock, LENGTH.size))
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sock.recv(min(size, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def send_json(sock: socket.socket, message: dict[str, Any]) -> None:
    """Send one object; lone surrogates in its strings survive."""
    sock.sendall(pack(json.dumps(message).encode("ascii")))


def receive_json(sock: socket.socket) -> dict[str, Any]:
    """The next object. Raises EOFError at the end of the connection."""
    message: dict[str, Any] = json.loads(read(sock))
    return message


def unpack(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The whole frames at the beginning of a buffer, and what follows them."""
    bodies = []
    while len(buffer) >= LENGTH.size:
        (size,) = LENGTH.unpack_from(buffer)
        if size > MAX_REPORT or len(buffer) < LENGTH.size + size:
            break
        bodies.append(buffer[LENGTH.size : LENGTH.size + size])
        buffer = buffer[LENGTH.size + size :]
    return bodies, buffer
