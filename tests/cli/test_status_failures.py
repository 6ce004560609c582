"""Each failure is caused, then `status` must report its state, its check and a hint that helps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.container import Container
from portalcal.ports import Connection
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell
from tests.cli.hints import assert_can_be_run
from tests.cli.status_failures import (
    STATUS_FAILURES,
    StatusFailure,
    blocked_by_the_administrator,
    booked,
    in_testing,
    in_testing_before,
    ledger_path,
    revoked,
    stopped,
    token_at,
)


def failing_checks(ran: Ran) -> dict[str, Any]:
    """Failed checks and warnings by name."""
    checks = json.loads(ran.out)["result"]["checks"]
    return {each["name"]: each for each in checks if each["state"] in {"fail", "warn"}}


def assert_reported(ran: Ran, failure: StatusFailure) -> None:
    """The state, the check and its hint are as expected, and no other check failed."""
    assert (ran.exit, json.loads(ran.out)["result"]["state"]) == (failure.exit, failure.state)
    check = failing_checks(ran)[failure.check]
    assert (check["state"], failure.says in check["detail"]) == (failure.status, True), check
    assert failure.hint is None or failure.hint in check["hint"], check
    for each in failing_checks(ran).values():
        if each["hint"]:
            assert_can_be_run(each["hint"])


@pytest.mark.parametrize("failure", STATUS_FAILURES, ids=lambda each: each.name)
def test_every_failure_is_reported_with_its_state_and_its_hint(
    connected: Shell, google: Simulator, failure: StatusFailure
) -> None:
    failure.arrange(connected, google)

    ran = connected.json("status", "--timeout", "5s" if "hang" in failure.name else "60s")

    assert_reported(ran, failure)


def test_every_failure_has_its_own_message() -> None:
    assert len({each.says for each in STATUS_FAILURES}) == len(STATUS_FAILURES)


def test_the_proxy_is_named_when_it_is_in_the_way_and_when_it_is_not(
    connected: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.environ["HTTPS_PROXY"] = "http://ana:secret@127.0.0.1:9"
    monkeypatch.setenv("HTTPS_PROXY", connected.environ["HTTPS_PROXY"])

    # No request to a loopback address goes through a proxy.
    assert check(connected.json("status"), "google.reachable")["detail"] == "answers"

    token_at("https://oauth.invalid/token")(connected, google)
    row = StatusFailure("proxy", stopped, "unreachable", 7, "google.reachable", "the proxy", "HTTPS_PROXY")
    assert_reported(connected.json("status"), row)


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
    row = StatusFailure(
        "locked", booked, "unreachable", 7, "ledger.file", "is locked by another process", "again"
    )

    with locked(ledger_path(connected)):
        ran = connected.json("status", "--timeout", "5s")

    assert_reported(ran, row)
    assert list(failing_checks(ran)) == ["ledger.file"]


class Cramped(Shell):
    """A machine whose disk is full."""

    def customize(self, container: Container) -> None:
        super().customize(container)
        container.override(ledger_room=lambda: 1000)


def test_a_disk_without_room_for_the_next_booking_is_full(connected: Shell) -> None:
    cramped = Cramped(connected.google, connected.folder, connected.environ, connected.vault)
    row = StatusFailure(
        "full", booked, "misconfigured", 3, "ledger.file", "the disk is full", "free some space"
    )

    assert_reported(cramped.json("status"), row)


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
        assert "timedatectl" in failing_checks(ran)["google.clock"]["hint"]


def test_a_clock_that_is_off_is_told_even_when_google_refuses(connected: Shell, google: Simulator) -> None:
    revoked(connected, google)
    connected.clock_is_off_by = 5 * 3600

    assert list(failing_checks(connected.json("status"))) == ["google.clock", "grant.refresh"]


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
        Refusal("deny", "consent-denied", "access was denied on the consent page", "tick every box and choose Allow"),
        Refusal("policy-redirect", "consent-denied", "administrator does not allow this app", "ask the administrator"),
        Refusal("no-redirect", "consent-timed-out", "no answer came from the browser", "not a test user of the app"),
        Refusal("partial", "permission-missing", "missing", "tick every box"),
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
    assert list(failing_checks(portalcal.json("status"))) == ["grant.present"]


def test_a_browser_that_never_opens_or_never_comes_back_ends_in_time(portalcal: Shell) -> None:
    portalcal.browser = lambda _: True

    error = refused(portalcal)

    assert error["code"] == "consent-timed-out"
    assert "`--no-browser`" in error["hint"]


def test_a_machine_without_a_browser_is_told_how_to_connect_without_one(connected: Shell) -> None:
    browser = check(connected.json("status"), "browser")

    assert browser["state"] == "ok"
    assert_can_be_run(browser["detail"])


# --- what is remembered for the forecast ----------------------------------------------------------------------


def kept(shell: Shell) -> Connection:
    connection = Container(shell.view(), environ=shell.environ).connection_file.read()
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
