"""What every adapter of the port `Calendars` does. One joins by a subclass with an `open_calendars` fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.calendar import GoogleCalendars
from portalcal.adapters.google.tokens import GrantAccessTokens
from portalcal.config.model import Endpoints
from portalcal.core.booking import Notify
from portalcal.core.grant import AccessToken, Grant
from portalcal.core.intervals import Interval
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    ApiNotEnabled,
    CalendarNotFound,
    CalendarNotWritable,
    EventNotFound,
    GoogleBusy,
    GoogleUnreachable,
    GrantRevoked,
    PermissionMissing,
    QuotaExhausted,
)
from portalcal.ports import (
    Calendar,
    Calendars,
    DeleteResult,
    Event,
    EventChanged,
    EventDraft,
    EventIdTaken,
    Invitee,
    SyncTokenExpired,
)
from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from tests.adapters.scripted import an_http_client
from tests.builders import at, span

BOOKING = UUID("6f1c0a52-9b53-4f43-8a6b-0f4b8c7d2e10")
WEEK = Interval(at("Mon 00:00"), at("Mon 00:00") + timedelta(days=7))

OpenCalendars = Callable[..., Calendars]


def a_draft(when: str = "Tue 10:00-10:30", **facts: Any) -> EventDraft:
    """A meeting with Ben."""
    draft = EventDraft(
        id="pc0000000001",
        booking=BOOKING,
        title="Meeting with Ben",
        span=span(when),
        timezone="Europe/Berlin",
        guests=("ben@example.com",),
        guest_name="Ben",
    )
    return draft._replace(**facts)


def busy_of(told: tuple[FreeBusy, ...]) -> list[list[Interval]]:
    return [list(each.busy) for each in told]


class CalendarsContract:
    """Stated once, held by every adapter. `open_calendars` of a subclass opens the calendars of the simulator's owner; its
    `scopes` are the short names of those granted."""

    @pytest.fixture
    def google(self) -> Iterator[Simulator]:
        with Simulator(now=datetime(2026, 3, 1, tzinfo=UTC)) as google:
            yield google

    @pytest.fixture
    def calendars(self, open_calendars: OpenCalendars) -> Calendars:
        return open_calendars()

    # --- the list

    def test_the_list_names_every_calendar_with_its_role_and_zone(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.add_calendar("team@example.com", summary="Team", role="reader", timezone="America/New_York")
        google.add_calendar("old@example.com", summary="Old", hidden=True)

        listed = {each.id: each for each in calendars.list()}

        assert listed == {
            "ana@example.com": Calendar(
                "ana@example.com", "ana@example.com", "owner", "Europe/London", is_primary=True
            ),
            "team@example.com": Calendar("team@example.com", "Team", "reader", "America/New_York"),
            "old@example.com": Calendar("old@example.com", "Old", "owner", "Europe/London", is_hidden=True),
        }
        assert listed["ana@example.com"].is_owned
        assert not listed["team@example.com"].is_owned

    def test_a_list_of_several_pages_is_read_to_its_end(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        for number in range(260):
            google.add_calendar(f"c{number}@example.com")

        assert len(calendars.list()) == 261
        assert google.count("calendarList.list") == 2

    # --- free and busy

    def test_busy_times_come_in_the_order_asked_sorted_and_merged(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.add_calendar("team@example.com")
        google.add_event("team@example.com", at("Tue 11:00"), at("Tue 12:00"))
        google.add_event("team@example.com", at("Tue 10:00"), at("Tue 11:00"))
        google.add_event("primary", at("Wed 09:00"), at("Wed 09:30"))

        told = calendars.free_busy(["team@example.com", "primary"], WEEK)

        assert [each.calendar for each in told] == ["team@example.com", "primary"]
        assert busy_of(told) == [[span("Tue 10:00-12:00")], [span("Wed 09:00-09:30")]]
        assert google.count("freebusy.query") == 1

    def test_a_calendar_that_cannot_be_read_says_why_and_is_not_free(self, calendars: Calendars) -> None:
        primary, other = calendars.free_busy(["primary", "nobody@example.com"], WEEK)

        assert primary.unread is None
        assert other.unread == "notFound"

    def test_more_than_fifty_calendars_are_asked_in_parts(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        ids = [google.add_calendar(f"c{number}@example.com").id for number in range(51)]
        google.add_event("c50@example.com", at("Tue 10:00"), at("Tue 11:00"))

        told = calendars.free_busy(ids, WEEK)

        assert google.count("freebusy.query") == 2
        assert [each.calendar for each in told] == ids
        assert {each.unread for each in told} == {None}
        assert list(told[50].busy) == [span("Tue 10:00-11:00")]

    def test_two_months_are_asked_in_parts_and_joined_at_the_seams(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        seam = WEEK.start + timedelta(days=30)
        across = Interval(seam - timedelta(hours=1), seam + timedelta(hours=1))
        google.add_event("primary", across.start, across.end)

        (told,) = calendars.free_busy(["primary"], Interval(WEEK.start, WEEK.start + timedelta(days=60)))

        assert google.count("freebusy.query") == 2
        assert list(told.busy) == [across]

    def test_a_calendar_that_one_part_does_not_tell_is_unread(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.add_event("primary", at("Tue 10:00"), at("Tue 11:00"))
        window = Interval(WEEK.start, WEEK.start + timedelta(days=60))
        google.faults.add("freebusy.query: 403-quotaExceeded once after=1")

        with pytest.raises(QuotaExhausted):
            calendars.free_busy(["primary"], window)

    def test_no_calendar_is_no_question(self, google: Simulator, calendars: Calendars) -> None:
        assert calendars.free_busy([], WEEK) == ()
        assert google.count() == 0

    # --- inserting

    def test_an_event_is_inserted_as_drafted(self, google: Simulator, calendars: Calendars) -> None:
        draft = a_draft(location="Room 1", notes="Bring cake", guests=("ben@example.com", "cho@example.com"))

        event = calendars.insert("primary", draft, notify=Notify.ALL)

        (kept,) = google.events()
        assert (event.id, event.calendar, event.span) == (draft.id, "primary", draft.span)
        assert (event.booking, event.title, event.location) == (str(BOOKING), "Meeting with Ben", "Room 1")
        assert event.is_busy
        assert not event.is_cancelled
        assert event.created == datetime(2026, 3, 1, tzinfo=UTC)
        assert event.etag
        assert event.url is not None
        assert event.url.startswith("https://")
        assert kept["start"]["timeZone"] == "Europe/Berlin"
        assert kept["description"] == "Bring cake"
        assert [(each["email"], each.get("displayName")) for each in kept["attendees"]] == [
            ("ben@example.com", "Ben"),
            ("cho@example.com", None),
        ]

    @pytest.mark.parametrize(
        ("notify", "told"),
        [(Notify.ALL, {"ben@example.com", "ben@elsewhere.test"}), (Notify.NONE, set())],
    )
    def test_guests_are_told_as_asked(
        self, google: Simulator, calendars: Calendars, notify: Notify, told: set[str]
    ) -> None:
        calendars.insert("primary", a_draft(guests=("ben@example.com", "ben@elsewhere.test")), notify=notify)

        assert {each.to for each in google.outbox} == told

    def test_an_id_that_is_taken_is_said_to_be(self, calendars: Calendars) -> None:
        calendars.insert("primary", a_draft(), notify=Notify.NONE)

        with pytest.raises(EventIdTaken):
            calendars.insert("primary", a_draft(), notify=Notify.NONE)

    def test_an_id_stays_taken_after_its_event_was_deleted(self, calendars: Calendars) -> None:
        calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.delete("primary", a_draft().id, notify=Notify.NONE)

        with pytest.raises(EventIdTaken):
            calendars.insert("primary", a_draft(), notify=Notify.NONE)

    def test_a_conference_may_come_later(self, google: Simulator, calendars: Calendars) -> None:
        google.conference = "pending"

        made = calendars.insert("primary", a_draft(meet=True), notify=Notify.NONE)
        later = calendars.event("primary", made.id)

        assert made.meet_url is None
        assert later.meet_url is not None
        assert later.meet_url.startswith("https://meet.google.com/")

    def test_a_calendar_that_is_only_read_cannot_be_booked(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.add_calendar("team@example.com", role="reader")

        with pytest.raises(CalendarNotWritable) as caught:
            calendars.insert("team@example.com", a_draft(), notify=Notify.NONE)

        assert caught.value.calendar == "team@example.com"

    def test_a_calendar_that_is_not_there_cannot_be_booked(self, calendars: Calendars) -> None:
        with pytest.raises(CalendarNotFound) as caught:
            calendars.insert("nobody@example.com", a_draft(), notify=Notify.NONE)

        assert caught.value.calendar == "nobody@example.com"

    # --- reading events

    def test_a_cancelled_event_is_still_found_by_its_id(self, calendars: Calendars) -> None:
        calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.delete("primary", a_draft().id, notify=Notify.NONE)

        event = calendars.event("primary", a_draft().id)

        assert event.is_cancelled
        assert not event.is_busy

    def test_an_event_that_never_was_is_not_found(self, calendars: Calendars) -> None:
        with pytest.raises(EventNotFound) as caught:
            calendars.event("primary", "pc99999")

        assert (caught.value.calendar, caught.value.event_id) == ("primary", "pc99999")

    def test_events_are_those_that_overlap_and_live(self, google: Simulator, calendars: Calendars) -> None:
        google.add_event("primary", at("Tue 09:00"), at("Tue 10:00"), "before")
        google.add_event("primary", at("Tue 09:30"), at("Tue 10:01"), "into")
        google.add_event("primary", at("Tue 10:00"), at("Tue 10:30"), "inside")
        google.add_event("primary", at("Tue 10:30"), at("Tue 11:00"), "after")
        calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.delete("primary", a_draft().id, notify=Notify.NONE)

        found = calendars.events("primary", span("Tue 10:00-10:30"))

        assert {each.title for each in found} == {"into", "inside"}

    def test_a_recurring_event_comes_as_its_instances(self, google: Simulator, calendars: Calendars) -> None:
        google.add_event(
            "primary", at("Mon 09:00"), at("Mon 09:15"), "Stand-up", recurrence=["RRULE:FREQ=DAILY;COUNT=5"]
        )

        found = calendars.events("primary", WEEK)

        assert [each.span for each in found] == [
            span(f"{day} 09:00-09:15") for day in ("Mon", "Tue", "Wed", "Thu", "Fri")
        ]

    def test_an_all_day_event_lies_in_its_calendars_zone(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.add_calendar("ny@example.com", timezone="America/New_York")
        google.add_event("ny@example.com", "2026-03-03", "2026-03-04", "Holiday")

        (event,) = calendars.events("ny@example.com", WEEK)

        assert event.span == Interval(at("Tue 05:00"), at("Wed 05:00"))

    @pytest.mark.parametrize(
        ("fields", "is_busy"),
        [
            ({}, True),
            ({"status": "tentative"}, True),
            ({"transparency": "transparent"}, False),
            (
                {"attendees": [{"email": "ana@example.com", "self": True, "responseStatus": "declined"}]},
                False,
            ),
            (
                {"attendees": [{"email": "ana@example.com", "self": True, "responseStatus": "needsAction"}]},
                True,
            ),
            ({"attendees": [{"email": "ben@example.com", "responseStatus": "declined"}]}, True),
        ],
    )
    def test_what_takes_time_is_told_from_what_does_not(
        self, google: Simulator, calendars: Calendars, fields: dict[str, Any], is_busy: bool
    ) -> None:
        google.add_event("primary", at("Tue 10:00"), at("Tue 11:00"), **fields)

        (event,) = calendars.events("primary", WEEK)
        (told,) = calendars.free_busy(["primary"], WEEK)

        assert event.is_busy is is_busy
        assert bool(told.busy) is is_busy

    def test_the_events_of_a_booking_are_found_by_its_id(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        ours = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.insert("primary", a_draft(id="pc0000000002", booking=uuid4()), notify=Notify.NONE)
        google.add_event("primary", at("Tue 10:00"), at("Tue 11:00"))

        found = calendars.events_of("primary", BOOKING)

        assert [each.id for each in found] == [ours.id]

    def test_changes_are_what_happened_since_the_token(self, google: Simulator, calendars: Calendars) -> None:
        ours = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        google.add_event("primary", at("Tue 10:00"), at("Tue 11:00"), "Somebody else's")

        first = calendars.changes("primary", None)
        nothing = calendars.changes("primary", first.token)
        calendars.delete("primary", ours.id, notify=Notify.NONE)
        gone = calendars.changes("primary", nothing.token)

        assert [(each.id, each.is_cancelled) for each in first.events] == [(ours.id, False)]
        assert nothing.events == ()
        assert [(each.id, each.is_cancelled) for each in gone.events] == [(ours.id, True)]
        assert google.count("events.list") == 3

    @pytest.mark.parametrize("token", ["expired", "nonsense"])
    def test_a_token_that_google_does_not_honour_is_said_to_be_expired(
        self, google: Simulator, calendars: Calendars, token: str
    ) -> None:
        told = calendars.changes("primary", None).token
        google.expire_sync_tokens()

        with pytest.raises(SyncTokenExpired):
            calendars.changes("primary", told if token == "expired" else token)

    def test_changes_of_a_calendar_that_is_not_there(self, calendars: Calendars) -> None:
        with pytest.raises(CalendarNotFound):
            calendars.changes("nobody@example.com", None)

    def test_one_event_tells_who_declined(self, google: Simulator, calendars: Calendars) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        (kept,) = google.events()
        answers = [
            {"email": "ben@example.com", "responseStatus": "declined"},
            {"email": "cho@example.com", "responseStatus": "accepted"},
            {"email": "ana@example.com", "self": True, "responseStatus": "declined"},
        ]
        google.model.put(google.calendar("primary"), kept | {"attendees": answers})

        assert calendars.event("primary", made.id).declined == ("ben@example.com",)

    def test_events_of_a_calendar_that_is_not_there(self, calendars: Calendars) -> None:
        with pytest.raises(CalendarNotFound):
            calendars.events("nobody@example.com", WEEK)

    # --- moving

    def test_a_moved_event_keeps_everything_but_its_time(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        made = calendars.insert("primary", a_draft(location="Room 1", meet=True), notify=Notify.NONE)
        before = google.events()[0]
        google.clock.advance(seconds=60)

        draft = a_draft("Tue 14:00-15:00", title="Another", location="Elsewhere")
        moved = calendars.move("primary", draft, etag=made.etag, notify=Notify.NONE)

        (kept,) = google.events()
        assert (moved.id, moved.span, moved.created) == (made.id, span("Tue 14:00-15:00"), made.created)
        assert moved.moved_at == google.clock.now()
        assert moved.booking == str(BOOKING)
        assert moved.etag != made.etag
        for name in ("summary", "location", "attendees", "conferenceData", "iCalUID"):
            assert kept[name] == before[name]

    def test_an_event_that_was_never_moved_says_so(self, calendars: Calendars) -> None:
        assert calendars.insert("primary", a_draft(), notify=Notify.NONE).moved_at is None

    @pytest.mark.parametrize(("notify", "told"), [(Notify.ALL, 1), (Notify.NONE, 0)])
    def test_guests_are_told_of_a_move_as_asked(
        self, google: Simulator, calendars: Calendars, notify: Notify, told: int
    ) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)

        calendars.move("primary", a_draft("Tue 14:00-15:00"), etag=made.etag, notify=notify)

        assert len(google.outbox) == told

    def test_another_version_than_the_one_named_is_not_moved(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        google.clock.advance(seconds=60)
        calendars.move("primary", a_draft("Tue 14:00-15:00"), etag=made.etag, notify=Notify.NONE)

        with pytest.raises(EventChanged):
            calendars.move("primary", a_draft("Tue 16:00-17:00"), etag=made.etag, notify=Notify.NONE)
        moved = calendars.move("primary", a_draft("Tue 16:00-17:00"), etag=None, notify=Notify.NONE)

        assert moved.span == span("Tue 16:00-17:00")

    def test_what_never_was_cannot_be_moved(self, calendars: Calendars) -> None:
        with pytest.raises(EventNotFound):
            calendars.move("primary", a_draft(), etag=None, notify=Notify.NONE)

    def test_a_deleted_event_is_another_version(self, calendars: Calendars) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.delete("primary", made.id, notify=Notify.NONE)

        with pytest.raises(EventChanged):
            calendars.move("primary", a_draft("Tue 14:00-15:00"), etag=made.etag, notify=Notify.NONE)

    def test_what_was_deleted_cannot_be_moved_even_where_google_would_patch_it(
        self, calendars: Calendars
    ) -> None:
        event = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.delete("primary", event.id, notify=Notify.NONE)

        with pytest.raises(EventNotFound):
            calendars.move("primary", a_draft("Tue 16:00-17:00"), etag=None, notify=Notify.NONE)

    def test_a_move_without_googles_answer_is_sent_once(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        google.faults.add("events.patch: lost-reply once")

        with pytest.raises(GoogleUnreachable) as caught:
            calendars.move("primary", a_draft("Tue 14:00-15:00"), etag=made.etag, notify=Notify.NONE)

        assert caught.value.sent
        assert google.count("events.patch") == 1

    # --- deleting

    def test_deleting_twice_says_that_it_is_gone_already(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        calendars.insert("primary", a_draft(), notify=Notify.NONE)

        first = calendars.delete("primary", a_draft().id, notify=Notify.ALL)
        second = calendars.delete("primary", a_draft().id, notify=Notify.ALL)

        assert (first, second) == (DeleteResult.DONE, DeleteResult.ALREADY_GONE)
        assert google.events() == []

    def test_deleting_what_never_was_is_told_apart(self, calendars: Calendars) -> None:
        with pytest.raises(EventNotFound):
            calendars.delete("primary", "pc99999", notify=Notify.NONE)

    # --- faults

    @pytest.mark.parametrize(
        ("fault", "made"), [("lost-reply", 1), ("truncate", 1), ("drop", 0), ("not-json", 0)]
    )
    def test_an_insert_without_googles_answer_is_sent_once_and_may_have_happened(
        self, google: Simulator, calendars: Calendars, fault: str, made: int
    ) -> None:
        google.faults.add(f"events.insert: {fault} once")

        with pytest.raises(GoogleUnreachable) as caught:
            calendars.insert("primary", a_draft(), notify=Notify.NONE)

        assert caught.value.sent
        assert google.count("events.insert") == 1
        assert len(google.events()) == made

    def test_an_insert_refused_for_being_busy_is_sent_again(
        self, google: Simulator, calendars: Calendars
    ) -> None:
        google.faults.add("events.insert: 503 times=2")

        event = calendars.insert("primary", a_draft(), notify=Notify.NONE)

        assert event.id == a_draft().id
        assert len(google.events()) == 1

    @pytest.mark.parametrize(
        "fault", ["drop", "lost-reply", "truncate", "503", "429", "403-rateLimitExceeded"]
    )
    @pytest.mark.parametrize(
        "operation", ["freebusy.query", "events.list", "calendarList.list", "events.get"]
    )
    def test_reading_survives_what_passes(
        self, google: Simulator, calendars: Calendars, operation: str, fault: str
    ) -> None:
        calendars.insert("primary", a_draft(), notify=Notify.NONE)
        google.faults.add(f"{operation}: {fault} once")

        read: dict[str, Callable[[], object]] = {
            "freebusy.query": lambda: calendars.free_busy(["primary"], WEEK)[0].busy,
            "events.list": lambda: calendars.events("primary", WEEK),
            "calendarList.list": calendars.list,
            "events.get": lambda: calendars.event("primary", a_draft().id),
        }

        assert read[operation]()
        assert google.count(operation) == 2

    @pytest.mark.parametrize("names_version", [False, True])
    def test_a_delete_whose_answer_is_lost_is_done(
        self, google: Simulator, calendars: Calendars, names_version: bool
    ) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        google.faults.add("events.delete: lost-reply once")
        etag = made.etag if names_version else None

        removal = calendars.delete("primary", a_draft().id, notify=Notify.NONE, etag=etag)

        assert removal is DeleteResult.DONE

    def test_a_delete_that_names_another_version_changes_nothing(self, calendars: Calendars) -> None:
        made = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.move("primary", a_draft(), etag=made.etag, notify=Notify.NONE)

        with pytest.raises(EventChanged):
            calendars.delete("primary", a_draft().id, notify=Notify.NONE, etag=made.etag)

        assert not calendars.event("primary", a_draft().id).is_cancelled

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("401", GrantRevoked),
            ("401-frontend", GrantRevoked),
            ("403-insufficient", PermissionMissing),
            ("403-not-enabled", ApiNotEnabled),
            ("403-quotaExceeded", QuotaExhausted),
            ("429", GoogleBusy),
            ("500", GoogleBusy),
            ("502-html", GoogleBusy),
            ("not-json", GoogleUnreachable),
            ("drop", GoogleUnreachable),
        ],
    )
    @pytest.mark.parametrize("operation", ["calendarList.list", "freebusy.query", "events.list"])
    def test_what_lasts_has_its_own_error(
        self, google: Simulator, calendars: Calendars, operation: str, fault: str, expected: type[Exception]
    ) -> None:
        google.faults.add(f"{operation}: {fault}")
        read: dict[str, Callable[[], object]] = {
            "freebusy.query": lambda: calendars.free_busy(["primary"], WEEK),
            "events.list": lambda: calendars.events("primary", WEEK),
            "calendarList.list": calendars.list,
        }

        with pytest.raises(expected):
            read[operation]()

    @pytest.mark.parametrize(
        ("lacking", "permission"),
        [
            ("calendar.calendarlist.readonly", "view_calendars"),
            ("calendar.events.freebusy", "view_events"),
            ("calendar.events.owned", "create_events"),
        ],
    )
    def test_a_permission_that_was_not_granted_is_named(
        self, open_calendars: OpenCalendars, lacking: str, permission: str
    ) -> None:
        all_three = ("calendar.calendarlist.readonly", "calendar.events.freebusy", "calendar.events.owned")
        calendars = open_calendars(scopes=[each for each in all_three if each != lacking])
        act: dict[str, Callable[[], object]] = {
            "view_calendars": calendars.list,
            "view_events": lambda: calendars.free_busy(["primary"], WEEK),
            "create_events": lambda: calendars.insert("primary", a_draft(), notify=Notify.NONE),
        }

        with pytest.raises(PermissionMissing) as caught:
            act[permission]()

        assert permission in caught.value.permissions
        assert caught.value.stored

    # --- people and rooms

    def test_the_answer_of_a_room_is_waited_for(self, google: Simulator, calendars: Calendars) -> None:
        draft = a_draft()._replace(people=(Invitee("oak@rooms.example.com", is_room=True),))
        event = calendars.insert("primary", draft, notify=Notify.NONE)

        def accept(exchange: LoggedExchange) -> None:
            if exchange.operation == "events.get":
                answer_room(google, event.id, "accepted")

        google.observe(accept)

        assert event.room_response == "needsAction"
        assert calendars.room_answer("primary", event.id).room_response == "accepted"
        assert google.count("events.get") == 2

    def test_a_silent_room_is_not_waited_for_for_ever(self, google: Simulator, calendars: Calendars) -> None:
        draft = a_draft()._replace(people=(Invitee("oak@rooms.example.com", is_room=True),))
        event = calendars.insert("primary", draft, notify=Notify.NONE)

        assert calendars.room_answer("primary", event.id).room_response == "needsAction"
        assert 2 < google.count("events.get") < 10

    # --- what it costs

    def test_each_question_is_one_request(self, google: Simulator, calendars: Calendars) -> None:
        event: Event = calendars.insert("primary", a_draft(), notify=Notify.NONE)
        calendars.free_busy(["primary"], WEEK)
        calendars.events("primary", WEEK)
        calendars.events_of("primary", BOOKING)
        calendars.event("primary", event.id)
        calendars.list()
        calendars.delete("primary", event.id, notify=Notify.NONE)

        assert google.count() == 7


def answer_room(google: Simulator, event_id: str, response: str) -> None:
    """The room of an event answers."""
    calendar = google.calendar("primary")
    stored = google.model.find(calendar, event_id)
    assert stored
    body = stored.body
    attendees = [
        each | {"responseStatus": response} if each.get("resource") else each for each in body["attendees"]
    ]
    google.model.put(calendar, body | {"attendees": attendees})


class _Stopwatch:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds


class TestGoogleCalendars(CalendarsContract):
    """The adapter over google-api-python-client, against the simulator."""

    @pytest.fixture
    def open_calendars(self, google: Simulator) -> Iterator[OpenCalendars]:
        with ExitStack() as stack:

            def opened(scopes: tuple[str, ...] = ("calendar",)) -> GoogleCalendars:
                token = google.issue_token(scopes=scopes)
                watch = _Stopwatch()
                grant = Grant(token.refresh_token, AccessToken(token), frozenset(scopes))
                calendars = GoogleCalendars(
                    AuthorizedHttp(GrantAccessTokens(grant), http_client=an_http_client()),
                    Endpoints(google.api_root, google.revoke_uri),
                    sleep=watch.sleep,
                    monotonic=watch.monotonic,
                )
                stack.callback(calendars.close)
                return calendars

            yield opened
