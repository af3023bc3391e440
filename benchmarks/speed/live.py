"""How close a live run comes to the rate that its server allows: 1,500 trials, one a call, 500 ms each, 32 at once.

usage: live.py [--trials N] [--ways=-n0,-n2]

Starts a server on loopback that answers after 500 ms and works on 32 requests at a time, and runs pytest on it in a
process of its own, each way in a new run directory. `ideal` is (trials / 32) * 0.5 s. The ratio is of the wall time
without the start-up (from the start of the process to its first request) to the ideal, so verification, files, report
and pytest's end are in it; beside it stands the ratio until the server's last answer. Prints one line for each way;
exit status 1 where a ratio is above 1.15.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

LATENCY, AT_ONCE, TRIALS_PER_TASK, MOST = 0.5, 32, 5, 1.15
TABLE = """
[tool.pytest-complexity.models.local]
adapter = "openai"
model = "tiny"
url = "http://127.0.0.1:{port}/v1"
many = false
"""
SUITE = """
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_live(trial):
    trial.verify()
"""


class Server:
    """Speaks as much of OpenAI's protocol as is needed, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self.asked = self.busy = self.most = 0
        self.first: float | None = None
        self.last = 0.0
        self.port = 0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length:")[2].split("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                answer = await self._answer(json.loads(body)) if body else {"data": [{"id": "tiny"}]}
                data = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, request: dict[str, object]) -> dict[str, object]:
        self.first = self.first or time.perf_counter()
        self.asked += 1
        async with self._free:
            self.busy += 1
            self.most = max(self.most, self.busy)
            await asyncio.sleep(LATENCY)
            self.busy -= 1
        self.last = time.perf_counter()
        message = {"role": "assistant", "content": "```python\ndef inc(x):\n    return x + 1\n```"}
        usage = {"prompt_tokens": 50, "completion_tokens": 12, "total_tokens": 62}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "tiny",
            "choices": choices,
            "usage": usage,
        }


def timed(folder: Path, way: str, trials: int) -> float:
    """The ratio of one run, told in a line."""
    server = Server()
    tasks = math.ceil(trials / TRIALS_PER_TASK)
    lines = [
        {"task_id": f"T/{n}", "text": "Write inc(x).", "test_list": [f"assert inc({n}) == {n + 1}"]}
        for n in range(tasks)
    ]
    folder.mkdir()
    (folder / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "test_live.py").write_text(SUITE)
    (folder / "pyproject.toml").write_text(TABLE.format(port=server.port))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", way, "--cx-models=local", "--cx-run=run"]
    command += [f"--cx-trials={TRIALS_PER_TASK}", f"--cx-concurrency={AT_ONCE}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode != 0 or server.asked != tasks * TRIALS_PER_TASK or server.first is None:
        raise SystemExit(f"{server.asked} requests\n{done.stdout}{done.stderr}")
    start, ideal = server.first - began, server.asked / AT_ONCE * LATENCY
    ratio = (wall - start) / ideal
    calls = (server.last - server.first) / ideal
    print(
        f"{way}: {server.asked} trials in {wall:.1f} s, {start:.1f} s of them start-up; ideal {ideal:.1f} s; "
        f"ratio {ratio:.3f}, {calls:.3f} until the last answer; {server.most} requests at once; "
        f"{busy:.1f} s of processor time, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end",
        flush=True,
    )
    return ratio


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=1500)
    parser.add_argument("--ways", default="-n0,-n2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ratios = [timed(Path(folder) / way, way, options.trials) for way in options.ways.split(",")]
    raise SystemExit(max(ratios) > MOST)


if __name__ == "__main__":
    main()
