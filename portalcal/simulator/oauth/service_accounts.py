"""Service accounts with domain-wide delegation: verification of signed assertions (RFC 7523).

Source: https://developers.google.com/identity/protocols/oauth2/service-account. Error messages are those
quoted in reports. Checked are signature, times, delegation and subject.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portalcal.simulator.http.messages import oauth_error_response
from portalcal.simulator.oauth.grants import Client

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_LIFE = 3600
_SKEW = 300

# RFC 8017 section 9.2, note 1: the DER of a DigestInfo with SHA-256, before the digest.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")

_TIMES = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)

_NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
    "scopes requested."
)


@dataclass(slots=True)
class RegisteredServiceAccount:
    """A registered service account: its RSA public key and the scopes an administrator delegated."""

    email: str
    client: Client
    modulus: int
    exponent: int
    delegated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """The verified claims of an assertion."""

    account: RegisteredServiceAccount
    subject: str
    scopes: tuple[str, ...]


def verify_assertion(text: str, accounts: dict[str, RegisteredServiceAccount], *, now: datetime) -> Assertion:
    """Verify an assertion and return its claims.

    Raises:
        ErrorResponse: Google's error for a malformed, forged, expired or undelegated assertion.
    """
    try:
        head, body, signature = text.split(".")
        claims = json.loads(_decoded(body))
        signed = int.from_bytes(_decoded(signature), "big")
        algorithm = json.loads(_decoded(head))["alg"]
        account = accounts.get(str(claims.get("iss")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise oauth_error_response(400, "invalid_grant", "Invalid JWT: Failed to parse") from None
    if account is None:
        raise oauth_error_response(400, "invalid_grant", "Invalid grant: account not found")
    if algorithm != "RS256" or not _is_signature(signed, f"{head}.{body}".encode(), account):
        raise oauth_error_response(400, "invalid_grant", "Invalid JWT Signature.")
    _check_times(claims, now)
    scopes = tuple(str(claims.get("scope", "")).split())
    if not set(scopes) <= set(account.delegated):
        raise oauth_error_response(401, "unauthorized_client", _NOT_DELEGATED)
    return Assertion(account, str(claims.get("sub", account.email)), scopes)


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise oauth_error_response(400, "invalid_grant", _TIMES)
    moment = now.timestamp()
    if expires - issued > _LONGEST_LIFE or issued > moment + _SKEW or expires < moment - _SKEW:
        raise oauth_error_response(400, "invalid_grant", _TIMES)


def _is_signature(signature: int, message: bytes, account: RegisteredServiceAccount) -> bool:
    """Verify RSASSA-PKCS1-v1_5 by comparing encodings (RFC 8017 section 8.2.2)."""
    length = (account.modulus.bit_length() + 7) // 8
    digest = _SHA256 + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    encoded = pow(signature, account.exponent, account.modulus).to_bytes(length, "big")
    return hmac.compare_digest(encoded, expected)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
