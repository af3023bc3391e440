"""The page in a real browser: what a person sees, clicks and types, and that no text of strangers gets a hold of it.

Needs Chromium and its driver (Debian: `apt install chromium chromium-driver`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made import LADDER, html, made_run, results, routed
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from pytest_complexity.core.counts import TaskCounts
from pytest_complexity.core.outcomes import Verdict
from pytest_complexity.report.assembly import results_of
from pytest_complexity.report.gates import GateResult
from pytest_complexity.report.html import page
from pytest_complexity.run.directory import RunRecord
from pytest_complexity.run.inputs import Measured

FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)
RUN = made_run()
REPORT = results(RUN).report
PHONE, DESKTOP = 390, 1440


class Browser:
    """One Chromium. `errors` and `requests` tell what came up since the last page was opened."""

    def __init__(self, chromium: str, driver: str, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"user-data-dir={folder / 'profile'}"):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(driver))
        self.folder = folder

    def open(self, text: str, width: int = DESKTOP, theme: str = "light", at: str = "") -> None:
        """Shows a page, and waits until it is ready."""
        file = self.folder / "report.html"
        file.write_text(text, encoding="utf-8")
        self.driver.get("about:blank")
        self.look(width, theme)
        self.errors(), self.requests()  # those of the page before
        self.driver.get(f"{file.as_uri()}{at}")
        self.wait(lambda: self.run("return 'ready' in document.documentElement.dataset"))

    def look(self, width: int, theme: str) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, holds: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: holds())

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector
        )
        return found

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def choose(self, name: str, value: str) -> None:
        """Sets a control of the tasks' table."""
        self.run(
            "const e = document.querySelector(`.controls [name=${arguments[0]}]`); e.value = arguments[1];"
            "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}))",
            name,
            value,
        )

    def tasks(self) -> list[str]:
        return self.texts(".tasks tbody a")

    def told(self) -> int:
        return int(self.find(".told").text.split()[0].replace(",", ""))

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = (
            entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"
        )
        return [url.split("#")[0] for url in asked if not url.startswith(("data:", "about:"))]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs a browser: apt install chromium chromium-driver")
    made = Browser(chromium, driver, tmp_path_factory.mktemp("browser"))
    yield made
    made.driver.quit()


def test_it_opens_with_the_verdict_and_the_plane_and_asks_nobody_for_anything(browser: Browser) -> None:
    browser.open(html(RUN))
    (verdict,) = browser.texts("h1")
    assert verdict
    assert verdict in results(RUN).text(width=1000, markup=False).replace("\n", " ")
    named = browser.run(
        "return [...document.querySelectorAll('#plane-chart [data-policy]')].map(e => e.dataset.policy)"
    )
    assert sorted(named) == sorted(REPORT["policies"])
    shown = browser.texts("#plane-table tbody td:nth-child(2)")
    assert shown == [f"{100 * score['accuracy']:.1f}%" for score in REPORT["policies"].values()]
    top = browser.run("return document.querySelector('#plane-chart').getBoundingClientRect().top")
    assert top < 400  # on the first screen
    sections = browser.run("return [...document.querySelectorAll('section')].map(e => e.id)")
    assert sections == ["plane", "policies", "models", "levels", "nested", "tasks", "run"]
    assert browser.requests() == [(browser.folder / "report.html").as_uri()]
    assert browser.errors() == []


def test_a_point_says_its_name_under_the_keyboard_and_the_pointer(browser: Browser) -> None:
    browser.open(html(RUN))
    for act in ("focus()", "dispatchEvent(new PointerEvent('pointerenter'))"):
        browser.run(f"document.querySelector('[data-policy=\"always-large\"]').{act}")
        assert browser.texts("#tip")[0].startswith("large\none model for every task\nsolves ")
        browser.find("body").send_keys(Keys.ESCAPE)
        assert browser.run("return document.getElementById('tip').hidden")
    without = "return [...document.querySelectorAll('.chart svg[role=figure], .chart [role=img]')].filter(e => !e.ariaLabel).length"
    assert browser.run(without) == 0
    assert browser.run("return document.querySelectorAll('.chart svg[role=figure]').length") >= 4


CONTRAST = """
const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = luminance(getComputedStyle(document.body).backgroundColor);
const ratio = (colour) => {
  const [high, low] = [luminance(colour), paper].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const least = (selector, key) => Math.min(...[...document.querySelectorAll(selector)].map((e) => ratio(getComputedStyle(e)[key])));
return [least("h1, .lead, .note, caption, th, td, a, small, dt", "color"), least(".point-label", "fill"), least("[data-policy]", "fill"), paper];
"""


