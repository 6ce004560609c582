"""What people see, whole: 80 columns, no colour. Only the answer is on stdout."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from portalcal.core.booking import Guest, Notify, State
from portalcal.core.health import Check, CheckStatus, ConnectionState
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    BookingNotFound,
    ConfigInvalid,
    ConfirmationRequired,
    Offer,
    Problem,
    SlotTaken,
    Usage,
)
from portalcal.ports import Revocation, Tally
from portalcal.results import Bookings, Cancelled, Choice, Disconnected
from portalcal.views.terminal.view import TerminalView
from portalcal.warnings import DeliveriesOverdue, EventsUnread, PersonCountsAsBusy
from tests.builders import LONDON, a_wish, at
from tests.views.builders import (
    CALENDARS,
    EVIL,
    ID,
    OK_CHECKS,
    SELECTION,
    Stage,
    Standing,
    a_diagnosis,
    a_full_booking,
    a_question,
    an_availability,
    an_explanation,
    booked,
    connected,
    the_booking,
    transcript,
)

CARD = """
  what    Meeting with Ana
  when    Tue 3 Mar, 10:00-10:30 (London)
          tomorrow
  who     Ana <ana@example.com>
          ben@example.com
  where   Room 4
  Meet    https://meet.example.com/abc
  notes   Bring the contract.
          Ask about the old account.
  link    intro
  state   confirmed
  sent    Google e-mailed ana@example.com, ben@example.com
  event   https://calendar.example.com/event?eid=1
  key     crm-4711
