"""One row a trouble that a support page lists: arranged, and then what `portalcal` says of it and tells to run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.ports import Connection
from portalcal.simulator import Simulator
from portalcal.wiring import Portal
from tests.cli.conftest import Ran, Shell
from tests.cli.hints import assert_can_be_run
from tests.cli.troubles import (
    TROUBLES,
    Trouble,
    blocked_by_the_administrator,
    booked,
    in_testing,
    in_testing_before,
    ledger_path,
    revoked,
    stopped,
    token_at,
)


def troubled(ran: Ran) -> dict[str, Any]:
    """The checks that did not come out well, by name."""
    checks = json.loads(ran.out)["result"]["checks"]
    return {each["name"]: each for each in checks if each["state"] in {"fail", "warn"}}


def assert_told(ran: Ran, trouble: Trouble) -> None:
    """The whole, the check and its fix are as the row says, and nothing else is said to be wrong."""
    assert (ran.exit, json.loads(ran.out)["result"]["state"]) == (trouble.exit, trouble.state)
    told = troubled(ran)[trouble.check]
    assert (told["state"], trouble.says in told["detail"]) == (trouble.health, True), told
    assert trouble.hint is None or trouble.hint in told["hint"], told
    for each in troubled(ran).values():
        if each["hint"]:
            assert_can_be_run(each["hint"])


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.name)
def test_every_trouble_has_its_state_its_words_and_its_fix(
    connected: Shell, google: Simulator, trouble: Trouble
) -> None:
    trouble.arrange(connected, google)

    ran = connected.json("status", "--timeout", "1s" if "hang" in trouble.name else "10s")

    assert_told(ran, trouble)


def test_every_trouble_has_words_of_its_own() -> None:
    assert len({each.says for each in TROUBLES}) == len(TROUBLES)


def test_the_proxy_is_named_when_it_is_in_the_way_and_when_it_is_not(
    connected: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.environ["HTTPS_PROXY"] = "http://ana:secret@127.0.0.1:9"
    monkeypatch.setenv("HTTPS_PROXY", connected.environ["HTTPS_PROXY"])

    assert (
        check(connected.json("status"), "google.reachable")["detail"]
        == "answers, through the proxy 127.0.0.1:9"
    )

    token_at("https://oauth.invalid/token")(connected, google)
    row = Trouble("proxy", stopped, "unreachable", 7, "google.reachable", "the proxy", "HTTPS_PROXY")
    assert_told(connected.json("status"), row)


def check(ran: Ran, name: str) -> Any:
    return next(each for each in json.loads(ran.out)["result"]["checks"] if each["name"] == name)


# --- what needs more than a moment ----------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program that keeps the ledger to itself."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        db.close()


def test_a_ledger_that_is_locked_is_said_to_be_and_not_waited_for(
    connected: Shell, google: Simulator
) -> None:
    booked(connected, google)
    row = Trouble("locked", booked, "unreachable", 7, "ledger.file", "is locked by another process", "again")

    with locked(ledger_path(connected)):
        ran = connected.json("status", "--timeout", "1s")

    assert_told(ran, row)
    assert list(troubled(ran)) == ["ledger.file"]


class Cramped(Shell):
    """A machine whose disk is full."""

    def fit(self, portal: Portal) -> None:
        super().fit(portal)
        portal.__dict__["ledger_room"] = lambda: 1000


def test_a_disk_without_room_for_the_next_booking_is_full(connected: Shell) -> None:
    cramped = Cramped(connected.google, connected.folder, connected.environ, connected.vault)
    row = Trouble("full", booked, "misconfigured", 3, "ledger.file", "the disk is full", "free some space")

    assert_told(cramped.json("status"), row)


@pytest.mark.parametrize(
    ("ahead", "says", "state"),
    [
        (timedelta(minutes=3), "this machine's clock is 3 min ahead of Google's", "degraded"),
        (-timedelta(seconds=45), "this machine's clock is 45 s behind Google's", "degraded"),
        (timedelta(days=400), "this machine's clock is 400 d ahead of Google's", "degraded"),
        (timedelta(seconds=20), "20 s off", "connected"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(
    connected: Shell, ahead: timedelta, says: str, state: str
) -> None:
    connected.clock_is_off_by = ahead.total_seconds()

    ran = connected.json("status")

    assert check(ran, "google.clock")["detail"] == says
    assert ran.exit == 0
    if state == "degraded":
        assert "timedatectl" in troubled(ran)["google.clock"]["hint"]


def test_a_clock_that_is_off_is_told_even_when_google_refuses(connected: Shell, google: Simulator) -> None:
    revoked(connected, google)
    connected.clock_is_off_by = 5 * 3600

    assert list(troubled(connected.json("status"))) == ["google.clock", "grant.refresh"]


# --- connecting, where no state is left behind ----------------------------------------------------------------


def refused(shell: Shell) -> Any:
    """The error of a `connect` that came to nothing; the address of the consent page stands before it."""
    ran = shell.json("connect", "--timeout", "1s")
    return json.loads(ran.err.splitlines()[-1])["error"]


class Refusal(NamedTuple):
    """How the person, the browser or Google's page ends a consent, and what `connect` makes of it."""

    consent: str
    code: str
    says: str
    hint: str


