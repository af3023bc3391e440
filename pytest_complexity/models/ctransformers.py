"""Completion models from a GGUF or GGML file, run here by ctransformers: Code Llama as in the paper.

Imports the library when the file is loaded, not before. One copy in memory, one call at a time, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pytest_complexity.core.machine import processors
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, Price, Sampling, Unanswered, prompts
from pytest_complexity.models.spec import ModelSpec

PATH_VARIABLE = "PYTEST_COMPLEXITY_CODELLAMA"
#: Code Llama's in the paper (arXiv 2312.11511).
PAPER_SAMPLING = Sampling(temperature=1.0, top_p=0.95, max_tokens=200, top_k=10)


class CTransformersModel:
    """One model file. `path` defaults to the environment's `PYTEST_COMPLEXITY_CODELLAMA`.

    `model_type` is ctransformers' name for the architecture, needed for GGML files only. `context` is in tokens,
    prompt and answer together. `threads`: by default half of the processors, since the engine's threads spin while they
    wait and verification needs the rest. The same `seed`, suite, task and trial give the same tokens, whatever ran
    before.
    """

    def __init__(
        self,
        name: str,
        path: str | Path | None = None,
        *,
        sampling: Sampling = PAPER_SAMPLING,
        price: Price | None = None,
        model_type: str = "llama",
        context: int = 2048,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.name = name
        self.price = price
        said = str(path or os.environ.get(PATH_VARIABLE, "").strip())
        self._path = Path(said) if said else None
        self._sampling = sampling
        self._model_type = model_type
        self._context = context
        self._threads = threads or max(1, processors() // 2)
        self._seed = seed
        self._lock = threading.Lock()
        self._queue = ThreadPoolExecutor(1, thread_name_prefix=f"complexity-{name}")
        self._llm: Any = None

    @property
    def definition(self) -> Mapping[str, Any]:
        """The file counts by its name and size: hashing gigabytes at every start would take too long."""
        size = self._path.stat().st_size if self._path and self._path.is_file() else None
        return {
            "adapter": "ctransformers",
            "model": self._path.name if self._path else None,
            "bytes": size,
            "context": self._context,
            "sampling": self._sampling.to_json(),
            "prompts": prompts.templates_sha256("prefix"),
        }

    def check(self) -> None:
        """Raises `ModelError` where the library or the file is missing, or the file is none that could be read."""
        if importlib.util.find_spec("ctransformers") is None:
            raise ModelError(f"model {self.name!r}: ctransformers is not installed: pip install ctransformers")
        remedy = f"set {PATH_VARIABLE}, or path in the model's table, to a GGUF or GGML file of the model"
        if self._path is None:
            raise ModelError(f"model {self.name!r}: no file: {remedy}")
        try:
            magic = self._magic()
        except OSError as why:
            raise ModelError(f"model {self.name!r}: {self._path}: {why.strerror}: {remedy}") from None
        if magic not in _MAGICS:
            raise ModelError(f"model {self.name!r}: {self._path}: neither GGUF nor GGML: {remedy}")

    def _magic(self) -> bytes:
        assert self._path is not None, "check comes first"
        with self._path.open("rb") as file:
            return file.read(4)

    def most_tokens(self, task: Task) -> tuple[int, int]:
        """See `Bounded`. A token holds at least one byte; beginning and word mark come to the text's own."""
        return len(prompts.prefix(task).prompt.encode()) + 8, self._sampling.max_tokens

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """One continuation, a whole function where the prompt ended with its `def` line. Raises `Unanswered`."""
        asked = prompts.prefix(task)
        draws = random.Random(f"{self._seed} {suite} {task.task_id} {trial}")
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._queue, self._continue, asked, draws, stop)
        except Unanswered:
            raise
        except Exception as why:  # the engine's: RuntimeError, OSError, ValueError
            line = " ".join(f"{type(why).__name__}: {why}".split())
            raise Unanswered(line[:200]) from None
        finally:
            stop.set()  # a call that was cancelled ends with its next token

    def _continue(self, asked: prompts.Prefix, draws: random.Random, stop: threading.Event) -> Completion:
        with self._lock:
            llm = self._loaded()
            began = time.perf_counter()
            tokens = _tokenize(llm, asked.prompt)
            room = self._context - len(tokens)
            if room < 1:
                raise Unanswered(f"the prompt has {len(tokens)} tokens, the context {self._context}")
            said, count = self._generate(llm, tokens, min(self._sampling.max_tokens, room), asked, draws, stop)
            seconds = time.perf_counter() - began
        return Completion(asked.completion(said), len(tokens), count, seconds)

    def _generate(
        self,
        llm: Any,
        tokens: list[int],
        limit: int,
        asked: prompts.Prefix,
        draws: random.Random,
        stop: threading.Event,
    ) -> tuple[str, int]:
        """What the model said, and in how many tokens; ends early where the function does.

        Not the library's own loop: that seeds its generator anew with the same number before each token, so that every
        token of an answer would be drawn with the same luck.
        """
        llm.prepare_inputs_for_generation(
            tokens[:1], reset=True
        )  # forgets the last prompt, also where this begins alike
        llm.eval(tokens, threads=self._threads)
        options = self._options(llm)
        said, text, count = b"", "", 0
        while count < limit and not stop.is_set():
            token = llm.sample(seed=draws.getrandbits(31), **options)
            if llm.is_eos_token(token):
                break
            count += 1
            said += llm.detokenize([token], decode=False)
            text = said.decode(errors="ignore")
            if asked.finished(text):
                break
            if count < limit:
                llm.eval([token], threads=self._threads)
        return text, count

    def _options(self, llm: Any) -> dict[str, Any]:
        sampling = self._sampling
        greedy = sampling.temperature <= 0
        return {
            "top_k": 1 if greedy else sampling.top_k or llm.vocab_size,
            "top_p": sampling.top_p,
            "temperature": 1.0 if greedy else sampling.temperature,
            "repetition_penalty": 1.0,  # the library's own default is 1.1, of which the paper knows nothing
        }

    def _loaded(self) -> Any:
        if self._llm is None:
            self.check()
            from ctransformers import AutoModelForCausalLM  # noqa: PLC0415 - heavy: only where a file is run

            self._llm = AutoModelForCausalLM.from_pretrained(
                str(self._path),
                model_type=None if self._magic() == b"GGUF" else self._model_type,  # GGUF says it itself
                context_length=self._context,
            )
        return self._llm


#: The first bytes of GGUF, and of GGML's ggml, ggmf and ggjt, which are little-endian numbers.
_MAGICS = (b"GGUF", b"lmgg", b"fmgg", b"tjgg")


def _tokenize(llm: Any, text: str) -> list[int]:
    """The tokens of a text.

    Not the library's own method: its buffer has room for one token a character, and a character that the vocabulary
    lacks becomes a token for each of its bytes, written past the end.
    """
    data = text.encode()
    buffer = (ctypes.c_int * (len(data) + 8))()
    count = llm.ctransformers_llm_tokenize(data, llm.model_type == "llama", buffer)
    return list(buffer[:count])


def make(spec: ModelSpec) -> CTransformersModel:
    """The adapter `ctransformers`."""
    return CTransformersModel(
        spec.name,
        spec.path("path"),
        sampling=spec.sampling(PAPER_SAMPLING),
        price=spec.price(),
        model_type=spec.get("model_type", str, "llama"),
        context=spec.positive("context", int, 2048),
        threads=spec.positive("threads", int),
        seed=spec.seed,
    )
