"""Who moved my meeting? The history of bookings, as a support person reads it and as a program does."""

from __future__ import annotations

import getpass
import os
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
DESK = ("--actor", "ana@desk")


@pytest.fixture
def lively(connected: Shell, google: Simulator) -> Shell:
    """A booking that was made, moved by another person, moved again in the calendar, and cancelled."""
    connected(*DESK, "book", "2026-11-24T10:00", *SAM, "--key", "k")
    booking = the_id(connected)
    google.clock.advance(minutes=5)
    connected(
        "--actor", "crm:ben", "reschedule", booking, "2026-11-24T11:00", "--reason", "the train is late"
    )
    google.clock.advance(minutes=5)
    (event,) = google.events()
    times = {"start": {"dateTime": "2026-11-24T15:00:00Z"}, "end": {"dateTime": "2026-11-24T15:30:00Z"}}
    google.model.put(google.calendar("primary"), event | times)
    google.clock.advance(minutes=5)
    connected("sync", environ={"PORTALCAL_ACTOR": "cron@server"})
    connected(*DESK, "cancel", booking, "--reason", "ill")
    return connected


def the_id(shell: Shell) -> str:
    (booking,) = shell.json(
        "bookings", "--from", "2026-11-01", "--state", "confirmed", "--state", "cancelled"
    ).result["bookings"]
    identifier: str = booking["id"]
    return identifier


def lines(shell: Shell, *arguments: str) -> list[Any]:
    listed: list[Any] = shell.json("history", *arguments).result["history"]
    return listed


def test_the_history_of_a_booking_can_be_read_aloud(lively: Shell) -> None:
    ran = lively("bookings", the_id(lively), "--history")

    card, _, story = ran.out.partition("\n\n  Mon 23 Nov, 08:00")
    assert "state   cancelled: ill" in card
    assert f"\n  Mon 23 Nov, 08:00{story}".replace(HOST, "vm") == READ_ALOUD


HOST = os.uname().nodename

READ_ALOUD = """
  Mon 23 Nov, 08:00   held Tue 24 Nov, 10:00-10:30 for Sam Lee
                      by ana@desk on vm, with book
  Mon 23 Nov, 08:00   confirmed, with its event on ana@example.com
                      by ana@desk on vm, with book
  Mon 23 Nov, 08:05   also held Tue 24 Nov, 11:00-11:30, to be moved there: the train is late
                      by crm:ben on vm, with reschedule
  Mon 23 Nov, 08:05   moved from Tue 24 Nov, 10:00-10:30 to Tue 24 Nov, 11:00-11:30
                      by crm:ben on vm, with reschedule
  Mon 23 Nov, 08:15   moved from Tue 24 Nov, 11:00-11:30 to Tue 24 Nov, 15:00-15:30
                      in Google Calendar, read by sync of cron@server on vm
  Mon 23 Nov, 08:15   cancelled: ill
                      by ana@desk on vm, with cancel
  Mon 23 Nov, 08:15   its event removed
                      by ana@desk on vm, with cancel

Times in London
"""


def test_a_line_says_who_did_what_where_and_from_what_to_what(lively: Shell) -> None:
    moved = next(each for each in lines(lively) if each["what"] == "moved")

    assert {name: moved[name] for name in ("by", "actor", "command", "booking", "at")} == {
        "by": "command",
        "actor": "crm:ben",
        "command": "reschedule",
        "booking": the_id(lively),
        "at": "2026-11-23T08:05:00+00:00",
    }
    assert (moved["before"]["start"], moved["after"]["start"]) == (
        "2026-11-24T10:00:00+00:00",
        "2026-11-24T11:00:00+00:00",
    )


def test_what_the_calendar_changed_is_told_apart_from_what_a_command_did(lively: Shell) -> None:
    told = [(each["what"], each["by"], each["actor"], each["command"]) for each in lines(lively)]

    assert told == [
        ("held", "command", "ana@desk", "book"),
        ("confirmed", "command", "ana@desk", "book"),
        ("held", "command", "crm:ben", "reschedule"),
        ("moved", "command", "crm:ben", "reschedule"),
        ("moved", "calendar", "cron@server", "sync"),
        ("cancelled", "command", "ana@desk", "cancel"),
        ("delivered", "command", "ana@desk", "cancel"),
    ]


def test_the_history_is_filtered(lively: Shell) -> None:
    assert [each["what"] for each in lines(lively, "--what", "moved", "--what", "cancelled")] == [
        "moved", "moved", "cancelled",
    ]  # fmt: skip
    assert [each["what"] for each in lines(lively, "--actor", "crm:ben")] == ["held", "moved"]
    assert [each["what"] for each in lines(lively, "--since", "2026-11-23T08:15")] == [
        "moved", "cancelled", "delivered",
    ]  # fmt: skip
    assert lines(lively, "--since", "7d", "--booking", the_id(lively)[:8]) == lines(lively)
    assert lines(lively, "--since", "1m") == lines(lively, "--since", "2026-11-23T08:14")


def test_a_line_of_a_pipe_or_a_spreadsheet_is_whole(lively: Shell) -> None:
    piped = lively("history", "--what", "cancelled").out
    header, row = lively("history", "--what", "cancelled", "--format", "csv").out.splitlines()

    assert piped.startswith(f"2026-11-23T08:15:00+00:00  {the_id(lively)}  cancelled: ill, by ana@desk")
    assert len(piped.splitlines()) == 1
    assert header == "at,cursor,booking,what,by,actor,host,command,summary,before,after"
    assert row.startswith("2026-11-23T08:15:00+00:00,6,")
    assert "cancelled: ill" in row


def test_what_was_not_done_leaves_no_line(lively: Shell) -> None:
    before = lines(lively)

    lively("book", "2026-11-22T10:00", *SAM)
    lively("book", "2026-11-24T10:00", *SAM, "--dry-run")
    lively("cancel", the_id(lively))

    assert lines(lively) == before


def test_old_lines_of_what_is_over_can_be_forgotten(lively: Shell, google: Simulator) -> None:
    lively("book", "2026-11-26T10:00", *SAM)
    google.clock.advance(minutes=10)

    pruned = lively.json("history", "--prune", "5m").result
    told = lively("history", "--prune", "5m").out

    assert pruned == {"pruned": 7, "before": "2026-11-23T08:20:00+00:00"}
    assert told == "Forgot 0 lines of bookings that are over, from before Mon 23 Nov 2026\n"
    assert [each["what"] for each in lines(lively)] == ["held", "confirmed"]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (("bookings", "--history"), "--history is about one booking, and no ID is given"),
        (("history", "--json", "--format", "csv"), "--json and --format csv are two formats"),
        (("history", "--prune", "400d", "--what", "moved"), "--prune takes no filter"),
        (("bookings", "--ids", "--json"), "--ids and --json are two formats"),
        (("bookings", "--ids", "--format", "csv"), "--ids and --format csv are two formats"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    portalcal: Shell, line: tuple[str, ...], fact: str
) -> None:
    ran = portalcal(*line)

    assert ran.exit == 2
    assert fact in ran.err


def test_ids_alone_can_be_piped(lively: Shell) -> None:
    ran = lively("bookings", "--state", "cancelled", "--ids")

    assert ran.out == f"{the_id(lively)}\n"


def test_whose_name_is_not_given_is_the_user_of_this_machine(connected: Shell) -> None:
    connected("book", "2026-11-24T10:00", *SAM)

    assert {(each["actor"], each["host"]) for each in lines(connected)} == {
        (f"{getpass.getuser()}@{HOST}", HOST)
    }