def test_it_fits_both_widths_and_can_be_read_in_both_themes(browser: Browser) -> None:
    browser.open(html(RUN, made_run(seed=1)))
    drawn = "return Number(document.querySelector('#plane-chart svg').getAttribute('width'))"
    for width in (DESKTOP, PHONE):
        for theme in ("light", "dark"):
            browser.look(width, theme)
            browser.wait(lambda width=width: browser.run(drawn) <= width < browser.run(drawn) * 4)
            assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
            text, labels, marks, paper = browser.run(CONTRAST)
            assert min(text, labels) >= 4.5
            assert marks >= 3
            assert paper > 0.9 if theme == "light" else paper < 0.05
    button = browser.find("#theme")
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text, browser.run(CONTRAST)[-1] > 0.5))
    assert seen == [("Theme: light", True), ("Theme: dark", False), ("Theme: auto", False)]
    assert browser.errors() == []


def test_tasks_are_searched_sorted_filtered_and_paged(browser: Browser) -> None:
    browser.open(html(RUN))
    rows = REPORT["tasks"]
    assert browser.told() == 120
    assert browser.tasks() == [row["task_id"] for row in rows[:50]]
    browser.find(".pages button:last-child").click()
    assert browser.tasks() == [row["task_id"] for row in rows[50:100]]

    browser.find(".controls [name=search]").send_keys("number 77")
    browser.wait(lambda: browser.tasks() == ["T/77"])
    browser.choose("search", "")
    for level in ("1", "none"):
        browser.choose("level", level)
        assert browser.told() == sum(str(row["level"] or "none") == level for row in rows) > 0
    browser.choose("level", "")
    browser.choose("model", "1")
    browser.choose("verdict", "timeout")
    slow = {each.task_id for each in RUN.outcomes if (each.model, each.verdict) == ("middle", Verdict.TIMEOUT)}
    assert browser.told() == len(slow) > 0
    browser.choose("model", "")
    browser.choose("verdict", "")
    browser.choose("chosen", "2")
    assert browser.told() == sum(row["chosen"]["assignment"] == 2 for row in rows) > 0
    browser.choose("chosen", "")
    browser.find(".controls [name=overpaid]").click()
    assert browser.told() == sum(row["overpaid"]["assignment"] > 0 for row in rows) > 0

    browser.find("[data-sort=overpaid] button").click()
    most = max(rows, key=lambda row: row["overpaid"]["assignment"])
    assert browser.tasks()[0] == most["task_id"]
    assert browser.find("[data-sort=overpaid]").get_attribute("aria-sort") == "descending"
    browser.find("[data-sort=model-0] button").click()
    shares = [float(each.split("/")[0]) for each in browser.texts(".tasks tbody td[data-label=small]")]
    assert shares == sorted(shares)
    assert browser.errors() == []


def test_a_task_opens_by_click_and_by_address_and_closes_by_escape(browser: Browser) -> None:
    browser.open(html(RUN))
    browser.find(".tasks tbody a[href='#task=T/3']").click()
    browser.wait(lambda: browser.find("#task").get_attribute("data-shown") == "T/3")
    wanted = [each for each in RUN.outcomes if each.task_id == "T/3"]
    assert browser.texts("#task .badge") == [each.verdict.value for each in wanted]
    assert browser.texts("#task .trial .detail") == [each.detail for each in wanted]
    assert browser.texts("#task h2") == ["T/3"]
    codes = browser.run("return [...document.querySelectorAll('#task .trial pre')].map(e => e.textContent)")
    assert codes == [RUN.completions[each.key].text for each in wanted]
    assert "Write answer(), number 3 of its kind." in browser.texts("#task pre")
    browser.find("#task button:nth-of-type(2)").click()
    browser.wait(lambda: browser.find("#task").get_attribute("data-shown") == "T/4")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.wait(lambda: not browser.run("return document.getElementById('task').open"))
    browser.wait(lambda: browser.run("return location.hash") == "#tasks")
    assert browser.run("return document.activeElement.getAttribute('href')") == "#task=T/3"

    browser.open(html(RUN), PHONE, at="#task=T/119")
    browser.wait(lambda: browser.find("#task").get_attribute("data-shown") == "T/119")
    assert browser.run("return document.getElementById('task').scrollWidth <= innerWidth")
    browser.run("location.hash = '#task=%E0%A4%A'")  # an address that was cut
    browser.wait(lambda: not browser.run("return document.getElementById('task').open"))
    assert browser.errors() == []


HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<!--<script>window.hacked = 1</script>-->",
    "<img src=x onerror='window.hacked = 1'><svg onload='window.hacked = 1'>",
    "<a href='javascript:window.hacked = 1'>here</a><base href='https://example.org/'>",
    "</style></title><style>body { display: none }</style>",
    "<iframe src='data:text/html,<script>top.hacked = 1</script>'></iframe><meta http-equiv=refresh content=0>",
    "{{scripts}} ${window.hacked = 1} `${window.hacked = 1}` \\u003cscript\\u003e",
    "if user != 'admin\u202e \u2066# check\u2069 \u2066':\n    pass\u200b",
    "nul \x00 escape \x1b[31m bell \x07 lone \ud800 and \udc00 ends \u2028\u2029 \U000e0041",
    "def f():\n    return '" + "x" * 1_000_000 + "'",
]


def test_what_strangers_wrote_is_shown_and_neither_run_nor_rendered(browser: Browser) -> None:
    """In completions, and in the names of models, tasks and suite."""
    tag = HOSTILE[0] + HOSTILE[2] + "\u202e\ud800"
    run = made_run(("T/1", tag), (tag, "constructor"), len(HOSTILE), lambda key: HOSTILE[key.trial], suite=tag)
    details = [replace(each, detail=HOSTILE[each.trial]) for each in run.outcomes]
    run = replace(run, outcomes=tuple(details), texts={key: "\n".join(HOSTILE[:9]) for key in run.texts})
    earlier = [replace(each, verdict=Verdict.PASS) if each.model == tag else each for each in run.outcomes]
    browser.open(html(run, replace(run, outcomes=tuple(earlier))))
    assert browser.texts("#changes p")[0] == "2 tasks changed, 0 did not."
    before = browser.run("return document.querySelectorAll('*').length")
    browser.find(".tasks tbody tr:nth-child(2) a").click()
    browser.wait(lambda: browser.run("return Boolean(document.getElementById('task').dataset.shown)"))
    shown = browser.run("return [...document.querySelectorAll('#task .trial pre')].map(e => e.textContent)")
    for text, said in zip(shown[:6], HOSTILE, strict=False):
        assert text == said
    assert "U+202E" in shown[7]
    assert not set(shown[7] + shown[8]) & set("\u202e\u2066\u2069\u200b\x00\x1b\x07\u2028\U000e0041")
    assert "U+D800" in shown[8]
    assert "U+D800" in browser.texts("#task h2")[0]
    assert shown[9].endswith("\n[... and 900022 more characters]")
    assert before > 100
    foreign = (
        "img, iframe, base, object, embed, a[href^=javascript], body style:not(.chart style), meta[http-equiv=refresh]"
    )
    assert browser.run("return [...document.querySelectorAll(arguments[0])].map(e => e.outerHTML)", foreign) == []
    assert browser.run("return [window.hacked ?? null, getComputedStyle(document.body).display]") == [None, "block"]
    for width in (DESKTOP, PHONE):
        browser.look(width, "light")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.run("return document.getElementById('task').scrollWidth <= innerWidth")
    assert browser.requests() == [(browser.folder / "report.html").as_uri()]
    assert browser.errors() == []


def test_two_runs_are_compared_task_by_task(browser: Browser) -> None:
    outcomes = [replace(each, verdict=Verdict.PASS) if each.task_id == "T/5" else each for each in RUN.outcomes]
    browser.open(html(replace(RUN, outcomes=tuple(outcomes)), RUN))
    assert browser.texts("#changes p")[0] == "1 task changed, 119 did not."
    assert browser.texts("#changes .tall tbody th") == ["T/5"]
    assert any(each.endswith("→ 5/5") for each in browser.texts("#changes .tall tbody td"))
    before = REPORT["models"]["small"]["accuracy"]
    (row,) = [each for each in browser.texts("#changes .scroll:not(.tall) tbody tr") if each.startswith("always-small")]
    assert f"{100 * before:.1f}%" in row
    assert browser.errors() == []


def test_a_router_has_its_curve_its_choices_and_its_classifiers_scores(browser: Browser) -> None:
    report = routed(RUN)
    browser.open(page(report, RUN))
    lines = browser.run("return [...document.querySelectorAll('#plane-chart g[aria-label=line] path')].length")
    assert lines == 2  # the zero router's hull, the router's curve
    assert browser.texts("[name=chooser] option") == ["utility", "cheapest-adequate", "assignment-known"]
    browser.choose("chooser", "cheapest-adequate")
    assert browser.texts(".tasks td[data-label=chosen]") == [
        LADDER[row["chosen"]["cheapest-adequate"]] for row in report["tasks"][:50]
    ]
    assert "trained on 7 of these tasks" in browser.texts("#more")[0]
    (told,) = browser.texts("#classifier dl")
    assert "62.5% (95% 50.0 to 75.0)" in told
    assert "small 0.71 (95% 0.60 to 0.81); large not known" in told
    assert "level 3 for every task: 40.0%" in told
    assert "would show 3.1% on so few tasks, 95% of the time below 6.2%" in told
    assert browser.texts(".confusion tbody tr:first-child td") == ["9", "1", "0", "0", "0"]
    assert browser.texts("#classifier h3 ~ .scroll tbody tr")[0].split() == ["25.0%", "30.0%", "10"]
    assert browser.texts("#classifier dl + .scroll tbody th") == ["tfidf", "majority"]
    assert browser.errors() == []


