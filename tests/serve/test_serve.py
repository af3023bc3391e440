"""What travels through the server, and who gets which request."""

from __future__ import annotations

import http.client
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from serve.conftest import EASY, HARD, KEY, Serve
from servers import Reply, error, said

from pytest_complexity.learning.router import Router
from pytest_complexity.serve import Bounds


def ask(url: str, body: Any, path: str = "/v1/chat/completions", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (in lower case) and body, as they came."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, data, {"Content-Type": "application/json", **named})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def chat(text: str, model: str = "auto", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def test_an_easy_prompt_goes_to_the_small_model_and_a_hard_one_to_the_large(serve: Serve) -> None:
    serving = serve()
    for prompt, model in ((EASY, "small"), (HARD, "large")):
        status, headers, body = ask(serving.url, chat(prompt.format(n=5)))
        assert status == 200
        assert json.loads(body)["choices"][0]["message"]["content"] == f"{model} says so"
        assert headers["x-complexity-model"] == model
        assert headers["x-complexity-policy"] == "router"
        assert 0.5 < float(headers["x-complexity-chance"]) <= 1
    assert [serving.asked("small")[0]["model"], serving.asked("large")[0]["model"]] == ["small-v1", "large-v1"]


def test_a_model_that_is_named_gets_the_request(serve: Serve) -> None:
    serving = serve()
    _, headers, _ = ask(serving.url, chat(EASY, "large"))
    assert headers["x-complexity-policy"] == "named"
    assert "x-complexity-chance" not in headers
    assert len(serving.asked("large")) == 1


def test_a_request_travels_byte_for_byte_but_for_the_name_of_its_model(serve: Serve) -> None:
    serving = serve()
    body = (
        b'{ "seed":7.0,\r\n"model" :"large", "x":1e+2,"big":123456789012345678901234567890,"tools":[{"type":"function"}],'
        b'"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:;base64,AAAA"}}]}],'
        b'"s":"\\ud800 \\u00e9 \xc3\xa9","complexit":null}\n'
    )
    ask(serving.url, body)
    assert serving.asked("large")[0]["raw"] == body.replace(b'"large"', b'"large-v1"')


def test_headers_travel_but_for_those_of_one_connection_and_the_clients_token(serve: Serve) -> None:
    serving = serve(token="ours")
    serving.answers["large"] = lambda _: Reply(200, {"choices": []}, {"x-ratelimit-remaining-requests": "3"})
    _, headers, _ = ask(
        serving.url,
        chat("", "large"),
        Authorization="Bearer ours",
        X_Custom="kept",
        Cookie="a=b",
        X_Complexity_Session="s",
    )
    sent = {name.lower(): value for name, value in serving.asked("large")[0]["headers"].items()}
    assert sent["x-custom"] == "kept"
    assert sent["authorization"] == f"Bearer {KEY}"
    assert not {"cookie", "x-complexity-session"} & set(sent)
    assert headers["x-ratelimit-remaining-requests"] == "3"


@pytest.mark.parametrize(
    "reply", [Reply(200, b"{not json"), error(400, "too long", param="messages"), error(429, after=3)]
)
def test_an_answer_travels_as_it_is_even_where_it_is_an_error_or_no_json(serve: Serve, reply: Reply) -> None:
    serving = serve()
    serving.answers["small"] = lambda _: reply
    status, headers, body = ask(serving.url, chat(EASY))
    assert (status, body) == (
        reply.status,
        reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode(),
    )
    assert {name: headers.get(name) for name in reply.headers} == reply.headers
    assert serving.asked("large") == []


def test_a_stream_travels_chunk_by_chunk(serve: Serve) -> None:
    serving = serve()
    chunks = [b'data: {"n": %d}\n\n' % n for n in range(3)] + [b"data: [DONE]\n\n"]
    serving.answers["small"] = lambda _: Reply(stream=chunks, pause=0.2)
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(chat(EASY, stream=True)))
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream"
    assert answer.getheader("x-complexity-model") == "small"
    assert answer.read1() == chunks[0]  # while the server behind still has three to send
    assert answer.read() == b"".join(chunks[1:])


def test_completions_are_routed_by_their_prompt(serve: Serve) -> None:
    serving = serve()
    ask(serving.url, {"model": "auto", "prompt": [HARD.format(n=5)]}, "/v1/completions")
    assert serving.asked("large")[0]["path"] == "/v1/completions"


def test_the_last_message_of_the_user_decides(serve: Serve) -> None:
    serving = serve()
    messages = [
        {"role": "user", "content": EASY.format(n=1)},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": [{"type": "text", "text": HARD.format(n=2)}, {"type": "image_url"}]},
        {"role": "tool", "content": EASY.format(n=1)},
    ]
    assert ask(serving.url, {"model": "auto", "messages": messages})[1]["x-complexity-model"] == "large"


