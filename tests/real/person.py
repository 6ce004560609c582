"""A person at a browser, as a program that BROWSER can name: opens the address, ticks, clicks, reads what comes.

    python person.py FOLDER DEED ADDRESS

DEED is `allow`, `deny`, or `leave=SCOPE` for a box that stays empty; no colon in it, which separates the browsers in
BROWSER; or `close`, which answers nothing and leaves FOLDER/closed. What the tab said in the end goes, as JSON, into the pipe FOLDER/said; FOLDER/tab.png is how it looked.
A script of its own: nothing of the tests is imported.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def act(tab: Page, deed: str) -> None:
    """Do on the consent page what the deed says."""
    if deed == "deny":
        tab.locator("#deny").click()
        return
    left = deed.removeprefix("leave=")
    for box in tab.locator("input[type=checkbox]").all():
        box.set_checked(box.get_attribute("name") != left)
    tab.locator("#allow").click()


def main(folder: Path, deed: str, address: str) -> None:
    """The whole visit."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        # The authority that vouches for the page is the test's own, and no browser knows it.
        tab = chromium.new_page(ignore_https_errors=True)
        strange: list[str] = []
        tab.on("request", lambda request: strange.append(request.url))
        tab.goto(address)
        asked = tab.locator("body").inner_text()
        strange.clear()
        if deed == "close":
            tab.close()
            chromium.close()
            (folder / "closed").touch()
            return
        act(tab, deed)
        tab.locator("main h1").wait_for()
        said = {
            "asked": asked,
            "headline": " ".join(tab.locator("h1").inner_text().split()),
            "advice": tab.locator("main p").inner_text(),
            "title": tab.title(),
            "address": tab.evaluate("location.href"),
            "requests": strange,
        }
        tab.screenshot(path=folder / "tab.png", animations="disabled")
        chromium.close()
    with (folder / "said").open("w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
