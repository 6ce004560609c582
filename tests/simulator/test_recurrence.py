"""Recurring events: over DST, with exceptions, additions and cancelled instances."""

from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Answer, Browserless


def weekly(
    ana: Browserless, *rules: str, start: str = "2026-10-19T09:00:00", zone: str = "Europe/London"
) -> str:
    """Insert an hour that recurs, and return its id."""
    end = start.replace("T09", "T10").replace("T01:30", "T02:30")
    answer = ana.api(
        "POST",
        "calendars/primary/events",
        {
            "start": {"dateTime": start, "timeZone": zone},
            "end": {"dateTime": end, "timeZone": zone},
            "recurrence": list(rules),
            "summary": "Stand-up",
        },
    )
    assert answer.status == 200, answer.body
    return str(answer.json["id"])


def starts(ana: Browserless, low: str, high: str) -> list[str]:
    return [start for start, _ in ana.busy(low, high)]


def instances(ana: Browserless, event_id: str, **query: Any) -> list[dict[str, object]]:
    items: list[dict[str, object]] = ana.api(
        "GET", f"calendars/primary/events/{event_id}/instances", **query
    ).json["items"]
    return items


def test_nine_o_clock_stays_nine_o_clock_over_dst(ana: Browserless) -> None:
    weekly(ana, "RRULE:FREQ=WEEKLY")

    assert starts(ana, "2026-10-18T00:00:00Z", "2026-11-03T00:00:00Z") == [
        "2026-10-19T08:00:00Z",
        "2026-10-26T09:00:00Z",
        "2026-11-02T09:00:00Z",
    ]


def test_the_event_s_zone_decides_not_the_calendar_s(ana: Browserless) -> None:
    weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=3", zone="America/New_York")

    assert starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z") == [
        "2026-10-19T13:00:00Z",
        "2026-10-26T13:00:00Z",
        "2026-11-02T14:00:00Z",
    ]


def test_a_wall_time_that_does_not_exist_takes_the_offset_before_the_gap(ana: Browserless) -> None:
    weekly(ana, "RRULE:FREQ=DAILY;COUNT=3", start="2027-03-27T01:30:00")

    assert starts(ana, "2027-03-26T00:00:00Z", "2027-03-31T00:00:00Z") == [
        "2027-03-27T01:30:00Z",
        "2027-03-28T01:30:00Z",
        "2027-03-29T00:30:00Z",
    ]


def test_until_in_utc_includes_an_instance_that_starts_then(ana: Browserless) -> None:
    weekly(ana, "RRULE:FREQ=WEEKLY;UNTIL=20261026T090000Z")

    assert len(starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z")) == 2


def test_dates_can_be_added_and_taken_out(ana: Browserless) -> None:
    weekly(
        ana,
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=Europe/London:20261026T090000",
        "RDATE:20261028T090000Z",
    )

    assert starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z") == [
        "2026-10-19T08:00:00Z",
        "2026-10-28T09:00:00Z",
        "2026-11-02T09:00:00Z",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SOMETIMES",
        "RRULE:FREQ=HOURLY",
        "DTSTART:20261019T090000Z",
        "RRULE:FREQ=WEEKLY;BYDAY=XX",
        "x",
    ],
)
def test_a_rule_that_is_none_is_refused(ana: Browserless, rule: str) -> None:
    answer = ana.api(
        "POST",
        "calendars/primary/events",
        {
            "start": {"dateTime": "2026-10-19T09:00:00Z", "timeZone": "UTC"},
            "end": {"dateTime": "2026-10-19T10:00:00Z", "timeZone": "UTC"},
            "recurrence": [rule],
        },
    )

    assert (answer.status, answer.reason) == (400, "invalid")


