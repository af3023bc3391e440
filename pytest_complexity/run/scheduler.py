"""One model's calls: their order, how many at once, when to ask again, and what they cost. Lives on one event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Batching, Bounded, Busy, Completion, Model, Refused, Unanswered
from pytest_complexity.run.spending import CapReached, SpendingCap

Answers = Mapping[int, Completion | Unanswered]


@dataclass(frozen=True)
class Patience:
    """How often and how soon a call that found the model busy is made again; times in seconds.

    Waits double from `first`, give or take a quarter; where the server says how long, its word holds. A
    model is given up for the session where it asks for more than `longest_asked`, or after so many `calls_in_vain` in a
    row while no other call was answered.
    """

    attempts: int = 6
    calls_in_vain: int = 3
    first: float = 0.5
    longest_asked: float = 600.0

    def wait(self, tried: int, after: float | None) -> float:
        """Before the next attempt, `tried` (from 1) being behind."""
        if after is not None:
            return max(after, self.first / 2) * random.uniform(1.0, 1.1)
        return self.first * 2.0 ** (tried - 1) * random.uniform(0.75, 1.25)


@dataclass(frozen=True)
class Traffic:
    """A scheduler at one moment: trials `wanted` and `done`, calls `in_flight`, US dollars `spent` in this session.

    `waits`: the seconds for which the server asked to be left alone.
    """

    name: str
    wanted: int
    done: int
    in_flight: int
    spent: float
    priced: bool
    waits: float


class ModelScheduler:
    """See the module. `answered` gets each trial's completion, or why there is none; `tasks` by (suite, task id)."""

    def __init__(
        self,
        model: Model,
        tasks: Mapping[tuple[str, str], Task],
        answered: Callable[[Key, Completion | Unanswered], None],
        *,
        concurrency: int,
        spending: SpendingCap,
        patience: Patience,
    ) -> None:
        self.model = model
        self._batching = model if isinstance(model, Batching) else None
        self._bounded = model if isinstance(model, Bounded) else None
        self._tasks = tasks
        self._answered = answered
        self._concurrency = concurrency
        self._spending = spending
        self._patience = patience
        self._queue: OrderedDict[Key, None] = OrderedDict()
        self._mates: dict[tuple[str, str], list[Key]] = defaultdict(list)
        self._alone: set[Key] = set()  # asked for in a call of their own
        self._calls: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[None] | None] = set()  # those with a request on the way
        self._given_up: Unanswered | None = None
        self._stopped = False
        self._free_from = 0.0  # when the server may be asked again
        self._successes = 0
        self._in_vain = 0  # calls in a row that used up their attempts
        self._wanted = self._done = 0
        self._spent = 0.0

    @property
    def traffic(self) -> Traffic:
        """May be read from any thread."""
        return Traffic(
            self.model.name,
            self._wanted,
            self._done,
            len(self._asking),
            self._spent,
            self.model.price is not None,
            max(0.0, self._free_from - time.monotonic()),
        )

    def push(self, keys: Iterable[Key]) -> None:
        """Trials to ask for, after those that wait already."""
        for key in keys:
            self._wanted += 1
            self._queue[key] = None
            self._mates[key.suite, key.task_id].append(key)
        self._begin()

    def withdraw(self, key: Key) -> bool:
        """Takes back a trial whose call has not begun; False where it has."""
        if key not in self._queue:
            return False
        self._leave(key)
        self._wanted -= 1
        return True

    async def stop(self, *, land: bool) -> None:
        """Begins no further call and waits for those that have; with `land` what was asked may be answered."""
        self._stopped = True
        calls = list(self._calls)
        for call in calls:
            if not land or call not in self._asking:
                call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _begin(self) -> None:
        if self._given_up is not None:
            while self._queue:
                self._deliver(self._leave(next(iter(self._queue))), self._given_up)
        while self._queue and len(self._calls) < self._concurrency and not self._stopped:
            call = asyncio.get_running_loop().create_task(self._call(self._take()))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._begin()

    def _take(self) -> list[Key]:
        """The next trial, and as many of the same task as the model answers in one call."""
        first = next(iter(self._queue))
        if first in self._alone or self._batching is None:
            return [self._leave(first)]
        mates = [key for key in self._mates[first.suite, first.task_id] if key not in self._alone]
        return [self._leave(key) for key in mates[: max(1, self._batching.batch)]]

    def _leave(self, key: Key) -> Key:
        del self._queue[key]
        self._mates[key.suite, key.task_id].remove(key)
        return key

    def _deliver(self, key: Key, answer: Completion | Unanswered) -> None:
        self._done += 1
        self._answered(key, answer)

    async def _call(self, keys: Sequence[Key]) -> None:
        answers: Answers
        try:
            answers = await self._until_answered(keys)
        except Unanswered as why:
            if isinstance(why, (Refused, CapReached)) or self._in_vain >= self._patience.calls_in_vain:
                self._given_up = why
            elif isinstance(why, Busy) and self._stopped:
                return  # it may have been answered later: the next session asks
            answers = {key.trial: why for key in keys}
        except Exception as why:  # an adapter's defect must not leave an item waiting for ever
            answers = {key.trial: Unanswered(f"{type(why).__name__}: {why}") for key in keys}
        lacking = [key for key in keys if key.trial not in answers]
        if lacking == [*keys] and len(keys) == 1:
            answers, lacking = {keys[0].trial: Unanswered("the model sent no answer")}, []
        for key in keys:
            if key.trial in answers:
                self._deliver(key, answers[key.trial])
        for key in reversed(lacking):
            self._alone.add(key)
            self._queue[key] = None
            self._queue.move_to_end(key, last=False)
            self._mates[key.suite, key.task_id].append(key)

    async def _until_answered(self, keys: Sequence[Key]) -> Answers:
        tried, successes, at_first = 0, self._successes, self._successes
        while True:
            await self._until_free()
            try:
                return await self._ask(keys)
            except Busy as why:
                # While others are answered a rate limit only asks for patience: such attempts are not counted, else a
                # strict one would use up those of the calls that it turns away.
                tried = 0 if why.limited and self._successes > successes else tried + 1
                successes = self._successes
                if tried >= self._patience.attempts:  # while others were answered it was this prompt's fault
                    self._in_vain = self._in_vain + 1 if self._successes == at_first else 0
                if tried >= self._patience.attempts or self._stopped:
                    raise
                if why.after is not None and why.after > self._patience.longest_asked:
                    raise Refused(f"{why} (it asks to wait {why.after:.0f} s)"[:200]) from None
                wait = self._patience.wait(max(tried, 1), why.after)
                if why.after is not None:
                    self._free_from = max(self._free_from, time.monotonic() + wait)
                else:
                    await asyncio.sleep(wait)

    async def _until_free(self) -> None:
        while (wait := self._free_from - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if self._given_up is not None:
            raise self._given_up

    async def _ask(self, keys: Sequence[Key]) -> Answers:
        """One request, paid for."""
        held = await self._spending.hold(self._most(keys))
        call = asyncio.current_task()
        self._asking.add(call)
        spent = held  # until it is known
        try:
            answers = await self._request(keys)
            spent = self._cost(answers.values(), held) if answers else 0.0
            self._successes += 1
            self._in_vain = 0
            return answers
        except Busy as why:
            spent = held if why.billed else 0.0
            raise
        except Unanswered as why:
            spent = self._cost([why], 0.0)
            raise
        finally:
            self._asking.discard(call)
            self._spending.settle(held, spent)
            self._spent += spent

    async def _request(self, keys: Sequence[Key]) -> Answers:
        suite, task = keys[0].suite, self._tasks[keys[0].suite, keys[0].task_id]
        if len(keys) > 1 and self._batching is not None:
            return await self._batching.complete_all(suite, task, [key.trial for key in keys])
        return {keys[0].trial: await self.model.complete(suite, task, keys[0].trial)}

    def _most(self, keys: Sequence[Key]) -> float:
        """The most that a call for these trials can cost, in US dollars; 0 where nothing is known or it is free."""
        price = self.model.price
        if price is None or self._bounded is None:
            return 0.0
        prompt, answer = self._bounded.most_tokens(self._tasks[keys[0].suite, keys[0].task_id])
        return price.of(prompt, answer * len(keys)) or 0.0

    def _cost(self, answers: Iterable[Completion | Unanswered], unknown: float) -> float:
        """What a call did cost; `unknown` where the server counted no tokens."""
        price = self.model.price
        if price is None:
            return 0.0
        costs = []
        for answer in answers:
            tokens = (
                answer.usage if isinstance(answer, Unanswered) else (answer.prompt_tokens, answer.completion_tokens)
            )
            if tokens is not None:
                costs.append(price.of(*tokens))
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else unknown
