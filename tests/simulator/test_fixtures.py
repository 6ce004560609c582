"""Setting the stage: users, calendars, events, the clock, and bugs that must not pass for Google's."""

from datetime import UTC, date, datetime

import pytest

from portalcal.simulator.clock import SimulatedClock
from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (datetime(2026, 7, 1, 9, tzinfo=UTC), datetime(2026, 7, 1, 10, tzinfo=UTC), {"dateTime": "2026-07-01T10:00:00+01:00"}),
        (datetime(2026, 7, 1, 9), datetime(2026, 7, 1, 10), {"dateTime": "2026-07-01T09:00:00+01:00"}),  # noqa: DTZ001
        ("2026-07-01T09:00:00Z", "2026-07-01T10:00:00Z", {"dateTime": "2026-07-01T10:00:00+01:00"}),
        (date(2026, 7, 1), date(2026, 7, 2), {"date": "2026-07-01"}),
        ("2026-07-01", "2026-07-02", {"date": "2026-07-01"}),
    ],
)  # fmt: skip
def test_an_event_s_times_may_be_told_in_every_usual_way(
    google: Simulator, ana: Browserless, start: date | str, end: date | str, shown: dict[str, str]
) -> None:
    event_id = google.add_event("primary", start, end, "Intro")["id"]

    told = ana.api("GET", f"calendars/primary/events/{event_id}").json["start"]

    assert {name: told[name] for name in shown} == shown


def test_the_owner_s_zone_has_to_exist() -> None:
    with pytest.raises(ValueError, match="no time zone is called 'Mars/Base'"):
        Simulator(timezone="Mars/Base")


def test_a_calendar_is_added_once_and_with_a_role_google_has(google: Simulator) -> None:
    google.add_calendar("team")

    with pytest.raises(ValueError, match="already a calendar 'team'"):
        google.add_calendar("team")
    with pytest.raises(ValueError, match="not 'king'"):
        google.add_calendar("other", role="king")


def test_an_account_is_opened_once(google: Simulator) -> None:
    assert google.add_user("ana@example.com") == "ana@example.com"
    assert len(google.model.users) == 1


def test_a_calendar_may_be_shared_without_being_listed(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("quiet", role="reader", listed=False)

    assert len(ana.api("GET", "users/me/calendarList").json["items"]) == 1
    assert ana.api("GET", "calendars/quiet/events").status == 200


def test_a_clock_stands_still_or_runs_and_can_be_moved() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    standing, running = SimulatedClock(noon), SimulatedClock()

    running.set(noon)
    standing.advance(days=1, hours=-1)

    assert standing.now() == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert 0 <= (running.now() - noon).total_seconds() < 5
    with pytest.raises(ValueError, match="aware datetime"):
        SimulatedClock(datetime(2026, 11, 23))  # noqa: DTZ001


def break_something() -> int:
    """Take the users away under the simulator's feet, and return the status a client sees."""
    with Simulator() as google, Browserless(google, google.issue_token()) as client:
        google.model.users.clear()
        return client.api("GET", "users/me/calendarList").status


def test_a_bug_in_the_simulator_is_raised_where_it_is_seen() -> None:
    with pytest.raises(KeyError):
        break_something()
