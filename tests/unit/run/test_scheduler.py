"""A model's calls: how many at once, when to ask again, when to give up, and that money is never overspent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_complexity.core.outcomes import Key
from pytest_complexity.core.tasks import Task
from pytest_complexity.models import Busy, Completion, Price, Refused, Unanswered
from pytest_complexity.run.scheduler import ModelScheduler, Patience
from pytest_complexity.run.spending import CapReached, SpendingCap

TASKS = {("s", f"T/{n}"): Task(f"T/{n}", "Add one.", ("assert f()",)) for n in range(6)}
KEYS = [Key("s", f"T/{n}", "m", trial) for n in range(6) for trial in range(3)]
FAST = Patience(first=0.001)
Answer = Callable[[Task, int], Any]


class Fake:
    """Answers with what `answer` makes of task and trial; an exception is raised."""

    name = "m"
    definition: Mapping[str, Any] = {}

    def __init__(self, answer: Answer, price: Price | None = None, pause: float = 0.0) -> None:
        self.answer, self.price, self.pause = answer, price, pause
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self.busy = self.most = 0

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        self.asked.append((task.task_id, (trial,)))
        return await self.say(self.answer(task, trial))

    async def say(self, said: Any) -> Any:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.pause)
        self.busy -= 1
        if isinstance(said, Exception):
            raise said
        return said


class Many(Fake):
    """Answers several trials in one call."""

    batch = 3

    async def complete_all(self, suite: str, task: Task, trials: Sequence[int]) -> Any:
        self.asked.append((task.task_id, tuple(trials)))
        return await self.say({trial: said for trial in trials if (said := self.answer(task, trial)) is not None})


class Priced(Fake):
    """Says beforehand what a call can cost."""

    def most_tokens(self, task: Task) -> tuple[int, int]:
        return 100, 100


def drive(
    model: Fake,
    keys: Sequence[Key] = KEYS,
    *,
    concurrency: int = 4,
    spending: SpendingCap | None = None,
    patience: Patience = FAST,
    meanwhile: Callable[[ModelScheduler], Awaitable[None]] | None = None,
) -> dict[Key, Any]:
    """What the scheduler brought for each key."""
    brought: dict[Key, Any] = {}

    async def run() -> None:
        def take(key: Key, answer: Completion | Unanswered) -> None:
            assert key not in brought
            brought[key] = answer

        scheduler = ModelScheduler(
            model, TASKS, take, concurrency=concurrency, spending=spending or SpendingCap(), patience=patience
        )
        scheduler.push(keys)
        if meanwhile:
            await meanwhile(scheduler)
        else:
            while len(brought) < len(keys):
                await asyncio.sleep(0.0005)
        await scheduler.stop(land=False)

    asyncio.run(asyncio.wait_for(run(), 20))
    return brought


def flaky(*whys: Exception) -> Answer:
    """Fails so in turn at first, then answers."""
    left = list(whys)
    return lambda *_: left.pop(0) if left else Completion("x", 10, 10)


def test_calls_begin_in_order_and_no_more_run_at_once_than_allowed() -> None:
    model = Fake(lambda *_: Completion("x"), pause=0.002)
    brought = drive(model, concurrency=4)
    assert [(task_id, trial) for task_id, (trial,) in model.asked] == [key[1::2] for key in KEYS]
    assert model.most == 4
    assert list(brought.values()) == [Completion("x")] * len(KEYS)


def test_a_model_that_can_is_asked_for_all_trials_of_a_task_at_once_whatever_their_order() -> None:
    model = Many(lambda *_: Completion("x"))
    shuffled = sorted(KEYS, key=lambda key: (key.trial, key.task_id))
    assert len(drive(model, shuffled)) == len(KEYS)
    assert model.asked == [(f"T/{n}", (0, 1, 2)) for n in range(6)]


def test_what_a_call_for_many_leaves_out_is_asked_for_one_by_one() -> None:
    seen: set[tuple[str, int]] = set()

    def answer(task: Task, trial: int) -> Any:
        first = (task.task_id, trial) not in seen
        seen.add((task.task_id, trial))
        return None if first and trial else Completion(f"{task.task_id} {trial}")

    model = Many(answer)
    brought = drive(model)
    assert {key: said.text for key, said in brought.items()} == {key: f"{key.task_id} {key.trial}" for key in KEYS}
    assert sorted(asked for asked in model.asked if len(asked[1]) == 1) == [
        (f"T/{n}", (trial,)) for n in range(6) for trial in (1, 2)
    ]


def test_a_busy_model_is_asked_again_and_a_call_is_given_up_after_so_many_attempts() -> None:
    model = Fake(flaky(Busy("500"), Busy("500"), Busy("500")))
    assert drive(model, KEYS[:1])[KEYS[0]].text == "x"
    model = Fake(lambda *_: Busy("500"))
    assert str(drive(model, KEYS[:1])[KEYS[0]]) == "500"
    assert len(model.asked) == FAST.attempts


def test_nothing_is_asked_while_the_server_wants_to_be_left_alone() -> None:
    times: list[float] = []

    def answer(*_: Any) -> Any:
        times.append(time.monotonic())
        return Busy("429", after=0.2, limited=True) if len(times) == 1 else Completion("x")

    drive(Fake(answer), concurrency=2)
    assert sorted(times)[2] - times[0] >= 0.2  # the second was on its way already


def test_a_rate_limit_uses_up_nobodys_attempts_while_others_are_answered() -> None:
    """A server that answers every fifth request only."""
    count = iter(range(10**6))
    answer: Answer = lambda *_: Completion("x") if next(count) % 5 == 0 else Busy("429", after=0.001, limited=True)  # noqa: E731
    brought = drive(Fake(answer, pause=0.001), concurrency=12)
    assert all(isinstance(each, Completion) for each in brought.values())


def test_a_server_that_is_down_for_good_is_given_up_after_a_few_calls() -> None:
    model = Fake(lambda *_: Busy("connection refused"))
    brought = drive(model, concurrency=1)
    assert {str(each) for each in brought.values()} == {"connection refused"}
    assert len(model.asked) == FAST.attempts * FAST.calls_in_vain


def test_a_task_at_which_the_server_always_breaks_does_not_cost_the_others() -> None:
    model = Fake(lambda task, _: Busy("500") if task.task_id == "T/1" else Completion("x"))
    brought = drive(model, concurrency=2)
    assert {key.task_id for key, each in brought.items() if isinstance(each, Unanswered)} == {"T/1"}


@pytest.mark.parametrize("why", [Refused("401"), Busy("429", after=3600.0)])
def test_a_model_that_refuses_is_asked_no_more(why: Unanswered) -> None:
    model = Fake(lambda *_: why)
    brought = drive(model, concurrency=1)
    assert len(model.asked) == 1
    assert all(str(each).startswith(str(why)) for each in brought.values())


def test_an_adapters_defect_ends_its_trial_alone() -> None:
    model = Fake(lambda task, _: ValueError("a defect") if task.task_id == "T/2" else Completion("x"))
    brought = drive(model)
    assert {key.task_id for key, each in brought.items() if str(each) == "ValueError: a defect"} == {"T/2"}


def test_landing_waits_for_what_was_asked_and_for_nothing_else() -> None:
    model = Fake(lambda *_: Completion("x"), pause=0.05)

    async def land(scheduler: ModelScheduler) -> None:
        while model.busy < 4:
            await asyncio.sleep(0)
        await scheduler.stop(land=True)

    assert list(drive(model, meanwhile=land)) == KEYS[:4]
    assert len(model.asked) == 4


@pytest.mark.timeout(120)  # a backstop: the server asks for 500 seconds
def test_stopping_does_not_wait_as_long_as_a_server_asks() -> None:
    model = Fake(lambda *_: Busy("429", after=500.0))

    async def stop(scheduler: ModelScheduler) -> None:
        while not scheduler.traffic.waits:
            await asyncio.sleep(0)
        await scheduler.stop(land=True)

    assert drive(model, meanwhile=stop) == {}


def test_a_trial_can_be_withdrawn_until_its_call_begins() -> None:
    model = Fake(lambda *_: Completion("x"), pause=0.01)

    async def withdraw(scheduler: ModelScheduler) -> None:
        assert scheduler.withdraw(KEYS[-1])
        assert not scheduler.withdraw(KEYS[0])
        while scheduler.traffic.done < scheduler.traffic.wanted:
            await asyncio.sleep(0.001)

    assert list(drive(model, meanwhile=withdraw)) == KEYS[:-1]


# -- money ------------------------------------------------------------------------------------------------------------

PRICE = Price(10_000, 10_000)  # 100 tokens are a dollar


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 30), st.integers(1, 8), st.lists(st.integers(0, 100), min_size=18, max_size=18))
def test_the_cap_holds_whatever_calls_cost_and_nothing_is_left_that_was_affordable(
    cap: float, concurrency: int, tokens: list[int]
) -> None:
    costs = dict(zip(KEYS, tokens, strict=True))
    model = Priced(lambda task, trial: Completion("x", 100, costs["s", task.task_id, "m", trial]), PRICE)
    spending = SpendingCap(cap)
    brought = drive(model, spending=spending, concurrency=concurrency)
    paid = sum(1 + costs[key] / 100 for key, each in brought.items() if isinstance(each, Completion))
    assert spending.spent == pytest.approx(paid)
    assert paid <= cap + 1e-9
    stopped = [each for each in brought.values() if isinstance(each, CapReached)]
    assert len(stopped) == len(KEYS) - sum(isinstance(each, Completion) for each in brought.values())
    if stopped:
        assert spending.spent + 2.0 > cap  # a call can cost two dollars
        assert str(stopped[0]).startswith(f"--cx-max-cost={cap:g}: $")


@pytest.mark.parametrize(
    ("why", "spent"),
    [
        (Busy("cut off", billed=True), 2.0),
        (Busy("429"), 0.0),
        (Unanswered("withheld", usage=(50, 25)), 0.75),
        (Unanswered("400"), 0.0),
        (ValueError("a defect after the call, perhaps"), 2.0),
    ],
)
def test_what_may_have_been_billed_counts_as_spent(why: Exception, spent: float) -> None:
    spending = SpendingCap(100.0)
    drive(Priced(flaky(why), PRICE), KEYS[:1], spending=spending)
    after = 0.2 if isinstance(why, Busy) else 0.0  # then it was asked again
    assert spending.spent == pytest.approx(spent + after)


def test_an_answer_without_a_count_of_tokens_costs_the_most_that_it_can() -> None:
    spending = SpendingCap(100.0)
    drive(Priced(lambda *_: Completion("x"), PRICE), KEYS[:3], spending=spending)
    assert spending.spent == pytest.approx(6.0)


def test_a_refusal_to_answer_several_at_once_costs_nothing() -> None:
    class Refuses(Priced, Many):
        async def complete_all(self, suite: str, task: Task, trials: Sequence[int]) -> Any:
            return {}

    spending = SpendingCap(100.0)
    brought = drive(Refuses(lambda *_: Completion("x", 10, 10), PRICE), spending=spending)
    assert all(isinstance(each, Completion) for each in brought.values())
    assert spending.spent == pytest.approx(len(KEYS) * 0.2)


def test_what_earlier_sessions_spent_counts() -> None:
    brought = drive(
        Priced(lambda *_: Completion("x", 100, 100), PRICE), spending=SpendingCap(10.0, spent=7.0), concurrency=1
    )
    assert sum(isinstance(each, Completion) for each in brought.values()) == 1


def test_a_free_model_goes_on_when_the_money_is_spent() -> None:
    brought = drive(Priced(lambda *_: Completion("x", 100, 100), Price(0, 0)), spending=SpendingCap(1.0, spent=1.5))
    assert all(isinstance(each, Completion) for each in brought.values())
