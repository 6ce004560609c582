"""Google's JSON to values: missing, unknown and malformed fields are survived, and unknown is never free."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from googleapiclient.discovery_cache import get_static_doc
from hypothesis import given
from hypothesis import strategies as st

from portalcal.adapters.google import events, freebusy
from portalcal.core.intervals import Interval
from portalcal.ports import EventDraft, Invitee
from tests.builders import at, span

PLACE = events.Place("primary", ZoneInfo("America/New_York"))
WINDOW = span("Tue 09:00-17:00")


def an_event(**fields: Any) -> Any:
    parsed = events.event({"id": "e1"} | fields, PLACE)
    assert parsed is not None
    return parsed


def timed(start: str, end: str) -> dict[str, Any]:
    return {"start": {"dateTime": start}, "end": {"dateTime": end}}


# --- events -------------------------------------------------------------------------------------------------------


def test_an_event_with_nothing_but_an_id_is_an_event() -> None:
    event = an_event()

    assert (event.id, event.calendar, event.span, event.etag, event.created) == (
        "e1",
        "primary",
        None,
        "",
        None,
    )
    assert event.is_busy


@pytest.mark.parametrize(
    ("updated", "known"),
    [
        ("2026-03-02T08:00:00.377Z", "2026-03-02T08:00:00.377+00:00"),
        ("2026-03-02T08:00:01.377Z", "2026-03-02T08:00:00+00:00"),
        ("2026-03-02T07:59:59.900Z", "2026-03-02T08:00:00+00:00"),
        (None, "2026-03-02T08:00:00+00:00"),
    ],
)
def test_when_an_event_was_made_is_known_to_the_millisecond_until_somebody_changes_it(
    updated: str | None, known: str
) -> None:
    event = an_event(created="2026-03-02T08:00:00.000Z", updated=updated)

    assert event.created == datetime.fromisoformat(known)


@pytest.mark.parametrize("entry", [{}, {"id": ""}, {"id": None}, {"id": 7}])
def test_without_an_id_there_is_no_event_and_no_calendar(entry: dict[str, Any]) -> None:
    assert events.event(entry, PLACE) is None
    assert events.calendar(entry) is None


def test_people_and_the_room_are_invited_with_their_marks_and_nobody_twice() -> None:
    draft = EventDraft(
        "pc1", UUID(int=1), "Interview", span("Tue 10:00-11:00"), "Europe/London", ("Sam@example.com",), "Sam Lee",
        people=(
            Invitee("dana@example.com"),
            Invitee("lee@example.com", is_optional=True),
            Invitee("oak@rooms.example.com", is_room=True),
            Invitee("sam@example.com"),
        ),
    )  # fmt: skip

    assert events.body(draft)["attendees"] == [
        {"email": "Sam@example.com", "displayName": "Sam Lee"},
        {"email": "dana@example.com"},
        {"email": "lee@example.com", "optional": True},
        {"email": "oak@rooms.example.com", "resource": True},
    ]


def test_the_responses_of_attendees_and_of_the_room_are_read() -> None:
    event = an_event(
        attendees=[
            {"email": "Dana@example.com", "responseStatus": "accepted"},
            {"email": "oak@rooms.example.com", "resource": True, "responseStatus": "declined"},
            {"resource": True, "responseStatus": "accepted"},
            {"email": "lee@example.com"},
        ]
    )

    assert event.responses == (("dana@example.com", "accepted"), ("oak@rooms.example.com", "declined"))
    assert event.room_response == "declined"
    assert an_event(attendees=[{"resource": True}]).room_response == "needsAction"
    assert an_event(attendees=[{"email": "dana@example.com"}]).room_response is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("aZT0129:+-. é", max_size=20)
    | st.sampled_from(["2026-03-03", "cancelled"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["self", "date", "dateTime", "private"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["status", "start", "end", "created", "etag", "htmlLink", "hangoutLink", "conferenceData", "summary", "location",
          "transparency", "eventType", "attendees", "extendedProperties", "deleted", "accessRole", "timeZone"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_no_field_however_malformed_breaks_the_reading(fields: dict[str, Any]) -> None:
    an_event(**fields)
    events.calendar({"id": "c"} | fields)


def test_offsets_and_fractions_are_read() -> None:
    event = an_event(**timed("2026-03-03T11:00:00.000+01:00", "2026-03-03T10:30:00Z"))

    assert event.span == span("Tue 10:00-10:30")


@pytest.mark.parametrize(
    ("start", "end", "instants"),
    [
        ("2026-07-01T10:00:00", "2026-07-01T10:30:00", ("2026-07-01T08:00Z", "2026-07-01T08:30Z")),
        # The hour that does not exist: as RFC 5545 reads it, with the offset before the gap.
        ("2026-03-29T02:30:00", "2026-03-29T04:00:00", ("2026-03-29T01:30Z", "2026-03-29T02:00Z")),
    ],
)
def test_a_wall_time_with_its_zone_beside_it_is_an_instant(
    start: str, end: str, instants: tuple[str, str]
) -> None:
    points = {
        name: {"dateTime": time, "timeZone": "Europe/Berlin"}
        for name, time in (("start", start), ("end", end))
    }

    event = an_event(**points)

    assert (event.span.start, event.span.end) == tuple(map(datetime.fromisoformat, instants))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "Europe", None, 7])
def test_a_wall_time_in_a_zone_nobody_knows_is_no_instant_and_busy(zone: object) -> None:
    point = {"dateTime": "2026-07-01T10:00:00", "timeZone": zone}

    event = an_event(start=point, end={**point, "dateTime": "2026-07-01T10:30:00"})

    assert (event.span, event.is_busy) == (None, True)


def test_an_all_day_event_is_a_day_of_its_calendar() -> None:
    event = an_event(start={"date": "2026-03-08"}, end={"date": "2026-03-09"})

    # The night clocks go forward in New York: 23 hours.
    assert event.span.length == timedelta(hours=23)


@pytest.mark.parametrize(
    "edge", ["2026-03-03T10:00:00", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", ""]
)
def test_times_that_are_none_leave_an_event_busy_without_a_span(edge: str) -> None:
    event = an_event(**timed(edge, "2026-03-03T10:30:00Z"))

    assert (event.span, event.is_busy) == (None, True)


def test_an_event_without_length_takes_no_time() -> None:
    event = an_event(**timed("2026-03-03T10:00:00Z", "2026-03-03T10:00:00Z"))

    assert (event.span, event.is_busy) == (None, False)


@pytest.mark.parametrize(
    ("fields", "is_busy"),
    [
        ({"eventType": "default"}, True),
        ({"eventType": "focusTime"}, True),
        ({"eventType": "outOfOffice"}, True),
        ({"eventType": "somethingNew"}, True),
        ({"eventType": "workingLocation"}, False),
        ({"eventType": "birthday"}, False),
        ({"attendees": [{"self": True, "responseStatus": "tentative"}]}, True),
        ({"attendees": [{"self": True}]}, True),
    ],
)
def test_kinds_of_events_take_time_or_do_not(fields: dict[str, Any], is_busy: bool) -> None:
    assert an_event(**timed("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z"), **fields).is_busy is is_busy


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"eventType": "outOfOffice"}, ["out-of-office"]),
        ({"eventType": "focusTime", "status": "tentative"}, ["focus-time", "tentative"]),
        ({"attendees": [{"self": True, "responseStatus": "tentative"}]}, ["tentative"]),
        ({"attendees": [{"self": True, "responseStatus": "needsAction"}]}, ["unanswered"]),
        (
            {"attendees": [{"responseStatus": "needsAction"}, {"self": True, "responseStatus": "accepted"}]},
            [],
        ),
        ({"eventType": "somethingNew"}, []),
    ],
)
def test_what_an_event_is_besides_an_agreed_meeting(fields: dict[str, Any], kinds: list[str]) -> None:
    assert list(an_event(**timed("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z"), **fields).kinds) == kinds


def test_the_conference_is_found_in_either_place() -> None:
    old = an_event(hangoutLink="https://meet.google.com/a")
    new = an_event(
        conferenceData={
            "entryPoints": [
                {"entryPointType": "phone", "uri": "tel:1"},
                {"entryPointType": "video", "uri": "https://meet.google.com/b"},
            ]
        }
    )

    assert (old.meet_url, new.meet_url) == ("https://meet.google.com/a", "https://meet.google.com/b")


def test_a_calendar_shows_the_name_its_owner_gave_it_here() -> None:
    entry = {
        "id": "c",
        "summary": "Theirs",
        "summaryOverride": "Mine",
        "accessRole": "writerWithoutPrivateAccess",
    }
    calendar = events.calendar(entry)

    assert calendar is not None
    assert (calendar.name, calendar.role, calendar.timezone) == ("Mine", "writerWithoutPrivateAccess", "UTC")


def test_a_zone_nobody_knows_is_utc() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "", None, 3, "Europe"):
        assert events.zone(name).key == "UTC"


def test_bounds_are_rounded_outwards_to_whole_seconds() -> None:
    moment = datetime(2026, 3, 3, 10, 0, 0, 1, tzinfo=UTC)

    assert events.rfc3339(moment) == "2026-03-03T10:00:00Z"
    assert events.rfc3339(moment, round_up=True) == "2026-03-03T10:00:01Z"
    assert events.rfc3339(at("Tue 10:00"), round_up=True) == "2026-03-03T10:00:00Z"


def _check_fields(expression: str, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Every name of a `fields` expression is one of the schema's properties."""
    depth, name, names = 0, "", []
    for each in f"{expression},":
        depth += (each == "(") - (each == ")")
        if each == "," and depth == 0:
            names.append(name)
            name = ""
        else:
            name += each
    for each in names:
        head, _, rest = each.replace("/", "(", 1).partition("(")
        rest = rest if "/" in each.split("(")[0] else rest.removesuffix(")")
        resource = schema["properties"][head]
        if rest:
            inner = resource.get("items", resource)
            _check_fields(rest, schemas[inner["$ref"]] if "$ref" in inner else inner, schemas)


