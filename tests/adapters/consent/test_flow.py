"""Consent from end to end: real HTTP to the simulator, and back to the server as a browser would."""

from __future__ import annotations

import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google_auth_oauthlib.flow import Flow

from portalcal.adapters.consent.flow import BrowserConsentFlow, page_for
from portalcal.adapters.google.client import OAuthClient
from portalcal.adapters.google.oauth import LIMITS, AuthorizationCodeFlow, GoogleAuthorizationServer
from portalcal.core.grant import Grant
from portalcal.core.permissions import scopes_to_ask
from portalcal.errors import (
    ClientInvalid,
    ClientRejected,
    ConsentDenied,
    ConsentTimedOut,
    GoogleBusy,
    GoogleUnreachable,
    PermissionMissing,
    PortalcalError,
    ProofMissing,
)
from portalcal.ports import ConsentRequest, Revocation
from portalcal.simulator.google import Simulator
from portalcal.warnings import PortalcalWarning
from tests.adapters.scripted import Scripted, Time, an_http_client, answers, hangs_up
from tests.builders import SetClock
from tests.consent_page import consent_page

ASK = ConsentRequest(scopes_to_ask(), timeout=20)
ALL = frozenset(scopes_to_ask())


@dataclass
class RecordingView:
    """A view that records what it is asked to show."""

    urls: list[str] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def warn(self, warning: PortalcalWarning) -> None:
        self.warnings.append((warning.code, warning.sentence))

    def ask_for_consent(self, url: str, *, opens_browser: bool, **_: object) -> None:
        self.urls.append(f"{url} opens_browser={opens_browser}")

    def confirm(self, question: str, **_: object) -> bool:
        raise AssertionError(question)

    def ask_secret(self, question: str, *, variable: str) -> str:
        raise AssertionError(question, variable)


