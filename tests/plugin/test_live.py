"""Models that are really called: over HTTP, from a server on loopback that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers import ChatServer, Reply, error, said

Runner = Callable[..., pytest.RunResult]
Outcomes = Callable[..., dict[str, dict[str, Any]]]

ANSWERS = {
    "double": "```python\ndef double(x):\n    return 2 * x\n```",
    "negate": "Here:\n```python\ndef negate(x):\n    return x\n```",
    "one": "I cannot.",
}
VERDICTS = {
    f"{task}-local-{trial}": verdict
    for task, verdict in (("T/1", "pass"), ("T/2", "wrong"), ("T/3", "no_code"))
    for trial in range(2)
}
TABLE = """
[tool.pytest-complexity.models.local]
adapter = "openai"
model = "tiny"
url = "{url}"
input_price = 1000.0
output_price = 1000.0
max_tokens = {max_tokens}
{more}
"""


def function(asked: dict[str, Any]) -> str:
    """The name of the function that a prompt asks for."""
    return next(name for name in ANSWERS if name in asked["messages"][-1]["content"])


def answer(asked: dict[str, Any]) -> Reply:
    return said(*[ANSWERS[function(asked)]] * asked.get("n", 1), prompt=10, completion=6)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer) as server:
        yield server


@pytest.fixture
def table(suite: pytest.Pytester, server: ChatServer) -> Callable[..., None]:
    def write(more: str = "", max_tokens: int = 100) -> None:
        suite.makepyprojecttoml(TABLE.format(url=server.url, more=more, max_tokens=max_tokens))

    return write


def verdicts(outcomes: Outcomes) -> dict[str, str]:
    return {key: row["verdict"] for key, row in outcomes().items()}


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_a_server_is_asked_once_for_each_task_and_never_again(
    run: Runner, outcomes: Outcomes, server: ChatServer, way: str
) -> None:
    run(way, models=server.spec, replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert [asked["n"] for asked in server.asked] == [2, 2, 2]
    assert verdicts(outcomes) == VERDICTS
    assert {(row["prompt_tokens"], row["completion_tokens"]) for row in outcomes().values()} == {(5, 3)}
    assert run(way, models=server.spec, replay="").ret == 0
    assert len(server.asked) == 3


def test_a_model_of_pyproject_may_ask_for_each_trial_by_itself(
    run: Runner, outcomes: Outcomes, server: ChatServer, table: Callable[..., None]
) -> None:
    table("many = false")
    run(models="local", replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert [asked.get("n") for asked in server.asked] == [None] * 6
    assert verdicts(outcomes) == VERDICTS
    assert {row["cost_usd"] for row in outcomes().values()} == {0.016}


def test_what_failed_is_unmeasured_and_asked_again(run: Runner, outcomes: Outcomes, server: ChatServer) -> None:
    server.answer = lambda asked: error(400) if function(asked) == "negate" else answer(asked)
    result = run(models=server.spec, replay="")
    assert result.ret == 1
    assert sum(verdict == "unmeasured" for verdict in verdicts(outcomes).values()) == 2
    server.answer = answer
    server.asked.clear()
    run(models=server.spec, replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert {function(asked) for asked in server.asked} == {"negate"}


def test_a_live_run_replays_and_then_needs_no_price(run: Runner, outcomes: Outcomes, server: ChatServer) -> None:
    run(models=server.spec, replay="")
    run("--cx-max-cost=1", models="", replay="run", to="again")
    assert outcomes("again") == outcomes("run")
    assert len(server.asked) == 3


# -- faults -----------------------------------------------------------------------------------------------------------


def test_a_servers_troubles_leave_no_wrong_verdict(
    run: Runner, outcomes: Outcomes, server: ChatServer, table: Callable[..., None]
) -> None:
    """Each trouble at the first request for a task; pytest-timeout, at one second, never fires."""
    seen: Counter[str] = Counter()
    first = {
        "double": error(429, "slow down", after=1.5),
        "negate": Reply(body=b"{not json", headers={}),
        "one": Reply(body=answer({"messages": [{"content": "one"}]}).body, cut=True),
    }

    def troubled(asked: dict[str, Any]) -> Reply:
        seen[function(asked)] += 1
        return first[function(asked)] if seen[function(asked)] == 1 else answer(asked)

    server.answer = troubled
    table()
    result = run("--timeout=1", models="local", replay="")
    result.stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert verdicts(outcomes) == VERDICTS


# -- money ------------------------------------------------------------------------------------------------------------


def test_the_cap_stops_before_a_call_would_pass_it_and_a_larger_one_goes_on(
    run: Runner, outcomes: Outcomes, server: ChatServer, table: Callable[..., None]
) -> None:
    """A trial costs 11 cents and could cost some 50, its prompt being counted in bytes: so much must be free."""
    server.answer = lambda asked: said(ANSWERS[function(asked)], prompt=10, completion=100)
    table("many = false")
    result = run("--cx-max-cost=0.8", models="local", replay="")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*not measured: --cx-max-cost=0.8: $0.* are spent, and this call can cost up to $*"])
    paid = len(server.asked)
    assert 0 < paid < 6
    assert Counter(verdicts(outcomes).values())["unmeasured"] == 6 - paid
    run("--cx-max-cost=5", models="local", replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert len(server.asked) == 6
    assert verdicts(outcomes) == VERDICTS


def test_a_cap_needs_a_price(run: Runner, server: ChatServer) -> None:
    result = run("--cx-max-cost=1", models=server.spec, replay="")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--cx-max-cost: model 'local' has no price: set input_price and output_price*"])
    assert server.asked == []


# -- before the first call --------------------------------------------------------------------------------------------


def test_models_that_cannot_run_stop_the_run_with_the_way_to_mend_each(
    run: Runner, suite: pytest.Pytester, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTEST_COMPLEXITY_CODELLAMA"):
        monkeypatch.delenv(name, raising=False)
    tables = {
        "down": 'url = "http://127.0.0.1:9/v1"',
        "strange": f'url = "{server.url}"\nmodel = "huge"',
        "slip": f'url = "{server.url}"\nmodle = "tiny"',
    }
    suite.makepyprojecttoml(
        "".join(
            f'[tool.pytest-complexity.models.{name}]\nadapter = "openai"\n{text}\n' for name, text in tables.items()
        )
    )
    result = run(models="codellama,gpt4,nope,down,strange,slip", replay="")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [
            "*set PYTEST_COMPLEXITY_CODELLAMA*",
            "*set OPENAI_API_KEY*",
            "*there is no model 'nope'. Use one of codellama, gpt35, gpt4, *down, strange, slip*",
            "*model 'down': no answer from http://127.0.0.1:9/v1*start the server*",
            "*model 'strange': http://127.0.0.1:*/v1 does not offer 'huge', but tiny*",
            "*models.slip] there is no setting 'modle'*",
            "*--cx-replay*",
        ]
    )
    assert "Traceback" not in result.stderr.str()
    assert server.asked == []


def test_collecting_asks_no_server(run: Runner) -> None:
    result = run("--collect-only", models="a=openai:m@http://127.0.0.1:9/v1", replay="")
    result.stdout.fnmatch_lines(["*6 tests collected*"])


# -- progress ---------------------------------------------------------------------------------------------------------

OFTEN = "import pytest_complexity.run.progress\npytest_complexity.run.progress.EVERY = 0.1\n"


@pytest.mark.parametrize("way", ["-n0", "-n2", "-q"])
def test_long_work_tells_how_far_it_is_unless_it_is_to_be_quiet(
    run: Runner, suite: pytest.Pytester, server: ChatServer, table: Callable[..., None], way: str
) -> None:
    server.answer = lambda asked: Reply(body=answer(asked).body, delay=0.3)
    table("many = false")
    suite.makeconftest(OFTEN)
    lines = run(way, "--cx-concurrency=1", models="local", replay="").stdout.lines
    told = [line for line in lines if line.startswith("complexity: local  ")]
    assert bool(told) == (way != "-q")
    assert all(re.match(r"complexity: local  \d/6  \d+\.\d/s  \d in flight  \$0\.\d{4}", line) for line in told)


# -- Ctrl-C, -x -------------------------------------------------------------------------------------------------------

# A shell's background job ignores Ctrl-C, and so would its children: what a terminal would give is set again.
START = (
    "import pytest, signal; signal.signal(signal.SIGINT, signal.default_int_handler); raise SystemExit(pytest.main())"
)


def started(suite: pytest.Pytester, server: ChatServer, *options: str) -> subprocess.Popen[str]:
    """A run that has two of its three calls in flight."""
    command = [sys.executable, "-c", START, f"--cx-models={server.spec}", "--cx-trials=2", "--cx-run=run"]
    command += ["--cx-concurrency=2", "-p", "no:randomly", *options]
    process = subprocess.Popen(
        command, cwd=suite.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    while server.busy < 2:
        assert process.poll() is None
    return process


def completions(suite: pytest.Pytester) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (suite.path / "run" / "completions.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_the_first_ctrl_c_lets_calls_in_flight_land(
    run: Runner, suite: pytest.Pytester, server: ChatServer, way: str
) -> None:
    server.answer = lambda asked: Reply(body=answer(asked).body, delay=2.0)
    process = started(suite, server, way)
    process.send_signal(signal.SIGINT)
    said_of_it = process.communicate(timeout=30)[0]
    assert process.returncode == 2, said_of_it
    assert "waiting for 2 calls in flight; Ctrl-C drops them" in said_of_it
    assert "Traceback" not in said_of_it
    assert len(completions(suite)) == 4
    server.answer = answer
    run(way, models=server.spec, replay="").stdout.fnmatch_lines(["*2 passed, 4 wrong*"])
    assert sorted(function(asked) for asked in server.asked) == ["double", "negate", "one"]


def test_the_second_ctrl_c_stops_at_once(suite: pytest.Pytester, server: ChatServer) -> None:
    server.answer = lambda asked: Reply(body=answer(asked).body, delay=25.0)
    process = started(suite, server, "-n2")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("waiting for 2 calls" in line for line in lines)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=15)[0]
    assert "calls in flight were dropped" in rest
    assert process.returncode == 2
    assert completions(suite) == []


def test_after_x_no_call_begins_and_those_in_flight_are_written(
    run: Runner, suite: pytest.Pytester, server: ChatServer
) -> None:
    def slow(asked: dict[str, Any]) -> Reply:
        return error(400) if function(asked) == "double" else Reply(body=answer(asked).body, delay=1.0)

    server.answer = slow
    run("-x", "--cx-concurrency=2", models=server.spec, replay="")
    assert {function(asked) for asked in server.asked} == {"double", "negate"}
    assert {row["task_id"] for row in completions(suite)} == {"T/2"}


# -- what a policy leaves out -----------------------------------------------------------------------------------------

POLICY = """
from pytest_complexity.run.pipeline import AllCalls, Pipeline, Step

class FirstTrials(AllCalls):
    def first(self):
        return [key for key in self._plan if key.trial == 0]

    def after(self, outcome):
        rest = [key for key in self._plan if key.task_id == outcome.task_id and key.trial]
        return Step(skip=dict.fromkeys(rest, "level already decided"))

start = Pipeline.start
Pipeline.start = lambda self, tasks, plan, *_: start(self, tasks, plan, FirstTrials(plan))
"""


@pytest.mark.parametrize("way", ["-n0", "-n2"])
def test_what_a_policy_leaves_out_is_skipped_and_not_written(
    run: Runner, suite: pytest.Pytester, outcomes: Outcomes, way: str
) -> None:
    suite.makeconftest(POLICY)
    result = run(way, "-rs", "-v")
    assert result.ret == 0
    result.assert_outcomes(passed=4, skipped=6)
    result.stdout.fnmatch_lines(["*SKIPPED*", "SKIPPED [[]6[]] test_small.py:*: level already decided"])
    assert {key[-1] for key in outcomes()} == {"0"}
