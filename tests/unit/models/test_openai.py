"""The adapter for servers of OpenAI's protocol: what is asked, what is made of each answer, what is told before a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import ChatServer, Reply, error, said

from pytest_complexity.core.tasks import Task
from pytest_complexity.errors import ModelError
from pytest_complexity.models import Busy, Completion, Price, Refused, Sampling, Unanswered
from pytest_complexity.models.openai import OpenAIModel, Server, _shares, _wait

ADD = Task(
    "t/1", "Write a function to add two numbers.", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b"
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(lambda asked: said(*["hello"] * asked.get("n", 1))) as server:
        yield server


def chat(server: ChatServer, *, timeout: float = 20.0, key_env: str | None = None, **options: Any) -> OpenAIModel:
    return OpenAIModel("m", "tiny", Server(server.url, key_env, timeout=timeout), **options)


def ask(model: OpenAIModel, task: Task = ADD, trial: int = 0) -> Completion:
    return asyncio.run(model.complete("s", task, trial))


def ask_all(model: OpenAIModel, count: int) -> dict[int, Completion | Unanswered]:
    return asyncio.run(model.complete_all("s", ADD, range(count)))


# -- what is asked ----------------------------------------------------------------------------------------------------


def test_a_chat_request_and_its_answer(server: ChatServer) -> None:
    answer = ask(chat(server, sampling=Sampling(0.5, 0.9, 33, top_k=7)))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("hello", 11, 7)
    assert answer.seconds is not None
    assert answer.seconds > 0
    (request,) = server.asked
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["temperature"], request["top_p"]) == ("tiny", 0.5, 0.9)
    assert (request["max_tokens"], request["top_k"]) == (33, 7)
    assert request["messages"][1]["content"].endswith("def add(a, b):")
    assert "n" not in request


def test_a_base_model_continues_the_prompt_and_the_whole_function_is_recorded(server: ChatServer) -> None:
    server.answer = lambda _: said("\n    return a + b\n\nprint(add(1, 2))")
    model = chat(server, endpoint="completions")
    assert ask(model).text == "def add(a, b):\n    return a + b\n\n"
    (request,) = server.asked
    assert request["path"] == "/v1/completions"
    assert request["prompt"] == "add two numbers.\ndef add(a, b):"
    assert model.definition["prompts"] != chat(server).definition["prompts"]


def test_key_address_and_organisation_from_the_environment(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OpenAIModel("gpt4", "tiny")
    with pytest.raises(ModelError, match="set OPENAI_API_KEY, or OPENAI_BASE_URL"):
        model.check()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-good")
    model.check()
    assert ask(model).text == "hello"
    own = OpenAIModel("m", "tiny", Server(server.url, "MY_KEY", "org-1"))
    with pytest.raises(ModelError, match=r"no key: set MY_KEY$"):
        own.check()
    monkeypatch.setenv("MY_KEY", "sk-mine")
    ask(own)
    assert [request["key"] for request in server.asked] == ["sk-good", "sk-mine"]


def test_a_model_that_wants_the_other_name_of_the_limit_gets_it_from_then_on(server: ChatServer) -> None:
    def strict(asked: dict[str, Any]) -> Reply:
        if "max_tokens" in asked:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return said(*["hello"] * asked.get("n", 1))

    server.answer = strict
    model = chat(server, sampling=Sampling(max_tokens=5))

    async def twice() -> list[dict[int, Completion | Unanswered]]:
        return list(await asyncio.gather(*(model.complete_all("s", ADD, [0, 1]) for _ in range(2))))

    for answers in asyncio.run(twice()):  # both were on their way with the wrong one
        assert [getattr(answer, "text", "") for answer in answers.values()] == ["hello", "hello"]
    ask(model)
    assert sum("max_tokens" in request for request in server.asked) == 2
    assert server.asked[-1]["max_completion_tokens"] == 5
    assert model.batch > 1


def test_many_at_once_and_again_in_another_loop(server: ChatServer) -> None:
    model = chat(server)

    async def many() -> list[Completion]:
        answers = await asyncio.gather(*(model.complete("s", ADD, trial) for trial in range(20)))
        await model.aclose()
        return answers

    for _ in range(2):
        assert {answer.text for answer in asyncio.run(many())} == {"hello"}
    assert len(server.asked) == 40


# -- all trials of a task in one request ------------------------------------------------------------------------------


def test_trials_of_one_request_share_its_tokens_and_the_sum_is_what_was_paid(server: ChatServer) -> None:
    server.answer = lambda _: said("a" * 10, "b" * 30, "c" * 61, prompt=100, completion=50)
    answers = ask_all(chat(server), 3)
    (request,) = server.asked
    assert request["n"] == 3
    assert [answer.text[0] for answer in answers.values() if isinstance(answer, Completion)] == ["a", "b", "c"]
    tokens = [(answer.prompt_tokens, answer.completion_tokens) for answer in answers.values()]  # type: ignore[union-attr]
    assert (sum(prompt for prompt, _ in tokens), sum(answer for _, answer in tokens)) == (100, 50)
    assert tokens[0][1] < tokens[1][1] < tokens[2][1]


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_shares_are_whole_and_add_up(total: int, weights: list[int]) -> None:
    shares = _shares(total, weights)
    assert sum(shares) == total  # type: ignore[arg-type]
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - total * weight / sum(weights)) <= 1 + 1e-6  # type: ignore[operator]


def test_one_choice_of_several_may_be_withheld(server: ChatServer) -> None:
    reply = said("a", "b")
    reply.body["choices"][0]["finish_reason"] = "content_filter"
    server.answer = lambda _: reply
    answers = ask_all(chat(server), 2)
    assert isinstance(answers[0], Unanswered)
    assert answers[0].usage is None
    assert answers[1] == Completion("b", 11, 7, seconds=pytest.approx(0, abs=60))


@pytest.mark.parametrize("reply", [said("only one"), error(400, "n must be 1"), error(422, "extra field", param="n")])
def test_a_server_that_cannot_answer_several_at_once_is_not_asked_to_again(server: ChatServer, reply: Reply) -> None:
    server.answer = lambda _: reply
    model = chat(server)
    assert model.batch > 100
    answers = ask_all(model, 3)
    assert len(answers) == (1 if reply.status == 200 else 0)
    assert model.batch == 1


def test_a_request_that_is_refused_for_another_reason_leaves_later_ones_whole(server: ChatServer) -> None:
    server.answer = lambda _: error(400, "this prompt is too long")
    model = chat(server)
    assert ask_all(model, 3) == {}
    assert model.batch > 1
    with pytest.raises(Unanswered, match="too long"):
        ask(model)
    assert chat(server, many=False).batch == 1


# -- what is made of an answer ----------------------------------------------------------------------------------------


def failure(server: ChatServer, **options: Any) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        ask(chat(server, **options))
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={"choices": []}),
        Reply(body={"choices": None}),
        Reply(body=b"{not json"),
        Reply(body=b'"a string"'),
        Reply(body=b"null"),
        Reply(body=[1]),
        Reply(body={"choices": "cut"}, cut=True),
        Reply(body=said("late").body, delay=2),
    ],
)
def test_an_answer_that_is_none_may_have_been_billed_and_is_worth_asking_again(
    server: ChatServer, reply: Reply
) -> None:
    server.answer = lambda _: reply
    why = failure(server, timeout=0.3)
    assert isinstance(why, Busy)
    assert why.billed


@pytest.mark.parametrize("reply", [said(None), said(""), said("half", reason="content_filter")])
def test_an_empty_or_withheld_answer_was_billed_and_is_none(server: ChatServer, reply: Reply) -> None:
    server.answer = lambda _: reply
    why = failure(server)
    assert not isinstance(why, Busy)
    assert why.usage == (11, 7)


def test_a_truncated_answer_is_one_and_its_usage_may_lack(server: ChatServer) -> None:
    reply = said("def f(", reason="length")
    reply.body["usage"] = None
    server.answer = lambda _: reply
    assert ask(chat(server)) == Completion("def f(", None, None, seconds=pytest.approx(0, abs=60))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(429, "slow down"), Busy),
        (error(500, "broken\nin two lines"), Busy),
        (error(503), Busy),
        (error(408), Busy),
        (error(400, "maximum context length is 4096", code="context_length_exceeded"), Unanswered),
        (error(401), Refused),
        (error(403), Refused),
        (error(404, "no such model"), Refused),
        (error(429, "pay first", code="insufficient_quota"), Refused),
    ],
)
def test_what_a_refusal_means(server: ChatServer, reply: Reply, kind: type) -> None:
    server.answer = lambda _: reply
    why = failure(server)
    assert type(why) is kind
    assert str(reply.status) in str(why)
    assert len(server.asked) == 1
    if isinstance(why, Busy):
        assert not why.billed
        assert why.limited == (reply.status == 429)


def test_a_server_that_is_gone_bills_nothing() -> None:
    with pytest.raises(Busy, match="Connection") as caught:
        ask(OpenAIModel("m", "x", Server("http://127.0.0.1:9/v1")))
    assert not caught.value.billed


def test_the_key_is_never_shown(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server.keys = ("sk-good",)
    assert "bad key [key]" in str(failure(server, key_env="MY_KEY"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "-3"}, 0.0),
        ({}, None),
    ],
)
def test_how_long_the_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert _wait(headers) == seconds


def test_what_a_call_can_cost_at_most_is_never_below_what_it_costs(server: ChatServer) -> None:
    """A token holds at least one byte, so no count of tokens passes the bytes of the prompt."""
    task = Task("t", "Schreib 漢字 é" * 30, ("assert f()",))
    prompt, answer = chat(server, sampling=Sampling(max_tokens=33), price=Price(1, 1)).most_tokens(task)
    assert prompt >= len(task.text.encode())
    assert answer == 33
    assert chat(server, endpoint="completions").most_tokens(task)[0] >= len(task.text.encode())


# -- what is told before the first call -------------------------------------------------------------------------------


@pytest.fixture
def told(server: ChatServer) -> Callable[..., str]:
    def told(place: Server | None = None, model: str = "tiny") -> str:
        with pytest.raises(ModelError) as caught:
            OpenAIModel("mine", model, place or Server(server.url)).check()
        assert not [asked for asked in server.asked if asked]
        return str(caught.value)

    return told


def test_a_server_that_is_down(told: Callable[..., str]) -> None:
    message = told(Server("http://127.0.0.1:9/v1"))
    assert message.startswith("model 'mine': no answer from http://127.0.0.1:9/v1")
    assert "start the server" in message
    assert "not an address" in told(Server("localhost:80"))


def test_a_name_that_the_server_does_not_know(told: Callable[..., str], server: ChatServer) -> None:
    assert "does not offer 'huge', but tiny" in told(model="huge")
    OpenAIModel("m", "huge", Server(server.url, listed=False)).check()
    server.models = None  # it offers no list
    OpenAIModel("m", "huge", Server(server.url)).check()


def test_a_key_that_the_server_refuses(
    told: Callable[..., str], server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.keys = ("sk-good",)
    monkeypatch.setenv("MY_KEY", "sk-bad")
    message = told(Server(server.url, "MY_KEY"))
    assert "refuses the key: set MY_KEY" in message
    assert "sk-bad" not in message