@pytest.mark.parametrize(
    "case",
    [
        Refusal("deny", "consent-denied", "access was denied on the consent page", "choose Allow"),
        Refusal("policy-redirect", "consent-denied", "administrator does not allow this app", "ask the administrator"),
        Refusal("no-redirect", "consent-timed-out", "no answer came from the browser", "not a test user of the app"),
        Refusal("partial", "permission-missing", "missing", "leave every box ticked"),
    ],
    ids=lambda case: case.consent,
)  # fmt: skip
def test_every_end_of_a_consent_has_its_words_and_leaves_the_workspace_disconnected(
    portalcal: Shell, google: Simulator, case: Refusal
) -> None:
    google.consent = case.consent

    error = refused(portalcal)

    assert (error["code"], error["exit"]) == (case.code, 4)
    assert case.says in error["message"]
    assert case.hint in error["hint"]
    assert_can_be_run(error["hint"])
    assert list(troubled(portalcal.json("status"))) == ["grant.present"]


def test_a_browser_that_never_opens_or_never_comes_back_ends_in_time(portalcal: Shell) -> None:
    portalcal.browser = lambda _: True

    error = refused(portalcal)

    assert error["code"] == "consent-timed-out"
    assert "`--no-browser`" in error["hint"]


def test_a_machine_without_a_browser_is_told_how_to_connect_without_one(connected: Shell) -> None:
    told = check(connected.json("status"), "browser")

    assert told["state"] == "ok"
    assert_can_be_run(told["detail"])


# --- what is remembered for the forecast ----------------------------------------------------------------------


def kept(shell: Shell) -> Connection:
    connection = Portal(shell.view(), environ=shell.environ).connection_file.read()
    assert connection is not None
    return connection


def test_how_long_a_grant_lived_is_remembered_when_it_is_first_found_dead(
    connected: Shell, google: Simulator
) -> None:
    in_testing(connected, google)
    connected.json("availability")
    google.clock.advance(days=10)
    connected.json("status")

    assert kept(connected).lived == timedelta(days=7, hours=2)
    assert connected.json("connect").exit == 0
    assert (kept(connected).lived, kept(connected).last_lived) == (None, timedelta(days=7, hours=2))


def test_a_grant_that_outlives_the_week_is_no_longer_expected_to_end(
    connected: Shell, google: Simulator
) -> None:
    in_testing_before(connected, google)
    google.grants.policy.testing = False
    google.clock.advance(days=4)

    assert check(connected.json("status"), "grant.age") | {"millis": 0} == {
        "name": "grant.age", "state": "ok", "detail": "9 days old", "hint": None, "millis": 0,
    }  # fmt: skip


def test_a_grant_that_was_refused_by_the_administrator_is_not_taken_for_dead(
    connected: Shell, google: Simulator
) -> None:
    blocked_by_the_administrator(connected, google)
    connected.json("status")

    assert kept(connected).lived is None
