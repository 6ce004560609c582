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

from portalcal.core.errands import LEASE
from portalcal.errors import GoogleUnreachable, PortalcalError
from portalcal.ports import (
    Calendars,
    EventChanged,
    EventIdTaken,
    GuardsOverlap,
    Ledger,
    StillOwed,
    SyncTokenExpired,
)
from tests.exploration.little_google import Cloud, LittleGoogle, Place
from tests.exploration.little_ledger import Books, LittleLedger, Store
from tests.exploration.little_world import BEGAN, Command, LittleWorld, Moment, run

LATE = BEGAN + LEASE
"""What clocks show once a process has slept."""

_DEAD = -1
_WRITES = frozenset({"insert", "move", "delete"})
_BY_HAND = frozenset({"add_by_hand", "move_by_hand", "delete_by_hand"})
_ANSWERS = (PortalcalError, EventChanged, EventIdTaken, GuardsOverlap, StillOwed, SyncTokenExpired)


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


class End(NamedTuple):
    """A state in which every process is over; None for one that died."""

    cloud: Cloud
    books: tuple[Books, ...]
    outcomes: tuple[Outcome | None, ...]
    is_undisturbed: bool


class Explored(NamedTuple):
    """How much there was: states, ways through them, and ends; and what was wrong in any, with the way there."""

    states: int
    schedules: int
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


