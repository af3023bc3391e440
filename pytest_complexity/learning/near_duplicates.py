"""Which prompts say the same: exactly, once normalised, or nearly. Offline, and in time linear in their number.

Nearly: by the share of pieces of five characters that two prompts have in common (Jaccard), estimated from MinHash
sketches (Broder, "On the resemblance and containment of documents", 1997). With 128 hashes the estimate's standard
error is at most 0.045. A leaf: knows nothing of tasks, labels or files.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

NEAR = 0.8  #: prompts that share so much count as one
_HASHES, _BANDS = 128, 32  # two prompts of likeness 0.8 share no band once in 10^7
_PIECE = 5
_WORD = re.compile(r"\w+")

Sketches = NDArray[np.uint32]


def normalised(text: str) -> str:
    """Lower case, words and numbers alone, single spaces: where these agree, so do the prompts."""
    return " ".join(_WORD.findall(text.lower()))


def sketches(texts: Sequence[str]) -> Sketches:
    """A row of 128 numbers for each text; texts that are alike once normalised have the same row."""
    random = np.random.default_rng(20231218)
    factors = random.integers(0, 1 << 63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    shifts = random.integers(0, 1 << 63, _HASHES, dtype=np.uint64)
    rows = np.empty((len(texts), _HASHES), dtype=np.uint32)
    for row, text in enumerate(texts):
        plain = normalised(text)
        pieces = {plain[at : at + _PIECE] for at in range(max(1, len(plain) - _PIECE + 1))}
        hashes = np.array([zlib.crc32(piece.encode("utf-8", "replace")) for piece in pieces], dtype=np.uint64)
        rows[row] = _least(hashes, factors, shifts)
    return rows


def _least(hashes: NDArray[np.uint64], factors: NDArray[np.uint64], shifts: NDArray[np.uint64]) -> Sketches:
    """The least value of each hash function over the pieces; in slices, so that a long text needs little memory."""
    least = np.full(_HASHES, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(hashes), 4096):
        mixed = (np.multiply.outer(hashes[start : start + 4096], factors) + shifts) >> np.uint64(32)
        least = np.minimum(least, mixed.min(axis=0).astype(np.uint32))
    return least


def groups(rows: Sketches) -> NDArray[np.int64]:
    """For each sketch the number of its group: near-duplicates, and theirs in turn, share one."""
    distinct, place = _distinct(rows)
    leader = list(range(len(distinct)))

    def find(one: int) -> int:
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, others in _near(distinct):
        for other in others:
            first, second = sorted((find(one), find(int(other))))
            leader[second] = first
    return np.array([find(one) for one in range(len(distinct))], dtype=np.int64)[place]


def repeated(rows: Sketches, known: Sketches) -> NDArray[np.bool_]:
    """Which sketches are near-duplicates of one of the known."""
    distinct, place = _distinct(np.concatenate([known, rows]))
    seen = np.zeros(len(distinct), dtype=bool)
    seen[place[: len(known)]] = True
    found = seen.copy()
    for one, others in _near(distinct):
        found[one] |= seen[others].any()
        found[others] |= seen[one]
    repeats: NDArray[np.bool_] = found[place[len(known) :]]
    return repeats


def _distinct(rows: Sketches) -> tuple[Sketches, NDArray[np.int64]]:
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    return distinct, place.ravel()


def _near(distinct: Sketches) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """A row, and rows after it that agree with it in enough hashes; some pairs come more than once."""
    for band in np.split(distinct, _BANDS, axis=1):
        buckets: dict[bytes, list[int]] = {}
        for row, values in enumerate(band):
            buckets.setdefault(values.tobytes(), []).append(row)
        for bucket in buckets.values():
            rows = np.array(bucket)
            for at, one in enumerate(bucket[:-1]):
                others = rows[at + 1 :]
                yield one, others[(distinct[others] == distinct[one]).mean(axis=1) >= NEAR]
