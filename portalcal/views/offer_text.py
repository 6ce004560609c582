"""An offer in words for an e-mail: its times in the guest's zone, and until when they are held. Standard library only."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portalcal.core.offers import OfferState
from portalcal.core.reason_text import count_of
from portalcal.core.time import format_time, zone_city
from portalcal.results import Offered


def offer_text(answer: Offered) -> str | None:
    """The paragraph to send to the guest; None once the offer is over."""
    offer, zone = answer.offer, answer.zone
    if offer.state_at(answer.now) is not OfferState.OPEN:
        return None
    length = _length(offer.slots[0].request.duration)
    times = [_time(each.meeting.start, each.meeting.end, zone) for each in offer.slots]
    until = _time(_whole_minute(offer.expires_at, answer.now), None, zone)
    place = f"{zone_city(zone)} ({zone.key})"
    if len(times) == 1:
        return f"This time is held for you, for a meeting of {length}: {times[0]} in {place}. It is held until {until}."
    lines = [f"These times are held for you, for a meeting of {length}; choose one. All are in {place}:", ""]
    lines += [f"{number}. {time}" for number, time in enumerate(times, start=1)]
    return "\n".join([*lines, "", f"They are held until {until}."])


def _whole_minute(instant: datetime, now: datetime) -> datetime:
    """The minute in which it lies, unless that one has begun."""
    minute = instant.replace(second=0, microsecond=0)
    return minute if minute > now else instant


def _time(start: datetime, end: datetime | None, zone: ZoneInfo) -> str:
    return format_time(start, zone, end=end).removesuffix(f" ({zone_city(zone)})")


def _length(length: timedelta) -> str:
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    parts = [count_of(hours, "hour") if hours else "", count_of(minutes, "minute") if minutes else ""]
    return " ".join(filter(None, parts))
