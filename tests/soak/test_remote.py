"""Verification on a second host: `CX_SOAK=1 pytest -m soak tests/soak`, else skipped.

The second host is a network namespace with an address of its own, in which the first host's project is hidden; its
workers are execnet's socket server. Needs root and `ip`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif("CX_SOAK" not in os.environ, reason="long: set CX_SOAK to a number"),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="a network namespace needs root and ip"),
]

SPACE, HERE, THERE = "cx-second-host", "198.51.100.1", "198.51.100.2"
TASKS, WORKERS = 60, 2
SUITE = """
import os
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_slow(trial):
    assert not os.path.exists({recording!r})
    trial.verify()
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A suite whose programs take their time; what the model said lies beside it, on the first host alone."""
    project = tmp_path / "project"
    project.mkdir()
    recording = tmp_path / "said.jsonl"
    (project / "pytest.ini").touch()
    (project / "test_slow.py").write_text(SUITE.format(recording=str(recording)))
    with (project / "tasks.jsonl").open("w") as tasks, recording.open("w") as said:
        for n in range(TASKS):
            code = f"import time\ntime.sleep(0.4)\ndef f(x):\n    return x + {n % 2}"
            task = {"task_id": f"T/{n}", "text": "Write f.", "test_list": ["assert f(1) == 2"]}
            tasks.write(json.dumps(task) + "\n")
            said.write(json.dumps({"task_id": f"T/{n}", "model": "m", "trial": 0, "completion": code}) + "\n")
    return project


@pytest.fixture
def second_host(tmp_path: Path) -> Iterator[list[str]]:
    """The addresses of its workers."""
    try:
        ip("netns", "add", SPACE)
    except subprocess.CalledProcessError as why:
        pytest.skip(f"no network namespace: {why.stderr.decode().strip()}")
    servers = []
    try:
        ip("link", "add", "cx-first", "type", "veth", "peer", "name", "cx-second", "netns", SPACE)
        ip("addr", "add", f"{HERE}/30", "dev", "cx-first")
        ip("link", "set", "cx-first", "up")
        for words in (f"addr add {THERE}/30 dev cx-second", "link set cx-second up", "link set lo up"):
            ip("netns", "exec", SPACE, "ip", *words.split())
        for number in range(WORKERS):
            home = Path("/var/tmp") / f"cx-second-host-{number}"
            home.mkdir(exist_ok=True)
            place = f"{THERE}:{8900 + number}"
            hidden = f"mount -t tmpfs none {tmp_path} && cd {home} && exec {sys.executable} -m execnet.script.socketserver {place}"
            servers.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", SPACE, "unshare", "-m", "sh", "-c", hidden],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        for number in range(WORKERS):
            wait_for(8900 + number)
        yield [f"{THERE}:{8900 + number}" for number in range(WORKERS)]
    finally:
        for server in servers:
            server.kill()
            server.wait()
        ip("netns", "del", SPACE)
        for number in range(WORKERS):
            shutil.rmtree(Path("/var/tmp") / f"cx-second-host-{number}", ignore_errors=True)


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((THERE, port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the second host did not start")


def test_a_second_host_verifies_what_only_the_first_one_has(project: Path, second_host: list[str]) -> None:
    workers = [word for place in second_host for word in ("--tx", f"socket={place}")]
    command = [sys.executable, "-m", "pytest", str(project), "-d", *workers, f"--rsyncdir={project}"]
    command += ["-p", "no:randomly", "--cx-replay=../said.jsonl", "--cx-trials=1", f"--cx-run={project.parent}/run"]
    text = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False).stdout
    assert f"{TASKS} of {TASKS} trials measured" in text, text
    elsewhere = re.search(r"(\d+) trials were verified on other machines", text)
    assert elsewhere, text
    print(text[-300:], elsewhere[0])
    assert int(elsewhere[1]) > TASKS / 6
    rows = [json.loads(line) for line in (project.parent / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert {row["task_id"]: row["verdict"] for row in rows} == {
        f"T/{n}": "pass" if n % 2 else "wrong" for n in range(TASKS)
    }
