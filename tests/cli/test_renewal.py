"""How a grant can die, and what a person or a script hears of it.

https://developers.google.com/identity/protocols/oauth2#expiration, as commands see it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from portalcal.adapters.vault.file import Cost
from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from tests import selection
from tests.cli.conftest import Shell

Cause = Callable[[Simulator], object]


def revoked(google: Simulator) -> None:
    google.grants.revoke(google.grants.live[-1])


def superseded(google: Simulator) -> None:
    """A hundred and one live refresh tokens: the oldest ends without a word."""
    for _ in range(100):
        google.issue_token()


def in_testing(google: Simulator) -> None:
    google.grants.policy.testing = True
    google.clock.advance(days=7)


def unused(google: Simulator) -> None:
    google.clock.advance(days=183)


def reauthenticate(google: Simulator) -> None:
    google.grants.policy.reauthenticate = True


def account_deleted(google: Simulator) -> None:
    google.grants.policy.account_deleted = True


def admin_blocks(google: Simulator) -> None:
    google.grants.policy.admin_blocks = True


def client_deleted(google: Simulator) -> None:
    google.client.deleted = True


def wrong_secret(google: Simulator) -> None:
    google.client.secret = "GOCSPX-another"


def unknown_client(google: Simulator) -> None:
    google.grants.clients.clear()


def fault(text: str) -> Cause:
    return lambda google: google.faults.add(text)


CONNECT = "portalcal connect"
CASES: list[tuple[Cause, str, int, str]] = [
    (revoked, "grant-revoked", 4, CONNECT),
    (superseded, "grant-revoked", 4, CONNECT),
    (in_testing, "grant-expired", 4, CONNECT),
    (unused, "grant-revoked", 4, CONNECT),
    (account_deleted, "grant-revoked", 4, CONNECT),
    (admin_blocks, "grant-revoked", 4, CONNECT),
    (reauthenticate, "reauth-required", 4, CONNECT),
    (client_deleted, "client-invalid", 3, "--client-secrets FILE"),
    (wrong_secret, "client-invalid", 3, "--client-secrets FILE"),
    (unknown_client, "client-invalid", 3, "--client-secrets FILE"),
    (fault("oauth.token: not-json"), "google-unreachable", 7, "sign in to this network"),
]


@pytest.mark.parametrize(
    ("cause", "code", "status", "advice"), CASES, ids=lambda each: getattr(each, "__name__", None)
)
def test_every_end_of_a_grant_has_its_code_its_status_and_its_advice(  # noqa: PLR0917
    connected: Shell, google: Simulator, cause: Cause, code: str, status: int, advice: str
) -> None:
    cause(google)
    google.clock.advance(hours=2)
    kept = connected.vault.read(Secret.REFRESH_TOKEN)

    ran = connected.json("calendars")

    assert (ran.exit, ran.error["code"], ran.error["retryable"]) == (status, code, status == 7)
    assert advice in ran.error["hint"]
    assert connected.vault.read(Secret.REFRESH_TOKEN) == kept, (
        "what may only be a pause must not cost the grant"
    )


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (in_testing, "while the OAuth app is in Testing; publish the app to keep it"),
        (account_deleted, "The account has been deleted"),
        (admin_blocks, "the administrator does not allow this app"),
        (reauthenticate, "requires signing in again (session policy)"),
        (client_deleted, "The OAuth client was deleted"),
        (wrong_secret, "The provided client secret is"),
        (unknown_client, "The OAuth client was not found"),
    ],
)
def test_the_sentence_tells_them_apart(connected: Shell, google: Simulator, cause: Cause, words: str) -> None:
    cause(google)
    google.clock.advance(hours=2)

    assert words in connected.json("calendars").error["message"]


@pytest.mark.parametrize(
    "trouble",
    ["oauth.token: not-json", "oauth.token: drop", "*: 403-quotaExceeded", "calendarList.list: not-json"],
)
def test_what_the_network_or_a_quota_does_never_sends_anybody_to_connect(
    connected: Shell, google: Simulator, trouble: str
) -> None:
    google.faults.add(trouble)
    google.clock.advance(hours=2)

    error = connected.json("calendars").error

    assert error["exit"] == 7
    assert "connect" not in error["hint"]


def test_a_refused_access_token_is_renewed_once(connected: Shell, google: Simulator) -> None:
    google.faults.add("calendarList.list: 401")

    assert connected.json("calendars").exit == 4
    assert (google.count("oauth.token"), google.count("calendarList.list")) == (1, 2)


@pytest.mark.parametrize("hours", [-3, -1, 1, 3])
def test_a_clock_that_is_wrong_by_hours_costs_one_renewal_and_no_more(
    connected: Shell, google: Simulator, hours: int
) -> None:
    connected.clock_is_off_by = timedelta(hours=hours).total_seconds()

    assert connected.json("calendars").exit == 0
    google.clock.advance(minutes=61)
    google.forget_requests()
    assert connected.json("calendars").exit == 0
    assert google.count("oauth.token") == 1
    assert connected.json("calendars").exit == 0
    assert google.count("oauth.token") == 1


def test_a_rotated_refresh_token_is_the_one_kept(connected: Shell, google: Simulator) -> None:
    google.grants.policy.rotate = True
    before = connected.vault.read(Secret.REFRESH_TOKEN)

    for _ in range(3):
        google.clock.advance(hours=2)
        assert connected.json("calendars").exit == 0

    assert connected.vault.read(Secret.REFRESH_TOKEN) == google.grants.live[-1].refresh_token != before


@pytest.mark.parametrize(
    "rotate", selection.first([True, False], 1), ids=["a new one with every renewal", "one refresh token"]
)
def test_processes_that_renew_at_the_same_moment_all_succeed(
    portalcal: Shell, google: Simulator, rotate: bool
) -> None:
    portalcal.has_own_vault = False
    portalcal.vault_file_cost = Cost()
    portalcal.environ["PORTALCAL_VAULT_PASSPHRASE"] = "open sesame"
    # The processes tell time by their own clock, so the token has to be one that Google refuses.
    assert portalcal("connect", "--vault", "file").exit == 0
    google.grants.tokens.clear()
    google.grants.policy.rotate = rotate

    command = [sys.executable, "-m", "portalcal", "calendars", "--json"]
    environ = {**os.environ, **portalcal.environ}
    processes = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [(*process.communicate(timeout=300), process.returncode) for process in processes]

    assert [err for _, err, status in ended if status or err] == []
    assert len({json.loads(out)["result"]["booking"] for out, _, _ in ended}) == 1
    google.grants.tokens.clear()
    assert portalcal.json("calendars").exit == 0, "and the one that is kept is the live one"
