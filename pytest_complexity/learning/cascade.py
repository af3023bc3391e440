"""A cascade, ready to use: asks a cheaper model, checks its answer, and asks on where the answer fails.

cascade = Cascade.load("router", models=["small=openai:MODEL@URL", "gpt4"])
answer = cascade.complete("Write a function double(x).", check=lambda text: "def double" in text)
print(answer.text, answer.model, answer.cost_usd)
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from pytest_complexity.calls.cascade import STOP, Attempt, Plan, SavedPlan
from pytest_complexity.core.intervals import share_interval
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError, PlanError, TargetError
from pytest_complexity.learning.near_duplicates import groups, sketches
from pytest_complexity.learning.training.calibration import Target
from pytest_complexity.models import Busy, Closable, Completion, Model
from pytest_complexity.models.registry import build
from pytest_complexity.models.spec import split_spec
from pytest_complexity.run.pipeline import check_of
from pytest_complexity.run.scheduler import Patience
from pytest_complexity.sandbox import Sandbox
from pytest_complexity.scoring.cascades import Tuning, trials_of
from pytest_complexity.scoring.policies import Bench
from pytest_complexity.scoring.resampling import resampled_means

Check = Callable[[str], object]
_ONE_SIDED = 1.6448536269514722  # of a one-sided 95% bound


@dataclass(frozen=True)
class Asked:
    """One attempt: the model, what it said, whether that passed the check (None: nothing to check by), its cost.

    `cost_usd` in US dollars; None where the model has no price or its server counted no tokens.
    """

    model: str
    text: str
    passed: bool | None
    cost_usd: float | None


def total_cost(attempts: Sequence[Asked]) -> float | None:
    """Of all attempts together, in US dollars; None where one of them is not known."""
    known = [each.cost_usd for each in attempts if each.cost_usd is not None]
    return sum(known) if len(known) == len(attempts) else None


@dataclass(frozen=True)
class Answer:
    """The attempt that is handed in, and all that were made, in order."""

    text: str
    model: str
    passed: bool | None
    attempts: tuple[Asked, ...]

    @property
    def cost_usd(self) -> float | None:
        """Of all attempts together, in US dollars; None where one of them is not known."""
        return total_cost(self.attempts)


@dataclass(frozen=True)
class Cascade:
    """A plan and the models of its ladder. Nothing of it changes once it is made; threads may share it."""

    plan: Plan
    models: tuple[Model, ...]
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def load(cls, path: str | PathLike[str], models: Sequence[str | Model] | None = None) -> Cascade:
        """The cascade of a directory that `pytest-complexity train` wrote.

        `models` are those of its ladder in any order, as `--cx-models` takes them or as objects; without them the
        ladder's names are looked up as `--cx-models` does. Raises `PlanError`, `ModelError`.
        """
        saved = SavedPlan.load(Path(path))
        return cls.of(saved.on(saved.ladder), models or saved.ladder, saved.ladder)

    @classmethod
    def of(cls, plan: Plan | str, models: Sequence[str | Model], ladder: Sequence[str] | None = None) -> Cascade:
        """A cascade by a plan such as `2223`, without a trained directory; `models` cheapest first."""
        given = {split_spec(each)[0] if isinstance(each, str) else each.name: each for each in models}
        names = tuple(ladder or given)
        if missing := [name for name in names if name not in given]:
            raise ModelError(f"the plan's ladder is {', '.join(names)}, and no model {missing[0]!r} is given")
        made = (build(each) if isinstance(each, str) else each for each in map(given.__getitem__, names))
        return cls(Plan.parse(plan, len(names)) if isinstance(plan, str) else plan, tuple(made))

    def complete(self, prompt: str | Task, *, check: Check | None = None, budget: int | None = None) -> Answer:
        """As `acomplete`, from code that is not asynchronous."""

        async def once() -> Answer:
            try:
                return await self.acomplete(prompt, check=check, budget=budget)
            finally:
                for model in self.models:
                    if isinstance(model, Closable):
                        await model.aclose()  # its connections belong to this loop

        return asyncio.run(once())

    async def acomplete(self, prompt: str | Task, *, check: Check | None = None, budget: int | None = None) -> Answer:
        """Asks, checks and stops as the plan says.

        `check` says of an answer whether it passes, by what it returns; it may be asynchronous, and what it raises goes
        to the caller. For a `Task` with `visible_tests` it is by default the sandbox on these. Without anything to
        check by, one answer is asked for. `budget`: the most calls of models after the ladder's first, None: no bound.
        Raises `Unanswered` where a model gives no answer.
        """
        task = prompt if isinstance(prompt, Task) else Task("prompt", prompt)
        if check is None and task.visible_tests:
            with Sandbox() as sandbox:
                return await self._run(task, lambda text: _shown(task, text, sandbox), budget)
        return await self._run(task, check, budget)

    async def _run(self, task: Task, check: Check | None, budget: int | None) -> Answer:
        plan = self.plan if check else self.plan.alone
        asked: list[Asked] = []
        attempts: list[Attempt] = []
        while (place := plan.act(attempts)) != STOP and not _spent(budget, place, attempts):
            model = self.models[place]
            said = await self._ask(model, task, len(attempts))
            passed = await _passes(check, said.text) if check else None
            cost = model.price.of(said.prompt_tokens, said.completion_tokens) if model.price else None
            asked.append(Asked(model.name, said.text, passed, cost))
            attempts.append(Attempt(place, bool(passed)))
        if not asked:
            raise PlanError(f"the plan {plan} cannot begin within a budget of {budget}: allow a call, or begin with 1")
        handed_in = asked[plan.answer(attempts)]
        return Answer(handed_in.text, handed_in.model, handed_in.passed, tuple(asked))

    async def _ask(self, model: Model, task: Task, number: int) -> Completion:
        """One answer, asked for again while the model is busy."""
        tried = 0
        while True:
            try:
                return await model.complete("cascade", task, number)
            except Busy as why:
                tried += 1
                if tried >= self.patience.attempts or (why.after or 0) > self.patience.longest_asked:
                    raise
                await asyncio.sleep(self.patience.wait(tried, why.after))


def _spent(budget: int | None, place: int, attempts: Sequence[Attempt]) -> bool:
    return budget is not None and place > 0 and sum(each.model > 0 for each in attempts) >= budget


async def _passes(check: Check, text: str) -> bool:
    """What the check says; one that blocks does not hold up the loop."""
    if inspect.iscoroutinefunction(check):
        return bool(await check(text))
    said = await asyncio.to_thread(check, text)
    return bool(await said if isinstance(said, Awaitable) else said)


def _shown(task: Task, text: str, sandbox: Sandbox) -> bool:
    """Whether an answer passes what the task's prompt shows."""
    return (
        check_of(
            replace(task, test_list=task.visible_tests, test_source="", visible_tests=()), text, sandbox
        ).verdict.value
        == "pass"
    )


