"""What `status` finds, what it says helps, and that it changes nothing."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.adapters.vault.memory import MemoryVault
from portalcal.container import Container
from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from portalcal.usecases.status.status import status
from portalcal.views.terminal.view import TerminalView
from tests.cli.conftest import ANA, NOW, Ran, Shell
from tests.cli.status_failures import other_account
from tests.terminal import Terminal

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")

# The order in which `status` lists its checks is public.
CHECKS = [
    "config.file", "config.schedule", "oauth.client", "vault.backend", "vault.read", "grant.present",
    "grant.permissions", "grant.age", "google.reachable", "google.clock", "grant.refresh", "calendars.list",
    "calendars.conflicts", "calendars.booking", "timezone.agreement", "timezone.database", "schedule.holidays",
    "people", "ledger.file", "ledger.pending", "browser", "loopback",
]  # fmt: skip


def check(ran: Ran, name: str) -> Any:
    """One check of a `status --json`."""
    (found,) = (each for each in json.loads(ran.out)["result"]["checks"] if each["name"] == name)
    return found


def state(ran: Ran) -> tuple[int, str]:
    """The exit status and the state of the whole."""
    return ran.exit, json.loads(ran.out)["result"]["state"]


def failures(ran: Ran) -> list[str]:
    """The checks that did not come out well."""
    return [
        each["name"] for each in json.loads(ran.out)["result"]["checks"] if each["state"] in {"fail", "warn"}
    ]


def page(ran: Ran, folder: Path) -> str:
    """What a person reads, with what differs from run to run left out."""
    text = re.sub(r"checked (just now|in .*|.* ago)", "checked …", ran.out)
    text = re.sub(r"\d+-[0-9a-f]+\.apps", "….apps", text.replace(str(folder), "…"))
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture
def wide(connected: Shell) -> Shell:
    """A connected machine with room for long lines."""
    connected.environ["COLUMNS"] = "160"
    return connected


def test_a_healthy_connection_is_said_to_be_one_and_shown_check_by_check(wide: Shell) -> None:
    ran = wide("status")

    assert (ran.exit, ran.err) == (0, "")
    assert (
        page(ran, wide.folder)
        == """\
✓ Connected: everything works
  ana@example.com · workspace default · checked …

✓  config.file          …/config.toml
✓  config.schedule      open 5 days a week, Europe/London
✓  oauth.client         ….apps.googleusercontent.com
✓  vault.backend        memory
✓  vault.read           readable
✓  grant.present        ana@example.com
✓  grant.permissions    all four granted
✓  grant.age            less than a day old
✓  google.reachable     answers
✓  google.clock         agrees with Google's
✓  grant.refresh        access renewed
✓  calendars.list       1 calendar
✓  calendars.conflicts  ana@example.com: readable
✓  calendars.booking    ana@example.com, owned
✓  timezone.agreement   Europe/London
✓  timezone.database    2026f of /usr/share/zoneinfo
✓  schedule.holidays    no holidays in the configuration
✓  people               nobody besides the owner is configured
✓  ledger.file          sound, 0 live bookings
✓  ledger.pending       nothing owed to Google
✓  browser              none; connecting works by pasting an address:
                          portalcal connect --no-browser
✓  loopback             can be listened on

calendars   conflicts, bookings  ana@example.com

bookings    0 live
"""
    )


def test_what_is_wrong_comes_first_with_what_helps(portalcal: Shell) -> None:
    portalcal.environ["COLUMNS"] = "160"

    ran = portalcal("status")

    assert page(ran, portalcal.folder).startswith("""\
✗ Not connected
  workspace default · checked …

✗  grant.present       the workspace default is not connected to a Google account
                       hint: run
                         portalcal connect

