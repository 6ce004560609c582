"""What `status` asks of Google: whether it answers, honours the grant, and shows the chosen calendars."""

from __future__ import annotations

from datetime import timedelta

from portalcal.core.diagnosis import Finding
from portalcal.core.intervals import Interval
from portalcal.errors import (
    CalendarNotFound,
    CalendarNotWritable,
    CalendarUnreadable,
    GoogleBusy,
    GoogleUnreachable,
    PortalcalError,
    Unread,
)
from portalcal.usecases.examination import Scene


def google_reachable(scene: Scene) -> Finding:
    """Whether Google answers. Raises: GoogleUnreachable, GoogleBusy."""
    scene.need_google()
    try:
        scene.world.renew_access()
    except (GoogleUnreachable, GoogleBusy):
        raise
    except PortalcalError as error:
        # It answered; what it said is the next check's business.
        scene.renewal = error
    return Finding("answers")


def grant_refresh(scene: Scene) -> Finding:
    """Whether Google honours the grant. Raises: what it says against it."""
    scene.need_google()
    if scene.renewal:
        raise scene.renewal
    return Finding("access renewed")


def calendars_list(scene: Scene) -> Finding:
    """Whether the account's calendars are listed. Raises: as ports.Calendars."""
    scene.need_google()
    scene.listed = scene.world.calendars.list()
    count = len(scene.listed)
    return Finding(f"{count} calendar{'' if count == 1 else 's'}")


def calendars_conflicts(scene: Scene) -> Finding:
    """Whether every conflict calendar tells its busy times. Raises: CalendarUnreadable."""
    scene.need_google()
    chosen = scene.selection().conflicts
    now = scene.world.clock.now()
    answers = scene.world.calendars.free_busy(chosen, Interval(now, now + timedelta(days=1)))
    scene.unread = {each.calendar: each.unread for each in answers if each.unread is not None}
    if scene.unread:
        raise CalendarUnreadable(tuple(Unread(*each) for each in scene.unread.items()))
    return Finding(f"{len(chosen)} readable")


def calendars_booking(scene: Scene) -> Finding:
    """Whether events can be written. Raises: CalendarNotFound, CalendarNotWritable."""
    scene.need_google()
    wanted = scene.selection().booking
    calendar = scene.entry(wanted)
    if calendar is None:
        raise CalendarNotFound(wanted, tuple(each.id for each in scene.listed))
    if not calendar.is_owned:
        raise CalendarNotWritable(calendar.id, calendar.role)
    return Finding(f"{calendar.name}, owned")
