"""Requests that bring their checks: the cascade, with the sandbox as the judge of each answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from serve.conftest import EASY, Serve
from serve.test_serve import ask, chat, until
from servers import Reply, error, said

from pytest_complexity.calls.cascade import Plan

RIGHT, WRONG = "def double(x):\n    return 2 * x", "def double(x):\n    return x"
CHECKS = {"visible_tests": ["assert double(2) == 4"]}


def checked(**more: Any) -> dict[str, Any]:
    return chat(EASY, complexity={**CHECKS, **more}, max_tokens=7)


def saying(*texts: str) -> Callable[[Any], Reply]:
    """These in turn, the last for ever."""
    left = list(texts)
    return lambda _: said(left.pop(0) if len(left) > 1 else left[0])


def test_the_first_answer_that_passes_is_handed_in_and_the_client_is_told_what_was_tried(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("112", 2))
    serving.answers["small"] = saying(WRONG, "```python\n" + RIGHT + "\n```")
    status, headers, body = ask(serving.url, checked())
    assert status == 200
    assert RIGHT in json.loads(body)["choices"][0]["message"]["content"]
    assert headers["x-complexity-model"] == "small"
    assert headers["x-complexity-policy"] == "cascade"
    assert headers["x-complexity-tried"] == "small: failed, small: passed"
    assert headers["x-complexity-passed"] == "true"
    assert [body["max_tokens"] for body in serving.asked("small")] == [7, 7]
    assert "complexity" not in serving.asked("small")[0]
    assert not serving.asked("large")


def test_where_the_cheaper_model_fails_the_next_is_asked(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    serving.answers |= {"small": saying(WRONG), "large": saying(WRONG)}
    _, headers, body = ask(serving.url, checked())
    assert headers["x-complexity-tried"] == "small: failed, large: failed"
    assert headers["x-complexity-passed"] == "false"
    assert headers["x-complexity-model"] == "large"
    assert json.loads(body)["choices"][0]["message"]["content"] == WRONG
    until(lambda: len(serving.decisions()) == 1)
    row = serving.decisions()[0]
    assert (row["policy"], row["model"], row["calls"], row["passed"]) == ("cascade", "large", 2, False)
    assert row["cost_usd"] == pytest.approx((11 * 1 + 7 * 10 + 11 * 2 + 7 * 10) / 1e6)


def test_an_answer_without_code_fails_the_check(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    serving.answers |= {"small": lambda _: Reply(200, b"{not json"), "large": saying(RIGHT)}
    assert ask(serving.url, checked())[1]["x-complexity-tried"] == "small: failed, large: passed"


def test_an_error_of_a_model_is_the_clients(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    serving.answers["small"] = lambda _: error(429, "slow down", after=2)
    status, headers, body = ask(serving.url, checked())
    assert (status, headers["retry-after-ms"]) == (429, "2000")
    assert json.loads(body)["error"]["message"] == "slow down"


def test_a_model_that_is_down_is_passed_over_in_a_cascade_too(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    serving.answers |= {"small": lambda _: error(503), "large": saying(RIGHT)}
    status, headers, _ = ask(serving.url, checked())
    assert (status, headers["x-complexity-model"], headers["x-complexity-fallback"]) == (200, "large", "small")
    serving.answers["large"] = lambda _: Reply(200, b"{", cut=True)
    assert ask(serving.url, checked())[0] in (502, 503)


def test_the_parts_of_a_task_around_the_answer_can_be_given(serve: Serve) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    serving.answers["small"] = saying("```python\n    return 2 * x\n```")
    more = {"prompt_code": "def double(x):\n", "entry_point": "double", "test_setup_code": "two = 2"}
    request = checked(**more, visible_tests=["assert double(two) == 4"])
    assert ask(serving.url, request)[1]["x-complexity-tried"] == "small: passed"


BAD = {
    "no list": ({"complexity": {"visible_tests": "assert"}}, "field 'visible_tests': expected a list of strings"),
    "no test": ({"complexity": {"visible_tests": [" "]}}, "expected at least one assertion"),
    "a stream": ({"complexity": CHECKS, "stream": True}, "field 'stream': expected false"),
    "named": ({"complexity": CHECKS, "model": "large"}, "only model 'auto' has checks run"),
}


@pytest.mark.parametrize("case", BAD)
def test_checks_that_cannot_be_run_are_refused_before_a_model_is_asked(serve: Serve, case: str) -> None:
    serving = serve(plan=Plan.parse("12", 2))
    change, words = BAD[case]
    status, _, body = ask(serving.url, chat(EASY) | change)
    assert status == 400
    assert words in json.loads(body)["error"]["message"]
    assert not serving.asked("small")


def test_a_directory_without_a_plan_serves_no_checks(serve: Serve) -> None:
    status, _, body = ask(serve().url, checked())
    assert status == 400
    assert "`train` writes one" in json.loads(body)["error"]["message"]
