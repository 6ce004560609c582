"""Every way in which a few commands can take turns, explored and not sampled.

A use-case is a function of what its ports answer. So a process needs neither a thread nor a copy: where it stands is
the list of answers it was given, and what it does next is found by running it from the start against that list until
it asks for one more. The machines and Google are immutable values (`Books`, `Cloud`). A state of the whole is therefore
a tuple of small numbers, each standing for a value that was seen before; equal states are the same tuple and are
explored once.

At every state each process may make its next call. Beside that, once each in a schedule and anywhere in it: a process
dies; an answer of Google's is lost, with the call done or not done; a process sleeps until its leases are over.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

from portalcal.core.booking import Booking
from portalcal.core.history import (
    BookingChange,
    calendar_changes,
    command_changes,
    expiry_changes,
    facts_of,
    first_change,
    outcome_changes,
)
from portalcal.core.offers import OfferState
from portalcal.core.outbox import LEASE
from portalcal.errors import GoogleUnreachable, PortalcalError
from portalcal.ports import (
    Calendars,
    ClaimsOverlap,
    EntryPending,
    EventChanged,
    EventIdTaken,
    Ledger,
    OfferBook,
    SyncTokenExpired,
)
from tests.exploration.little_google import Cloud, LittleGoogle, Place
from tests.exploration.little_ledger import Books, LittleLedger, LittleOffers, Store
from tests.exploration.little_world import BEGAN, Command, LittleWorld, Moment, run
from tests.replay import replayed

LATE = BEGAN + LEASE
"""What clocks show once a process has slept."""

_DEAD = -1
_WRITES = frozenset({"insert", "move", "delete"})
_BY_HAND = frozenset({"add_by_hand", "move_by_hand", "delete_by_hand"})
_ANSWERS = (PortalcalError, EventChanged, EventIdTaken, ClaimsOverlap, EntryPending, SyncTokenExpired)


class Process(NamedTuple):
    """A command, and the machine it runs on: the number of its ledger."""

    command: Command
    machine: int = 0


class Call(NamedTuple):
    """What a process asks of a port."""

    port: str
    name: str
    values: tuple[object, ...]
    named: tuple[tuple[str, object], ...]


class Reply(NamedTuple):
    """What a port answered, or raised."""

    value: object = None
    error: Exception | None = None


class Outcome(NamedTuple):
    """How a process ended; `error` is one of ours."""

    value: object = None
    error: PortalcalError | None = None


class State(NamedTuple):
    """Where everything stands: numbers of a cloud, of books by machine, of histories by process; and what happened."""

    cloud: int
    books: tuple[int, ...]
    stands: tuple[int, ...]
    has_died: bool = False
    has_lost: bool = False
    is_late: bool = False


class Step(NamedTuple):
    """What leads from a state to the next: a process makes a call, or what else comes of it."""

    process: int
    call: int
    how: str = ""


_SLEEP = Step(-1, -1, "two minutes pass")


class End(NamedTuple):
    """A state in which every process is over; None for one that died.

    `place` is equal for ends with the same calendar and ledgers, and costs less to compare than these do.
    """

    cloud: Cloud
    books: tuple[Books, ...]
    outcomes: tuple[Outcome | None, ...]
    is_undisturbed: bool
    place: tuple[int, ...]


class Explored(NamedTuple):
    """How many states and ends there were, and what was wrong in any, with the way there."""

    states: int
    ends: int
    wrong: tuple[str, ...]


class _Numbered:
    """Values by number, equal ones by the same. `told` says what makes two equal."""

    def __init__(self, told: Callable[[Any], Hashable] = lambda value: value) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._values: list[Any] = []
        self._told = told

    def number(self, value: Any) -> int:
        told = self._told(value)
        if told not in self._numbers:
            self._numbers[told] = len(self._values)
            self._values.append(value)
        return self._numbers[told]

    def __getitem__(self, number: int) -> Any:
        return self._values[number]


class _Asked(BaseException):
    """A process asked for more than it was told so far; nothing in it may catch this."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.call = call


_NOT_YET: tuple[Reply | None, datetime] = (None, BEGAN)


class _Script:
    """The answers of a process so far, given out in their order, and the time each was given."""

    def __init__(self, given: list[tuple[Reply, datetime]], clock: Moment) -> None:
        self._given = iter(given)
        self._clock = clock

    def ask(self, port: str, name: str, values: tuple[object, ...], named: dict[str, object]) -> object:
        """The answer to the next call."""
        reply, now = next(self._given, _NOT_YET)
        if reply is None:
            raise _Asked(Call(port, name, values, tuple(sorted(named.items()))))
        self._clock.tell(now)
        if reply.error is not None:
            raise reply.error.with_traceback(None)
        return reply.value


