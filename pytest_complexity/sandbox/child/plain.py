"""Plain values as JSON and back, exactly: what crosses between a test outside the sandbox and a program inside.

None, bool, int, float, str and list are themselves; every other kind is an object of one key, its name. Subclasses
do not cross: whoever receives one could not tell what it does.
"""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 100
_WIDE = 2**63  #: from here on an integer is written in hexadecimal: decimal takes long, and Python bounds it


class NotPlain(ValueError):
    """A value that does not cross; the text says of which type, or why."""


def encode(value: Any, depth: int = 0) -> Any:
    """The value as what `json` writes. Raises NotPlain."""
    kind = type(value)
    if depth > MAX_DEPTH:
        raise NotPlain(f"a value nested more than {MAX_DEPTH} deep")
    if value is None or kind in (bool, float, str):
        return value
    if kind is int:
        return value if -_WIDE < value < _WIDE else {"int": hex(value)}
    if kind is list:
        return [encode(each, depth + 1) for each in value]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(each, depth + 1) for each in value]}
    if kind is dict:
        return {"dict": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()]}
    if kind in (bytes, complex):
        return {kind.__name__: value.hex() if kind is bytes else [value.real, value.imag]}
    raise NotPlain(f"a value of type {kind.__name__}")


def decode(said: Any) -> Any:
    """The value that `encode` made this of. Raises ValueError or TypeError on anything else."""
    if isinstance(said, list):
        return [decode(each) for each in said]
    if not isinstance(said, dict):
        return said
    ((kind, held),) = said.items()
    return _READERS[kind](held) if kind in _READERS else _unknown(kind)


def _unknown(kind: str) -> Any:
    raise ValueError(f"no plain value is of the kind {kind!r}")


_READERS: dict[str, Any] = {
    "int": lambda held: int(held, 16),
    "tuple": lambda held: tuple(map(decode, held)),
    "set": lambda held: set(map(decode, held)),
    "frozenset": lambda held: frozenset(map(decode, held)),
    "dict": lambda held: {decode(key): decode(item) for key, item in held},
    "bytes": bytes.fromhex,
    "complex": lambda held: complex(*held),
}
