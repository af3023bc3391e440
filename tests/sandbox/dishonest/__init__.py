"""Programs that compute nothing and would pass all the same: `ENTRY` stands for the name of the function tested."""

from __future__ import annotations

from . import blind, choosing, reading, state, telling

KINDS = {
    "blind": blind.PROGRAMS,
    "reading": reading.PROGRAMS,
    "telling": telling.PROGRAMS,
    "choosing": choosing.PROGRAMS,
    "state": state.PROGRAMS,
}
