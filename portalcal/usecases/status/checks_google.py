"""Checks at Google: whether it is reachable, accepts the grant, and has the selected calendars."""

from __future__ import annotations

from datetime import timedelta

from portalcal.core import health
from portalcal.core.calendar_id import split
from portalcal.core.email_address import same
from portalcal.core.health import CheckResult, CheckStatus, ConnectionState
from portalcal.core.intervals import Interval
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    CalendarLost,
    CalendarNotWritable,
    EndpointChanged,
    GoogleBusy,
    GoogleUnreachable,
    PortalcalError,
    Unread,
)
from portalcal.facts import why_unread
from portalcal.ports import Calendar
from portalcal.usecases.accounts import read_free_busy, unread_error
from portalcal.usecases.people import everybody, rooms_of
from portalcal.usecases.status.runner import CheckContext, failed_result

# One free/busy request covers 50 calendars and 30 days, so that other calendars cost no further request.
_MAX_CALENDARS = 50

_WINDOW = timedelta(days=28)
_A_DAY = timedelta(days=1)

_WRITERS = frozenset({"owner", "writer"})


def google_reachable(check_context: CheckContext) -> CheckResult:
    """Whether Google responds. Raises: GoogleUnreachable, GoogleBusy, EndpointChanged."""
    check_context.need_google()
    try:
        if check_context.ports.can_renew:
            check_context.ports.renew_access()
        else:
            # A bare access token is tried with a request, since only Google knows whether it is valid.
            check_context.ports.calendars.list()
    except (GoogleUnreachable, GoogleBusy, EndpointChanged):
        raise
    except PortalcalError as error:
        # Google responded; `grant_refresh` reports the error.
        check_context.renewal_error = error
    proxy = check_context.ports.proxy_on_the_way()
    return CheckResult(f"answers, through the proxy {proxy}" if proxy else "answers")


def google_clock(check_context: CheckContext) -> CheckResult:
    """Whether this machine's clock agrees with Google's."""
    check_context.need_google()
    return health.judge_clock(check_context.ports.clock_skew())


def grant_refresh(check_context: CheckContext) -> CheckResult:
    """Whether Google accepts the grant. Raises: the error of the renewal."""
    check_context.need_google()
    if check_context.renewal_error:
        raise check_context.renewal_error
    if not check_context.ports.can_renew:
        return CheckResult("accepted; an access token without a refresh token ends within an hour")
    return CheckResult("access renewed")


def calendars_list(check_context: CheckContext) -> CheckResult:
    """Whether the calendar list can be read, and belongs to this workspace's account. Raises: as ports.Calendars."""
    check_context.need_google()
    listed = check_context.ports.calendars.list()
    grant_account = next((calendar.id for calendar in listed if calendar.is_primary), None)
    account = check_context.connection.account if check_context.connection else ""
    if grant_account and account and not same(grant_account, account):
        return CheckResult(
            f"the stored grant is that of {grant_account}, this workspace belongs to {account}",
            CheckStatus.FAIL,
            check_context.ports.ways_out.connect(f"run `portalcal connect --force --account {account}`"),
            means=ConnectionState.MISCONFIGURED,
        )
    check_context.listed = listed
    count = len(listed)
    return CheckResult(f"{count} calendar{'' if count == 1 else 's'}")


