"""JSON Lines, strictly: every broken line is an error that names its file and its number.

Reads plain, gzip and xz files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pytest_complexity.core.fields import unexpected
from pytest_complexity.errors import ComplexityError

_PACKED: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
_RATIO, _HARMLESS = 200, 1 << 26  #: a file that unpacks to so many times its size, and beyond that, is refused
_HINTS: Mapping[type[Exception], str] = {
    PermissionError: " Allow this user to read it",
    gzip.BadGzipFile: " Is it packed at all?",
    EOFError: " Is the file cut?",
    lzma.LZMAError: " Is the file cut?",
    zlib.error: " Is the file cut?",
}


def read_bytes(path: Path, error: type[ComplexityError]) -> bytes:
    """The file's bytes, unpacked where its name ends in `.gz` or `.xz`. Raises `error`."""
    try:
        if path.suffix not in _PACKED:
            return path.read_bytes()
        packed, data = path.stat().st_size, bytearray()
        with _PACKED[path.suffix](path, "rb") as stream:
            while part := stream.read(1 << 20):
                data += part
                check_ratio(str(path), len(data), packed, error)
        return bytes(data)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as why:  # the last: a name with a zero byte
        raise unreadable(path, why, error) from None


def check_ratio(name: str, unpacked: int, packed: int, error: type[ComplexityError]) -> None:
    """Raises `error` where a packed file is made to fill memory or disk."""
    if unpacked > _HARMLESS and unpacked > _RATIO * packed:
        raise error(f"{name}: unpacks to more than {_RATIO} times its {packed} bytes. Unpack it if you trust it")


def unreadable(path: object, why: Exception, error: type[ComplexityError]) -> ComplexityError:
    """The error that says so, with the reason."""
    reason = str(getattr(why, "strerror", None) or why).rstrip(".")
    hint = next((hint for kind, hint in _HINTS.items() if isinstance(why, kind)), "")
    return error(f"{path}: cannot be read: {reason}.{hint}")


def read_jsonl(path: Path, error: type[ComplexityError]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number (from 1) and object. Blank lines are passed over. Raises `error`, naming the line."""
    return parse_jsonl(read_bytes(path, error), str(path), error)


def parse_jsonl(data: bytes, where: str, error: type[ComplexityError]) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `read_jsonl`, of bytes that were read from `where`."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, parse_object(line, line_of(where, number), error)


def line_of(path: object, number: int) -> str:
    """How messages name a line of a file, counted from 1."""
    return f"{path}, line {number}"


def parse_object(line: bytes, where: str, error: type[ComplexityError]) -> dict[str, Any]:
    """One JSON object, without NaN, infinities, numbers beyond a float and repeated keys.

    Raises `error` with `where` in front.
    """
    try:
        value = json.loads(
            line.decode("utf-8"),
            parse_float=_finite,
            parse_constant=_no_constant,
            object_pairs_hook=_no_repeated_key,
        )
    except UnicodeDecodeError as why:
        raise error(f"{where}: not UTF-8 (byte {why.start})") from None
    except json.JSONDecodeError as why:
        raise error(f"{where}: not JSON: {why.msg} (column {why.colno}); is the line cut?") from None
    except (ValueError, RecursionError) as why:
        raise error(f"{where}: {why}") from None
    if not isinstance(value, dict):
        raise error(f"{where}: {unexpected('an object', value)}")
    return value


def dump_line(record: dict[str, Any]) -> bytes:
    """One line of pure ASCII, newline included: lone surrogates in a completion survive the round trip."""
    return json.dumps(record, allow_nan=False).encode("ascii") + b"\n"


def sha256(data: bytes) -> str:
    """The digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON. Write null")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large for a number")
    return number


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} is there twice")
    return record
