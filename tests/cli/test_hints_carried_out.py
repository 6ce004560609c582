"""Every hint that names a command is carried out: the situation is arranged, the hint's command is run, and it helps.

`status`: the check that failed is well afterwards. Errors: the same command goes well, or what was to be looked at is
shown. What a person does beside the command, such as to download a file or to answer at the consent page, is done too.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from portalcal.errors import PortalcalError
from portalcal.simulator.google import Simulator
from tests.cli import status_failures
from tests.cli.conftest import ANA, Ran, Shell
from tests.cli.status_failures import SAM, STATUS_FAILURES, StatusFailure

Deed = Callable[[Shell, Simulator], None]


def commands_in(hint: str) -> list[list[str]]:
    """The command lines of portalcal that the first way out of a hint names: before an `or`, or a part of its own."""
    ways = re.split(r"(?:, or |; )(?!then)", hint)
    named = (re.findall(r"`portalcal ([^`]*)`", way) for way in ways)
    return [shlex.split(line) for line in next(filter(None, named), [])]


def carry_out(shell: Shell, hint: str, given: dict[str, str]) -> list[Ran]:
    """Run the commands of a hint; `given` is what a person puts for FILE or ID."""
    return [shell(*(given.get(word, word) for word in words), "--json") for words in commands_in(hint)]


# --- status -----------------------------------------------------------------------------------------------------


def nothing(shell: Shell, google: Simulator) -> None:
    """A person has to do nothing but to run the command."""


def download_client(shell: Shell, google: Simulator) -> None:
    """A person makes a client in the console and downloads its file."""
    google.client.deleted = False
    download = shell.folder / "download.json"
    download.write_text(json.dumps(google.client_config()))


def lift_faults(shell: Shell, google: Simulator) -> None:
    """Google stood for an old grant without a permission; the new one has it."""
    google.faults.clear()


def mend_the_network(shell: Shell, google: Simulator) -> None:
    google.faults.clear()
    status_failures.token_at(google.url + "/token")(shell, google)


def ask_the_administrator(shell: Shell, google: Simulator) -> None:
    google.grants.policy.admin_blocks = google.grants.policy.reauthenticate = False


def enable_the_api(shell: Shell, google: Simulator) -> None:
    google.grants.policy.api_enabled = True


def delete_the_file(shell: Shell, google: Simulator) -> None:
    """Which is what the hint says first."""
    next(shell.folder.parent.rglob("connection.toml")).unlink()


def move_the_ledger_away(shell: Shell, google: Simulator) -> None:
    path = status_failures.ledger_path(shell)
    path.rename(path.with_suffix(".old"))


def pin_an_owned_one(shell: Shell, google: Simulator) -> None:
    shell.configure(f'[calendars]\nbooking = "{ANA}"\n')


BESIDE: dict[str, Deed] = {
    "wrong client type": download_client,
    "client deleted": download_client,
    "wrong client secret": download_client,
    "permission taken away": lift_faults,
    "reauthentication policy": ask_the_administrator,
    "app blocked by the administrator": ask_the_administrator,
    "API not enabled": enable_the_api,
    "DNS": mend_the_network,
    "TLS": mend_the_network,
    "captive portal": mend_the_network,
    "hanging network": mend_the_network,
    "Google out of order": lift_faults,
    "too fast": lift_faults,
    "quota": lift_faults,
    "connection.toml damaged": delete_the_file,
    "ledger damaged": move_the_ledger_away,
    "ledger of another program": move_the_ledger_away,
    "ledger of an unreleased portalcal": move_the_ledger_away,
    "booking calendar not owned": pin_an_owned_one,
}
"""What a person does before the command, as the hint says."""
GIVEN = {"FILE": "download.json", "ID": "primary"}

NOT_CARRIED_OUT = {
    "account deleted": "nobody can consent for an account that is gone",
    "unused, foreseen": "its Google is stopped, so that the look itself is no use of the grant",
    "TCP": "its Google is stopped",
    "ledger newer": "portalcal has to be upgraded first",
    "closed all week": "the configuration is edited; no command is named",
    "horizon shorter than notice": "the configuration is edited; no command is named",
    "zones disagree": "the configuration is edited; no command is named",
    "booked on a holiday": "it is looked at; the configuration is edited, or the booking moved",
    "zone rules differ": "a package manager's command is named",
    "zone rules old": "pip's command is named",
}


def hint_of(ran: Ran, check: str) -> str | None:
    checks = json.loads(ran.out)["result"]["checks"]
    told = {each["name"]: each["hint"] for each in checks if each["state"] in {"fail", "warn"}}
    return told.get(check)


@pytest.mark.parametrize(
    "failure",
    [each for each in STATUS_FAILURES if each.name not in NOT_CARRIED_OUT],
    ids=lambda each: each.name,
)
def test_what_status_says_to_run_mends_it(
    connected: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch, failure: StatusFailure
) -> None:
    failure.arrange(connected, google)
    looking = ("status", "--timeout", "3s" if "hang" in failure.name else "10s")
    hint = hint_of(connected.json(*looking), failure.check) or ""
    assert commands_in(hint) or "the same command again" in hint
    BESIDE.get(failure.name, nothing)(connected, google)
    monkeypatch.chdir(connected.folder)

    ran = carry_out(connected, hint, GIVEN)

    assert [each.exit for each in ran] == [0] * len(ran), (hint, ran)
    assert hint_of(connected.json("status"), failure.check) is None


def test_only_failures_that_there_are_are_left_out() -> None:
    assert {*NOT_CARRIED_OUT, *BESIDE} <= {each.name for each in STATUS_FAILURES}


# --- errors -----------------------------------------------------------------------------------------------------

BOOK = ("book", "2026-11-24T10:00", *SAM)


class Case(NamedTuple):
    """A command that ends with an error, and what is so once its hint was carried out.

    `arrange` returns the command line. The same command goes well afterwards; without `again` it is not run again,
    because the hint is about what to look at, and `shows` is in there.
    """

    code: str
    arrange: Callable[[Shell, Simulator], tuple[str, ...]]
    beside: Deed = nothing
    again: bool = True
    shows: str = ""


def booked(shell: Shell, *more: str) -> str:
    ran = shell.json(*BOOK, *more)
    assert ran.exit == 0, ran
    identifier: str = ran.result["id"]
    return identifier


def after(arrange: Deed, *line: str) -> Callable[[Shell, Simulator], tuple[str, ...]]:
    def arranged(shell: Shell, google: Simulator) -> tuple[str, ...]:
        arrange(shell, google)
        return line

    return arranged


def not_connected(shell: Shell, google: Simulator) -> None:
    assert shell.json("disconnect", "--yes").exit == 0


def renewal_due(arrange: Deed) -> Deed:
    """The same, and the access token has run out, so that Google is asked for another one."""

    def arranged(shell: Shell, google: Simulator) -> None:
        arrange(shell, google)
        google.clock.advance(hours=2)

    return arranged


def team_is_read_only(shell: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")


def away(shell: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-23T00:00:00Z", "2027-02-01T00:00:00Z", "Away")


def denied(shell: Shell, google: Simulator) -> None:
    not_connected(shell, google)
    google.consent = "deny"


def partly_granted(shell: Shell, google: Simulator) -> None:
    not_connected(shell, google)
    google.consent = "partial"


def agree(shell: Shell, google: Simulator) -> None:
    google.consent = "auto"


def key_is_used(shell: Shell, google: Simulator) -> tuple[str, ...]:
    booked(shell, "--key", "order-17")
    return ("book", "2026-11-24T11:00", *SAM, "--key", "order-17")


def booking_is_over(shell: Shell, google: Simulator) -> tuple[str, ...]:
    booking = booked(shell)
    assert shell.json("cancel", booking).exit == 0
    return ("reschedule", booking, "2026-11-24T11:00")


def event_was_moved(shell: Shell, google: Simulator) -> tuple[str, ...]:
    booking = booked(shell)
    (event,) = google.events()
    times = {"start": {"dateTime": "2026-11-24T15:00:00Z"}, "end": {"dateTime": "2026-11-24T15:30:00Z"}}
    google.model.put(google.calendar("primary"), event | times)
    google.clock.advance(minutes=5)
    return ("reschedule", booking, "2026-11-24T11:00")


def offered(shell: Shell) -> str:
    return str(shell.json("offer", "2026-11-24T10:00", "2026-11-24T11:00", *SAM).result["id"])


def offer_is_over(shell: Shell, google: Simulator) -> tuple[str, ...]:
    offer = offered(shell)
    assert shell.json("offer", offer, "--release").exit == 0
    return ("book", "--offer", f"{offer}/1")


def offer_is_taken(shell: Shell, google: Simulator) -> tuple[str, ...]:
    offer = offered(shell)
    assert shell.json("book", "--offer", f"{offer}/1").exit == 0
    return ("book", "--offer", f"{offer}/2")


def change_is_owed(shell: Shell, google: Simulator) -> tuple[str, ...]:
    booking = booked(shell)
    google.faults.add("events.patch: 403-quotaExceeded")
    assert shell.json("reschedule", booking, "2026-11-24T11:00").exit == 8
    return ("reschedule", booking, "2026-11-24T12:00")


def google_has_had_enough(fault: str) -> Callable[[Shell, Simulator], tuple[str, ...]]:
    return after(status_failures.fault(fault), *BOOK)


def lift_and_wait(shell: Shell, google: Simulator) -> None:
    google.faults.clear()
    google.clock.advance(hours=3)


CASES = [
    Case("not-connected", after(not_connected, "calendars")),
    Case("grant-revoked", after(status_failures.revoked, *BOOK)),
    Case("reauth-required", after(renewal_due(status_failures.reauthentication), *BOOK), beside=ask_the_administrator),
    Case("consent-denied", after(denied, "connect"), beside=agree),
    Case("permission-missing", after(partly_granted, "connect"), beside=agree),
    Case("permission-missing", after(status_failures.fault("freebusy.query: 403-insufficient"), *BOOK), beside=lift_faults),
    Case("client-invalid", after(renewal_due(status_failures.client_deleted), *BOOK), beside=download_client),
    Case("api-not-enabled", after(status_failures.api_off, *BOOK), beside=enable_the_api),
    Case("calendar-lost", after(status_failures.conflict_calendar_unshared, *BOOK)),
    Case("calendar-not-writable", after(team_is_read_only, "calendars", "--book-into", "Team"), again=False, shows=f'"booking": "{ANA}"'),
    Case("ledger-unusable", after(status_failures.ledger_damaged, "bookings"), beside=move_the_ledger_away),
    Case("google-unreachable", after(renewal_due(status_failures.token_at("http://127.0.0.1:9/token")), *BOOK), beside=mend_the_network),
    Case("google-busy", google_has_had_enough("freebusy.query: 503"), beside=lift_and_wait),
    Case("quota-exhausted", google_has_had_enough("freebusy.query: 403-quotaExceeded"), beside=lift_and_wait),
    Case("booking-busy", change_is_owed, beside=lift_faults),
    Case("slot-taken", after(away, *BOOK, "--force"), again=False, shows='"days"'),
    Case("slot-not-offered", after(away, "book", "2026-11-22T10:00", *SAM), again=False, shows='"days"'),
    Case("key-reused", key_is_used, again=False, shows="order-17"),
    Case("offer-expired", offer_is_over, again=False, shows='"days"'),
    Case("offer-taken", offer_is_taken, again=False, shows="Sam Lee"),
    Case("offer-not-found", after(nothing, "book", "--offer", "0000000/1"), again=False, shows='"offers"'),
    Case("already-moved", event_was_moved, again=False, shows="2026-11-24"),
    Case("booking-over", booking_is_over, again=False, shows='"days"'),
    Case("workspace-not-found", after(nothing, "calendars", "--workspace", "sales")),
    Case("booking-not-found", after(nothing, "cancel", "0000000"), again=False, shows='"bookings"'),
    Case("calendar-not-found", after(nothing, "calendars", "--select", "Taem"), again=False, shows=ANA),
]  # fmt: skip

NOT_ARRANGED = {
    "usage": "its hint is about the command line, and parses in test_errors.py",
    "confirmation-required": "its hint is a flag; test_app.py has it",
    "read-only": "its hint is an option to leave out; test_read_only.py has it",
    "line-invalid": "a line of a file is corrected by hand",
    "config-invalid": "a file is edited by hand",
    "ledger-too-new": "portalcal has to be upgraded first",
    "pkce-missing": "portalcal has to be installed anew",
    "endpoint-changed": "tests/cli/test_endpoints.py consents at the new addresses",
    "answer-lost": "stdout has to be sent elsewhere; tests/acceptance/test_streams.py looks at the bookings then",
    "vault-unavailable": "tests/real has a keyring in each of its states",
    "consent-timed-out": "waiting for the time to pass takes it",
    "grant-expired": "its hint for a token from the environment names the variable; test_renewal.py has it",
    "other-account": "its second account is chosen on the page of tests/real",
    "google-refused": "no command mends what Google will not have",
    "link-not-found": "its hint names the links there are",
    "nobody-free": "as slot-taken; test_book_people.py has it",
    "room-declined": "its hint is a flag; test_book_people.py has it",
    "person-not-found": "its hint names the people there are",
    "pool-not-found": "its hint names the pools there are",
    "event-not-found": "it never reaches a person while bookings have an event",
    "calendar-unreadable": "`run the same command again`, as google-busy; the other way is that of calendar-lost",
    "ledger-busy": "`run the same command again`; test_status_failures.py locks a ledger",
    "ledger-cut-off": "tests/real/test_postgres_ledger.py cuts the connection",
    "interrupted": "test_interrupt.py sends Ctrl-C, and runs `sync` then",
    "internal-error": "a bug",
}


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.code)
def test_what_an_error_says_to_run_helps(
    connected: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    line = case.arrange(connected, google)
    failed = last_error(connected.json(*line))
    assert failed["code"] == case.code, failed
    case.beside(connected, google)
    monkeypatch.chdir(connected.folder)

    ran = carry_out(connected, failed["hint"], GIVEN)

    assert commands_in(failed["hint"]) or "the same command again" in failed["hint"], failed
    assert [each.exit for each in ran] == [0] * len(ran), (failed, ran)
    assert case.shows in "".join(each.out for each in ran)
    if case.again:
        again = connected.json(*line)
        assert again.exit == 0, again


def last_error(ran: Ran) -> Any:
    """The error of a command that may have said other things before, such as the address of the consent page."""
    assert ran.out == "", ran
    return json.loads(ran.err.splitlines()[-1])["error"]


def codes(parent: type[PortalcalError] = PortalcalError) -> Iterator[str]:
    for kind in parent.__subclasses__():
        if kind.__module__ in {"portalcal.errors", "portalcal.cli.app"} and hasattr(kind, "code"):
            yield kind.code
        yield from codes(kind)


def test_the_hint_of_every_error_is_carried_out_or_it_is_said_why_not() -> None:
    arranged = {each.code for each in CASES}

    assert arranged | set(NOT_ARRANGED) == set(codes())
    assert arranged & set(NOT_ARRANGED) == set()
