"""Answer a shell's request for completions: from files of this machine alone, never from the network or a keyring.

Commands and options are read from `grammar.json`, so that neither Typer nor a command is loaded: a person waits for it.
Whatever is wrong with configuration or ledger, a tab shows nothing of it: there are then fewer candidates.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO, TypedDict

from portalcal.config.model import zone_names
from portalcal.container import Container
from portalcal.core.booking import State
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.time import format_time
from portalcal.errors import ConfirmationRequired, PortalcalError
from portalcal.facts import SHORT_ID
from portalcal.ports import Search
from portalcal.sanitize import sanitize
from portalcal.warnings import PortalcalWarning

GRAMMAR = Path(__file__).with_name("grammar.json")
"""Every command with its options and arguments; `python -m tests.test_completions` writes it."""

_WEEKS_AHEAD = 26
_MOST_BOOKINGS = 100
_MOST_OFFERS = 30

_INSERTABLE = re.compile(r"[\w.@+:/=,%-]+")
"""Values that a shell takes as one word; no other is offered, since it would have to be quoted for each shell."""


class Candidate(NamedTuple):
    """A word that could stand at the cursor."""

    value: str
    description: str = ""


Suggest = Callable[[Container], Iterable[Candidate]]


def _bookings(container: Container) -> Iterator[Candidate]:
    """Live bookings to come, by start."""
    if container.config.has_ledger_on_server:
        return
    container.is_read_only = True
    now = container.clock.now()
    live = tuple(state for state in State if state.is_live)
    search = Search(start=now, end=now + timedelta(weeks=_WEEKS_AHEAD), states=live, most=_MOST_BOOKINGS)
    for booking in container.ledger.search(search):
        when = format_time(booking.meeting.start, booking.request.zone, end=booking.meeting.end)
        yield Candidate(booking.short_id, f"{booking.request.guest.name}, {when}")


def _offers(container: Container) -> Iterator[Candidate]:
    """Open offers, by expiry."""
    for offer in _open_offers(container):
        yield Candidate(
            str(offer.id)[:SHORT_ID], f"{offer.slots[0].request.guest.name}, {len(offer.slots)} times"
        )


def _offered_times(container: Container) -> Iterator[Candidate]:
    """The times of open offers, as `book --offer` takes them."""
    for offer in _open_offers(container):
        for number, slot in enumerate(offer.slots, start=1):
            when = format_time(slot.meeting.start, slot.request.zone, end=slot.meeting.end)
            yield Candidate(f"{str(offer.id)[:SHORT_ID]}/{number}", f"{slot.request.guest.name}, {when}")


def _open_offers(container: Container) -> list[GuestOffer]:
    if container.config.has_ledger_on_server:
        return []
    container.is_read_only = True
    now = container.clock.now()
    offers = (
        each for each in container.offers.all((OfferState.OPEN,)) if each.state_at(now) is OfferState.OPEN
    )
    return list(islice(offers, _MOST_OFFERS))


def _links(container: Container) -> Iterator[Candidate]:
    return (Candidate(name, link.title) for name, link in container.config.links.items())


def _workspaces(container: Container) -> Iterator[Candidate]:
    return (Candidate(name) for name in container.workspaces())


def _people(container: Container) -> Iterator[Candidate]:
    people = container.config.directory.people
    return (Candidate(name, f"{person.name} {person.email}".strip()) for name, person in people.items())


def _pools(container: Container) -> Iterator[Candidate]:
    directory = container.config.directory
    return (Candidate(name, ", ".join(directory.pools[name])) for name in directory.people_pools)


def _people_and_rooms(container: Container) -> Iterator[Candidate]:
    yield from _people(container)
    yield from (Candidate(name, room.email) for name, room in container.config.directory.rooms.items())


def _rooms(container: Container) -> Iterator[Candidate]:
    directory = container.config.directory
    yield from (Candidate(name, room.email) for name, room in directory.rooms.items())
    yield from (Candidate(name, ", ".join(directory.pools[name])) for name in directory.room_pools)
    yield Candidate("none", "no room")


def _rules_of_assignment(container: Container) -> Iterator[Candidate]:
    yield Candidate("fair", "who had the smallest share of late")
    yield Candidate("idle", "who has not met for the longest time")
    yield from _people(container)


def _calendars(container: Container) -> Iterator[Candidate]:
    """The calendars that are known without asking Google: those of the connection and of the configuration."""
    pins = container.config.pins
    connection = container.connections.read()
    known = ["primary", *(pins.conflicts or ()), *filter(None, [pins.booking])]
    if connection is not None:
        known += [*connection.conflicts, connection.booking]
    return (Candidate(each) for each in dict.fromkeys(known))


def _zones(container: Container) -> Iterator[Candidate]:  # noqa: ARG001 - the machine's, whatever the configuration
    return (Candidate(name) for name in sorted(zone_names()))


SUGGESTIONS: dict[str, Suggest] = {
    "--workspace": _workspaces,
    "--link": _links,
    "--timezone": _zones,
    "--select": _calendars,
    "--deselect": _calendars,
    "--book-into": _calendars,
    "--with": _people,
    "--any-of": _people,
    "--optional": _people,
    "--need": _pools,
    "--room": _rooms,
    "--assign": _rules_of_assignment,
    "reassign --from": _people_and_rooms,
    "--to": _people_and_rooms,
    "--offer": _offered_times,
    "offer times": _offers,
    "--pool": _pools,
    "booking": _bookings,
    "--booking": _bookings,
}
"""What may stand after an option, or as the argument of that name; others have the values of their type, or none.