✓  config.file         …/config.toml
""")


def test_checks_that_wait_for_one_failed_check_share_a_line(portalcal: Shell) -> None:
    ran = portalcal("status")

    waiting = (
        "grant.permissions, grant.age, google.reachable, google.clock, grant.refresh, calendars.list, "
        "calendars.conflicts, calendars.booking, people"
    )
    assert [line for line in ran.out.splitlines() if line.startswith("·")] == [
        "·  2 checks            not connected: vault.backend, vault.read",
        f"·  9 checks            rest on grant.present: {waiting}",
    ]


def test_offline_it_says_that_google_was_not_asked(connected: Shell, google: Simulator) -> None:
    ran = connected("status", "--offline")

    assert (ran.exit, google.count()) == (0, 0)
    assert ran.out.startswith("✓ Looks connected; Google was not asked\n")
    assert "everything works" not in ran.out
    assert "·  6 checks            offline: google.reachable, google.clock, " in ran.out
    assert connected.json("status", "--offline").result["offline"] is True
    assert connected.json("status").result["offline"] is False


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_a_command_stands_on_a_line_of_its_own_and_is_never_broken(
    connected: Shell, google: Simulator, columns: int
) -> None:
    calendar = "a-team-with-a-very-long-name-indeed@group.calendar.google.com"
    google.add_calendar(calendar, summary="Team", role="reader")
    connected.json("calendars", "--select", calendar)
    google.model.unreadable[calendar] = "notFound"
    terminal = Terminal()
    view = TerminalView(
        stdout=terminal, stderr=terminal, stdin=terminal, environ={"COLUMNS": str(columns), "TERM": "dumb"}, clock=connected,
        is_interactive=False,
    )  # fmt: skip

    container = Container(view, environ=connected.environ)
    connected.customize(container)
    container.clock = connected
    view.show(status(container, workspace="default"))
    container.close()

    assert f"portalcal calendars --deselect {calendar}" in map(str.strip, terminal.getvalue().splitlines())


def test_the_json_has_every_key_and_every_check_in_its_order(connected: Shell) -> None:
    result = connected.json("status").result

    assert list(result) == [
        "state", "workspace", "account", "checked_at", "checks", "permissions", "calendars", "bookings", "offline",
        "last_sync",
        "reads",
    ]  # fmt: skip
    assert [each["name"] for each in result["checks"]] == CHECKS
    assert {tuple(each) for each in result["checks"]} == {("name", "state", "detail", "hint", "millis")}
    assert result["state"] == "connected"
    assert (result["workspace"], result["account"]) == ("default", ANA)
    assert result["checked_at"] == "2026-11-23T08:00:00+00:00"
    assert set(result["permissions"].values()) == {True}
    assert result["calendars"] == [
        {"id": ANA, "name": ANA, "role": "owner", "timezone": "Europe/London", "use": "both", "state": "ok"}
        | {"workspace": "default", "account": ANA}
    ]
    assert result["bookings"] == {"live": 0, "held": 0, "overdue": 0, "without_event": 0}


def test_never_connected(portalcal: Shell, google: Simulator) -> None:
    ran = portalcal.json("status")

    assert state(ran) == (4, "disconnected")
    assert failures(ran) == ["grant.present"]
    assert check(ran, "grant.present")["hint"] == "run `portalcal connect`"
    assert check(ran, "google.reachable")["detail"] == "rests on grant.present"
    assert (ran.result["account"], ran.result["calendars"]) == (None, [])
    assert google.count() == 0


def test_another_workspace_is_told_to_connect_itself(connected: Shell) -> None:
    connected.configure("[workspace.sales]\n")

    ran = connected("--workspace", "sales", "status", "--json")

    assert state(ran) == (4, "disconnected")
    assert ran.result["workspace"] == "sales"
    assert check(ran, "grant.present")["hint"] == "run `portalcal --workspace sales connect`"


def test_no_client_yet_says_how_to_make_one(google: Simulator, tmp_path: Path) -> None:
    ran = Shell(google, tmp_path / "portalcal").json("status")

    assert state(ran) == (4, "disconnected")
    assert check(ran, "oauth.client")["state"] == "warn"
    assert "portalcal connect --client-secrets FILE" in check(ran, "oauth.client")["hint"]
    assert check(ran, "grant.present")["hint"] == "run `portalcal connect --client-secrets FILE`"


def test_a_broken_configuration_is_named_with_all_its_problems(connected: Shell, google: Simulator) -> None:
    connected.configure('[rules]\nduration = "soon"\nstepp = "15m"\n')

    ran = connected.json("status")

    assert state(ran) == (3, "misconfigured")
    told = check(ran, "config.file")["detail"]
    assert 'rules.duration = "soon": expected a length' in told
    assert "rules.stepp" in told
    assert google.count() == 0


def test_a_client_file_of_the_wrong_kind(connected: Shell) -> None:
    secret = connected.folder / "client_secret.json"
    secret.write_text(json.dumps({"web": json.loads(secret.read_text())["installed"]}))

    ran = connected.json("status")

    assert state(ran) == (3, "misconfigured")
    assert 'found "web", expected "installed"' in check(ran, "oauth.client")["detail"]


class Refusal(NamedTuple):
    """A fault of Google's, and what `status` makes of it."""

    fault: str
    outcome: tuple[int, str]
    failing: str
    hint: str