class _Script:
    """The answers of a process so far, given out in their order, and the time each was given."""

    def __init__(self, given: list[tuple[Reply, datetime]], clock: Moment) -> None:
        self._given = iter(given)
        self._clock = clock

    def ask(self, call: Call) -> object:
        """The answer to the next call."""
        reply, now = next(self._given, (None, BEGAN))
        if reply is None:
            raise _Asked(call)
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
            return self._script.ask(Call(self._name, name, values, tuple(sorted(named.items()))))

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
        self._replies = _Numbered(_told)
        self._histories = _Numbered()
        self._next = cache(self._run)
        self._answer = cache(self._call)

    def explore(self, cloud: Cloud, books: tuple[Books, ...], check: Callable[[End], list[str]]) -> Explored:
        """Go every way from a beginning, and check every end of it and every state on the way.

        The ends that are equal are checked once; the way to a wrong one is told call by call.
        """
        begin = tuple(self._histories.number((number, ())) for number in range(len(self._processes)))
        first = State(self._clouds.number(cloud), tuple(map(self._books.number, books)), begin)
        came_from: dict[State, tuple[State, str] | None] = {first: None}
        waiting, order, ends = [first], [], 0
        wrong: list[str] = []
        checked: dict[tuple[object, ...], list[str]] = {}
        while waiting:
            state = waiting.pop()
            order.append(state)
            following = list(self._following(state))
            for what, after in following:
                if after not in came_from:
                    came_from[after] = (state, what)
                    waiting.append(after)
            found = self._overlaps(state)
            if all(self._is_over(each) for each in state.stands):
                ends += 1
                told = (
                    state.cloud,
                    state.books,
                    state.stands,
                    state.has_died or state.has_lost or state.is_late,
                )
                if told not in checked:
                    checked[told] = check(self._end(state))
                found += checked[told]
            if found:
                wrong.append("\n".join([*found, *_way(came_from, state)]))
        return Explored(len(came_from), self._schedules(first), ends, tuple(wrong))

    # --- one step

    def _following(self, state: State) -> Iterator[tuple[str, State]]:
        """Every state that may be next, and what leads there."""
        for number, stand in enumerate(state.stands):
            if self._is_over(stand):
                continue
            call = cast("int", self._next(stand)[0])
            name = f"{self._processes[number].command.name}: {self._calls[call].name}"
            yield name, self._after(state, number, call)
            if not state.has_died:
                yield f"{name} is not made, it dies", self._dead(state, number)
            asked = self._calls[call]
            if asked.port == "calendars" and asked.name not in _BY_HAND and not state.has_lost:
                lost = self._replies.number(_lost(asked))
                yield f"{name} is lost", self._stand(state, number, lost)._replace(has_lost=True)
                if asked.name in _WRITES:
                    done = state._replace(cloud=self._after(state, number, call).cloud)
                    yield (
                        f"{name} is done and its answer lost",
                        self._stand(done, number, lost)._replace(has_lost=True),
                    )
        if self._may_sleep and not state.is_late and self._is_leased(state):
            yield "two minutes pass", state._replace(is_late=True)

    def _after(self, state: State, number: int, call: int) -> State:
        """The state once a process has made its call and was answered."""
        machine = self._processes[number].machine
        if self._calls[call].port == "calendars":
            cloud, reply = self._answer(state.cloud, call, state.is_late)
            state = state._replace(cloud=cloud)
        else:
            books, reply = self._answer(state.books[machine], call, state.is_late, number + 1)
            state = state._replace(books=_put(state.books, machine, books))
        return self._stand(state, number, reply)

    def _stand(self, state: State, number: int, reply: int) -> State:
        process, given = self._histories[state.stands[number]]
        return self._told(state, number, self._histories.number((process, (*given, (reply, state.is_late)))))

    def _dead(self, state: State, number: int) -> State:
        """The state once a process has died. Its leases end with it, or when their time is over: see `leases_end`."""
        if self._leases_end:
            machine = self._processes[number].machine
            left = self._books[state.books[machine]].without(number + 1)
            state = state._replace(books=_put(state.books, machine, self._books.number(left)))
        return self._told(state, number, _DEAD)._replace(has_died=True)

    def _told(self, state: State, number: int, stand: int) -> State:
        return state._replace(stands=_put(state.stands, number, stand))

    def _run(self, stand: int) -> tuple[int | None, Outcome | None]:
        """What a process asks next, where it stands, or how it ended."""
        process, given = self._histories[stand]
        clock = Moment(BEGAN, process + 1)
        script = _Script([(self._replies[reply], LATE if late else BEGAN) for reply, late in given], clock)
        ledger, calendars = _Port("ledger", script), _Port("calendars", script)
        world = LittleWorld(clock, cast("Ledger", ledger), cast("Calendars", calendars))
        try:
            return None, Outcome(run(self._processes[process].command, world))
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
        reply = _reply(LittleLedger(store, "default", Moment(now, 0), owner=owner), asked)
        return self._books.number(store.books), self._replies.number(reply)

    # --- looking

    def _is_over(self, stand: int) -> bool:
        return stand == _DEAD or self._next(stand)[0] is None

    def _is_leased(self, state: State) -> bool:
        return any(owed.leased_until for each in state.books for owed in self._books[each].owed)

    def _end(self, state: State) -> End:
        outcomes = (None if each == _DEAD else self._next(each)[1] for each in state.stands)
        is_disturbed = state.has_died or state.has_lost or state.is_late
        books = tuple(self._books[each] for each in state.books)
        return End(self._clouds[state.cloud], books, tuple(outcomes), not is_disturbed)

    def _overlaps(self, state: State) -> list[str]:
        """Guards that overlap in a ledger, at whatever moment."""
        found = (self._books[each].overlap() for each in state.books)
        return [f"{one.id} and {other.id} hold one time" for one, other in filter(None, found)]

    def _schedules(self, first: State) -> int:
        """How many ways lead from here to an end."""

        @cache
        def ways(state: State) -> int:
            following = [ways(after) for _, after in self._following(state)]
            return sum(following) if following else 1

        return ways(first)


def _reply(port: object, call: Call) -> Reply:
    try:
        return Reply(getattr(port, call.name)(*call.values, **dict(call.named)))
    except _ANSWERS as error:
        return Reply(error=error)


def _told(reply: Reply) -> Hashable:
    """What makes two answers equal: of an error, its kind and facts."""
    error = reply.error
    return reply if error is None else (type(error), error.args, tuple(sorted(vars(error).items())))


def _lost(call: Call) -> Reply:
    error = GoogleUnreachable("google", "the reply was lost", sent=call.name in _WRITES)
    return Reply(error=error)


def _put(numbers: tuple[int, ...], at: int, number: int) -> tuple[int, ...]:
    return (*numbers[:at], number, *numbers[at + 1 :])


def _way(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    """The steps that led to a state."""
    steps: list[str] = []
    before = came_from[state]
    while before:
        steps.append(f"  {before[1]}")
        before = came_from[before[0]]
    return steps[::-1]
