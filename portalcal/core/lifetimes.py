"""How long Google lets a grant live (GOOGLE.md 1.6; https://developers.google.com/identity/protocols/oauth2#expiration)."""

from __future__ import annotations

from datetime import timedelta

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
