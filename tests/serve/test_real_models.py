"""Two real models behind `serve`, asked by the official client: `CX_SOAK=1 pytest -m soak tests/serve`, else skipped.

Both are SmolLM2-135M-Instruct, in two of llama.cpp's servers: what is tested here is the protocol of a real server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from serve.conftest import EASY, HARD, LADDER, Running
from serve.test_serve import until
from small_model import small_model_file

from pytest_complexity.learning.router import Router
from pytest_complexity.models.openai import OpenAIModel, Server
from pytest_complexity.serve.app import Settings, application
from pytest_complexity.serve.decisions import DecisionLog
from pytest_complexity.serve.upstream import upstreams

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif("CX_SOAK" not in os.environ, reason="long: set CX_SOAK to a number"),
]

TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


@dataclass(frozen=True)
class Real:
    """A client of `serve`, the log, and the servers behind by their models' names."""

    client: openai.OpenAI
    log: Path
    behind: dict[str, str]


def started(file: Path, name: str) -> Any:
    import xllamacpp  # noqa: PLC0415 - may not be installed

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias, params.verbosity = str(file), {name}, -1
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads, params.use_jinja = 4096, 2, 1, True
    return xllamacpp.Server(params)


@pytest.fixture(scope="module")
def real(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    pytest.importorskip("xllamacpp", reason="pip install 'pytest-complexity[llamacpp]'")
    file = small_model_file()
    servers = {name: started(file, name) for name in LADDER}
    models = [OpenAIModel(name, name, Server(f"{each.listening_address}/v1")) for name, each in servers.items()]
    log = tmp_path_factory.mktemp("real") / "decisions.jsonl"
    settings = Settings(Router.load(directory), upstreams(models), "large")
    with (
        Running(application(settings, DecisionLog(log))) as running,
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield Real(client, log, {name: f"{each.listening_address}/v1" for name, each in servers.items()})


def messages(text: str) -> Any:
    return [{"role": "user", "content": text.format(n=5)}]


def logged(log: Path, tokens: int) -> bool:
    lines = log.read_text().splitlines()
    return bool(lines) and json.loads(lines[-1])["completion_tokens"] == tokens


def test_each_prompt_is_answered_by_the_model_that_it_is_routed_to(real: Real) -> None:
    client, log = real.client, real.log
    for prompt, model in ((EASY, "small"), (HARD, "large")):
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=messages(prompt), max_tokens=20)
        answer = raw.parse()
        assert (raw.headers["x-complexity-model"], answer.model) == (model, model)
        assert answer.choices[0].message.content
        assert answer.usage
        until(partial(logged, log, answer.usage.completion_tokens))  # written once the client has all


def test_a_stream_says_what_the_same_request_says_at_once(real: Real) -> None:
    client = real.client
    asked: Any = {"model": "auto", "messages": messages(EASY), "max_tokens": 20, "temperature": 0.0, "seed": 1}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    parts = list(client.chat.completions.create(**asked, stream=True))
    assert len(parts) > 5
    assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == whole


def test_a_request_with_tools_is_answered_as_the_server_itself_answers_it(real: Real) -> None:
    """A model of this size calls none; that a call comes back whole is tested with a server that makes one."""
    asked: Any = {"messages": messages(EASY), "tools": [TOOL], "max_tokens": 40, "temperature": 0.0, "seed": 1}
    through = real.client.chat.completions.create(model="auto", **asked)
    with openai.OpenAI(base_url=real.behind["small"], api_key="none") as direct:
        alone = direct.chat.completions.create(model="small", **asked)
    assert through.choices == alone.choices
    assert through.usage
    assert alone.usage
    assert through.usage.prompt_tokens == alone.usage.prompt_tokens


def test_a_text_is_continued(real: Real) -> None:
    client = real.client
    assert client.completions.create(model="small", prompt="def add(a, b):", max_tokens=10).choices[0].text


def test_a_mistake_of_the_clients_is_told_by_the_server_behind(real: Real) -> None:
    client = real.client
    with pytest.raises(openai.BadRequestError) as direct:
        client.chat.completions.create(model="auto", messages=messages("x " * 20_000), max_tokens=5)
    assert "context" in str(direct.value)
