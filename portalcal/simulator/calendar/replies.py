"""Guests and rooms that answer invitations by themselves, some time after they were invited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portalcal.simulator.calendar import guests
from portalcal.simulator.calendar.event import StoredEvent
from portalcal.simulator.calendar.model import Model, StoredCalendar
from portalcal.simulator.http.messages import Json


class Habit(StrEnum):
    """How somebody answers an invitation. A room accepts what is free, as Google's rooms do unless set up otherwise."""

    ACCEPTS = "accepts"
    DECLINES = "declines"
    TENTATIVE = "tentative"
    IF_FREE = "if free"
    IGNORES = "ignores"


_STATUS = {Habit.ACCEPTS: "accepted", Habit.DECLINES: "declined", Habit.TENTATIVE: "tentative"}


@dataclass(frozen=True, slots=True)
class Answering:
    """What somebody answers, and how long after the invitation."""

    habit: Habit
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class _Due:
    at: datetime
    email: str
    event_id: str


class Replies:
    """Who answers by themselves, and the answers that are due. Hold the model's lock."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._answering: dict[str, Answering] = {}
        self._due: list[_Due] = []
        model.invited.append(self._invited)

    def have(self, email: str, answering: Answering) -> None:
        """Set how somebody answers from now on."""
        self._answering[email] = answering

    def _invited(self, calendar: StoredCalendar, before: StoredEvent | None, copy: StoredEvent) -> None:
        """Note that an answer is due to an invitation, or to one whose time changed."""
        answering = self._answering.get(calendar.id)
        if answering is None or answering.habit is Habit.IGNORES or copy.is_cancelled:
            return
        is_same_time = before is not None and (before.start, before.end) == (copy.start, copy.end)
        mine = _own(copy)
        if mine is None or (is_same_time and mine.get("responseStatus") != "needsAction"):
            return
        self._due.append(_Due(self._model.clock.now() + answering.after, calendar.id, copy.id))

    def settle(self) -> None:
        """Send the answers that are due. They are seen by the next request, never by the one that invited."""
        now = self._model.clock.now()
        ready = [due for due in self._due if due.at <= now]
        self._due = [due for due in self._due if due.at > now]
        for due in ready:
            self._answer(due)

    def _answer(self, due: _Due) -> None:
        calendar = self._model.calendars[due.email]
        copy = self._model.find(calendar, due.event_id)
        mine = _own(copy) if copy and not copy.is_cancelled else None
        if copy is None or mine is None:
            return
        habit = self._answering[due.email].habit
        status = _STATUS.get(habit) or ("declined" if _is_taken(calendar, copy) else "accepted")
        if mine.get("responseStatus") == status:
            return
        attendees = [
            guest | {"responseStatus": status} if guest.get("self") else guest
            for guest in copy.body["attendees"]
        ]
        guests.respond(self._model, calendar, self._model.put(calendar, copy.body | {"attendees": attendees}))


def _own(event: StoredEvent) -> Json | None:
    return next((guest for guest in event.body.get("attendees", []) if guest.get("self")), None)


def _is_taken(calendar: StoredCalendar, event: StoredEvent) -> bool:
    """Whether something else in the calendar lies at the event's time. A series is looked at by its first meeting."""
    others = calendar.timeline.between(event.start, event.end)
    return any(each.event.is_busy and each.event.series != event.series for each in others)