"""


# --- bookings --------------------------------------------------------------------------------------------------------------


def test_in_a_pipe_book_gives_the_id_alone_and_the_card_on_stderr() -> None:
    stage = Stage()

    stage.view.show(booked())

    assert stage.out == f"{ID}\n"
    assert stage.err == f"Booked\n{CARD}"


def test_on_a_terminal_the_card_is_the_answer_with_its_id() -> None:
    stage = Stage(is_terminal=True, environ={"TERM": "dumb"})

    stage.view.show(booked())

    assert stage.out == f"Booked\n\n  id      {ID}\n" + CARD.lstrip("\n")
    assert stage.err == ""


def test_forced_colour_does_not_make_a_person_of_a_pipe() -> None:
    stage = Stage(environ={"TERM": "xterm", "FORCE_COLOR": "1"})

    stage.view.show(booked())

    assert stage.out == f"{ID}\n"


def test_a_dry_run_gives_no_id_since_nothing_has_one() -> None:
    stage = Stage()

    stage.view.show(booked(the_booking(), is_dry_run=True))

    assert stage.out == transcript("""
        This can be booked; nothing was held or sent (--dry-run)

          what   Meeting with Ana
          when   Tue 3 Mar, 10:00-10:30 (London)
                 tomorrow
          who    Ana <ana@example.com>
    """)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"state": State.HELD}, "  state   held: recorded here, Google not told yet"),
        ({"notified": Notify.NONE}, "  sent    nobody was e-mailed"),
        (
            {"notified": Notify.EXTERNAL},
            "  sent    Google e-mailed only guests of other organisations, of ana@example.com",
        ),
        ({"calendar": None}, "  event   none: booked while no calendar was connected"),
        (
            {"state": State.CANCELLED, "ended_by": "calendar", "ended_because": "moved away"},
            "  state   cancelled in Google Calendar: moved away",
        ),
    ],
)
def test_the_card_says_how_the_booking_stands_and_what_was_sent(facts: dict[str, object], line: str) -> None:
    stage = Stage()

    stage.view.show(booked(replace(the_booking(), **facts)))  # type: ignore[arg-type]

    assert line in stage.err.split("\n")


def test_a_replayed_booking_says_so() -> None:
    stage = Stage()

    stage.view.show(booked(is_replayed=True))

    assert stage.err.split("\n")[0] == (
        "Booked before: the same request, under this key; nothing new was made"
    )


@pytest.mark.parametrize(
    ("facts", "headline"),
    [
        ({"state": State.CONFIRMED, "calendar": "ana@example.com"}, "Booked"),
        ({"state": State.CONFIRMED, "calendar": None}, "Booked here, without an event"),
        (
            {"state": State.HELD, "calendar": "ana@example.com"},
            "Held here; the event will be made as soon as Google can be told",
        ),
        ({"state": State.CANCELLING, "calendar": "ana@example.com"}, "Booked, and cancelled meanwhile"),
    ],
)
def test_book_begins_with_what_became_of_it(facts: dict[str, object], headline: str) -> None:
    stage = Stage()

    stage.view.show(booked(replace(the_booking(), **facts)))  # type: ignore[arg-type]

    assert stage.err.split("\n")[0] == headline


def test_a_cancelled_booking_shows_no_link_and_no_mail_of_another_call() -> None:
    stage = Stage()
    over = replace(a_full_booking(), state=State.CANCELLED)

    stage.view.show(Bookings((over,), LONDON, is_by_id=True))

    assert "http" not in stage.out
    assert "e-mailed" not in stage.out


@pytest.mark.parametrize(
    ("state", "was_already", "headline"),
    [
        (State.CANCELLED, False, "Cancelled"),
        (State.CANCELLED, True, "Already cancelled; nothing was left to do"),
        (State.CANCELLING, False, "Cancelled here; the event will be removed as soon as Google can be told"),
    ],
)
def test_cancelling_says_first_what_came_of_it(state: State, was_already: bool, headline: str) -> None:
    stage = Stage()

    stage.view.show(Cancelled(the_booking(state=state), LONDON, was_already))

    assert stage.out.split("\n")[0] == headline


def test_an_address_is_never_cut_or_wrapped() -> None:
    url = "https://calendar.example.com/event?eid=" + "x" * 100
    stage = Stage(width=60)

    stage.view.show(booked(the_booking(event_url=url)))

    assert f"  event   {url}" in stage.err.split("\n")


def test_columns_leave_no_spaces_at_line_ends() -> None:
    stage = Stage()

    stage.view.show(connected())
    stage.view.show(a_diagnosis())

    assert not re.search(" $", stage.stdout.getvalue(), re.MULTILINE)


def test_one_booking_asked_for_by_its_id_is_a_card() -> None:
    stage = Stage()

    stage.view.show(Bookings((a_full_booking(),), LONDON, is_by_id=True))

    assert stage.out == f"{ID}\n{CARD}"


def test_bookings_are_listed_by_day() -> None:
    stage = Stage(width=100)
    three = (
        the_booking("14:00-14:30"),
        a_full_booking(),
        the_booking("Tue 15:30-16:30", state=State.HELD),
    )

    stage.view.show(Bookings(three, LONDON))

    assert stage.out == transcript(f"""
        Mon 2 Mar  today
          14:00-14:30  {ID}  Ana  Meeting with Ana

        Tue 3 Mar  tomorrow
          10:00-10:30  {ID}  Ana  Meeting with Ana
          15:30-16:30  {ID}  Ana  Meeting with Ana  held
    """)


def test_a_narrow_terminal_shows_the_start_of_each_id() -> None:
    stage = Stage(width=60, is_terminal=True, environ={"TERM": "dumb"})

    stage.view.show(Bookings((a_full_booking(),), LONDON))

    assert stage.out == transcript("""
        Tue 3 Mar  tomorrow
          10:00-10:30  3f2a4c1e  Ana  Meeting with Ana
    """)


def test_no_bookings_are_said_to_be_none() -> None:
    stage = Stage()

    stage.view.show(Bookings((), LONDON))

    assert stage.out == "No bookings\n"


# --- calendars and connection --------------------------------------------------------------------------------------------------


def test_calendars_are_a_table_with_those_in_use_first() -> None:
    stage = Stage(width=100)

    stage.view.show(Choice(tuple(reversed(CALENDARS)), SELECTION))

    assert stage.out == transcript("""
        Use                  Name                    Id                              Role    Zone
        conflicts            Team calendar           team@group.calendar.google.com  writer  Europe/Lisbon
        conflicts, bookings  Ana Ferreira (primary)  ana@example.com                 owner   Europe/London
                             Holidays (hidden)       uk@holiday.example.com          reader  Europe/London
    """)


def test_calendars_whose_ids_would_be_broken_are_stacked() -> None:
    stage = Stage(width=100)
    long = CALENDARS[0]._replace(id=f"{'x' * 30}@group.calendar.google.com", is_primary=False)

    stage.view.show(Choice((*CALENDARS, long), SELECTION))

    assert f"\n  {long.id}\n" in stage.out


def test_on_a_narrow_page_calendars_are_stacked_and_a_pinned_selection_says_so() -> None:
    stage = Stage(width=60)

    stage.view.show(Choice(CALENDARS, SELECTION, is_pinned=True))

    assert stage.out == transcript("""
        Ana Ferreira (primary)  conflicts, bookings
          ana@example.com
          owner · Europe/London
        Team calendar  conflicts
          team@group.calendar.google.com
          writer · Europe/Lisbon
        Holidays (hidden)
          uk@holiday.example.com
          reader · Europe/London

        The selection is pinned in config.toml, so commands leave it
        alone
    """)


def test_a_connection_ticks_its_permissions() -> None:
    stage = Stage()

    stage.view.show(connected())

    assert stage.out == transcript("""
        Connected as ana@example.com

          permissions   ✓ View your calendars
                        ✓ View when you are busy
                        ✓ Create events
                        ✓ Edit events
          conflicts     ana@example.com
                        team@group.calendar.google.com
          bookings      ana@example.com
          secrets in    the keyring of this machine
    """)


def test_a_connection_that_stood_already_says_since_when() -> None:
    stage = Stage()

    stage.view.show(connected(was_already=True))

    assert stage.out.startswith("Already connected as ana@example.com\n")
    assert stage.out.endswith("  connected     10 minutes ago\n")


def test_disconnecting_says_what_was_forgotten_and_what_follows() -> None:
    stage = Stage()

    stage.view.show(Disconnected("ana@example.com", Revocation.REVOKED, 2))

    assert stage.out == transcript("""
        Disconnected ana@example.com

          here          the account and its secrets are forgotten
          at Google     Google ended the grant, on all machines
          bookings      2 upcoming bookings keep their events
          from now on   times rest on the configured schedule alone and may double-book
    """)


@pytest.mark.parametrize(
    ("revocation", "words"),
    [
        (Revocation.ALREADY_DEAD, "Google had ended the grant already"),
        (Revocation.UNREACHABLE, "Google could not be reached: the grant may still stand there"),
        (Revocation.KEPT, "the grant at Google was kept (--keep-grant)"),
    ],
)
def test_disconnecting_says_what_google_did(revocation: Revocation, words: str) -> None:
    stage = Stage()

    stage.view.show(Disconnected("ana@example.com", revocation, 0))

    assert words in stage.out


def test_nothing_to_disconnect_is_one_line() -> None:
    stage = Stage()

    stage.view.show(Disconnected(None, Revocation.KEPT, 0))

    assert stage.out == "Not connected; nothing to do\n"


# --- status ----------------------------------------------------------------------------------------------------------------


def test_a_healthy_status_is_calm_and_in_the_order_of_its_checks() -> None:
    stage = Stage()

    stage.view.show(a_diagnosis())

    assert stage.out == transcript("""
        ✓ Connected: everything works
          ana@example.com · workspace default · checked 1 minute ago

        ✓  config.file    config.toml
        ✓  grant.refresh  renewed
        ✓  ledger.file    14 bookings

        calendars   conflicts, bookings  Ana Ferreira
                    conflicts            Team calendar

        bookings    14 live
    """)


def test_when_something_is_wrong_it_comes_first_with_its_fix() -> None:
    stage = Stage()
    checks = (
        OK_CHECKS[0],
        Check("grant.refresh", CheckStatus.FAIL, "Google ended the grant", "run `portalcal connect`"),
        Check("calendars.list", CheckStatus.SKIPPED, "needs grant.refresh"),
        Check("ledger.pending", CheckStatus.WARN, "2 errands overdue", "run `portalcal sync`"),
    )

    stage.view.show(a_diagnosis(ConnectionState.REVOKED, checks=checks, tally=Tally(14, 2, 2, 1)))

    assert stage.out == transcript("""
        ✗ The connection was ended at Google
          ana@example.com · workspace default · checked 1 minute ago

        ✗  grant.refresh   Google ended the grant
                           hint: run
                             portalcal connect
        !  ledger.pending  2 errands overdue
                           hint: run
                             portalcal sync

        ✓  config.file     config.toml
        ·  calendars.list  needs grant.refresh

        calendars   conflicts, bookings  Ana Ferreira
                    conflicts            Team calendar

        bookings    14 live · 2 held · 2 overdue · 1 without an event
    """)


@pytest.mark.parametrize("condition", ConnectionState)
def test_every_state_has_its_headline(condition: ConnectionState) -> None:
    stage = Stage()

    stage.view.show(a_diagnosis(condition)._replace(calendars=(), tally=None))

    assert re.match(r"[✓!✗] [A-Z][a-z ]+", stage.out)


# --- availability ------------------------------------------------------------------------------------------------------------


def test_what_an_availability_rests_on_is_said_on_stderr() -> None:
    stage = Stage()

    stage.view.show(an_availability())

    assert stage.err == "Checked 2 calendars at 08:10 (London)\n"


def test_a_calendar_that_was_not_read_makes_the_times_unverified() -> None:
    stage = Stage()
    inputs = a_question()._replace(calendars=(FreeBusy("a"), FreeBusy("b", unread="notFound")))

    stage.view.show(an_availability(inputs))

    assert stage.err == (
        "Checked 1 of 2 calendars at 08:10 (London); the times shown are not verified against the others\n"
    )


def test_the_schedule_alone_claims_no_check() -> None:
    stage = Stage()

    stage.view.show(an_availability(a_question()._replace(calendars=None)))

    assert stage.err == ""


def test_an_explanation_gives_the_verdict_every_reason_and_what_is_near() -> None:
    stage = Stage()

    stage.view.show(an_explanation(a_question(busy=("Tue 10:00-12:00",)), "Tue 10:30"))

    assert stage.out == transcript("""
        ✗ Tue 3 Mar, 10:30-11:30 (London) is not offered

          off-grid  not a start of the grid: starts lie every 1h from 09:00
          busy      busy 10:00-12:00 on Team calendar

          earlier   Tue 3 Mar, 09:00-10:00 (London)  tomorrow
          later     Tue 3 Mar, 12:00-13:00 (London)  tomorrow
    """)


def test_an_offered_time_needs_no_reasons() -> None:
    stage = Stage()

    stage.view.show(an_explanation(a_question(), "Fri 12:00"))

    assert stage.out == transcript("""
        ✓ Fri 6 Mar, 12:00-13:00 (London) is offered

          earlier   Fri 6 Mar, 11:00-12:00 (London)  in 4 days
          later     none within reach
    """)


# --- errors, warnings, questions -----------------------------------------------------------------------------------------------


def test_an_error_is_the_fact_an_empty_line_and_a_hint() -> None:
    stage = Stage()

    stage.view.fail(SlotTaken("Mon 3 Mar, 09:00-09:30 (Berlin)", "a booking made at 08:12"))

    assert stage.out == ""
    assert stage.err == transcript("""
        error: Mon 3 Mar, 09:00-09:30 (Berlin) is taken by a booking made at 08:12. Nothing was booked.

        hint: see what is open with `portalcal availability`
    """)


def test_an_error_without_a_hint_is_one_line() -> None:
    stage = Stage()

    stage.view.fail(Usage("START is in the past"))

    assert stage.err == "error: START is in the past\n"


def test_every_problem_of_a_file_has_its_line() -> None:
    stage = Stage()
    problems = (
        Problem("rules.step", '"0m"', "expected more than nothing"),
        Problem("a", "1", "expected text"),
    )

    stage.view.fail(ConfigInvalid("config.toml", problems))

    assert stage.err == transcript("""
        error: config.toml: 2 problems
          rules.step = "0m": expected more than nothing
          a = 1: expected text

        hint: `portalcal config --example` shows every key with its default
    """)


def test_a_warning_is_one_sentence_on_stderr() -> None:
    stage = Stage()

    stage.view.program = "portalcal --workspace sales"
    stage.view.warn(DeliveriesOverdue(1, None))

    assert (stage.out, stage.err) == (
        "",
        "warning: Google was not told of 1 booking yet; deliver with `portalcal --workspace sales sync`\n",
    )


def test_a_command_of_a_warning_is_broken_on_no_terminal() -> None:
    stage = Stage(width=40, is_terminal=True, environ={"TERM": "dumb"})

    stage.view.program = "portalcal --workspace sales"
    stage.view.warn(PersonCountsAsBusy("kim", "internalError"))
    stage.view.warn(DeliveriesOverdue(1, None))

    assert stage.err == transcript("""
        warning: the calendar of kim cannot be
        read (internalError), so it counts as
        busy; see
        `portalcal --workspace sales people`
        warning: Google was not told of 1
        booking yet; deliver with
        `portalcal --workspace sales sync`
    """)


def test_a_time_in_a_hint_is_broken_on_no_terminal() -> None:
    times = tuple(
        Offer(at(f"{hour}:00"), at(f"{hour}:30"), f"Tue 3 Mar, {hour}:00-{hour}:30 (London)")
        for hour in (10, 11)
    )
    stage = Stage(width=44, is_terminal=True, environ={"TERM": "dumb"})

    stage.view.fail(SlotTaken("Tue 3 Mar, 09:00-09:30 (London)", "an event", times))

    assert stage.err == transcript("""
        error: Tue 3 Mar, 09:00-09:30 (London) is
        taken by an event. Nothing was booked.

        hint: nearest:
        Tue 3 Mar, 10:00-10:30 (London) ·
        Tue 3 Mar, 11:00-11:30 (London)
    """)


def test_consent_is_asked_with_reasons_and_an_unbroken_address() -> None:
    stage = Stage(width=60, is_terminal=True, environ={"TERM": "dumb"})
    url = "https://accounts.example.com/auth?" + "scope=" * 40

    stage.view.ask_for_consent(url, opens_browser=False)

    assert stage.out == ""
    assert (
        stage.err
        == transcript(f"""
        portalcal will ask Google for these permissions:

        • View your calendars     to let you choose which calendars
                                  count
        • View when you are busy  to check for conflicts when
                                  showing available times
        • Create events           to add a meeting when one is
                                  booked
        • Edit events             to move or remove a meeting when
                                  the booking changes

        Google shows 3 boxes for them, all unticked. Tick every one.

        Open this address in a browser:

        {url}
    """)
        + "\n"
    )


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_only_yes_is_consent(typed: str, agreed: bool) -> None:
    stage = Stage(is_interactive=True, typed=typed)

    answer = stage.view.confirm(
        "Disconnect ana@example.com?",
        consequences=("2 bookings keep their events",),
        action="disconnect",
        flag="--yes",
    )

    assert answer is agreed
    assert stage.err == "• 2 bookings keep their events\n\nDisconnect ana@example.com? [y/N]"


def test_when_nobody_can_be_asked_the_flag_is_named() -> None:
    stage = Stage(is_interactive=False)

    with pytest.raises(ConfirmationRequired) as raised:
        stage.view.confirm("Sure?", consequences=("much",), action="disconnect", flag="--yes")

    assert raised.value.hint == "add `--yes`"
    assert (stage.out, stage.err) == ("", "")


# --- streams -----------------------------------------------------------------------------------------------------------------

_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


@pytest.mark.parametrize(
    ("is_terminal", "environ", "has_colour"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
        (False, {"TERM": "xterm", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_follows_the_terminal_and_the_environment(
    is_terminal: bool, environ: dict[str, str], has_colour: bool
) -> None:
    stage = Stage(is_terminal=is_terminal, environ=environ)

    stage.view.show(a_diagnosis())
    stage.view.fail(Usage("no"))

    assert bool(_COLOUR.search(stage.stdout.getvalue())) is has_colour
    assert bool(_COLOUR.search(stage.stderr.getvalue())) is has_colour


def test_foreign_text_is_shown_and_never_obeyed() -> None:
    stage = Stage(is_terminal=True, width=100)
    request = replace(
        a_wish("Tue 10:00-10:30"), title=EVIL, guest=Guest(EVIL, EVIL), notes=EVIL, location=EVIL
    )
    calendar = CALENDARS[0]._replace(name=EVIL, id=EVIL, role=EVIL, timezone=EVIL)

    stage.view.show(
        booked(the_booking(request=request, notified=Notify.ALL, event_url="https://x\x1b]8;;evil"))
    )
    stage.view.show(Bookings((the_booking(request=request),), LONDON))
    stage.view.show(Choice((calendar,), SELECTION))
    stage.view.fail(Usage(EVIL, EVIL))
    stage.view.warn(EventsUnread(EVIL))

    written = stage.stdout.getvalue() + stage.stderr.getvalue()
    own_escapes = re.compile(r"\x1b\[[0-9;]*m")
    assert "\x1b" not in own_escapes.sub("", written)
    assert "\x1b[31m" not in written
    assert "\u202e" not in written
    assert "[bold]" in written


def test_a_terminal_that_knows_ascii_alone_is_spared_the_rest() -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    view = TerminalView(
        stdout=stdout,
        stderr=io.StringIO(),
        stdin=io.StringIO(),
        environ={},
        clock=Standing(at("08:10")),
        is_interactive=False,
        width=80,
    )

    view.show(an_availability())
    view.show(a_diagnosis())
    stdout.flush()

    written = stdout.detach().getvalue()
    assert b"::::::::: 10:00" in written
    assert b"+ Connected: everything works" in written


@pytest.mark.parametrize(("environ", "width"), [({}, 100), ({"COLUMNS": "60"}, 60)])
def test_a_pipe_is_as_wide_as_columns_says_or_a_hundred(environ: dict[str, str], width: int) -> None:
    stage = Stage(width=None, environ=environ)

    stage.view.show(Disconnected("ana@example.com", Revocation.UNREACHABLE, 2))

    assert max(map(len, stage.out.split("\n"))) <= width
    assert (max(map(len, stage.out.split("\n"))) > 60) is (width > 60)


def test_an_export_is_written_as_it_is() -> None:
    stage = Stage(width=20)

    stage.view.write("start,end\n" + "x" * 200)
    stage.view.write("")

    assert stage.stdout.getvalue() == "start,end\n" + "x" * 200 + "\n"


@pytest.mark.parametrize("columns", [None, "60", "0", "1"])
def test_off_the_terminal_a_booking_is_one_line_with_its_title_whole(columns: str | None) -> None:
    title = "Interview about the position of a senior engineer " * 6
    stage = Stage(width=None, environ={"COLUMNS": columns} if columns else {})
    one = a_full_booking()
    titled = replace(one, request=replace(one.request, title=title.strip()))

    stage.view.show(Bookings((titled, titled), LONDON))

    assert [line.count(title.strip()) for line in stage.out.splitlines()] == [0, 1, 1]


@pytest.mark.parametrize("columns", [None, "60", "0"])
def test_off_the_terminal_a_calendar_and_a_check_are_one_line(columns: str | None) -> None:
    stage = Stage(width=None, environ={"COLUMNS": columns} if columns else {})
    long = "The calendar of everybody who works on the second floor " * 5
    calendar = CALENDARS[0]._replace(name=long.strip())

    check = Check("config.file", CheckStatus.FAIL, long.strip(), "`portalcal config`", 1)

    stage.view.show(Choice((calendar,), SELECTION, is_pinned=False))
    stage.view.show(a_diagnosis()._replace(checks=(check,)))

    assert [line.count(long.strip()) for line in stage.out.splitlines() if "second floor" in line] == [1, 1]


@pytest.mark.parametrize("columns", ["0", "00", "-5", "", "wide", "²", "1", "9" * 5000])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_whatever_columns_says_everything_is_printed(columns: str, is_terminal: bool) -> None:
    environ = {"COLUMNS": columns, "LINES": columns, "TERM": "dumb"}
    stage = Stage(width=None, is_terminal=is_terminal, environ=environ)

    stage.view.show(booked())
    stage.view.show(an_availability())
    stage.view.fail(BookingNotFound("0123"))

    squeezed = "".join((stage.out + stage.err).split())
    assert str(ID) in squeezed
    assert "10:00" in squeezed
    assert "0123" in squeezed


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_an_export_is_utf_8_whatever_the_terminal_speaks(encoding: str) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\r\n")
    view = view_on(stdout)

    view.write("title\nZoë 会议\n")
    stdout.flush()

    assert stdout.detach().getvalue() == "title\nZoë 会议\n".encode()


def test_sentences_to_paste_are_in_the_encoding_of_the_terminal() -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    view = view_on(stdout)

    view.write("Zoë – 会\n", for_people=True)
    stdout.flush()

    assert stdout.detach().getvalue() == b"Zo\xeb - ?\n"


def view_on(stdout: io.TextIOWrapper) -> TerminalView:
    """A view whose answers go to a stream of some encoding."""
    return TerminalView(
        stdout=stdout,
        stderr=io.StringIO(),
        stdin=io.StringIO(),
        environ={},
        clock=Standing(at("08:10")),
        is_interactive=False,
    )
