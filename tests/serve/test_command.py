"""The command as a user types it: what it refuses to serve, the server itself, and the log that `report` reads."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from serve.conftest import EASY, HARD, LADDER, labels
from servers import ChatServer, Reply, said

from pytest_complexity.cli import main


def models(*servers: ChatServer) -> str:
    return ",".join(f"{name}=openai:tiny@{server.url}" for name, server in zip(LADDER, servers, strict=False))


NOWHERE = "--cx-models=" + ",".join(f"{name}=openai:m@http://127.0.0.1:9/v1" for name in LADDER)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["serve", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def held_out(directory: Path, *, helped: bool) -> None:
    """As the tasks that `train` keeps, none like those it learned from: the router helps with half of them, or none."""
    rows = []
    for n in range(40):
        hard = bool(n % 2)
        small = (0 if hard else 5) if helped else 5
        text = (HARD if hard else EASY).format(n=n) + "".join(f" {n * 7919 + k * 104_729:x}" for k in range(30))
        rows.append({"task_id": f"H/{n}", "text": text, "trials": 5, "successes": {"small": small, "large": 5}})
    (directory / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    counts = tmp_path / "counts.jsonl"
    counts.write_text("".join(line + "\n" for line in labels().lines()))
    assert main(["train", str(counts), "-o", "router", "--test", "0"]) == 0
    return Path("router")


def test_a_router_that_is_not_shown_to_pay_is_refused_with_the_figures(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert "no held-out tasks" in refusal([str(trained), NOWHERE], capsys)
    held_out(trained, helped=False)
    line = refusal([str(trained), NOWHERE], capsys)
    assert re.search(r"does not show that it pays: on 40 held-out tasks \S+ solves 100.0% and saves", line)
    assert "--anyway" in line
    (trained / "test.jsonl").write_text("".join(line + "\n" for line in labels().lines()))
    assert "60 of these tasks stand in its training set as well" in refusal([str(trained), NOWHERE], capsys)


MISTAKES = {
    "no directory": (["none"], "none/router.json: cannot be read"),
    "no model": (["router"], "there is no model 'small'. Use one of"),
    "no server": (["router", "--cx-models=small=openai:m@http://127.0.0.1:9/v1,large=openai:m@http://u:p@h/v1"], "address"),
    "no token": (["router", NOWHERE, "--token-env=CX_NONE"], "the variable CX_NONE is empty"),
    "open to all": (["router", NOWHERE, "--host=0.0.0.0"], "Give --token-env NAME as well"),
    "no default": (["router", NOWHERE, "--default=huge"], "no model 'huge'; there are small, large"),
    "a model named auto": (["router", NOWHERE + ",auto=openai:m@http://127.0.0.1:9/v1"], "cannot be named 'auto'"),
    "in a process": (["router", "--cx-models=small=openai:m@http://127.0.0.1:9/v1,large=openai:m@http://x/v1,codellama"],
                     "runs inside a process"),
    "no log": (["router", NOWHERE, "--anyway", "--log=none/log.jsonl"], "none/log.jsonl: cannot be written"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_one_line_before_anything_is_served(
    trained: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    arguments, words = MISTAKES[case]
    assert words in refusal(arguments, capsys)


RUN = "import sys; from pytest_complexity.cli import main; sys.exit(main())"


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-c", RUN, "serve", "--port=0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = ""
            while not (found := re.search(r"(http://\S+/v1), model", told)):
                line = process.stderr.readline()
                assert line, told
                told += line
            yield found[1], process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def test_the_official_client_streams_and_calls_tools_through_the_server(trained: Path) -> None:
    held_out(trained, helped=True)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}

    def large(body: dict[str, object]) -> Reply:
        if body.get("stream"):
            parts = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("a ", "b")]
            return Reply(stream=[f"data: {json.dumps(part)}\n\n".encode() for part in parts] + [b"data: [DONE]\n\n"])
        assert body["tools"] == tools
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return Reply(body={"id": "1", "object": "chat.completion", "created": 0, "model": "m",
                           "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]})  # fmt: skip

    with (
        ChatServer(lambda _: said("small")) as small,
        ChatServer(large) as big,
        serving(str(trained), f"--cx-models={models(small, big)}", "--log=log.jsonl") as (url, _),
        openai.OpenAI(base_url=url, api_key="none") as client,
    ):
        hard = [{"role": "user", "content": HARD.format(n=3)}]
        stream = client.chat.completions.create(model="auto", messages=hard, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in stream) == "a b"
        answer = client.chat.completions.with_raw_response.create(model="auto", messages=hard, tools=tools)
        assert answer.headers["x-complexity-model"] == "large"
        assert answer.parse().choices[0].message.tool_calls[0].function.arguments == '{"x": 1}'
        assert client.completions.create(model="auto", prompt=EASY.format(n=3)).choices[0].text == "small"
        assert [model.id for model in client.models.list()] == ["auto", *LADDER]
        with pytest.raises(openai.NotFoundError, match="no model 'x'; there are auto, small, large"):
            client.chat.completions.create(model="x", messages=hard)
    assert len(Path("log.jsonl").read_text().splitlines()) == 3


def test_the_report_tells_what_routing_came_to(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    both = {"small": 0.5, "large": 0.75}
    line = {"decision": 1, "time": 1e9, "task_id": "a", "asked": "auto", "policy": "router", "status": 200, "whole": True,
            "seconds": 1.0, "chances": both, "level": 1, "fallback": [], "calls": 1, "passed": None,
            "model": "small", "cost_usd": 1.0, "costs": {"small": 1.0, "large": 4.0}}  # fmt: skip
    named = {**line, "policy": "named", "model": "large", "chances": {}, "cost_usd": None, "costs": {}}
    down = {**line, "model": "large", "fallback": ["small"], "cost_usd": 4.0}
    log.write_text("".join(json.dumps(each) + "\n" for each in (line, line, named, down)))
    capsys.readouterr()
    assert main(["report", str(log), "--json", "--gate", "routed.saving >= 0.4"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["routed"] == {
        "requests": 3,
        "priced": 3,
        "cost_usd": 6.0,
        "always_cost_usd": {"small": 3.0, "large": 12.0},
        "saving": 0.5,
        "predicted": pytest.approx((0.5 + 0.5 + 0.75) / 3),
        "always_predicted": both,
    }
    assert (report["requests"], report["models"], report["fallbacks"]) == (4, {"small": 2, "large": 2}, {"small": 1})
    assert main(["report", str(log), "--gate", "routed.saving >= 0.6"]) == 1
    assert "50.0% less than always the last model" in capsys.readouterr().out
    log.write_text(json.dumps({**line, "status": "200"}) + "\n")
    assert main(["report", str(log)]) == 2
    assert "line 1, field 'status': expected an integer from 0, got a string" in capsys.readouterr().err
