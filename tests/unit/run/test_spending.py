"""The spending cap, as a person reads it; that it holds is in test_scheduler.py."""

from __future__ import annotations

import asyncio

from pytest_complexity.run.spending import SpendingCap


def test_it_says_what_this_session_spent_what_earlier_ones_did_and_the_cap() -> None:
    async def spend(cap: SpendingCap) -> str:
        cap.settle(await cap.hold(1.0), 0.25)
        return str(cap)

    assert (
        asyncio.run(spend(SpendingCap(5.0, 1.5))) == "spent $0.2500 in this session, $1.50 in earlier ones, cap $5.00"
    )
    assert asyncio.run(spend(SpendingCap())) == "spent $0.2500 in this session"
