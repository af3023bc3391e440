"""Models behind OpenAI's protocol: OpenAI itself, or any server that speaks it (vLLM, llama.cpp, Ollama).

Chat, or the legacy completions that continue a text, for base models. Imports the client on the first call, not
before. One attempt a call: asking again, and how long to wait before it, is the caller's.
"""

from __future__ import annotations

import asyncio
import email.utils
import importlib.util
import itertools
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Busy, Completion, Price, Refused, Sampling, Unanswered, prompts
from pytest_complexity.models.spec import ModelSpec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
Endpoint = Literal["chat", "completions"]
#: What is sent where a server was named and no key: most servers of one's own want none, the client insists on one.
_NO_KEY = "none"
#: The most answers that OpenAI gives to one request.
_MOST_CHOICES = 128
#: More than any chat template adds around one message, in tokens.
_AROUND_MESSAGE = 32
_CHECK_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """Where a model is, and with which key.

    `url` and `key_env`, the variable that holds the key, default to the environment's `OPENAI_BASE_URL` and
    `OPENAI_API_KEY`; a server that is named needs no key, and gets the environment's where there is one. `timeout` is
    in seconds, for each request. `listed`: the server lists what it has under `/models`, so a name that is not there is
    a mistake.
    """

    url: str | None = None
    key_env: str | None = None
    organization: str | None = None
    timeout: float = 120.0
    listed: bool = True

    def address(self) -> str | None:
        """None: the client's own, which is OpenAI's."""
        return self.url or os.environ.get(URL_VARIABLE, "").strip() or None

    def key(self) -> str | None:
        """The key, or what stands in for it where none is needed; None where one is missing."""
        said = os.environ.get(self.key_env or KEY_VARIABLE, "").strip()
        return said or (_NO_KEY if self.address() and not self.key_env else None)

    def sent_key(self) -> str | None:
        """The key that a server really needs; None where none is."""
        key = self.key()
        return None if key == _NO_KEY else key

    def client_options(self) -> dict[str, Any]:
        """What a client of the library is made with."""
        return {"api_key": self.key(), "base_url": self.address(), "organization": self.organization}


