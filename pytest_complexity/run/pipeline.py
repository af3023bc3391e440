"""Keeps models and sandbox busy ahead of whoever asks; items only collect. Knows neither pytest nor labels.

A thread runs the models' calls on an event loop, one scheduler for each model; as each completion comes it is written
down, then verified by a pool of threads that each drive one sandbox process. The outcome of a trial depends on its
completion alone, so timing changes nothing. Which calls to make is a policy's to say (`CallPolicy`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from pytest_complexity.calls import AllCalls, CallPolicy, Step
from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError
from pytest_complexity.models import Closable, Completion, Model, Unanswered
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.extraction import extract_code
from pytest_complexity.run.scheduler import ModelScheduler, Patience, Traffic
from pytest_complexity.run.spending import SpendingCap
from pytest_complexity.sandbox import Check, Program


class Skipped(Exception):
    """The trial was not called for, and its text tells why: nothing is written of it, and that is not an error."""


class Verifier(Protocol):
    """A `Sandbox`, or what verifies like one."""

    def check(self, program: Program) -> Check:
        """The verdict on one program; blocks. Raises `SandboxError`."""


class Pipeline:
    """From trials to outcomes. `start` once with the plan, `completion` and `outcome` from any thread, then `close`."""

    def __init__(
        self,
        models: Mapping[str, Model],
        sandbox: Verifier,
        run: RunDirectory,
        *,
        verifiers: int = 2,
        concurrency: int = 16,
        spending: SpendingCap | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._run = run
        self._pool = ThreadPoolExecutor(verifiers, thread_name_prefix="complexity-verify")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="complexity-calls", daemon=True)
        self._tasks: dict[tuple[str, str], Task] = {}
        shared = spending or SpendingCap()
        self._schedulers = {
            name: ModelScheduler(
                model,
                self._tasks,
                self._answered,
                concurrency=concurrency,
                spending=shared,
                patience=patience or Patience(),
            )
            for name, model in models.items()
        }
        self._calls: CallPolicy = AllCalls(())
        self._completions: dict[Key, Future[Completion]] = {}
        self._outcomes: dict[Key, Future[Outcome]] = {}
        self._idle: dict[Key, None] = {}  # neither called nor skipped yet, in the plan's order
        self._verifying: dict[Key, Future[None]] = {}
        self._open = 0  # called and without an outcome yet
        self._closed = False
        self._halted = False

    def start(
        self, tasks: Mapping[tuple[str, str], Task], plan: Iterable[Key], calls: CallPolicy | None = None
    ) -> None:
        """Begins to work ahead; `tasks` by (suite, task id). Without a policy every trial of the plan is called."""
        self._tasks.update(tasks)
        self._idle = dict.fromkeys(plan)
        self._calls = calls or AllCalls(tuple(self._idle))
        for key in self._idle:
            self._completions[key], self._outcomes[key] = Future(), Future()
        self._thread.start()
        self._loop.call_soon_threadsafe(self._follow, None)

    def completion(self, key: Key) -> Future[Completion]:
        """What the model said; the future raises `Unanswered` where it said nothing, `Skipped` where nobody asked."""
        return self._completions[key]

    def outcome(self, key: Key) -> Future[Outcome]:
        """The outcome of the verification; the future raises `Skipped` where nobody asked."""
        return self._outcomes[key]

    def claim(self, key: Key) -> bool:
        """Leaves the verification to the caller, who hands the check to `accept`; False once it has begun."""
        work = self._verifying.pop(key, None)  # nobody else can claim it
        return work is not None and work.cancel()

    def accept(self, key: Key, check: Check, base: Verdict | None = None) -> None:
        """Takes what a sandbox said of a trial, and of its base tests."""
        completion = self._completions[key].result()
        outcome = replace(
            self.blank(key, completion),
            verdict=check.verdict,
            detail=check.detail,
            visible=check.visible,
            borderline=check.borderline,
            seconds=round(check.seconds, 4),
            base=base,
            uncontrolled=check.uncontrolled,
        )
        self._settled(outcome)

    def disclaim(self, key: Key) -> None:
        """Verifies here what somebody claimed and did not verify."""
        if not self._outcomes[key].done() and not self._halted:
            completion = self._completions[key].result()
            self._verifying[key] = self._pool.submit(self._verify, key, completion)

    def traffic(self) -> list[Traffic]:
        """What each model is doing now."""
        return [scheduler.traffic for scheduler in self._schedulers.values()]

    def halt(self) -> None:
        """Begins no further call; items that wait are told that the session was stopped. Waits for nothing.

        What was asked may still be answered, and is written then: it was paid for.
        """
        if self._thread.is_alive() and not self._halted:
            self._halted = True
            asyncio.run_coroutine_threadsafe(self._stop(land=True), self._loop)

    def land(self) -> None:
        """Begins no further call and waits until those in flight are answered and written."""
        self._halted = True
        if self._thread.is_alive() and not self._closed:
            asyncio.run_coroutine_threadsafe(self._stop(land=True), self._loop).result()

    def close(self) -> None:
        """Drops what is not done, waits for the verifications that have begun."""
        if self._closed:
            return
        self._closed = self._halted = True
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._loop.close()
        self._drop()

    async def _stop(self, *, land: bool) -> None:
        self._drop()
        await asyncio.gather(*(scheduler.stop(land=land) for scheduler in self._schedulers.values()))

    async def _end(self) -> None:
        await self._stop(land=False)
        for scheduler in self._schedulers.values():
            if isinstance(scheduler.model, Closable):
                await scheduler.model.aclose()

    def _drop(self) -> None:
        futures: list[Future[Any]] = [*self._completions.values(), *self._outcomes.values()]
        for future in futures:
            future.cancel()

    # -- on the loop's thread -----------------------------------------------------------------------------------

    def _follow(self, outcome: Outcome | None) -> None:
        """Does what the policy says, at the start and after each outcome."""
        if self._halted:
            return
        if outcome is not None:
            self._open -= 1
        try:
            step = Step(tuple(self._calls.first())) if outcome is None else self._calls.after(outcome)
            self._call(step.call)
            for key, why in step.skip.items():
                self._skip(key, Skipped(why))
        except Exception as why:  # a policy's defect must not leave an item waiting for ever
            for key in list(self._idle):
                del self._idle[key]
                self._open += 1
                self._answered(key, Unanswered(f"the call policy failed: {type(why).__name__}: {why}"))
        if not self._open:
            for key in list(self._idle):
                self._skip(key, Skipped("not called for"))

    def _call(self, keys: Iterable[Key]) -> None:
        wanted: dict[str, list[Key]] = defaultdict(list)
        arrived = []
        keys = list(keys)
        if strange := [key for key in keys if key not in self._outcomes]:
            raise ValueError(f"{strange[0]} is not in the plan")
        for key in keys:
            if key in self._idle:
                del self._idle[key]
                self._open += 1
                known = self._run.completions.get(key)
                if known is None:
                    wanted[key.model].append(key)
                else:
                    arrived.append((key, known))
        for key, known in arrived:
            self._arrived(key, known)
        for name, keys_of_one in wanted.items():
            self._schedulers[name].push(keys_of_one)

    def _skip(self, key: Key, why: Skipped) -> None:
        if key in self._idle:
            del self._idle[key]
        elif key in self._outcomes and self._schedulers[key.model].withdraw(key):
            self._open -= 1
        else:
            return
        _settle(self._completions[key], why)
        _settle(self._outcomes[key], why)

    def _answered(self, key: Key, answer: Completion | Unanswered) -> None:
        """Takes what a scheduler brings."""
        if isinstance(answer, Completion):
            try:
                self._run.add_completion(key, answer)
            except Exception as why:  # a full disk: as if it had not been said
                answer = Unanswered(f"{type(why).__name__}: {why}")
        elif not isinstance(answer, Unanswered):
            answer = Unanswered(f"the model gave {type(answer).__name__}, no Completion")
        if isinstance(answer, Completion):
            self._arrived(key, answer)
        else:
            lost = self.blank(key, Completion("", *answer.usage)) if answer.usage else unmeasured(key, "")
            self._settled(replace(lost, detail=unmeasured(key, str(answer)).detail))
            _settle(self._completions[key], answer)  # after the outcome: who hears of this one writes that one

    def _arrived(self, key: Key, completion: Completion) -> None:
        known = self._run.outcomes.get(key)
        if known is not None and known.verdict.measured:
            self._settled(known)
        elif not (self._task(key).test_list or self._task(key).test_source):
            self._settled(unmeasured(key, "the task has no assertion: check it with trial.record"))
        elif not self._halted:
            self._verifying[key] = self._pool.submit(self._verify, key, completion)
        _settle(self._completions[key], completion)  # at last: from now on the verification may be claimed

    def _settled(self, outcome: Outcome) -> None:
        """Hands out an outcome, and lets the policy follow; from any thread."""
        _settle(self._outcomes[outcome.key], outcome)
        if not self._closed:
            self._loop.call_soon_threadsafe(self._follow, outcome)

    # -- on a verifier's thread ---------------------------------------------------------------------------------

    def _verify(self, key: Key, completion: Completion) -> None:
        try:
            check, base = verdicts_of(self._task(key), completion.text, self._sandbox)
        except ComplexityError as why:
            self._settled(unmeasured(key, str(why)))
        except Exception as why:  # as above: the harness failed, which says nothing about the answer
            self._settled(unmeasured(key, f"{type(why).__name__}: {why}"))
        else:
            self.accept(key, check, base)

    def blank(self, key: Key, completion: Completion) -> Outcome:
        """The outcome of a trial that was answered and has no verdict yet: its tokens and its cost."""
        price = self._schedulers[key.model].model.price
        return Outcome(
            *key,
            verdict=Verdict.UNMEASURED,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost_usd=price.of(completion.prompt_tokens, completion.completion_tokens) if price else None,
        )

    def _task(self, key: Key) -> Task:
        return self._tasks[key.suite, key.task_id]


def check_of(task: Task, completion: str, sandbox: Verifier, *, whole: bool = False) -> Check:
    """What the sandbox says of a completion; `whole`: it is a program that runs as it is.

    Raises `SandboxError` where the harness fails.
    """
    code = completion if whole else extract_code(completion)
    if code is None:
        visible = False if task.visible_tests else None
        return Check(Verdict.NO_CODE, "", visible=visible, borderline=False, seconds=0.0)
    return sandbox.check(program_of(task, code))


def verdicts_of(task: Task, completion: str, sandbox: Verifier, *, whole: bool = False) -> tuple[Check, Verdict | None]:
    """What the sandbox says of a completion, and of the task's base tests alone; None where it has none.

    The base tests come first, by themselves: who fails them fails all. Raises `SandboxError` as above.
    """
    if not task.base_tests:
        return check_of(task, completion, sandbox, whole=whole), None
    first = replace(task, test_list=task.base_tests, test_source="")
    base = check_of(first, completion, sandbox, whole=whole)
    if base.verdict is not Verdict.PASS:
        return base, base.verdict
    check = check_of(replace(task, visible_tests=()), completion, sandbox, whole=whole)
    return replace(check, visible=base.visible), base.verdict


def _settle(future: Future[Any], said: object) -> None:
    with contextlib.suppress(InvalidStateError):  # it was dropped meanwhile
        if isinstance(said, BaseException):
            future.set_exception(said)
        else:
            future.set_result(said)


def unmeasured(key: Key, detail: str) -> Outcome:
    """The outcome of a trial about which nothing can be said."""
    return Outcome(*key, verdict=Verdict.UNMEASURED, detail=" ".join(detail.split())[:200])


def program_of(task: Task, code: str) -> Program:
    """What the sandbox runs for a completion's code."""
    return Program(
        code=code,
        tests=task.test_list,
        test_imports=task.test_imports,
        prompt_code=task.prompt_code,
        test_setup_code=task.test_setup_code,
        entry_point=task.entry_point,
        visible_tests=task.visible_tests,
        packages=(*task.packages, "pytest") if task.test_source else task.packages,
        test_source=task.test_source,
        reference=task.code,
    )
