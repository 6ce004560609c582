"""What `status` asks of Google: whether it answers, honours the grant, and shows the chosen calendars."""

from __future__ import annotations

from datetime import timedelta

from portalcal.core import findings
from portalcal.core.diagnosis import Condition, Finding, Health
from portalcal.core.intervals import Interval
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    CalendarNotFound,
    CalendarNotWritable,
    CalendarUnreadable,
    GoogleBusy,
    GoogleUnreachable,
    PortalcalError,
    Unread,
)
from portalcal.ports import Calendar
from portalcal.usecases.examination import Scene, failure

# Free/busy takes 50 calendars and 30 days at once: what else there is to see costs no request.
_MOST = 50
_AHEAD = timedelta(days=28)

_WRITERS = frozenset({"owner", "writer"})


def google_reachable(scene: Scene) -> Finding:
    """Whether Google answers. Raises: GoogleUnreachable, GoogleBusy."""
    scene.need_google()
    try:
        scene.world.renew_access()
    except (GoogleUnreachable, GoogleBusy):
        raise
    except PortalcalError as error:
        # It answered; what it said is a later check's business.
        scene.renewal = error
    through = scene.world.machine.proxy()
    return Finding(f"answers, through the proxy {through}" if through else "answers")


def google_clock(scene: Scene) -> Finding:
    """Whether this machine's clock shows what Google's does."""
    scene.need_google()
    return findings.of_clock(scene.world.clock_skew())


def grant_refresh(scene: Scene) -> Finding:
    """Whether Google honours the grant. Raises: what it says against it."""
    scene.need_google()
    if scene.renewal:
        raise scene.renewal
    return Finding("access renewed")


def calendars_list(scene: Scene) -> Finding:
    """Whether the account's calendars are listed, and are those of this workspace's account. Raises: as ports.Calendars."""
    scene.need_google()
    scene.listed = scene.world.calendars.list()
    theirs = next((each.id for each in scene.listed if each.is_primary), None)
    ours = scene.connection.account if scene.connection else ""
    if theirs and ours and theirs.casefold() != ours.casefold():
        return Finding(
            f"the stored grant is that of {theirs}, this workspace belongs to {ours}",
            Health.FAIL,
            f"run `portalcal connect --force --account {ours}`",
            means=Condition.MISCONFIGURED,
        )
    count = len(scene.listed)
    return Finding(f"{count} calendar{'' if count == 1 else 's'}")


def calendars_conflicts(scene: Scene) -> Finding:
    """Whether every conflict calendar tells its busy times, and whether they are the ones with the meetings."""
    scene.need_google()
    chosen = scene.selection().conflicts
    others = tuple(
        each.id for each in scene.listed if _may_hold_meetings(each) and not _is_chosen(each, scene)
    )
    now = scene.world.clock.now()
    asked = (*chosen, *others)[: max(_MOST, len(chosen))]
    answers = scene.world.calendars.free_busy(asked, Interval(now, now + _AHEAD))
    ours = tuple(each for each in answers if each.calendar in chosen)
    scene.unread = {each.calendar: each.unread for each in ours if each.unread is not None}
    if scene.unread:
        return _unreadable(scene)
    if hidden := [each.id for each in scene.listed if each.is_hidden and _is_chosen(each, scene)]:
        return _hidden(scene, hidden[0])
    return _meetings_elsewhere(scene, ours, [each for each in answers if each not in ours]) or Finding(
        f"{len(chosen)} readable"
    )


def _may_hold_meetings(calendar: Calendar) -> bool:
    """Calendars one writes to; holidays, birthdays and those of colleagues are only read."""
    return calendar.role in _WRITERS and not calendar.is_hidden


def _is_chosen(calendar: Calendar, scene: Scene) -> bool:
    return scene.selection().use_of(calendar) in {"conflicts", "both"}


def _unreadable(scene: Scene) -> Finding:
    error = CalendarUnreadable(tuple(Unread(*each) for each in scene.unread.items()))
    account = scene.connection.account if scene.connection else "this account"
    gone = [name for name, why in scene.unread.items() if why == "notFound"]
    detail = f"{error.message}: deleted, or no longer shared with {account}" if gone else None
    first = error.calendars[0].id
    if scene.pins.conflicts is None:
        return failure(error, detail=detail)
    hint = f"take {first} out of {scene.pinned('conflicts')}, or ask its owner to share it again"
    return failure(error, detail=detail, hint=hint)


def _hidden(scene: Scene, calendar: str) -> Finding:
    hint = f"show it again in Google Calendar's settings, or leave it out with `portalcal calendars --deselect {calendar}`"
    if scene.pins.conflicts is not None:
        hint = f"show it again in Google Calendar's settings, or take it out of {scene.pinned('conflicts')}"
    return Finding(
        f"{calendar} is hidden in Google Calendar, and still counts for conflicts", Health.WARN, hint
    )


def _meetings_elsewhere(scene: Scene, chosen: tuple[FreeBusy, ...], others: list[FreeBusy]) -> Finding | None:
    """The commonest wrong choice: the account's own calendar is empty, the meetings are on another one."""
    if any(each.busy for each in chosen):
        return None
    fullest = max(others, key=lambda each: len(each.busy), default=None)
    if fullest is None or not fullest.busy:
        return None
    count = len(fullest.busy)
    hint = f"count it with `portalcal calendars --select {fullest.calendar}`"
    if scene.pins.conflicts is not None:
        hint = f"add it to {scene.pinned('conflicts')}"
    return Finding(
        f"nothing in the next four weeks, while {fullest.calendar} has {count} busy "
        f"time{'' if count == 1 else 's'} and does not count",
        Health.WARN,
        hint,
    )


def calendars_booking(scene: Scene) -> Finding:
    """Whether events can be written."""
    scene.need_google()
    wanted = scene.selection().booking
    calendar = scene.entry(wanted)
    is_pinned = scene.pins.booking is not None
    choose = (
        f"name an owned one in {scene.pinned('booking')}; `portalcal calendars` lists them"
        if is_pinned
        else "choose an owned one of `portalcal calendars` with `portalcal calendars --book-into ID`"
    )
    if calendar is None:
        account = scene.connection.account if scene.connection else "this account"
        detail = f"{wanted} is deleted, or no longer shared with {account}, so bookings cannot go to it"
        return failure(CalendarNotFound(wanted), detail=detail, hint=choose)
    if not calendar.is_owned:
        return failure(CalendarNotWritable(calendar.id, calendar.role), hint=choose)
    # Not by its name: the report tells no titles, and the page shows the name below.
    return Finding(f"{calendar.id}, owned")
