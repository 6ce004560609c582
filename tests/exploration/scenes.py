"""Where things stand before, who meets whom there, and what must hold when all of them are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import combinations_with_replacement
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import UUID

from portalcal.core.booking import Booking, State
from portalcal.core.offers import OfferState
from portalcal.core.outbox import LEASE
from portalcal.core.participants import Role
from portalcal.errors import GoogleUnreachable, PortalcalError
from portalcal.results import Booked, Cancelled, Reassigned, Rescheduled, Synced
from portalcal.usecases.sync import sync as synchronising
from tests.exploration.explorer import End, Explored, Explorer, Outcome, Process
from tests.exploration.little_google import Cloud, Kept, LittleGoogle, Place
from tests.exploration.little_ledger import Books, LittleLedger, LittleOffers, Store
from tests.exploration.little_world import (
    ANA,
    BEGAN,
    BEN,
    CLEO,
    DANA,
    OTHER,
    SLOT,
    THIRD,
    Command,
    LittleWorld,
    Moment,
    a_book,
    a_cancel,
    a_conversion,
    a_panel,
    a_reassign,
    a_release,
    a_reschedule,
    a_sync,
    an_offer,
    by_hand,
    one_by_one,
    run,
)

AFTERWARDS = BEGAN + 4 * LEASE
X = UUID(int=(9 << 64) + 1)
"""The booking that is there before, Eve's."""

EVE_WITH_PEOPLE = a_panel("Eve", BEN, CLEO, key="x")
A_PANEL = "X is booked with Ben and Cleo"
AN_OFFER, A_SHORT_OFFER = "Eve is offered two times", "Eve is offered two times for a minute"
EVE_AT_SLOT, EVE_AT_OTHER = a_book("Eve", key="x"), a_book("Eve", key="x", when=OTHER)


class Before(NamedTuple):
    """What is there when the commands begin."""

    name: str
    cloud: Cloud
    books: Books

    @property
    def is_of_people(self) -> bool:
        """Whether commands about people make sense there: a panel is booked, or nothing is."""
        return not self.books.offers and not any(each.owner_attends for each in self.books.bookings)


class Scene(NamedTuple):
    """Processes that meet somewhere."""

    before: Before
    processes: tuple[Process, ...]
    may_sleep: bool = False

    @property
    def name(self) -> str:
        """Who meets whom, and where."""
        who = " + ".join(each.command.name for each in self.processes)
        where = ", on two machines" if len({each.machine for each in self.processes}) > 1 else ""
        return f"{self.before.name}: {who}{where}"

    def __str__(self) -> str:
        return self.name

    def explore(self) -> Explored:
        """Every order of their calls, and what is wrong in any. What a command reads at once it reads in one order."""
        with patch.object(synchronising, "run_all", one_by_one):
            return self._explore()

    def _explore(self) -> Explored:
        machines = 1 + max(each.machine for each in self.processes)
        books = (self.before.books, *([Books()] * (machines - 1)))
        # Who sleeps here is on a machine that cannot tell who is alive.
        explorer = Explorer(self.processes, may_sleep=self.may_sleep, leases_end=not self.may_sleep)
        return explorer.explore(self.before.cloud, books, Verdict(self))


# --- what is there before -------------------------------------------------------------------------------------


class _Failing(LittleGoogle):
    """A Google whose calls of some names have no answer, from the first one on; they are done all the same, or not."""

    def __init__(self, place: Place, names: tuple[str, ...], *, done: bool) -> None:
        super().__init__(place, BEGAN)
        self._names = names
        self._done = done
        self._is_down = False

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name.startswith("_") or not callable(method) or (name not in self._names and not self._is_down):
            return method

        def failing(*values: object, **named: object) -> None:
            if self._done and not self._is_down:
                method(*values, **named)
            self._is_down = True
            raise GoogleUnreachable("google", "the reply was lost", sent=True)

        return failing


