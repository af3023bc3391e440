"""`train` writes a plan beside the classifier where prompts show examples, and `route` tells of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pytest_complexity.cli import main
from pytest_complexity.core.outcomes import Outcome, Verdict

LADDER = ("small", "large")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory: the small model is right half of the time, the large one nearly always, and the check sees it."""
    chance, path = random.Random(0), tmp_path / "run"
    path.mkdir()
    config = {"ladder": LADDER, "trials": 3, "models": {name: {} for name in LADDER}, "calls": "all"}
    (path / "run.json").write_text(json.dumps(config))
    tasks, outcomes = [], []
    for number in range(120):
        text = f"Write function number {number} about {chance.random()} and {chance.random()}."
        tasks.append({"suite": "s", "task_id": f"T/{number}", "text": text})
        for model, share in zip(LADDER, (0.5, 0.95), strict=True):
            for trial in range(3):
                right = chance.random() < share
                verdict = Verdict.PASS if right else Verdict.WRONG
                outcomes.append(Outcome("s", f"T/{number}", model, trial, verdict, visible=right).to_json())
    for name, rows in (("tasks", tasks), ("outcomes", outcomes)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_train_writes_the_plan_that_keeps_the_target_and_route_tells_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    router = tmp_path / "router"
    train = ["train", str(run), "-o", str(router), "--classifier", "majority", "--repeats", "0"]
    assert main([*train, "--target", "accuracy>=0.85"]) == 0
    saved = json.loads((router / "cascade.json").read_text())
    assert saved["ladder"] == list(LADDER)
    assert saved["accuracy"] >= 0.85
    assert saved["target"] == "accuracy>=0.85"
    capsys.readouterr()
    assert main(["route", str(router), "a prompt"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() in LADDER
    assert err.startswith(f"cascade {saved['plan']}, calibrated to accuracy>=0.85: ")
    assert main(["route", str(router), "a prompt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] == saved["plan"]

    counts = tmp_path / "counts.jsonl"
    assert main(["label", str(run), "-o", str(counts)]) == 0
    assert main([*train[:1], str(counts), *train[2:], "--overwrite"]) == 0
    assert not (router / "cascade.json").exists()  # counts alone know of no check


def test_a_target_that_only_a_cascade_keeps_trains_and_one_that_nothing_keeps_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", str(run), "--classifier", "majority", "--repeats", "0", "-o", str(tmp_path / "router")]
    assert main([*train, "--target", "accuracy>=0.93"]) == 0
    assert "the safest point of this router" in capsys.readouterr().err
    assert json.loads((tmp_path / "router" / "cascade.json").read_text())["accuracy"] >= 0.93
    assert main([*train[:-1], str(tmp_path / "other"), "--target", "accuracy>=0.9999"]) == 2
    assert not (tmp_path / "other").exists()
