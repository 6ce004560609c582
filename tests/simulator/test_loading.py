"""Events from files."""

import contextlib
import json
import random
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.conftest import NOW
from tests.simulator.wire import Browserless

DATA = Path(__file__).parents[1] / "data"
EVENT = {
    "id": "abc12",
    "summary": "Intro",
    "start": {"dateTime": "2026-11-25T10:00:00Z"},
    "end": {"dateTime": "2026-11-25T11:00:00Z"},
}


def calendar(*events: str, head: str = "X-WR-TIMEZONE:Europe/London") -> str:
    """Return an iCalendar file of events."""
    blocks = "".join(
        f"BEGIN:VEVENT\nUID:u{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}\n{blocks}END:VCALENDAR\n"


def loaded(google: Simulator, place: Path, text: str) -> list[dict[str, object]]:
    place.write_text(text, encoding="utf-8")
    google.load(place)
    return google.events()


@pytest.mark.parametrize(
    "shape", [[EVENT], {"items": [EVENT]}, {"kind": "calendar#events", "items": [EVENT]}, EVENT]
)
def test_google_s_json_loads_in_every_shape_it_comes_in(
    google: Simulator, ana: Browserless, tmp_path: Path, shape: object
) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps(shape))

    assert google.load(file) == 1

    assert ana.api("GET", "calendars/primary/events/abc12").json["summary"] == "Intro"


def test_a_file_that_powershell_wrote_loads_too(google: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([EVENT]), encoding="utf-16")

    assert google.load(file) == 1