def _after(
    before: Before, name: str, *commands: Command, google: Callable[[Place], LittleGoogle] | None = None
) -> Before:
    """What is there once commands were run one after the other, the first of them being Eve's."""
    place, store = Place(before.cloud), Store(before.books)
    calendars = google(place) if google else LittleGoogle(place, BEGAN)
    for command in commands:
        clock = Moment(BEGAN, X.int >> 64)
        try:
            run(command, _a_world(store, clock, calendars))
        except PortalcalError as error:
            raise AssertionError(f"{name}: {command.name} ended with {error}") from error
    return Before(name, place.cloud, store.books)


def _a_world(store: Store, clock: Moment, calendars: LittleGoogle) -> LittleWorld:
    ledger = LittleLedger(store, "default", clock)
    return LittleWorld(clock, ledger, calendars, LittleOffers(store, ledger, clock))


@cache
def befores() -> dict[str, Before]:
    """Every beginning, by its name."""
    nothing = Before("nothing is booked", Cloud((ANA,)), Books())
    at_slot = _after(nothing, "X is booked", EVE_AT_SLOT)
    at_other = _after(nothing, "X is booked at another time", EVE_AT_OTHER)

    def without(*names: str, done: bool) -> Callable[[Place], LittleGoogle]:
        return lambda place: _Failing(place, names, done=done)

    move = a_reschedule(X, SLOT, "the slot")
    found = (
        nothing,
        at_slot,
        at_other,
        _after(nothing, "X is held, its event not made", EVE_AT_SLOT, google=without("insert", done=False)),
        _after(nothing, "X is held, its event made", EVE_AT_SLOT, google=without("insert", done=True)),
        _after(at_slot, "X is cancelled, its event there", a_cancel(X), google=without("delete", done=False)),
        _after(at_slot, "X is cancelled, its event gone", a_cancel(X), google=without("delete", done=True)),
        _after(at_other, "X is to move to the slot", move, google=without("move", done=False)),
        _after(
            at_other, "X is to move to the slot, its event is there", move, google=without("move", done=True)
        ),
        _after(at_slot, "X is booked and was dragged away", by_hand("drag", "move_by_hand", X, THIRD)),
        _after(at_slot, "X is booked and its event deleted", by_hand("delete", "delete_by_hand", X)),
        _after(nothing, AN_OFFER, an_offer("Eve", key="x", lasts=timedelta(days=1))),
        _after(nothing, A_SHORT_OFFER, an_offer("Eve", key="x", lasts=LEASE / 2)),
        _after(nothing, A_PANEL, EVE_WITH_PEOPLE),
        _after(
            _after(nothing, A_PANEL, EVE_WITH_PEOPLE),
            "Dana is to come to the panel X in Cleo's place",
            a_reassign(X, CLEO, DANA),
            google=without("invite", done=False),
        ),
        _after(
            _after(nothing, A_PANEL, EVE_WITH_PEOPLE),
            "Dana is to come to the panel X in Cleo's place, and is invited",
            a_reassign(X, CLEO, DANA),
            google=without("invite", done=True),
        ),
    )
    return {each.name: each for each in found}


# --- who meets ------------------------------------------------------------------------------------------------


def offer_commands(before: Before) -> list[Command]:
    """What can be run on an offer, and on the time that it holds."""
    (offered,) = before.books.offers
    anyhow = [a_book("Sam", key="a"), a_release(offered.id), a_conversion(offered.id, 1), a_sync()]
    if before.name == A_SHORT_OFFER:
        return [*anyhow, an_offer("Sam", key="y", lasts=timedelta(days=1))]
    return [
        *anyhow,
        a_conversion(offered.id, 2),
        an_offer("Eve", key="x", lasts=timedelta(days=1))._replace(name="offer it again"),
        by_hand("somebody adds an event", "add_by_hand", ANA, "other", SLOT),
    ]


def panel_commands(before: Before) -> list[Command]:
    """What can be run on the slot there, where people come: each command shares somebody with some of the others."""
    others = [
        a_panel("Sam", BEN, DANA, key="a"),
        a_panel("Kim", DANA, key="b"),
        a_book("Lee", key="c"),
        a_sync(),
    ]
    if not before.books.bookings:
        return [
            a_panel("Eve", BEN, CLEO, key="x"),
            a_panel("Max", BEN, key="d", owner_attends=True),
            *others,
        ]
    return [
        *others,
        a_reassign(X, CLEO, DANA),
        a_reassign(X, BEN, DANA),
        a_cancel(X),
        a_reschedule(X, THIRD, "a third time"),
    ]