def test_instances_have_ids_of_their_own_and_share_the_icaluid(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=2")

    told = instances(ana, event_id)

    assert [one["id"] for one in told] == [f"{event_id}_20261019T080000Z", f"{event_id}_20261026T090000Z"]
    assert {one["iCalUID"] for one in told} == {f"{event_id}@google.com"}
    assert {one["recurringEventId"] for one in told} == {event_id}
    assert told[1]["originalStartTime"] == {"dateTime": "2026-10-26T09:00:00Z", "timeZone": "Europe/London"}
    assert all("recurrence" not in one for one in told)


def test_an_instance_can_be_read_by_its_id(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=2")

    assert ana.api("GET", f"calendars/primary/events/{event_id}_20261026T090000Z").status == 200
    for wrong in ("20261026T080000Z", "20261102T090000Z", "monday"):
        assert ana.api("GET", f"calendars/primary/events/{event_id}_{wrong}").status == 404


def test_moving_one_instance_leaves_the_others(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=3")

    moved = ana.api(
        "PATCH",
        f"calendars/primary/events/{event_id}_20261026T090000Z",
        {"start": {"dateTime": "2026-10-27T15:00:00Z"}, "end": {"dateTime": "2026-10-27T16:00:00Z"}},
    )

    assert moved.json["originalStartTime"]["dateTime"] == "2026-10-26T09:00:00Z"
    assert starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z") == [
        "2026-10-19T08:00:00Z",
        "2026-10-27T15:00:00Z",
        "2026-11-02T09:00:00Z",
    ]


def test_cancelling_one_instance_frees_its_time_only(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=3")

    assert ana.api("DELETE", f"calendars/primary/events/{event_id}_20261026T090000Z").status == 204

    assert len(starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z")) == 2
    assert len(instances(ana, event_id)) == 2
    assert len(instances(ana, event_id, showDeleted="true")) == 3
    whole: Answer = ana.api("GET", "calendars/primary/events")
    assert [one["status"] for one in whole.json["items"]] == ["confirmed", "cancelled"]


def test_deleting_a_series_takes_its_instances_with_it(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=3")
    ana.api("PATCH", f"calendars/primary/events/{event_id}_20261026T090000Z", {"summary": "Retro"})

    ana.api("DELETE", f"calendars/primary/events/{event_id}")

    assert starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z") == []
    assert ana.api("GET", f"calendars/primary/events/{event_id}_20261026T090000Z").status == 404


def test_all_day_events_recur_by_the_day(google: Simulator, ana: Browserless) -> None:
    ana.api(
        "POST",
        "calendars/primary/events",
        {
            "start": {"date": "2026-10-24"},
            "end": {"date": "2026-10-25"},
            "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20261026"],
            "id": "feast0",
        },
    )

    assert ana.busy("2026-10-20T00:00:00Z", "2026-10-30T00:00:00Z") == [
        ("2026-10-23T23:00:00Z", "2026-10-27T00:00:00Z")
    ]
    assert [one["id"] for one in instances(ana, "feast0")] == [
        "feast0_20261024",
        "feast0_20261025",
        "feast0_20261026",
    ]
    assert instances(ana, "feast0", originalStart="2026-10-25")[0]["start"] == {"date": "2026-10-25"}


def test_an_event_over_new_year_is_busy_in_both_years_and_listed_once(ana: Browserless) -> None:
    ana.insert("2026-12-31T22:00:00Z", "2027-01-01T02:00:00Z")

    assert len(starts(ana, "2026-12-31T00:00:00Z", "2027-01-02T00:00:00Z")) == 1
    assert starts(ana, "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z") == ["2027-01-01T00:00:00Z"]


def test_changing_the_rule_changes_what_was_expanded_before(ana: Browserless) -> None:
    event_id = weekly(ana, "RRULE:FREQ=WEEKLY;COUNT=3")
    assert len(starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z")) == 3

    ana.api("PATCH", f"calendars/primary/events/{event_id}", {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})

    assert len(starts(ana, "2026-10-18T00:00:00Z", "2026-11-10T00:00:00Z")) == 2


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=MONTHLY;INTERVAL=0;BYDAY=MO;BYMONTHDAY=1;UNTIL=20261231T200000Z",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=-4",
        "FREQ=DAILY;COUNT=3;UNTIL=20261231T200000Z",
        "FREQ=DAILY;FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYMONTH=MAY",
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        "INTERVAL=1",
        "",
    ],
)
@pytest.mark.parametrize("kind", ["RRULE", "EXRULE"])
def test_a_rule_google_refuses_is_a_400_and_no_endless_loop(ana: Browserless, kind: str, rule: str) -> None:
    body = {
        "start": {"dateTime": "2026-12-01T10:00:00Z", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T11:00:00Z", "timeZone": "UTC"},
    }

    made = ana.api("POST", "calendars/primary/events", body | {"recurrence": [f"{kind}:{rule}"]})
    plain = ana.api("POST", "calendars/primary/events", body).json
    changed = ana.api("PATCH", f"calendars/primary/events/{plain['id']}", {"recurrence": [f"{kind}:{rule}"]})

    assert [(each.status, each.message) for each in (made, changed)] == [
        (400, "Invalid recurrence rule.")
    ] * 2
