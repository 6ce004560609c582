"""The simulator's pages in Debian's Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from portalcal.simulator.google import Simulator
from tests.real.browser import missing_browser_packages
from tests.real.person import FLAGS
from tests.simulator.wire import REDIRECT, SCOPES, challenge

MISSING = missing_browser_packages()
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def google() -> Iterator[Simulator]:
    """A simulator that asks."""
    with Simulator(consent="page") as simulator:
        yield simulator


@pytest.fixture
def tab(browser: Browser, google: Simulator) -> Iterator[Page]:
    """A tab without JavaScript in which anything that leaves the simulator is noticed."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    strange: list[str] = []

    def watch(url: str) -> None:
        if not url.startswith((google.url, REDIRECT, "data:")):
            strange.append(url)

    page.on("request", lambda request: watch(request.url))
    page.route(f"{REDIRECT}**", lambda route: route.fulfill(body="received"))
    yield page
    context.close()
    assert strange == []


def ask(google: Simulator) -> str:
    asked = {
        "client_id": google.client.id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": " ".join(f"https://www.googleapis.com/auth/{scope}" for scope in SCOPES),
        "state": "s",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return f"{google.url}/o/oauth2/v2/auth?{urlencode(asked)}"


def test_a_person_ticks_boxes_and_allows(google: Simulator, tab: Page) -> None:
    tab.goto(ask(google))
    tab.get_by_label("See the availability").check()
    tab.locator("[name='calendar.events.owned']").check()

    with tab.expect_request(f"{REDIRECT}**") as returned:
        tab.locator("#allow").click()

    assert "code=4/0A" in returned.value.url
    assert "calendar.events.freebusy" in returned.value.url
    assert "calendarlist" not in returned.value.url


def test_a_person_refuses_with_the_keyboard_alone(google: Simulator, tab: Page) -> None:
    tab.goto(ask(google))
    for _ in range(len(SCOPES) + 1):
        tab.keyboard.press("Tab")

    with tab.expect_request(f"{REDIRECT}**") as returned:
        tab.keyboard.press("Enter")

    assert "error=access_denied" in returned.value.url


def test_the_home_page_shows_what_happened(google: Simulator, tab: Page) -> None:
    now = google.clock.now()
    google.add_event("primary", now, now.replace(minute=59, second=59), "Planning <b>& co</b>")
    google.issue_token(["calendar.events.freebusy"])

    tab.goto(google.url)

    expect(tab.get_by_text("Planning <b>& co</b>")).to_be_visible()
    expect(tab.get_by_text("calendar.events.freebusy", exact=True)).to_be_visible()
    tab.locator("#after").click()
    expect(tab.get_by_text("Planning")).to_have_count(0)


def test_faults_are_switches(google: Simulator, tab: Page) -> None:
    tab.goto(google.url)

    tab.locator("form", has_text="*: 401 once").get_by_role("button").click()
    assert [fault.text for fault in google.faults] == ["*: 401 once"]

    tab.locator("form", has_text="*: 401 once").get_by_role("button").click()
    assert list(google.faults) == []

    tab.get_by_label("Another").fill("events.*: 500 times=2")
    tab.locator("#add-fault").click()
    assert [fault.text for fault in google.faults] == ["events.*: 500 times=2"]


def test_a_fault_that_is_none_is_explained(google: Simulator, tab: Page) -> None:
    tab.goto(google.url)

    tab.get_by_label("Another").fill("everything: explodes")
    tab.locator("#add-fault").click()

    expect(tab.locator("#why")).to_contain_text("expected a kind of fault out of")


def test_policy_consent_and_clock_can_be_changed(google: Simulator, tab: Page) -> None:
    before = google.clock.now()
    tab.goto(google.url)

    tab.locator("#policy-testing").click()
    tab.locator("#consent").select_option("deny")
    tab.get_by_role("button", name="Set").click()
    tab.get_by_role("button", name="+7 days").click()

    assert google.grants.policy.testing
    assert google.consent == "deny"
    assert (google.clock.now() - before).days == 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_colour_scheme(
    browser: Browser, google: Simulator, scheme: str, tmp_path: Path
) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()

    colours = []
    for address in (google.url, ask(google)):
        page.goto(address)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.screenshot(path=tmp_path / "page.png")
    context.close()

    bright = [sum(int(part) for part in colour[4:-1].split(", ")) > 3 * 128 for colour in colours]
    assert bright == [scheme == "light"] * 2
