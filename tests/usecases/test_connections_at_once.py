"""Commands that write connection.toml concurrently: neither undoes the change of the other."""

from __future__ import annotations

import pytest

from portalcal.adapters.connection_file import ConnectionFile
from portalcal.errors import NotConnected
from portalcal.simulator.google import Simulator
from portalcal.usecases.calendars import CalendarChanges, calendars
from tests.usecases.conftest import ANA, Machine

TEAM, SIDE = "team@example.com", "side@example.com"


class Meanwhile:
    """A port that runs another process to its end before its first call of `name`."""

    def __init__(self, port: object, name: str, other: object) -> None:
        self._port, self._name, self._other = port, name, other

    def __getattr__(self, name: str) -> object:
        if name == self._name:
            self._name = ""
            self._other()  # type: ignore[operator]
        return getattr(self._port, name)


@pytest.fixture(autouse=True)
def _calendars(google: Simulator) -> None:
    google.add_calendar(TEAM, summary="Team", role="reader")
    google.add_calendar(SIDE, summary="Side", role="owner")


def selected(file: ConnectionFile) -> tuple[tuple[str, ...], str]:
    kept = file.read()
    assert kept is not None
    return kept.conflicts, kept.booking


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (CalendarChanges(select=("Side",)), ((ANA, SIDE, TEAM), ANA)),
        (CalendarChanges(book_into="Side"), ((ANA, TEAM), SIDE)),
    ],
)
def test_two_concurrent_selections_are_both_kept(
    machine: Machine, other: CalendarChanges, expected: tuple[tuple[str, ...], str]
) -> None:
    one, two = machine.process(), machine.process()
    one.override(calendars=Meanwhile(one.calendars, "list", lambda: calendars(other, two)))

    calendars(CalendarChanges(select=("Team",)), one)

    assert selected(one.connection_file) == expected


def test_a_selection_does_not_restore_a_connection_that_was_ended_meanwhile(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    one.override(calendars=Meanwhile(one.calendars, "list", two.connection_file.forget))

    with pytest.raises(NotConnected):
        calendars(CalendarChanges(select=("Team",)), one)

    assert one.connection_file.read() is None


def test_recording_the_end_of_a_grant_does_not_undo_a_concurrent_selection(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    one.override(clock=Meanwhile(machine, "now", lambda: calendars(CalendarChanges(select=("Team",)), two)))

    one._remember_end()

    kept = one.connection_file.read()
    assert kept is not None
    assert (kept.conflicts, kept.lived is not None) == ((ANA, TEAM), True)
