"""MBPP: 974 tasks, or the 427 verified ones, downloaded from their official home and checked."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.jsonl import read_bytes, sha256
from pytest_complexity.core.machine import cache_directory
from pytest_complexity.errors import TaskError
from pytest_complexity.suites.dataset import Dataset, read_tasks


@dataclass(frozen=True)
class Official:
    """A file of MBPP at its official home (google-research/google-research, CC-BY-4.0)."""

    file: str
    sha256: str

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        return f"https://raw.githubusercontent.com/google-research/google-research/master/mbpp/{self.file}"


OFFICIAL = {
    "full": Official("mbpp.jsonl", "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f"),
    "sanitized": Official("sanitized-mbpp.json", "8ac32b2799150228e2d745aed09c870b7e4444246d4727d1004576207ef40769"),
}


def fetch(dataset: str) -> Path:
    """The path of an official MBPP file, downloaded on the first use. Raises `TaskError`."""
    official = OFFICIAL[dataset]
    path = cache_directory() / official.file
    if not path.exists():
        _download(official, path)
    if (found := sha256(path.read_bytes())) != official.sha256:
        raise TaskError(
            f"{path}: SHA-256 is {found}, the official file's is {official.sha256}: "
            "remove it, or name your own copy with --cx-dataset=PATH"
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
            f"{path}, or name a copy with --cx-dataset=PATH"
        ) from None


def load(dataset: str | None) -> Dataset:
    """`full` (the default), `sanitized`, or a path. Raises `TaskError`."""
    name = dataset or "full"
    path = fetch(name) if name in OFFICIAL else Path(name)
    data = read_bytes(path, TaskError)
    return Dataset("mbpp", name if name in OFFICIAL else path.name, sha256(data), tuple(read_tasks(data, path, _mbpp)))


def _mbpp(row: Mapping[str, Any]) -> Mapping[str, Any]:
    task = dict(row)
    number = row.get("task_id")
    if isinstance(number, int) and not isinstance(number, bool):
        task["task_id"] = f"MBPP/{number}"
    if "text" not in row and "prompt" in row:  # the sanitized file's name for it
        task["text"] = row["prompt"]
    return task
