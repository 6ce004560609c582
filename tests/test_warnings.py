"""Every warning as people and scripts meet it: code, facts, and the words, to be reviewed as prose."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from typer import _click as click
from typer.main import get_command

from portalcal import warnings
from portalcal.cli.app import app
from portalcal.core.health import NAME_A_ZONE
from portalcal.results import Bookings
from portalcal.views.json import JsonView
from portalcal.warnings import PortalcalWarning
from tests.builders import LONDON
from tests.views.builders import Stage

ID = "5b2f6a0e-0000-4000-8000-000000000001"
OTHER = "5b2f6a0e-0000-4000-8000-000000000002"
TUESDAY = "Tue 24 Nov, 10:00-10:30 (London)"


class Told(NamedTuple):
    """A warning, its facts, and what stands on stderr because of it."""

    warning: PortalcalWarning
    facts: dict[str, object]
    says: str


EXAMPLES = [
    Told(
        warnings.ChangesPruned(7),
        {"cursor": 7},
        "changes after cursor 7 were pruned from the history and are missing here; "
        "read the bookings anew with `portalcal bookings`",
    ),
    Told(
        warnings.SyncFailed("Google is busy (503): try later"),
        {"why": "Google is busy (503): try later"},
        "the calendar was not synchronised: Google is busy (503): try later; it is tried again",
    ),
    Told(
        warnings.HookFailed(7, "5d16c341-0000-4000-8000-000000000000", "it ended with 3: no such host"),
        {
            "cursor": 7,
            "booking": "5d16c341-0000-4000-8000-000000000000",
            "why": "it ended with 3: no such host",
        },
        "the hook failed for change 7 of booking 5d16c341: it ended with 3: no such host; "
        "the next `portalcal sync` tries it again",
    ),
    Told(
        warnings.NoConnectionUsed(),
        {},
        "not connected: only the configured schedule and the bookings made here are known, so this can double-book; "
        "connect with `portalcal connect`",
    ),
    Told(
        warnings.GrantEnding("ana@example.com", "about 20 hours"),
        {"account": "ana@example.com", "left": "about 20 hours"},
        "the connection of ana@example.com ends in about 20 hours, as the one before did after 7 days; "
        "renew it with `portalcal connect --force`",
    ),
    Told(
        warnings.ZoneUnknown("TZ is CET-1CEST, which names no zone", NAME_A_ZONE),
        {"problem": "TZ is CET-1CEST, which names no zone", "remedy": NAME_A_ZONE},
        "TZ is CET-1CEST, which names no zone; set TZ to a name like Europe/Berlin, "
        'or timezone = "Europe/Berlin" in config.toml',
    ),
    Told(
        warnings.ZoneRulesOld("2024a of /usr/share/zoneinfo"),
        {"versions": "2024a of /usr/share/zoneinfo"},
        "the rules of time zones here are more than a year old (2024a of /usr/share/zoneinfo), so times may be an hour "
        "off; get newer ones with `pip install --upgrade tzdata`",
    ),
    Told(
        warnings.BookingNotTold(ID, "Google is out of order (503)", "`portalcal sync` tries it again"),
        {"booking": ID, "why": "Google is out of order (503)", "next_step": "`portalcal sync` tries it again"},
        "the time is held, but Google has not confirmed it: Google is out of order (503); "
        "`portalcal sync` tries it again",
    ),
    Told(
        warnings.MoveNotTold(ID, "Google is out of order (503)", "`portalcal sync` tries it again"),
        {"booking": ID, "why": "Google is out of order (503)", "next_step": "`portalcal sync` tries it again"},
        "both times are held, but Google has not confirmed the move: Google is out of order (503); "
        "`portalcal sync` tries it again",
    ),
    Told(
        warnings.RemovalNotTold(ID, "Google is out of order (503)", "`portalcal sync` tries it again"),
        {"booking": ID, "why": "Google is out of order (503)", "next_step": "`portalcal sync` tries it again"},
        "cancelled here, but the event is still in the calendar: Google is out of order (503); "
        "`portalcal sync` tries it again",
    ),
    Told(
        warnings.DeliveriesOverdue(1, None),
        {"count": 1, "why": None},
        "Google was not told of 1 booking yet; deliver with `portalcal sync`",
    ),
    Told(
        warnings.DeliveriesOverdue(3, "Google is out of order (503)"),
        {"count": 3, "why": "Google is out of order (503)"},
        "Google was not told of 3 bookings yet: Google is out of order (503); deliver with `portalcal sync`",
    ),
    Told(
        warnings.LineInterrupted(ID),
        {"booking": ID},
        "interrupted: the time is held, and Google may not know it yet; `portalcal sync` tells it",
    ),
    Told(
        warnings.MeetPending(ID),
        {"booking": ID},
        f"Google has not told the Meet link yet; `portalcal bookings {ID[:8]}` in a minute shows it",
    ),
    Told(
        warnings.MeetUnread(ID, "Google is out of order (503)"),
        {"booking": ID, "why": "Google is out of order (503)"},
        "whether Google has made the Meet link is not known: Google is out of order (503)",
    ),
    Told(
        warnings.EventLeft(ID, "ana@example.com is gone", TUESDAY, "ana@example.com", guest="Sam Lee"),
        {"booking": ID, "why": "ana@example.com is gone", "when": TUESDAY, "calendar": "ana@example.com", "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} is cancelled, but ana@example.com is gone: its event at {TUESDAY} was left on ana@example.com, "
        "and its guests were not told; tell them, or remove it there by hand",
    ),
    Told(
        warnings.EventLeftAsItWas(ID, "pc0abc"),
        {"booking": ID, "event": "pc0abc"},
        "not connected: the booking is cancelled here, its event pc0abc stays in the calendar until the workspace "
        "is connected again",
    ),
    Told(
        warnings.EventLeftInPlace(ID, "pc0abc"),
        {"booking": ID, "event": "pc0abc"},
        "not connected: the booking is moved here, its event pc0abc stays where it was until the workspace "
        "is connected again",
    ),
    Told(
        warnings.EventsMissing(1),
        {"count": 1},
        "1 booking has no event; make it with `portalcal sync --add-missing`",
    ),
    Told(
        warnings.EventsMissing(3),
        {"count": 3},
        "3 bookings have no event; make them with `portalcal sync --add-missing`",
    ),
    Told(
        warnings.EventOrphaned(ID, "cancelled", TUESDAY, "ana@example.com", dry_run=False, guest="Sam Lee"),
        {"booking": ID, "state": "cancelled", "when": TUESDAY, "calendar": "ana@example.com", "dry_run": False, "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} is cancelled, and its event at {TUESDAY} is removed from ana@example.com",
    ),
    Told(
        warnings.EventOrphaned(ID, "cancelled", TUESDAY, "ana@example.com", dry_run=True, guest="Sam Lee"),
        {"booking": ID, "state": "cancelled", "when": TUESDAY, "calendar": "ana@example.com", "dry_run": True, "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} is cancelled, and its event at {TUESDAY} would be removed from ana@example.com",
    ),
    Told(
        warnings.EventsUnknown("ana@example.com", (ID,)),
        {"calendar": "ana@example.com", "bookings": [ID]},
        "1 event of ours in ana@example.com has no booking here: this ledger lost it, or another one made it; what was lost is taken back by `portalcal sync --adopt`",
    ),
    Told(
        warnings.EventsUnknown("ana@example.com", (ID, ID)),
        {"calendar": "ana@example.com", "bookings": [ID, ID]},
        "2 events of ours in ana@example.com have no booking here: this ledger lost them, or another one made them; what was lost is taken back by `portalcal sync --adopt`",
    ),
    Told(
        warnings.EventNotAdopted(ID, TUESDAY, "ana@example.com", "it names no guest"),
        {"booking": ID, "when": TUESDAY, "calendar": "ana@example.com", "why": "it names no guest"},
        f"the event at {TUESDAY} in ana@example.com is not taken back: it names no guest",
    ),
    Told(
        warnings.BookingNotMoved(ID, f"{TUESDAY} is taken by a meeting on ana@example.com", guest="Sam Lee"),
        {"booking": ID, "why": f"{TUESDAY} is taken by a meeting on ana@example.com", "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} could not be moved: {TUESDAY} is taken by a meeting on ana@example.com",
    ),
    Told(
        warnings.EventNotMade(ID, f"{TUESDAY} is taken by a meeting on ana@example.com", guest="Sam Lee"),
        {"booking": ID, "why": f"{TUESDAY} is taken by a meeting on ana@example.com", "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} still has no event: {TUESDAY} is taken by a meeting on ana@example.com",
    ),
    Told(
        warnings.BookingNotKept(ID, f"{TUESDAY} is taken by a meeting on ana@example.com", guest="Sam Lee"),
        {"booking": ID, "why": f"{TUESDAY} is taken by a meeting on ana@example.com", "guest": "Sam Lee"},
        f"Sam Lee's booking {ID[:8]} could not be kept: {TUESDAY} is taken by a meeting on ana@example.com",
    ),
    Told(
        warnings.BookingConflict(ID, OTHER, TUESDAY, guest="Sam Lee", other_guest="Kim"),
        {"booking": ID, "other": OTHER, "when": TUESDAY, "guest": "Sam Lee", "other_guest": "Kim"},
        f"the event of Sam Lee's booking {ID[:8]} now lies at {TUESDAY}, a time that Kim's booking {OTHER[:8]} holds; "
        "move one of them in the calendar, or cancel one here",
    ),
    Told(
        warnings.OfferConflict(ID, OTHER, TUESDAY, guest="Sam Lee"),
        {"booking": ID, "offer": OTHER, "when": TUESDAY, "guest": "Sam Lee"},
        f"the event of Sam Lee's booking {ID[:8]} now lies at {TUESDAY}, a time that offer {OTHER[:8]} holds; "
        f"move it in the calendar, or release the offer with `portalcal offer {OTHER[:8]} --release`",
    ),
    Told(
        warnings.ParticipantConflict(ID, "ben@example.com", TUESDAY, guest="Sam Lee"),
        {"booking": ID, "participant": "ben@example.com", "when": TUESDAY, "guest": "Sam Lee"},
        f"the event of Sam Lee's booking {ID[:8]} now lies at {TUESDAY}, a time that another workspace holds for ben@example.com; "
        "move it in the calendar, or cancel it here",
    ),
    Told(
        warnings.CalendarOutOfSight("team@example.com"),
        {"calendar": "team@example.com"},
        "calendar team@example.com cannot be seen any more, so its bookings were left as they are; "
        "look at `portalcal calendars --all`; "
        "a booking on a calendar that is gone can be ended with `portalcal cancel ID`",
    ),
    Told(
        warnings.PersonCountsAsBusy("ben (ben@example.com)", "notFound"),
        {"person": "ben (ben@example.com)", "reason": "notFound"},
        "the calendar of ben (ben@example.com) cannot be read (deleted, or not shared), so it counts as busy; see `portalcal people`",
    ),
    Told(
        warnings.RoomPending(ID, "oak"),
        {"booking": ID, "room": "oak"},
        f"the room oak has not answered yet, so booking {ID[:8]} may lose it; `portalcal sync` follows it",
    ),
    Told(
        warnings.RoomGone(ID, "oak"),
        {"booking": ID, "room": "oak"},
        f"the room oak declined the new time of booking {ID[:8]}, which has none now; "
        "see who and what is free with `portalcal availability`",
    ),
    Told(
        warnings.NotReplaced(ID, "ben", "nobody can take Tue 24 Nov, 10:00-10:30 (London): cleo is busy 10:00-11:00"),
        {"booking": ID, "person": "ben", "why": "nobody can take Tue 24 Nov, 10:00-10:30 (London): cleo is busy 10:00-11:00"},
        f"ben declined booking {ID[:8]} and was not replaced: "
        "nobody can take Tue 24 Nov, 10:00-10:30 (London): cleo is busy 10:00-11:00",
    ),
    Told(
        warnings.ReassignmentNotTold(ID, "Google is out of order (503)", "`portalcal sync` tries it again"),
        {"booking": ID, "why": "Google is out of order (503)", "next_step": "`portalcal sync` tries it again"},
        "who leaves and who comes are both held, but Google has not confirmed the change: "
        "Google is out of order (503); `portalcal sync` tries it again",
    ),
    Told(
        warnings.EventsUnread("Google is out of order (503)"),
        {"why": "Google is out of order (503)"},
        "the events around that time cannot be read: Google is out of order (503)",
    ),
    Told(
        warnings.AccountUnread("private", "Google is busy (503): backend error", "run the same command again in a minute"),
        {
            "workspace": "private",
            "why": "Google is busy (503): backend error",
            "next_step": "run the same command again in a minute",
        },
        "the calendars of workspace private cannot be listed: Google is busy (503): backend error; "
        "run the same command again in a minute",
    ),
    Told(
        warnings.AccountUnknown("connection.toml: account: missing"),
        {"problem": "connection.toml: account: missing"},
        "whose connection this was is unknown: connection.toml: account: missing. It is forgotten all the same.",
    ),
    Told(
        warnings.LedgerUnread("ledger.db is not a database"),
        {"why": "ledger.db is not a database"},
        "how many bookings this touches is unknown: ledger.db is not a database",
    ),
    Told(
        warnings.OtherWorkspaces(
            ("sales",), "the workspace sales uses ana@example.com as well and is disconnected too"
        ),
        {
            "workspaces": ["sales"],
            "effect": "the workspace sales uses ana@example.com as well and is disconnected too",
        },
        "the workspace sales uses ana@example.com as well and is disconnected too; connect again there",
    ),
    Told(
        warnings.GrantNotEnded("Google cannot be reached"),
        {"why": "Google cannot be reached"},
        "the grant could not be ended at Google: Google cannot be reached; "
        "end the grant at https://myaccount.google.com/connections",
    ),
    Told(
        warnings.NotForgotten("the keyring is locked"),
        {"why": "the keyring is locked"},
        "something of the connection is still here: the keyring is locked",
    ),
    Told(warnings.NotDisconnected(), {}, "nothing was changed"),
    Told(
        warnings.FormerVault("the keyring is locked"),
        {"why": "the keyring is locked"},
        "secrets of the earlier connection may still be there: the keyring is locked",
    ),
    Told(
        warnings.BrowserNotStarted(), {}, "no browser could be started; open the address above by hand"
    ),
    Told(warnings.BrowserFailed(), {}, "the browser ended with an error; open the address above by hand"),
    Told(
        warnings.NoAnswerYet(),
        {},
        "still waiting for the browser. A page that says “Access blocked” or “App not verified” never comes back: "
        "then the account is not among the test users of the OAuth app, or an administrator blocks it",
    ),
    Told(
        warnings.NotTheAnswer("This address holds neither a code nor an error."),
        {"reason": "This address holds neither a code nor an error."},
        "This address holds neither a code nor an error. Paste the whole address of the page the browser ended on",
    ),
]  # fmt: skip


def kinds(parent: type[PortalcalWarning] = PortalcalWarning) -> Iterator[type[PortalcalWarning]]:
    """Every class of warning, also those that only gather others."""
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


LEAVES = [kind for kind in kinds() if not kind.__subclasses__()]


def name_of(value: object) -> str:
    """How a test's example is called."""
    warning = value.warning if isinstance(value, Told) else value
    return getattr(warning, "__name__", type(warning).__name__)


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_people_read_one_warning_on_stderr(told: Told) -> None:
    stage = Stage(width=1000)

    stage.view.warn(told.warning)

    assert (stage.out, stage.err) == ("", f"warning: {told.says}\n")


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_scripts_get_its_code_its_words_and_its_facts(told: Told) -> None:
    out = io.StringIO()
    view = JsonView("bookings", stdout=out, stderr=io.StringIO())

    view.warn(told.warning)
    view.show(Bookings((), LONDON))

    assert json.loads(out.getvalue())["warnings"] == [
        {"code": told.warning.code, "message": told.says, "details": told.facts}
    ]


@pytest.mark.parametrize("kind", LEAVES, ids=name_of)
def test_every_warning_has_its_transcript(kind: type[PortalcalWarning]) -> None:
    assert kind in {type(each.warning) for each in EXAMPLES}
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)


def test_the_tree_of_warnings_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"\b[A-Z]\w+", (warnings.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0])

    assert sorted(drawn) == sorted(["PortalcalWarning", *(kind.__name__ for kind in kinds())])


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_a_command_in_a_warning_can_be_pasted(told: Told) -> None:
    group: Any = get_command(app)

    for line in re.findall(r"`(portalcal [^`]*)`", told.warning.sentence):
        name, *arguments = shlex.split(line)[1:]
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, arguments)


def test_a_warning_refuses_facts_it_does_not_have() -> None:
    with pytest.raises(TypeError, match="MeetPending takes"):
        warnings.MeetPending(booking=ID, calendar="ana@example.com")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="MeetPending takes"):
        warnings.MeetPending()  # type: ignore[call-arg]
