"""One line of a batch: what it does, what it must not run beside, and how far it got when Ctrl-C came."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from portalcal.core.booking import Booking, State, differences
from portalcal.core.email_address import same
from portalcal.core.intervals import Interval
from portalcal.errors import BookingNotFound, Interrupted, PortalcalError
from portalcal.ports import Context
from portalcal.results import Booked, Cancelled, LineResult, Rescheduled
from portalcal.usecases.booking.book import NOTHING_BOOKED, BookOptions, book
from portalcal.usecases.booking.cancel import NOTHING_CANCELLED, CancelRequest, cancel
from portalcal.usecases.booking.reschedule import NOTHING_MOVED, RescheduleRequest, reschedule
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.ledger_failure import LEDGER_FAILURES
from portalcal.warnings import LineInterrupted

LineOptions = BookOptions | CancelRequest | RescheduleRequest
"""What one line asks for."""

_UNKNOWN = "The line was interrupted, and whether it was carried out is not known."


class BatchLine(NamedTuple):
    """One line of a file: what it asks for, or the error in it."""

    number: int
    options: LineOptions | PortalcalError
    key: str | None = None  # given, or made of its content; None: of a kind that has no keys


class Footprint(NamedTuple):
    """What a line touches. Two lines that touch the same thing run one after the other, in their order."""

    names: frozenset[str] = frozenset()  # idempotency keys, ids of bookings
    times: tuple[Interval, ...] = ()  # with their buffers
    before: Booking | None = None  # the booking to change, as it was
    address: str = ""  # by which the line names its booking: it means the one that the guest then has

    def touches(self, other: Footprint) -> bool:
        """Whether both have a name in common, times that overlap, or one a guest that the other names."""
        return (
            bool(self.names & other.names)
            or any(one.overlaps(another) for one in self.times for another in other.times)
            or self._depends_on(other)
            or other._depends_on(self)
        )

    def _depends_on(self, other: Footprint) -> bool:
        guest = other.before.request.guest.email if other.before else other.address
        return bool(self.address) and same(self.address, guest)


def footprint_of(line: BatchLine, context: Context) -> Footprint:
    """What a line touches; nothing if it has an error in it, or names no booking."""
    match line.options:
        case PortalcalError():
            return Footprint()
        case BookOptions(request=request, key=key):
            rules = context.config.link(request.link).rules
            buffered = request.meeting.widened(rules.buffer_before, rules.buffer_after)
            return Footprint(frozenset((key,) if key else ()), (buffered,))
        case CancelRequest(booking=booking):
            known = _known(booking, context)
            return _of_change(booking, known)
        case RescheduleRequest(booking=booking) as move:
            known = _known(booking, context)
            return _of_change(booking, known, _times(move, known) if known else ())
        case unknown:
            assert_never(unknown)


def _known(booking: str, context: Context) -> Booking | None:
    """The booking that a line names; None if there is none, which the line reports when it is carried out."""
    try:
        return find_booking(booking, context)
    except (BookingNotFound, *LEDGER_FAILURES):
        return None


def _of_change(wanted: str, known: Booking | None, times: tuple[Interval, ...] = ()) -> Footprint:
    names = frozenset((str(known.id),)) if known else frozenset()
    return Footprint(names, times, known, wanted if "@" in wanted else "")


def _times(request: RescheduleRequest, known: Booking) -> tuple[Interval, ...]:
    """Both times: the one it leaves may be what a later line moves to."""
    new = Interval(request.start, request.start + (request.duration or known.request.duration))
    return known.buffered, new.widened(known.buffer_before, known.buffer_after)


def carry_out(line: BatchLine, context: Context) -> LineResult | PortalcalError:
    """Do what a line asks for. The batch has run the outbox already."""
    try:
        match line.options:
            case PortalcalError() as error:
                return error
            case BookOptions() as options:
                return book(options._replace(is_batch_line=True), context)
            case CancelRequest() as request:
                return cancel(request._replace(is_batch_line=True), context)
            case RescheduleRequest() as request:
                return reschedule(request._replace(is_batch_line=True), context)
            case unknown:
                assert_never(unknown)
    except PortalcalError as error:
        return error


def recorded_outcome(line: BatchLine, context: Context, footprint: Footprint) -> LineResult | PortalcalError:
    """What the ledger has of an interrupted line. It records nothing more."""
    try:
        match line.options:
            case PortalcalError() as error:
                return error
            case BookOptions() as options:
                return _recorded_booking(options, context)
            case CancelRequest():
                return _recorded_cancellation(footprint, context)
            case RescheduleRequest() as request:
                return _recorded_move(request, footprint, context)
            case unknown:
                assert_never(unknown)
    except LEDGER_FAILURES as error:
        return error.with_outcome(_UNKNOWN)


def _recorded_booking(options: BookOptions, context: Context) -> LineResult | PortalcalError:
    booking = context.ledger.under_key(options.key) if options.key and not options.dry_run else None
    if booking is None or differences(booking.first_request, options.request):
        return Interrupted().with_outcome(NOTHING_BOOKED)
    if booking.state is State.HELD:
        context.view.warn(LineInterrupted(str(booking.id)))
    return Booked(booking, options.request.zone)


def _recorded_cancellation(footprint: Footprint, context: Context) -> LineResult | PortalcalError:
    if footprint.before is None:
        return Interrupted().with_outcome(NOTHING_CANCELLED)
    booking = context.ledger.find(str(footprint.before.id))
    if booking.state not in {State.CANCELLING, State.CANCELLED}:
        return Interrupted().with_outcome(NOTHING_CANCELLED)
    return Cancelled(booking, booking.request.zone, was_already=not footprint.before.is_live)


def _recorded_move(
    request: RescheduleRequest, footprint: Footprint, context: Context
) -> LineResult | PortalcalError:
    before = footprint.before
    booking = context.ledger.find(str(before.id)) if before else None
    if before is None or booking is None:
        return Interrupted().with_outcome(NOTHING_MOVED)
    to = Interval(request.start, request.start + (request.duration or before.request.duration))
    if to not in {booking.meeting, booking.moving_to}:
        return Interrupted().with_outcome(NOTHING_MOVED)
    return Rescheduled(booking, request.zone, before.meeting, was_already=to == before.meeting)