With the command before it where the same name takes something else in other commands.
"""

_LISTS = {"--any-of"}
"""Options that take several values, with commas."""


_BEFORE_A_COMMAND = {"--version", "--install-completion", "--show-completion"}


class Option(TypedDict):
    """An option, or an argument, whose `names` is then its name alone."""

    names: list[str]
    takes_value: bool
    is_repeatable: bool
    values: list[str]  # all it may have; empty: any
    completes: str | None  # `files` or `folders`, which the shell knows
    help: str


class CommandGrammar(TypedDict):
    """A command; the program itself is one without arguments."""

    help: str
    options: list[Option]
    arguments: list[Option]


class Grammar(TypedDict):
    """What may be typed."""

    program: CommandGrammar
    commands: dict[str, CommandGrammar]


class Typed(NamedTuple):
    """The words before the cursor, taken apart."""

    command: str | None = None
    named: Mapping[str, str] = {}  # values of options
    used: tuple[str, ...] = ()  # options
    arguments: int = 0
    awaits: Option | None = None  # the option whose value stands at the cursor
    are_options_over: bool = False


class Answer(NamedTuple):
    """The candidates, or what the shell completes by itself: `files` or `folders`."""

    kind: str
    candidates: tuple[Candidate, ...] = ()


MakeContainer = Callable[[str | None, Path | None], Container]


def complete(
    shell: str, environ: Mapping[str, str], stdout: TextIO, *, make_container: MakeContainer | None = None
) -> None:
    """Write the answer for the line in `_PORTALCAL_LINE`, in the form of a shell."""
    line = environ.get("_PORTALCAL_LINE", "")
    words = _split(line)[1:]
    incomplete = words.pop() if words and not line[-1:].isspace() else ""
    grammar: Grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))

    def usual(workspace: str | None, config: Path | None) -> Container:
        return Container(Silence(), workspace=workspace, config_path=config, environ=environ)

    answer = _answer(grammar, _take_apart(grammar, words), incomplete, make_container or usual)
    form = _FORMS.get(shell, _with_tabs)
    stdout.write("\n".join((answer.kind, *form(answer, incomplete, environ))) + "\n")
    stdout.flush()


def main() -> None:
    """Answer the shell that `_PORTALCAL_COMPLETE` names."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name may have letters that the terminal's encoding does not have.
        sys.stdout.reconfigure(errors="replace")
    complete(os.environ["_PORTALCAL_COMPLETE"], os.environ, sys.stdout)


def _split(line: str) -> list[str]:
    """The words of a line, of which the last may lack its closing quote."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


def _take_apart(grammar: Grammar, words: list[str]) -> Typed:
    typed = Typed()
    for word in words:
        if typed.awaits is not None:
            named = {**typed.named, **dict.fromkeys(typed.awaits["names"], word)}
            typed = typed._replace(named=named, awaits=None)
        elif word == "--" and not typed.are_options_over:
            typed = typed._replace(are_options_over=True)
        elif word.startswith("-") and not typed.are_options_over:
            typed = _take_option(grammar, typed, word)
        elif typed.command is None:
            typed = typed._replace(command=word)
        else:
            typed = typed._replace(arguments=typed.arguments + 1)
    return typed


def _take_option(grammar: Grammar, typed: Typed, word: str) -> Typed:
    name, equals, value = word.partition("=")
    option = next((each for each in _options(grammar, typed) if name in each["names"]), None)
    typed = typed._replace(used=(*typed.used, name))
    if option is None or not option["takes_value"]:
        return typed
    if not equals:
        return typed._replace(awaits=option)
    return typed._replace(named={**typed.named, **dict.fromkeys(option["names"], value)})


def _options(grammar: Grammar, typed: Typed) -> list[Option]:
    """The options that may stand here: those of the command, and the program's, which may stand anywhere."""
    program = grammar["program"]["options"]
    if typed.command not in grammar["commands"]:
        return program
    own = grammar["commands"][typed.command]["options"]
    taken = {name for option in own for name in option["names"]} | _BEFORE_A_COMMAND
    return [*own, *(option for option in program if taken.isdisjoint(option["names"]))]