@pytest.mark.parametrize(
    ("expression", "schema"), [(events.EVENT_FIELDS, "Events"), (events.CALENDAR_FIELDS, "CalendarList")]
)
def test_the_fields_asked_for_are_those_of_the_discovery_document(expression: str, schema: str) -> None:
    schemas = json.loads(get_static_doc("calendar", "v3"))["schemas"]

    _check_fields(expression, schemas[schema], schemas)
    with pytest.raises(KeyError):
        _check_fields(f"{expression},nonsense", schemas[schema], schemas)


# --- free/busy ----------------------------------------------------------------------------------------------------


def merged(calendars: Any, window: Interval = WINDOW, asked: tuple[str, ...] = ("a",)) -> Any:
    (part,) = freebusy.queries(asked, window)
    return freebusy.merge(asked, [(part, {"calendars": calendars})])


def busy(*spans: tuple[str, str]) -> dict[str, Any]:
    return {"busy": [{"start": start, "end": end} for start, end in spans]}


def test_busy_times_out_of_order_and_overlapping_become_one() -> None:
    (free_busy,) = merged({"a": busy(("2026-03-03T11:00:00Z", "2026-03-03T12:00:00Z"),
                                ("2026-03-03T10:00:00Z", "2026-03-03T11:30:00Z"))})  # fmt: skip

    assert list(free_busy.busy) == [span("Tue 10:00-12:00")]


