"""The fine-tuning classifier against a server of our own on loopback: one job, resumed after an interruption."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from worlds import LADDER, labelled

from pytest_complexity.errors import TrainingError
from pytest_complexity.labels import Labels
from pytest_complexity.learning.classifiers import make, openai
from pytest_complexity.learning.model_store import Trained
from pytest_complexity.learning.training import arrays_of, fit
from pytest_complexity.learning.training.evaluation import evaluate

ROWS = labelled(40).rows
TEXTS = [row.task.text for row in ROWS]
LEVELS = np.array([row.level or 0 for row in ROWS])


class Server(ThreadingHTTPServer):
    """Files, jobs and answers. A tuned model says 2 of whatever holds "hard"; the base model says what is no level."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: list[bytes] = []
        self.jobs: list[dict[str, Any]] = []
        self.ends = "succeeded"
        self.looks = 0
        self.logprobs = True
        self.asked: list[dict[str, Any]] = []

    def job(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"job-{len(self.jobs)}",
            "object": "fine_tuning.job",
            "status": "queued",
            "fine_tuned_model": None,
            "error": None,
            "trained_tokens": None,
            **body,
        }

    def look(self, job: dict[str, Any]) -> dict[str, Any]:
        """Runs on the first look, ends on the second."""
        self.looks += 1
        job["status"] = "running" if self.looks < 2 else self.ends
        if job["status"] == "succeeded":
            job["fine_tuned_model"] = "tuned"
        elif job["status"] == "failed":
            job["error"] = {"code": "x", "message": "the file is too short", "param": None}
        return job

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        level = "2" if "hard" in body["messages"][-1]["content"] else "1"
        said = level if body["model"] == "tuned" else "Sure"
        tops = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in ((said, 0.9), ("x", 0.1))]
        content = [{**tops[0], "top_logprobs": tops}]
        choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": said}}
        choice["logprobs"] = {"content": content} if body.get("logprobs") and self.logprobs else None
        choices = [choice] * body.get("n", 1)
        return {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"], "choices": choices}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1/fine_tuning/jobs?"):
            self.reply({"object": "list", "data": self.server.jobs, "has_more": False})
        else:
            self.reply(self.server.look(next(job for job in self.server.jobs if self.path.endswith(job["id"]))))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/files":
            self.server.files.append(raw)
            self.reply({"id": "file-1", "object": "file", "filename": "train.jsonl", "purpose": "fine-tune"})
        elif self.path == "/v1/fine_tuning/jobs":
            self.server.jobs.append(self.server.job(json.loads(raw)))
            self.reply(self.server.jobs[-1])
        else:
            self.reply(self.server.answer(json.loads(raw)))

    def reply(self, record: dict[str, Any]) -> None:
        raw = json.dumps(record).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_API_KEY", "made-up")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setattr(openai, "POLL", 0.01)
    yield server
    server.shutdown()
    server.server_close()


def trained() -> Trained:
    return fit(ROWS, LADDER, "tier", "openai")


def test_it_uploads_creates_polls_and_asks_the_tuned_model(server: Server, tmp_path: Any) -> None:
    router = trained()
    assert (len(server.files), len(server.jobs), server.looks) == (1, 1, 2)
    assert server.jobs[0]["model"] == openai.BASE
    lines = [json.loads(line) for line in server.files[0].split(b"\r\n\r\n", 2)[2].splitlines() if line[:1] == b"{"]
    decided = [row for row in ROWS if row.level]
    assert len(lines) == len(decided) - round(openai.HELD * len(decided))
    told = {line["messages"][1]["content"]: line["messages"][2]["content"] for line in lines}
    assert all(told[row.task.text] == str(row.level) for row in decided if row.task.text in told)
    easy, hard = router.predict(["An easy task.", "A hard task."])
    assert (easy.level, hard.level) == (1, 2)
    assert easy.chances[0] > hard.chances[0]
    router.save(tmp_path)
    assert Trained.load(tmp_path).predict(["A hard task."]) == [hard]


def test_an_interrupted_training_goes_on_with_its_job_and_another_one_does_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def stop(_: float) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(openai.time, "sleep", stop)
        with pytest.raises(Killed):
            trained()
    trained()
    assert (len(server.files), len(server.jobs)) == (1, 1)
    fit(ROWS[:30], LADDER, "tier", "openai")
    assert len(server.jobs) == 2


def test_a_job_that_fails_says_why_and_the_next_training_begins_another(server: Server) -> None:
    server.ends = "failed"
    with pytest.raises(TrainingError, match="job job-0 is failed: the file is too short"):
        trained()
    server.ends = "succeeded"
    trained()
    assert len(server.jobs) == 2


def test_any_of_n_and_the_untrained_model_are_asked_for(server: Server) -> None:
    labels = labelled(40)
    majority = fit(ROWS, LADDER, "tier", "majority")
    found = evaluate(trained(), Labels(**{**vars(labels), "rows": labels.rows[:10]}), {"majority": majority})
    assert found is not None
    assert found.rows["openai"].any_of_n == found.rows["openai"].accuracy
    assert (found.rows["untrained"].accuracy, found.rows["untrained"].any_of_n) == (0, 0)
    assert {body["model"] for body in server.asked} == {"tuned", openai.BASE}


def test_what_the_server_refuses_is_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = make("openai").fit(TEXTS, LEVELS, *arrays_of(ROWS, LADDER))
    server.logprobs = False
    with pytest.raises(TrainingError, match="tuned gives no log-probabilities"):
        classifier.predict(["x"])
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(TrainingError, match="needs a key in OPENAI_API_KEY"):
        classifier.predict(["x"])
    monkeypatch.setenv("OPENAI_API_KEY", "made-up")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_: 0.0)
    with pytest.raises(TrainingError, match=r"the classifier 'openai': Connection error"):
        classifier.predict(["x"])