class Browser:
    """Opens addresses as a browser does, following redirects, and keeps the last page."""

    def __init__(self) -> None:
        self.pages: list[tuple[int, str]] = []
        self._threads: list[threading.Thread] = []

    def __call__(self, url: str) -> bool:
        self._threads.append(threading.Thread(target=self._visit, args=(url,)))
        self._threads[-1].start()
        return True

    def _visit(self, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                self.pages.append((answer.status, answer.read().decode()))
        except urllib.error.HTTPError as error:
            with error:
                self.pages.append((error.code, error.read().decode()))

    @property
    def last(self) -> str:
        for each in self._threads:
            each.join()
        return self.pages[-1][1]


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator() as google:
        yield google


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    for each in browser._threads:
        each.join()


def client_of(google: Simulator, **changes: str) -> OAuthClient:
    fields: dict[str, str] = {
        name: google.client_config()["installed"][name]
        for name in ("client_id", "client_secret", "auth_uri", "token_uri")
    }
    return OAuthClient(**(fields | changes))


def a_consent(
    client: OAuthClient | Callable[[], OAuthClient],
    *,
    revoke_uri: str = "http://127.0.0.1:1/revoke",
    view: RecordingView | None = None,
    open_browser: Callable[[str], bool] = lambda _: True,
    limits: tuple[float, float] = LIMITS,
    **more: Any,
) -> BrowserConsentFlow:
    authorization_server = GoogleAuthorizationServer(
        client if callable(client) else lambda: client,
        revoke_uri,
        http_client=an_http_client(),
        limits=limits,
        sleep=Time().sleep,
    )
    return BrowserConsentFlow(
        authorization_server,
        clock=SetClock(),
        view=view or RecordingView(),
        open_browser=open_browser,
        **more,
    )


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


# --- the way through ----------------------------------------------------------------------------------------------


def test_consent_gives_a_grant_and_the_tab_says_connected(google: Simulator, browser: Browser) -> None:
    with a_consent(client_of(google), open_browser=browser).session(ASK) as session:
        grant = session.grant()
        session.succeed("ana@example.com")

    assert grant.scopes == ALL
    assert google.grants.by_refresh(grant.refresh_token) is not None
    assert google.grants.by_access(grant.access.token) is not None
    assert grant.access.expires_at is not None
    assert "Connected as ana@example.com" in browser.last


def test_the_address_asks_for_what_is_needed_and_no_more(google: Simulator) -> None:
    with a_consent(client_of(google)).session(ASK) as session:
        query = query_of(session.url)

    assert query["scope"] == [" ".join(scopes_to_ask())]
    assert (query["code_challenge_method"], query["response_type"]) == (["S256"], ["code"])
    assert (query["access_type"], query["prompt"]) == (["offline"], ["consent"])
    assert query["redirect_uri"][0].startswith("http://127.0.0.1:")
    assert len(query["state"][0]) >= 43
    assert len(query["code_challenge"][0]) == 43
    assert {"include_granted_scopes", "login_hint"}.isdisjoint(query)


def without_proof(*given: Any, **named: Any) -> Flow:
    """A library whose default changed: it takes the verifier and does not use it."""
    del named["code_verifier"]
    return Flow.from_client_config(*given, **named)


def in_another_way(*given: Any, **named: Any) -> Flow:
    """A library that generates a verifier of its own."""
    return Flow.from_client_config(*given, **(named | {"code_verifier": "other" * 10}))


@pytest.mark.parametrize("new_flow", [without_proof, in_another_way])
def test_no_authorization_url_is_shown_without_pkce_s256(
    google: Simulator, new_flow: Callable[..., Flow]
) -> None:
    with pytest.raises(ProofMissing):
        AuthorizationCodeFlow(
            client_of(google), ASK, redirect_uri="http://127.0.0.1:1/", state="s", new_flow=new_flow
        )


def test_an_endpoints_query_cannot_weaken_pkce(google: Simulator) -> None:
    weak = google.client_config()["installed"]["auth_uri"] + "?code_challenge_method=plain"

    with pytest.raises(ProofMissing), a_consent(client_of(google, auth_uri=weak)).session(ASK):
        pass


def test_no_code_is_redeemed_without_its_verifier(google: Simulator) -> None:
    exchange = AuthorizationCodeFlow(client_of(google), ASK, redirect_uri="http://127.0.0.1:1/", state="s")
    exchange._flow.code_verifier = None

    with pytest.raises(ProofMissing):
        exchange.redeem("4/code", now=datetime(2026, 11, 23, tzinfo=UTC))

    assert google.count("oauth.token") == 0
    exchange.close()


def test_an_account_may_be_suggested_and_a_choice_demanded(google: Simulator) -> None:
    request = ASK._replace(login_hint="ana@example.com", account_must_choose=True)

    with a_consent(client_of(google)).session(request) as session:
        query = query_of(session.url)

    assert (query["login_hint"], query["prompt"]) == (["ana@example.com"], ["select_account consent"])


def test_every_visit_has_a_state_and_a_challenge_of_its_own(google: Simulator) -> None:
    consent = a_consent(client_of(google))

    with consent.session(ASK) as one, consent.session(ASK) as other:
        first, second = query_of(one.url), query_of(other.url)

    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_the_address_is_shown_before_the_browser_opens(google: Simulator) -> None:
    order: list[str] = []

    class Ordered(RecordingView):
        def ask_for_consent(self, url: str, *, opens_browser: bool, **_: object) -> None:
            assert url.startswith(google.url)
            order.append(f"shown, opens_browser={opens_browser}")

    def opened(_: str) -> bool:
        order.append("opened")
        return False

    view = Ordered()
    consent = a_consent(client_of(google), view=view, open_browser=opened)
    with pytest.raises(ConsentTimedOut), consent.session(ASK._replace(timeout=0)) as session:
        session.grant()

    assert order == ["shown, opens_browser=True", "opened"]
    assert [code for code, _ in view.warnings] == ["no-browser"]


@pytest.mark.parametrize(("has_failed", "warnings"), [(True, ["no-browser"]), (False, [])])
def test_a_browser_that_fails_is_not_waited_for_in_silence(
    google: Simulator, has_failed: bool, warnings: list[str]
) -> None:
    view, seconds = RecordingView(), iter(range(100))
    consent = a_consent(
        client_of(google), view=view, browser_failed=lambda: has_failed, monotonic=lambda: next(seconds)
    )

    with pytest.raises(ConsentTimedOut), consent.session(ASK._replace(timeout=10)) as session:
        session.grant()

    assert [code for code, _ in view.warnings] == warnings


def test_without_a_browser_none_is_opened(google: Simulator) -> None:
    opened: list[str] = []

    def open_it(url: str) -> bool:
        opened.append(url)
        return True

    consent = a_consent(client_of(google), open_browser=open_it)

    with (
        pytest.raises(ConsentTimedOut),
        consent.session(ASK._replace(timeout=0, open_browser=False)) as session,
    ):
        session.grant()

    assert opened == []


def test_a_grant_lists_only_the_ticked_permissions(google: Simulator, browser: Browser) -> None:
    google.consent = "partial"

    with a_consent(client_of(google), open_browser=browser).session(ASK) as session:
        grant = session.grant()

    assert grant.scopes < ALL


@pytest.mark.parametrize("mode", ["favicon-first", "no-iss"])
def test_a_browser_that_fetches_favicons_first_gets_through(
    google: Simulator, browser: Browser, mode: str
) -> None:
    google.consent = mode

    with a_consent(client_of(google), open_browser=browser).session(ASK) as session:
        assert session.grant().scopes == ALL


# --- ends without a grant -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "reason", "headline"),
    [
        ("deny", "access_denied", "<h1>Denied</h1>"),
        ("policy-redirect", "admin_policy_enforced", "the Workspace administrator does not allow this app"),
    ],
)
def test_a_denial_is_shown_in_the_terminal_and_in_the_tab(
    google: Simulator, browser: Browser, mode: str, reason: str, headline: str
) -> None:
    google.consent = mode
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(ConsentDenied) as caught, consent.session(ASK) as session:
        session.grant()

    assert caught.value.reason == reason
    assert headline in browser.last


