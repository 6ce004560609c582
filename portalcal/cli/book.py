"""`portalcal book`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.book_file import book_file, pending_or_done
from portalcal.cli.options import Duration, Json, LinkName, WhomToTell, Zone
from portalcal.cli.orders import Unreadable, Words, order_of
from portalcal.cli.session import Session
from portalcal.errors import Usage
from portalcal.usecases import book as usecase


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
    title: Annotated[str | None, typer.Option("--title", metavar="T", help="The event's title.")] = None,
    notes: Annotated[
        str | None, typer.Option("--notes", metavar="T", help="The event's description.")
    ] = None,
    location: Annotated[str | None, typer.Option("--location", metavar="T", help="Where to meet.")] = None,
    meet: Annotated[bool, typer.Option("--meet", help="Add a Google Meet link.")] = False,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, book nothing.")] = False,
    json: Json = False,
) -> int:
    """Book a time: checked, held, put into the calendar, and made sure that it is yours.

    [bold]Examples[/bold]

    portalcal book "tomorrow 10:00" --name "Sam Lee" --email sam@example.com

    portalcal book 2026-11-25T10:00 --link intro --name Sam --email sam@example.com --meet --key order-17

    portalcal book --file bookings.csv
    """
    session = Session.of(ctx, as_json=json)
    reading = session.reading(timezone)
    words = Words(
        start or "", name or "", email or "", link, duration, tuple(guest or ()), title, notes, location, meet,
        timezone, notify and notify.value, key, force,
    )  # fmt: skip
    if file is not None:
        _refuse_together(words._replace(timezone=None))
        return book_file(file, session, reading, dry_run=dry_run)
    for value, called in ((start, "START"), (name, "--name"), (email, "--email")):
        if value is None:
            raise Usage(f"{called} is missing", "see `portalcal book --help`")
    try:
        order = order_of(words, session.portal, reading, dry_run=dry_run)
    except Unreadable as unreadable:
        raise unreadable.complaints[0].error from None
    answer = usecase.book(order, session.portal)
    session.view.show(answer)
    return pending_or_done(answer)


def _refuse_together(words: Words) -> None:
    """A file says itself what is to be booked.

    Raises:
        Usage: START or an option that stands in the lines is given too.
    """
    given = [name for name, value in words._asdict().items() if value]
    if given:
        name = "START" if given[0] == "start" else f"--{given[0]}"
        raise Usage(f"{name} and --file exclude each other", "every line of the file says what it books")
