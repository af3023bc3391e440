"""Things by name: the package's own, and those that other packages register as entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pytest_complexity.errors import ComplexityError


@dataclass(frozen=True)
class Registry:
    """All things of one kind. `kind` names it in messages; mistakes raise `error`.

    `built_in`: name -> `module:attribute`, imported when it is asked for. `group`: the entry points of other packages,
    which cannot replace what is built in.
    """

    kind: str
    group: str
    built_in: Mapping[str, str]
    error: type[ComplexityError]

    def names(self) -> tuple[str, ...]:
        """All names, the built-in ones first."""
        return tuple(dict.fromkeys([*self.built_in, *sorted(entry_points(group=self.group).names)]))

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.names()

    def load(self, name: str) -> Any:
        """What goes by that name. Raises `error` where nothing does, or where another package's module fails."""
        if name in self.built_in:
            return EntryPoint(name, self.built_in[name], self.group).load()
        found = next(iter(entry_points(group=self.group, name=name)), None)
        if found is None:
            raise self.error(f"no {self.kind} {name!r}; there are: {', '.join(self.names())}")
        with self.blaming(name):
            return found.load()

    @contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """Whatever another package's thing of that name raises within becomes one line of `error` that names it."""
        try:
            yield
        except self.error:
            raise
        except Exception as why:  # whatever another package's module does
            if name in self.built_in:
                raise
            found = next(iter(entry_points(group=self.group, name=name)))
            raise self.error(f"{self.kind} {name!r} of {found.value}: {type(why).__name__}: {why}") from None
