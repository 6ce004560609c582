"""Gathering what a scheduling question depends on: hours, rules, promises, and what Google says right now."""

from __future__ import annotations

from itertools import chain
from zoneinfo import ZoneInfo

from portalcal.answers import Selection
from portalcal.core.instants import say
from portalcal.core.intervals import Interval
from portalcal.core.slots import Question, Rules, nearest
from portalcal.errors import CalendarUnreadable, Offer, Unread
from portalcal.ports import World

PRIMARY = "primary"


def selection(world: World) -> Selection | None:
    """The calendars chosen for this workspace, config.toml before `calendars --select`; None when disconnected.

    Raises:
        ConfigInvalid: connection.toml was damaged by hand.
    """
    connection = world.connections.read()
    if connection is None:
        return None
    pins = world.config.pins

    def known(calendar: str) -> str:
        # Google answers to both names; one of them keeps a calendar from being asked twice.
        return connection.account if calendar == PRIMARY and connection.account else calendar

    conflicts = pins.conflicts if pins.conflicts is not None else connection.conflicts
    return Selection(tuple(dict.fromkeys(map(known, conflicts))), known(pins.booking or connection.booking))


def gather(
    world: World, window: Interval, *, link: str | None, rules: Rules | None = None, partial: bool = False
) -> Question:
    """The question of which starts in `window` are offered for a link, with everything its answer needs.

    One exchange with Google for up to 50 calendars and 30 days; none when disconnected, with a warning.
    `rules` replaces the link's own. `partial` keeps calendars that cannot be read, marked as unread.

    Raises:
        CalendarUnreadable: a conflict calendar told nothing, and `partial` is off.
        LinkNotFound: no such link.
    """
    kind = world.config.link(link)
    question = Question(
        schedule=kind.schedule, rules=rules or kind.rules, window=window, now=world.clock.now(), link=link
    )
    chosen = selection(world)
    if chosen is None:
        calendars = None
        world.view.warn(
            "not-connected",
            "not connected: only the configured schedule and the bookings made here are known, "
            "so this can double-book; connect with `portalcal connect`",
        )
    else:
        calendars = world.calendars.free_busy(chosen.conflicts, question.busy_window)
        unread = tuple(Unread(each.calendar, each.unread) for each in calendars if each.unread is not None)
        if unread and not partial:
            raise CalendarUnreadable(unread)
    live = world.ledger.live_in(question.promise_window)
    promises = tuple(chain.from_iterable(each.promises for each in live))
    return Question(
        schedule=question.schedule,
        rules=question.rules,
        window=window,
        now=question.now,
        link=link,
        calendars=calendars,
        promises=promises,
    )


def alternatives(question: Question, wanted: Interval, zone: ZoneInfo) -> tuple[Offer, ...]:
    """Up to three offered meetings nearest to the wanted one, in the zone of who wants it."""
    return tuple(
        Offer(each.start.astimezone(zone), each.end.astimezone(zone), say(each.start, zone, end=each.end))
        for each in nearest(question, wanted.start)
    )
