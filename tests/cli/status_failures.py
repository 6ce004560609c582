"""Every failure `status` diagnoses: how to cause it, the resulting state and check, and the hint."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import tzdata

from portalcal.container import Container
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.core.zone_rules import PACKAGE, ZoneDatabase, ZoneRules
from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, NOW, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEAM = "team@example.com"

Arrange = Callable[[Shell, Simulator], None]


class StatusFailure(NamedTuple):
    """How to cause a failure, the state and exit status, the failing check with its detail and hint."""

    name: str
    arrange: Arrange
    state: str
    exit: int
    check: str
    says: str
    hint: str | None
    status: str = "fail"


# --- the grant ------------------------------------------------------------------------------------------------


def never_connected(shell: Shell, google: Simulator) -> None:
    shell.json("disconnect", "--yes")


def in_testing(shell: Shell, google: Simulator) -> None:
    google.grants.policy.testing = True
    google.clock.advance(days=7, hours=2)


def in_testing_before(shell: Shell, google: Simulator) -> None:
    in_testing(shell, google)
    assert shell.json("status").exit == 4
    assert shell.json("connect").exit == 0
    google.clock.advance(days=5, hours=12)


def revoked(shell: Shell, google: Simulator) -> None:
    google.grants.revoke(google.grants.live[0])


def pushed_out(shell: Shell, google: Simulator) -> None:
    for _ in range(100):
        google.issue_token(scopes_to_ask())


def used(shell: Shell, google: Simulator) -> None:
    assert shell.json("status").exit == 0


def unused(shell: Shell, google: Simulator) -> None:
    used(shell, google)
    google.clock.advance(days=200)


def long_unused(shell: Shell, google: Simulator) -> None:
    used(shell, google)
    google.clock.advance(days=160)
    # Only a look that asks Google nothing leaves it unused.
    google.stop()


def blocked_by_the_administrator(shell: Shell, google: Simulator) -> None:
    google.grants.policy.admin_blocks = True


def reauthentication(shell: Shell, google: Simulator) -> None:
    google.grants.policy.reauthenticate = True


def account_deleted(shell: Shell, google: Simulator) -> None:
    google.grants.policy.account_deleted = True


def permission_missing(shell: Shell, google: Simulator) -> None:
    container = Container(shell.view(), environ=shell.environ)
    kept = container.connection_file.read()
    assert kept is not None
    container.connection_file.write(
        kept._replace(permissions=frozenset(Permission) - {Permission.VIEW_EVENTS})
    )


def other_account(shell: Shell, google: Simulator) -> None:
    google.add_user("bob@example.com")
    token = google.issue_token(scopes_to_ask(), user="bob@example.com")
    shell.vault.write(Secret.REFRESH_TOKEN, token.refresh_token)


# --- the client and the project -------------------------------------------------------------------------------


def client(shell: Shell) -> tuple[Path, dict[str, Any]]:
    path = shell.folder / "client_secret.json"
    return path, json.loads(path.read_text())


def wrong_client_type(shell: Shell, google: Simulator) -> None:
    path, document = client(shell)
    path.write_text(json.dumps({"web": document["installed"]}))


def client_deleted(shell: Shell, google: Simulator) -> None:
    google.client.deleted = True


def wrong_client_secret(shell: Shell, google: Simulator) -> None:
    path, document = client(shell)
    document["installed"]["client_secret"] = "GOCSPX-another"
    path.write_text(json.dumps(document))


def api_off(shell: Shell, google: Simulator) -> None:
    google.grants.policy.api_enabled = False


# --- the way to Google ----------------------------------------------------------------------------------------


def token_at(url: str) -> Arrange:
    def arrange(shell: Shell, google: Simulator) -> None:
        path, document = client(shell)
        document["installed"]["token_uri"] = url.format(port=google.port)
        path.write_text(json.dumps(document))

    return arrange


def stopped(shell: Shell, google: Simulator) -> None:
    google.stop()


def fault(text: str) -> Arrange:
    def arrange(shell: Shell, google: Simulator) -> None:
        google.faults.add(text)

    return arrange


# --- calendars ------------------------------------------------------------------------------------------------


def team(shell: Shell, google: Simulator, *choice: str, **facts: Any) -> None:
    google.add_calendar(TEAM, summary="Team", **facts)
    assert shell.json("calendars", *choice).exit == 0


def conflict_calendar_unshared(shell: Shell, google: Simulator) -> None:
    team(shell, google, "--select", "Team", role="reader")
    google.share(TEAM, ANA, role=None)


def conflict_calendar_hidden(shell: Shell, google: Simulator) -> None:
    team(shell, google, "--select", "Team", role="reader")
    google.model.users[ANA].entries[TEAM].hidden = True


def booking_calendar_unshared(shell: Shell, google: Simulator) -> None:
    team(shell, google, "--book-into", "Team", role="owner")
    google.share(TEAM, ANA, role=None)


def booking_calendar_lowered(shell: Shell, google: Simulator) -> None:
    team(shell, google, "--book-into", "Team", role="owner")
    google.share(TEAM, ANA, role="writer")


def booking_calendar_pinned_and_not_owned(shell: Shell, google: Simulator) -> None:
    google.add_calendar(TEAM, summary="Team", role="writer")
    shell.configure(f'[calendars]\nbooking = "{TEAM}"\n')


def meetings_elsewhere(shell: Shell, google: Simulator) -> None:
    google.add_calendar(TEAM, summary="Team", role="owner")
    google.add_event(TEAM, NOW + timedelta(days=2), NOW + timedelta(days=2, hours=1), "Stand-up")


def another_zone(shell: Shell, google: Simulator) -> None:
    team(shell, google, "--book-into", "Team", role="owner", timezone="America/New_York")


# --- configuration --------------------------------------------------------------------------------------------


def configured(text: str) -> Arrange:
    def arrange(shell: Shell, google: Simulator) -> None:
        shell.configure(text)

    return arrange


def connection_file_damaged(shell: Shell, google: Simulator) -> None:
    path = next(Path(ledger_path(shell)).parent.rglob("connection.toml"))
    path.write_text('account = "ana@example.com"\nconflicts = 7\n')


# --- the ledger -----------------------------------------------------------------------------------------------


def ledger_path(shell: Shell) -> Path:
    return Container(shell.view(), environ=shell.environ)._ledger_path


def booked(shell: Shell, google: Simulator) -> None:
    assert shell.json("book", "2026-11-24T10:00", *SAM).exit == 0


def ledger_newer(shell: Shell, google: Simulator) -> None:
    booked(shell, google)
    with sqlite3.connect(ledger_path(shell)) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def ledger_damaged(shell: Shell, google: Simulator) -> None:
    booked(shell, google)
    path = ledger_path(shell)
    path.write_bytes(path.read_bytes()[:1000] + b"\xff" * 20_000)


def ledger_of_another_program(shell: Shell, google: Simulator) -> None:
    path = ledger_path(shell)
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()


def ledger_of_an_unreleased_portalcal(shell: Shell, google: Simulator) -> None:
    ledger_of_another_program(shell, google)
    with sqlite3.connect(ledger_path(shell)) as db:
        db.execute(f"PRAGMA application_id = {0x706F7274}")
    db.close()


def overdue(shell: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    assert shell.json("book", "2026-11-24T10:00", *SAM).exit == 8
    google.faults.clear()
    google.clock.advance(minutes=5)


def without_event(shell: Shell, google: Simulator) -> None:
    shell.json("disconnect", "--yes", "--keep-grant")
    assert shell.json("book", "2026-11-24T10:00", *SAM).exit == 0
    shell.connect()


def booked_on_a_holiday(shell: Shell, google: Simulator) -> None:
    """The day of a booking becomes a holiday."""
    assert shell.json("book", "2026-11-24T10:00", *SAM).exit == 0
    company = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261124\nSUMMARY:Outing\nEND:VEVENT\nEND:VCALENDAR\n"
    (shell.folder / "company.ics").write_text(company, encoding="utf-8")
    shell.configure('[schedule]\nmon = ["09:00-17:00"]\nholidays_file = "company.ics"\n')


def zones_of_2025(shell: Shell, google: Simulator) -> None:
    """A system that still changes the clocks of Vancouver, where the owner travels."""
    zones = shell.folder / "zones"
    (zones / "America").mkdir(parents=True)
    los_angeles = Path(tzdata.__path__[0]) / "zoneinfo/America/Los_Angeles"
    (zones / "America/Vancouver").write_bytes(los_angeles.read_bytes())
    shell.zone_rules = ZoneRules(ZoneDatabase(PACKAGE, "2026f"), ZoneDatabase(str(zones), "2025b"))
    shell.configure(_IN_VANCOUVER)


def zones_of_2024(shell: Shell, google: Simulator) -> None:
    shell.zone_rules = ZoneRules(ZoneDatabase("/usr/share/zoneinfo", "2024a"))


_IN_VANCOUVER = """
[[schedule.periods]]
name = "Vancouver"
from = 2026-11-30
until = 2026-12-04
timezone = "America/Vancouver"
"""


STATUS_FAILURES = [
    StatusFailure("not connected", never_connected, "disconnected", 4, "grant.present", "is not connected to a Google account", "portalcal connect"),
    StatusFailure("app in testing", in_testing, "expired", 4, "grant.refresh", "it ended after 7 days, as every grant does while the OAuth app is in Testing", "portalcal connect"),
    StatusFailure("app in testing, foreseen", in_testing_before, "degraded", 0, "grant.age", "5 days old; the one before ended after 7 days, as in an OAuth app in Testing, so this one ends in 2 days", "portalcal connect --force", "warn"),
    StatusFailure("token revoked", revoked, "revoked", 4, "grant.refresh", "ended in the account's settings", "portalcal connect"),
    StatusFailure("pushed out by newer ones", pushed_out, "revoked", 4, "grant.refresh", "or by a hundred newer connections", "portalcal connect"),
    StatusFailure("unused for six months", unused, "expired", 4, "grant.refresh", "it was not used for 200 days", "portalcal connect"),
    StatusFailure("unused, foreseen", long_unused, "unreachable", 7, "grant.age", "not used for 160 days; Google ends a grant after six months without use, in 22 days", "portalcal calendars", "warn"),
    StatusFailure("app blocked by the administrator", blocked_by_the_administrator, "revoked", 4, "grant.refresh", "the administrator does not allow this app", "ask the administrator to trust this OAuth client"),
    StatusFailure("reauthentication policy", reauthentication, "reauth-required", 4, "grant.refresh", "requires signing in again (session policy)", "portalcal connect"),
    StatusFailure("account deleted", account_deleted, "revoked", 4, "grant.refresh", "The account has been deleted", "portalcal connect"),
    StatusFailure("permission unticked", permission_missing, "permission-missing", 4, "grant.permissions", 'permission missing: "View when you are busy"', "portalcal connect --force"),
    StatusFailure("permission taken away", fault("calendarList.list: 403-insufficient"), "permission-missing", 4, "calendars.list", "View your calendars", "portalcal connect --force"),
    StatusFailure("account mismatch", other_account, "misconfigured", 3, "calendars.list", "the stored grant is that of bob@example.com, this workspace belongs to ana@example.com", "portalcal connect --force --account ana@example.com"),
    StatusFailure("wrong client type", wrong_client_type, "misconfigured", 3, "oauth.client", 'found "web", expected "installed"', "portalcal connect --client-secrets FILE"),
    StatusFailure("client deleted", client_deleted, "misconfigured", 3, "grant.refresh", "The OAuth client was deleted", "portalcal connect --client-secrets FILE"),
    StatusFailure("wrong client secret", wrong_client_secret, "misconfigured", 3, "grant.refresh", "The provided client secret is invalid", "portalcal connect --client-secrets FILE"),
    StatusFailure("API not enabled", api_off, "misconfigured", 3, "calendars.list", "the Google Calendar API is not enabled", "enable it at https://console."),
    StatusFailure("DNS", token_at("https://oauth.invalid/token"), "unreachable", 7, "google.reachable", "oauth.invalid cannot be reached: its name cannot be resolved (DNS)", "check the network"),
    StatusFailure("TCP", stopped, "unreachable", 7, "google.reachable", "the connection was refused (TCP)", "check the network"),
    StatusFailure("TLS", token_at("https://127.0.0.1:{port}/token"), "unreachable", 7, "google.reachable", "it does not speak TLS there", "check the network"),
    StatusFailure("captive portal", fault("oauth.token: not-json"), "unreachable", 7, "google.reachable", "a web page came back instead of Google's answer", "sign in to this network"),
    StatusFailure("hanging network", fault("oauth.token: hang"), "unreachable", 7, "google.reachable", "no answer within 2 s", "check the network"),
    StatusFailure("Google out of order", fault("oauth.token: 503"), "unreachable", 7, "google.reachable", "Google is busy (503)", "again in a minute"),
    StatusFailure("too fast", fault("calendarList.list: 429"), "rate-limited", 7, "calendars.list", "Google is busy (429)", "again in a minute"),
    StatusFailure("quota", fault("freebusy.query: 403-quotaExceeded"), "rate-limited", 7, "calendars.conflicts", "a usage limit of Google Calendar is used up", "it lifts by itself"),
    StatusFailure("calendar deleted or unshared", conflict_calendar_unshared, "blocked", 3, "calendars.conflicts", "deleted, or no longer shared with ana@example.com", f"portalcal calendars --deselect {TEAM}"),
    StatusFailure("calendar hidden", conflict_calendar_hidden, "degraded", 0, "calendars.conflicts", f"{TEAM} is hidden in Google Calendar", f"portalcal calendars --deselect {TEAM}", "warn"),
    StatusFailure("booking calendar gone", booking_calendar_unshared, "blocked", 3, "calendars.booking", f"{TEAM} is deleted, or no longer shared", "portalcal calendars --book-into ID"),
    StatusFailure("role lowered", booking_calendar_lowered, "blocked", 3, "calendars.booking", "its role there: writer", "portalcal calendars --book-into ID"),
    StatusFailure("booking calendar not owned", booking_calendar_pinned_and_not_owned, "blocked", 3, "calendars.booking", f"{TEAM} is not owned", "name an owned one in [calendars] booking in"),
    StatusFailure("meetings on another calendar", meetings_elsewhere, "degraded", 0, "calendars.conflicts", f"nothing in the next four weeks, while {TEAM} has 1 busy time", f"portalcal calendars --select {TEAM}", "warn"),
    StatusFailure("zones disagree", another_zone, "degraded", 0, "timezone.agreement", "the schedule is in Europe/London, this machine is in Europe/London, the booking calendar is in America/New_York", 'set timezone = "America/New_York"', "warn"),
    StatusFailure("zone rules differ", zones_of_2025, "degraded", 0, "timezone.database", "which differs: America/Vancouver from Mon 23 Nov on", "apt-get install tzdata", "warn"),
    StatusFailure("zone rules old", zones_of_2024, "degraded", 0, "timezone.database", "2024a of /usr/share/zoneinfo: more than a year old", "pip install --upgrade tzdata", "warn"),
    StatusFailure("booked on a holiday", booked_on_a_holiday, "degraded", 0, "schedule.holidays", "1 booking falls on a holiday: ", "or add the date to holidays_open", "warn"),
    StatusFailure("closed all week", configured("[schedule]\nmon = []\n"), "degraded", 0, "config.schedule", "closed all week", "give [schedule] some hours", "warn"),
    StatusFailure("horizon shorter than notice", configured('[rules]\nnotice = "3d"\nhorizon = "1d"\n'), "misconfigured", 3, "config.file", "horizon", "portalcal config --example"),
    StatusFailure("connection.toml damaged", connection_file_damaged, "misconfigured", 3, "vault.backend", "conflicts = 7", "portalcal connect"),
    StatusFailure("ledger newer", ledger_newer, "misconfigured", 3, "ledger.file", "has schema 99", "upgrade portalcal"),
    StatusFailure("ledger damaged", ledger_damaged, "misconfigured", 3, "ledger.file", "it is damaged", "put back a copy of it"),
    StatusFailure("ledger of another program", ledger_of_another_program, "misconfigured", 3, "ledger.file", "it is the database of another program", "move it away"),
    StatusFailure("ledger of an unreleased portalcal", ledger_of_an_unreleased_portalcal, "misconfigured", 3, "ledger.file", "an unreleased portalcal made it, which no release reads", "move it away"),
    StatusFailure("errands overdue", overdue, "degraded", 0, "ledger.pending", "1 not told to Google yet, the first due 5 min ago: a usage limit", "portalcal sync", "warn"),
    StatusFailure("bookings without event", without_event, "degraded", 0, "ledger.pending", "1 upcoming without a calendar event", "portalcal sync --add-missing", "warn"),
]  # fmt: skip
