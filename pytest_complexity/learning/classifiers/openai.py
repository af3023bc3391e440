"""A fine-tuning job at OpenAI, or at a server that speaks its protocol, and then the tuned model: as the paper did.

Key and address are the environment's own (OPENAI_API_KEY, OPENAI_BASE_URL), never a trained directory's: a stranger's
directory cannot have them sent anywhere. PYTEST_COMPLEXITY_OPENAI_BASE names another model to tune.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from pytest_complexity.core.arrays import Floats
from pytest_complexity.errors import TrainedError, TrainingError
from pytest_complexity.learning.classifiers.base import Arrays, Counts, TextClassifier, array_of
from pytest_complexity.learning.classifiers.bylevel import ByLevel
from pytest_complexity.learning.classifiers.linear import level_loss, stretch

BASE = "gpt-4o-mini-2024-07-18"
POLL = 10.0  #: seconds between two looks at a job
HELD = 0.15  #: of the tasks, to fit the temperature
_MARK = "pytest_complexity"  # names the training in the job's metadata
_SYSTEM = "You rate the complexity of programming tasks on a scale of 1 to {levels}. Answer with the number alone."
_ALIVE = ("validating_files", "queued", "running", "paused", "succeeded")
_UNSEEN = -20.0  # log-probability of a level that is not among the likeliest answers
_LOG = logging.getLogger(__name__)


class OpenaiClassifier(TextClassifier):
    """A tuned chat model that answers with the level; its log-probabilities are the chances."""

    def _learn(self, texts: list[str], levels: NDArray[np.int64], counts: Counts) -> None:
        self.by_level_ = ByLevel.learned(levels, self.classes_, counts)
        order = np.random.default_rng(self.seed).permutation(np.flatnonzero(levels > 0))
        held = order[: round(HELD * len(order))]
        lines = [self._line(texts[at], int(levels[at])) for at in order[len(held) :]]
        self.base_ = os.environ.get("PYTEST_COMPLEXITY_OPENAI_BASE") or BASE
        self.tuned_ = _asked(lambda client: self._tuned(client, "".join(lines).encode("utf-8", "replace")))
        self.temperature_ = np.array(1.0)
        if len(held):
            scores = self._scores([texts[at] for at in held])
            columns = np.searchsorted(self.classes_, levels[held])
            self.temperature_ = np.array(1 / stretch(scores, columns, level_loss))

    def _messages(self, text: str) -> list[dict[str, str]]:
        system = _SYSTEM.format(levels=self.classes_.max())
        return [{"role": "system", "content": system}, {"role": "user", "content": text}]

    def _line(self, text: str, level: int) -> str:
        return json.dumps({"messages": [*self._messages(text), {"role": "assistant", "content": str(level)}]}) + "\n"

    def _tuned(self, client: Any, data: bytes) -> str:
        """The tuned model's name: of a job that an interrupted training began, or of a new one."""
        digest = hashlib.sha256(f"{self.base_}\n{self.seed}\n".encode() + data).hexdigest()
        job = next((each for each in client.fine_tuning.jobs.list(limit=100) if _is(each, digest)), None)
        if job is None:
            file = client.files.create(file=("train.jsonl", data), purpose="fine-tune")
            job = client.fine_tuning.jobs.create(
                training_file=file.id, model=self.base_, seed=self.seed, metadata={_MARK: digest}
            )
            _LOG.info("openai: job %s created for %s", job.id, self.base_)
        else:
            _LOG.info("openai: job %s of an earlier training goes on (%s)", job.id, job.status)
        while job.status not in ("succeeded", "failed", "cancelled"):
            time.sleep(POLL)
            job = client.fine_tuning.jobs.retrieve(job.id)
            _LOG.info("openai: job %s is %s, %s tokens trained", job.id, job.status, job.trained_tokens or 0)
        if job.status != "succeeded" or not job.fine_tuned_model:
            why = getattr(job.error, "message", None) or "no reason given"
            raise TrainingError(f"the fine-tuning job {job.id} is {job.status}: {why}; train again to begin another")
        return str(job.fine_tuned_model)

    def _scores(self, texts: list[str]) -> Floats:
        """Log-probabilities of the levels: a row a prompt."""

        def score(client: Any, text: str) -> list[float]:
            answer = client.chat.completions.create(
                model=self.tuned_, messages=self._messages(text), max_tokens=1, logprobs=True, top_logprobs=20
            )
            content = answer.choices[0].logprobs.content if answer.choices[0].logprobs else None
            if not content:
                raise TrainingError(f"{self.tuned_} gives no log-probabilities: ask a server that does")
            found = {each.token.strip(): each.logprob for each in reversed(content[0].top_logprobs)}
            return [max(found.get(str(level), _UNSEEN), _UNSEEN) for level in self.classes_]

        return np.array(_each(score, texts)).reshape(-1, len(self.classes_))

    def _predict(self, texts: list[str]) -> tuple[Floats, Floats]:
        levels = softmax(self._scores(texts) / self.temperature_, axis=1)
        return levels, self.by_level_.chances(levels)

    def sample(self, texts: Sequence[str], times: int) -> NDArray[np.int64]:
        """The tuned model's answers at temperature 1; 0 where one is no level."""
        return self._answers(self.tuned_, texts, times)

    def untrained(self, texts: Sequence[str], times: int) -> NDArray[np.int64]:
        """The same of the model that was tuned."""
        return self._answers(self.base_, texts, times)

    def _answers(self, model: str, texts: Sequence[str], times: int) -> NDArray[np.int64]:
        def answer(client: Any, text: str) -> list[int]:
            answer = client.chat.completions.create(
                model=model, messages=self._messages(text), max_tokens=1, temperature=1, n=times
            )
            return [self._level(choice.message.content) for choice in answer.choices]

        return np.array(_each(answer, texts), dtype=np.int64).reshape(-1, times)

    def _level(self, answer: str | None) -> int:
        text = (answer or "").strip()
        return int(text) if text in {str(level) for level in range(1, int(self.classes_.max()) + 1)} else 0

    def _state(self) -> dict[str, NDArray[Any]]:
        names = {"tuned": self.tuned_, "base": self.base_}
        raw = {name: np.frombuffer(value.encode(), dtype=np.uint8) for name, value in names.items()}
        return {**raw, **self.by_level_.state(), "temperature": self.temperature_}

    def _restore(self, arrays: Arrays) -> None:
        self.by_level_ = ByLevel.restored(arrays, len(self.classes_), self.models_)
        self.temperature_ = array_of(arrays, "temperature", "f", 0)
        self.tuned_, self.base_ = _name(arrays, "tuned"), _name(arrays, "base")


