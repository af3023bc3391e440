"""Task files at their official homes: downloaded on the first use, checked by their SHA-256, kept in the cache."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_complexity.core.jsonl import sha256
from pytest_complexity.core.machine import cache_directory
from pytest_complexity.errors import TaskError

_MBPP = "https://raw.githubusercontent.com/google-research/google-research/master/mbpp/"


@dataclass(frozen=True)
class Official:
    """A file at its official home; `sha256` is the digest of its bytes."""

    url: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return self.url.rpartition("/")[2]


_PLUS = "https://github.com/evalplus/{}_release/releases/download/{}/{}-OriginFmt.jsonl.gz"

#: MBPP (google-research/google-research, CC-BY-4.0); HumanEval+ v0.1.10 and MBPP+ v0.2.0 (evalplus, Apache-2.0).
OFFICIAL: Mapping[str, Official] = {
    "full": Official(_MBPP + "mbpp.jsonl", "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f"),
    "sanitized": Official(
        _MBPP + "sanitized-mbpp.json", "8ac32b2799150228e2d745aed09c870b7e4444246d4727d1004576207ef40769"
    ),
    "humaneval+": Official(
        _PLUS.format("humanevalplus", "v0.1.10", "HumanEvalPlus"),
        "daa7661c8189924068069b0872a440b491edb60f8bdf431d5957adc88d18bae5",
    ),
    "mbpp+": Official(
        _PLUS.format("mbppplus", "v0.2.0", "MbppPlus"),
        "7a5aec547b134fa297ee6c45f829298aa3f58de02547b8d8a5c3d85d9cb10efc",
    ),
}


def fetch(name: str) -> Path:
    """The path of an official file, downloaded on the first use. Raises `TaskError`."""
    official = OFFICIAL[name]
    path = cache_directory() / official.file
    if not path.exists():
        _download(official, path)
    if (found := sha256(path.read_bytes())) != official.sha256:
        raise TaskError(
            f"{path}: SHA-256 is {found}, the official file's is {official.sha256}: "
            "remove it, or name your own copy: --cx-dataset=PATH, verify --dataset PATH"
        )
    return path


def _download(official: Official, path: Path) -> None:
    try:
        with urllib.request.urlopen(official.url, timeout=60) as answer:
            data = answer.read()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(data)
        part.replace(path)  # whole or not at all, also where two workers fetch it at once
    except OSError as why:
        raise TaskError(
            f"{official.url}: cannot be downloaded ({getattr(why, 'reason', None) or why}): put the file at "
            f"{path}, or name a copy: --cx-dataset=PATH, verify --dataset PATH"
        ) from None
