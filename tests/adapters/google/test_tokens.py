"""Renewing: before the token ends, once after a 401, by two at a time; and every way in which a grant can be dead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from portalcal.adapters.google.client import OAuthClient
from portalcal.adapters.google.http_client import HttpClient
from portalcal.adapters.google.tokens import AccessTokens
from portalcal.adapters.token_cache import read_access, write_access
from portalcal.adapters.vault.memory import MemoryVault
from portalcal.core.grant import AccessToken
from portalcal.errors import (
    ClientRejected,
    GoogleBusy,
    GoogleRefused,
    GoogleUnreachable,
    GrantExpired,
    GrantRevoked,
    NotConnected,
    PortalcalError,
    ReauthRequired,
    VaultUnavailable,
)
from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from tests.adapters.scripted import Act, Peer, Scripted, an_http_client, answers, resets_after_reading
from tests.builders import SetClock, at

HOUR = timedelta(hours=1)


class Vault(MemoryVault):
    """A vault that counts its reads and, optionally, has no room for an access token."""

    def __init__(self, *, kind: str = "memory", refuses: Secret | None = None) -> None:
        super().__init__()
        self._kind = kind
        self._refuses = refuses
        self.reads = 0

    @property
    def kind(self) -> str:
        return self._kind

    def read(self, secret: Secret) -> str | None:
        self.reads += 1
        return super().read(secret)

    def write(self, secret: Secret, value: str) -> None:
        if secret is self._refuses:
            raise VaultUnavailable("no room", "make room")
        super().write(secret, value)


@pytest.fixture
def clock() -> SetClock:
    return SetClock("09:00")


@pytest.fixture
def vault() -> Vault:
    vault = Vault()
    vault.write(Secret.REFRESH_TOKEN, "1//refresh")
    return vault


def the_tokens(
    vault: Vault, clock: SetClock, url: str = "http://127.0.0.1:1/", *, secret: str = "s", **more: object
) -> AccessTokens:
    client = OAuthClient("id", secret, token_uri=f"{url}token")
    return AccessTokens(
        lambda: client,
        vault,
        clock=clock,
        account="ana@example.com",
        http_client=an_http_client(),
        **more,  # type: ignore[arg-type]
    )


def gives(token: str, **more: object) -> Act:
    return answers(body={"access_token": token, "expires_in": 3599, "token_type": "Bearer"} | more)


def form(google: Scripted, number: int = 0) -> dict[str, list[str]]:
    return parse_qs(google.requests[number].partition(b"\r\n\r\n")[2].decode())


# --- the cache ----------------------------------------------------------------------------------------------------


def test_a_cached_token_costs_one_read_of_the_vault_and_no_request(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("cached", at("10:00"))))

    with closing(the_tokens(vault, clock)) as tokens:
        assert [tokens.token(), tokens.token()] == ["cached", "cached"]

    assert vault.reads == 1


def test_a_token_of_unknown_age_is_used_until_it_is_refused(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("given")))

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        assert tokens.token() == "given"
        assert tokens.renew("given") == "new"


def test_a_token_about_to_end_is_renewed_and_kept(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("old", at("09:01"))))

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        assert [tokens.token(), tokens.token()] == ["new", "new"]

    assert google.connections == 1
    assert read_access(vault.read(Secret.ACCESS_TOKEN) or "") == AccessToken(
        "new", at("09:00") + timedelta(seconds=3599)
    )


def test_a_token_that_ends_while_a_command_runs_is_renewed(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("old", at("10:00"))))

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        before = tokens.token()
        clock.set("09:59")
        after = tokens.token()

    assert (before, after) == ("old", "new")


@pytest.mark.parametrize(
    "written", ["", "plain", "{}", "[]", '{"token": 3, "expires_at": null}', '{"token": "x", "expires_at": "soon"}',
                '{"token": "x", "expires_at": "2026-03-02T10:00:00"}', '{"token": "", "expires_at": null}']
)  # fmt: skip
def test_a_cache_that_cannot_be_read_costs_a_renewal_and_no_more(
    written: str, vault: Vault, clock: SetClock
) -> None:
    vault.write(Secret.ACCESS_TOKEN, written)

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        assert tokens.token() == "new"


def test_a_vault_without_room_for_the_access_token_stops_nothing(clock: SetClock) -> None:
    vault = Vault(refuses=Secret.ACCESS_TOKEN)
    vault.write(Secret.REFRESH_TOKEN, "1//refresh")

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        assert tokens.token() == "new"


@pytest.mark.parametrize("expires_in", [None, "soon", True, -1, 10**12, [], {}])
def test_a_lifetime_that_says_nothing_means_unknown(
    vault: Vault, clock: SetClock, expires_in: object
) -> None:
    with (
        Scripted(gives("new", expires_in=expires_in)) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
    ):
        tokens.token()

    assert read_access(vault.read(Secret.ACCESS_TOKEN) or "") == AccessToken("new", None)


def test_a_lifetime_in_digits_is_understood(vault: Vault, clock: SetClock) -> None:
    with (
        Scripted(gives("new", expires_in="3600")) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
    ):
        tokens.token()

    assert read_access(vault.read(Secret.ACCESS_TOKEN) or "") == AccessToken("new", at("10:00"))


# --- the request --------------------------------------------------------------------------------------------------


def test_a_renewal_sends_the_client_in_the_form_and_no_scope(vault: Vault, clock: SetClock) -> None:
    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        tokens.token()

    assert form(google) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["1//refresh"],
        "client_id": ["id"],
        "client_secret": ["s"],
    }
    assert b"\r\nauthorization:" not in google.requests[0].lower()


def test_a_client_without_a_secret_sends_none(vault: Vault, clock: SetClock) -> None:
    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url, secret="")) as tokens:
        tokens.token()

    assert "client_secret" not in form(google)


@pytest.mark.parametrize("passing", [resets_after_reading, answers(502, b"<html>"), answers(500, b""),
                                     answers(400, {"error": "internal_failure", "error_description": "Backend Error"})])  # fmt: skip
def test_a_renewal_survives_transient_faults(vault: Vault, clock: SetClock, passing: Act) -> None:
    with Scripted(passing, gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        assert tokens.token() == "new"


# --- rotation and races -------------------------------------------------------------------------------------------


def test_a_rotated_refresh_token_is_kept_before_the_access_token(clock: SetClock) -> None:
    order: list[Secret] = []

    class Noting(Vault):
        def write(self, secret: Secret, value: str) -> None:
            order.append(secret)
            super().write(secret, value)

    vault = Noting()
    vault.write(Secret.REFRESH_TOKEN, "1//old")

    with (
        Scripted(gives("new", refresh_token="1//new")) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
    ):
        tokens.token()

    assert vault.read(Secret.REFRESH_TOKEN) == "1//new"
    assert order[1:] == [Secret.REFRESH_TOKEN, Secret.ACCESS_TOKEN]


def test_a_rotated_refresh_token_that_cannot_be_kept_is_not_passed_over(clock: SetClock) -> None:
    vault = Vault()
    vault.write(Secret.REFRESH_TOKEN, "1//old")
    vault._refuses = Secret.REFRESH_TOKEN

    with (
        Scripted(gives("new", refresh_token="1//new")) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
        pytest.raises(VaultUnavailable),
    ):
        tokens.token()


def test_a_token_renewed_by_another_process_is_used(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("old", at("10:00"))))

    with closing(the_tokens(vault, clock)) as tokens:
        tokens.token()
        vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("theirs", at("10:00"))))
        assert tokens.renew("old") == "theirs"


def test_a_late_thread_takes_the_token_another_has_renewed(vault: Vault, clock: SetClock) -> None:
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("old", at("10:00"))))

    with Scripted(gives("new")) as google, closing(the_tokens(vault, clock, google.url)) as tokens:
        tokens.token()
        assert [tokens.renew("old"), tokens.renew("old")] == ["new", "new"]

    assert google.connections == 1


@pytest.mark.parametrize("shares_access", [True, False])
def test_the_loser_of_a_race_with_rotation_takes_the_winners_token(
    vault: Vault, clock: SetClock, shares_access: bool
) -> None:
    def refused_meanwhile(peer: Peer) -> None:
        vault.write(Secret.REFRESH_TOKEN, "1//winner")
        if shares_access:
            vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("winners", at("10:00"))))
        answers(400, {"error": "invalid_grant", "error_description": "Bad Request"})(peer)

    with (
        Scripted(refused_meanwhile, gives("second")) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
    ):
        assert tokens.token() == ("winners" if shares_access else "second")

    if not shares_access:
        assert form(google, 1)["refresh_token"] == ["1//winner"]


def dead(peer: Peer) -> None:
    answers(400, {"error": "invalid_grant", "error_description": "Bad Request"})(peer)


def test_a_winner_of_a_rotation_race_that_has_not_written_yet_is_waited_for(clock: SetClock) -> None:
    vault = Vault(kind="file")
    vault.write(Secret.REFRESH_TOKEN, "1//refresh")

    def sleep(seconds: float) -> None:
        if seconds:
            vault.write(Secret.REFRESH_TOKEN, "1//winner")

    with (
        Scripted(dead, gives("second")) as google,
        closing(the_tokens(vault, clock, google.url, sleep=sleep)) as tokens,
    ):
        assert tokens.token() == "second"

    assert form(google, 1)["refresh_token"] == ["1//winner"]


def test_a_process_that_loses_several_rotations_uses_the_last_token(clock: SetClock) -> None:
    vault = Vault(kind="file")
    winners = iter(("1//first", "1//second", "1//third"))
    vault.write(Secret.REFRESH_TOKEN, "1//refresh")

    def beaten(peer: Peer) -> None:
        vault.write(Secret.REFRESH_TOKEN, next(winners))
        dead(peer)

    with (
        Scripted(beaten, beaten, beaten, gives("fourth")) as google,
        closing(the_tokens(vault, clock, google.url, sleep=lambda _: None)) as tokens,
    ):
        assert tokens.token() == "fourth"

    assert form(google, 3)["refresh_token"] == ["1//third"]


@pytest.mark.parametrize(
    ("kind", "waited"), [("file", 0.6), ("keyring", 0.6), ("memory", 0.0), ("environment", 0.0)]
)
def test_a_dead_grant_is_reported_only_after_rereading_a_shared_vault(
    clock: SetClock, kind: str, waited: float
) -> None:
    vault, slept = Vault(kind=kind), list[float]()
    vault.write(Secret.REFRESH_TOKEN, "1//refresh")

    with (
        Scripted(dead) as google,
        closing(the_tokens(vault, clock, google.url, sleep=slept.append)) as tokens,
        pytest.raises(GrantRevoked),
    ):
        tokens.token()

    assert sum(slept) == pytest.approx(waited)


# --- dead grants --------------------------------------------------------------------------------------------------

REVOKED = "Token has been expired or revoked."
DEAD = [
    (400, {"error": "invalid_grant", "error_description": REVOKED}, GrantRevoked),
    (400, {"error": "invalid_grant", "error_description": "Bad Request"}, GrantRevoked),
    (400, {"error": "invalid_grant", "error_description": "The account has been deleted"}, GrantRevoked),
    (400, {"error": "invalid_grant", "error_description": "Token has expired"}, GrantExpired),
    (400, {"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)",
           "error_subtype": "invalid_rapt"}, ReauthRequired),
    (400, {"error": "rapt_required"}, ReauthRequired),
    (401, {"error": "invalid_client", "error_description": "The OAuth client was not found."}, ClientRejected),
    (401, {"error": "invalid_client", "error_description": "The provided client secret is invalid."}, ClientRejected),
    (401, {"error": "deleted_client", "error_description": "The OAuth client was deleted."}, ClientRejected),
    (400, {"error": "invalid_request", "error_description": "client_secret is missing."}, ClientRejected),
    (401, {"error": "unauthorized_client", "error_description": "Unauthorized"}, ClientRejected),
    (403, {"error": "access_denied", "error_description": "Account restricted"}, GrantRevoked),
    (400, {"error": "admin_policy_enforced"}, GrantRevoked),
    (400, {"error": "invalid_scope", "error_description": "Bad Request"}, GoogleRefused),
    (503, {"error": "temporarily_unavailable"}, GoogleBusy),
    (429, {"error": "rate_limit_exceeded"}, GoogleBusy),
    (403, {"error": "rate_limit_exceeded"}, GoogleBusy),
    (502, b"<html>Bad Gateway</html>", GoogleBusy),
    (400, b"<html>Blocked by the company</html>", GoogleUnreachable),
    (404, b"", GoogleUnreachable),
    (200, b"<html>Hotel WiFi</html>", GoogleUnreachable),
    (200, b"{}", GoogleUnreachable),
    (200, b'{"access_token": 7}', GoogleUnreachable),
    (200, b"[]", GoogleUnreachable),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expected"), DEAD)
def test_every_end_of_a_grant_is_distinguished_and_nothing_else_counts_as_one(
    vault: Vault, clock: SetClock, status: int, body: object, expected: type[PortalcalError]
) -> None:
    with (
        Scripted(answers(status, body)) as google,
        closing(the_tokens(vault, clock, google.url)) as tokens,
        pytest.raises(PortalcalError) as caught,
    ):
        tokens.token()

    assert type(caught.value) is expected
    assert vault.read(Secret.REFRESH_TOKEN) == "1//refresh"


@pytest.mark.parametrize(
    ("age", "expected"), [(timedelta(days=7, minutes=5), GrantExpired), (timedelta(days=3), GrantRevoked),
                          (timedelta(days=90), GrantRevoked)]
)  # fmt: skip
def test_a_grant_that_dies_at_seven_days_is_that_of_an_app_in_testing(
    vault: Vault, clock: SetClock, age: timedelta, expected: type[PortalcalError]
) -> None:
    dead = answers(400, {"error": "invalid_grant", "error_description": REVOKED})

    with (
        Scripted(dead) as google,
        closing(the_tokens(vault, clock, google.url, granted_at=clock.now() - age)) as tokens,
        pytest.raises((GrantExpired, GrantRevoked)) as caught,
    ):
        tokens.token()

    assert type(caught.value) is expected
    assert ("Testing" in caught.value.message) is (expected is GrantExpired)


def test_without_any_secret_there_is_no_connection(clock: SetClock) -> None:
    with pytest.raises(NotConnected) as caught:
        the_tokens(Vault(), clock, workspace="work").token()

    assert caught.value.workspace == "work"


def test_an_access_token_of_the_environment_that_ended_cannot_be_renewed(clock: SetClock) -> None:
    vault = Vault(kind="environment")
    vault.write(Secret.ACCESS_TOKEN, write_access(AccessToken("given")))
    tokens = the_tokens(vault, clock)

    assert tokens.token() == "given"
    with pytest.raises(GrantExpired) as caught:
        tokens.renew("given")

    assert "PORTALCAL_ACCESS_TOKEN" in caught.value.message


# --- against the simulator ----------------------------------------------------------------------------------------


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator() as google:
        yield google


def tokens_of(
    google: Simulator, vault: Vault, clock: SetClock, *, http_client: HttpClient | None = None
) -> AccessTokens:
    installed = google.client_config()["installed"]
    client = OAuthClient(installed["client_id"], installed["client_secret"], token_uri=installed["token_uri"])
    return AccessTokens(lambda: client, vault, clock=clock, http_client=http_client or an_http_client())


def test_two_processes_with_rotation_both_stay_connected(google: Simulator, clock: SetClock) -> None:
    google.grants.policy.rotate = True
    vault = Vault()
    vault.write(Secret.REFRESH_TOKEN, google.issue_token().refresh_token)

    with closing(tokens_of(google, vault, clock)) as one, closing(tokens_of(google, vault, clock)) as other:
        first = one.token()
        second = other.renew(first)
        third = one.renew(first)

    assert len({first, second}) == 2
    assert third == second


def test_no_secret_is_in_any_log(
    google: Simulator, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vault = Vault()
    vault.write(Secret.REFRESH_TOKEN, google.issue_token().refresh_token)

    with closing(tokens_of(google, vault, clock)) as tokens:
        tokens.token()

    assert caplog.records
    assert not [secret for secret in google.secrets() if secret in caplog.text]
    assert not [secret for secret in google.secrets() if secret in repr(tokens)]


@pytest.mark.parametrize(
    "written",
    [
        "", "null", "[]", '"token"', "{}", "[" * 100_000, '{"token": "t"}', '{"token": 7, "expires_at": null}',
        '{"token": "", "expires_at": null}', '{"token": "two\\nlines", "expires_at": null}',
        '{"token": "t", "expires_at": "soon"}', '{"token": "t", "expires_at": "2026-11-23T09:00:00"}',
        '{"token": "t", "expires_at": "0001-01-01T00:00:00+00:00"}',
        '{"token": "t", "expires_at": "9999-12-31T23:59:59-23:00"}',
    ],
)  # fmt: skip
def test_an_unusable_cached_access_token_counts_as_missing(written: str) -> None:
    assert read_access(written) is None
