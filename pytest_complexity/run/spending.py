"""What a run has spent and may still spend, calls in flight included."""

from __future__ import annotations

import asyncio

from pytest_complexity.models import Unanswered


class CapReached(Unanswered):
    """The call could have passed the cap; asked again by a session with a larger one."""


class SpendingCap:
    """`spent` and `cap` are in US dollars, over all sessions of a run; a cap of None holds nothing back.

    `earlier` is what was spent before this session. `hold` and `settle` are called on the event loop's thread; `spent`
    may be read from any.

    A call holds the most that it can cost from before it begins until it is known what it did cost, so `spent` can
    pass the cap only where a server bills more tokens than the call allowed.
    """

    def __init__(self, cap: float | None = None, spent: float = 0.0) -> None:
        self.cap = cap
        self.spent = self.earlier = spent
        self._holds: list[float] = []
        self._settled = asyncio.Event()

    async def hold(self, most: float) -> float:
        """Waits until a call of this cost fits under the cap. Raises `CapReached` where it never will."""
        while most and self.cap is not None and self.spent + sum(self._holds) + most > self.cap:
            if not self._holds:
                raise CapReached(
                    f"--cx-max-cost={self.cap:g}: {dollars(self.spent)} are spent, and this call can cost up to "
                    f"{dollars(most)}"
                )
            self._settled.clear()
            await self._settled.wait()
        if most:
            self._holds.append(most)
        return most

    def settle(self, held: float, spent: float) -> None:
        """Ends a call's hold and counts what it did cost."""
        if held:
            self._holds.remove(held)
        self.spent += spent
        self._settled.set()

    def __str__(self) -> str:
        parts = [f"spent {dollars(self.spent - self.earlier)} in this session"]
        if self.earlier:
            parts.append(f"{dollars(self.earlier)} in earlier ones")
        if self.cap is not None:
            parts.append(f"cap {dollars(self.cap)}")
        return ", ".join(parts)


def dollars(amount: float) -> str:
    """As a person reads it."""
    return f"${amount:.4f}" if amount < 1 else f"${amount:.2f}"
