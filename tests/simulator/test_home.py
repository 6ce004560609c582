"""The page at `/` and its switches, without a browser."""

import pytest

from portalcal.simulator.faults.faults import parse_fault
from portalcal.simulator.google import Simulator
from portalcal.simulator.ui.home import OFFERED, SWITCHES
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
        ("fault", {"text": "*: latency=inf", "do": "add"}),
        ("clock", {"seconds": "soon"}),
        ("clock", {"seconds": "inf"}),
        ("clock", {"seconds": "nan"}),
        ("clock", {"seconds": "1e300"}),
        ("clock", {"seconds": "-1e11"}),
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


@pytest.mark.parametrize(
    "path", ["/", "/?week=2026-12-11", "/o/oauth2/v2/auth?client_id=x", "/o/oauth2/auth"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", ""]
)
def test_a_page_is_not_shown_under_the_name_of_another_site(
    google: Simulator, stranger: Browserless, path: str, host: str
) -> None:
    answer = stranger.send("GET", path, headers={"Host": host})

    assert answer.status == 421
    assert google.owner.email.encode() not in answer.body


@pytest.mark.parametrize("path", ["/simulator/fault", "/simulator/clock", "/signin/consent"])
def test_another_site_with_our_address_presses_nothing(
    google: Simulator, stranger: Browserless, path: str
) -> None:
    before = google.clock.now()
    rebound = {"Host": f"evil.example:{google.port}", "Origin": f"http://evil.example:{google.port}"}

    answer = stranger.form(path, headers=rebound, text="*: 500", do="add", seconds="3600")

    assert answer.status == 421
    assert (list(google.faults), google.clock.now()) == ([], before)


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}", "127.0.0.1"])
def test_a_page_is_shown_under_every_name_of_this_machine(
    google: Simulator, stranger: Browserless, host: str
) -> None:
    assert stranger.send("GET", "/", headers={"Host": host.format(google.port)}).status == 200


def test_a_page_is_not_reached_through_a_batch(google: Simulator, ana: Browserless) -> None:
    part = b"--b\r\nContent-Type: application/http\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n--b--\r\n"

    answer = ana.send(
        "POST", "/batch/calendar/v3", body=part, headers={"Content-Type": "multipart/mixed; boundary=b"}
    )

    assert b"HTTP/1.1 404" in answer.body
    assert google.owner.email.encode() not in answer.body


@pytest.mark.parametrize("text", OFFERED)
def test_every_fault_on_offer_is_one(text: str) -> None:
    assert parse_fault(text).text == text