@pytest.mark.parametrize(
    ("calendars", "reason"),
    [
        ({}, "Google did not answer for it"),
        ("nonsense", "Google did not answer for it"),
        ({"A": busy()}, "Google did not answer for it"),
        ({"a": None}, "Google did not answer for it"),
        ({"a": {"errors": [{"domain": "global", "reason": "forbidden"}], "busy": []}}, "forbidden"),
        ({"a": {"errors": [{"domain": "global"}]}}, "unknown reason"),
        ({"a": {"errors": "x"}}, "Google's answer cannot be understood"),
        ({"a": {"busy": "x"}}, "Google's answer cannot be understood"),
        ({"a": {"busy": [7]}}, "Google's answer cannot be understood"),
        ({"a": {"busy": [{}]}}, "Google's answer cannot be understood"),
        ({"a": busy(("2026-03-03T11:00:00Z", "soon"))}, "Google's answer cannot be understood"),
        ({"a": busy(("2026-03-03T11:00:00", "2026-03-03T12:00:00"))}, "Google's answer cannot be understood"),
        (
            {"a": busy(("2026-03-03T11:00:00Z", "2026-03-03T10:00:00Z"))},
            "Google's answer cannot be understood",
        ),
    ],
)
def test_a_calendar_missing_from_the_response_is_unread_and_not_free(calendars: Any, reason: str) -> None:
    (free_busy,) = merged(calendars)

    assert free_busy.unread == reason