def choose(bench: Bench, outcomes: Sequence[Any], target: Target | None, seed: int = 0) -> SavedPlan | None:
    """The plan to use from now on; None where no prompt shows anything to check by, or for a target on a share.

    Without a target the plan that is right most often at no more cost than the best single model. With one plans are
    found on half of the
    tasks and tested on the other, the safest first, each by a one-sided 95% bound, up to the first that fails: the
    promise is broken in at most 1 of 20 cases. Near-duplicates lie in the same half. Raises `TargetError` where the
    safest plan does not keep it.
    """
    trials = trials_of(bench, outcomes) if bench.cases else None
    if trials is None or (target and target.measure == "share"):
        return None
    tuning = Tuning(bench, trials)
    everything = np.full((1, len(bench.cases)), 1 / len(bench.cases))
    if target is None:
        place = tuning.best(everything)[0]
    else:
        place = _kept(tuning, target, groups(sketches([task.text for task in bench.tasks])), seed)
    return SavedPlan(
        bench.ladder,
        str(tuning.plans[place]),
        float(tuning.solved[:, place].mean()),
        float(tuning.cost[:, place].mean()),
        bench.cost_unit,
        target.text if target else "",
    )


def _kept(tuning: Tuning, target: Target, numbers: Any, seed: int) -> int:
    """The last plan, from the safest on, before the target is not surely kept."""
    names, place = np.unique(numbers, return_inverse=True)
    first = (np.random.default_rng(seed).permutation(len(names)) % 2 == 0)[place.ravel()]
    frontier = tuning.efficient(first)
    solved, cost = tuning.solved[~first], tuning.cost[~first]
    if target.measure == "accuracy":
        order = frontier[::-1]
        bounds = [share_interval(solved[:, each].tolist(), _ONE_SIDED)[0] for each in order]
        kept = [bound >= target.bound for bound in bounds]
        best = float(solved[:, order[0]].mean())
    else:
        order = frontier
        worlds = resampled_means(1000 * cost[:, order], seed)
        bounds = [float(bound) for bound in np.quantile(worlds, 0.95, axis=0)]
        kept = [bound <= target.bound for bound in bounds]
        best = 1000 * float(cost[:, order[0]].mean())
    if not kept[0]:
        side = "at least" if target.measure == "accuracy" else "at most"
        raise TargetError(
            f"target {target.text!r}: no cascade keeps it: the safest has {target.measure} {best:.4g}, {side} "
            f"{bounds[0]:.4g} with 95% confidence, on {len(solved)} tasks; ask for less or measure more tasks"
        )
    return order[next((rank for rank, holds in enumerate(kept) if not holds), len(kept)) - 1]
