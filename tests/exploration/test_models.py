"""The little ledger keeps the contract of the real one; the little Google answers as the simulator does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from uuid import UUID

import pytest

from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.calendar import GoogleCalendars
from portalcal.adapters.google.tokens import GrantAccessTokens
from portalcal.config.model import Endpoints
from portalcal.core.booking import Notify
from portalcal.core.grant import AccessToken, Grant
from portalcal.core.slots import FreeBusy
from portalcal.errors import EventNotFound
from portalcal.ports import (
    Calendars,
    Event,
    EventChanged,
    EventChanges,
    EventDraft,
    EventIdTaken,
    Invitee,
    Ledger,
)
from portalcal.simulator.google import Simulator
from tests import selection
from tests.adapters.scripted import an_http_client
from tests.builders import SetClock, span
from tests.contract.test_ledger import LedgerContract, OpenLedger
from tests.exploration.little_google import Cloud, LittleGoogle, Place
from tests.exploration.little_ledger import LittleLedger, Store
from tests.exploration.little_world import ANA, BEGAN, BEN, CLEO, OTHER, SLOT, THIRD


class TestLittleLedger(LedgerContract):
    @pytest.fixture
    def open_ledger(self, clock: SetClock) -> OpenLedger:
        store, number = Store(), count(1)

        def open_one(workspace: str = "default") -> Ledger:
            return LittleLedger(store, workspace, clock, owner=next(number))

        return open_one


# --- Google -----------------------------------------------------------------------------------------------------

BOOKINGS = (UUID(int=1), UUID(int=2))
MORNING = span("08:00-12:00")


@pytest.fixture
def simulated() -> Iterator[Calendars]:
    with Simulator(now=BEGAN) as google:
        for person in (BEN, CLEO):
            google.add_user(person)
            google.share(person, ANA, role="freeBusyReader")
        token = google.issue_token(scopes=("calendar",))
        grant = Grant(token.refresh_token, AccessToken(token), frozenset({"calendar"}))
        endpoints = Endpoints(google.api_root, google.revoke_uri)
        calendars = GoogleCalendars(
            AuthorizedHttp(GrantAccessTokens(grant), http_client=an_http_client()), endpoints
        )
        yield calendars
        calendars.close()


class Player:
    """Plays moves to one Google and remembers the versions and tokens it gave."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars
        self._etags: dict[str, str] = {}
        self._token: str | None = None

    def play(self, move: Callable[[Player], object]) -> object:
        """What came of a move, in what both sides can be compared by."""
        try:
            return told(move(self))
        except (EventIdTaken, EventChanged, EventNotFound) as error:
            return type(error).__name__

    def insert(self, draft: EventDraft) -> Event:
        made = self._calendars.insert(ANA, draft, notify=Notify.NONE)
        self._etags[made.id] = made.etag
        return made

    def move(self, draft: EventDraft, *, knows: str) -> Event:
        etag = {"the version": self._etags.get(draft.id), "another": '"0"', "none": None}[knows]
        moved = self._calendars.move(ANA, draft, etag=etag, notify=Notify.NONE)
        self._etags[moved.id] = moved.etag
        return moved

    def invite(self, draft: EventDraft, *, but_not: tuple[str, ...]) -> Event:
        changed = self._calendars.invite(
            ANA, draft.id, people=draft.people, but_not=but_not, notify=Notify.NONE
        )
        self._etags[changed.id] = changed.etag
        return changed

    def delete(self, event_id: str) -> object:
        return self._calendars.delete(ANA, event_id, notify=Notify.NONE)

    def changes(self, *, all_of_them: bool) -> EventChanges:
        found = self._calendars.changes(ANA, None if all_of_them else self._token)
        self._token = found.token
        return found

    def look(self, event_id: str, booking: UUID) -> list[object]:
        """Everything that can be read."""
        calendars = self._calendars
        return [
            self.play(lambda _: calendars.event(ANA, event_id)),
            told(calendars.events(ANA, MORNING)),
            told(calendars.events(ANA, SLOT)),
            told(calendars.events_of(ANA, booking)),
            told(calendars.free_busy((ANA, BEN, CLEO), MORNING)),
        ]


def told(answer: object) -> object:
    match answer:
        case Event(is_cancelled=True):
            return answer.id, "cancelled"
        case Event():
            named = (answer.id, answer.span, answer.is_busy, answer.booking, answer.title, answer.is_moved)
            return *named, answer.created is not None, answer.moved_at is not None
        case EventChanges():
            return sorted(map(str, map(told, answer.events)))
        case FreeBusy():
            return answer.busy, answer.unread
        case tuple() | list():
            return sorted(str(told(each)) for each in answer)
        case _:
            return answer


def a_move(dice: random.Random) -> Callable[[Player], object]:
    number = dice.randrange(2)
    draft = EventDraft(
        id=f"pc00000{number}",
        booking=BOOKINGS[number],
        title=f"Meeting {number}",
        span=dice.choice((SLOT, OTHER, THIRD)),
        timezone="UTC",
        guests=(),
        guest_name="",
        people=tuple(map(Invitee, dice.choice(((), (BEN,), (CLEO,), (BEN, CLEO))))),
    )
    leaving = tuple(each for each in (BEN, CLEO) if Invitee(each) not in draft.people)
    knows, all_of_them = dice.choice(("the version", "another", "none")), dice.random() < 0.3
    moves: tuple[Callable[[Player], object], ...] = (
        lambda player: player.insert(draft),
        lambda player: player.move(draft, knows=knows),
        lambda player: player.delete(draft.id),
        lambda player: player.invite(draft, but_not=leaving),
        lambda player: player.changes(all_of_them=all_of_them),
        lambda player: player.look(draft.id, draft.booking),
    )
    return dice.choice(moves)


def test_the_little_google_answers_as_the_simulator_does(simulated: Calendars) -> None:
    little, real = Player(LittleGoogle(Place(Cloud((ANA,))), BEGAN)), Player(simulated)
    dice = random.Random(5)

    for _ in selection.some(range(500)):
        move = a_move(dice)
        assert little.play(move) == real.play(move)


def test_of_two_events_the_little_google_made_the_later_one_is_younger() -> None:
    google = LittleGoogle(Place(Cloud((ANA,))), BEGAN)
    drafts = [EventDraft(f"pc{each}", BOOKINGS[each], "", SLOT, "UTC", (), "") for each in (1, 0)]

    first, second = (google.insert(ANA, each, notify=Notify.NONE).created for each in drafts)

    assert first is not None
    assert second is not None
    assert first < second
