"""Verifies samples: as many at once as there are processors, in bounded memory, and never twice."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pytest_complexity.core.outcomes import Key, Outcome, Verdict
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ComplexityError, RunDirectoryError
from pytest_complexity.models import Completion
from pytest_complexity.run.directory import RunDirectory
from pytest_complexity.run.pipeline import Verifier, unmeasured, verdicts_of
from pytest_complexity.verify.samples import Sample

AHEAD = 4  #: samples that wait for each worker

_Trial = tuple[str, str, int]  #: task id, model and number


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one sample; `base`: of the suite's base tests alone, None where it has none."""

    verdict: Verdict
    base: Verdict | None = None
    detail: str = ""


@dataclass
class Tally:
    """The results by trial, for tables and files. Filled by the thread that verifies."""

    results: dict[_Trial, Result] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    known: int = 0  #: results that an earlier session wrote

    def add(self, outcome: Outcome) -> None:
        """Takes an outcome."""
        self.results[_trial(outcome.key)] = Result(outcome.verdict, outcome.base, outcome.detail)

    def passes(self, model: str, *, base: bool = False) -> list[tuple[int, int]]:
        """(successes, trials) of each task, measured ones alone: of all tests, or of the base tests."""
        counts: Mapping[str, Counter[bool]] = defaultdict(Counter)
        for (task_id, name, _), result in self.results.items():
            if name == model and result.verdict.measured:
                counts[task_id][(result.base if base else result.verdict) is Verdict.PASS] += 1
        return [(count[True], count.total()) for count in counts.values()]

    @property
    def unmeasured(self) -> int:
        """Samples of which the harness could say nothing."""
        return sum(not result.verdict.measured for result in self.results.values())


def verify(
    samples: Iterable[Sample],
    tasks: Mapping[str, Task],
    suite: str,
    sandbox: Verifier,
    directory: RunDirectory,
    *,
    workers: int,
    progress: Callable[[Tally], object] = bool,
) -> Tally:
    """Verifies what the run directory does not hold yet; `progress` hears after each sample.

    Raises `RunDirectoryError` where the directory holds another text for a trial.
    """
    tally = Tally()
    written = _known(directory, suite, tally)
    places, writing, failed = threading.Semaphore(AHEAD * workers), threading.Lock(), list[Exception]()

    def work(key: Key, sample: Sample) -> None:
        try:
            outcome = _outcome(key, sample, tasks[sample.task_id], sandbox)
            with writing:
                directory.add_outcome(outcome)
                tally.add(outcome)
                progress(tally)
        except Exception as why:  # such as a full disk; the thread that reads hears of it
            failed.append(why)
        finally:
            places.release()

    with ThreadPoolExecutor(workers, thread_name_prefix="complexity-verify") as pool:
        try:
            for sample in samples:
                key = Key(suite, sample.task_id, sample.model, sample.trial)
                trial, digest = key[1:], _digest(sample.text)
                if written.get(trial, digest) != digest:
                    raise RunDirectoryError(f"{directory.path}: holds another text for {key}. Name another -o")
                if trial in tally.results:
                    continue
                if trial not in written:
                    directory.add_completion(key, Completion(sample.text, *sample.usage))
                places.acquire()
                if failed:
                    break
                pool.submit(work, key, sample)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise failed[0]
    return tally


def _known(directory: RunDirectory, suite: str, tally: Tally) -> dict[_Trial, int]:
    """The digest of each text that the directory holds for the suite; its results go to the tally."""
    written = {_trial(key): _digest(said.text) for key, said in directory.stored_completions() if key.suite == suite}
    for outcome in directory.stored_outcomes():
        if outcome.suite == suite and _trial(outcome.key) in written:
            tally.add(outcome)
    tally.results = {trial: result for trial, result in tally.results.items() if result.verdict.measured}
    tally.known = len(tally.results)
    return written


def _trial(key: Key) -> _Trial:
    """Without its suite; names are one string each, however many lines have them."""
    return sys.intern(key.task_id), sys.intern(key.model), key.trial


def _outcome(key: Key, sample: Sample, task: Task, sandbox: Verifier) -> Outcome:
    """The outcome of a sample, as a run under pytest has it; a whole program runs as it is, without the prompt."""
    try:
        if sample.program:
            task = replace(task, prompt_code="")
        check, base = verdicts_of(task, sample.text, sandbox, whole=sample.program)
    except ComplexityError as why:
        return unmeasured(key, str(why))
    return Outcome(
        *key,
        verdict=check.verdict,
        detail=check.detail,
        visible=check.visible,
        borderline=check.borderline,
        seconds=round(check.seconds, 4),
        prompt_tokens=sample.usage[0],
        completion_tokens=sample.usage[1],
        base=base,
        uncontrolled=check.uncontrolled,
    )


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
