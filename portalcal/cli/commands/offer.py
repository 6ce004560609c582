"""`portalcal offer`."""

from datetime import datetime
from typing import Annotated

import typer

from portalcal.cli.booking_fields import BookingFields, UnreadableFields, read_booking
from portalcal.cli.context import CommandContext
from portalcal.cli.options import Duration, Json, LinkName, Zone
from portalcal.cli.times import TimeContext, read_end, read_from, read_length, read_start
from portalcal.core.booking import State
from portalcal.core.intervals import Interval
from portalcal.core.offers import MOST_TIMES
from portalcal.errors import Exit, Usage
from portalcal.results import Offered
from portalcal.usecases import offer as usecase

_DAYS = 7


def offer(
    ctx: typer.Context,
    times: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[START]... | ID", help="The times to hold, up to 10; or an offer to extend or release."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The guest's name.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="The guest's address.")
    ] = None,
    pick: Annotated[
        int | None,
        typer.Option(
            "--pick", metavar="N", min=1, max=MOST_TIMES, help="Hold N open times, spread over days."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Pick from this date or time on. Default: today."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="Pick up to the end of this date, or a time. Default: 7 days."
        ),
    ] = None,
    link: LinkName = None,
    duration: Duration = None,
    lasts: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="How long the times are held.")
    ] = "48h",
    tentative: Annotated[
        bool,
        typer.Option(
            "--tentative", help="Put a `Hold: ...` event without guests into the calendar for each."
        ),
    ] = False,
    notes: Annotated[
        str | None,
        typer.Option("--notes", metavar="TEXT", help="The description of the event that one becomes."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The same key and request make one offer, however often they run."
        ),
    ] = None,
    extend: Annotated[
        str | None,
        typer.Option("--extend", metavar="LENGTH", help="Hold the times of the offer ID longer: 24h."),
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Free the times of the offer ID.")] = False,
    timezone: Zone = None,
    json: Json = False,
) -> int:
    """Hold several times for one guest until the offer expires; `book --offer` makes one of them the booking.

    [bold]Examples[/bold]

      portalcal offer "mon 10:00" "tue 2pm" --name "Sam Lee" --email sam@example.com
      portalcal offer --pick 3 --name Sam --email sam@example.com --for 24h
      portalcal offer 5d16c341 --extend 24h
      portalcal offer 5d16c341 --release
    """
    command = CommandContext.of(ctx, as_json=json, is_change=True)
    time_context = command.time_context(timezone)
    if extend is not None or release:
        command.view.show(_changed(times or [], command, extend=extend, release=release))
        return Exit.DONE
    for value, called in ((name, "--name"), (email, "--email")):
        if value is None:
            raise Usage(f"{called} is missing", "see `portalcal offer --help`")
    asked = _times(times or [], time_context, pick=pick, start=start, until=until)
    fields = BookingFields(
        time_context.now.isoformat(timespec="seconds"),
        name or "",
        email or "",
        link,
        duration,
        notes=notes,
        timezone=timezone,
        key=key,
    )
    try:
        options = read_booking(fields, command.container, time_context)
    except UnreadableFields as unreadable:
        raise unreadable.errors[0].error from None
    made = usecase.OfferOptions(options.request, asked, read_length(lasts), options.key, tentative)
    answer = usecase.offer(made, command.container)
    command.view.show(answer)
    is_owed = any(each.state is State.HELD for each in answer.offer.slots)
    return Exit.PENDING if is_owed else Exit.DONE


def _changed(words: list[str], command: CommandContext, *, extend: str | None, release: bool) -> Offered:
    """The offer that is extended or released. Raises: Usage (not one ID, or both)."""
    if extend is not None and release:
        raise Usage("--extend and --release exclude each other", "use one of them")
    if len(words) != 1:
        option = "--release" if release else "--extend"
        raise Usage(f"{option} takes the ID of one offer", "list them with `portalcal offers`")
    if extend is not None:
        return usecase.extend_offer(words[0], read_length(extend), command.container)
    return usecase.release_offer(words[0], command.container)


def _times(
    words: list[str], time_context: TimeContext, *, pick: int | None, start: str | None, until: str | None
) -> tuple[datetime, ...] | usecase.Picked:
    """The times asked for, or how many are to be picked and where. Raises: Usage."""
    if pick is not None:
        if words:
            raise Usage("START and --pick exclude each other", "name the times, or have them picked")
        begin = read_from(start or "today", time_context)
        end = read_end(until, time_context, begin=begin, days=None if until else _DAYS)
        if end is None or end <= begin:
            raise Usage(
                f"the window ends before it starts: {start} to {until}", "give `--from` before `--until`"
            )
        return usecase.Picked(pick, Interval(begin, end))
    if start is not None or until is not None:
        raise Usage("--from and --until go with --pick", "say how many times to pick, as `--pick 3`")
    if not words:
        raise Usage("START is missing", "name the times to offer, or have them picked with `--pick 3`")
    if len(words) > MOST_TIMES:
        raise Usage(
            f"an offer holds at most {MOST_TIMES} times, and {len(words)} are given", "make two offers"
        )
    return tuple(read_start(each, time_context) for each in words)