def test_what_a_list_answered_can_be_loaded_elsewhere(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    ana.insert("2026-11-25", "2026-11-26", id="feast", recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    ana.api("DELETE", "calendars/primary/events/feast_20261126")
    ana.api("PATCH", "calendars/primary/events/feast_20261127", {"summary": "Changed"})
    ana.insert("2026-11-25", "2026-11-26", id="gone0")
    ana.api("DELETE", "calendars/primary/events/gone0")
    file = tmp_path / "events.json"
    file.write_bytes(ana.api("GET", "calendars/primary/events", showDeleted="true").body)
    google.add_calendar("copy")

    google.load(file, "copy")

    window = ("2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z")
    assert ana.busy(*window, "copy") == ana.busy(*window)
    assert ana.api("GET", "calendars/copy/events/feast_20261127").json["summary"] == "Changed"


def test_a_named_calendar_can_be_loaded_into(google: Simulator, tmp_path: Path) -> None:
    google.add_calendar("team")
    (tmp_path / "events.json").write_text(json.dumps([EVENT]))

    google.load(tmp_path / "events.json", "team")

    assert (len(google.events("team")), len(google.events())) == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "events.json: Expecting value"),
        ("{}", "events.json: expected a list of Google events"),
        ('[{"id": "a"}]', r"events.json: event 1 \(a\): Missing start time."),
        ("BEGIN:VCALENDAR\nEND:VEVENT\n", "events.json: line 2: END:VEVENT closes nothing"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nEND:VEVENT\nEND:VCALENDAR\n",
            "events.json: line 2: event x has no DTSTART",
        ),
        (calendar("DTSTART;TZID=Mars/Base:20261125T100000"), "no time zone is called 'Mars/Base'"),
        (
            calendar("DTSTART:20261125T100000Z\nDURATION:soon"),
            r"event u0 has a DURATION that is none \(line 7\): 'soon'",
        ),
        (calendar("DTSTART;=:20261125T100000Z"), "line 6: not a content line"),
        (
            calendar("DTSTART:20261125T100000Z\nDTEND:20261125T110000Z\nRRULE:FREQ=DAILY;INTERVAL=0"),
            r"line 4: event u0 has an RRULE that Google refuses \(line 8\): INTERVAL is a whole number from 1 on, not '0'",
        ),
        (
            calendar("DTSTART:20261125T100000Z\nRRULE:FREQ=DAILY;COUNT=-1"),
            "COUNT is a whole number from 1 on",
        ),
        (
            calendar("DTSTART:20261125T100000Z\nRRULE:FREQ=SECONDLY"),
            "recurs daily, weekly, monthly or yearly",
        ),
        (calendar("DTSTART:20261125T100000Z\nRRULE:FREQ=DAILY;FREQ=HOURLY"), "names each of its parts once"),
        (
            calendar("DTSTART:20261125T100000Z\nATTENDEE;CN=Ana:urn:uuid:7"),
            "an ATTENDEE without an e-mail address",
        ),
        (calendar("DTSTART:2026-11-25"), r"has a DTSTART that is no time \(line 6\): '2026-11-25'"),
        (calendar("DTSTART:99991231\nDURATION:P9999D"), "line 4: event u0 "),
        (
            calendar("DTSTART:20261125T100000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261125T100000Z"),
            "changes a range of instances",
        ),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART:20261125\n", "line 2: BEGIN:VEVENT is never closed"),
        ("[" * 100_000, "its JSON is nested too deep"),
        ('[{"start": 7, "end": []}]', r"event 1 \(None\): Invalid value for"),
        ('[{"originalStartTime": 7, "status": "cancelled"}]', r"event 1 \(None\): "),
    ],
)
def test_a_file_that_cannot_be_read_says_where(
    google: Simulator, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loaded(google, tmp_path / "events.json", text)


def test_times_come_in_utc_in_a_zone_floating_and_by_the_day(google: Simulator, tmp_path: Path) -> None:
    text = calendar(
        "DTSTART:20260701T100000Z\nDTEND:20260701T110000Z",
        "DTSTART;TZID=America/New_York:20260702T100000\nDTEND;TZID=America/New_York:20260702T110000",
        "DTSTART:20260703T100000\nDURATION:PT1H30M",
        "DTSTART;VALUE=DATE:20260704\nDTEND;VALUE=DATE:20260706",
        "DTSTART;VALUE=DATE:20260707",
        "DTSTART;VALUE=DATE:20260708\nDTEND;VALUE=DATE:20260708",
        "DTSTART:20260709T100000Z",
    )

    told = loaded(google, tmp_path / "a.ics", text)

    assert [(event["start"], event["end"]) for event in told] == [
        (
            {"dateTime": "2026-07-01T10:00:00+00:00", "timeZone": "UTC"},
            {"dateTime": "2026-07-01T11:00:00+00:00", "timeZone": "UTC"},
        ),
        (
            {"dateTime": "2026-07-02T10:00:00", "timeZone": "America/New_York"},
            {"dateTime": "2026-07-02T11:00:00", "timeZone": "America/New_York"},
        ),
        (
            {"dateTime": "2026-07-03T10:00:00", "timeZone": "Europe/London"},
            {"dateTime": "2026-07-03T10:30:00+00:00", "timeZone": "Europe/London"},
        ),
        ({"date": "2026-07-04"}, {"date": "2026-07-06"}),
        ({"date": "2026-07-07"}, {"date": "2026-07-08"}),
        ({"date": "2026-07-08"}, {"date": "2026-07-09"}),
        (
            {"dateTime": "2026-07-09T10:00:00+00:00", "timeZone": "UTC"},
            {"dateTime": "2026-07-09T10:00:00+00:00", "timeZone": "UTC"},
        ),
    ]


def test_lines_unfold_and_texts_unescape(google: Simulator, tmp_path: Path) -> None:
    text = calendar(
        'DTSTART;VALUE=DATE:20261125\nSUMMARY;X-A="a:b;c";LANGUAGE=en:One\\, two\\; th\n ree\\nfour \\\\ five\n'
        "DESCRIPTION:first\n\t second\nLOCATION:Room: 1\nTRANSP:TRANSPARENT\nSTATUS:TENTATIVE\nCLASS:PRIVATE"
    ).replace("\n", "\r\n")

    event = loaded(google, tmp_path / "a.ics", text)[0]

    assert event["summary"] == "One, two; three\nfour \\ five"
    assert event["description"] == "first second"
    assert event["location"] == "Room: 1"
    assert (event["transparency"], event["status"], event["visibility"]) == (
        "transparent",
        "tentative",
        "private",
    )


def test_guests_keep_their_answers(google: Simulator, tmp_path: Path) -> None:
    text = calendar(
        'DTSTART;VALUE=DATE:20261125\nATTENDEE;CN="Ana, A.";PARTSTAT=DECLINED:mailto:ana@example.com\n'
        "ATTENDEE:MAILTO:ben@example.com"
    )

    event = loaded(google, tmp_path / "a.ics", text)[0]

    assert event["attendees"] == [
        {"email": "ana@example.com", "responseStatus": "declined", "displayName": "Ana, A.", "self": True, "organizer": True},
        {"email": "ben@example.com", "responseStatus": "needsAction"},
    ]  # fmt: skip


def test_google_s_own_uid_gives_its_id_back_and_others_are_encoded(google: Simulator, tmp_path: Path) -> None:
    text = calendar("DTSTART;VALUE=DATE:20261125").replace("UID:u0", "UID:abc12@google.com")
    other = calendar("DTSTART;VALUE=DATE:20261126")

    ids = [event["id"] for event in loaded(google, tmp_path / "a.ics", text)]
    ids += [event["id"] for event in loaded(google, tmp_path / "b.ics", other)][1:]

    assert ids == ["abc12", "_eko0"]


def test_a_zone_that_is_none_is_the_one_its_description_fits(google: Simulator, tmp_path: Path) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Our Office\nBEGIN:DAYLIGHT\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\n"
        "DTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\nEND:DAYLIGHT\n"
        "BEGIN:STANDARD\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nDTSTART:20071104T020000\n"
        "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\nEND:STANDARD\nEND:VTIMEZONE"
    )
    text = calendar("DTSTART;TZID=Our Office:20261125T100000", head=zone)

    event = loaded(google, tmp_path / "a.ics", text)[0]

    assert str(event["start"]["timeZone"]).startswith("America/")  # type: ignore[index]