@pytest.mark.parametrize(
    "case",
    [
        Refusal("oauth.token: invalid-grant", (4, "revoked"), "grant.refresh", "run `portalcal connect` to connect"),
        Refusal("oauth.token: invalid-rapt", (4, "reauth-required"), "grant.refresh", "run `portalcal connect`"),
        Refusal("oauth.token: invalid-client", (3, "misconfigured"), "grant.refresh", "download the client again"),
        Refusal("oauth.token: not-json", (7, "unreachable"), "google.reachable", "sign in to this network"),
        Refusal("calendarList.list: 403-quotaExceeded", (7, "rate-limited"), "calendars.list", "it lifts by itself"),
        Refusal("calendarList.list: 403-insufficient", (4, "permission-missing"), "calendars.list", "--force`"),
        Refusal("calendarList.list: 403-not-enabled", (3, "misconfigured"), "calendars.list", "enable it at https"),
        Refusal("calendarList.list: not-json", (7, "unreachable"), "calendars.list", "sign in to this network"),
        Refusal("freebusy.query: 403-quotaExceeded", (7, "rate-limited"), "calendars.conflicts", "it lifts by"),
    ],
    ids=lambda case: case.fault,
)  # fmt: skip
def test_what_google_refuses_is_told_apart(connected: Shell, google: Simulator, case: Refusal) -> None:
    google.faults.add(case.fault)

    ran = connected.json("status")

    assert state(ran) == case.outcome
    assert failures(ran) == [case.failing]
    assert case.hint in check(ran, case.failing)["hint"]


def test_a_grant_that_ended_by_age_has_expired(connected: Shell, google: Simulator) -> None:
    google.grants.policy.testing = True
    google.clock.advance(days=8)

    ran = connected.json("status")

    assert state(ran) == (4, "expired")
    assert "7" in check(ran, "grant.refresh")["detail"]


def test_google_out_of_reach(connected: Shell, google: Simulator) -> None:
    google.stop()

    ran = connected.json("status")

    assert state(ran) == (7, "unreachable")
    assert failures(ran) == ["google.reachable"]
    assert check(ran, "calendars.list")["detail"] == "rests on google.reachable"


def test_a_vault_without_its_secrets_is_a_lost_connection(connected: Shell) -> None:
    connected.vault.forget()

    ran = connected.json("status")

    assert state(ran) == (4, "disconnected")
    assert check(ran, "vault.read")["detail"] == "readable, but empty"


def test_a_booking_calendar_of_somebody_else(connected: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="writer")
    connected.configure('[calendars]\nbooking = "team@example.com"\n')

    ran = connected.json("status")

    assert state(ran) == (3, "blocked")
    assert failures(ran) == ["calendars.booking"]
    assert (
        "team@example.com is not owned by the connected account" in check(ran, "calendars.booking")["detail"]
    )
    assert {each["id"]: each["use"] for each in ran.result["calendars"]} == {
        ANA: "conflicts",
        "team@example.com": "booking",
    }


