"""`portalcal calendars`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.usecases import calendars as usecase


def calendars(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Show hidden calendars too.")] = False,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="ID", help="Count this calendar for conflicts.")
    ] = None,
    deselect: Annotated[
        list[str] | None, typer.Option("--deselect", metavar="ID", help="Count it no more.")
    ] = None,
    book_into: Annotated[
        str | None,
        typer.Option("--book-into", metavar="ID", help="Put bookings into this calendar; it must be owned."),
    ] = None,
    json: Json = False,
) -> None:
    """Choose which calendars count for conflicts, and which one receives bookings.

    ID is a calendar's id, its name if that is unique, or `primary`.
    """
    session = Session.of(ctx, as_json=json)
    changes = usecase.Changes(tuple(select or ()), tuple(deselect or ()), book_into)
    answer = usecase.calendars(changes, session.portal)
    session.view.show(answer if every else answer.without_hidden())
