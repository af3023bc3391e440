"""What a classifier says of one prompt: all that a policy may know before a model is asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """Of one prompt: each ladder model's chance of success, and the chance of each level.

    `chances` in ladder order, each in [0, 1]; `levels` for level 1 and up, adding up to 1.
    """

    chances: tuple[float, ...]
    levels: tuple[float, ...]

    @property
    def level(self) -> int:
        """The most likely level, from 1; of two alike the lower."""
        return 1 + self.levels.index(max(self.levels))