def test_a_conflict_calendar_that_is_gone(connected: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    google.share("team@example.com", ANA, role=None)

    ran = connected.json("status")

    assert state(ran) == (3, "blocked")
    assert failures(ran) == ["calendars.conflicts"]
    told = check(ran, "calendars.conflicts")
    assert told["detail"] == "team@example.com is deleted, or no longer shared with ana@example.com"
    assert "portalcal calendars --deselect team@example.com" in told["hint"]


def test_selected_calendars_that_are_gone_are_named_beside_the_others(
    connected: Shell, google: Simulator
) -> None:
    for name in ("team", "desk"):
        google.add_calendar(f"{name}@example.com", summary=name.title(), role="owner")
    connected.json("calendars", "--select", "Team", "--book-into", "Desk")
    for name in ("team", "desk"):
        google.share(f"{name}@example.com", ANA, role=None)

    result = json.loads(connected.json("status").out)["result"]

    assert [(each["id"], each["use"], each["state"]) for each in result["calendars"]] == [
        (ANA, "conflicts", "ok"),
        ("team@example.com", "conflicts", "notFound"),
        ("desk@example.com", "booking", "notFound"),
    ]
    shown = connected("status").out.partition("\ncalendars ")[2].splitlines()[:3]
    assert [line.split(maxsplit=1) for line in shown] == [
        ["conflicts", ANA],
        ["conflicts", "team@example.com  deleted, or not shared"],
        ["bookings", "desk@example.com  deleted, or not shared"],
    ]


def test_the_calendars_of_another_account_say_nothing_about_those_selected(
    connected: Shell, google: Simulator
) -> None:
    other_account(connected, google)

    result = json.loads(connected.json("status").out)["result"]

    assert (result["state"], result["calendars"]) == ("misconfigured", [])


def test_a_conflict_calendar_that_is_listed_but_cannot_be_read_says_so(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    google.model.unreadable["team@example.com"] = "internalError"

    ran = connected.json("status")

    assert state(ran) == (7, "unreachable")
    assert {each["id"]: each["state"] for each in ran.result["calendars"]} == {
        ANA: "ok",
        "team@example.com": "internalError",
    }


def test_a_booking_calendar_in_another_zone_than_the_schedule(connected: Shell, google: Simulator) -> None:
    google.add_calendar("us@example.com", summary="US", timezone="America/New_York")
    connected.json("calendars", "--book-into", "US")

    ran = connected.json("status")

    assert state(ran) == (0, "degraded")
    assert check(ran, "timezone.agreement") | {"millis": 0} == {
        "name": "timezone.agreement",
        "state": "warn",
        "detail": "the schedule is in Europe/London, this machine is in Europe/London, "
        "the booking calendar is in America/New_York",
        "hint": 'if the schedule is meant otherwise, set timezone = "America/New_York" in config.toml',
        "millis": 0,
    }


def test_zones_that_always_show_the_same_time_agree(connected: Shell, google: Simulator) -> None:
    google.add_calendar("gg@example.com", summary="Guernsey", timezone="Europe/Guernsey")
    connected.json("calendars", "--book-into", "Guernsey")

    assert state(connected.json("status")) == (0, "connected")


def test_a_schedule_that_never_opens(connected: Shell) -> None:
    connected.configure("[schedule]\nmon = []\n")

    ran = connected.json("status")

    assert state(ran) == (0, "degraded")
    assert check(ran, "config.schedule")["detail"] == "closed all week, so nothing is ever offered"


@pytest.fixture
def owing(connected: Shell, google: Simulator) -> Shell:
    """A machine with a booking that Google was not told of, some minutes later."""
    google.faults.add("events.insert: 403-quotaExceeded")
    assert connected.json("book", "2026-11-24T10:00", *SAM).exit == 8
    google.faults.clear()
    google.clock.advance(minutes=5)
    google.forget_requests()
    return connected


def test_what_is_owed_to_google_is_counted(owing: Shell) -> None:
    ran = owing.json("status")

    assert state(ran) == (0, "degraded")
    assert check(ran, "ledger.pending")["detail"] == (
        "1 not told to Google yet, the first due 5 min ago: a usage limit of Google Calendar is used up: "
        "Calendar usage limits exceeded"
    )
    assert check(ran, "ledger.pending")["hint"] == "run `portalcal sync`"
    assert ran.result["bookings"] == {"live": 1, "held": 1, "overdue": 1, "without_event": 1}


def test_nothing_is_delivered(owing: Shell, google: Simulator) -> None:
    before = owing.json("bookings").out
    google.forget_requests()

    owing.json("status")

    assert owing.json("bookings").out == before
    assert google.events() == []
    assert {each.operation for each in google.requests} == {
        "oauth.token", "calendarList.list", "freebusy.query"
    }  # fmt: skip


def test_bookings_made_while_disconnected_are_missing_from_the_calendar(
    portalcal: Shell, google: Simulator
) -> None:
    assert portalcal.json("book", "2026-11-24T10:00", *SAM).exit == 0
    portalcal.connect()

    ran = portalcal.json("status")

    assert state(ran) == (0, "degraded")
    assert check(ran, "ledger.pending")["detail"] == "1 upcoming without a calendar event"


def test_a_google_that_hangs_is_given_up_and_said_to_hang(connected: Shell, google: Simulator) -> None:
    google.faults.add("oauth.token: hang")

    ran = connected.json("status", "--timeout", "5s")

    assert state(ran) == (7, "unreachable")
    assert failures(ran) == ["google.reachable"]
    told = check(ran, "google.reachable")
    assert told["detail"] == "127.0.0.1 cannot be reached: no answer within 2 s"
    assert told["millis"] > 1500


class FrozenVault(MemoryVault):
    """A keyring that does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.thaw = threading.Event()

    @property
    def backend(self) -> str:
        self.thaw.wait()
        return "frozen"


def test_nothing_that_hangs_holds_up_the_answer_or_the_other_checks(
    connected: Shell, google: Simulator
) -> None:
    connected.vault = FrozenVault()

    ran = connected.json("status", "--timeout", "5s")
    connected.vault.thaw.set()

    assert state(ran) == (3, "vault-unavailable")
    assert failures(ran) == ["vault.backend"]
    assert "no answer within " in check(ran, "vault.backend")["detail"]
    assert check(ran, "vault.backend")["hint"].startswith("if a window asks for the keyring's password")
    assert check(ran, "ledger.file")["state"] == "ok"
    assert check(ran, "google.reachable")["detail"] == "rests on vault.backend"


def test_offline_asks_google_nothing(connected: Shell, google: Simulator) -> None:
    ran = connected.json("status", "--offline")

    assert google.count() == 0
    assert state(ran) == (0, "connected")
    offline = [each["name"] for each in ran.result["checks"] if each["detail"] == "offline"]
    assert offline == [
        "google.reachable", "google.clock", "grant.refresh", "calendars.list", "calendars.conflicts",
        "calendars.booking",
    ]  # fmt: skip
    assert {check(ran, each)["state"] for each in offline} == {"skipped"}


def test_a_ledger_that_is_damaged(connected: Shell, tmp_path: Path) -> None:
    connected.json("book", "2026-11-24T10:00", *SAM)
    ledger = next((tmp_path / "home").rglob("ledger.db"))
    for each in ledger.parent.glob("ledger.db*"):
        each.unlink()
    ledger.write_bytes(b"not a database, and long enough to be read as one" * 100)

    ran = connected.json("status")

    assert state(ran) == (3, "misconfigured")
    assert failures(ran) == ["ledger.file"]
    assert check(ran, "ledger.pending")["detail"] == "rests on ledger.file"


def test_files_and_secrets_stay_as_they_are(connected: Shell, tmp_path: Path) -> None:
    connected.json("book", "2026-11-24T10:00", *SAM)
    refresh_token = connected.vault.read(Secret.REFRESH_TOKEN)
    before = contents(tmp_path)

    connected.json("status")
    connected("status", "--offline")

    assert contents(tmp_path) == before
    assert connected.vault.read(Secret.REFRESH_TOKEN) == refresh_token


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for SQLite's index of its log, which readers may touch."""
    found = (each for each in folder.rglob("*") if each.is_file() and not each.name.endswith("-shm"))
    return {str(each): each.read_bytes() for each in found}


def test_no_secret_is_shown(connected: Shell, google: Simulator) -> None:
    ran = connected("--verbose", "status")

    assert "POST" in ran.err
    assert not [secret for secret in google.secrets() if secret in ran.out + ran.err]


def test_the_age_of_the_grant_is_shown(connected: Shell, google: Simulator) -> None:
    google.clock.set(NOW + timedelta(days=3, hours=5))

    assert check(connected.json("status", "--offline"), "grant.age")["detail"] == "3 days old"


def test_a_grant_unused_for_longer_than_it_lives_is_judged_by_google(
    connected: Shell, google: Simulator
) -> None:
    unused = "200 days old, not used for 200 days; Google ends a grant after six months without use"
    connected.json("status")
    google.clock.advance(days=200)

    offline, asked = (connected.json("status", *options) for options in (("--offline",), ()))

    assert (check(offline, "grant.age")["state"], check(offline, "grant.age")["detail"]) == ("warn", unused)
    assert check(offline, "grant.age")["hint"] == "see whether it has ended: `portalcal status`"
    assert (check(asked, "grant.age")["state"], check(asked, "grant.age")["detail"]) == ("ok", unused)
    assert failures(asked) == ["grant.refresh"]


def test_an_error_that_stops_several_checks_is_told_once(connected: Shell) -> None:
    path = next(
        Path(Container(connected.view(), environ=connected.environ)._ledger_path).parent.rglob(
            "connection.toml"
        )
    )
    path.write_text('account = "ana@example.com"\nconflicts = 7\n')

    ran = connected.json("status")

    assert failures(ran) == ["vault.backend"]
    assert check(ran, "oauth.client")["detail"] == "rests on vault.backend"


def test_a_url_has_a_line_of_its_own_and_is_never_broken(connected: Shell, google: Simulator) -> None:
    google.grants.policy.api_enabled = False

    shown = connected.on_terminal("status", columns=60)

    (line,) = (each for each in shown.splitlines() if "https://" in each)
    assert re.fullmatch(r" +https://console\.developers\.google\.com/apis/\S+\?project=\d+", line)


def test_bookings_that_no_sync_ever_looked_at_are_warned_of(connected: Shell) -> None:
    connected.json("book", "2026-11-24T10:00", *SAM)

    ran = connected.json("status")

    assert state(ran) == (0, "degraded")
    assert check(ran, "ledger.pending")["detail"].startswith("sync has never run")
    assert ran.result["last_sync"] is None


def test_status_knows_when_sync_last_ran(connected: Shell, google: Simulator) -> None:
    connected.json("book", "2026-11-24T10:00", *SAM)
    connected.json("sync")
    google.clock.advance(minutes=5)

    ran = connected.json("status")

    assert (state(ran), ran.result["last_sync"]) == ((0, "connected"), "2026-11-23T08:00:00+00:00")
    assert "1 live · synchronised 5 minutes ago" in connected("status").out


def test_starts_closer_than_a_meeting_with_its_buffers_are_mentioned_once(connected: Shell) -> None:
    connected.configure(
        '[rules]\nduration = "45m"\nbuffer_after = "15m"\n[links.intro]\n[links.long]\nduration = "2h"\n'
    )

    ran = connected.json("status", "--offline")

    assert check(ran, "config.schedule")["state"] == "ok"
    assert check(ran, "config.schedule")["detail"] == (
        "open 5 days a week, Europe/London; starts lie every 45m, a meeting with its buffers takes 1h"
    )


def test_starts_that_lie_too_close_for_one_link_are_mentioned_with_its_name(connected: Shell) -> None:
    connected.configure(
        '[rules]\nbuffer_after = "15m"\nstep = "60m"\n[links.long]\nduration = "60m"\nstep = "60m"\n'
    )

    detail = check(connected.json("status", "--offline"), "config.schedule")["detail"]

    assert detail.endswith("; long: starts lie every 1h, a meeting with its buffers takes 1h15m")


def test_starts_with_room_for_the_buffers_are_not_mentioned(connected: Shell) -> None:
    connected.configure('[rules]\nduration = "45m"\nbuffer_after = "15m"\nstep = "60m"\n')

    ran = connected.json("status", "--offline")

    assert check(ran, "config.schedule")["detail"] == "open 5 days a week, Europe/London"
