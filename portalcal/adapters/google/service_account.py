"""Access tokens for a service account with domain-wide delegation, which replaces a person's consent.

The key signs a JWT assertion (RFC 7523) that the token endpoint exchanges for an access token of the account named as
`sub`; there is no refresh token, and nothing to revoke.
Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import google.auth.crypt
import google.auth.jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portalcal.adapters.google import api_errors, network_errors
from portalcal.adapters.google.api_errors import ApiErrorDetails
from portalcal.adapters.google.client import read_object
from portalcal.adapters.google.http_client import HttpClient, Request
from portalcal.adapters.google.token_endpoint import FORM, Renewed, access_token_of
from portalcal.core.endpoint import host_of, read_endpoint
from portalcal.errors import GoogleBusy, KeyInvalid, PortalcalError, ServiceAccountRefused
from portalcal.ports import Secret

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

# Seconds until an assertion expires; Google accepts at most an hour.
_ASSERTION_LIFETIME = 3600

_OTHER_KINDS = {
    "authorized_user": "a stored user token",
    "external_account": "a workload identity configuration",
}


@dataclass(frozen=True, slots=True)
class ServiceAccountKey:
    """A key as downloaded from Google's console. `client_id` is what an administrator delegates scopes to."""

    email: str
    client_id: str
    key_id: str
    token_uri: str
    private_key: str = field(repr=False)

    @classmethod
    def read(cls, path: Path | None) -> ServiceAccountKey:
        """Read the key from a file.

        Raises:
            KeyInvalid: `path` is None, or the file has other content, which `found` names.
        """
        if path is None:
            raise KeyInvalid("[google] service_account", "nothing")
        document = read_object(path, KeyInvalid)
        if document.get("type") != "service_account":
            raise KeyInvalid(str(path), _kind(document))
        values = {name: document.get(name) for name in _FIELDS}
        for name, value in values.items():
            if not isinstance(value, str) or not value.strip():
                raise KeyInvalid(str(path), f'a key without "{name}"')
        fields = {_FIELDS[name]: str(value) for name, value in values.items()}
        try:
            fields["token_uri"] = _endpoint(fields["token_uri"])
            key = cls(**fields)
            _check_key(key.private_key)
        except ValueError as error:
            raise KeyInvalid(str(path), str(error)) from None
        return key


_FIELDS = {
    "client_email": "email",
    "client_id": "client_id",
    "private_key_id": "key_id",
    "token_uri": "token_uri",
    "private_key": "private_key",
}


def _endpoint(text: str) -> str:
    try:
        return read_endpoint(text).url
    except ValueError:
        raise ValueError("a private key or an address in it that cannot be used") from None


def _check_key(pem: str) -> None:
    """Check that assertions can be signed with the key. Raises: ValueError."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    # TypeError: encrypted. UnsupportedAlgorithm: an unknown curve. Their messages may quote the key: not passed on.
    except TypeError:
        raise ValueError("an encrypted private key, which nobody here can open") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a private key or an address in it that cannot be used") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("a private key that is no RSA key, as Google's are")  # noqa: TRY004 - the file's fault


class KeyVault:
    """A vault for a service account: the key is read from its file, the access token is kept in memory."""

    def __init__(self, key: Callable[[], ServiceAccountKey]) -> None:
        self._key = key
        self._access: str | None = None

    @property
    def kind(self) -> str:
        """`service-account`."""
        return "service-account"

    @property
    def backend(self) -> str | None:
        """The e-mail address of the service account."""
        return self._key().email

    def read(self, secret: Secret) -> str | None:
        """The access token, or the private key in place of a refresh token."""
        return self._key().private_key if secret is Secret.REFRESH_TOKEN else self._access

    def write(self, secret: Secret, value: str) -> None:
        """Keep an access token in memory."""
        if secret is Secret.ACCESS_TOKEN:
            self._access = value

    def forget(self) -> None:
        """Drop the access token; the key file stays."""
        self._access = None


def renewal(
    key: Callable[[], ServiceAccountKey], *, subject: str, scopes: tuple[str, ...]
) -> Callable[[HttpClient, str, datetime], Renewed]:
    """The `renewal` for `AccessTokens`: requests an access token of the subject."""

    def renew(http_client: HttpClient, _private_key: str, now: datetime) -> Renewed:
        account = key()
        form = {"grant_type": _GRANT_TYPE, "assertion": _assertion(account, subject, scopes=scopes, now=now)}
        response = http_client.send(Request("POST", account.token_uri, urlencode(form).encode(), FORM))
        if response.status >= 300:
            api_error = api_errors.read_api_error(response.status, response.content)
            raise _translate(api_error, account, subject=subject, scopes=scopes)
        return Renewed(access_token_of(response, host=host_of(account.token_uri), now=now), None)

    return renew


def _assertion(account: ServiceAccountKey, subject: str, *, scopes: tuple[str, ...], now: datetime) -> str:
    issued_at = int(now.timestamp())
    claims = {
        "iss": account.email,
        "sub": subject,
        "scope": " ".join(scopes),
        "aud": account.token_uri,
        "iat": issued_at,
        "exp": issued_at + _ASSERTION_LIFETIME,
    }
    encoded: bytes = google.auth.jwt.encode(_signer(account), claims)  # type: ignore[no-untyped-call]
    return encoded.decode()


def _signer(account: ServiceAccountKey) -> google.auth.crypt.RSASigner:
    signer: google.auth.crypt.RSASigner = google.auth.crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
        account.private_key, account.key_id
    )
    return signer


def _translate(
    api_error: ApiErrorDetails, account: ServiceAccountKey, *, subject: str, scopes: tuple[str, ...]
) -> PortalcalError:
    """The error of ours for an error response. None of these is solved by connecting again."""
    if api_error.is_busy or api_error.is_quota or api_error.status >= 500:
        return GoogleBusy(api_error.message, api_error.status)
    if not api_error.is_google:
        return network_errors.not_google(host_of(account.token_uri))
    reason, remedy = _reason_and_remedy(api_error, account, scopes=scopes)
    return ServiceAccountRefused(account.email, subject, reason, remedy)


def _reason_and_remedy(
    api_error: ApiErrorDetails, account: ServiceAccountKey, *, scopes: tuple[str, ...]
) -> tuple[str, str]:
    """The reason and its remedy. Google's codes do not distinguish the causes; its messages do."""
    message = api_error.message.lower()
    if "timeframe" in message:
        return (
            "the time of the request is not Google's",
            "set the clock of this machine right, then run `portalcal status`",
        )
    if "signature" in message or "account not found" in message:
        return (
            "its key is not known any more",
            "make a new key in the Google Cloud console and name it in [google] service_account",
        )
    if api_error.has_reason("unauthorized_client", "access_denied", "invalid_scope"):
        remedy = (
            f"let client ID {account.client_id} have {','.join(scopes)} in the Google Admin console, under Security, "
            "API controls, Domain-wide delegation; that takes effect within a day"
        )
        return ("it was not delegated what portalcal needs", remedy)
    if "email" in message or "user id" in message:
        return ("there is no such account", "name an account of your own Workspace as [google] subject")
    return (
        api_error.message.rstrip("."),
        "look at the service account in the Google Cloud console: it may be disabled or deleted",
    )


def _kind(document: dict[str, object]) -> str:
    """The name of what the file contains instead."""
    if "installed" in document or "web" in document:
        return "an OAuth client, which belongs into [google] client_secrets"
    kind = document.get("type")
    return _OTHER_KINDS.get(str(kind), "JSON of another kind")
