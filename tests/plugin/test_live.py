"""Models that are really called: over HTTP, from a server on loopback that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Runner = Callable[..., pytest.RunResult]
Outcomes = Callable[..., dict[str, dict[str, Any]]]

ANSWERS = {
    "double": "```python\ndef double(x):\n    return 2 * x\n```",
    "negate": "Here:\n```python\ndef negate(x):\n    return x\n```",
    "one": "I cannot.",
}


class Server(ThreadingHTTPServer):
    """Answers by the name of the function that a prompt asks for, 400 where that is the one that it `refuses`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.refuses = "nothing"

    @property
    def spec(self) -> str:
        return f"local=openai:tiny@http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = request["messages"][-1]["content"]
        self.server.asked.append(prompt)
        answer = next(text for name, text in ANSWERS.items() if name in prompt)
        body: dict[str, Any] = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
        failing = self.server.refuses in prompt
        data = json.dumps({"error": {"message": "bad request"}} if failing else body).encode()
        self.send_response(400 if failing else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_a_server_is_asked_once_for_each_trial_and_never_again(
    run: Runner, outcomes: Outcomes, server: Server, way: str
) -> None:
    first = run(way, models=server.spec, replay="")
    first.stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert len(server.asked) == 6
    found = outcomes()
    assert {key: row["verdict"] for key, row in found.items()} == {
        f"{task}-local-{trial}": verdict
        for task, verdict in (("T/1", "pass"), ("T/2", "wrong"), ("T/3", "no_code"))
        for trial in range(2)
    }
    assert {row["prompt_tokens"] for row in found.values()} == {10}
    assert run(way, models=server.spec, replay="").ret == 0
    assert len(server.asked) == 6


def test_what_failed_is_unmeasured_and_asked_again(run: Runner, outcomes: Outcomes, server: Server) -> None:
    server.refuses = "negate"
    result = run(models=server.spec, replay="")
    assert result.ret == 1
    assert sum(row["verdict"] == "unmeasured" for row in outcomes().values()) == 2
    server.refuses = "nothing"
    server.asked.clear()
    run(models=server.spec, replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert all("negate" in prompt for prompt in server.asked)


def test_a_live_run_replays(run: Runner, outcomes: Outcomes, server: Server) -> None:
    run(models=server.spec, replay="")
    run(models="", replay="run", to="again")
    assert outcomes("again") == outcomes("run")
    assert len(server.asked) == 6


def test_a_model_that_cannot_run_stops_the_run_with_the_way_to_mend_it(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTEST_COMPLEXITY_CODELLAMA"):
        monkeypatch.delenv(name, raising=False)
    result = run(models="codellama,gpt4,nope", replay="")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*set PYTEST_COMPLEXITY_CODELLAMA*", "*set OPENAI_API_KEY*", "*no model 'nope'*", "*--cx-replay*"]
    )