def commands(before: Before) -> list[Command]:
    """What can be run on the slot there."""
    anywhere = [
        a_book("Sam", key="a"),
        a_sync(),
        by_hand("somebody adds an event", "add_by_hand", ANA, "other", SLOT),
    ]
    if not before.books.bookings:
        return anywhere
    again = EVE_AT_OTHER if before.books.bookings[0].first_request.meeting == OTHER else EVE_AT_SLOT
    return [
        *anywhere,
        again._replace(name="book X again"),
        a_cancel(X),
        a_reschedule(X, THIRD, "a third time"),
        *([a_reschedule(X, SLOT, "the slot")] if again is EVE_AT_OTHER else []),
        by_hand("somebody drags X to the slot" if again is EVE_AT_OTHER else "somebody drags X away",
                "move_by_hand", X, SLOT if again is EVE_AT_OTHER else OTHER),
        by_hand("somebody deletes X", "delete_by_hand", X),
    ]  # fmt: skip


def scenes(*, may_sleep: bool) -> Iterator[Scene]:
    """Every two commands that can meet, wherever they can; on one machine, and where it makes sense on two."""
    for before, one, other in _meetings():
        # An offer that lasts a minute differs where time passes.
        if before.name == (AN_OFFER if may_sleep else A_SHORT_OFFER):
            continue
        yield Scene(before, (Process(one), Process(other)), may_sleep)
    for name in ("nothing is booked", "X is booked at another time"):
        before = befores()[name]
        for one in commands(before):
            if one.does in {"book", "reschedule"} and one.name not in {
                "book X again",
                "reschedule to a third time",
            }:
                yield Scene(before, (Process(one), Process(a_book("Kim", key="b"), machine=1)), may_sleep)


def _meetings() -> Iterator[tuple[Before, Command, Command]]:
    for before in befores().values():
        for there in _commands_there(before):
            for one, other in combinations_with_replacement(there, 2):
                if not one.does == other.does == "hand":
                    yield before, one, other
        if not before.books.offers and not (before.books.bookings and before.is_of_people):
            yield before, a_book("Sam", key="a"), a_book("Kim", key="b")


def _commands_there(before: Before) -> list[list[Command]]:
    """The commands that make sense there, of which every two meet."""
    if before.books.offers:
        return [offer_commands(before)]
    if not before.books.bookings:
        return [commands(before), panel_commands(before)]
    return [panel_commands(before) if before.is_of_people else commands(before)]


def explored(number: int, *, may_sleep: bool) -> Explored:
    """What exploring the scene of that number finds: a function that another process can be given."""
    return list(scenes(may_sleep=may_sleep))[number].explore()


# --- what must hold -------------------------------------------------------------------------------------------


