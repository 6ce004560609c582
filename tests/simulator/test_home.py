"""The page at `/` and its switches, without a browser."""

import pytest

from portalcal.simulator import Simulator
from portalcal.simulator.faults import parse
from portalcal.simulator.home import OFFERED, SWITCHES
from tests.simulator.wire import Browserless


def test_the_page_shows_events_grants_mail_and_requests(google: Simulator, ana: Browserless) -> None:
    ana.insert(
        "2026-11-25T10:00:00Z",
        "2026-11-25T11:00:00Z",
        summary="Tom & <Jerry>",
        attendees=[{"email": "ben@example.org"}],
        query="?sendUpdates=all",
    )

    html = ana.send("GET", "/").body.decode()

    assert "Tom &amp; &lt;Jerry&gt;" in html
    assert "ben@example.org" in html
    assert "events.insert" in html
    assert "ana@example.com" in html
    assert "<script" not in html


def test_the_page_shows_no_secret(google: Simulator, stranger: Browserless) -> None:
    stranger.connect()

    html = stranger.send("GET", "/").body.decode()

    assert not [secret for secret in google.secrets() if secret in html]


def test_the_page_shows_the_week_asked_for(google: Simulator, stranger: Browserless) -> None:
    google.add_event("primary", "2026-12-09", "2026-12-10", "Offsite")

    assert b"Offsite" not in stranger.send("GET", "/").body
    assert b"Offsite" in stranger.send("GET", "/?week=2026-12-11").body
    assert stranger.send("GET", "/?week=someday").status == 200


def test_no_fault_strikes_the_switches(google: Simulator, stranger: Browserless) -> None:
    google.faults.add("*: 500")

    assert stranger.send("GET", "/").status == 200
    assert stranger.form("/simulator/fault", text="*: 500", do="lift").status == 303
    assert list(google.faults) == []


@pytest.mark.parametrize("name", list(SWITCHES))
def test_every_switch_goes_on_and_off(google: Simulator, stranger: Browserless, name: str) -> None:
    before = stranger.send("GET", "/").body

    stranger.form("/simulator/policy", name=name)
    changed = stranger.send("GET", "/").body
    stranger.form("/simulator/policy", name=name)

    assert changed != before == stranger.send("GET", "/").body


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("fault", {"text": "everything: explodes"}),
        ("fault", {}),
        ("policy", {"name": "gravity"}),
        ("consent", {"mode": "maybe"}),
        ("clock", {"seconds": "soon"}),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    stranger: Browserless, path: str, fields: dict[str, str]
) -> None:
    assert stranger.form(f"/simulator/{path}", fields).status == 400


def test_another_page_cannot_press_the_switches(google: Simulator, stranger: Browserless) -> None:
    foreign = stranger.form(
        "/simulator/fault", headers={"Origin": "https://example.com"}, text="*: 500", do="add"
    )
    own = stranger.form("/simulator/fault", headers={"Origin": google.url}, text="*: 503", do="add")

    assert (foreign.status, own.status) == (403, 303)
    assert [fault.text for fault in google.faults] == ["*: 503"]


@pytest.mark.parametrize("text", OFFERED)
def test_every_fault_on_offer_is_one(text: str) -> None:
    assert parse(text).text == text