def _is(job: Any, digest: str) -> bool:
    return job.status in _ALIVE and (job.metadata or {}).get(_MARK) == digest


def _name(arrays: Arrays, name: str) -> str:
    try:
        text = array_of(arrays, name, "u", 1).astype(np.uint8).tobytes().decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or len(text) > 200:
        raise TrainedError(f"array {name!r} is no model's name")
    return text


def _client() -> Any:
    from openai import OpenAI  # noqa: PLC0415  (half a second that no other classifier needs)

    if not os.environ.get("OPENAI_API_KEY"):
        raise TrainingError("the classifier 'openai' needs a key in OPENAI_API_KEY")
    return OpenAI(max_retries=5)


def _asked(work: Any) -> Any:
    """What `work` makes of a client. Raises `TrainingError` for whatever the server or the way there refuses."""
    from openai import OpenAIError  # noqa: PLC0415

    try:
        with _client() as client:
            return work(client)
    except OpenAIError as why:
        raise TrainingError(f"the classifier 'openai': {' '.join(str(why).split())[:300]}") from None


def _each(ask: Any, texts: Sequence[str]) -> list[Any]:
    """`ask` for every text, eight calls in flight."""
    if not texts:
        return []

    def work(client: Any) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda text: ask(client, text), texts))

    found: list[Any] = _asked(work)
    return found
