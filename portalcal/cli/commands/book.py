"""`portalcal book`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from portalcal.cli.batch_file import LineFormat, Value
from portalcal.cli.batch_run import BatchKind, pending_or_done, refuse_without_file, run_file
from portalcal.cli.booking_fields import (
    FIELDS,
    MINUTES,
    BookingFields,
    UnreadableFields,
    option_of,
    read_booking,
    with_duration,
)
from portalcal.cli.context import CommandContext
from portalcal.cli.options import DatesOfFile, Duration, IgnoreColumns, Json, LinkName, WhomToTell, Zone
from portalcal.cli.people_options import AnyOf, AssignBy, Need, OptionalPeople, Owner, RoomName, With
from portalcal.cli.times import TimeContext
from portalcal.errors import Usage
from portalcal.usecases.booking import book as usecase
from portalcal.usecases.booking.book_offered import book_offered


def book(
    ctx: typer.Context,
    start: Annotated[
        str | None, typer.Argument(metavar="START", help='When: 2026-11-25T10:00, "tomorrow 10:00".')
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The guest's name.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="The guest's address; Google invites it.")
    ] = None,
    link: LinkName = None,
    duration: Duration = None,
    guest: Annotated[
        list[str] | None,
        typer.Option("--guest", metavar="EMAIL", help="Another guest to invite; may be repeated."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="The event's title.")] = None,
    notes: Annotated[
        str | None, typer.Option("--notes", metavar="TEXT", help="The event's description.")
    ] = None,
    location: Annotated[str | None, typer.Option("--location", metavar="TEXT", help="Where to meet.")] = None,
    meet: Annotated[bool, typer.Option("--meet", help="Add a Google Meet link.")] = False,
    with_people: With = None,
    need: Need = None,
    any_of: AnyOf = None,
    optional: OptionalPeople = None,
    room: RoomName = None,
    owner: Owner = None,
    assign: AssignBy = None,
    timezone: Zone = None,
    notify: WhomToTell = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The same key and request make one booking, however often they run."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Override hours, grid, notice, horizon and limits; never a conflict."),
    ] = False,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Book every line of a file, or of - for stdin: JSON objects or CSV, named as the options are.",
        ),
    ] = None,
    dates: DatesOfFile = None,
    ignore_columns: IgnoreColumns = False,
    require_event: Annotated[
        bool,
        typer.Option(
            "--require-event",
            help="Fail (exit 4) where no calendar event can be made, instead of booking without one.",
        ),
    ] = False,
    offer: Annotated[
        str | None,
        typer.Option(
            "--offer",
            metavar="ID[/N]",
            help="Make the time N of an offer the booking, and free its other times; for what the offer was made.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, book nothing.")] = False,
    json: Json = False,
) -> int:
    """Book a time: checked, held, put into the calendar, and made sure that it is yours.

    [bold]Examples[/bold]

      portalcal book "tomorrow 10:00" --name "Sam Lee" --email sam@example.com
      portalcal book "fri 2pm" --name Sam --email sam@example.com --key order-17
      portalcal book --file bookings.csv --dry-run
      portalcal book "tue 10:00" --name Sam --email s@example.com --need backend
      portalcal book --file bookings.csv
      portalcal book --offer 5d16c341/2
    """
    command = CommandContext.of(ctx, as_json=json, is_change=not dry_run)
    time_context = command.time_context(timezone)
    if require_event:
        usecase.require_connection(command.container)
    fields = BookingFields(
        start or "", name or "", email or "", link, duration, tuple(guest or ()), title, notes, location, meet,
        timezone, notify and notify.value, key, force, tuple(with_people or ()), tuple(need or ()), tuple(any_of or ()),
        tuple(optional or ()), room, owner and owner.value, assign,
    )  # fmt: skip
    if offer is not None:
        _refuse_beside_offer(fields._replace(timezone=None, notify=None), file=file, dry_run=dry_run)
        answer = book_offered(*_offer_and_number(offer), command.container, notify=notify)
        command.view.show(answer)
        return pending_or_done(answer)
    if file is not None:
        _refuse_together(fields._replace(timezone=None))
        line_format = _line_format(
            command, time_context._replace(dates=dates, is_of_file=True), dry_run=dry_run
        )
        line_format = line_format._replace(ignores_unknown=ignore_columns)
        batch = BatchKind("book", line_format, usecase.NOTHING_BOOKED)
        return run_file(file, command, batch, zone=time_context.zone, dry_run=dry_run)
    refuse_without_file(dates, "--dates")
    refuse_without_file(ignore_columns, "--ignore-columns")
    for value, called in ((start, "START"), (name, "--name"), (email, "--email")):
        if value is None:
            raise Usage(f"{called} is missing", "see `portalcal book --help`")
    try:
        options = read_booking(fields, command.container, time_context, dry_run=dry_run)
    except UnreadableFields as unreadable:
        raise unreadable.errors[0].error from None
    answer = usecase.book(options, command.container)
    command.view.show(answer)
    return pending_or_done(answer)


def _refuse_beside_offer(fields: BookingFields, *, file: str | None, dry_run: bool) -> None:
    """Refuse what an offer has decided. Raises: Usage."""
    given = [name for name, value in fields._asdict().items() if value]
    given += ["file"] if file is not None else ["dry-run"] if dry_run else []
    if given:
        name = "START" if given[0] == "start" else f"--{given[0]}"
        raise Usage(f"{name} and --offer exclude each other", "the offer says what is booked, and for whom")


def _offer_and_number(text: str) -> tuple[str, int | None]:
    """The offer and the number of its time, from `ID` or `ID/N`. Raises: Usage."""
    offer, slash, number = text.partition("/")
    if slash and not (number.isascii() and number.isdecimal() and len(number) <= 3):
        raise Usage(f"--offer {text}: expected ID or ID/N", f"write it like {offer}/1")
    return offer, int(number) if slash else None


def _line_format(command: CommandContext, time_context: TimeContext, *, dry_run: bool) -> LineFormat:
    """A line is named as the options are. Without a key it gets one, so that the same file may be run again."""

    def read(values: Mapping[str, Value], key: str) -> usecase.BookOptions:
        named, errors = with_duration(values)
        fields = BookingFields(**{FIELDS[option]: value for option, value in named.items()})
        options = read_booking(fields, command.container, time_context, dry_run=dry_run, errors=errors)
        return options._replace(key=options.key or key)

    return LineFormat((*FIELDS, MINUTES), ("start", "name", "email"), read)


def _refuse_together(fields: BookingFields) -> None:
    """Refuse START and the per-booking options beside --file: each line of the file has its own.

    Raises:
        Usage: one of them is given.
    """
    given = [name for name, value in fields._asdict().items() if value]
    if given:
        name = "START" if given[0] == "start" else f"--{option_of(given[0])}"
        raise Usage(f"{name} and --file exclude each other", "every line of the file says what it books")