def test_changed_instances_replace_their_own(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("school", timezone="America/Chicago")

    google.load(DATA / "issue_48_dst.ics", "school")

    busy = ana.busy("2020-11-20T00:00:00Z", "2020-11-30T00:00:00Z", "school")
    assert ("2020-11-24T14:15:00Z", "2020-11-24T14:30:00Z") in busy
    assert not [span for span in busy if span[0].startswith(("2020-11-26T14:15", "2020-11-27T14:15"))]


@pytest.mark.parametrize("name", ["Germany_Holidays.ics", "fablab_cottbus.ics"])
def test_files_of_other_makers_load(google: Simulator, name: str) -> None:
    assert google.load(DATA / name) == len(google.events()) > 0


@pytest.mark.parametrize(
    ("day", "start"),
    [
        ({"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-26"}}, {"date": "2026-11-26"}),
        (
            {
                "start": {"dateTime": "2026-11-25T10:00:00Z", "timeZone": "UTC"},
                "end": {"dateTime": "2026-11-25T11:00:00Z", "timeZone": "UTC"},
            },
            {"dateTime": "2026-11-26T10:00:00Z"},
        ),
    ],
)
def test_a_cancelled_instance_may_have_kept_nothing_but_its_original_start(
    google: Simulator, ana: Browserless, tmp_path: Path, day: dict[str, object], start: dict[str, str]
) -> None:
    series = day | {"id": "feast", "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    gone = {"id": "feast_x", "status": "cancelled", "recurringEventId": "feast", "originalStartTime": start}
    (tmp_path / "events.json").write_text(json.dumps([series, gone, {"id": "dead0", "status": "cancelled"}]))

    google.load(tmp_path / "events.json")

    assert len(ana.api("GET", "calendars/primary/events/feast/instances").json["items"]) == 2


def test_events_without_uid_are_events_of_their_own(google: Simulator, tmp_path: Path) -> None:
    text = calendar("DTSTART:20261201T100000Z", "DTSTART:20261202T100000Z").replace("UID:", "X-NO:")

    told = loaded(google, tmp_path / "a.ics", text)

    assert [event["start"] for event in told] == [
        {"dateTime": "2026-12-01T10:00:00+00:00", "timeZone": "UTC"},
        {"dateTime": "2026-12-02T10:00:00+00:00", "timeZone": "UTC"},
    ]


def test_a_uid_that_comes_twice_is_the_newest_version_of_one_event(google: Simulator, tmp_path: Path) -> None:
    text = calendar(
        "DTSTART:20261201T100000Z\nSEQUENCE:2\nSUMMARY:Newest",
        "DTSTART:20261201T110000Z\nSEQUENCE:1\nSUMMARY:Old",
    ).replace("UID:u1", "UID:u0")
    (tmp_path / "a.ics").write_text(text)

    assert google.load(tmp_path / "a.ics") == 1

    assert [event["summary"] for event in google.events()] == ["Newest"]


def test_a_zone_without_a_name_is_passed_over(google: Simulator, tmp_path: Path) -> None:
    zone = "BEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:19230916T030000\nEND:STANDARD\nEND:VTIMEZONE"

    told = loaded(google, tmp_path / "a.ics", calendar("DTSTART:20261201T100000Z", head=zone))

    assert len(told) == 1


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY;INTERVAL=0;BYMONTH=3", "FREQ=YEARLY;BYDAY=9XX", "FREQ=DAILY;COUNT=-3"]
)
def test_a_zone_whose_rule_never_advances_is_named(google: Simulator, tmp_path: Path, rule: str) -> None:
    zone = (
        f"BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\n"
        f"DTSTART:20071104T020000\nRRULE:{rule}\nEND:STANDARD\nEND:VTIMEZONE"
    )

    with pytest.raises(ValueError, match=r"event u0 has a time in a zone that is unknown \(line 14\)"):
        loaded(google, tmp_path / "a.ics", calendar("DTSTART;TZID=Office:20261201T100000", head=zone))


