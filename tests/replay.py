"""The facts of a booking worked out from its history alone: the oracle that no change of a booking goes unrecorded."""

from collections.abc import Iterable

from portalcal.core.history import BookingChange, BookingFacts

_NOTES = frozenset({"reason", "owed"})
"""What a line has beside the facts of the booking: why it was asked for, and which call to Google was owed."""

_NAMES: tuple[str, ...] = (
    "state", "start", "end", "moving_to", "link", "title", "guest", "guests", "people", "declined", "location",
    "meet_url", "calendar", "event_id", "offer",
)  # fmt: skip


def replayed(changes: Iterable[BookingChange], *, onto: BookingFacts | None = None) -> BookingFacts:
    """Apply changes of a booking in their order. `onto`: the facts before; None: there were none."""
    facts = dict(onto) if onto is not None else dict.fromkeys(_NAMES)
    for change in changes:
        facts |= {name: value for name, value in change.after.items() if name not in _NOTES}
    return facts