def _answer(grammar: Grammar, typed: Typed, incomplete: str, make_container: MakeContainer) -> Answer:
    if typed.awaits is not None:
        return _values(typed.awaits, incomplete, typed, make_container)
    if incomplete.startswith("-") and not typed.are_options_over:
        name, equals, word = incomplete.partition("=")
        options = _options(grammar, typed)
        if not equals:
            return Answer("values", tuple(_option_names(options, typed, incomplete)))
        option = next((each for each in options if name in each["names"] and each["takes_value"]), None)
        if option is None:
            return Answer("values")
        return _values(option, word, typed, make_container, prefix=f"{name}=")
    if typed.command is None:
        return _commands(grammar, incomplete)
    arguments = (
        grammar["commands"][typed.command]["arguments"] if typed.command in grammar["commands"] else []
    )
    if not arguments[typed.arguments :]:
        return Answer("values")
    if arguments[typed.arguments]["names"] == ["command"]:
        return _commands(grammar, incomplete)
    return _values(arguments[typed.arguments], incomplete, typed, make_container)


def _commands(grammar: Grammar, incomplete: str) -> Answer:
    commands = (Candidate(name, each["help"]) for name, each in grammar["commands"].items())
    return Answer("values", tuple(each for each in commands if each.value.startswith(incomplete)))


def _option_names(options: list[Option], typed: Typed, incomplete: str) -> Iterator[Candidate]:
    for option in options:
        is_used = not option["is_repeatable"] and not set(option["names"]).isdisjoint(typed.used)
        for name in option["names"]:
            # One letter says less than the name beside it.
            if name.startswith(incomplete) and name.startswith("--") and not is_used:
                yield Candidate(name, option["help"])


def _values(
    option: Option, word: str, typed: Typed, make_container: MakeContainer, *, prefix: str = ""
) -> Answer:
    if option["completes"]:
        return Answer(option["completes"])
    if not _LISTS.isdisjoint(option["names"]):
        before, comma, word = word.rpartition(",")
        prefix += before + comma
    keys = (key for name in option["names"] for key in (f"{typed.command} {name}", name))
    suggest = next((SUGGESTIONS[key] for key in keys if key in SUGGESTIONS), None)
    offered = _suggested(suggest, typed, make_container) if suggest else map(Candidate, option["values"])
    return Answer(
        "values",
        tuple(
            each._replace(value=prefix + each.value)
            for each in offered
            if each.value.casefold().startswith(word.casefold()) and _INSERTABLE.fullmatch(each.value)
        ),
    )


def _suggested(suggest: Suggest, typed: Typed, make_container: MakeContainer) -> list[Candidate]:
    config = typed.named.get("--config")
    try:
        container = make_container(typed.named.get("--workspace"), Path(config) if config else None)
        try:
            return list(suggest(container))
        finally:
            container.close()
    except PortalcalError:
        return []


class Silence:
    """The view of a completion: nothing may be shown beside the candidates, and nobody is asked."""

    def warn(self, warning: PortalcalWarning) -> None:
        """Show nothing."""

    def ask_for_consent(
        self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = (), boxes: int = 3
    ) -> None:
        """Show nothing: no completion connects."""

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:  # noqa: ARG002
        """Raises: ConfirmationRequired (always)."""
        raise ConfirmationRequired(action, flag)

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Raises: ConfirmationRequired (always)."""
        raise ConfirmationRequired(question, variable)


def _described(candidate: Candidate) -> str:
    return sanitize(" ".join(candidate.description.split()))


def _with_tabs(answer: Answer, incomplete: str, environ: Mapping[str, str]) -> list[str]:  # noqa: ARG001 - as `_FORMS`
    return [f"{each.value}\t{_described(each)}".rstrip("\t") for each in answer.candidates]


def _for_zsh(answer: Answer, incomplete: str, environ: Mapping[str, str]) -> list[str]:  # noqa: ARG001 - as `_FORMS`
    """As `_describe` reads them: a colon before the description, and one in a value behind a backslash."""
    values = (each.value.replace(":", "\\:") for each in answer.candidates)
    return [
        f"{value}:{_described(each)}".rstrip(":")
        for value, each in zip(values, answer.candidates, strict=True)
    ]


_INSERTS_AT_ONCE = {"37", "42"}
"""COMP_TYPE of menu completion and of inserting all: what is shown is then inserted as it is (bash, "Shell Variables")."""


def _for_bash(answer: Answer, incomplete: str, environ: Mapping[str, str]) -> list[str]:
    """Bash replaces the part of the word after its last break, and shows what it would insert.

    So descriptions stand beside values only where there are several: then no more than their beginning is inserted.
    """
    word = environ.get("_PORTALCAL_WORD", incomplete)
    # A break is a colon, an equals sign or an @; the break itself may be the word.
    cut = len(incomplete) - (0 if word in {":", "=", "@"} else len(word)) if incomplete.endswith(word) else 0
    values = [each.value[cut:] for each in answer.candidates]
    if len(values) < 2 or environ.get("COMP_TYPE") in _INSERTS_AT_ONCE:
        return values
    width = max(map(len, values))
    described = [
        f"{value:<{width}}  ({_described(each)})" if each.description else value
        for value, each in zip(values, answer.candidates, strict=True)
    ]
    columns = int(columns) if (columns := environ.get("COLUMNS", "")).isdecimal() else 80
    return [each if len(each) < columns else f"{each[: columns - 3]}…)" for each in described]


_FORMS = {"bash": _for_bash, "zsh": _for_zsh}