def test_a_conversation_stays_with_its_model_where_it_asks_for_that(serve: Serve) -> None:
    serving = serve(user_sessions=True)
    for named in ({"X_Complexity_Session": "a"}, {}):
        more = {} if named else {"user": "a"}
        first = ask(serving.url, chat(EASY, **more), **named)[1]
        second = ask(serving.url, chat(HARD, **more), **named)[1]
        assert [first["x-complexity-model"], second["x-complexity-model"]] == ["small", "small"]
        assert second["x-complexity-policy"] == "session"
    assert ask(serving.url, chat(HARD, user="b"))[1]["x-complexity-model"] == "large"


def test_only_so_many_conversations_are_remembered(serve: Serve) -> None:
    serving = serve(bounds=Bounds(sessions=2))
    for name in "abc":
        ask(serving.url, chat(EASY), X_Complexity_Session=name)
    models = [ask(serving.url, chat(HARD), X_Complexity_Session=name)[1]["x-complexity-model"] for name in "cba"]
    assert models == ["small", "small", "large"]


def test_the_user_field_alone_asks_for_nothing(serve: Serve) -> None:
    serving = serve()
    ask(serving.url, chat(EASY, user="a"))
    assert ask(serving.url, chat(HARD, user="a"))[1]["x-complexity-model"] == "large"


def broken(_: dict[str, Any]) -> Reply:
    return Reply(200, b"{", cut=True)


@pytest.mark.parametrize("trouble", [lambda _: error(503, "loading"), broken])
def test_the_next_model_answers_for_one_that_is_down_and_the_answer_says_so(
    serve: Serve, trouble: Callable[[dict[str, Any]], Reply]
) -> None:
    serving = serve()
    serving.answers["small"] = trouble
    status, headers, _ = ask(serving.url, chat(EASY))
    assert (status, headers["x-complexity-model"], headers["x-complexity-fallback"]) == (200, "large", "small")
    ask(serving.url, chat(EASY))
    assert len(serving.asked("small")) == 1  # passed over for a while
    assert json.loads(ask_get(serving.url, "/health"))["down"] == ["small"]


def ask_get(url: str, path: str, **headers: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request("GET", path, headers=headers)
    return connection.getresponse().read()


def test_a_dead_server_is_passed_over_and_a_named_one_is_an_error(serve: Serve) -> None:
    serving = serve()
    serving.behind["small"].shutdown()
    serving.behind["small"].server_close()
    assert ask(serving.url, chat(EASY))[1]["x-complexity-model"] == "large"
    status, _, body = ask(serving.url, chat(EASY, "small"))
    assert status == 503
    assert "'small' gave no answer" in json.loads(body)["error"]["message"]


def test_where_all_are_down_the_client_gets_one_line(serve: Serve) -> None:
    serving = serve(bounds=Bounds(silent_seconds=0.2))
    for name in serving.behind:
        serving.answers[name] = lambda _: Reply(200, {}, delay=1.0)
    status, _, body = ask(serving.url, chat(EASY))
    assert status == 504
    assert json.loads(body)["error"]["message"] == "model 'auto': 'small', 'large' was silent for too long; try again"


def test_a_stream_that_is_cut_is_cut_for_the_client_too(serve: Serve) -> None:
    serving = serve()
    serving.answers["small"] = lambda _: Reply(stream=[b"data: 1\n\n"], cut=True)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(serving.url, chat(EASY, stream=True))
    until(lambda: len(serving.decisions()) == 1)
    assert serving.decisions()[0]["whole"] is False


def until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to hold")


def test_a_client_that_hangs_up_ends_the_work_behind(serve: Serve) -> None:
    serving = serve()
    serving.answers["small"] = lambda _: Reply(stream=[b"data: 1\n\n"] * 400, pause=0.05)
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(chat(EASY, stream=True)))
    connection.getresponse().read1()
    connection.sock.close()
    connection.close()
    until(lambda: serving.behind["small"].gone == 1)
    until(lambda: serving.decisions()[-1]["status"] == 200 and not serving.decisions()[-1]["whole"])


def test_a_connection_that_the_server_behind_closed_while_it_lay_idle_is_replaced(serve: Serve) -> None:
    serving = serve()
    ask(serving.url, chat(EASY))
    serving.answers["small"] = lambda _: Reply(200, {"choices": []}, {"Connection": "close"})
    assert [ask(serving.url, chat(EASY))[1]["x-complexity-model"] for _ in range(3)] == ["small"] * 3


