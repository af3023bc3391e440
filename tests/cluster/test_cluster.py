"""Verdicts from a Ray cluster: two raylets on this machine, one of which dies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs ray: pip install 'pytest-complexity[ray]'")

import ray
from ray.cluster_utils import Cluster as Raylets

from pytest_complexity.cli import main
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.errors import SandboxError
from pytest_complexity.run import cluster as module
from pytest_complexity.run.cluster import Cluster, Node
from pytest_complexity.sandbox import Check, Limits, Program, Sandbox


@pytest.fixture
def raylets() -> Iterator[Any]:
    """Two nodes of one processor each. The first, which holds the cluster together, has none."""
    made = Raylets(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.add_node(num_cpus=1)
    made.add_node(num_cpus=1)
    made.wait_for_nodes()
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


BODIES = ("return x + {n}", "return x", "return x / 0", "import os; os._exit(0)")


def programs(count: int) -> list[Program]:
    return [
        Program(code=f"def f(x):\n    {BODIES[n % 4].format(n=n + 1)}", tests=(f"assert f(1) == {n + 2}",))
        for n in range(count)
    ]


def timeless(check: Check) -> Check:
    return replace(check, seconds=0.0)


def test_a_node_that_dies_in_the_middle_loses_and_doubles_nothing(raylets: Any) -> None:
    many = programs(120)
    with Sandbox() as sandbox:
        alone = [timeless(sandbox.check(program)) for program in many[:8]]
    with Cluster(raylets.address) as cluster:
        assert cluster.workers == 2
        asked = [cluster.submit(program) for program in many]
        asked[3].result()
        raylets.remove_node(raylets.list_all_nodes()[-1], allow_graceful=False)
        found = [timeless(future.result()) for future in asked]
        assert cluster.check(many[0]).verdict is Verdict.PASS  # on what is left
    assert found[:8] == alone
    assert [check.verdict for check in found] == [check.verdict for check in alone[:4]] * 30


class Slow(module.Worker):
    """It takes a while, and checks nothing."""

    def check_all(self, programs: Any) -> Any:
        time.sleep(0.5)
        return super().check_all(programs)


def test_where_every_node_is_gone_each_program_is_told_so(raylets: Any) -> None:
    with Cluster(raylets.address, worker=Slow) as cluster:
        asked = [cluster.submit(program) for program in programs(20)]
        for node in raylets.list_all_nodes()[1:]:
            raylets.remove_node(node, allow_graceful=False)
        for future in asked:
            assert isinstance(future.exception(60), SandboxError)


def test_what_waits_when_the_cluster_is_closed_is_told_so(raylets: Any) -> None:
    with Cluster(raylets.address, worker=Slow) as cluster:
        asked = [cluster.submit(program) for program in programs(200)]
    assert "closed" in str(asked[-1].exception(10))
    with pytest.raises(SandboxError, match="closed"):
        cluster.submit(programs(1)[0])


def test_an_address_without_a_cluster_is_one_line() -> None:
    with pytest.raises(SandboxError, match=r"no Ray cluster at 127\.0\.0\.1:9") as told:
        Cluster("127.0.0.1:9")
    assert "\n" not in str(told.value)


ALIKE = Node("a", 4, "namespaces", "3.11.7", "0.1.0")


@pytest.mark.parametrize("change", [{"level": "limits"}, {"python": "3.12.1"}, {"package": "0.2.0"}])
def test_nodes_that_differ_are_refused_with_a_list(change: dict[str, str]) -> None:
    other = replace(ALIKE, name="b", **change)
    with pytest.raises(SandboxError, match=r"the nodes differ: a: sandbox namespaces.*; b: sandbox") as told:
        module._common_level((ALIKE, other), None)
    assert ("--cx-sandbox" in str(told.value)) is ("level" in change)


def test_levels_may_differ_where_the_least_to_accept_is_said() -> None:
    other = replace(ALIKE, name="b", level="limits", python="3.11.9")
    assert module._common_level((ALIKE, other), "limits") == "limits"
    assert module._common_level((ALIKE, ALIKE), None) == "namespaces"
    with pytest.raises(SandboxError, match=r"Python 3\.12"):
        module._common_level((ALIKE, replace(other, python="3.12.1")), "limits")


def test_a_limit_is_that_of_the_driver(raylets: Any) -> None:
    with Cluster(raylets.address, limits=Limits(seconds=0.5)) as cluster:
        endless = Program(code="def f(x):\n    while True: pass", tests=("assert f(1) == 2",))
        assert cluster.check(endless).verdict is Verdict.TIMEOUT


SUITE = """
import pytest

