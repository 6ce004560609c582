"""Google Calendar through google-api-python-client: the port `Calendars`.

Every method is one request, but for pages and for questions larger than one freeBusy query takes.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from googleapiclient.discovery import build

from portalcal.adapters import google_events as wire
from portalcal.adapters import google_freebusy as freebusy
from portalcal.adapters import google_unreachable
from portalcal.adapters.google_errors import EventGone, translated
from portalcal.adapters.google_http import GoogleHttp
from portalcal.config import Endpoints
from portalcal.core.booking import Notify
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy
from portalcal.errors import EventNotFound, GoogleRefused
from portalcal.ports import Calendar, Changes, Draft, Event, Removal, SyncTokenExpired

# It warns about every 403 on stderr, in words meant for its own developers, and quotes the answer.
logging.getLogger("googleapiclient").setLevel(logging.CRITICAL)

_CALENDARS_A_PAGE = 250
_EVENTS_A_PAGE = 2500
# A list that does not end is a fault of the other side; a million events are not.
_MOST_PAGES = 1000


class GoogleCalendars:
    """The calendars of one account. Safe to share between threads."""

    def __init__(self, http: GoogleHttp, endpoints: Endpoints, *, account: str | None = None) -> None:
        self._http = http
        self._root = endpoints.api_root
        self._host = urlsplit(endpoints.api_root).hostname or endpoints.api_root
        self._account = account
        self._built: Any = None
        self._collections: dict[str, Any] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def list(self) -> tuple[Calendar, ...]:
        """The account's calendar list, hidden ones included."""

        def page(token: str | None) -> Any:
            return self._collection("calendarList").list(
                maxResults=_CALENDARS_A_PAGE, showHidden=True, pageToken=token, fields=wire.CALENDAR_FIELDS
            )

        answers = self._pages(page, needs=Permission.VIEW_CALENDARS)
        entries = (wire.calendar(each) for answer in answers for each in wire.tables(answer, "items"))
        return _with_primary(tuple(each for each in entries if each))

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        """Busy times of each calendar, in the order asked; one that cannot be read says why (`unread`)."""
        asked = tuple(calendars)
        parts = freebusy.parts(asked, window)

        def ask(part: freebusy.Part) -> wire.Json:
            query = self._collection("freebusy").query(body=part.body)
            return self._ask(query, http=self._http.for_reading, needs=Permission.VIEW_EVENTS)

        return freebusy.merged(asked, zip(parts, freebusy.at_once(ask, parts), strict=True))

    def insert(self, calendar: str, draft: Draft, *, notify: Notify) -> Event:
        """Create the event.

        Raises also:
            EventIdTaken: an event with this id exists or existed.
            CalendarNotFound, CalendarNotWritable: it cannot go there.
        """
        request = self._collection("events").insert(
            calendarId=calendar,
            body=wire.body(draft),
            sendUpdates=wire.SEND_UPDATES[notify],
            conferenceDataVersion=int(draft.meet),
        )
        made = self._ask(request, needs=Permission.CREATE_EVENTS, calendar=calendar, writes=True)
        return self._event(made, wire.Place(calendar), writes=True)

    def event(self, calendar: str, event_id: str) -> Event:
        """One event, a cancelled one too. An all-day event is read as if its calendar were in UTC.

        Raises also:
            EventNotFound: Google has none of that id there.
        """
        request = self._collection("events").get(calendarId=calendar, eventId=event_id)
        found = self._ask(request, needs=Permission.VIEW_EVENTS, calendar=calendar, event=event_id)
        return self._event(found, wire.Place(calendar))

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        """Every live event that overlaps the window, recurring ones as their instances."""
        found = self._events(
            calendar,
            singleEvents=True,
            timeMin=wire.rfc3339(window.start),
            timeMax=wire.rfc3339(window.end, round_up=True),
        )
        # Not everybody keeps to the bounds, and who is elsewhere is no rival.
        return tuple(each for each in found if each.meets(window))

    def changes(self, calendar: str, token: str | None) -> Changes:
        """What changed since the token was given, deletions among it; without one, all that is there.

        Neither `timeMin` nor an expansion of series: what is asked with a token must be what was asked without. Events
        that carry no booking's id are let go page by page; a deleted one does not tell.

        Raises also:
            SyncTokenExpired: the token is no longer honoured.
            CalendarNotFound: the account cannot see the calendar.
        """
        asked = {"syncToken": token} if token else {}
        following, found = None, []
        try:
            for answer in self._event_pages(calendar, fields=wire.CHANGE_FIELDS, **asked):
                place = wire.Place(calendar, wire.zone(answer.get("timeZone")))
                events = (wire.event(each, place) for each in wire.tables(answer, "items"))
                found += [each for each in events if each and (each.booking or each.is_cancelled)]
                following = wire.text(answer, "nextSyncToken")
        except GoogleRefused as refusal:
            # 400: a token of another account, or of a question we ask no more.
            if token and refusal.status in {400, 410}:
                raise SyncTokenExpired(token) from refusal
            raise
        return Changes(tuple(found), following)

    def events_of(self, calendar: str, booking: UUID) -> tuple[Event, ...]:
        """Every live event that carries the booking's id in its private properties."""
        found = self._events(calendar, privateExtendedProperty=f"{wire.BOOKING_KEY}={booking}")
        # What is found so may be deleted: it is believed only when it carries the id itself.
        return tuple(each for each in found if each.booking == str(booking))

    def move(self, calendar: str, draft: Draft, *, etag: str | None, notify: Notify) -> Event:
        """Give an event the time of the draft, if it still is the version of that etag; None is any.

        Raises also:
            EventChanged: somebody changed it meanwhile.
            EventNotFound: Google has none of that id there, or it was deleted.
            CalendarNotWritable: it may not be changed.
        """
        request = self._collection("events").patch(
            calendarId=calendar,
            eventId=draft.id,
            body=wire.other_time(draft),
            sendUpdates=wire.SEND_UPDATES[notify],
        )
        if etag:
            request.headers["If-Match"] = etag
        try:
            moved = self._ask(
                request,
                needs=Permission.EDIT_EVENTS,
                calendar=calendar,
                event=draft.id,
                writes=True,
                etag=etag or None,
            )
        except EventGone:
            raise EventNotFound(calendar, draft.id) from None
        event = self._event(moved, wire.Place(calendar), writes=True)
        # A deleted event can be patched, and stays deleted.
        if event.is_cancelled:
            raise EventNotFound(calendar, draft.id)
        return event

    def delete(self, calendar: str, event_id: str, *, notify: Notify) -> Removal:
        """Remove the event; 410 says that somebody was faster.

        Raises also:
            EventNotFound: 404: it never was there, or the calendar is out of sight.
        """
        request = self._collection("events").delete(
            calendarId=calendar, eventId=event_id, sendUpdates=wire.SEND_UPDATES[notify]
        )
        try:
            self._ask(request, needs=Permission.EDIT_EVENTS, calendar=calendar, event=event_id, writes=True)
        except EventGone:
            return Removal.ALREADY_GONE
        return Removal.DONE

    def _collection(self, name: str) -> Any:
        """A collection of the API, from the static discovery document: 1 to 2 ms to build, and 2 ms for each collection.

        The library builds a collection anew whenever it is asked for; what it builds may be shared between threads.
        """
        with self._lock:
            if self._built is None:
                self._built = build(
                    "calendar",
                    "v3",
                    http=self._http,
                    cache_discovery=False,
                    static_discovery=True,
                    client_options={"api_endpoint": self._root},
                )
            if name not in self._collections:
                self._collections[name] = getattr(self._built, name)()
            return self._collections[name]

    def _ask(
        self,
        request: Any,
        *,
        needs: Permission,
        calendar: str | None = None,
        event: str | None = None,
        writes: bool = False,
        etag: str | None = None,
        http: GoogleHttp | None = None,
    ) -> wire.Json:
        """The JSON object Google answers with; an empty one for an empty answer."""
        with translated(
            host=self._host,
            account=self._account,
            needs=needs,
            calendar=calendar,
            event=event,
            writes=writes,
            etag=etag,
        ):
            answer = _read(request.execute(http=http))
        if isinstance(answer, dict):
            return answer
        if not answer:
            return {}
        # The library hands on as text what it cannot read.
        raise google_unreachable.not_google(self._host, writes=writes, found="something that is not JSON")

    def _pages(
        self, page: Callable[[str | None], Any], *, needs: Permission, calendar: str | None = None
    ) -> Iterator[wire.Json]:
        token = None
        for _ in range(_MOST_PAGES):
            answer = self._ask(page(token), needs=needs, calendar=calendar)
            yield answer
            following = wire.text(answer, "nextPageToken")
            if following in {None, token}:
                return
            token = following

    def _event_pages(self, calendar: str, *, fields: str, **narrowed: object) -> Iterator[wire.Json]:
        def page(token: str | None) -> Any:
            return self._collection("events").list(
                calendarId=calendar, maxResults=_EVENTS_A_PAGE, pageToken=token, fields=fields, **narrowed
            )

        return self._pages(page, needs=Permission.VIEW_EVENTS, calendar=calendar)

    def _events(self, calendar: str, **narrowed: object) -> Iterator[Event]:
        for answer in self._event_pages(calendar, fields=wire.EVENT_FIELDS, **narrowed):
            place = wire.Place(calendar, wire.zone(answer.get("timeZone")))
            found = (wire.event(each, place) for each in wire.tables(answer, "items"))
            yield from (each for each in found if each and not each.is_cancelled)

    def _event(self, found: wire.Json, place: wire.Place, *, writes: bool = False) -> Event:
        event = wire.event(found, place)
        if event is None:
            raise google_unreachable.not_google(self._host, writes=writes, found="an event without an id")
        return event


def _with_primary(listed: tuple[Calendar, ...]) -> tuple[Calendar, ...]:
    """The list with its primary calendar marked: every account owns one, so an only one is it, marked or not."""
    owned = [each for each in listed if each.is_owned]
    if len(owned) != 1 or any(each.is_primary for each in listed):
        return listed
    return tuple(each._replace(is_primary=each.is_owned) for each in listed)


def _read(answer: object) -> object:
    """What the library hands on as text: an answer to `delete`, which has no body by the discovery document.

    A server that sends one all the same has deleted the event.
    """
    try:
        return json.loads(answer) if isinstance(answer, str | bytes) else answer
    # A page nested by malice is a RecursionError.
    except (ValueError, RecursionError):
        return answer
