"""--cx-router: a trained router judged on a run, whichever way the session runs."""

from __future__ import annotations

import json

import pytest
from small import Runner

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.labels import label_all
from pytest_complexity.learning.classifiers import CHEAP
from pytest_complexity.learning.training import train

LADDER = ("small", "large")


@pytest.fixture
def router(suite: pytest.Pytester) -> str:
    """Trained on other tasks, and on one of the suite's."""
    texts = ["Write double(x).", *(f"Write number{n}() in {n * n} ways." for n in range(30))]
    counts = [
        TaskCounts("old", f"O/{n}", text, dict.fromkeys(LADDER, 2), {"small": 2 * (n % 2), "large": 2}, 2)
        for n, text in enumerate(texts)
    ]
    train(label_all(counts, LADDER), "majority", share=0).save(suite.path / "router")
    return "--cx-router=router"


@pytest.mark.parametrize("mode", [("-p", "no:xdist"), ("-n0",), ("-n2",)], ids=["no xdist", "n0", "n2"])
def test_the_report_holds_the_routers_score_its_leaks_and_its_policies(
    mode: tuple[str, ...], router: str, suite: pytest.Pytester, run: Runner
) -> None:
    result = run(router, "--cx-gate=router.leaked == 1", "--cx-gate=router.majority <= 1", *mode)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["levels by *exact*within 1*5 tries*", "WARNING: 1 of these tasks repeat *"])
    report = json.loads((suite.path / "run" / "report.json").read_text())
    assert report["router"]["classifier"] == "majority"
    assert report["router"]["tasks"] == 2  # T/3 was solved once of twice, and has no level
    assert set(report["router"]["rows"]) == {*CHEAP, "untrained"}
    assert "utility" in report["policies"]


def test_a_router_for_another_ladder_ends_the_run_before_it_begins(
    router: str, suite: pytest.Pytester, run: Runner
) -> None:
    result = run(router, models="large,small")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*the router is for small, large by tier*"])
    assert not (suite.path / "run").exists()
