"""OAuth for installed apps: https://developers.google.com/identity/protocols/oauth2/native-app."""

import base64
from collections.abc import Iterator

import pytest

from portalcal.simulator.google import Simulator
from tests.contract.google.service import Service
from tests.simulator.wire import SCOPES, Browserless

fact = pytest.mark.fact
NATIVE = "developers.google.com/identity/protocols/oauth2/native-app"
EXPIRATION = "developers.google.com/identity/protocols/oauth2#expiration"
PREFIX = "https://www.googleapis.com/auth/"


@pytest.fixture
def program(simulator: Simulator) -> Iterator[Browserless]:
    """An installed app on its way through consent."""
    with Browserless(simulator) as client:
        yield client


def dead(program: Browserless, token: str) -> bool:
    answer = program.refresh(token)
    return (answer.status, answer.json.get("error")) == (400, "invalid_grant")


@fact("secondary", "reports of success callbacks; RFC 9207")
def test_the_way_back_carries_code_state_issuer_and_scope(program: Browserless) -> None:
    told = program.authorize().returned

    assert {"code", "state", "iss", "scope"} <= set(told)
    assert told["iss"] == "https://accounts.google.com"
    assert "/" in told["code"]


@fact("confirmed", "developers.google.com/identity/protocols/oauth2: a code has at most 256 bytes")
def test_a_code_is_short(program: Browserless) -> None:
    assert len(program.authorize().returned["code"]) <= 256


@fact("confirmed", NATIVE)
@pytest.mark.parametrize("redirect", ["http://127.0.0.1:1234", "http://[::1]:1234", "http://localhost:1234"])
def test_any_port_of_loopback_may_be_returned_to(program: Browserless, redirect: str) -> None:
    assert program.authorize(redirect_uri=redirect).location.startswith(redirect)


@fact("secondary", "steipete/gogcli internal/googleauth/oauth_flow.go; no official statement")
def test_any_path_of_loopback_may_be_returned_to(program: Browserless) -> None:
    assert program.authorize(redirect_uri="http://127.0.0.1:1/oauth2/callback").status == 302


@fact("confirmed", "developers.google.com/identity/protocols/oauth2/resources/oob-migration")
def test_out_of_band_is_blocked_on_a_page(program: Browserless) -> None:
    answer = program.authorize(redirect_uri="urn:ietf:wg:oauth:2.0:oob")

    assert (answer.status, "location" in answer.headers) == (400, False)


@fact("confirmed", NATIVE)
def test_a_refusal_is_access_denied(simulator: Simulator, program: Browserless) -> None:
    simulator.consent = "deny"

    assert program.authorize().returned["error"] == "access_denied"


@fact("confirmed", "developers.google.com/identity/protocols/oauth2/resources/granular-permissions")
def test_a_person_may_grant_less_than_was_asked_for(simulator: Simulator, program: Browserless) -> None:
    simulator.consent = "partial"

    assert program.connect()["scope"].split() == [PREFIX + scope for scope in SCOPES[:-1]]


@fact("confirmed", NATIVE)
def test_an_installed_app_always_gets_a_refresh_token(program: Browserless) -> None:
    token = program.connect()

    assert set(token) == {"access_token", "refresh_token", "scope", "token_type", "expires_in"}
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3599)


@fact("confirmed", "developers.google.com/identity/protocols/oauth2: sizes of tokens")
def test_tokens_keep_within_their_sizes(program: Browserless) -> None:
    token = program.connect()

    assert len(token["access_token"]) <= 2048
    assert len(token["refresh_token"]) <= 512


@fact("secondary", "googleapis/google-api-dotnet-client#1827, taylorwilsdon/google_workspace_mcp#1008")
def test_a_desktop_client_needs_its_secret(program: Browserless) -> None:
    answer = program.exchange(program.authorize().returned["code"], client_secret=None)

    assert answer.status == 400
    assert answer.json == {"error": "invalid_request", "error_description": "client_secret is missing."}


@fact("secondary", "anthropics/claude-code#67999")
def test_a_wrong_secret_is_an_invalid_client(program: Browserless) -> None:
    answer = program.exchange(program.authorize().returned["code"], client_secret="wrong")

    assert answer.status == 401
    assert answer.json == {
        "error": "invalid_client",
        "error_description": "The provided client secret is invalid.",
    }


@fact("confirmed", f"{NATIVE}, and reports of the text")
def test_an_unknown_client_is_an_invalid_client(google: Service) -> None:
    answer = google.oauth(
        "POST",
        "token",
        grant_type="refresh_token",
        refresh_token="x",
        client_id="x.apps.googleusercontent.com",
        client_secret="x",
    )

    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


@fact("secondary", "Colin-b/httpx_auth#113; requests-oauthlib sends Basic")
def test_credentials_may_travel_as_http_basic(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    pair = base64.b64encode(f"{simulator.client.id}:{simulator.client.secret}".encode()).decode()

    answer = program.form(
        "/token",
        headers={"Authorization": f"Basic {pair}"},
        grant_type="refresh_token",
        refresh_token=token.refresh_token,
    )

    assert answer.status == 200


@fact("confirmed", NATIVE)
@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"code": "4/0Anonsense"}, "invalid_grant", "Malformed auth code."),
        ({"code_verifier": None}, "invalid_grant", "Missing code verifier."),
    ],
)
def test_a_wrong_exchange_is_an_invalid_grant(
    program: Browserless, changes: dict[str, str | None], error: str, description: str
) -> None:
    answer = program.exchange(**({"code": program.authorize().returned["code"]} | changes))

    assert (answer.status, answer.json["error"], answer.json["error_description"]) == (
        400,
        error,
        description,
    )


