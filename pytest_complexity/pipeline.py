"""Keeps models and sandbox busy ahead of whoever asks; items only collect. Knows neither pytest nor labels.

A thread runs the models' calls on an event loop, in the order of the plan, up to `concurrency` at once for each model;
as each completion comes it is written down, then verified by a pool of threads that each drive one sandbox process.
The outcome of a trial depends on its completion alone, so timing changes nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pytest_complexity.errors import ComplexityError
from pytest_complexity.extraction import extract_code
from pytest_complexity.models import Closable, Completion, Model, Unanswered
from pytest_complexity.outcomes import Key, Outcome, Verdict
from pytest_complexity.rundir import RunDirectory
from pytest_complexity.sandbox import Check, Program, Sandbox
from pytest_complexity.tasks import Task


class Pipeline:
    """From trials to outcomes. `start` once with the plan, `completion` and `outcome` from any thread, then `close`."""

    def __init__(
        self,
        models: Mapping[str, Model],
        sandbox: Sandbox,
        run: RunDirectory,
        *,
        verifiers: int = 2,
        concurrency: int = 16,
    ) -> None:
        self._models = models
        self._sandbox = sandbox
        self._run = run
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(verifiers, thread_name_prefix="complexity-verify")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="complexity-calls", daemon=True)
        self._tasks: dict[tuple[str, str], Task] = {}
        self._completions: dict[Key, Future[Completion]] = {}
        self._outcomes: dict[Key, Future[Outcome]] = {}
        self._closed = False
        self._halted = False

    def start(self, tasks: Mapping[tuple[str, str], Task], plan: Iterable[Key]) -> None:
        """Begins to work ahead; `tasks` by (suite, task id)."""
        self._tasks.update(tasks)
        keys = list(plan)
        for key in keys:
            self._completions[key], self._outcomes[key] = Future(), Future()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._generate(keys), self._loop)

    def completion(self, key: Key) -> Future[Completion]:
        """What the model said; the future raises `Unanswered` where it said nothing."""
        return self._completions[key]

    def outcome(self, key: Key) -> Future[Outcome]:
        """The outcome of the verification."""
        return self._outcomes[key]

    def halt(self) -> None:
        """Begins no further call; items that wait for one are told that the session was stopped. Waits for nothing."""
        if self._thread.is_alive() and not self._halted:
            self._halted = True
            asyncio.run_coroutine_threadsafe(self._cancel(), self._loop)

    def close(self) -> None:
        """Drops what has not begun, waits for the verifications that have."""
        if self._closed:
            return
        self._closed = True
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._loop.close()
        self._drop()

    async def _cancel(self) -> None:
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._drop()

    def _drop(self) -> None:
        futures: list[Future[Any]] = [*self._completions.values(), *self._outcomes.values()]
        for future in futures:
            future.cancel()

    async def _generate(self, keys: list[Key]) -> None:
        unknown: dict[str, list[Key]] = {name: [] for name in self._models}
        for key in keys:
            known = self._run.completions.get(key)
            if known is None:
                unknown[key.model].append(key)
            else:
                self._arrived(key, known)
        # Each model at its own rate: a slow one does not hold the others back.
        await asyncio.gather(*(self._ask(keys_of_one) for keys_of_one in unknown.values()))
        for model in self._models.values():
            if isinstance(model, Closable):
                await model.aclose()

    async def _ask(self, keys: list[Key]) -> None:
        gate = asyncio.Semaphore(self._concurrency)
        waiting: set[asyncio.Task[None]] = set()
        for key in keys:
            # Acquired here and not in the task, so that calls begin in the plan's order.
            await gate.acquire()
            task = asyncio.create_task(self._call(key, gate))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)

    async def _call(self, key: Key, gate: asyncio.Semaphore) -> None:
        try:
            completion = await self._models[key.model].complete(key.suite, self._task(key), key.trial)
            self._run.add_completion(key, completion)
        except Unanswered as why:
            self._unanswered(key, why)
        except Exception as why:  # an adapter's defect or a full disk must not leave an item waiting for ever
            self._unanswered(key, Unanswered(f"{type(why).__name__}: {why}"))
        else:
            self._arrived(key, completion)
        finally:
            gate.release()

    def _unanswered(self, key: Key, why: Unanswered) -> None:
        self._completions[key].set_exception(why)
        self._outcomes[key].set_result(unmeasured(key, str(why)))

    def _arrived(self, key: Key, completion: Completion) -> None:
        self._completions[key].set_result(completion)
        known = self._run.outcomes.get(key)
        if known is not None and known.verdict.measured:
            self._outcomes[key].set_result(known)
        elif self._task(key).test_list:
            self._pool.submit(self._verify, key, completion)
        else:
            self._outcomes[key].set_result(unmeasured(key, "the task has no assertion: check it with trial.record"))

    def _verify(self, key: Key, completion: Completion) -> None:
        try:
            check = self._check(self._task(key), completion.text)
        except ComplexityError as why:
            outcome = unmeasured(key, str(why))
        except Exception as why:  # as above: the harness failed, which says nothing about the answer
            outcome = unmeasured(key, f"{type(why).__name__}: {why}")
        else:
            outcome = replace(
                self.blank(key, completion),
                verdict=check.verdict,
                detail=check.detail,
                visible=check.visible,
                borderline=check.borderline,
                seconds=round(check.seconds, 4),
            )
        self._outcomes[key].set_result(outcome)

    def _check(self, task: Task, completion: str) -> Check:
        code = extract_code(completion)
        if code is None:
            visible = False if task.visible_tests else None
            return Check(Verdict.NO_CODE, "", visible=visible, borderline=False, seconds=0.0)
        return self._sandbox.check(program_of(task, code))

    def blank(self, key: Key, completion: Completion) -> Outcome:
        """The outcome of a trial that was answered and not yet judged: its tokens and its cost."""
        price = self._models[key.model].price
        return Outcome(
            *key,
            verdict=Verdict.UNMEASURED,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost_usd=price.of(completion.prompt_tokens, completion.completion_tokens) if price else None,
        )

    def _task(self, key: Key) -> Task:
        return self._tasks[key.suite, key.task_id]


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
        packages=task.packages,
        reference=task.code,
    )
