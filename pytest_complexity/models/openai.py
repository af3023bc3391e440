"""Chat models behind OpenAI's protocol: OpenAI itself, or any server that speaks it (vLLM, llama.cpp, Ollama).

Imports the client on the first call, not before. Retries of 429, 5xx and lost connections are the client's own:
bounded, with jitter, and by the server's Retry-After where it gives one.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_complexity import prompts
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Completion, Price, Sampling, Unanswered
from pytest_complexity.tasks import Task

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
#: What is sent where a server was named and no key: most servers of one's own want none, the client insists on one.
_NO_KEY = "none"


class OpenAIModel:
    """One model of one server, one request a trial.

    `base_url` and `api_key` default to the environment's `OPENAI_BASE_URL` and `OPENAI_API_KEY`; a server that is
    named needs no key, and gets the environment's where there is one. `timeout` is in seconds, for each attempt;
    `max_retries` counts the attempts after the first.
    """

    def __init__(
        self,
        name: str,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        sampling: Sampling | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
        max_retries: int = 5,
    ) -> None:
        self.name = name
        self.price = price
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._sampling = sampling or Sampling()
        self._timeout = timeout
        self._max_retries = max_retries
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def definition(self) -> Mapping[str, Any]:
        """Without the address: the same model may answer elsewhere when a run goes on."""
        return {
            "adapter": "openai",
            "model": self._model,
            "sampling": self._sampling.to_json(),
            "prompts": prompts.templates_sha256("chat"),
        }

    def check(self) -> None:
        """Raises `ModelError` where there is no client, no key, or no address that can be one."""
        if importlib.util.find_spec("openai") is None:
            raise ModelError(f"model {self.name!r}: the package openai is not installed: pip install openai")
        url = self._url()
        if url and not url.startswith(("http://", "https://")):
            raise ModelError(f"model {self.name!r}: {url!r} is no address: give it as http://HOST:PORT/v1")
        if not self._key():
            raise ModelError(
                f"model {self.name!r}: no key: set {KEY_VARIABLE}, or {URL_VARIABLE} for a server that needs none"
            )

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """One answer. Raises `Unanswered`, in one line, for whatever fails in the end."""
        began = time.perf_counter()
        try:
            answer = await self._connected().chat.completions.create(
                model=self._model,
                messages=prompts.messages(task),  # type: ignore[arg-type]
                temperature=self._sampling.temperature,
                top_p=self._sampling.top_p,
                max_tokens=self._sampling.max_tokens,
            )
        except Exception as why:  # a server can send anything, and the client raises more than its own exceptions
            raise Unanswered(self._line(why)) from None
        seconds = time.perf_counter() - began
        usage = getattr(answer, "usage", None)
        return Completion(
            _text(answer),
            prompt_tokens=_count(getattr(usage, "prompt_tokens", None)),
            completion_tokens=_count(getattr(usage, "completion_tokens", None)),
            seconds=seconds,
        )

    async def aclose(self) -> None:
        """Closes the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    def _url(self) -> str | None:
        return self._base_url or os.environ.get(URL_VARIABLE, "").strip() or None

    def _key(self) -> str | None:
        said = self._api_key or os.environ.get(KEY_VARIABLE, "").strip()
        return said or (_NO_KEY if self._url() else None)

    def _connected(self) -> AsyncOpenAI:
        """The client of the running loop: its connections belong to that loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            from openai import AsyncOpenAI  # noqa: PLC0415 - heavy: only where a server is asked

            self._loop = loop
            self._client = AsyncOpenAI(
                api_key=self._key(),
                base_url=self._url(),
                timeout=self._timeout,
                max_retries=self._max_retries,
            )
        return self._client

    def _line(self, why: Exception) -> str:
        """The failure in one line, at most 200 characters, without the key."""
        text = " ".join(f"{type(why).__name__}: {why}".split())
        key = self._key()
        return (text.replace(key, "[key]") if key and key != _NO_KEY else text)[:200]


def _text(answer: Any) -> str:
    """The text of the first choice. A truncated answer is one; raises `Unanswered` where there is none."""
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        raise Unanswered("the server sent no choice")
    reason = getattr(choices[0], "finish_reason", None)
    if reason == "content_filter":
        raise Unanswered("the server's content filter withheld the answer")
    text = getattr(getattr(choices[0], "message", None), "content", None)
    if reason == "length":
        return text if isinstance(text, str) else ""
    if not isinstance(text, str) or not text:
        raise Unanswered(f"the server sent an empty answer (finish_reason {reason!r})"[:200])
    return text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
