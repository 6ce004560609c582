"""An access token in the form a vault keeps it. Light: `status --offline` reads one and loads nothing of Google."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from portalcal.core.grant import Access

_LIFE = timedelta(hours=1)
"""Of Google's access tokens, less a second (GOOGLE.md 1.5)."""


def write_access(access: Access) -> str:
    """An access token as a vault keeps it: JSON, `expires_at` in RFC 3339 or null."""
    expires_at = access.expires_at.astimezone(UTC).isoformat() if access.expires_at else None
    return json.dumps({"token": access.token, "expires_at": expires_at})


def read_access(written: str) -> Access | None:
    """An access token as a vault gave it back; None when it cannot be used, which only costs a renewal."""
    try:
        kept = json.loads(written)
        token, expires_at = kept["token"], kept["expires_at"]
        ends = datetime.fromisoformat(expires_at) if expires_at is not None else None
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(token, str) or not token or (ends is not None and ends.tzinfo is None):
        return None
    return Access(token, ends)


def renewed_at(access: Access | None) -> datetime | None:
    """When a grant was last used for an access token, to the hour; None where nobody knows."""
    return access.expires_at - _LIFE if access and access.expires_at else None