class OpenAIModel:
    """One model of one server. `many`: ask for all trials of a task in one request, where the server can."""

    def __init__(
        self,
        name: str,
        model: str,
        server: Server | None = None,
        *,
        endpoint: Endpoint = "chat",
        many: bool = True,
        sampling: Sampling | None = None,
        price: Price | None = None,
    ) -> None:
        self.name = name
        self.price = price
        self._model = model
        self._server = server or Server()
        self._endpoint = endpoint
        self._batch = _MOST_CHOICES if many else 1
        self._sampling = sampling or Sampling()
        self._limit = "max_tokens"
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def server(self) -> Server:
        """Where it is."""
        return self._server

    @property
    def served_name(self) -> str:
        """The name that its server knows it by."""
        return self._model

    @property
    def definition(self) -> Mapping[str, Any]:
        """Without the address: the same model may answer elsewhere when a run goes on."""
        chat = self._endpoint == "chat"
        return {
            "adapter": "openai",
            "model": self._model,
            **({} if chat else {"endpoint": self._endpoint}),
            "sampling": self._sampling.to_json(),
            "prompts": prompts.templates_sha256("chat" if chat else "prefix"),
        }

    @property
    def batch(self) -> int:
        """See `Batching`."""
        return self._batch

    def most_tokens(self, task: Task) -> tuple[int, int]:
        """See `Bounded`. No tokenizer makes more tokens of a text than it has bytes."""
        if self._endpoint == "completions":
            prompt = len(prompts.prefix(task).prompt.encode()) + _AROUND_MESSAGE
        else:
            prompt = sum(len(each["content"].encode()) + _AROUND_MESSAGE for each in prompts.messages(task))
        return prompt, self._sampling.max_tokens

    def check(self) -> None:
        """Raises `ModelError`: no client, no key or one that is refused, no server, a name that it does not offer."""
        if importlib.util.find_spec("openai") is None:
            raise ModelError(f"model {self.name!r}: the package openai is not installed: pip install openai")
        url = self._server.address()
        if url and not url.startswith(("http://", "https://")):
            raise ModelError(f"model {self.name!r}: {url!r} is not an address. Write http://HOST:PORT/v1")
        if not self._server.key():
            variable = self._server.key_env or KEY_VARIABLE
            other = "" if self._server.key_env else f", or {URL_VARIABLE} for a server that needs none"
            raise ModelError(f"model {self.name!r}: no key: set {variable}{other}")
        if self._server.listed:
            self._check_server()

    def _check_server(self) -> None:
        import openai  # noqa: PLC0415 - heavy: only where a server is asked

        place = self._place()
        try:
            with openai.OpenAI(**self._server.client_options(), timeout=_CHECK_SECONDS, max_retries=1) as client:
                known = [str(each.id) for each in client.models.list().data]
        except openai.APIConnectionError as why:
            raise ModelError(
                f"model {self.name!r}: no answer from {place} ({self._line(why.__cause__ or why)}): "
                "start the server, or correct the address"
            ) from None
        except openai.AuthenticationError:
            raise ModelError(
                f"model {self.name!r}: {place} refuses the key: "
                f"set {self._server.key_env or KEY_VARIABLE} to one that it takes"
            ) from None
        except Exception:  # the server has no such list, or none that can be read: the first call will tell
            return
        if known and self._model not in known:
            raise ModelError(
                f"model {self.name!r}: {place} does not offer {self._model!r}, but {_some(known)}. "
                "Correct the name, or set listed = false in the model's table to ask for it anyway"
            )

    async def complete(self, suite: str, task: Task, trial: int) -> Completion:
        """One answer. Raises `Unanswered`, in one line, for whatever fails."""
        answer = (await self.complete_all(suite, task, [trial]))[trial]
        if isinstance(answer, Unanswered):
            raise answer
        return answer

    async def complete_all(self, suite: str, task: Task, trials: Sequence[int]) -> dict[int, Completion | Unanswered]:
        """See `Batching`."""
        began = time.perf_counter()
        limit = self._limit
        try:
            answer = await self._ask(task, len(trials), limit)
        except Exception as why:  # a server can send anything, and the client raises more than its own exceptions
            if limit == "max_tokens" and _about(why, r"\bmax_completion_tokens\b"):
                self._limit = "max_completion_tokens"
                return await self.complete_all(suite, task, trials)
            if len(trials) > 1 and _about(why, ""):  # perhaps over `n`: asked for one by one it may go
                self._batch = 1 if _about(why, r"\bn\b") else self._batch
                return {}
            raise self._failure(why) from None
        seconds = time.perf_counter() - began
        choices = getattr(answer, "choices", None)
        if not isinstance(choices, list) or not choices:
            raise Busy("the server sent no choice", billed=True)
        if len(choices) < len(trials):
            self._batch = 1
        whole = prompts.prefix(task).completion if self._endpoint == "completions" else str
        return _answers(trials, choices, getattr(answer, "usage", None), seconds, whole)

    async def _ask(self, task: Task, count: int, limit: str) -> Any:
        sampling = self._sampling
        wanted: dict[str, Any] = {
            "model": self._model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            limit: sampling.max_tokens,
        }
        if count > 1:
            wanted["n"] = count
        if sampling.top_k is not None:
            wanted["extra_body"] = {"top_k": sampling.top_k}
        client = self._connected()
        if self._endpoint == "completions":
            return await client.completions.create(prompt=prompts.prefix(task).prompt, **wanted)
        return await client.chat.completions.create(messages=prompts.messages(task), **wanted)  # type: ignore[arg-type]

    def _failure(self, why: Exception) -> Unanswered:
        """Whether it is worth asking again, and when."""
        import openai  # noqa: PLC0415 - loaded by the call that failed

        line = f"{self._place()}: {self._line(why)}"[:200]
        if not isinstance(why, openai.APIStatusError):  # no answer, half of one, or nothing that could be read
            begun = type(why.__cause__).__name__ not in ("ConnectError", "ConnectTimeout", "PoolTimeout")
            return Busy(line, billed=begun)
        if why.status_code in (401, 403, 404) or getattr(why, "code", None) == "insufficient_quota":
            return Refused(line)
        if why.status_code in (408, 409, 429) or why.status_code >= 500:
            return Busy(line, after=_wait(why.response.headers), limited=why.status_code == 429)
        return Unanswered(line)

    async def aclose(self) -> None:
        """Closes the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    def _connected(self) -> AsyncOpenAI:
        """The client of the running loop: its connections belong to that loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            from openai import AsyncOpenAI  # noqa: PLC0415 - heavy: only where a server is asked

            self._loop = loop
            self._client = AsyncOpenAI(**self._server.client_options(), timeout=self._server.timeout, max_retries=0)
        return self._client

    def _place(self) -> str:
        return self._server.address() or "https://api.openai.com/v1"

    def _line(self, why: BaseException) -> str:
        """The failure in one line, at most 200 characters, without the key."""
        text = " ".join(f"{type(why).__name__}: {why}".split())
        key = self._server.key()
        return (text.replace(key, "[key]") if key and key != _NO_KEY else text)[:200]


