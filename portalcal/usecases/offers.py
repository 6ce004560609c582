"""List offers, and say what is over. Writes nothing."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.time import format_time
from portalcal.errors import OfferExpired, OfferTaken
from portalcal.ports import Context
from portalcal.results import Offered, Offers
from portalcal.usecases.status.early_warnings import warn_early


def offers(states: tuple[OfferState, ...], context: Context) -> Offers:
    """The offers in these states, by expiry. Writes nothing."""
    warn_early(context)
    now = context.clock.now()
    known = (each for each in context.offers.all() if each.state_at(now) in states)
    return Offers(tuple(Offered(each, zone_of(each), now) for each in known), now)


def check_open(known: GuestOffer, now: datetime) -> None:
    """Make sure that an offer still holds its times. Raises: OfferExpired, OfferTaken."""
    match known.state_at(now):
        case OfferState.TAKEN:
            raise OfferTaken(str(known.id), str(known.booking))
        case OfferState.EXPIRED:
            raise OfferExpired(str(known.id), f"expired on {format_time(known.expires_at, zone_of(known))}")
        case OfferState.RELEASED:
            raise OfferExpired(str(known.id), "was released")
        case OfferState.OPEN:
            return


def zone_of(known: GuestOffer) -> ZoneInfo:
    """The zone in which an offer was asked for, which is the guest's."""
    return known.slots[0].request.zone
