"""The grid of an availability for a terminal: days across, times down."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from portalcal.answers import Availability


def page(answer: Availability, *, width: int, is_ascii: bool) -> RenderableType:  # noqa: ARG001
    """The grid."""
    lines = [
        f"{day.date:%a %d %b}  {' '.join(f'{slot.start.astimezone(answer.zone):%H:%M}' for slot in day.slots)}"
        for day in answer.days
    ]
    return Text("\n".join(lines))