def _answers(
    trials: Sequence[int], choices: Sequence[Any], usage: Any, seconds: float, whole: Callable[[str], str]
) -> dict[int, Completion | Unanswered]:
    """What each choice says, and its share of the tokens.

    The server counts the tokens of all choices together: the prompt's are dealt out evenly, the answers' by length, so
    that a trial's are an estimate and their sum is what was paid.
    """
    said: dict[int, str | Unanswered] = {}
    for trial, choice in zip(trials, choices, strict=False):
        try:
            said[trial] = _text(choice)
        except Unanswered as why:
            said[trial] = why
    asked, answered = (_count(getattr(usage, f"{part}_tokens", None)) for part in ("prompt", "completion"))
    texts = {trial: text for trial, text in said.items() if isinstance(text, str)}
    if not texts and asked is not None and answered is not None:
        next(iter(said.values())).usage = asked, answered  # type: ignore[union-attr]
    prompt = _shares(asked, [1] * len(texts))
    completion = _shares(answered, [len(text) + 1 for text in texts.values()])
    found = {
        trial: Completion(whole(text), prompt[place], completion[place], seconds)
        for place, (trial, text) in enumerate(texts.items())
    }
    return {trial: found.get(trial) or said[trial] for trial in said}  # type: ignore[misc]


def _shares(total: int | None, weights: Sequence[int]) -> list[int | None]:
    """`total` in whole parts by weight, which add up to it."""
    if total is None:
        return [None] * len(weights)
    ends = [0]
    for weight in weights:
        ends.append(ends[-1] + weight)
    cuts = [total * end // ends[-1] for end in ends] if weights else []
    return [after - before for before, after in itertools.pairwise(cuts)]


def _text(choice: Any) -> str:
    """The text of a choice. A truncated answer is one; raises `Unanswered` where there is none."""
    reason = getattr(choice, "finish_reason", None)
    if reason == "content_filter":
        raise Unanswered("the server's content filter withheld the answer")
    text = getattr(getattr(choice, "message", None), "content", None)
    if text is None:
        text = getattr(choice, "text", None)
    if reason == "length":
        return text if isinstance(text, str) else ""
    if not isinstance(text, str) or not text:
        raise Unanswered(f"the server sent an empty answer (finish_reason {reason!r})"[:200])
    return text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _about(why: Exception, parameter: str) -> bool:
    """Whether the server refused the request over this parameter."""
    if getattr(why, "status_code", None) not in (400, 422, 501):
        return False
    return bool(re.search(parameter, f"{getattr(why, 'param', None)} {why}"))


def _wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks for, by `Retry-After-Ms` or `Retry-After` (seconds or a date)."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        said = headers.get("retry-after", "")
        if re.fullmatch(r"\s*\d+(\.\d*)?\s*", said):
            return float(said)
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time()) if said else None
    except (ValueError, OverflowError):
        return None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def make(spec: ModelSpec) -> OpenAIModel:
    """The adapter `openai`."""
    server = Server(
        url=spec.get("url", str),
        key_env=spec.get("key_env", str),
        organization=spec.get("organization", str),
        timeout=spec.positive("timeout", float, 120.0),
        listed=spec.get("listed", bool, True),
    )
    return OpenAIModel(
        spec.name,
        spec.get("model", str, spec.name),
        server,
        endpoint=spec.choice("endpoint", ("chat", "completions")),  # type: ignore[arg-type]
        many=spec.get("many", bool, True),
        sampling=spec.sampling(),
        price=spec.price(),
    )