@pytest.mark.complexity(tasks="tasks.jsonl")
def test_many(trial):
    trial.verify()
"""


def test_a_run_on_a_cluster_comes_to_what_a_run_here_comes_to(raylets: Any, pytester: pytest.Pytester) -> None:
    tasks = [
        {"task_id": f"T/{n}", "text": "f", "test_list": [f"assert f(1) == {n + 2}"], "code": "none"} for n in range(8)
    ]
    said = [
        {"task_id": f"T/{n}", "model": "m", "trial": 0, "completion": f"def f(x):\n    {BODIES[n % 4].format(n=n + 1)}"}
        for n in range(8)
    ]
    for name, rows in (("tasks.jsonl", tasks), ("said.jsonl", said)):
        (pytester.path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    pytester.makepyfile(test_many=SUITE)
    common = ["-p", "no:randomly", "--cx-models=m", "--cx-replay=said.jsonl", "--cx-trials=1"]
    for run, options in (("here", []), ("there", [f"--cx-ray={raylets.address}"])):
        done = pytester.runpytest_subprocess(*common, f"--cx-run={run}", *options)
        done.stdout.fnmatch_lines(["*8 of 8 trials measured*"])
    rows = [
        [
            json.loads(line) | {"seconds": 0}
            for line in (pytester.path / run / "outcomes.jsonl").read_text().splitlines()
        ]
        for run in ("here", "there")
    ]
    assert sorted(rows[0], key=lambda row: row["task_id"]) == sorted(rows[1], key=lambda row: row["task_id"])


def test_a_path_that_was_taken_for_the_address_is_told_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_many=SUITE)
    done = pytester.runpytest_subprocess("--cx-ray", "test_many.py")
    done.stderr.fnmatch_lines(["*--cx-ray: expected HOST:PORT, got 'test_many.py'. Write --cx-ray=HOST:PORT*"])


def test_verify_on_a_cluster_loses_nothing_when_a_node_dies(
    raylets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tasks = [{"task_id": f"T/{n}", "text": "f", "test_list": [f"assert f(1) == {n + 2}"]} for n in range(80)]
    said = [{"task_id": f"T/{n}", "completion": f"def f(x):\n    {BODIES[n % 4].format(n=n + 1)}"} for n in range(80)]
    for name, rows in (("tasks.jsonl", tasks), ("samples.jsonl", said)):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["verify", "m=samples.jsonl", "--suite=tasks.jsonl"]
    assert main([*command, "-o", "here"]) == 0
    killer = Thread(target=kill_one, args=(raylets, tmp_path / "there" / "outcomes.jsonl"))
    killer.start()
    assert main([*command, "-o", "there", f"--ray={raylets.address}"]) == 0
    killer.join()
    here, there = (
        [json.loads(line) for line in Path(run, "outcomes.jsonl").read_text().splitlines()] for run in ("here", "there")
    )
    verdicts = [{row["task_id"]: (row["verdict"], row["detail"]) for row in rows} for rows in (here, there)]
    assert verdicts[0] == verdicts[1]
    assert len(there) == 80


def kill_one(raylets: Any, outcomes: Path) -> None:
    """Kills a node once the first outcomes are there."""
    while not outcomes.exists() or outcomes.read_bytes().count(b"\n") < 8:
        time.sleep(0.02)
    raylets.remove_node(raylets.list_all_nodes()[-1], allow_graceful=False)


def test_an_address_that_is_none_is_told_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "m=samples.jsonl", "--suite=tasks.jsonl", "--ray", "samples"])
    assert "expected HOST:PORT, got 'samples'" in capsys.readouterr().err