class Failing:
    """A router that cannot route; it is as slow as wanted before it says so."""

    def __init__(self, router: Router, seconds: float = 0.0) -> None:
        self.ladder = router.ladder
        self._seconds = seconds

    def route_all(self, _: list[str]) -> None:
        time.sleep(self._seconds)
        raise RuntimeError("no")


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_where_the_router_fails_or_is_slow_the_default_model_answers(
    serve: Serve, directory: Any, seconds: float
) -> None:
    serving = serve(router=Failing(Router.load(directory), seconds), bounds=Bounds(route_seconds=0.1))
    status, headers, _ = ask(serving.url, chat(EASY))
    assert (status, headers["x-complexity-model"], headers["x-complexity-policy"]) == (200, "large", "default")


def test_the_dry_run_says_what_would_be_asked_and_asks_nobody(serve: Serve) -> None:
    serving = serve()
    route = json.loads(ask(serving.url, chat(EASY), "/v1/route")[2])
    assert (route["model"], route["policy"], route["order"]) == ("small", "router", ["small", "large"])
    assert route["chances"]["small"] == route["chance"]
    assert not serving.asked("small")


def test_the_models_are_listed(serve: Serve) -> None:
    serving = serve()
    listed = json.loads(ask_get(serving.url, "/v1/models"))
    assert [model["id"] for model in listed["data"]] == ["auto", "small", "large"]
    assert json.loads(ask_get(serving.url, "/v1/models/small"))["id"] == "small"
    assert json.loads(ask_get(serving.url, "/v1/models/none"))["error"]["code"] == "model_not_found"


