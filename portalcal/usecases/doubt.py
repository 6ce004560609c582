"""What is refused while an event of ours may stand in the calendar ends no promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portalcal.errors import AlreadyMoved, ConnectError, PortalcalError, SlotTaken, TryLaterError


class InDoubt(Exception):
    """Google refused for good, and the calendar may hold, or holds, another thing than it should.

    The booking keeps its time and the errand stays owed. `why` is the refusal.
    """

    def __init__(self, why: PortalcalError) -> None:
        super().__init__(why.code)
        self.why = why


@contextmanager
def in_doubt(*answers: type[PortalcalError]) -> Iterator[None]:
    """Nothing is concluded from a refusal inside, but for those that answer what was asked.

    Raises:
        InDoubt: Google refused for good.
    """
    known: tuple[type[PortalcalError], ...] = (TryLaterError, ConnectError, AlreadyMoved, SlotTaken, *answers)
    try:
        yield
    except known:
        raise
    except PortalcalError as error:
        raise InDoubt(error) from error
