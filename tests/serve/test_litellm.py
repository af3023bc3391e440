"""The router inside the real LiteLLM: as a library, and as the proxy of the example configuration."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from serve.conftest import EASY, HARD, LADDER
from servers import ChatServer, said

from pytest_complexity.errors import TrainedError
from pytest_complexity.serve.litellm import VARIABLE, RouterClassifier

CONFIG = Path(__file__).parents[2] / "docs" / "litellm.yaml"
NEEDED = "needs litellm: pip install 'pytest-complexity[litellm]'"


def context(text: str) -> Any:
    return SimpleNamespace(structured_messages=[{"role": "user", "content": text}], signals={})


def test_the_tier_is_the_models_name_and_the_chances_are_signals(directory: Path) -> None:
    asked = context(HARD.format(n=5))
    assert asyncio.run(RouterClassifier(directory).classify(asked)) == "large"
    assert asked.signals["pytest-complexity"]["model"] == "large"
    assert set(asked.signals["pytest-complexity"]["chances"]) == set(LADDER)


def test_tiers_of_other_names_stand_for_the_ladder_in_its_order(directory: Path) -> None:
    classifier = RouterClassifier(directory, ["SIMPLE", "COMPLEX"])
    assert asyncio.run(classifier.classify(context(EASY.format(n=5)))) == "SIMPLE"
    with pytest.raises(TrainedError, match="expected a tier for each of small, large"):
        RouterClassifier(directory, ["SIMPLE"])


def test_without_a_directory_the_proxy_is_told_which_variable_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    import pytest_complexity.serve.litellm as module  # noqa: PLC0415

    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(TrainedError, match=VARIABLE):
        _ = module.classifier


def test_litellm_routes_by_it(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm = pytest.importorskip("litellm", reason=NEEDED)
    yaml = pytest.importorskip("yaml", reason=NEEDED)
    with ChatServer(lambda _: said("small")) as small, ChatServer(lambda _: said("large")) as large:
        config = yaml.safe_load(pointed(small, large))
        settings = config["model_list"][-1]["litellm_params"]["complexity_router_config"]
        settings["classifier_plugin"] = RouterClassifier(directory)
        router = litellm.Router(model_list=config["model_list"])

        async def answers() -> list[str]:
            texts = [prompt.format(n=n) for n in (5, 6) for prompt in (EASY, HARD)]
            asked = [router.acompletion(model="auto", messages=[{"role": "user", "content": text}]) for text in texts]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

        assert asyncio.run(answers()) == ["small", "large"] * 2


def pointed(small: ChatServer, large: ChatServer) -> str:
    """The example, with the servers of a test in place of the real ones."""
    text = CONFIG.read_text()
    local, paid = 'api_base: "http://localhost:11434/v1", api_key: none', "api_key: os.environ/OPENAI_API_KEY"
    assert local in text
    assert paid in text
    return text.replace(local, f'api_base: "{small.url}", api_key: none').replace(
        paid, f'api_base: "{large.url}", api_key: none'
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def test_the_example_configuration_serves_with_litellms_proxy(directory: Path, tmp_path: Path) -> None:
    pytest.importorskip("litellm", reason=NEEDED)
    pytest.importorskip("fastapi", reason="needs LiteLLM's proxy: pip install 'litellm[proxy]'")
    port = free_port()
    command = [Path(sys.executable).with_name("litellm"), "--config", "litellm.yaml", "--port", str(port)]
    key = f"sk-{secrets.token_hex(32)}"  # it does not start with a weak one
    environment = {
        **os.environ,
        VARIABLE: str(directory),
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with ChatServer(lambda _: said("small")) as small, ChatServer(lambda _: said("large")) as large:
        (tmp_path / "litellm.yaml").write_text(pointed(small, large))
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as proxy:
            try:
                wait_for(f"http://127.0.0.1:{port}/health/liveliness")
                with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key) as client:
                    for prompt, model in ((EASY, "small"), (HARD, "large")):
                        messages: Any = [{"role": "user", "content": prompt.format(n=5)}]
                        answer = client.chat.completions.create(model="auto", messages=messages)
                        assert answer.choices[0].message.content == model
            finally:
                proxy.terminate()


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} never answered")