BAD = {
    "not json": (b'{"model": "auto", ', 400, "the body is not JSON"),
    "not utf-8": (b'{"model": "\xff"}', 400, "not UTF-8"),
    "a list": (b"[]", 400, "not JSON: Expecting '{'"),
    "nan": (b'{"model": "auto", "x": NaN}', 400, "NaN is not JSON"),
    "deep": (b'{"model": "auto", "x": ' + b"[" * 200_000, 400, "cannot be read"),
    "twice": (b'{"model": "auto", "model": "large"}', 400, "'model' is there twice"),
    "nothing": (b"", 400, "the body is not JSON"),
    "no model": (b"{}", 400, "field 'model'"),
    "a number": (b'{"model": 3}', 400, "field 'model'"),
    "unknown": (b'{"model": "gpt-9", "messages": []}', 404, "no model 'gpt-9'; there are auto, small, large"),
    "no messages": (b'{"model": "auto"}', 400, "field 'messages': missing"),
    "empty messages": (b'{"model": "auto", "messages": []}', 400, "field 'messages'"),
    "odd messages": (b'{"model": "auto", "messages": [3]}', 400, "field 'messages'"),
    "odd complexity": (b'{"model": "auto", "complexity": 3}', 400, "field 'complexity'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_in_one_line_and_reaches_no_model(serve: Serve, case: str) -> None:
    serving = serve()
    body, wanted, words = BAD[case]
    status, _, answer = ask(serving.url, body)
    message = json.loads(answer)["error"]["message"]
    assert status == wanted
    assert words in message
    assert "\n" not in message
    assert not serving.asked("small")
    assert not serving.asked("large")
    assert ask(serving.url, chat(EASY))[0] == 200  # nothing else is affected


def test_a_path_that_is_not_served_is_an_error_of_one_line(serve: Serve) -> None:
    status, _, body = ask(serve().url, {}, "/v1/embeddings")
    assert (status, json.loads(body)["error"]["message"]) == (404, "POST /v1/embeddings: Not Found")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(serve: Serve) -> None:
    serving = serve(bounds=Bounds(body_mb=1))
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    answer = connection.getresponse()  # though not one byte of the body was sent
    assert answer.status == 413
    assert json.loads(answer.read())["error"]["message"] == "the body is larger than 1 MB"


def test_a_body_of_no_stated_size_is_held_no_further_than_its_bound(serve: Serve) -> None:
    serving = serve(bounds=Bounds(body_mb=1))
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    endless = (b"x" * 65_536 for _ in range(1_000))
    tracemalloc.start()
    try:
        connection.request(
            "POST", "/v1/chat/completions", endless, {"Transfer-Encoding": "chunked"}, encode_chunked=True
        )
        assert connection.getresponse().status == 413
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert ask(serving.url, chat(EASY))[0] == 200


def test_the_bytes_of_all_requests_together_are_bounded(serve: Serve) -> None:
    serving = serve(bounds=Bounds(memory_mb=0.0001))
    status, headers, body = ask(serving.url, chat("x" * 200))
    assert (status, headers["retry-after"], json.loads(body)["error"]["code"]) == (503, "1", "overloaded")


def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    serving = serve(bounds=Bounds(read_seconds=0.2))
    connection = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", "100")
    connection.endheaders()
    assert connection.getresponse().status == 408


def test_requests_beyond_the_bound_are_told_to_come_again(serve: Serve) -> None:
    serving = serve(bounds=Bounds(in_flight=1))
    serving.answers["small"] = lambda _: Reply(200, {}, delay=1.0)
    first = http.client.HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
    first.request("POST", "/v1/chat/completions", json.dumps(chat(EASY)))
    until(lambda: len(serving.asked("small")) == 1)
    assert ask(serving.url, chat(EASY))[0] == 503
    assert first.getresponse().status == 200


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Bearer our", "Bearer \u00fc"])
def test_without_the_token_nothing_is_served(serve: Serve, given: str) -> None:
    serving = serve(token="ours")
    status, _, body = ask(serving.url, chat(EASY), Authorization=given)
    assert (status, json.loads(body)["error"]["code"]) == (401, "invalid_api_key")
    assert not serving.asked("small")
    assert b"invalid_api_key" in ask_get(serving.url, "/v1/models", Authorization=given)
    assert b"ok" in ask_get(serving.url, "/health")
    assert ask(serving.url, chat(EASY), Authorization="Bearer ours")[0] == 200


def test_without_a_token_a_page_in_a_browser_is_not_served(serve: Serve) -> None:
    serving = serve()
    assert ask(serving.url, chat(EASY), Origin="https://evil.example")[0] == 403
    assert not serving.asked("small")


def test_the_key_of_a_provider_reaches_no_client_and_no_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    serving = serve()
    serving.behind["large"].keys = ("another",)  # so it refuses ours, and quotes it
    status, _, body = ask(serving.url, chat(HARD, "large"))
    assert status == 401
    assert b"bad key [key]" in body
    serving.answers["small"] = lambda _: Reply(200, b"{", cut=True)
    ask(serving.url, chat(EASY))
    assert KEY not in serving.log.read_text() + caplog.text


def test_the_server_behind_gets_a_key_only_of_its_own(serve: Serve) -> None:
    serving = serve()
    ask(serving.url, chat(EASY), Authorization="Bearer of-the-client")
    assert serving.asked("small")[0]["key"] == KEY


def test_redirects_are_not_followed_with_the_key(serve: Serve) -> None:
    serving = serve()
    serving.answers["small"] = lambda _: Reply(307, {}, {"Location": serving.behind["large"].url + "/chat/completions"})
    assert ask(serving.url, chat(EASY))[0] == 307
    assert not serving.asked("large")


def test_each_decision_is_a_line_of_the_log(serve: Serve) -> None:
    serving = serve()
    ask(serving.url, chat(EASY, complexity={"task_id": "mine"}))
    ask(serving.url, chat(HARD))
    until(lambda: len(serving.decisions()) == 2)
    first, second = serving.decisions()
    assert first["task_id"] == "mine"
    assert second["task_id"].startswith("prompt/")
    assert [first["model"], first["policy"], first["status"], first["whole"]] == ["small", "router", 200, True]
    assert (first["prompt_tokens"], first["completion_tokens"]) == (11, 7)
    assert first["cost_usd"] == pytest.approx((11 * 1 + 7 * 10) / 1e6)
    assert first["costs"]["large"] == pytest.approx((11 * 2 + 7 * 10) / 1e6)
    assert "complexity" not in serving.asked("small")[0]
    assert EASY not in serving.log.read_text()


def test_the_tokens_of_a_stream_are_those_at_its_end(serve: Serve) -> None:
    serving = serve()
    tail = b'data: {"choices":[],"usage":{"completion_tokens":2,"prompt_tokens":5}}\n\n'
    serving.answers["small"] = lambda _: Reply(stream=[b'data: {"usage": null}\n\n', tail, b"data: [DONE]\n\n"])
    ask(serving.url, chat(EASY, stream=True))
    until(lambda: len(serving.decisions()) == 1)
    assert (serving.decisions()[0]["prompt_tokens"], serving.decisions()[0]["completion_tokens"]) == (5, 2)


def test_many_at_once_get_each_their_own_answer(serve: Serve) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    serving = serve()
    for name in serving.behind:
        serving.answers[name] = lambda body: said(body["messages"][0]["content"])
    prompts = [(HARD if n % 2 else EASY).format(n=n) for n in range(60)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda prompt: json.loads(ask(serving.url, chat(prompt))[2]), prompts))
    assert [each["choices"][0]["message"]["content"] for each in answers] == prompts
    until(lambda: len(serving.decisions()) == 60)
    assert sorted(row["model"] for row in serving.decisions()) == ["large"] * 30 + ["small"] * 30