@pytest.mark.parametrize("mode", ["wrong-state", "wrong-iss", "no-redirect"])
def test_a_redirect_with_a_wrong_state_or_issuer_does_not_end_the_wait(
    google: Simulator, browser: Browser, mode: str
) -> None:
    google.consent = mode
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(ConsentTimedOut) as caught, consent.session(ASK._replace(timeout=1)) as session:
        session.grant()

    assert caught.value.seconds == 1
    assert "Connected" not in browser.last


def test_after_a_minute_without_redirect_googles_error_pages_are_explained_once(google: Simulator) -> None:
    seconds = iter(range(0, 1000, 50))
    view = RecordingView()
    consent = a_consent(client_of(google), view=view, monotonic=lambda: float(next(seconds, 1000)))

    with pytest.raises(ConsentTimedOut), consent.session(ASK._replace(timeout=500)) as session:
        session.grant()

    assert [code for code, _ in view.warnings] == ["no-answer-yet"]
    assert "“Access blocked”" in view.warnings[0][1]


def test_without_an_oauth_client_no_browser_is_opened(google: Simulator) -> None:
    def missing() -> OAuthClient:
        raise ClientInvalid(None, "nothing")

    with pytest.raises(ClientInvalid), a_consent(missing).session(ASK):
        pytest.fail("no session must start")


@pytest.mark.parametrize("address", ["http://accounts.example.com/auth", "ftp://127.0.0.1/auth"])
def test_a_client_with_an_open_address_is_refused(google: Simulator, address: str) -> None:
    with pytest.raises(ClientInvalid), a_consent(client_of(google, auth_uri=address)).session(ASK):
        pytest.fail("no session must start")


# --- the exchange -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("oauth.token: invalid-client", ClientRejected),
        ("oauth.token: invalid-grant", ConsentDenied),
        ("oauth.token: 503", GoogleBusy),
        ("oauth.token: 502-html", GoogleBusy),
        ("oauth.token: not-json", GoogleUnreachable),
        ("oauth.token: drop", GoogleUnreachable),
        ("oauth.token: truncate", GoogleUnreachable),
    ],
)
def test_a_failed_exchange_is_shown_in_the_tab_too(
    google: Simulator, browser: Browser, fault: str, expected: type[PortalcalError]
) -> None:
    google.faults.add(fault)
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(expected) as caught, consent.session(ASK) as session:
        session.grant()

    assert type(caught.value) is expected
    assert "Could not finish:" in browser.last
    assert "Connected" not in browser.last


@pytest.mark.parametrize("fault", ["503", "502-html", "429", "drop"])
def test_the_exchange_survives_transient_faults(google: Simulator, browser: Browser, fault: str) -> None:
    google.faults.add(f"oauth.token: {fault} times=2")

    with a_consent(client_of(google), open_browser=browser).session(ASK) as session:
        assert session.grant().scopes == ALL

    assert google.count("oauth.token") == 3


