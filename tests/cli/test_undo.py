"""What `undo` says is carried out, and what it takes back is as it was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell

BOOKING = (
    "book", "2026-11-24T10:00", "--name", "Sam Lee", "--email", "sam@example.com", "--duration", "45m", "--title",
    "-- a plan", "--guest", "kim@example.com", "--location", "Room 1", "--notes", "line\nline", "--meet",
    "--timezone", "Europe/Berlin", "--notify", "external", "--force",
)  # fmt: skip


@pytest.fixture
def booked(connected: Shell) -> dict[str, Any]:
    made: dict[str, Any] = connected.json(*BOOKING).result
    return made


def times(booking: dict[str, Any]) -> tuple[datetime, datetime]:
    """Start and end, in whatever zone they are shown."""
    return datetime.fromisoformat(booking["start"]), datetime.fromisoformat(booking["end"])


def undone(shell: Shell, ran: Ran) -> dict[str, Any]:
    """The result of the command that takes another back."""
    program, *words = ran.result["undo"]
    assert program == "portalcal"
    result: dict[str, Any] = shell.json(*words).result
    return result


def test_a_move_is_taken_back(connected: Shell, google: Simulator, booked: dict[str, Any]) -> None:
    moved = connected.json("reschedule", booked["id"], "2026-11-25T14:00", "--duration", "30m", "--force")

    back = undone(connected, moved)

    assert back["id"] == booked["id"]
    assert times(back) == times(booked)
    assert len(google.events()) == 1


def test_a_cancellation_is_taken_back_by_booking_the_same_again(
    connected: Shell, google: Simulator, booked: dict[str, Any]
) -> None:
    cancelled = connected.json("cancel", booked["id"])

    back = undone(connected, cancelled)

    same = ("state", "start", "end", "title", "guest", "guests", "location", "notes", "link", "notified")
    assert {name: back[name] for name in same} == {name: booked[name] for name in same}
    assert back["id"] != booked["id"]
    assert len(google.events()) == 1


def test_what_changed_nothing_has_nothing_to_take_back(connected: Shell, booked: dict[str, Any]) -> None:
    connected.json("reschedule", booked["id"], "2026-11-25T14:00", "--force")
    moved = connected.json("reschedule", booked["id"], "2026-11-25T14:00", "--force")
    connected.json("cancel", booked["id"])
    cancelled = connected.json("cancel", booked["id"])

    assert (moved.result["undo"], cancelled.result["undo"]) == (None, None)


def test_another_workspace_is_named(connected: Shell) -> None:
    connected.configure("[workspace.sales]\n")
    made = connected.json("--workspace", "sales", *BOOKING)
    booking = json.loads(made.out)["result"]["id"]

    ran = connected.json("--workspace", "sales", "cancel", booking)

    assert json.loads(ran.out)["result"]["undo"][:4] == ["portalcal", "--workspace", "sales", "book"]
