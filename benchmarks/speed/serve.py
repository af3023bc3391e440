"""What `serve` adds to a request, beside the same request sent directly and through LiteLLM's proxy; and its memory.

usage: serve.py [--rounds N] [--seconds S] [--litellm PATH] [--memory REQUESTS]

Three processes: a server on loopback that answers each request after a time that the request names, `serve` (or
LiteLLM's proxy) in front of it, and this one, which keeps 1, 32 or 200 requests in flight over connections that stay
open. The time is drawn around 5 ms for each request in flight, so that all loads are about 200 requests a second. The
ways take turns (A B C D A B C D ...), so that a busy machine slows all of them alike. Prints median and 99th
percentile of the latency beyond that time in milliseconds, over all rounds, what each way adds to `direct`, and the
processor time that the server in front spends on a request, which a busy machine hardly changes. `auto` is routed by a
classifier that was trained on 1,000 made-up prompts. `--litellm` is the proxy's program, of an environment that has it.
`--memory`: the resident memory of `serve` after so many requests, tenth by tenth. Exit status 1 where `auto` adds more
than 3 ms to the median.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from classifier import LADDER, made_up

from pytest_complexity.labels import label_all
from pytest_complexity.learning.training import train

Load = Callable[[int, float], Awaitable[list[float]]]
IN_FLIGHT, EACH, GOAL = (1, 32, 200), 0.005, 3.0
RUN = "import sys; from pytest_complexity.cli import main; sys.exit(main())"
ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "def f(): pass"}}
        ],
        "usage": {"prompt_tokens": 60, "completion_tokens": 9, "total_tokens": 69},
    }
).encode()


async def behind(port: int) -> None:
    """The server that everything goes to in the end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            body = await reader.readexactly(length(head))
            wait = re.search(rb"wait ([0-9.]+)", body)
            await asyncio.sleep(float(wait[1]) if wait else 0)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
            )
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def length(head: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def asking(port: int, model: str, key: str) -> Callable[..., Awaitable[list[float]]]:
    """Asks with so many in flight, until `until`: the latencies in seconds."""

    async def client(number: int, until: float, mean: float, most: int) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        latencies: list[float] = []
        draws = random.Random(number)  # so that they do not all come at once
        await asyncio.sleep(draws.random() * mean)
        while time.perf_counter() < until and len(latencies) < most:
            wait = mean * (0.5 + draws.random())
            text = f"wait {wait} Write a function to sort list {number} of {len(latencies)} words by their length."
            body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            before = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            said = await reader.readexactly(length(answer))
            latencies.append(time.perf_counter() - before - wait)
            assert answer.split(b" ", 2)[1] == b"200", said
        writer.close()
        return latencies

    async def load(in_flight: int, seconds: float, most: int = sys.maxsize) -> list[float]:
        until, mean = time.perf_counter() + seconds, in_flight * EACH if most == sys.maxsize else 0.0
        found = await asyncio.gather(*(client(number, until, mean, most) for number in range(in_flight)))
        return [latency for each in found for latency in each]

    return load


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def started(command: list[str], port: int, **environment: str) -> Iterator[int]:
    """A server in a process of its own, once it listens; gives its process number."""
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=nowhere, stderr=nowhere)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, command
            time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def serving(directory: Path, stack: ExitStack) -> tuple[int, int, int]:
    """The ports of the server behind and of `serve`, and the latter's process number."""
    last, ours = free_port(), free_port()
    stack.enter_context(started([sys.executable, __file__, "--behind", str(last)], last))
    labels = label_all(made_up(1000), LADDER)
    train(labels).trained.save(directory / "router")
    models = ",".join(f"{name}=openai:m@http://127.0.0.1:{last}/v1" for name in LADDER)
    command = [sys.executable, "-c", RUN, "serve", str(directory / "router"), f"--port={ours}", f"--cx-models={models}"]
    log = directory / "decisions.jsonl"
    return last, ours, stack.enter_context(started([*command, "--anyway", f"--log={log}"], ours))


def litellm(program: Path, last: int, directory: Path, stack: ExitStack) -> tuple[int, str, int]:
    """The port and the key of LiteLLM's proxy, and its process number."""
    port, key = free_port(), f"sk-{secrets.token_hex(32)}"
    model = {"model": "openai/m", "api_base": f"http://127.0.0.1:{last}/v1", "api_key": "none"}
    config = directory / "litellm.yaml"  # JSON is YAML
    config.write_text(json.dumps({"model_list": [{"model_name": LADDER[0], "litellm_params": model}]}))
    settings = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    command = [str(program), "--config", str(config), "--port", str(port)]
    return port, key, stack.enter_context(started(command, port, **settings))


def processor(process: int | None) -> float:
    """Seconds of processor time that a process has had."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(rounds: int, seconds: float, program: Path | None) -> bool:
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        directory = Path(path)
        last, ours, process = serving(directory, stack)
        ways = {"direct": asking(last, "m", ""), "named": asking(ours, LADDER[0], ""), "auto": asking(ours, "auto", "")}
        processes = {"named": process, "auto": process}
        if program is not None:
            port, key, processes["LiteLLM"] = litellm(program, last, directory, stack)
            ways["LiteLLM"] = asking(port, LADDER[0], key)
        kept = [row(ways, processes, in_flight, rounds, seconds) for in_flight in IN_FLIGHT]
        return all(kept)


def row(ways: dict[str, Load], processes: dict[str, int], in_flight: int, rounds: int, seconds: float) -> bool:
    found: dict[str, list[float]] = {name: [] for name in ways}
    spent = dict.fromkeys(ways, 0.0)
    for turn in range(rounds + 1):
        for name, load in ways.items():
            before = processor(processes.get(name))
            latencies = asyncio.run(load(in_flight, seconds))
            if turn:  # the first warms up
                found[name] += latencies
                spent[name] += processor(processes.get(name)) - before
    median = {name: 1000 * statistics.median(each) for name, each in found.items()}
    for name, each in found.items():
        high = 1000 * statistics.quantiles(each, n=100)[98]
        print(
            f"{in_flight:>4} in flight  {name:<8} median {median[name]:8.2f} ms  p99 {high:8.2f} ms  "
            f"adds {median[name] - median['direct']:7.2f} ms  processor {1000 * spent[name] / len(each):6.2f} ms  "
            f"{len(each)} requests",
            flush=True,
        )
    return median["auto"] - median["direct"] <= GOAL


def memory(requests: int) -> None:
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        _, ours, process = serving(Path(path), stack)
        load, tenth = asking(ours, "auto", ""), requests // 10
        for part in range(11):
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            print(f"{part * tenth:>7} requests: {pages * os.sysconf('SC_PAGE_SIZE') / (1 << 20):6.1f} MB", flush=True)
            if part < 10:
                asyncio.run(load(32, 1e9, tenth // 32))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load of each way in each round")
    parser.add_argument("--litellm", type=Path, metavar="PATH")
    parser.add_argument("--memory", type=int, metavar="REQUESTS")
    parser.add_argument("--behind", type=int, metavar="PORT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.behind:
        asyncio.run(behind(arguments.behind))
    elif arguments.memory:
        memory(arguments.memory)
    else:
        return 0 if compare(arguments.rounds, arguments.seconds, arguments.litellm) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
