"""A service account with domain-wide delegation: a Workspace administrator's word in place of a person's consent.

The key signs an assertion (RFC 7523) that the token endpoint exchanges for an access token of the person named as
subject; there is no refresh token, and nothing to revoke.
Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import google.auth.crypt
import google.auth.jwt

from portalcal.adapters import google_refusals, google_unreachable
from portalcal.adapters.google_refusals import Refusal
from portalcal.adapters.google_token_endpoint import FORM, Renewed, access_in, host_of
from portalcal.adapters.google_wire import Call, Wire
from portalcal.config import check_url
from portalcal.errors import GoogleBusy, KeyInvalid, PortalcalError, ServiceAccountRefused
from portalcal.ports import Secret

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE = 3600
_OTHER_KINDS = {
    "authorized_user": "a stored user token",
    "external_account": "a workload identity configuration",
}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The key as downloaded from Google's console. `client_id` is what an administrator delegates to."""

    email: str
    client_id: str
    key_id: str
    token_uri: str
    private_key: str = field(repr=False)

    @classmethod
    def read(cls, path: Path | None) -> ServiceAccount:
        """The key in a file.

        Raises:
            KeyInvalid: there is none (`path` is None), or the file holds something else; `found` says what.
        """
        if path is None:
            raise KeyInvalid("[google] service_account", "nothing")
        document = _document(path)
        if document.get("type") != "service_account":
            raise KeyInvalid(str(path), _kind(document))
        told = {name: document.get(name) for name in _FIELDS}
        for name, value in told.items():
            if not isinstance(value, str) or not value.strip():
                raise KeyInvalid(str(path), f'a key without "{name}"')
        key = cls(**{_FIELDS[name]: str(value) for name, value in told.items()})
        try:
            check_url(key.token_uri)
            _signer(key)
        except ValueError as error:
            raise KeyInvalid(str(path), "a private key or an address in it that cannot be used") from error
        return key


_FIELDS = {
    "client_email": "email",
    "client_id": "client_id",
    "private_key_id": "key_id",
    "token_uri": "token_uri",
    "private_key": "private_key",
}


class KeyVault:
    """The secrets of a service account: its key, which is not ours to keep, and an access token while the process runs."""

    def __init__(self, key: Callable[[], ServiceAccount]) -> None:
        self._key = key
        self._access: str | None = None

    @property
    def kind(self) -> str:
        """`service-account`."""
        return "service-account"

    @property
    def backend(self) -> str | None:
        """Whose key it is."""
        return self._key().email

    def read(self, secret: Secret) -> str | None:
        """The key stands where others have a refresh token."""
        return self._key().private_key if secret is Secret.REFRESH_TOKEN else self._access

    def write(self, secret: Secret, value: str) -> None:
        """Keep an access token until the process ends."""
        if secret is Secret.ACCESS_TOKEN:
            self._access = value

    def forget(self) -> None:
        """Let go of the access token; the key stays where it is."""
        self._access = None


def renewal(
    key: Callable[[], ServiceAccount], *, subject: str, scopes: tuple[str, ...]
) -> Callable[[Wire, str, datetime], Renewed]:
    """What `Tokens` calls for a new access token of the subject."""

    def renew(wire: Wire, _private_key: str, now: datetime) -> Renewed:
        account = key()
        form = {"grant_type": _GRANT_TYPE, "assertion": _assertion(account, subject, scopes=scopes, now=now)}
        answer = wire.send(Call("POST", account.token_uri, urlencode(form).encode(), FORM))
        if answer.status >= 300:
            refusal = google_refusals.read_refusal(answer.status, answer.content)
            raise _refused(refusal, account, subject=subject, scopes=scopes)
        return Renewed(access_in(answer, host=host_of(account.token_uri), now=now), None)

    return renew


def _assertion(account: ServiceAccount, subject: str, *, scopes: tuple[str, ...], now: datetime) -> str:
    issued = int(now.timestamp())
    claims = {
        "iss": account.email,
        "sub": subject,
        "scope": " ".join(scopes),
        "aud": account.token_uri,
        "iat": issued,
        "exp": issued + _LIFE,
    }
    encoded: bytes = google.auth.jwt.encode(_signer(account), claims)  # type: ignore[no-untyped-call]
    return encoded.decode()


def _signer(account: ServiceAccount) -> google.auth.crypt.RSASigner:
    signer: google.auth.crypt.RSASigner = google.auth.crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
        account.private_key, account.key_id
    )
    return signer


def _refused(
    refusal: Refusal, account: ServiceAccount, *, subject: str, scopes: tuple[str, ...]
) -> PortalcalError:
    """What a refusal means; each has somebody else who can mend it, and none is mended by connecting."""
    if refusal.is_busy or refusal.is_quota or refusal.status >= 500:
        return GoogleBusy(refusal.words, refusal.status)
    if not refusal.is_google:
        return google_unreachable.not_google(host_of(account.token_uri))
    reason, remedy = _why(refusal, account, scopes=scopes)
    return ServiceAccountRefused(account.email, subject, reason, remedy)


def _why(refusal: Refusal, account: ServiceAccount, *, scopes: tuple[str, ...]) -> tuple[str, str]:
    """What is the matter, and who can mend it. Google's own words tell causes apart, its codes do not."""
    words = refusal.words.lower()
    if "timeframe" in words:
        return (
            "the time of the request is not Google's",
            "set the clock of this machine right, then run `portalcal status`",
        )
    if "signature" in words or "account not found" in words:
        return (
            "its key is not known any more",
            "make a new key in the Google Cloud console and name it in [google] service_account",
        )
    if refusal.says("unauthorized_client", "access_denied", "invalid_scope"):
        remedy = (
            f"let client ID {account.client_id} have {','.join(scopes)} in the Google Admin console, under Security, "
            "API controls, Domain-wide delegation; that takes effect within a day"
        )
        return ("it was not delegated what portalcal needs", remedy)
    if "email" in words or "user id" in words:
        return ("there is no such account", "name an account of your own Workspace as [google] subject")
    return (
        refusal.words.rstrip("."),
        "look at the service account in the Google Cloud console: it may be disabled or deleted",
    )


def _document(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeyInvalid(str(path), (error.strerror or "no readable file").lower()) from error
    # JSONDecodeError and UnicodeDecodeError are ValueErrors; brackets nested by the thousand are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise KeyInvalid(str(path), "no JSON") from error
    if not isinstance(document, dict):
        raise KeyInvalid(str(path), "JSON that is no object")
    return document


def _kind(document: dict[str, object]) -> str:
    """What the file holds instead."""
    if "installed" in document or "web" in document:
        return "an OAuth client, which belongs into [google] client_secrets"
    kind = document.get("type")
    return _OTHER_KINDS.get(str(kind), "JSON of another kind")
