"""Test data a person recognises: everything happens in the week of Monday 2 March 2026, when London keeps UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, BookingRequest, Guest, Notify, State
from portalcal.core.intervals import Interval
from portalcal.core.outbox import OutboxEntry
from portalcal.ports import Ledger

LONDON = ZoneInfo("Europe/London")
ANA = Guest("Ana", "ana@example.com")
BEN = Guest("Ben", "ben@example.com")

_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def at(words: str) -> datetime:
    """An instant of that week, the weekday being Monday unless it is said.

    >>> at("Tue 09:00")
    datetime.datetime(2026, 3, 3, 9, 0, tzinfo=datetime.timezone.utc)
    """
    day, time = words.split() if " " in words else ("Mon", words)
    hours, minutes = time.split(":")
    return _MONDAY + timedelta(days=_WEEKDAYS.index(day), hours=int(hours), minutes=int(minutes))


def span(words: str) -> Interval:
    """A stretch of one day of that week, `09:00-10:00` or `Tue 09:00-10:00`."""
    start, end = words.rsplit("-", 1)
    day = start.rpartition(" ")[0]
    return Interval(at(start), at(f"{day} {end}".strip()))


def a_wish(
    when: str = "09:00-09:30",
    *,
    guest: Guest = ANA,
    title: str = "Meeting with Ana",
    link: str | None = None,
    guests: tuple[str, ...] = (),
    location: str = "",
    notes: str = "",
    meet: bool = False,
    notify: Notify = Notify.ALL,
) -> BookingRequest:
    """What somebody asks for."""
    meeting = span(when)
    return BookingRequest(
        start=meeting.start, duration=meeting.length, zone=LONDON, guest=guest, title=title, link=link,
        guests=guests, location=location, notes=notes, meet=meet, notify=notify,
    )  # fmt: skip


def a_booking(
    when: str = "09:00-09:30",
    *,
    request: BookingRequest | None = None,
    id: UUID | None = None,  # noqa: A002 - the field's own name
    workspace: str = "default",
    state: State = State.HELD,
    buffers: tuple[int, int] = (0, 0),
    key: str | None = None,
    calendar: str | None = "primary",
    made_at: str = "08:00",
    **facts: object,
) -> Booking:
    """A promise; `buffers` are minutes before and after, `facts` any other field."""
    booking = Booking(
        id=id or uuid4(),
        workspace=workspace,
        state=state,
        request=request or a_wish(when),
        buffer_before=timedelta(minutes=buffers[0]),
        buffer_after=timedelta(minutes=buffers[1]),
        created_at=at(made_at),
        updated_at=at(made_at),
        key=key,
        calendar=calendar,
    )
    return replace(booking, **facts)  # type: ignore[arg-type]


class SetClock:
    """A clock that shows what it was set to, and makes ids that count."""

    def __init__(self, words: str = "08:00") -> None:
        self.time = at(words)
        self.made = 0

    def now(self) -> datetime:
        return self.time

    def new_id(self) -> UUID:
        self.made += 1
        return UUID(int=self.made)

    def monotonic(self) -> float:
        return self.time.timestamp()

    def set(self, words: str) -> None:
        """Move to another instant of the week."""
        self.time = at(words)

    def advance(self, length: timedelta) -> None:
        """Let time pass."""
        self.time += length


def lease(ledger: Ledger, entry: OutboxEntry, *, now: datetime) -> OutboxEntry | None:
    """The entry as it was leased; None: it was not."""
    leased = ledger.lease(entry.booking, entry.task, now=now)
    return leased.entry if leased else None
