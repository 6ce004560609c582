"""Serialize access tokens for the vault. Must not import Google's libraries: `status --offline` reads a token too."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from portalcal.core.grant import AccessToken
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret, Vault

_LIFETIME = timedelta(hours=1)
"""Of Google's access tokens: their `expires_in` is 3599 seconds."""

# Visible ASCII: a superset of b64token (RFC 6750 section 2.1) that allows no space and no line break in the header.
_TOKEN = re.compile(r"[\x21-\x7e]+")


def write_access(access: AccessToken) -> str:
    """Serialize an access token as JSON, with `expires_at` in RFC 3339 or null."""
    expires_at = access.expires_at.astimezone(UTC).isoformat() if access.expires_at else None
    return json.dumps({"token": access.token, "expires_at": expires_at})


def read_access(written: str) -> AccessToken | None:
    """Parse a serialized access token; None if it is not usable, which only costs a renewal."""
    try:
        fields = json.loads(written)
        token, text = fields["token"], fields["expires_at"]
        expires_at = datetime.fromisoformat(text) if text is not None else None
        # The subtraction raises OverflowError for a time too close to the year 1 to compute with.
        has_valid_expiry = expires_at is None or (
            expires_at.tzinfo is not None and expires_at - _LIFETIME < expires_at.astimezone(UTC)
        )
        is_usable = has_valid_expiry and _TOKEN.fullmatch(token) is not None
    # Not JSON, another structure or type, a time outside the years 1 to 9999. RecursionError: deep nesting.
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return AccessToken(token, expires_at) if is_usable else None


def cached_access(vault: Vault) -> AccessToken | None:
    """The access token in a vault; None if there is no usable one.

    A vault that cannot be read counts as empty here: the renewal that follows reads the refresh token and reports it.
    """
    try:
        written = vault.read(Secret.ACCESS_TOKEN)
    except VaultUnavailable:
        return None
    return read_access(written) if written else None


def renewed_at(access: AccessToken | None) -> datetime | None:
    """When the access token was issued, from its expiry; None if unknown."""
    return access.expires_at - _LIFETIME if access and access.expires_at else None
