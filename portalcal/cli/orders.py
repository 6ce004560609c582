"""An order out of the words somebody gave: on the command line, or in a line of a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeVar

from portalcal.cli.when import Reading, read_length, read_start
from portalcal.config import Link
from portalcal.core.booking import Guest, Notify, Wish
from portalcal.errors import PortalcalError, Usage, did_you_mean
from portalcal.usecases.book import Order
from portalcal.wiring import Portal

# Loose on purpose: Google decides what an address is; this catches a name, or a forgotten quote.
_ADDRESS = r"[^@\s<>,;]+@[^@\s<>,;]+"

T = TypeVar("T")


class Words(NamedTuple):
    """An order as it was typed. None and () are what was not given."""

    start: str
    name: str
    email: str
    link: str | None = None
    duration: str | None = None
    guest: tuple[str, ...] = ()
    title: str | None = None
    notes: str | None = None
    location: str | None = None
    meet: bool = False
    timezone: str | None = None
    notify: str | None = None
    key: str | None = None
    force: bool = False


class Complaint(NamedTuple):
    """One word that cannot be read: which, and why."""

    name: str
    error: PortalcalError


class Unreadable(Exception):
    """Words that make no order; every complaint is there, in the order of the words."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(", ".join(each.name for each in complaints))
        self.complaints = complaints


class _Reader:
    """Reads one word after another and collects what cannot be read."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []

    def read(self, name: str, how: Callable[[], T], *, instead: T) -> T:
        try:
            return how()
        except PortalcalError as error:
            self.complaints.append(Complaint(name, error))
            return instead


def order_of(words: Words, portal: Portal, reading: Reading, *, dry_run: bool = False) -> Order:
    """The order that is meant; times without an offset are read in the order's own zone, else in that of `reading`.

    Raises:
        Unreadable: at least one word cannot be read.
    """
    reader = _Reader()
    kind = reader.read("link", lambda: portal.config.link(words.link), instead=portal.config.link(None))
    zone = reader.read("timezone", lambda: portal.zone(words.timezone), instead=None)
    if words.timezone is None or zone is None:
        zone = reading.zone
    start = reader.read(
        "start", lambda: read_start(words.start, Reading(zone, reading.now)), instead=reading.now
    )
    length = reader.read("duration", lambda: _length(words.duration, kind), instead=timedelta(minutes=1))
    guest = Guest(
        reader.read("name", lambda: _named(words.name), instead=""),
        reader.read("email", lambda: _address(words.email), instead=""),
    )
    others = reader.read("guest", lambda: tuple(map(_address, words.guest)), instead=words.guest)
    notify = reader.read("notify", lambda: _whom_to_tell(words.notify), instead=Notify.ALL)
    key = reader.read("key", lambda: _key(words.key), instead=None)
    if reader.complaints:
        raise Unreadable(tuple(reader.complaints))

    filling = {"name": words.name, "email": words.email, "link": words.link or ""}
    wish = Wish(
        start=start,
        duration=length,
        zone=zone,
        guest=guest,
        title=words.title if words.title is not None else kind.title.format_map(filling),
        link=words.link,
        guests=tuple(dict.fromkeys(each for each in others if each != guest.email)),
        location=words.location if words.location is not None else kind.location,
        notes=words.notes if words.notes is not None else kind.notes.format_map(filling),
        meet=words.meet or kind.meet,
        notify=notify,
    )
    return Order(wish, key=key, force=words.force, dry_run=dry_run)


def _length(text: str | None, kind: Link) -> timedelta:
    return read_length(text) if text else kind.rules.duration


def _named(name: str) -> str:
    if not name.strip():
        raise Usage("--name is empty", "give the guest's name")
    return name.strip()


def _address(text: str) -> str:
    if not re.fullmatch(_ADDRESS, text.strip()):
        raise Usage(f"{text!r} is not an e-mail address", "write it like sam@example.com")
    return text.strip()


def _whom_to_tell(text: str | None) -> Notify:
    choices = [each.value for each in Notify]
    if text is None:
        return Notify.ALL
    if text not in choices:
        raise Usage(f"expected {', '.join(choices[:-1])} or {choices[-1]}{did_you_mean(text, choices)}", None)
    return Notify(text)


def _key(text: str | None) -> str | None:
    if text is not None and not 0 < len(text.strip()) <= 255:
        raise Usage("--key takes 1 to 255 characters", None)
    return text.strip() if text else None