class _Port:
    """A port that is answered from a script."""

    def __init__(self, name: str, script: _Script) -> None:
        self._name = name
        self._script = script

    def __getattr__(self, name: str) -> Callable[..., object]:
        def asked(*values: object, **named: object) -> object:
            return self._script.ask(self._name, name, values, named)

        return asked


class Explorer:
    """One scene: processes on their machines, and one Google.

    `may_sleep` adds the time that passes while one of them stands still. Where nobody can tell that a process has
    ended (`leases_end` is false), its leases go on after it.
    """

    def __init__(self, processes: tuple[Process, ...], *, may_sleep: bool, leases_end: bool) -> None:
        self._processes = processes
        self._may_sleep = may_sleep
        self._leases_end = leases_end
        self._clouds, self._books, self._calls = _Numbered(), _Numbered(), _Numbered()
        self._replies = _Numbered(_same)
        self._histories = _Numbered()
        # Values are few and states many: what concerns a part of a state is worked out once for each part.
        self._next, self._answer, self._told = cache(self._run), cache(self._call), cache(self._hear)
        self._lost, self._ended = cache(self._lose), cache(self._end_of)
        self._is_timed, self._overlaps = cache(self._timed), cache(self._overlap)
        self._unfaithful: set[str] = set()
        """Changes of bookings that the history would not tell as they are."""

    def explore(self, cloud: Cloud, books: tuple[Books, ...], check: Callable[[End], list[str]]) -> Explored:
        """Go every way from a beginning, and check every end of it and every state on the way.

        The ends that are equal are checked once; the way to a wrong one is told call by call.
        """
        begin = tuple(self._histories.number((number, ())) for number in range(len(self._processes)))
        first = State(self._clouds.number(cloud), tuple(map(self._books.number, books)), begin)
        came_from: dict[State, tuple[State, Step] | None] = {first: None}
        waiting, ends = [first], 0
        wrong: list[str] = []
        checked: dict[tuple[object, ...], list[str]] = {}
        while waiting:
            state = waiting.pop()
            for step, after in self._following(state):
                if after not in came_from:
                    came_from[after] = (state, step)
                    waiting.append(after)
            found = [told for each in state.books for told in self._overlaps(each)]
            if all(self._next(each)[0] is None for each in state.stands):
                ends += 1
                is_disturbed = state.has_died or state.has_lost or state.is_late
                end = (state.cloud, state.books, state.stands, is_disturbed)
                if end not in checked:
                    checked[end] = check(self._end(state))
                found += checked[end]
            if found:
                wrong.append("\n".join([*found, *self._way(came_from, state)]))
        return Explored(len(came_from), ends, (*wrong, *sorted(self._unfaithful)))

    # --- one step

    def _following(self, state: State) -> Iterator[tuple[Step, State]]:
        """Every state that may be next, and what leads there."""
        cloud, books, stands, has_died, has_lost, is_late = state
        for number, stand in enumerate(stands):
            call = self._next(stand)[0]
            if call is None:
                continue
            machine, asked = self._processes[number].machine, self._calls[call]
            if asked.port == "calendars":
                made, reply = self._answer(cloud, call, is_late)
                written = books
            else:
                made = cloud
                mine, reply = self._answer(books[machine], call, is_late, number + 1)
                written = _put(books, machine, mine)
            answered = _put(stands, number, self._told(stand, reply, is_late))
            yield Step(number, call), State(made, written, answered, has_died, has_lost, is_late)
            if not has_died:
                left = _put(books, machine, self._ended(books[machine], number + 1))
                dead = _put(stands, number, _DEAD)
                yield (
                    Step(number, call, " is not made, it dies"),
                    State(cloud, left, dead, True, has_lost, is_late),
                )
            if asked.port == "calendars" and asked.name not in _BY_HAND and not has_lost:
                untold = _put(stands, number, self._told(stand, self._lost(call), is_late))
                yield Step(number, call, " is lost"), State(cloud, books, untold, has_died, True, is_late)
                if asked.name in _WRITES:
                    done = State(made, books, untold, has_died, True, is_late)
                    yield Step(number, call, " is done and its answer lost"), done
        if self._may_sleep and not is_late and any(map(self._is_timed, books)):
            yield _SLEEP, State(cloud, books, stands, has_died, has_lost, True)

    def _hear(self, stand: int, reply: int, is_late: bool) -> int:
        """Where a process stands once it was answered."""
        process, given = self._histories[stand]
        return self._histories.number((process, (*given, (reply, is_late))))

    def _end_of(self, books: int, owner: int) -> int:
        """The books once a process has died. Its leases end with it, or when their time is over: see `leases_end`."""
        return self._books.number(self._books[books].without(owner)) if self._leases_end else books

    def _run(self, stand: int) -> tuple[int | None, Outcome | None]:
        """What a process asks next, where it stands, or how it ended."""
        if stand == _DEAD:
            return None, None
        process, given = self._histories[stand]
        clock = Moment(BEGAN, process + 1)
        script = _Script([(self._replies[reply], LATE if late else BEGAN) for reply, late in given], clock)
        ledger, calendars, offers = (_Port(name, script) for name in ("ledger", "calendars", "offers"))
        context = LittleWorld(
            clock, cast("Ledger", ledger), cast("Calendars", calendars), cast("OfferBook", offers)
        )
        try:
            return None, Outcome(run(self._processes[process].command, context))
        except _Asked as asked:
            return self._calls.number(asked.call), None
        except PortalcalError as error:
            return None, Outcome(error=error)

    def _call(self, part: int, call: int, is_late: bool, owner: int = 0) -> tuple[int, int]:
        """What a port answers, and what it is afterwards."""
        asked: Call = self._calls[call]
        now = LATE if is_late else BEGAN
        if asked.port == "calendars":
            place = Place(self._clouds[part])
            reply = _reply(LittleGoogle(place, now), asked)
            return self._clouds.number(place.cloud), self._replies.number(reply)
        store = Store(self._books[part])
        clock = Moment(now, 0)
        ledger = LittleLedger(store, "default", clock, owner=owner)
        reply = _reply(LittleOffers(store, ledger, clock) if asked.port == "offers" else ledger, asked)
        self._unfaithful.update(_badly_told(self._books[part], store.books, asked))
        return self._books.number(store.books), self._replies.number(reply)

    def _lose(self, call: int) -> int:
        """The reply to a call of Google's whose answer was lost."""
        is_write = self._calls[call].name in _WRITES
        error = GoogleUnreachable("google", "the reply was lost", sent=is_write)
        return self._replies.number(Reply(error=error))

    # --- looking

    def _timed(self, books: int) -> bool:
        """Whether the time that passes makes a difference: to a lease, or to an offer that then is over."""
        offers = self._books[books].offers
        return any(owed.leased_until for owed in self._books[books].owed) or any(
            each.state_at(BEGAN) is OfferState.OPEN is not each.state_at(LATE) for each in offers
        )

    def _overlap(self, books: int) -> tuple[str, ...]:
        """Guards that overlap in a ledger, at whatever moment."""
        found = self._books[books].overlap()
        return (f"{found[0].id} and {found[1].id} hold one time",) if found else ()

    def _end(self, state: State) -> End:
        is_disturbed = state.has_died or state.has_lost or state.is_late
        return End(
            self._clouds[state.cloud],
            tuple(self._books[each] for each in state.books),
            tuple(self._next(each)[1] for each in state.stands),
            not is_disturbed,
            (state.cloud, *state.books),
        )

    def _way(self, came_from: dict[State, tuple[State, Step] | None], state: State) -> list[str]:
        """The steps that led to a state."""
        steps: list[str] = []
        before = came_from[state]
        while before:
            state, (process, call, how) = before
            who = f"{self._processes[process].command.name}: {self._calls[call].name}" if call >= 0 else ""
            steps.append(f"  {who}{how}")
            before = came_from[state]
        return steps[::-1]