def test_cascades_have_their_frontier_and_a_task_shows_their_calls_one_by_one(browser: Browser) -> None:
    run = made_run(shows=True)
    report = results(run).report
    assert len(report["curves"]["cascades"]) > 1
    browser.open(html(run), at="#task=T/1")  # it shows something to check by
    browser.wait(lambda: browser.texts("dialog table"))
    assert any("tuned cascades" in text for text in browser.texts(".legend .entry"))
    walked = " ".join(browser.texts("dialog table"))
    stages = report["policies"]["cascade"]["stages"]
    trials = [each for each in run.outcomes if each.task_id == "T/1"]
    called = []
    for stage in stages:
        for each in [each for each in trials if each.model == stage["model"]][: stage["calls"]]:
            if not called or not called[-1].visible:
                called.append(each)
    told = ", ".join(
        f"{each.model} {each.trial} {'passes the check' if each.visible else 'fails it'}" for each in called
    )
    assert told in walked
    browser.open(html(run), at="#task=T/0")  # it shows nothing: one unchecked call
    browser.wait(lambda: browser.texts("dialog table"))
    assert "middle 0 unchecked" in " ".join(browser.texts("dialog table"))
    assert browser.errors() == []


@pytest.mark.parametrize("tasks", [0, 1])
def test_counts_alone_and_no_task_at_all_are_shown_too(browser: Browser, tasks: int) -> None:
    counts = (TaskCounts(None, "T/1", "text", dict.fromkeys(LADDER, 2), {"small": 1, "middle": 2, "large": 2}, 2),)
    made = results_of(Measured(LADDER, counts[:tasks]))
    browser.open(page(made.report, made.run), at="#task=T/1")
    assert browser.told() == tasks
    assert browser.run("return document.getElementById('task').open") == bool(tasks)
    assert "counts that somebody else measured" in browser.texts("#run")[0]
    assert browser.errors() == []


@pytest.mark.soak
@pytest.mark.skipif("CX_SOAK" not in os.environ, reason="long: set CX_SOAK to any number")
def test_fifteen_thousand_trials_stay_below_15_mb_and_can_be_searched(browser: Browser) -> None:
    """Completions that share no text: the worst that compression can meet among programs of this length."""
    chance_text = "abcdefghijklmnopqrstuvwxyz_ ()=:0123456789\n"

    def said(key: Any) -> str:
        chance = __import__("random").Random(str(key))
        return "def answer():\n" + "".join(chance.choices(chance_text, k=700))

    big: RunRecord = made_run([f"T/{number}" for number in range(1000)], said=said)
    text = html(big)
    assert len(text.encode()) < 15_000_000
    browser.open(text)
    browser.choose("search", "number 999")
    browser.wait(lambda: browser.tasks() == ["T/999"])
    browser.find(".tasks tbody a").click()
    browser.wait(lambda: browser.find("#task").get_attribute("data-shown") == "T/999")


def test_the_page_begins_with_the_gates_that_failed(browser: Browser) -> None:
    checked = [
        GateResult(True, "gate passed: a"),
        GateResult(False, "gate failed: b"),
        GateResult(False, "gate failed: c"),
    ]
    browser.open(page(REPORT, RUN, checked))
    assert browser.texts(".failures h2") == ["2 gates failed"]
    assert browser.texts(".failures li") == ["gate failed: b", "gate failed: c"]
    assert browser.run("return document.querySelector('.failures').getBoundingClientRect().bottom < 450")
    browser.open(page(REPORT, RUN, checked[:1]))
    assert browser.texts(".failures") == []


def test_levels_are_defined_beside_their_chart(browser: Browser) -> None:
    browser.open(html(RUN))
    told = browser.texts("#levels li")
    assert all(f"evel {level}: " in told[0] for level in range(1, 6))
    assert "It loses where" in told[1]


def test_one_model_has_one_row_and_nothing_to_route(browser: Browser) -> None:
    browser.open(html(made_run(ladder=LADDER[:1])))
    assert browser.texts("#models tbody tr th")[0] == "small"
    assert browser.run("return document.getElementById('policies')") is None
    assert not browser.find("#plane").is_displayed()


def test_on_a_phone_an_id_is_never_broken(browser: Browser) -> None:
    browser.open(html(made_run([f"HumanEval/{number}" for number in range(100, 140)])), PHONE)
    lines = browser.run("return [...document.querySelectorAll('table tbody a')].map(e => e.getClientRects().length)")
    assert set(lines) == {1}
