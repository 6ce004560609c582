"""`portalcal book`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from portalcal.cli.options import Duration, Json, LinkName, WhomToTell, Zone
from portalcal.cli.session import Session
from portalcal.cli.when import read_length, read_start
from portalcal.config import Link
from portalcal.core.booking import Guest, Notify, State, Wish
from portalcal.errors import Exit, Usage
from portalcal.usecases import book as usecase

# Loose on purpose: Google decides what an address is; this catches a name, or a forgotten quote.
_ADDRESS = r"[^@\s<>,;]+@[^@\s<>,;]+"


def book(
    ctx: typer.Context,
    start: Annotated[str, typer.Argument(metavar="START", help='When: 2026-11-25T10:00, "tomorrow 10:00".')],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The guest's name.")],
    email: Annotated[
        str, typer.Option("--email", metavar="EMAIL", help="The guest's address; Google invites it.")
    ],
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, book nothing.")] = False,
    json: Json = False,
) -> int:
    """Book a time: checked, held, put into the calendar, and made sure that it is yours.

    [bold]Examples[/bold]

    portalcal book "tomorrow 10:00" --name "Sam Lee" --email sam@example.com

    portalcal book 2026-11-25T10:00 --link intro --name Sam --email sam@example.com --meet --key order-17
    """
    session = Session.of(ctx, as_json=json)
    reading = session.reading(timezone)
    kind = session.portal.config.link(link)
    words = {"name": name, "email": email, "link": link or ""}
    wish = Wish(
        start=read_start(start, reading),
        duration=_length(duration, kind),
        zone=reading.zone,
        guest=Guest(_named(name), _address(email)),
        title=title if title is not None else kind.title.format_map(words),
        link=link,
        guests=tuple(dict.fromkeys(_address(each) for each in guest or () if each != email)),
        location=location if location is not None else kind.location,
        notes=notes if notes is not None else kind.notes.format_map(words),
        meet=meet or kind.meet,
        notify=notify or Notify.ALL,
    )
    answer = usecase.book(usecase.Order(wish, key=_key(key), force=force, dry_run=dry_run), session.portal)
    session.view.show(answer)
    # Somebody may have cancelled it while its event was made; then the removal is what is owed.
    is_pending = answer.booking.state in {State.HELD, State.CANCELLING} and not answer.is_dry_run
    return Exit.PENDING if is_pending else Exit.DONE


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


def _key(text: str | None) -> str | None:
    if text is not None and not 0 < len(text.strip()) <= 255:
        raise Usage("--key takes 1 to 255 characters", None)
    return text.strip() if text else None
