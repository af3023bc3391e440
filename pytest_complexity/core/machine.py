"""What this machine offers. A leaf."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/pytest-complexity`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-complexity"


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
