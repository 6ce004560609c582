"""`portalcal bookings`."""

from enum import StrEnum
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, Zone
from portalcal.cli.times import read_end, read_from
from portalcal.container import bookings_exporter
from portalcal.core.booking import State
from portalcal.errors import Usage
from portalcal.ports import Search
from portalcal.usecases import bookings as usecase


class BookingsFormat(StrEnum):
    """Output formats of bookings."""

    TABLE = "table"
    CSV = "csv"
    ICS = "ics"


def bookings(
    ctx: typer.Context,
    booking: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this booking.")] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="From this date or time on.")
    ] = "today",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to the end of this date, or to a time.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="N", min=1, max=366, help="How many days. Default: all to come."),
    ] = None,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", help="Only in this state; may be repeated. Default: live ones."),
    ] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="Only with this guest.")
    ] = None,
    participant: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="PERSON", help="Only where this person of [people], or address, takes part."
        ),
    ] = None,
    history: Annotated[
        bool,
        typer.Option("--history", help="Also what happened to the booking ID: who, when, from what to what."),
    ] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Only the ids, one a line, for `portalcal cancel --file -`.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, max=10_000, help="Only so many: a page of a long list."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="NEXT", help="The page that begins where the last one ended."),
    ] = None,
    timezone: Zone = None,
    form: Annotated[
        BookingsFormat, typer.Option("--format", help="csv for a spreadsheet, ics for a calendar.")
    ] = BookingsFormat.TABLE,
    json: Json = False,
) -> None:
    """List bookings: by default the live ones from today on.

    [bold]Examples[/bold]

      portalcal bookings
      portalcal bookings --from "this week" --until "this week"
      portalcal bookings 5d16c341
      portalcal bookings --email sam@example.com --state cancelled --json
      portalcal bookings --limit 100 --json
    """
    command = CommandContext.of(ctx, as_json=json, is_change=False)
    if json and form is not BookingsFormat.TABLE:
        raise Usage(f"--json and --format {form} are two formats", "use one of them")
    if ids and (json or form is not BookingsFormat.TABLE or history):
        other = "--json" if json else "--history" if history else f"--format {form}"
        raise Usage(f"--ids and {other} are two formats", "use one of them")
    if history and booking is None:
        raise Usage(
            "--history is about one booking, and no ID is given",
            "give the booking's ID, or see the history of all with `portalcal history`",
        )
    if booking is not None and (limit is not None or after is not None):
        option = "--after" if limit is None else "--limit"
        raise Usage(f"{option} is about a list, and an ID names one booking", "leave out one of them")
    time_context = command.time_context(timezone)
    begin = read_from(start, time_context)
    end = read_end(until, time_context, begin=begin, days=days)
    if end is not None and end <= begin:
        raise Usage(f"the window ends before it starts: {start} to {until}", "give `--from` before `--until`")
    search = Search(
        start=begin,
        end=end,
        states=tuple(state) if state else tuple(each for each in State if each.is_live),
        email=email,
        after=usecase.read_position(after) if after is not None else None,
    )
    answer = usecase.bookings(
        search,
        command.container,
        zone=time_context.zone,
        booking=booking,
        with_history=history,
        participant=participant,
        limit=limit,
    )
    if ids:
        command.view.write_all(f"{each.id}\n" for each in answer.bookings)
    elif form is BookingsFormat.TABLE or json:
        command.view.show(answer)
    else:
        command.view.write_all(bookings_exporter(form)(answer))
    command.view.say_next(answer)
