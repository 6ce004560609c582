"""Google Calendar through google-api-python-client: the port `Calendars`.

Every method sends one request, except for further pages and for free/busy beyond the limits of one query.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from uuid import UUID

from googleapiclient.http import HttpRequest

from portalcal.adapters.google import events as event_json
from portalcal.adapters.google import freebusy, network_errors
from portalcal.adapters.google.api_methods import api_request
from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.errors import ApiCall, EventGone, translate_errors
from portalcal.config.model import Endpoints
from portalcal.core.booking import Notify
from portalcal.core.endpoint import host_of
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy
from portalcal.errors import EventNotFound, GoogleRefused
from portalcal.ports import (
    Calendar,
    DeleteResult,
    Event,
    EventChanged,
    EventChanges,
    EventDraft,
    Invitee,
    SyncTokenExpired,
)
from portalcal.run_all import run_all

# It logs every 403 as a warning on stderr, quoting the response.
logging.getLogger("googleapiclient").setLevel(logging.CRITICAL)


# The maxima of `maxResults`.
_CALENDARS_PER_PAGE = 250
_EVENTS_PER_PAGE = 2500

# Half a million events; a list that does not end within that is a server fault.
_MAX_PAGES = 200

_ANSWERS = {"accepted", "declined"}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0


class GoogleCalendars:
    """The calendars of one account. Thread-safe. What each method promises is said in `ports.Calendars`."""

    def __init__(
        self,
        http: AuthorizedHttp,
        endpoints: Endpoints,
        *,
        account: str | None = None,
        room_seconds: float = 20.0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._root = endpoints.api_root
        self._host = host_of(endpoints.api_root)
        self._call = ApiCall(self._host, account or "this account")
        self._room_seconds = room_seconds
        self._sleep = sleep
        self._monotonic = monotonic

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def list(self) -> tuple[Calendar, ...]:

        def page(token: str | None) -> HttpRequest:
            return self._request(
                "calendarList.list",
                maxResults=_CALENDARS_PER_PAGE,
                showHidden=True,
                pageToken=token,
                fields=event_json.CALENDAR_FIELDS,
            )

        responses = self._pages(page, self._call._replace(needs=Permission.VIEW_CALENDARS))
        calendars = (
            event_json.calendar(entry)
            for response in responses
            for entry in event_json.tables(response, "items")
        )
        return _with_primary(tuple(calendar for calendar in calendars if calendar))

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        ids = tuple(calendars)
        queries = freebusy.queries(ids, window)

        def send(query: freebusy.FreeBusyQuery) -> event_json.Json:
            request = self._request("freebusy.query", body=query.body)
            return self._execute(request, self._reading(), http=self._http.for_reading)

        responses = run_all(
            [partial(send, query) for query in queries], limit=freebusy.MAX_CONCURRENT, name="free/busy"
        )
        return freebusy.merge(ids, zip(queries, responses, strict=True))

    def insert(self, calendar: str, draft: EventDraft, *, notify: Notify) -> Event:
        """Create the event."""
        request = self._request(
            "events.insert",
            calendarId=calendar,
            body=event_json.body(draft),
            sendUpdates=event_json.SEND_UPDATES[notify],
            conferenceDataVersion=int(draft.meet),
        )
        call = self._call._replace(needs=Permission.CREATE_EVENTS, calendar=calendar, writes=True)
        resource = self._execute(request, call)
        return self._event(resource, event_json.Place(calendar), writes=True)

    def event(self, calendar: str, event_id: str) -> Event:
        """One event, even if cancelled. An all-day event is read as if its calendar were in UTC."""
        request = self._request("events.get", calendarId=calendar, eventId=event_id)
        resource = self._execute(request, self._reading(calendar, event_id))
        return self._event(resource, event_json.Place(calendar))

    def invite(
        self,
        calendar: str,
        event_id: str,
        *,
        people: Iterable[Invitee],
        but_not: Iterable[str],
        notify: Notify,
    ) -> Event:
        """Add and remove attendees. A patch replaces the whole list, so it is read first, and sent with If-Match.

        With sendUpdates=all, Google sends those who are removed a cancellation
        (github.com/gemini-cli-extensions/workspace/issues/433; a report of users, not Google's documentation).
        """
        read = self._request("events.get", calendarId=calendar, eventId=event_id)
        resource = self._execute(read, self._reading(calendar, event_id))
        event = self._event(resource, event_json.Place(calendar))
        if event.is_cancelled:
            raise EventNotFound(calendar, event_id)
        attendees = event_json.changed_attendees(resource, people=people, but_not=but_not)
        if attendees is None:
            return event
        body = {"attendees": attendees}
        return self._patch(calendar, event_id, body, etag=event.etag or None, notify=notify)

    def room_answer(self, calendar: str, event_id: str) -> Event:
        ends, pause = self._monotonic() + self._room_seconds, _FIRST_PAUSE
        while True:
            event = self.event(calendar, event_id)
            left = ends - self._monotonic()
            if event.is_cancelled or event.room_response in {None, *_ANSWERS} or left <= 0:
                return event
            self._sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        listed = self._events(
            calendar,
            singleEvents=True,
            timeMin=event_json.rfc3339(window.start),
            timeMax=event_json.rfc3339(window.end, round_up=True),
        )
        # A server may return events outside the bounds; those must not count as conflicts.
        return tuple(event for event in listed if event.meets(window))

    def changes(self, calendar: str, token: str | None) -> EventChanges:
        """Changes since the sync token was issued, deletions included; a full sync without a token.

        Incremental sync must repeat the full sync's parameters, so `timeMin` and `singleEvents` are not sent
        (https://developers.google.com/calendar/api/guides/sync). Events without a booking's id are dropped page by
        page, except cancelled ones: those come without their private properties.
        """
        parameters = {"syncToken": token} if token else {}
        next_token, changes = None, []
        try:
            for page in self._event_pages(calendar, fields=event_json.CHANGE_FIELDS, **parameters):
                events = _events_in(page, calendar)
                changes += [event for event in events if event.booking or event.is_cancelled]
                next_token = event_json.text(page, "nextSyncToken")
        except GoogleRefused as error:
            # 400: the token belongs to another account or to other parameters.
            if token and error.status in {400, 410}:
                raise SyncTokenExpired(token) from error
            raise
        return EventChanges(tuple(changes), next_token)

    def events_of(self, calendar: str, booking: UUID) -> tuple[Event, ...]:
        listed = self._events(calendar, privateExtendedProperty=f"{event_json.BOOKING_KEY}={booking}")
        # The caller may delete these events, so Google's filter is checked again here.
        return tuple(event for event in listed if event.booking == str(booking))

    def move(self, calendar: str, draft: EventDraft, *, etag: str | None, notify: Notify) -> Event:
        """Move an event to the draft's time, with If-Match unless `etag` is None."""
        return self._patch(calendar, draft.id, event_json.time_patch(draft), etag=etag, notify=notify)

    def _patch(
        self, calendar: str, event_id: str, body: event_json.Json, *, etag: str | None, notify: Notify
    ) -> Event:
        try:
            resource = self._write("events.patch", calendar, event_id, etag=etag, notify=notify, body=body)
        except EventGone:
            raise EventNotFound(calendar, event_id) from None
        event = self._event(resource, event_json.Place(calendar), writes=True)
        # Patching a deleted event succeeds and leaves it deleted.
        if event.is_cancelled:
            raise EventNotFound(calendar, event_id)
        return event

    def delete(
        self, calendar: str, event_id: str, *, notify: Notify, etag: str | None = None
    ) -> DeleteResult:
        """Delete the event, with If-Match if there is an `etag`; 410 means that it is deleted already."""
        try:
            self._write("events.delete", calendar, event_id, etag=etag, notify=notify)
        except EventChanged as changed:
            # Our own attempt whose response was lost may have deleted it: a deletion changes the etag.
            if changed.may_be_ours and self.event(calendar, event_id).is_cancelled:
                return DeleteResult.DONE
            raise
        except EventGone as gone:
            return DeleteResult.DONE if gone.may_be_ours else DeleteResult.ALREADY_GONE
        return DeleteResult.DONE

    def instances(
        self,
        calendar: str,
        series: str,
        *,
        original: datetime | None = None,
        window: Interval | None = None,
    ) -> tuple[Event, ...]:
        parameters: dict[str, object] = {}
        if original is not None:
            parameters |= {"originalStart": event_json.rfc3339(original), "showDeleted": True}
        if window is not None:
            parameters |= {
                "timeMin": event_json.rfc3339(window.start),
                "timeMax": event_json.rfc3339(window.end, round_up=True),
            }

        def page(token: str | None) -> HttpRequest:
            return self._request(
                "events.instances",
                calendarId=calendar,
                eventId=series,
                maxResults=_EVENTS_PER_PAGE,
                pageToken=token,
                fields=event_json.EVENT_FIELDS,
                **parameters,
            )

        responses = self._pages(page, self._reading(calendar, series))
        instances = [event for response in responses for event in _events_in(response, calendar)]
        if original is not None:
            return tuple(instance for instance in instances if instance.original == original)
        return tuple(instance for instance in instances if not instance.is_cancelled)

    def _request(self, method: str, **parameters: object) -> HttpRequest:
        return api_request(method, self._http, root=self._root, **parameters)

    def _reading(self, calendar: str | None = None, event: str | None = None) -> ApiCall:
        return self._call._replace(needs=Permission.VIEW_EVENTS, calendar=calendar, event=event)

    def _write(
        self,
        method: str,
        calendar: str,
        event: str,
        *,
        etag: str | None,
        notify: Notify,
        **parameters: object,
    ) -> event_json.Json:
        """Change an event, with If-Match if there is an `etag`. Raises also: EventChanged, EventGone."""
        call = self._call._replace(
            needs=Permission.EDIT_EVENTS, calendar=calendar, event=event, writes=True, etag=etag or None
        )
        request = self._request(
            method,
            calendarId=calendar,
            eventId=event,
            sendUpdates=event_json.SEND_UPDATES[notify],
            **parameters,
        )
        if etag:
            request.headers["If-Match"] = etag
        return self._execute(request, call)

    def _execute(
        self, request: HttpRequest, call: ApiCall, *, http: AuthorizedHttp | None = None
    ) -> event_json.Json:
        """Send the request and return the JSON object of the response; an empty one for an empty body."""
        with translate_errors(call):
            body = _parse_json(request.execute(http=http))
        if isinstance(body, dict):
            return body
        if not body:
            return {}
        # The library returns a body it cannot parse as text.
        raise network_errors.not_google(self._host, writes=call.writes, received="something that is not JSON")

    def _pages(self, page: Callable[[str | None], HttpRequest], call: ApiCall) -> Iterator[event_json.Json]:
        """The pages of a list, until one has no `nextPageToken`."""
        token, seen = None, set[str]()
        for _ in range(_MAX_PAGES):
            response = self._execute(page(token), call)
            yield response
            token = event_json.text(response, "nextPageToken")
            if token is None:
                return
            if token in seen:
                raise network_errors.endless(self._host, "it names a page for the second time")
            seen.add(token)
        raise network_errors.endless(self._host, f"it has more than {_MAX_PAGES} pages")

    def _event_pages(self, calendar: str, *, fields: str, **parameters: object) -> Iterator[event_json.Json]:
        def page(token: str | None) -> HttpRequest:
            return self._request(
                "events.list",
                calendarId=calendar,
                maxResults=_EVENTS_PER_PAGE,
                pageToken=token,
                fields=fields,
                **parameters,
            )

        return self._pages(page, self._reading(calendar))

    def _events(self, calendar: str, **parameters: object) -> Iterator[Event]:
        for page in self._event_pages(calendar, fields=event_json.EVENT_FIELDS, **parameters):
            yield from (event for event in _events_in(page, calendar) if not event.is_cancelled)

    def _event(self, resource: event_json.Json, place: event_json.Place, *, writes: bool = False) -> Event:
        event = event_json.event(resource, place)
        if event is None:
            raise network_errors.not_google(self._host, writes=writes, received="an event without an id")
        return event


def _events_in(page: event_json.Json, calendar: str) -> Iterator[Event]:
    """The events of a page of a list, in the time zone that the page names."""
    place = event_json.Place(calendar, event_json.zone(page.get("timeZone")))
    events = (event_json.event(item, place) for item in event_json.tables(page, "items"))
    return (event for event in events if event)


def _with_primary(listed: tuple[Calendar, ...]) -> tuple[Calendar, ...]:
    """Mark the primary calendar if none is marked: every account owns one, so a single owned calendar is primary."""
    owned = [calendar for calendar in listed if calendar.is_owned]
    if len(owned) != 1 or any(calendar.is_primary for calendar in listed):
        return listed
    return tuple(calendar._replace(is_primary=calendar.is_owned) for calendar in listed)


def _parse_json(body: object) -> object:
    """Parse a body that the library returned as text; what is not JSON is returned unchanged.

    The discovery document gives `delete` no response body, so the library does not parse one that is sent all the same.
    """
    try:
        return json.loads(body) if isinstance(body, str | bytes) else body
    # Deep nesting raises RecursionError.
    except (ValueError, RecursionError):
        return body