def calendars_conflicts(check_context: CheckContext) -> CheckResult:
    """Whether every conflict calendar can be read, and whether they are the ones with the meetings."""
    check_context.need_google()
    conflicts = check_context.selection().conflicts
    others = tuple(
        calendar.id
        for calendar in check_context.listed
        if _may_hold_meetings(calendar) and not _is_selected(calendar, check_context)
    )
    now = check_context.ports.clock.now()
    queried = (*conflicts, *others)[: max(_MAX_CALENDARS, len(conflicts))]
    free_busy = read_free_busy(check_context.ports, queried, Interval(now, now + _WINDOW))
    selected = tuple(answer for answer in free_busy if answer.calendar in conflicts)
    check_context.unread = {
        answer.calendar: answer.unread for answer in selected if answer.unread is not None
    }
    if check_context.unread:
        error = unread_error(check_context.ports, selected)
        result = failed_result(error, check_context.ports)
        # This workspace's own connection works.
        return result._replace(means=ConnectionState.BLOCKED) if error.other_workspace else result
    if hidden := [
        calendar.id
        for calendar in check_context.listed
        if calendar.is_hidden and _is_selected(calendar, check_context)
    ]:
        return _hidden(check_context, hidden[0])
    unselected = [answer for answer in free_busy if answer not in selected]
    return _meetings_elsewhere(check_context, selected, unselected) or CheckResult(
        f"{', '.join(split(each).shown for each in conflicts)}: readable"
    )


def _may_hold_meetings(calendar: Calendar) -> bool:
    """Whether the account can write to it; calendars of holidays, birthdays and colleagues are only read."""
    return calendar.role in _WRITERS and not calendar.is_hidden


def _is_selected(calendar: Calendar, check_context: CheckContext) -> bool:
    return check_context.selection().use_of(calendar) in {"conflicts", "both"}


def _hidden(check_context: CheckContext, calendar: str) -> CheckResult:
    hint = (
        f"show it again in Google Calendar's settings, or {check_context.ports.ways_out.leave_out(calendar)}"
    )
    return CheckResult(
        f"{calendar} is hidden in Google Calendar, and still counts for conflicts", CheckStatus.WARN, hint
    )


def _meetings_elsewhere(
    check_context: CheckContext, selected: tuple[FreeBusy, ...], others: list[FreeBusy]
) -> CheckResult | None:
    """The commonest wrong selection: the conflict calendars are empty, and the meetings are on another calendar."""
    if any(answer.busy for answer in selected):
        return None
    fullest = max(others, key=lambda answer: len(answer.busy), default=None)
    if fullest is None or not fullest.busy:
        return None
    count = len(fullest.busy)
    return CheckResult(
        f"nothing in the next four weeks, while {split(fullest.calendar).shown} has {count} busy "
        f"time{'' if count == 1 else 's'} and does not count",
        CheckStatus.WARN,
        f"to have it counted: {check_context.ports.ways_out.count_in(fullest.calendar)}",
    )


def people(check_context: CheckContext) -> CheckResult:
    """Whether the calendar of everybody who can be asked for, and of every room, is readable."""
    config = check_context.ports.config
    keys = {each.address: each.key for each in everybody(config)}
    keys |= {each.address: each.key for each in rooms_of(config)}
    if not keys:
        return CheckResult("nobody besides the owner is configured")
    check_context.need_google()
    now = check_context.ports.clock.now()
    window = Interval(now, now + _A_DAY)
    answers = check_context.ports.calendars.free_busy(keys, window)
    unread = [
        f"{keys[each.calendar]} ({why_unread(each.unread)})" for each in answers if each.unread is not None
    ]
    if not unread:
        return CheckResult(f"{len(keys)} readable")
    return CheckResult(
        f"not readable, so never free: {', '.join(unread)}",
        CheckStatus.WARN,
        f"ask for these calendars to be shared, at least free/busy, with {check_context.account}, "
        "then run `portalcal people`",
    )


def calendars_booking(check_context: CheckContext) -> CheckResult:
    """Whether events can be written to the booking calendar. Raises: CalendarLost, CalendarNotWritable."""
    check_context.need_google()
    booking_calendar = check_context.selection().booking
    calendar = check_context.entry(booking_calendar)
    if calendar is None:
        raise CalendarLost(
            (Unread(booking_calendar, "notFound"),), check_context.account, is_for_bookings=True
        )
    if not calendar.is_owned:
        raise CalendarNotWritable(calendar.id, calendar.role)
    # By id, not by name: the report must contain no titles, and the page shows the name below.
    return CheckResult(f"{calendar.id}, owned")
