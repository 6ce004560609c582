"""The program's half of OAuth: token, revoke, tokeninfo."""

import base64

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import REDIRECT, Answer, Browserless

FREEBUSY = "https://www.googleapis.com/auth/calendar.events.freebusy"


def basic(identifier: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{identifier}:{secret}".encode()).decode()}


def error(answer: Answer) -> tuple[int, str, str | None]:
    told = answer.json
    return answer.status, told["error"], told.get("error_description")


def test_a_code_buys_an_access_and_a_refresh_token(stranger: Browserless) -> None:
    token = stranger.connect()

    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3599
    assert len(token["access_token"]) <= 2048
    assert len(token["refresh_token"]) <= 512


def test_basic_credentials_are_as_good_as_those_in_the_body(google: Simulator, stranger: Browserless) -> None:
    code = stranger.authorize().returned["code"]

    answer = stranger.form(
        "/token",
        headers=basic(google.client.id, google.client.secret),
        grant_type="authorization_code",
        code=code,
        code_verifier="a-verifier-of-at-least-forty-three-characters-0123456789",
        redirect_uri=REDIRECT,
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_secret": None}, (400, "invalid_request", "client_secret is missing.")),
        ({"client_secret": ""}, (400, "invalid_request", "client_secret is missing.")),
        ({"client_secret": "wrong"}, (401, "invalid_client", "The provided client secret is invalid.")),
        ({"client_id": "nobody"}, (401, "invalid_client", "The OAuth client was not found.")),
        ({"client_id": None}, (400, "invalid_request", "Could not determine client ID from request.")),
        ({"grant_type": None}, (400, "invalid_request", "Required parameter is missing: grant_type")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", "Invalid grant_type: password")),
        ({"code": "4/0Amadeup"}, (400, "invalid_grant", "Malformed auth code.")),
        ({"code_verifier": None}, (400, "invalid_grant", "Missing code verifier.")),
        ({"code_verifier": "x" * 43}, (400, "invalid_grant", "Invalid code verifier.")),
        ({"redirect_uri": "http://127.0.0.1:1/"}, (400, "redirect_uri_mismatch", "Bad Request")),
    ],
)
def test_a_wrong_exchange_is_refused(
    stranger: Browserless, changes: dict[str, str | None], expected: tuple[int, str, str]
) -> None:
    answer = stranger.exchange(**({"code": stranger.authorize().returned["code"]} | changes))

    assert error(answer) == expected


def test_empty_basic_credentials_lack_the_secret(google: Simulator, stranger: Browserless) -> None:
    answer = stranger.form(
        "/token", headers=basic(google.client.id, ""), grant_type="refresh_token", refresh_token="x"
    )

    assert error(answer) == (400, "invalid_request", "client_secret is missing.")


def test_a_code_is_good_once(stranger: Browserless) -> None:
    code = stranger.authorize().returned["code"]

    assert stranger.exchange(code).status == 200
    assert error(stranger.exchange(code)) == (400, "invalid_grant", "Bad Request")


def test_a_code_is_good_for_ten_minutes(google: Simulator, stranger: Browserless) -> None:
    code = stranger.authorize().returned["code"]
    google.clock.advance(minutes=10)

    assert error(stranger.exchange(code)) == (400, "invalid_grant", "Bad Request")


def test_refreshing_brings_an_access_token_and_no_new_refresh_token(stranger: Browserless) -> None:
    first = stranger.connect()

    second = stranger.refresh(first["refresh_token"]).json

    assert second["access_token"] != first["access_token"]
    assert second["scope"] == first["scope"]
    assert "refresh_token" not in second


def test_with_rotation_the_old_refresh_token_dies(google: Simulator, stranger: Browserless) -> None:
    google.grants.policy.rotate = True
    old = stranger.connect()["refresh_token"]

    new = stranger.refresh(old).json["refresh_token"]

    assert stranger.refresh(new).status == 200
    assert error(stranger.refresh(old))[1] == "invalid_grant"


def test_a_scope_that_was_not_granted_cannot_be_refreshed(google: Simulator, stranger: Browserless) -> None:
    google.consent = "partial"
    token = stranger.connect()

    assert stranger.refresh(token["refresh_token"], scope=FREEBUSY).json["scope"] == FREEBUSY
    refused = stranger.refresh(
        token["refresh_token"], scope="https://www.googleapis.com/auth/calendar.events.owned"
    )
    assert error(refused) == (400, "invalid_scope", "Bad Request")


def test_the_token_endpoint_takes_posts_only(stranger: Browserless) -> None:
    assert stranger.send("GET", "/token").status == 404


def test_an_access_token_lives_an_hour(google: Simulator, stranger: Browserless) -> None:
    stranger.token = stranger.connect()["access_token"]
    assert stranger.api("GET", "users/me/calendarList").status == 200

    google.clock.advance(seconds=3600)

    assert stranger.api("GET", "users/me/calendarList").status == 401


def test_revoking_a_refresh_token_ends_its_access_tokens_too(stranger: Browserless) -> None:
    token = stranger.connect()
    stranger.token = token["access_token"]

    assert stranger.form("/revoke", token=token["refresh_token"]).status == 200

    assert stranger.api("GET", "users/me/calendarList").status == 401
    assert error(stranger.refresh(token["refresh_token"])) == (
        400,
        "invalid_grant",
        "Token has been expired or revoked.",
    )


def test_revoking_an_access_token_ends_the_grant(stranger: Browserless) -> None:
    token = stranger.connect()

    assert stranger.form("/revoke", token=token["access_token"]).status == 200

    assert stranger.refresh(token["refresh_token"]).status == 400


def test_revoking_ends_every_grant_of_the_person_and_the_project(
    google: Simulator, stranger: Browserless
) -> None:
    sibling = google.grants.add_client(project=google.client.project)
    elsewhere = google.grants.add_client()
    mine, cousin = google.issue_token(), google.issue_token(client=sibling)
    other_project, other_person = (
        google.issue_token(client=elsewhere),
        google.issue_token(user=google.add_user("b@x.com")),
    )

    stranger.form("/revoke", token=mine.refresh_token)

    alive = [
        stranger.send("GET", f"/tokeninfo?access_token={t}").status
        for t in (cousin, other_project, other_person)
    ]
    assert alive == [400, 200, 200]


def test_revoking_the_dead_is_an_invalid_token(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    stranger.form("/revoke", token=token.refresh_token)

    for dead in (token, token.refresh_token, "1//0madeup"):
        assert error(stranger.form("/revoke", token=dead)) == (
            400,
            "invalid_token",
            "Token expired or revoked",
        )


def test_an_expired_access_token_cannot_be_revoked(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    google.clock.advance(hours=1)

    assert stranger.form("/revoke", token=token).status == 400
    assert stranger.form("/revoke", token=token.refresh_token).status == 200


def test_revoking_takes_posts_only(stranger: Browserless) -> None:
    assert stranger.send("GET", "/revoke?token=x").status == 404


def test_tokeninfo_describes_a_token_in_strings(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token(["calendar.events.freebusy"])
    google.clock.advance(minutes=1)

    told = stranger.send("GET", f"/tokeninfo?access_token={token}").json

    assert (told["aud"], told["azp"]) == (google.client.id, google.client.id)
    assert (told["scope"], told["expires_in"], told["access_type"]) == (FREEBUSY, "3539", "offline")
    assert "email" not in told
    assert error(stranger.send("GET", "/tokeninfo?access_token=x")) == (400, "invalid_token", "Invalid Value")


def test_while_testing_a_grant_lives_a_week(google: Simulator, stranger: Browserless) -> None:
    google.grants.policy.testing = True
    token = google.issue_token()

    google.clock.advance(days=6, hours=23)
    assert stranger.refresh(token.refresh_token).status == 200

    google.clock.advance(hours=1)
    assert error(stranger.refresh(token.refresh_token))[1] == "invalid_grant"


def test_a_grant_unused_for_six_months_is_dead(google: Simulator, stranger: Browserless) -> None:
    used, unused = google.issue_token(), google.issue_token()

    google.clock.advance(days=100)
    assert stranger.refresh(used.refresh_token).status == 200
    google.clock.advance(days=100)

    assert stranger.refresh(used.refresh_token).status == 200
    assert error(stranger.refresh(unused.refresh_token))[1] == "invalid_grant"


def test_the_hundred_and_first_grant_ends_the_first(google: Simulator, stranger: Browserless) -> None:
    grants = [google.issue_token() for _ in range(101)]

    assert error(stranger.refresh(grants[0].refresh_token))[1] == "invalid_grant"
    assert stranger.refresh(grants[1].refresh_token).status == 200


def test_an_administrator_can_block_the_app(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    google.grants.policy.admin_blocks = True

    assert error(stranger.refresh(token.refresh_token))[1] == "admin_policy_enforced"


def test_session_control_asks_for_a_new_sign_in(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    google.grants.policy.reauthenticate = True

    told = stranger.refresh(token.refresh_token).json

    assert (told["error"], told["error_subtype"]) == ("invalid_grant", "invalid_rapt")


def test_a_deleted_client_is_named(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    google.client.deleted = True

    assert error(stranger.refresh(token.refresh_token)) == (
        401,
        "deleted_client",
        "The OAuth client was deleted.",
    )


def test_a_deleted_account_is_named(google: Simulator, stranger: Browserless) -> None:
    token = google.issue_token()
    google.grants.policy.account_deleted = True

    assert error(stranger.refresh(token.refresh_token)) == (
        400,
        "invalid_grant",
        "The account has been deleted",
    )


def test_every_secret_is_known_to_the_leak_tests(google: Simulator, stranger: Browserless) -> None:
    code = stranger.authorize().returned["code"]
    token = stranger.exchange(code).json

    assert {code, token["access_token"], token["refresh_token"], google.client.secret} <= google.secrets()
