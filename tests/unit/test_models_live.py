"""The adapters that really call: a server on loopback that speaks OpenAI's protocol, and a tiny random Llama."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_complexity.errors import ModelError
from pytest_complexity.models import KNOWN_PRICES, Completion, LiveModel, Sampling, Unanswered
from pytest_complexity.models.ctransformers import CTransformersModel
from pytest_complexity.models.openai import OpenAIModel, Server as Place
from pytest_complexity.models.registry import build, name_of
from pytest_complexity.tasks import Task

ADD = Task(
    "t/1", "Write a function to add two numbers.", ("assert add(1, 2) == 3",), code="def add(a, b): return a + b"
)
GOOD_KEY = "sk-good-key"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTEST_COMPLEXITY_CODELLAMA"):
        monkeypatch.delenv(name, raising=False)


def ask(model: LiveModel, task: Task = ADD, trial: int = 0) -> Completion:
    return asyncio.run(model.complete("s", task, trial))


# -- the openai adapter -----------------------------------------------------------------------------------------------


def choice(text: str | None, reason: str = "stop") -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class Server(ThreadingHTTPServer):
    """Answers with `script`, the last entry for ever; `asked` holds the bodies of the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[tuple[int, Any]] = [(200, choice("hello"))]
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({"path": self.path, **body})
        script = self.server.script
        status, answer = script.pop(0) if len(script) > 1 else script[0]
        if self.headers["Authorization"] not in (f"Bearer {GOOD_KEY}", "Bearer none"):
            status, answer = 401, {"error": {"message": f"Incorrect key: {self.headers['Authorization']}"}}
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def chat(server: Server, *, timeout: float = 120.0, key_env: str | None = None, **options: Any) -> OpenAIModel:
    return OpenAIModel("m", "some-model", Place(server.url, key_env, timeout=timeout), **options)


def test_openai_answer_and_request(server: Server) -> None:
    answer = ask(chat(server, sampling=Sampling(0.5, 0.9, 33)))
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("hello", 11, 7)
    assert answer.seconds is not None
    assert answer.seconds > 0
    (request,) = server.asked
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["temperature"], request["top_p"]) == ("some-model", 0.5, 0.9)
    assert request["max_tokens"] == 33
    assert request["messages"][1]["content"].endswith("def add(a, b):")


def test_openai_retries_429(server: Server) -> None:
    server.script = [(429, {"error": {"message": "slow down"}}), (200, choice("later"))]
    assert ask(chat(server)).text == "later"
    assert len(server.asked) == 2


def test_openai_gives_up_on_500_in_one_line(server: Server) -> None:
    server.script = [(500, {"error": {"message": "broken\nin two lines"}})]
    with pytest.raises(Unanswered, match="500") as caught:
        ask(chat(server, max_retries=2))
    assert len(server.asked) == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        {**choice(""), "choices": []},
        {**choice(""), "choices": None},
        choice(None),
        choice(""),
        choice("half", "content_filter"),
        b"{not json",
        b'"a string"',
        b"null",
        [1],
    ],
)
def test_openai_no_answer_is_unanswered(server: Server, answer: Any) -> None:
    server.script = [(200, answer)]
    with pytest.raises(Unanswered):
        ask(chat(server, max_retries=1))


def test_openai_truncated_answer_is_kept_and_usage_may_lack(server: Server) -> None:
    server.script = [(200, {**choice("def f(", "length"), "usage": None})]
    assert ask(chat(server)) == Completion("def f(", None, None, seconds=pytest.approx(0, abs=60))


def test_openai_bad_key_is_unanswered_once_and_not_shown(server: Server) -> None:
    with pytest.raises(Unanswered, match="401") as caught:
        ask(chat(server, api_key="sk-secret"))
    assert "sk-secret" not in str(caught.value)
    assert len(server.asked) == 1


def test_openai_dead_server_is_unanswered(server: Server) -> None:
    with pytest.raises(Unanswered, match="Connection"):
        ask(OpenAIModel("m", "x", base_url="http://127.0.0.1:9/v1", max_retries=0))


def test_openai_timeout_is_unanswered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(Handler, "do_POST", lambda _: gate.wait(5))
    with pytest.raises(Unanswered, match="Timeout"):
        ask(chat(server, timeout=0.2, max_retries=0))
    gate.set()


