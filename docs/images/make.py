"""The two pictures of the report in the README, beside this file. Needs Chromium, its driver and the extra `test`.

usage: make.py REPORT.HTML        e.g. after pytest benchmarks/humaneval --cx-run=run: make.py run/report.html
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

#: file: width, height, theme, where in the page, what must hold before the picture is taken
PICTURES = {
    "first-screen.png": (1440, 800, "light", "", "'ready' in document.documentElement.dataset"),
    "task.png": (1440, 800, "dark", "#task=HumanEval/23", "document.getElementById('task').dataset.shown"),
}


def main(report: Path) -> None:
    """Takes each picture of the page that `report` names."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    for name, (width, height, theme, place, holds) in PICTURES.items():
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
        driver.get("about:blank")
        driver.get(f"{report.resolve().as_uri()}{place}")
        WebDriverWait(driver, 20).until(lambda _, holds=holds: driver.execute_script(f"return {holds}"))
        driver.save_screenshot(str(Path(__file__).parent / name))
    driver.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
