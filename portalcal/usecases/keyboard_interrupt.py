"""Ctrl-C during a write: report the state of the booking, or of the offer, that the ledger has recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from portalcal.errors import BookingNotFound, Interrupted, OfferInterrupted, OfferNotFound
from portalcal.ports import Context
from portalcal.usecases.ledger_failure import LEDGER_FAILURES


@contextmanager
def translate_interrupt(context: Context, booking_id: UUID, *, if_not_recorded: str) -> Iterator[None]:
    """Turn KeyboardInterrupt into Interrupted with the booking's state.

    `if_not_recorded`: the sentence about the outcome where the ledger has no such booking.

    Raises:
        Interrupted: the block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        with suppress(BookingNotFound):
            raise Interrupted(str(booking_id), *_recorded(context, booking_id)) from None
        raise Interrupted().with_outcome(if_not_recorded) from None


@contextmanager
def translate_early_interrupt(outcome: str) -> Iterator[None]:
    """Turn KeyboardInterrupt into Interrupted where nothing was recorded yet.

    Raises:
        Interrupted: the block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted().with_outcome(outcome) from None


@contextmanager
def translate_offer_interrupt(
    context: Context, offer_id: UUID, *, if_not_recorded: str, if_unknown: str
) -> Iterator[None]:
    """Turn KeyboardInterrupt into OfferInterrupted with the state of the offer.

    The two sentences about the outcome are for a ledger without such an offer, and for one that fails.

    Raises:
        OfferInterrupted: the offer is recorded.
        Interrupted: it is not, or that is not known.
    """
    try:
        yield
    except KeyboardInterrupt:
        try:
            known = context.offers.find(str(offer_id))
            owed = {entry.booking for entry in context.ledger.owed()}
        except OfferNotFound:
            raise Interrupted().with_outcome(if_not_recorded) from None
        except LEDGER_FAILURES:
            raise Interrupted().with_outcome(if_unknown) from None
        is_owed = not owed.isdisjoint(each.id for each in known.slots)
        raise OfferInterrupted(str(offer_id), known.state.value, is_owed) from None


def _recorded(context: Context, booking_id: UUID) -> tuple[str, str]:
    """The state of a booking in the ledger, and its guest. Raises: BookingNotFound."""
    try:
        booking = context.ledger.find(str(booking_id))
    except LEDGER_FAILURES:
        return "unknown", ""
    state = "moving" if booking.moving_to else booking.state.value
    return state, booking.request.guest.name