@pytest.mark.parametrize("free", [{}, {"busy": []}, busy(("2026-03-03T11:00:00Z", "2026-03-03T11:00:00Z"))])
def test_a_calendar_without_busy_times_is_free(free: dict[str, Any]) -> None:
    (free_busy,) = merged({"a": free})

    assert (free_busy.unread, list(free_busy.busy)) == (None, [])


def test_one_failed_query_leaves_the_calendar_unread_and_keeps_the_busy_times_of_others() -> None:
    window = Interval(at("Mon 00:00"), at("Mon 00:00") + timedelta(days=60))
    first, second = freebusy.queries(("a",), window)
    first_response = {"calendars": {"a": busy(("2026-03-03T11:00:00Z", "2026-03-03T12:00:00Z"))}}

    (free_busy,) = freebusy.merge(("a",), [(first, first_response), (second, {"calendars": {}})])

    assert free_busy.unread == "Google did not answer for it"
    assert list(free_busy.busy) == [span("Tue 11:00-12:00")]


def test_a_calendar_named_twice_is_queried_once_and_returned_twice() -> None:
    (part,) = freebusy.queries(("a", "a"), WINDOW)
    free_busy = freebusy.merge(("a", "a"), [(part, {"calendars": {"a": busy()}})])

    assert part.calendars == ("a",)
    assert [each.calendar for each in free_busy] == ["a", "a"]


@given(st.integers(0, 120), st.integers(1, 100 * 86400))
def test_the_parts_cover_every_calendar_and_the_whole_window_exactly_once(count: int, seconds: int) -> None:
    calendars = tuple(f"c{number}" for number in range(count))
    window = Interval(at("Mon 00:00"), at("Mon 00:00") + timedelta(seconds=seconds))

    parts = freebusy.queries(calendars, window)

    for calendar in calendars:
        mine = [part.window for part in parts if calendar in part.calendars]
        assert mine[0].start == window.start
        assert mine[-1].end == window.end
        assert all(one.end == next_.start for one, next_ in pairwise(mine))
    assert all(len(part.calendars) <= 50 and part.window.length <= freebusy.MAX_RANGE for part in parts)


def test_two_hundred_people_and_their_owner_over_ninety_days_are_at_most_twelve_queries() -> None:
    calendars = tuple(f"c{number}@example.com" for number in range(201))
    window = Interval(at("Mon 00:00"), at("Mon 00:00") + timedelta(days=90, hours=3))

    assert len(freebusy.queries(calendars, window)) <= 12
