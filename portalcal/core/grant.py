"""An OAuth grant and its tokens. `repr` never shows a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An OAuth access token."""

    token: str = field(repr=False)
    expires_at: datetime | None = None  # None: unknown


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens and scopes that consent gave."""

    refresh_token: str = field(repr=False)
    access: AccessToken = field(repr=False)
    scopes: frozenset[str]

    def __post_init__(self) -> None:
        if not self.refresh_token:
            raise ValueError("a grant without a refresh token cannot be kept")


TESTING_LIFE = timedelta(days=7)
"""Lifetime of a grant while the OAuth app has publishing status "Testing".

https://developers.google.com/identity/protocols/oauth2#expiration
"""

UNUSED_LIFE = timedelta(days=182)
"""Google ends a grant that was not renewed for six months (same page)."""

_SOONEST, _LATEST = timedelta(days=6, hours=12), timedelta(days=8)


def ended_like_testing(lived: timedelta) -> bool:
    """Whether a grant that was found dead at this age probably ended because its app is in Testing.

    >>> ended_like_testing(timedelta(days=7, hours=3)), ended_like_testing(timedelta(days=30))
    (True, False)
    """
    return _SOONEST <= lived <= _LATEST
