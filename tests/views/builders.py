"""Builders for tests of views: streams, a fixed clock, and results about one week in March 2026."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, Notify, State
from portalcal.core.health import Check, CheckStatus, ConnectionState
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.participants import owner_of
from portalcal.core.permissions import Permission
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import FreeBusy, Rules, SchedulingInputs, beyond_horizon, offered, reasons
from portalcal.ports import Calendar, Connection, Tally
from portalcal.results import (
    Account,
    Availability,
    Booked,
    ChosenCalendar,
    Connected,
    Diagnosis,
    Explanation,
    Selection,
)
from portalcal.views.terminal.view import TerminalView
from tests.builders import LONDON, a_booking, a_wish, at, span
from tests.terminal import Terminal

NEW_YORK = ZoneInfo("America/New_York")
ID = UUID("3f2a4c1e-9d55-4b7e-8a51-0c9f2be6a111")
NINE_TO_ONE = Schedule(LONDON, ((Hours(540, 780),),) * 5 + ((), ()))
TEAM = "team@group.calendar.google.com"
CALENDARS = (
    Calendar("ana@example.com", "Ana Ferreira", "owner", "Europe/London", is_primary=True),
    Calendar(TEAM, "Team calendar", "writer", "Europe/Lisbon"),
    Calendar("uk@holiday.example.com", "Holidays", "reader", "Europe/London", is_hidden=True),
)
SELECTION = Selection(("ana@example.com", TEAM), "ana@example.com")
ACCOUNTS = (Account(None, "default", "ana@example.com"),)
EVIL = "Ana\x1b[31m\u202egnp[bold]\r\n"


class Standing:
    """A clock that shows one time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def new_id(self) -> UUID:
        return ID

    def monotonic(self) -> float:
        return 0.0


class Stage:
    """A view with what it wrote. `is_terminal`: both streams are terminals."""

    def __init__(
        self,
        *,
        width: int | None = 80,
        is_terminal: bool = False,
        is_interactive: bool = False,
        typed: str = "",
        environ: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.stdout: io.StringIO = Terminal() if is_terminal else io.StringIO()
        self.stderr: io.StringIO = Terminal() if is_terminal else io.StringIO()
        self.view = TerminalView(
            stdout=self.stdout,
            stderr=self.stderr,
            stdin=io.StringIO(typed),
            environ={"TERM": "xterm", "NO_COLOR": "1"} if environ is None else environ,
            clock=Standing(now or at("08:10")),
            is_interactive=is_interactive,
            width=width,
        )

    @property
    def out(self) -> str:
        """Stdout, without the spaces at line ends that fill columns."""
        return _stripped(self.stdout.getvalue())

    @property
    def err(self) -> str:
        return _stripped(self.stderr.getvalue())


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


def transcript(text: str) -> str:
    """An expectation written as an indented block."""
    lines = text.strip("\n").split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:].rstrip() for line in lines).rstrip() + "\n"


# --- answers --------------------------------------------------------------------------------------------------------------


def a_question(
    *,
    window: Interval | None = None,
    rules: Rules | None = None,
    schedule: Schedule = NINE_TO_ONE,
    busy: tuple[str, ...] = (),
    claims: tuple[Booking, ...] = (),
    now: datetime | None = None,
    link: str | None = None,
) -> SchedulingInputs:
    """Two calendars; what is busy is so on the team's."""
    return SchedulingInputs(
        schedule=schedule,
        rules=rules or Rules(duration=timedelta(hours=1), notice=timedelta(0)),
        window=window or Interval(at("00:00"), at("Sun 00:00") + timedelta(days=1)),
        now=now or at("08:10"),
        link=link,
        calendars=(FreeBusy("ana@example.com"), FreeBusy(TEAM, Intervals.of(map(span, busy)))),
        claims=tuple(one for each in claims for one in each.claims),
        owner=owner_of("default"),
    )


def an_availability(inputs: SchedulingInputs | None = None, *, zone: ZoneInfo = LONDON) -> Availability:
    inputs = inputs or a_question(
        busy=("Tue 10:00-12:00", "Wed 11:30-11:45"), claims=(the_booking("Thu 09:00-10:00"),)
    )
    return Availability(
        inputs, zone, offered(inputs), inputs.now, beyond=beyond_horizon(inputs), accounts=ACCOUNTS
    )


def an_explanation(inputs: SchedulingInputs, start: str, *, zone: ZoneInfo = LONDON) -> Explanation:
    begin, slots = at(start), offered(inputs)
    return Explanation(
        inputs.rules.meeting(begin),
        zone,
        reasons(inputs, begin),
        next((each for each in reversed(slots) if each.start < begin), None),
        next((each for each in slots if each.start > begin), None),
        Availability(inputs, zone, slots, inputs.now, accounts=ACCOUNTS),
        {TEAM: "Team calendar"},
        guests={str(ID): "Ana"},
    )


def the_booking(when: str = "Tue 10:00-10:30", *, state: State = State.CONFIRMED, **facts: object) -> Booking:
    return a_booking(when, id=ID, state=state, **facts)  # type: ignore[arg-type]


def a_full_booking() -> Booking:
    request = replace(
        a_wish("Tue 10:00-10:30"), guests=("ben@example.com",), location="Room 4", link="intro",
        notes="Bring the contract.\nAsk about the old account.",
    )  # fmt: skip
    return replace(
        the_booking(request=request), calendar="ana@example.com", event_id="pc1", key="crm-4711", notified=Notify.ALL,
        meet_url="https://meet.example.com/abc", event_url="https://calendar.example.com/event?eid=1",
    )  # fmt: skip


def booked(booking: Booking | None = None, *, is_replayed: bool = False, is_dry_run: bool = False) -> Booked:
    return Booked(booking or a_full_booking(), LONDON, is_replayed, is_dry_run)


def a_connection() -> Connection:
    return Connection(
        "ana@example.com", frozenset(Permission), SELECTION.conflicts, SELECTION.booking, at("08:00")
    )


def connected(*, was_already: bool = False) -> Connected:
    return Connected(a_connection(), SELECTION, was_already)


OK_CHECKS = (
    Check("config.file", CheckStatus.OK, "config.toml", millis=1),
    Check("grant.refresh", CheckStatus.OK, "renewed", millis=140),
    Check("ledger.file", CheckStatus.OK, "14 bookings", millis=2),
)


def a_diagnosis(
    state: ConnectionState = ConnectionState.CONNECTED,
    *,
    checks: tuple[Check, ...] = OK_CHECKS,
    tally: Tally | None = None,
) -> Diagnosis:
    return Diagnosis(
        state, "default", "ana@example.com", at("08:09"), LONDON, checks, frozenset(Permission),
        (ChosenCalendar(CALENDARS[0], "both", "ok"), ChosenCalendar(CALENDARS[1], "conflicts", "ok")),
        tally or Tally(14, 0, 0, 0), accounts=ACCOUNTS,
    )  # fmt: skip


def london(text: str) -> datetime:
    """A wall time in London as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)
