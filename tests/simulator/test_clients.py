"""Other people's clients, which know nothing of this simulator."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gcsa.event import Event
from gcsa.google_calendar import GoogleCalendar
from gcsa.recurrence import DAILY, Recurrence
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from portalcal.simulator.google import Simulator

LONDON = ZoneInfo("Europe/London")
TEN, ELEVEN = datetime(2026, 11, 25, 10, tzinfo=LONDON), datetime(2026, 11, 25, 11, tzinfo=LONDON)


@pytest.fixture
def gcsa(google: Simulator) -> Iterator[GoogleCalendar]:
    """google-calendar-simple-api, with only the address exchanged."""
    credentials = Credentials(  # type: ignore[no-untyped-call]
        str(token := google.issue_token()),
        refresh_token=token.refresh_token,
        token_uri=f"{google.url}/token",
        client_id=google.client.id,
        client_secret=google.client.secret,
    )
    calendar = GoogleCalendar("primary", credentials=credentials, save_token=False)
    options = {"api_endpoint": google.api_root}
    with build(
        "calendar", "v3", credentials=credentials, static_discovery=True, client_options=options
    ) as service:
        calendar.service.close()
        calendar.service = service
        yield calendar


def test_gcsa_adds_finds_changes_and_deletes_events(google: Simulator, gcsa: GoogleCalendar) -> None:
    made = gcsa.add_event(
        Event("Intro", start=TEN, end=ELEVEN, attendees="ben@example.org"), send_updates="all"
    )
    found = list(gcsa.get_events(TEN, ELEVEN, single_events=True, order_by="startTime"))
    made.summary = "Second talk"
    changed = gcsa.update_event(made)
    gcsa.delete_event(made)

    assert [event.summary for event in found] == ["Intro"]
    assert (changed.summary, changed.event_id) == ("Second talk", made.event_id)
    assert list(gcsa.get_events(TEN, ELEVEN)) == []
    assert [mail.kind for mail in google.outbox] == ["invitation"]


def test_gcsa_reads_series_and_their_instances(gcsa: GoogleCalendar) -> None:
    series = gcsa.add_event(
        Event(
            "Daily",
            start=TEN,
            end=ELEVEN,
            timezone="Europe/London",
            recurrence=Recurrence.rule(freq=DAILY, count=3),
        )
    )

    # Without bounds gcsa asks from the present day of this machine on.
    instances = list(gcsa.get_instances(series, TEN.replace(hour=0), TEN + timedelta(days=7)))

    assert [event.start.day for event in instances] == [25, 26, 27]


def test_gcsa_asks_for_free_and_busy_and_for_settings(gcsa: GoogleCalendar) -> None:
    gcsa.add_event(Event("Intro", start=TEN, end=ELEVEN))

    told = gcsa.get_free_busy(time_min=TEN.replace(hour=0), time_max=TEN.replace(hour=23))

    assert [(span.start, span.end) for span in told] == [(TEN, ELEVEN)]
    assert gcsa.get_settings().timezone == "Europe/London"


def test_gcsa_lists_calendars(google: Simulator, gcsa: GoogleCalendar) -> None:
    google.add_calendar("team", summary="Team", role="reader")

    assert [entry.summary for entry in gcsa.get_calendar_list()] == ["ana@example.com", "Team"]


def test_google_s_client_refreshes_a_token_that_was_refused(google: Simulator, gcsa: GoogleCalendar) -> None:
    google.faults.add("calendarList.list: 401 once")

    assert len(list(gcsa.get_calendar_list())) == 1

    assert google.count("oauth.token") == 1


def test_google_s_client_reads_the_simulator_s_errors(google: Simulator, gcsa: GoogleCalendar) -> None:
    service: Any = gcsa.service

    with pytest.raises(HttpError) as caught:
        service.events().insert(calendarId="primary", body={"start": {}, "id": "-"}).execute()

    assert caught.value.status_code == 400
    assert caught.value.reason == "Invalid resource id value."
