"""The page: true, self-contained, and harmless whatever names and sentences it is given."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from portalcal.adapters.consent import callback_page as pages
from portalcal.adapters.consent.callback_page import CallbackPage

EVERY = [
    pages.connected("ana@example.com"),
    pages.permission_missing(["View your calendars", "Create events"]),
    pages.denied(),
    pages.unfinished("Google is busy (503): Backend Error"),
    pages.already_answered(),
    pages.stray_request("This answer belongs to another attempt.", 400),
]


class Reader(HTMLParser):
    """The text a person reads, and every address the page names."""

    def __init__(self, page: CallbackPage) -> None:
        super().__init__()
        self.headline = ""
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._inside = ""
        head, _, body = pages.response(page).decode().partition("\r\n\r\n")
        self.headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        self.status = int(head.split()[1])
        self.body = body
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._inside = "h1" if tag == "h1" else self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == "h1" else self._inside

    def handle_data(self, data: str) -> None:
        self.headline += data if self._inside == "h1" else ""


@pytest.mark.parametrize(
    ("page", "headline"),
    [
        (EVERY[0], "Connected as ana@example.com"),
        (EVERY[1], "Permissions missing: View your calendars, Create events"),
        (EVERY[2], "Denied"),
        (EVERY[3], "Could not finish: Google is busy (503): Backend Error"),
        (EVERY[4], "Already answered"),
        (EVERY[5], "Not the answer portalcal waits for This answer belongs to another attempt."),
    ],
)
def test_the_headline_and_the_title_tell_the_outcome(page: CallbackPage, headline: str) -> None:
    read = Reader(page)

    assert read.headline == headline
    assert f"<title>{headline} · portalcal</title>" in read.body


@pytest.mark.parametrize("page", EVERY, ids=lambda each: each.headline)
def test_nothing_on_the_page_comes_from_anywhere_else(page: CallbackPage) -> None:
    read = Reader(page)

    assert not re.search(r"https?://|url\(|@import", read.body)
    assert {"src", "href", "style", "onload", "onclick"}.isdisjoint(name for name, _ in read.attributes)
    assert {"link", "img", "iframe", "form", "object", "base"}.isdisjoint(read.tags)


@pytest.mark.parametrize("page", EVERY, ids=lambda each: each.headline)
def test_the_page_may_do_only_what_it_needs(page: CallbackPage) -> None:
    read = Reader(page)
    nonces = {value for name, value in read.attributes if name == "nonce"}

    assert len(nonces) == 1
    nonce = nonces.pop()
    assert read.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert read.headers["Cache-Control"] == "no-store"
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert read.headers["Referrer-Policy"] == "no-referrer"
    assert read.headers["Connection"] == "close"
    assert int(read.headers["Content-Length"]) == len(read.body.encode())


def test_every_page_has_a_nonce_of_its_own() -> None:
    assert pages.response(EVERY[0]) != pages.response(EVERY[0])


@pytest.mark.parametrize("page", EVERY, ids=lambda each: each.headline)
def test_the_code_leaves_the_address_bar_and_only_success_closes_the_tab(page: CallbackPage) -> None:
    body = Reader(page).body

    assert 'history.replaceState(null,"","/")' in body
    assert ("window.close()" in body) is (page is EVERY[0])


def test_foreign_text_is_no_markup_and_turns_nothing_around() -> None:
    evil = '"><script>alert(1)</script>\u202e\x1b[31m&\udc80'

    for page in (pages.connected(evil), pages.unfinished(evil), pages.permission_missing([evil])):
        read = Reader(page)
        assert read.tags.count("script") == 1
        assert '"><script>alert(1)</script>  [31m& ' in read.headline + " "
        assert "\x1b" not in read.body


@pytest.mark.parametrize("page", [EVERY[1], EVERY[2]])
def test_the_command_of_an_advice_is_not_broken_over_two_lines(page: CallbackPage) -> None:
    body = Reader(page).body

    assert '<span class="command">“portalcal connect”</span>' in body
    assert ".command{white-space:nowrap}" in body


def test_light_and_dark_are_both_there() -> None:
    body = Reader(EVERY[0]).body

    assert "prefers-color-scheme:dark" in body
    assert '<meta name="color-scheme" content="light dark">' in body
    assert "prefers-reduced-motion" in body


def test_what_is_no_browser_gets_a_line() -> None:
    raw = pages.plain_response(404, "There is nothing at this address.").decode()

    assert raw.startswith("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n")
    assert raw.endswith("\r\n\r\nThere is nothing at this address.\n")
