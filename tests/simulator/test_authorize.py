"""The browser's half of OAuth."""

import http.server
import threading
from html.parser import HTMLParser

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import REDIRECT, SCOPES, Browserless

PREFIX = "https://www.googleapis.com/auth/"


class Form(HTMLParser):
    """The fields, labels and buttons of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.buttons: list[str | None] = []
        self.ids: list[str | None] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids.append(told.get("id"))
        if tag == "input":
            self.fields[str(told["name"])] = told
        if tag == "button":
            self.buttons.append(told.get("id"))
        self.outside += [
            f"{tag} {name}" for name in ("src", "href") if (told.get(name) or "data:")[:5] != "data:"
        ]


def test_consent_comes_back_with_a_code_the_state_the_issuer_and_the_scopes(stranger: Browserless) -> None:
    answer = stranger.authorize()

    assert answer.status == 302
    assert answer.location.startswith(f"{REDIRECT}?")
    assert answer.returned["state"] == "the-state"
    assert answer.returned["iss"] == "https://accounts.google.com"
    assert answer.returned["scope"].split() == [PREFIX + scope for scope in SCOPES]
    assert answer.returned["code"].startswith("4/0A")
    assert len(answer.returned["code"]) <= 256


def test_both_authorization_addresses_are_in_use(google: Simulator, stranger: Browserless) -> None:
    answer = stranger.send("GET", "/o/oauth2/auth?client_id=nobody")

    assert (answer.status, google.requests[-1].operation) == (401, "oauth.authorize")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://example.com/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://192.168.1.4:8080/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://127.0.0.1:8080/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": PREFIX + "calendar.everything"}, 400, "invalid_scope"),
        ({"code_challenge": None}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"code_challenge_method": None}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_ends_on_a_page_without_a_way_back(
    stranger: Browserless, changes: dict[str, str | None], status: int, error: str
) -> None:
    answer = stranger.authorize(SCOPES, **changes)

    assert answer.status == status
    assert f'<code id="error">{error}</code>' in answer.body.decode()
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "redirect",
    ["http://127.0.0.1:1/", "http://[::1]:8080/x/y", "http://localhost:3000", "http://127.0.0.1:9/a?b=c"],
)
def test_any_port_and_path_on_loopback_may_be_returned_to(stranger: Browserless, redirect: str) -> None:
    assert stranger.authorize(redirect_uri=redirect).location.startswith(redirect)


def test_a_refusal_comes_back_as_access_denied_with_the_state(
    google: Simulator, stranger: Browserless
) -> None:
    google.consent = "deny"

    answer = stranger.authorize()

    assert (answer.returned["error"], answer.returned["state"]) == ("access_denied", "the-state")
    assert "code" not in answer.returned


def test_partial_consent_grants_fewer_scopes_than_were_asked_for(
    google: Simulator, stranger: Browserless
) -> None:
    google.consent = "partial"

    token = stranger.connect()

    assert token["scope"].split() == [PREFIX + scope for scope in SCOPES[:-1]]


def test_the_boxes_left_unticked_can_be_chosen(google: Simulator, stranger: Browserless) -> None:
    google.consent = "partial"
    google.oauth.unticked = frozenset({"calendar.events.freebusy"})

    assert stranger.connect()["scope"].split() == [PREFIX + SCOPES[0], PREFIX + SCOPES[2]]


def test_the_return_can_lie_about_state_and_issuer(google: Simulator, stranger: Browserless) -> None:
    google.consent = "wrong-state"
    assert stranger.authorize().returned["state"] != "the-state"

    google.consent = "wrong-iss"
    assert stranger.authorize().returned["iss"] == "https://accounts.example.com"

    google.consent = "no-iss"
    assert "iss" not in stranger.authorize().returned


def test_an_app_can_be_blocked_on_a_page_or_in_the_redirect(google: Simulator, stranger: Browserless) -> None:
    google.consent = "no-redirect"
    assert (stranger.authorize().status, "location" in stranger.authorize().headers) == (403, False)

    google.consent = "policy-redirect"
    assert stranger.authorize().returned["error"] == "admin_policy_enforced"


def test_a_browser_may_ask_for_an_icon_before_it_comes_back(google: Simulator, stranger: Browserless) -> None:
    asked: list[str] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.handle_request, daemon=True).start()
        google.consent = "favicon-first"
        answer = stranger.authorize(redirect_uri=f"http://127.0.0.1:{receiver.server_port}/")

    assert asked == ["/favicon.ico"]
    assert "code" in answer.returned


def test_an_unknown_mode_is_refused_with_the_known_ones(google: Simulator) -> None:
    with pytest.raises(ValueError, match=r"consent is one of auto, page, .* not 'maybe'"):
        google.consent = "maybe"


def test_the_consent_page_has_a_box_a_permission_and_two_buttons(
    google: Simulator, stranger: Browserless
) -> None:
    google.consent = "page"

    form = Form(stranger.authorize().body.decode())

    boxes = [name for name, field in form.fields.items() if field.get("type") == "checkbox"]
    assert boxes == list(SCOPES)
    assert form.buttons == ["deny", "allow"]
    assert "account" in form.ids


def test_the_consent_page_loads_nothing_from_elsewhere(google: Simulator, stranger: Browserless) -> None:
    google.consent = "page"

    answer = stranger.authorize()

    assert Form(answer.body.decode()).outside == []
    assert b"<script" not in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_ticked_is_what_is_granted(google: Simulator, stranger: Browserless) -> None:
    google.consent = "page"
    ticket = str(Form(stranger.authorize().body.decode()).fields["ticket"]["value"])

    answer = stranger.form(
        "/signin/consent", {SCOPES[1]: "on"}, ticket=ticket, account="ana@example.com", decision="allow"
    )

    assert answer.returned["scope"] == PREFIX + SCOPES[1]


def test_allowing_without_a_tick_is_a_refusal(google: Simulator, stranger: Browserless) -> None:
    google.consent = "page"
    ticket = str(Form(stranger.authorize().body.decode()).fields["ticket"]["value"])

    answer = stranger.form("/signin/consent", ticket=ticket, account="ana@example.com", decision="allow")

    assert answer.returned["error"] == "access_denied"


def test_a_single_permission_has_no_box(google: Simulator, stranger: Browserless) -> None:
    google.consent = "page"
    form = Form(stranger.authorize(SCOPES[:1]).body.decode())
    ticket = str(form.fields["ticket"]["value"])

    answer = stranger.form("/signin/consent", ticket=ticket, account="ana@example.com", decision="allow")

    assert not [name for name, field in form.fields.items() if field.get("type") == "checkbox"]
    assert answer.returned["scope"] == PREFIX + SCOPES[0]


def test_a_consent_page_can_be_answered_once(google: Simulator, stranger: Browserless) -> None:
    google.consent = "page"
    ticket = str(Form(stranger.authorize().body.decode()).fields["ticket"]["value"])
    fields = {"ticket": ticket, "account": "ana@example.com", "decision": "deny"}

    assert stranger.form("/signin/consent", fields).returned["error"] == "access_denied"
    assert stranger.form("/signin/consent", fields).status == 400


def test_the_login_hint_chooses_the_account(google: Simulator, stranger: Browserless) -> None:
    google.add_user("ben@example.com")

    token = stranger.connect(login_hint="ben@example.com")["access_token"]

    with Browserless(google, token) as ben:
        entry = ben.api("GET", "users/me/calendarList").json["items"][0]
    assert (entry["id"], entry["primary"]) == ("ben@example.com", True)


def test_while_testing_only_listed_people_may_consent(google: Simulator, stranger: Browserless) -> None:
    google.grants.policy.testing = True
    google.grants.policy.test_users = ("someone@example.com",)

    answer = stranger.authorize()

    assert (answer.status, b"access_denied" in answer.body) == (403, True)


def test_a_blocked_app_is_told_on_a_page(google: Simulator, stranger: Browserless) -> None:
    google.grants.policy.admin_blocks = True

    assert b"admin_policy_enforced" in stranger.authorize().body


def test_a_deleted_client_is_told_on_a_page(google: Simulator, stranger: Browserless) -> None:
    google.client.deleted = True

    assert b"deleted_client" in stranger.authorize().body