def test_openai_many_at_once_and_again_in_another_loop(server: Server) -> None:
    model = chat(server)

    async def many() -> list[Completion]:
        answers = await asyncio.gather(*(model.complete("s", ADD, trial) for trial in range(20)))
        await model.aclose()
        return answers

    for _ in range(2):
        assert {answer.text for answer in asyncio.run(many())} == {"hello"}
    assert len(server.asked) == 40


def test_openai_key_and_url_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OpenAIModel("gpt4", "x")
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        model.check()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", GOOD_KEY)
    model.check()
    assert ask(model).text == "hello"
    with pytest.raises(ModelError, match="no address"):
        OpenAIModel("m", "x", base_url="localhost:80").check()


# -- the ctransformers adapter ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with two layers, in the version of GGUF that ctransformers reads."""
    gguf = pytest.importorskip("gguf", reason="the package gguf writes the tiny model; pip install gguf")
    pytest.importorskip("ctransformers", reason="ctransformers is not installed")
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    characters = ["\u2581".encode()] + [chr(code).encode() for code in range(32, 127)]
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256)), *characters]
    writer = gguf.GGUFWriter(str(path), "llama")
    _describe(writer, tokens, len(characters))
    _add_weights(writer, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with path.open("r+b") as file:  # the writer says version 3; the layout of these files is version 2's
        file.seek(4)
        file.write(struct.pack("<I", 2))
    return path


def _describe(writer: Any, tokens: list[bytes], characters: int) -> None:
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(characters)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * characters)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def _add_weights(writer: Any, vocabulary: int, width: int = 32, inner: int = 64) -> None:
    numpy = pytest.importorskip("numpy")
    draws = numpy.random.default_rng(0)
    shapes = {"token_embd": (vocabulary, width), "output": (vocabulary, width), "output_norm": (width,)}
    for layer in range(2):
        shapes |= {f"blk.{layer}.{name}": (width,) for name in ("attn_norm", "ffn_norm")}
        shapes |= {f"blk.{layer}.attn_{name}": (width, width) for name in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.ffn_{name}": (inner, width) for name in ("gate", "up")}
        shapes[f"blk.{layer}.ffn_down"] = (width, inner)
    for name, shape in shapes.items():
        weight = numpy.ones(shape) if len(shape) == 1 else draws.standard_normal(shape) * 0.05
        writer.add_tensor(name + ".weight", weight.astype(numpy.float32))


def local(path: Path | None, **sampling: Any) -> CTransformersModel:
    return CTransformersModel(
        "tiny", path, sampling=Sampling(**{"max_tokens": 24, "top_k": 10, **sampling}), context=512, threads=1
    )


def test_ctransformers_gives_a_whole_function(tiny: Path) -> None:
    model = local(tiny)
    model.check()
    answer = ask(model)
    assert answer.text.startswith("def add(a, b):")
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 20
    assert answer.completion_tokens is not None
    assert 1 <= answer.completion_tokens <= 24


def test_ctransformers_trial_alone_decides_the_answer(tiny: Path) -> None:
    """Order, company and what ran before change nothing; another trial or seed draws anew."""
    model = local(tiny)
    forward = [ask(model, trial=trial).text for trial in range(4)]
    assert len(set(forward)) == 4
    assert [ask(model, trial=trial).text for trial in (3, 2, 1, 0)] == forward[::-1]

    async def together() -> list[Completion]:
        return await asyncio.gather(*(model.complete("s", ADD, trial) for trial in range(4)))

    assert [answer.text for answer in asyncio.run(together())] == forward
    other = CTransformersModel("tiny", tiny, sampling=Sampling(max_tokens=24, top_k=10), context=512, threads=1, seed=1)
    assert ask(other).text != forward[0]


def test_ctransformers_each_token_has_its_own_luck(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine starts its generator anew at each token: one seed for a whole answer would repeat the same draw."""
    import ctransformers  # noqa: PLC0415 - may not be installed

    seeds: list[int] = []
    sample = ctransformers.LLM.sample

    def spy(llm: Any, *, seed: int, **options: Any) -> int:
        seeds.append(seed)
        return int(sample(llm, seed=seed, **options))

    monkeypatch.setattr(ctransformers.LLM, "sample", spy)
    answer = ask(local(tiny))
    assert answer.completion_tokens is not None
    assert len(set(seeds)) == len(seeds) >= answer.completion_tokens > 1


def test_ctransformers_greedy_ignores_the_trial(tiny: Path) -> None:
    model = local(tiny, temperature=0.0)
    assert len({ask(model, trial=trial).text for trial in range(3)}) == 1


def test_ctransformers_prompt_code_and_letters_outside_the_vocabulary(tiny: Path) -> None:
    code = 'def f():\n    """' + "漢字é" * 20 + '"""\n'
    answer = ask(local(tiny), Task("p", "p", ("assert f()",), prompt_code=code))
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > len(code)
    assert not answer.text.startswith("def f")


def test_ctransformers_prompt_beyond_the_context_is_unanswered(tiny: Path) -> None:
    with pytest.raises(Unanswered, match="context 512"):
        ask(local(tiny), Task("p", "p", ("assert f()",), prompt_code="x" * 600))


def test_ctransformers_cancelled_call_ends_soon(tiny: Path) -> None:
    model = local(tiny, max_tokens=400, temperature=50.0)
    ask(model)  # loads

    async def cancel() -> None:
        call = asyncio.create_task(model.complete("s", ADD, 0))
        await asyncio.sleep(0)  # the call has begun and cannot be over
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(cancel())
    assert ask(model, trial=1).text


def test_ctransformers_check_tells_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="PYTEST_COMPLEXITY_CODELLAMA"):
        local(None).check()
    with pytest.raises(ModelError, match=r"absent\.gguf"):
        local(tmp_path / "absent.gguf").check()
    text = tmp_path / "text.gguf"
    text.write_text("version https://git-lfs.github.com/spec/v1\n")
    monkeypatch.setenv("PYTEST_COMPLEXITY_CODELLAMA", str(text))
    with pytest.raises(ModelError, match="neither GGUF nor GGML"):
        build("codellama").check()
    with pytest.raises(Unanswered, match="neither"):
        ask(build("codellama"))


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model", "sampling"),
    [
        ("codellama", None, {"temperature": 1.0, "top_p": 0.95, "max_tokens": 200, "top_k": 10}),
        ("gpt35", "gpt-3.5-turbo-1106", {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2047}),
        ("gpt4", "gpt-4-1106-preview", {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2047}),
    ],
)
def test_built_in_models_are_the_papers(name: str, model: str | None, sampling: dict[str, float]) -> None:
    built = build(name)
    assert (built.name, built.price) == (name, KNOWN_PRICES[name])
    assert (built.definition["model"], built.definition["sampling"]) == (model, sampling)
    assert len(built.definition["prompts"]) == 64
    assert json.loads(json.dumps(built.definition)) == built.definition


def test_sampling_options_reach_the_definition() -> None:
    for name in ("codellama", "gpt4", "a=openai:b@http://c/v1"):
        sampling = build(name, temperature=0.0, max_tokens=9).definition["sampling"]
        assert (sampling["temperature"], sampling["max_tokens"]) == (0.0, 9)


def test_a_model_of_any_server(server: Server) -> None:
    spec = f"mine=openai:@org/model:7b@{server.url}"
    model = build(spec)
    assert (model.name, name_of(spec), model.price) == ("mine", "mine", None)
    model.check()
    assert ask(model).text == "hello"
    assert server.asked[0]["model"] == "@org/model:7b"


@pytest.mark.parametrize(
    "spec", ["gpt5", "x=openai:m", "x=openai:m@localhost", "=openai:m@http://h", "x=other:m@http://h"]
)
def test_unknown_name_lists_the_known(spec: str) -> None:
    with pytest.raises(ModelError, match=r"codellama, gpt35, gpt4, and NAME=openai:MODEL@URL"):
        build(spec)


def test_building_imports_no_vendor() -> None:
    code = (
        "import sys; from pytest_complexity.models.registry import build; "
        "[build(n).definition for n in ('codellama', 'gpt4')]; "
        "print({'openai', 'ctransformers', 'pytest'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
