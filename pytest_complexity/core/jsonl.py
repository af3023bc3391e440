"""JSON Lines, strictly: every broken line is an error that names its file and its number.

Reads plain, gzip and xz files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from pytest_complexity.core.fields import unexpected
from pytest_complexity.errors import ComplexityError


def read_bytes(path: Path, error: type[ComplexityError]) -> bytes:
    """The file's bytes, unpacked where its name ends in `.gz` or `.xz`. Raises `error`."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(raw)
        return lzma.decompress(raw) if path.suffix == ".xz" else raw
    except (OSError, EOFError, lzma.LZMAError, ValueError) as why:
        raise error(f"{path}: cannot be read: {getattr(why, 'strerror', None) or why}") from None


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