def test_an_instance_changed_by_itself_does_not_recur(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    series = "DTSTART:20261201T100000Z\nDTEND:20261201T103000Z\nRRULE:FREQ=DAILY;COUNT=4"
    moved = "RECURRENCE-ID:20261202T100000Z\n" + series.replace("01T10", "02T15")
    (tmp_path / "a.ics").write_text(calendar(series, moved).replace("UID:u1", "UID:u0"))

    google.load(tmp_path / "a.ics")

    starts = [start for start, _ in ana.busy("2026-12-01T00:00:00Z", "2026-12-20T00:00:00Z")]
    assert starts == [
        "2026-12-01T10:00:00Z", "2026-12-02T15:00:00Z", "2026-12-03T10:00:00Z", "2026-12-04T10:00:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        'ATTENDEE;CN=Ana;EMAIL="ana@example.com";PARTSTAT=ACCEPTED:/aMTI/principal/',
        'ATTENDEE;CN=Ana;EMAIL="mailto:ana@example.com";PARTSTAT=ACCEPTED:urn:uuid:7',
        "ATTENDEE;CN=Ana;PARTSTAT=ACCEPTED:mailto:ana%40example.com",
        "ATTENDEE;CN=Ana;PARTSTAT=ACCEPTED:ana@example.com",
    ],
)
def test_a_guest_is_found_by_whatever_names_an_address(google: Simulator, tmp_path: Path, line: str) -> None:
    (event,) = loaded(google, tmp_path / "a.ics", calendar(f"DTSTART:20261201T100000Z\n{line}"))

    assert event["attendees"] == [
        {"email": "ana@example.com", "responseStatus": "accepted", "displayName": "Ana", "self": True, "organizer": True}
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_a_file_with_anything_wrong_in_it_is_loaded_or_refused_in_words(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    whole = [
        (DATA / "issue_48_dst.ics").read_text(encoding="utf-8"),
        calendar(
            "DTSTART:20261201T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU",
            'DTSTART;VALUE=DATE:20261201\nATTENDEE;CN="A";EMAIL=a@x.com:mailto:a@x.com\nEXDATE:20261202T100000Z',
        ),
        json.dumps([EVENT | {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}]),
    ]
    file = tmp_path / "a.ics"
    for _ in range(30):
        text = list(dice.choice(whole))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(text))
            text[place : place + dice.randint(0, 3)] = dice.choices(
                '0-9;:=,TZ"\\\n\r {}[]\0é', k=dice.randint(0, 3)
            )
        file.write_text("".join(text), encoding="utf-8")
        with Simulator(now=NOW) as google, contextlib.suppress(ValueError):
            google.load(file)
