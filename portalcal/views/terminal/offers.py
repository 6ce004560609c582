"""Terminal pages of offers: one in detail with its text for an e-mail, many as a list."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from portalcal import results
from portalcal.core.booking import Booking
from portalcal.core.offers import OfferState
from portalcal.core.participants import Role
from portalcal.core.time import format_time
from portalcal.sanitize import sanitize
from portalcal.views import humanize
from portalcal.views.offer_text import offer_text
from portalcal.views.terminal.layout import DefinitionList, Paragraphs

_STATES = {
    OfferState.OPEN: ("open", "green"),
    OfferState.TAKEN: ("taken", "dim"),
    OfferState.EXPIRED: ("expired: its times are free", "dim"),
    OfferState.RELEASED: ("released: its times are free", "dim"),
}


def offered(answer: results.Offered) -> RenderableType:
    """An offer, with the paragraph to send to the guest."""
    headline = (
        "Offered before: the same request, under this key; nothing new was made"
        if answer.is_replayed
        else None
    )
    parts: list[RenderableType] = [Text(headline, style="bold"), ""] if headline else []
    parts.append(_card(answer))
    text = offer_text(answer)
    return Group(*parts, "", Paragraphs(text)) if text else Group(*parts)


def offers(answer: results.Offers, *, is_line_each: bool = False) -> RenderableType:
    """Offers by expiry. `is_line_each`: one line for each, for a pipe."""
    if not answer.offers:
        return Text("No offers", style="dim")
    if is_line_each:
        return Group(*map(_line, answer.offers))
    parts: list[RenderableType] = []
    for each in answer.offers:
        parts += [_card(each), ""]
    return Group(*parts[:-1])


def _line(answer: results.Offered) -> Text:
    """Id, state, end, guest and times."""
    offer, zone = answer.offer, answer.zone
    guest = offer.slots[0].request.guest
    times = " · ".join(humanize.meeting(each.meeting, zone) for each in offer.slots)
    parts = (
        str(offer.id),
        offer.state_at(answer.now).value,
        f"until {format_time(_to_the_minute(offer.expires_at), zone)}",
        f"{sanitize(guest.name)} <{sanitize(guest.email)}>",
        times,
    )
    return Text("  ".join(parts))


def _to_the_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _card(answer: results.Offered) -> DefinitionList:
    offer, zone = answer.offer, answer.zone
    request = offer.slots[0].request
    state, colour = _STATES[offer.state_at(answer.now)]
    until = Text(format_time(_to_the_minute(offer.expires_at), zone)).append(
        f"  {humanize.relative(offer.expires_at, answer.now)}", style="dim"
    )
    takers = [_takers(each) for each in offer.slots]
    is_one_panel = len(set(takers)) == 1
    times = Text("\n").join(
        Text(f"{number}  {humanize.meeting(each.meeting, zone)}").append(
            "" if is_one_panel else f"  {names}", style="dim"
        )
        for number, (each, names) in enumerate(zip(offer.slots, takers, strict=True), start=1)
    )
    who = Text(sanitize(request.guest.name)).append(f" <{sanitize(request.guest.email)}>", style="dim")
    return DefinitionList([
        ("id", str(offer.id)),
        ("what", Text(sanitize(request.title), style="bold")),
        ("who", who),
        ("with", takers[0] if is_one_panel else None),
        ("times", times),
        ("until", until),
        ("state", Text(state, style=colour)),
        ("booking", str(offer.booking) if offer.booking else None),
        ("key", sanitize(offer.key or "")),
    ])  # fmt: skip


def _takers(slot: Booking) -> str:
    """The people and the room that are held with it; the owner, whose calendar it is, is not named."""
    return ", ".join(sanitize(each.key) for each in slot.participants if each.role is not Role.OWNER)
