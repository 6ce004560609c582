"""What consent gave. `repr` never shows a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

TESTING_LIFE = timedelta(days=7)
"""Of a grant whose OAuth app is in publishing status "Testing" (GOOGLE.md 1.6)."""

UNUSED_LIFE = timedelta(days=182)
"""After so long without a renewal Google ends a grant: six months (GOOGLE.md 1.6)."""

_SOONEST, _LATEST = timedelta(days=6, hours=12), timedelta(days=8)


def ended_like_testing(lived: timedelta) -> bool:
    """Whether a grant found dead at this age ended as those of an app in Testing do.

    >>> ended_like_testing(timedelta(days=7, hours=3)), ended_like_testing(timedelta(days=30))
    (True, False)
    """
    return _SOONEST <= lived <= _LATEST


@dataclass(frozen=True, slots=True)
class Access:
    """An access token. `expires_at` is None when its age is unknown."""

    token: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What consent gave."""

    refresh_token: str = field(repr=False)
    access: Access = field(repr=False)
    scopes: frozenset[str]

    def __post_init__(self) -> None:
        if not self.refresh_token:
            raise ValueError("a grant without a refresh token cannot be kept")
