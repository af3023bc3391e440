"""Large files, line by line in bounded memory: plain, gzip or xz."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from pytest_complexity.core.jsonl import check_ratio, line_of, unreadable
from pytest_complexity.errors import ComplexityError

LONGEST = 1 << 24  #: bytes of one line, or of one file that is read whole
_BLANK = 1 << 20  #: lines


def read_lines(path: Path, error: type[ComplexityError]) -> Iterator[tuple[str, bytes]]:
    """Each line that is not blank, with its place (`FILE, line 3`). Raises `error`."""
    try:
        packed = path.stat().st_size
        with _opened(path) as stream:
            total, number, blank = 0, 0, 0
            while line := stream.readline(LONGEST + 1):
                number += 1
                total += len(line)
                if len(line) > LONGEST:
                    raise error(f"{line_of(path, number)}: longer than {LONGEST >> 20} MiB. Is this the right file?")
                check_ratio(str(path), total, packed, error)
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield line_of(path, number), line
                    continue
                blank += 1
                if blank > _BLANK:
                    raise error(f"{line_of(path, number)}: more than {_BLANK} blank lines. Is this the right file?")
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as why:
        raise unreadable(path, why, error) from None


def read_head(path: Path, error: type[ComplexityError], size: int = 1 << 16) -> bytes:
    """The file's first bytes, unpacked. Raises `error`."""
    try:
        with _opened(path) as stream:
            return stream.read(size)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as why:
        raise unreadable(path, why, error) from None


def read_whole(path: Path, error: type[ComplexityError], most: int = LONGEST) -> bytes:
    """The file's bytes, unpacked, of which there may be `most`. Raises `error`."""
    try:
        with _opened(path) as stream:
            data = stream.read(most + 1)
            check_ratio(str(path), len(data), path.stat().st_size, error)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as why:
        raise unreadable(path, why, error) from None
    if len(data) > most:
        raise error(f"{path}: larger than {most >> 20} MiB. Split it")
    return data


def _opened(path: Path) -> BinaryIO:
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    return cast(BinaryIO, opener(path, "rb"))  # type: ignore[operator]
