"""The bearer token on every request, renewed once; and which requests may be sent twice."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httplib2
import pytest
from googleapiclient.discovery import build

from portalcal.adapters.google.api_errors import ApiError
from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.tokens import GrantAccessTokens
from portalcal.core.grant import AccessToken, Grant
from portalcal.errors import GoogleUnreachable, GrantRevoked
from tests.adapters.scripted import Scripted, an_http_client, answers, hangs_up, refuses, resets_after_reading

UNAUTHORIZED = refuses(401, "authError")


class Purse(GrantAccessTokens):
    """Tokens from a list."""

    def __init__(self, *tokens: str) -> None:
        super().__init__(Grant("refresh", AccessToken(tokens[0]), frozenset()))
        self.left = list(tokens)
        self.renewals: list[str | None] = []

    def token(self) -> str:
        return self.left[0]

    def renew(self, stale: str | None = None) -> str:
        self.renewals.append(stale)
        self.left.pop(0)
        return self.left[0]


def an_http(*tokens: str) -> AuthorizedHttp:
    return AuthorizedHttp(Purse(*(tokens or ("one",))), http_client=an_http_client())


def bearers(google: Scripted) -> list[str]:
    return [
        line.removeprefix("Authorization: Bearer ")
        for request in google.requests
        for line in request.decode().split("\r\n")
        if line.startswith("Authorization")
    ]


def test_it_has_the_interface_of_httplib2() -> None:
    with Scripted(answers(201, b'{"x": 1}', ETag='"7"')) as google, closing(an_http()) as http:
        response, content = http.request(
            google.url, "GET", headers={"accept": "application/json", "content-length": "0"}
        )

    assert isinstance(response, httplib2.Response)
    assert (response.status, response["etag"], response.reason, content) == (
        201,
        '"7"',
        "Created",
        b'{"x": 1}',
    )
    assert bearers(google) == ["one"]
    assert b"user-agent: portalcal/" in google.requests[0].lower()


def test_a_refused_token_is_renewed_once() -> None:
    with Scripted(UNAUTHORIZED, answers()) as google, closing(an_http("old", "new")) as http:
        response, _ = http.request(google.url)

    assert response.status == 200
    assert bearers(google) == ["old", "new"]


def test_a_renewed_token_that_is_rejected_is_not_renewed_again() -> None:
    purse = Purse("old", "new", "newer")

    with (
        Scripted(UNAUTHORIZED) as google,
        closing(AuthorizedHttp(purse, http_client=an_http_client())) as http,
        pytest.raises(ApiError) as caught,
    ):
        http.request(google.url)

    assert caught.value.api_error.status == 401
    assert purse.renewals == ["old"]


def test_a_grant_that_is_not_stored_yet_cannot_be_renewed() -> None:
    tokens = GrantAccessTokens(Grant("refresh", AccessToken("one"), frozenset()))

    with (
        Scripted(UNAUTHORIZED) as google,
        closing(AuthorizedHttp(tokens, http_client=an_http_client())) as http,
        pytest.raises(GrantRevoked),
    ):
        http.request(google.url)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_idempotent_request_is_retried(method: str) -> None:
    with Scripted(hangs_up, answers(body=b"")) as google, closing(an_http()) as http:
        http.request(google.url, method)

    assert google.connections == 2


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_a_request_that_is_not_idempotent_is_not_retried_and_its_outcome_is_unknown(method: str) -> None:
    with (
        Scripted(resets_after_reading, answers()) as google,
        closing(an_http()) as http,
        pytest.raises(GoogleUnreachable) as caught,
    ):
        http.request(google.url, method, body="{}")

    assert (google.connections, caught.value.sent) == (1, True)


def test_a_post_that_only_reads_is_retried() -> None:
    with Scripted(resets_after_reading, answers()) as google, closing(an_http()) as http:
        http.for_reading.request(google.url, "POST", body="{}")

    assert google.connections == 2


def test_a_get_sent_as_post_for_its_length_is_still_a_get() -> None:
    with Scripted(resets_after_reading, answers(body={"items": []})) as google, closing(an_http()) as http:
        service = build(
            "calendar", "v3", http=http, cache_discovery=False, client_options={"api_endpoint": google.url}
        )
        service.events().list(calendarId="primary", q="x" * 3000).execute()

    assert google.requests[1].startswith(b"POST ")
    assert google.connections == 2


def test_many_threads_share_it() -> None:
    with (
        Scripted(answers(body={"ok": True})) as google,
        closing(an_http()) as http,
        ThreadPoolExecutor(8) as pool,
    ):
        statuses = list(pool.map(lambda _: http.request(google.url)[0].status, range(64)))

    assert statuses == [200] * 64


def test_no_log_record_contains_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with (
        Scripted(UNAUTHORIZED, refuses(403, "forbidden")) as google,
        closing(an_http("hidden-1", "hidden-2")) as http,
        pytest.raises(ApiError),
    ):
        http.request(f"{google.url}x?access_token=hidden-3")

    own = [each for each in caplog.records if each.name.startswith("portalcal")]
    assert own
    assert not [each for each in own if "hidden" in each.getMessage()]


def test_closing_closes_the_tokens_http_client_too() -> None:
    closed: list[str] = []

    class Noting(Purse):
        def close(self) -> None:
            closed.append("tokens")

    AuthorizedHttp(Noting("one"), http_client=an_http_client()).close()

    assert closed == ["tokens"]