@fact("confirmed", "RFC 6749 section 4.1.2: a code is used once")
def test_a_code_is_good_once(program: Browserless) -> None:
    code = program.authorize().returned["code"]
    program.exchange(code)

    assert program.exchange(code).json["error"] == "invalid_grant"


@fact("confirmed", NATIVE)
def test_refreshing_does_not_rotate_the_refresh_token(simulator: Simulator, program: Browserless) -> None:
    assert "refresh_token" not in program.refresh(simulator.issue_token().refresh_token).json


@fact("secondary", "googlecolab/google-colab-cli#116")
def test_refreshing_for_an_ungranted_scope_is_an_invalid_scope(
    simulator: Simulator, program: Browserless
) -> None:
    token = simulator.issue_token(["calendar.events.freebusy"])

    answer = program.refresh(token.refresh_token, scope=PREFIX + "calendar")

    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


@fact("confirmed", EXPIRATION)
def test_a_revoked_grant_is_an_invalid_grant(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    program.form("/revoke", token=token.refresh_token)

    answer = program.refresh(token.refresh_token)

    assert answer.json == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


@fact("confirmed", EXPIRATION)
def test_a_grant_unused_for_six_months_is_dead(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    simulator.clock.advance(days=183)

    assert dead(program, token.refresh_token)


@fact("confirmed", EXPIRATION)
def test_a_grant_of_an_app_in_testing_lives_seven_days(simulator: Simulator, program: Browserless) -> None:
    simulator.grants.policy.testing = True
    token = simulator.issue_token()
    simulator.clock.advance(days=7)

    assert dead(program, token.refresh_token)


@fact("confirmed", EXPIRATION)
def test_the_oldest_of_more_than_a_hundred_grants_dies_silently(
    simulator: Simulator, program: Browserless
) -> None:
    tokens = [simulator.issue_token() for _ in range(101)]

    assert [dead(program, token.refresh_token) for token in tokens[:2]] == [True, False]


@fact("confirmed", EXPIRATION)
def test_session_control_wants_a_new_sign_in(simulator: Simulator, program: Browserless) -> None:
    simulator.grants.policy.reauthenticate = True

    told = program.refresh(simulator.issue_token().refresh_token).json

    assert (told["error"], told["error_subtype"]) == ("invalid_grant", "invalid_rapt")


@fact("unconfirmed", "the HTTP status is not documented")
def test_an_administrator_may_block_the_app(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    simulator.grants.policy.admin_blocks = True

    assert program.refresh(token.refresh_token).json["error"] == "admin_policy_enforced"


@fact("secondary", "developers' reports: 401 deleted_client")
def test_a_deleted_client_says_so(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    simulator.client.deleted = True

    answer = program.refresh(token.refresh_token)

    assert (answer.status, answer.json["error"]) == (401, "deleted_client")


@fact("secondary", "googleapis/oauth2client#750")
def test_revoking_takes_posts_only(google: Service) -> None:
    assert google.oauth("GET", "revoke", token="x").status == 404


@fact("secondary", "several independent reports agree on the body")
def test_revoking_a_dead_token_is_an_invalid_token(google: Service) -> None:
    answer = google.oauth("POST", "revoke", token="1//0nonsense")

    assert (answer.status, answer.json["error"]) == (400, "invalid_token")


@fact("secondary", "googleapis/google-auth-library-nodejs#1175")
def test_an_expired_access_token_cannot_be_revoked(simulator: Simulator, program: Browserless) -> None:
    token = simulator.issue_token()
    simulator.clock.advance(hours=2)

    assert program.form("/revoke", token=token).status == 400


@fact("confirmed", "developers.google.com/identity/protocols/oauth2/limited-input-device, revoking")
def test_revoking_ends_the_whole_project_s_grants(simulator: Simulator, program: Browserless) -> None:
    sibling = simulator.grants.add_client(project=simulator.client.project)
    mine, cousin = simulator.issue_token(), simulator.issue_token(client=sibling)

    program.form("/revoke", token=mine.refresh_token)

    assert simulator.grants.by_access(cousin) is None


@fact("secondary", "developers' reports of oauth2.googleapis.com/tokeninfo")
def test_tokeninfo_speaks_in_strings(simulator: Simulator, google: Service) -> None:
    told = google.oauth("GET", "tokeninfo", access_token=google.token).json

    assert set(told) == {"azp", "aud", "scope", "exp", "expires_in", "access_type"}
    assert all(isinstance(value, str) for value in told.values())


@fact("secondary", "developers' reports of oauth2.googleapis.com/tokeninfo")
def test_tokeninfo_of_nonsense_is_an_invalid_token(google: Service) -> None:
    answer = google.oauth("GET", "tokeninfo", access_token="ya29.nonsense")

    assert (answer.status, answer.json["error"]) == (400, "invalid_token")