def test_a_captive_portals_page_is_not_retried(google: Simulator, browser: Browser) -> None:
    google.faults.add("oauth.token: not-json")
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(GoogleUnreachable), consent.session(ASK) as session:
        session.grant()

    assert google.count("oauth.token") == 1


def test_a_wrong_secret_is_the_clients_fault(google: Simulator, browser: Browser) -> None:
    consent = a_consent(client_of(google, client_secret="wrong"), open_browser=browser)

    with pytest.raises(ClientRejected) as caught, consent.session(ASK) as session:
        session.grant()

    assert caught.value.reason == "The provided client secret is invalid"


def answer_of(url: str, code: str = "4/0A") -> str:
    """The address the browser would end on."""
    query = query_of(consent_page(url))
    return f"{query['redirect_uri'][0]}?state={query['state'][0]}&code={code}"


def test_the_exchange_sends_everything_in_the_form(google: Simulator, browser: Browser) -> None:
    token = {
        "access_token": "a",
        "refresh_token": "r",
        "expires_in": 10,
        "token_type": "Bearer",
        "scope": "x y",
    }

    with Scripted(answers(body=token)) as endpoint:
        client = client_of(google, client_secret="", token_uri=f"{endpoint.url}token")
        with a_consent(client, open_browser=lambda url: browser(answer_of(url))).session(ASK) as session:
            grant = session.grant()

    form = parse_qs(endpoint.requests[0].partition(b"\r\n\r\n")[2].decode(), keep_blank_values=True)
    assert set(form) == {"grant_type", "client_id", "code", "redirect_uri", "code_verifier"}
    assert b"\r\nauthorization:" not in endpoint.requests[0].lower()
    assert grant.scopes == {"x", "y"}


def test_an_omitted_scope_is_the_requested_one(google: Simulator, browser: Browser) -> None:
    token = {"access_token": "a", "refresh_token": "r", "token_type": "Bearer"}

    with Scripted(answers(body=token)) as endpoint:
        client = client_of(google, token_uri=f"{endpoint.url}token")
        with a_consent(client, open_browser=lambda url: browser(answer_of(url))).session(ASK) as session:
            assert session.grant().scopes == ALL


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"access_token": "a", "token_type": "Bearer"}, ConsentDenied),
        ({"refresh_token": "r", "token_type": "Bearer"}, GoogleUnreachable),
        ({}, GoogleUnreachable),
        ([], GoogleUnreachable),
        ("text", GoogleUnreachable),
    ],
)
def test_a_token_response_without_a_refresh_token_is_a_denial(
    google: Simulator, browser: Browser, body: object, expected: type[PortalcalError]
) -> None:
    with Scripted(answers(body=body)) as endpoint:
        client = client_of(google, token_uri=f"{endpoint.url}token")
        consent = a_consent(client, open_browser=lambda url: browser(answer_of(url)))
        with pytest.raises(expected), consent.session(ASK) as session:
            session.grant()


@pytest.mark.parametrize("status", [302, 307, 308])
def test_code_and_secret_follow_no_redirect(google: Simulator, browser: Browser, status: int) -> None:
    with Scripted(answers()) as elsewhere, Scripted(answers(status, b"", Location=elsewhere.url)) as endpoint:
        client = client_of(google, token_uri=f"{endpoint.url}token")
        consent = a_consent(client, open_browser=lambda url: browser(answer_of(url)))
        with pytest.raises(GoogleUnreachable), consent.session(ASK) as session:
            session.grant()

    assert elsewhere.connections == 0


def test_plain_http_is_allowed_to_oauthlib_only_while_it_speaks_to_loopback(
    google: Simulator, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)

    with a_consent(client_of(google), open_browser=browser).session(ASK) as session:
        during = os.environ.get("OAUTHLIB_INSECURE_TRANSPORT")
        session.grant()

    assert during is None
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


# --- pasting ------------------------------------------------------------------------------------------------------


class Terminal:
    """A person who pastes lines when query."""

    def __init__(self) -> None:
        self.lines: list[str | None] = []

    def __call__(self) -> str | None:
        return self.lines.pop(0) if self.lines else None


