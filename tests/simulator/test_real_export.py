"""A real Google Calendar export: 4,778 events, 174 of them recurring, zones that do not exist.

What the simulator answers is compared with another library's expansion of the same file (recurring-ical-events, which
reads the file's own VTIMEZONEs), merged here by a few lines that know nothing of the simulator.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from portalcal.simulator.google import Simulator
from tests import selection
from tests.simulator.wire import Browserless

EXPORT = Path(__file__).parents[1] / "data" / "google-export.ics"
LONDON = ZoneInfo("Europe/London")
MONTHS = [datetime(year, month, 1, tzinfo=UTC) for year in range(2026, 2031) for month in range(1, 13)]
Spans = list[tuple[datetime, datetime]]


@pytest.fixture(scope="module")
def google() -> Iterator[Simulator]:
    """The export, loaded once."""
    with Simulator(timezone="Europe/London") as simulator:
        assert simulator.load(EXPORT) == 4778
        yield simulator


@pytest.fixture(scope="module")
def expansion() -> recurring_ical_events.CalendarQuery:
    """The other library's reading of the same file."""
    return recurring_ical_events.of(icalendar.Calendar.from_ical(EXPORT.read_bytes()))


def instant(when: date) -> datetime:
    """Return a DTSTART or DTEND in UTC; a day begins at midnight in London, the calendar's zone."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, time(), LONDON)
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=LONDON).astimezone(UTC)


def merged(spans: Spans, low: datetime, high: datetime) -> Spans:
    """Return spans clipped to a window, overlapping and touching ones as one."""
    result: Spans = []
    for start, end in sorted((max(start, low), min(end, high)) for start, end in spans):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def expected(expansion: recurring_ical_events.CalendarQuery, low: datetime, high: datetime) -> Spans:
    spans = []
    for event in expansion.between(low - timedelta(days=2), high + timedelta(days=2)):
        if event.get("TRANSP") == "TRANSPARENT" or event.get("STATUS") == "CANCELLED":
            continue
        start = event["DTSTART"].dt
        end = event["DTEND"].dt if "DTEND" in event else start
        spans.append((instant(start), instant(end)))
    return merged(spans, low, high)


@pytest.mark.parametrize(
    "low",
    selection.cases(MONTHS, traits=lambda month: [month.year], name=lambda month: f"{month:%Y-%m}"),
)
def test_free_busy_of_every_month_agrees_with_an_independent_expansion(
    google: Simulator, expansion: recurring_ical_events.CalendarQuery, low: datetime
) -> None:
    high = (low + timedelta(days=32)).replace(day=1)
    with Browserless(google, google.issue_token()) as ana:
        told = ana.busy(low.isoformat(), high.isoformat())

    assert [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in told] == expected(
        expansion, low, high
    )


@pytest.mark.full
def test_every_event_can_be_listed(google: Simulator) -> None:
    seen: list[str] = []
    with Browserless(google, google.issue_token()) as ana:
        query = {"maxResults": "2500"}
        while True:
            page = ana.api("GET", "calendars/primary/events", None, headers=None, **query).json
            seen += [event["id"] for event in page["items"]]
            if "nextPageToken" not in page:
                break
            query["pageToken"] = page["nextPageToken"]

    assert len(seen) == len(set(seen)) == 4778
