"""Current GGUF files, run here by llama.cpp through `xllamacpp`: chat or completions, several answers at once.

The library brings llama.cpp's own server; this adapter starts it on loopback when it is first asked and then talks to
it as to any other. One copy in memory, in the process that pytest started. Imports the library with the file.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_complexity.core.machine import processors
from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, Price, Sampling, Unanswered
from pytest_complexity.models.openai import Endpoint, OpenAIModel, Server
from pytest_complexity.models.spec import ModelSpec

_HOURS = 6 * 3600.0  # a call waits in the server's own queue, for as long as the machine needs


@dataclass(frozen=True)
class Engine:
    """How the file is run: `context` in tokens for each of `parallel` answers at once, `gpu_layers` -1: all that fit.

    `threads`: by default half of the processors, since the engine's threads spin while they wait and verification
    needs the rest.
    """

    context: int = 4096
    parallel: int = 4
    threads: int | None = None
    gpu_layers: int = -1


class LlamaCppModel:
    """One GGUF file."""

    def __init__(
        self,
        name: str,
        path: str | Path,
        engine: Engine | None = None,
        *,
        endpoint: Endpoint = "chat",
        sampling: Sampling | None = None,
        price: Price | None = None,
    ) -> None:
        self.name = name
        self.price = price
        self._path = Path(path)
        self._engine = engine or Engine()
        self._endpoint = endpoint
        self._sampling = sampling
        self._client = self._at("http://127.0.0.1:9/v1")
        self._server: Any = None
        self._loading: asyncio.Task[None] | None = None

    def _at(self, url: str) -> OpenAIModel:
        # Its server counts the tokens of one answer alone where several are asked for at once, hence one by one; the
        # prompt is in its cache.
        server = Server(url, timeout=_HOURS)
        return OpenAIModel(self.name, self.name, server, endpoint=self._endpoint, many=False, sampling=self._sampling)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The file counts by its name and size: hashing gigabytes at every start would take too long."""
        size = self._path.stat().st_size if self._path.is_file() else None
        file = {"adapter": "llamacpp", "model": self._path.name, "bytes": size, "context": self._engine.context}
        return {**self._client.definition, **file}

    def check(self) -> None:
        """Raises `ModelError` where the library or the file is missing, or the file is no GGUF."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise ModelError(
                f"model {self.name!r}: xllamacpp is not installed: pip install 'pytest-complexity[llamacpp]'"
            )
        try:
            with self._path.open("rb") as file:
                magic = file.read(4)
        except OSError as why:
            raise ModelError(f"model {self.name!r}: {self._path}: {why.strerror}: set path to a GGUF file") from None
        if magic != b"GGUF":
            raise ModelError(f"model {self.name!r}: {self._path}: no GGUF file: set path to one")

    def most_tokens(self, task: Task) -> tuple[int, int]:
        """See `Bounded`."""
        return self._client.most_tokens(task)

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """One answer. Raises `Unanswered`."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        await asyncio.shield(self._loading)
        return await self._client.complete(suite, task, trial)

    async def aclose(self) -> None:
        """Closes the connections and ends the server."""
        await self._client.aclose()
        self._server = self._loading = None

    async def _load(self) -> None:
        try:
            self._server = await asyncio.to_thread(self._start)
        except Exception as why:  # the library's: whatever it makes of a broken file
            raise Unanswered(" ".join(f"{self._path}: {type(why).__name__}: {why}".split())[:200]) from None
        self._client = self._at(f"{self._server.listening_address}/v1")

    def _start(self) -> Any:
        import xllamacpp  # noqa: PLC0415 - heavy: only where a file is run

        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.model_alias = {self.name}
        engine = self._engine
        params.n_ctx = engine.context * engine.parallel
        params.n_parallel = engine.parallel
        params.n_gpu_layers = engine.gpu_layers
        params.cpuparams.n_threads = engine.threads or max(1, processors() // 2)
        params.verbosity = -1
        return xllamacpp.Server(params)


def make(spec: ModelSpec) -> LlamaCppModel:
    """The adapter `llamacpp`."""
    path = spec.path("path")
    if path is None:
        raise spec.error("path is missing. Set it to the GGUF file")
    engine = Engine(
        context=spec.positive("context", int, 4096),
        parallel=spec.positive("parallel", int, 4),
        threads=spec.positive("threads", int),
        gpu_layers=spec.get("gpu_layers", int, -1),
    )
    return LlamaCppModel(
        spec.name,
        path,
        engine,
        endpoint=spec.choice("endpoint", ("chat", "completions")),  # type: ignore[arg-type]
        sampling=spec.sampling(),
        price=spec.price(),
    )
