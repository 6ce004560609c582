"""Parse and validate the text fields of a booking, from the command line or from a line of a batch file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from portalcal.cli.input_checks import MULTILINE_OPTIONS, text_problem
from portalcal.cli.people_options import (
    read_any_of,
    read_assign,
    read_needs,
    read_owner,
    read_people,
    read_room,
)
from portalcal.cli.times import TimeContext, read_length, read_start
from portalcal.config.model import Link
from portalcal.config.people import Directory
from portalcal.container import Container
from portalcal.core.booking import BookingRequest, Guest, Notify
from portalcal.core.email_address import unique
from portalcal.core.participants import PanelRequest
from portalcal.errors import PortalcalError, Usage, did_you_mean
from portalcal.usecases.booking.book import BookOptions

# Deliberately loose: Google validates addresses. This catches a bare name or a forgotten quote.
_ADDRESS = r"[^@\s<>,;]+@[^@\s<>,;]+"


T = TypeVar("T")


class BookingFields(NamedTuple):
    """The fields as typed; None and () where not given."""

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
    with_people: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    room: str | None = None
    owner: str | None = None
    assign: str | None = None


_OPTIONS = {"with_people": "with"}
"""Fields that are not called as their option: `with` is a keyword of Python."""


def option_of(field: str) -> str:
    """The option of a field, without its dashes in front."""
    return _OPTIONS.get(field, field.replace("_", "-"))


FIELDS = {option_of(field): field for field in BookingFields._fields}
"""The fields by their options, which are the keys of a batch file."""


class FieldError(NamedTuple):
    """A field that cannot be parsed: its name and why."""

    name: str
    error: PortalcalError


class UnreadableFields(Exception):
    """At least one field cannot be parsed; `errors` has one entry for each, in field order."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(", ".join(each.name for each in errors))
        self.errors = errors


class FieldReader:
    """Parses one field after another and collects the errors, after those that were found before."""

    def __init__(self, errors: tuple[FieldError, ...] = ()) -> None:
        self.errors = list(errors)

    def read(self, name: str, parse: Callable[[], T], *, fallback: T) -> T:
        """The value of a field; `fallback` where it has an error, which is collected."""
        try:
            return parse()
        except PortalcalError as error:
            self.errors.append(FieldError(name, error))
            return fallback


def read_booking(
    fields: BookingFields,
    container: Container,
    time_context: TimeContext,
    *,
    dry_run: bool = False,
    errors: tuple[FieldError, ...] = (),
) -> BookOptions:
    """Build the booking request. A time without an offset is in the zone of the fields, else of `time_context`.

    `errors`: those of what the fields were made from.

    Raises:
        UnreadableFields: at least one field cannot be parsed.
    """
    reader = FieldReader(errors)
    kind = reader.read(
        "link", lambda: container.config.link(fields.link), fallback=container.config.link(None)
    )
    zone = reader.read("timezone", lambda: container.zone(fields.timezone), fallback=None)
    if fields.timezone is None or zone is None:
        zone = time_context.zone
    start = reader.read(
        "start",
        lambda: read_start(fields.start, time_context._replace(zone=zone)),
        fallback=time_context.now,
    )
    length = reader.read("duration", lambda: _length(fields.duration, kind), fallback=timedelta(minutes=1))
    guest = Guest(
        reader.read("name", lambda: _guest_name(fields.name), fallback=""),
        reader.read("email", lambda: _address(fields.email), fallback=""),
    )
    others = reader.read("guest", lambda: tuple(map(_address, fields.guest)), fallback=fields.guest)
    notify = reader.read("notify", lambda: read_notify(fields.notify), fallback=Notify.ALL)
    people = _people(fields, reader, container.config.directory)
    key = reader.read("key", lambda: _key(fields.key), fallback=None)
    for option in ("title", "location", "notes"):
        reader.read(option, lambda option=option: read_text(option, getattr(fields, option)), fallback=None)  # type: ignore[misc]
    if reader.errors:
        raise UnreadableFields(tuple(reader.errors))

    filling = {"name": fields.name, "email": fields.email, "link": fields.link or ""}
    request = BookingRequest(
        start=start,
        duration=length,
        zone=zone,
        guest=guest,
        title=fields.title if fields.title is not None else kind.title.format_map(filling),
        link=fields.link,
        guests=unique(others, but_not=(guest.email,)),
        location=fields.location if fields.location is not None else kind.location,
        notes=fields.notes if fields.notes is not None else kind.notes.format_map(filling),
        meet=fields.meet or kind.meet,
        notify=notify,
        people=people,
    )
    return BookOptions(request, key=key, force=fields.force, dry_run=dry_run)


MINUTES = "minutes"
"""A column of a spreadsheet with plain numbers, in place of `duration`."""


def with_duration(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """The fields of a line with its minutes as a duration; and an error if they are none, or there is a duration too."""
    fields = {name: value for name, value in values.items() if name != MINUTES}
    minutes = values.get(MINUTES)
    if minutes is None:
        return fields, ()
    if not isinstance(minutes, str) or not re.fullmatch(r"[1-9]\d{0,4}", minutes.strip()):
        return fields, (FieldError(MINUTES, Usage(f"expected whole minutes, found {minutes}")),)
    if "duration" in fields:
        return fields, (FieldError(MINUTES, Usage("the line has a duration too")),)
    return fields | {"duration": f"{minutes.strip()}m"}, ()


def _people(fields: BookingFields, reader: FieldReader, directory: Directory) -> PanelRequest:
    return PanelRequest(
        required=reader.read("with", lambda: read_people(fields.with_people, directory), fallback=()),
        need=reader.read("need", lambda: read_needs(fields.need, directory), fallback=()),
        any_of=reader.read("any-of", lambda: read_any_of(fields.any_of, directory), fallback=()),
        optional=reader.read("optional", lambda: read_people(fields.optional, directory), fallback=()),
        room=reader.read("room", lambda: read_room(fields.room, directory), fallback=None),
        owner_attends=reader.read("owner", lambda: read_owner(fields.owner), fallback=None),
        assign=reader.read("assign", lambda: read_assign(fields.assign, directory), fallback=None),
    )


def _length(text: str | None, kind: Link) -> timedelta:
    return read_length(text) if text else kind.rules.duration


def read_text(option: str, value: str | None) -> str | None:
    """A text of an option, checked. Raises: Usage (it holds a control character, or is not UTF-8)."""
    if value is not None and (problem := text_problem(value, is_multiline=option in MULTILINE_OPTIONS)):
        raise Usage(f"--{option} {problem}", "write it as text in UTF-8")
    return value


def _guest_name(name: str) -> str:
    read_text("name", name.strip())
    if not name.strip():
        raise Usage("--name is empty", "give the guest's name")
    return name.strip()


def _address(text: str) -> str:
    if not re.fullmatch(_ADDRESS, text.strip()) or text_problem(text.strip()):
        raise Usage(f"{text!r} is not an e-mail address", "write it like sam@example.com")
    return text.strip()


def read_notify(text: str | None) -> Notify:
    """Whom Google e-mails; everybody where nothing is given. Raises: Usage."""
    choices = [each.value for each in Notify]
    if text is None:
        return Notify.ALL
    if text not in choices:
        raise Usage(f"expected {', '.join(choices[:-1])} or {choices[-1]}{did_you_mean(text, choices)}", None)
    return Notify(text)


def _key(text: str | None) -> str | None:
    read_text("key", text)
    if text is not None and not 0 < len(text.strip()) <= 255:
        raise Usage("--key takes 1 to 255 characters", None)
    return text.strip() if text else None