class Verdict:
    """What is wrong at an end of a scene: once `sync` has run, and where a process died, once its command was run again.

    Settling is what costs, and depends on ledgers and calendar alone: ends that differ in what was told share it.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._settled: dict[tuple[object, ...], Settled] = {}

    def __call__(self, end: End) -> list[str]:
        """Everything that is wrong."""
        found = [f"told wrongly: {each}" for each in self._wrongs(end, ())]
        if None in end.outcomes:
            dead = tuple(number for number, each in enumerate(end.outcomes) if each is None)
            found += [f"told wrongly, run again: {each}" for each in self._wrongs(end, dead)]
        return found

    def _wrongs(self, end: End, again: tuple[int, ...]) -> list[str]:
        where = (end.place, again)
        if where not in self._settled:
            self._settled[where] = _settle(self._scene, end, again)
        settled = self._settled[where]
        outcomes = [settled.again.get(number, each) for number, each in enumerate(end.outcomes)]
        found = list(settled.wrong)
        for number in range(len(outcomes)):
            found += _broken_word(self._scene, number, outcomes, settled.books)
        if end.is_undisturbed:
            found += _nobody(self._scene, outcomes)
        return found


class Settled(NamedTuple):
    """Ledgers after every machine had its `sync`, what is wrong there, and how commands ended that were run again."""

    books: tuple[Books, ...]
    again: dict[int, Outcome]
    wrong: tuple[str, ...]


def _settle(scene: Scene, end: End, again: tuple[int, ...]) -> Settled:
    """Let every machine have its `sync`, and before that the processes of these numbers their commands again."""
    place, stores = Place(end.cloud), [Store(each) for each in end.books]

    def do(command: Command, machine: int) -> Outcome:
        clock = Moment(AFTERWARDS, 100 + machine)
        try:
            return Outcome(run(command, _a_world(stores[machine], clock, LittleGoogle(place, AFTERWARDS))))
        except PortalcalError as error:
            return Outcome(error=error)

    outcomes = {
        number: do(scene.processes[number].command, scene.processes[number].machine) for number in again
    }
    synced = [do(a_sync(), number) for number in range(len(stores))]
    found = [f"sync ended with {each.error.code}: {each.error}" for each in synced if each.error]
    # What somebody dragged onto another booking's time stays until a person resolves it, and sync has to say so.
    told = {one for each in synced if isinstance(each.value, Synced) for one in each.value.conflicts}
    books = tuple(each.books for each in stores)
    found += _differences(place.cloud, books, told) + _crowded(place.cloud, told)
    return Settled(books, outcomes, tuple(found))


def _differences(cloud: Cloud, books: tuple[Books, ...], told: set[UUID]) -> list[str]:
    """In what ledgers and calendar differ, and what is left over."""
    live = [kept for kept in cloud.kept() if kept.event.booking]
    events = {kept.event.booking: kept for kept in live}
    found = ["a booking has two events"] if len(events) < len(live) else []
    for number, each in enumerate(books):
        found += [f"a {owed.entry.task} is owed on machine {number}" for owed in each.owed]
        if each.overlap():
            found.append(f"two bookings of machine {number} hold one time")
        found += _broken_offers(each)
        for booking in each.bookings:
            # Nothing here is tentative: an offered time has no event.
            if booking.offer is not None:
                continue
            kept = events.pop(str(booking.id), None)
            found += _difference(booking, kept) if booking.id not in told else []
    return found + [f"the event of {each} belongs to nothing" for each in events]


def _broken_offers(books: Books) -> list[str]:
    """Offers that are over and hold a time, or that became more or less than one booking."""
    found = []
    for offer in books.offers:
        held = [each for each in books.bookings if each.offer == offer.id and each.is_live]
        made = [each for each in books.bookings if each.id == offer.booking]
        if offer.state is not OfferState.OPEN and held:
            found.append(f"offer {offer.id} is {offer.state} and holds a time")
        if (offer.state is OfferState.TAKEN) is not bool(made):
            found.append(f"offer {offer.id} is {offer.state} and became {len(made)} bookings")
    eves = [each for each in books.bookings if each.request.guest.name == "Eve" and each.offer is None]
    if books.offers and sum(each.is_live for each in eves) > 1:
        found.append("two times of an offer are booked")
    return found


def _difference(booking: Booking, kept: Kept | None) -> list[str]:
    if not booking.is_live:
        return [f"{booking.id} is {booking.state} and has an event"] if kept else []
    if kept is None:
        return [f"{booking.id} is {booking.state} and has no event"]
    if booking.state is not State.CONFIRMED or booking.meeting != kept.event.span or booking.moving_to:
        return [f"{booking.id} is {booking.state} at {booking.meeting}, its event at {kept.event.span}"]
    invited = tuple(sorted(each.address for each in booking.participants if each.role is not Role.OWNER))
    return (
        []
        if invited == kept.attendees
        else [f"{booking.id} is with {invited}, and {kept.attendees} are invited"]
    )


def _crowded(cloud: Cloud, told: set[UUID]) -> list[str]:
    """Somebody in two meetings at one time, when the one that is ours came second."""
    live = sorted(cloud.kept(), key=lambda each: each.event.moved_at or each.event.created or BEGAN)
    return [
        f"an event of {late.event.booking} lies on {early.event.booking or 'somebody else'}'s"
        for number, early in enumerate(live)
        for late in live[number + 1 :]
        if late.event.booking
        and not told & {UUID(each.event.booking) for each in (early, late) if each.event.booking}
        if set(early.participants) & set(late.participants)
        if early.event.span and late.event.span and early.event.span.overlaps(late.event.span)
    ]


def _broken_word(
    scene: Scene, number: int, outcomes: list[Outcome | None], books: tuple[Books, ...]
) -> list[str]:
    """Where what a process said is not so in the end, and nobody else had a hand in it."""
    process, outcome = scene.processes[number], outcomes[number]
    if outcome is None:
        return []
    bookings = {each.id: each for each in books[process.machine].bookings}
    others = [each.command for index, each in enumerate(scene.processes) if index != number]
    # Who drags, cancels or moves a booking may have the last word about it.
    is_alone = not any(each.does in {"cancel", "reschedule", "reassign", "hand"} for each in others)
    if untrue := _untrue(scene, outcome.value, bookings, is_alone=is_alone):
        return [untrue]
    if (
        outcome.error
        and process.command.does == "book"
        and process.command.key not in {each.key for each in others}
    ):
        made = [each for each in bookings.values() if each.key == process.command.key and each.is_live]
        if made and process.command.key != "x":
            return [f"told {outcome.error.code}, and {made[0].id} is {made[0].state}"]
    return []


def _untrue(scene: Scene, value: object, bookings: dict[UUID, Booking], *, is_alone: bool) -> str | None:
    """What a command said that is not so of its booking; None: it is."""
    match value:
        case Booked(booking) if booking.state is State.CONFIRMED:
            stands = bookings[booking.id]
            is_kept = stands.state is State.CONFIRMED and stands.meeting in {
                booking.meeting,
                booking.moving_to,
            }
            if stands.state is State.REFUSED or (is_alone and not _was_odd(scene) and not is_kept):
                return f"told that {booking.id} is booked; it is {stands.state}"
        case Rescheduled(booking) if booking.moving_to is None and is_alone and not _was_odd(scene):
            stands = bookings[booking.id]
            if stands.meeting != booking.meeting:
                return f"told that {booking.id} is at {booking.meeting}; it is at {stands.meeting}"
        case Reassigned():
            return _untrue_of_people(value, bookings[value.booking.id], is_alone=is_alone)
        case Cancelled(booking):
            stands = bookings[booking.id]
            if stands.is_live:
                return f"told that {booking.id} is cancelled; it is {stands.state}"
        case _:
            pass
    return None


def _untrue_of_people(answer: Reassigned, stands: Booking, *, is_alone: bool) -> str | None:
    """What `reassign` said that is not so. No scene brings back who was replaced."""
    coming = answer.booking.coming
    if not answer.booking.is_live or answer.came.address not in {each.address for each in coming}:
        return (
            f"told that {answer.came.address} comes to a booking that is {answer.booking.state} with {coming}"
        )
    if answer.booking.moving_to is not None:
        return None
    if answer.left.address in {each.address for each in stands.coming}:
        return f"told that {answer.left.address} leaves; {stands.claimants} come"
    if is_alone and stands.claimants != answer.booking.claimants:
        return f"told that {answer.booking.claimants} come; {stands.claimants} do"
    return None


def _was_odd(scene: Scene) -> bool:
    """Whether a person had changed the event before it all began."""
    return "dragged" in scene.before.name or "deleted" in scene.before.name


def _nobody(scene: Scene, outcomes: list[Outcome | None]) -> list[str]:
    """Where nothing went wrong and the slot was free, somebody gets it."""
    is_free = scene.before.name == "nothing is booked"
    wanted = [
        outcome
        for each, outcome in zip(scene.processes, outcomes, strict=True)
        if each.command.does == "book"
    ]
    if not is_free or not wanted or any(each.command.does == "hand" for each in scene.processes):
        return []
    won = [each for each in wanted if each and isinstance(each.value, Booked)]
    if not won:
        return ["the time was free, and nobody got it"]
    claims = [each.command.takes for each in scene.processes if each.command.does == "book"]
    claimed = frozenset[str]().union(*claims)
    # The account's own calendar shows what it only organises as busy time.
    is_for_all = ANA not in claimed and len(claimed) == sum(map(len, claims))
    return ["nobody was in both, and one was refused"] if is_for_all and len(won) < len(wanted) else []
