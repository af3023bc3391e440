"""The `Model` protocol: a named thing that completes a task's prompt, with a price. Knows no scores and no pytest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task


@dataclass(frozen=True)
class Price:
    """US dollars per million input and output tokens."""

    input: float
    output: float

    def of(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """What one call cost, in US dollars; None where a token count is not known."""
        if prompt_tokens is None or completion_tokens is None:
            return None
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Completion:
    """What a model said; `seconds` is the call's wall time. None: not known."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Sampling:
    """How a model draws its tokens; `top_k` None: the adapter's service has no such thing, or it is left alone."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 2047
    top_k: int | None = None

    def to_json(self) -> dict[str, float | int]:
        """For a model's `definition`."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Unanswered(Exception):
    """The model gave no answer for this trial: it will be `unmeasured`, which says nothing about the model.

    `usage`: prompt and completion tokens that were paid for all the same.
    """

    def __init__(self, why: str, usage: tuple[int, int] | None = None) -> None:
        super().__init__(why)
        self.usage = usage


class Busy(Unanswered):
    """No answer this time; the same call may succeed later.

    `after`: the seconds that the server asks all callers of this model to wait. `limited`: nothing is wrong, there are
    only too many calls. `billed`: the server may have worked for nothing, as where the connection was lost half-way,
    so what the call could have cost is counted as spent.
    """

    def __init__(self, why: str, *, after: float | None = None, limited: bool = False, billed: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.limited = limited
        self.billed = billed


class Refused(Unanswered):
    """The model will answer nothing more in this session: its key is refused, its quota is used up."""


class Model(Protocol):
    """What the pipeline asks. `definition` is what must not change between two sessions of one run."""

    @property
    def name(self) -> str:
        """The name on the ladder."""

    @property
    def price(self) -> Price | None:
        """None where it is not known."""

    @property
    def definition(self) -> Mapping[str, Any]:
        """Adapter, sampling and prompts, as plain builtins, for `run.json`."""

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """One completion, in one attempt. Raises `Unanswered`, whose text tells why; `Busy` is asked again."""


@runtime_checkable
class Batching(Protocol):
    """A model that answers several trials of a task in one call, so that the prompt is paid for once."""

    @property
    def batch(self) -> int:
        """The most trials of one call; falls to 1 for good where the server turns out to give one answer a call."""

    async def complete_all(
        self, suite: str, task: Task, trials: Sequence[int]
    ) -> Mapping[int, Completion | Unanswered]:
        """Answers by trial; those that lack are asked for one by one. Raises `Unanswered` where all failed.

        The tokens of the answers add up to those of the call.
        """


@runtime_checkable
class Bounded(Protocol):
    """A model of which it is known beforehand what a call can cost at most."""

    def most_tokens(self, task: Task) -> tuple[int, int]:
        """Upper bounds in tokens: of the prompt, and of one answer."""


@runtime_checkable
class Recorded(Protocol):
    """A model that can say beforehand which trials it has an answer to."""

    def knows(self, key: Key) -> bool:
        """Whether this trial has an answer."""


@runtime_checkable
class Closable(Protocol):
    """A model that holds connections."""

    async def aclose(self) -> None:
        """Closes them; on the loop that made the calls."""


class LiveModel(Model, Protocol):
    """A model that is really called, and so may lack what it needs."""

    def check(self) -> None:
        """Raises `ModelError`, with the remedy, where no call can succeed. Costs nothing."""


#: The paper's prices, US dollars per million tokens (arXiv 2312.11511, section 4: per 1K 0.0002, 0.002, 0.03).
KNOWN_PRICES: Mapping[str, Price] = {
    "codellama": Price(0.2, 0.2),
    "gpt35": Price(2.0, 2.0),
    "gpt4": Price(30.0, 30.0),
}