def _badly_told(before: Books, after: Books, call: Call) -> Iterator[str]:
    """The bookings whose facts after a call are not those before it with the lines of the history applied."""
    known = {each.id: each for each in before.bookings}
    for booking in after.bookings:
        old = known.get(booking.id)
        if old is booking:
            continue
        if old is None:
            recorded = replayed((first_change(booking),))
        else:
            recorded = replayed(_changes(call, old, booking), onto=facts_of(old))
        if recorded != facts_of(booking):
            yield f"{call.name} changes {booking.id} in a way that its history does not tell"


def _changes(call: Call, before: Booking, after: Booking) -> tuple[BookingChange, ...]:
    """The lines that the ledger writes for a call; see `SqlLedger`."""
    if call.name == "adopt":
        return calendar_changes(before, after)
    if after.ended_because == "offer expired":
        return expiry_changes(before, after)
    if call.name == "settle":
        return outcome_changes(
            before, after, task=None, is_rejected=dict(call.named).get("is_rejected") is True
        )
    return command_changes(before, after)


def _reply(port: object, call: Call) -> Reply:
    try:
        return Reply(getattr(port, call.name)(*call.values, **dict(call.named)))
    except _ANSWERS as error:
        return Reply(error=error)


def _same(reply: Reply) -> Hashable:
    """What makes two answers equal: of an error, its kind and facts."""
    error = reply.error
    if isinstance(error, PortalcalError):
        return type(error), error.message, repr(sorted(error.details.items()))
    if error is not None:
        return type(error), error.args, tuple(sorted(vars(error).items()))
    return tuple(sorted(reply.value.items())) if isinstance(reply.value, dict) else reply


def _put(numbers: tuple[int, ...], at: int, number: int) -> tuple[int, ...]:
    return (*numbers[:at], number, *numbers[at + 1 :])