def redirected(google: Simulator, url: str) -> str:
    """Where the browser of another machine ends: an address it cannot open."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(url, timeout=20)
    except urllib.error.HTTPError as error:
        with error:
            return str(error.headers["Location"])
    raise AssertionError("no redirect")


@pytest.mark.parametrize("cut", [lambda address: address, lambda address: f"?{address.partition('?')[2]}"])
def test_an_answer_pasted_into_the_terminal_ends_the_wait(
    google: Simulator, cut: Callable[[str], str]
) -> None:
    terminal = Terminal()

    with a_consent(client_of(google), pasted=terminal).session(ASK._replace(open_browser=False)) as session:
        terminal.lines = ["", None, cut(redirected(google, session.url))]
        grant = session.grant()

    assert grant.scopes == ALL


def test_something_else_that_is_pasted_is_explained_and_the_wait_goes_on(google: Simulator) -> None:
    terminal, view = Terminal(), RecordingView()
    consent = a_consent(client_of(google), pasted=terminal, view=view)

    with consent.session(ASK._replace(open_browser=False)) as session:
        terminal.lines = ["4/0AbCd", "http://127.0.0.1/?state=old&code=1", redirected(google, session.url)]
        assert session.grant().scopes == ALL

    nothing = "This address holds neither a code nor an error."
    other = "This answer belongs to another attempt to connect, not to the one that is waiting now."
    advice = "Paste the whole address of the page the browser ended on"
    assert view.warnings == [
        ("not-the-answer", f"{nothing} {advice}"),
        ("not-the-answer", f"{other} {advice}"),
    ]


# --- what the tab says --------------------------------------------------------------------------------------------


def fail(_: Grant, error: BaseException) -> None:
    """What a use-case may do with a grant."""
    raise error


def test_a_failure_after_the_exchange_is_shown_in_the_tab(google: Simulator, browser: Browser) -> None:
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(PermissionMissing), consent.session(ASK) as session:
        fail(session.grant(), PermissionMissing(("create_events",), ("Create events",)))

    assert "Permission missing: Create events" in browser.last


@pytest.mark.parametrize("end", [KeyboardInterrupt, ZeroDivisionError, SystemExit])
def test_the_tab_shows_every_way_a_session_can_end(
    google: Simulator, browser: Browser, end: type[BaseException]
) -> None:
    consent = a_consent(client_of(google), open_browser=browser)

    with pytest.raises(end), consent.session(ASK) as session:
        fail(session.grant(), end())

    assert "Could not finish:" in browser.last


def test_an_errors_own_sentence_is_on_the_page() -> None:
    page = page_for(GoogleBusy("Backend Error", 503))

    assert (page.headline, page.detail) == ("Could not finish:", "Google is busy (503): Backend Error")


# --- revoking -----------------------------------------------------------------------------------------------------


def test_revoking_ends_the_grant_once(google: Simulator) -> None:
    consent = a_consent(client_of(google), revoke_uri=google.revoke_uri)
    token = google.issue_token().refresh_token

    assert [consent.revoke(token), consent.revoke(token)] == [Revocation.REVOKED, Revocation.ALREADY_DEAD]
    assert google.grants.by_refresh(token) is None


@pytest.mark.parametrize(
    "act",
    [
        answers(200, b"<html>Hotel WiFi</html>"), answers(302, b"", Location="/"), answers(400, b"<html>"),
        answers(400, {"error": "invalid_request"}), answers(404, b""), answers(503, b""), answers(429, b""), hangs_up,
    ],
)  # fmt: skip
def test_revoking_never_raises_and_never_claims_more_than_it_knows(google: Simulator, act: Any) -> None:
    with Scripted(act) as endpoint:
        consent = a_consent(client_of(google), revoke_uri=f"{endpoint.url}revoke")
        assert consent.revoke("1//r") is Revocation.UNREACHABLE


def test_revoking_at_a_closed_port_is_unreachable(google: Simulator) -> None:
    assert a_consent(client_of(google)).revoke("1//r") is Revocation.UNREACHABLE


# --- secrets ------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log_or_repr(
    google: Simulator, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    google.faults.add("oauth.token: 503 once")
    consent = a_consent(client_of(google), revoke_uri=google.revoke_uri, open_browser=browser)

    with consent.session(ASK) as session:
        grant = session.grant()
        session.succeed("ana@example.com")
    consent.revoke(grant.refresh_token)

    logged = "".join([caplog.text, repr(grant), repr(grant.access), repr(session), browser.last])
    assert caplog.records
    assert not [secret for secret in google.secrets() if secret in logged]
