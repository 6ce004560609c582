"""The OAuth client of a Desktop app, as downloaded from Google's console."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from portalcal.config import check_url
from portalcal.errors import ClientInvalid

_AUTH_URI = "https://accounts.google.com/o/oauth2/v2/auth"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_OTHER_KINDS = {"service_account": "a service account key", "authorized_user": "a stored user token"}


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks for consent. Google does not treat the secret of a Desktop client as one, yet demands it; we hide it.

    An empty `client_secret` is a public client, which sends none.
    """

    client_id: str
    client_secret: str = field(repr=False, default="")
    auth_uri: str = _AUTH_URI
    token_uri: str = _TOKEN_URI

    @classmethod
    def read(cls, path: Path | None) -> OAuthClient:
        """The client in a downloaded file.

        Raises:
            ClientInvalid: there is none (`path` is None), or the file holds something else; `found` says what.
        """
        if path is None:
            raise ClientInvalid(None, "nothing")
        document = _document(path)
        installed = document.get("installed")
        if not isinstance(installed, dict):
            raise ClientInvalid(str(path), _kind(document))
        return _client(installed, str(path))


def _document(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClientInvalid(str(path), (error.strerror or "no readable file").lower()) from error
    # JSONDecodeError and UnicodeDecodeError are ValueErrors; brackets nested by the thousand are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ClientInvalid(str(path), "no JSON") from error
    if not isinstance(document, dict):
        raise ClientInvalid(str(path), "JSON that is no object")
    return document


def _kind(document: dict[str, object]) -> str:
    """What the file holds instead."""
    if "web" in document:
        return '"web"'
    kind = document.get("type")
    if isinstance(kind, str) and kind in _OTHER_KINDS:
        return _OTHER_KINDS[kind]
    if "installed" in document:
        return '"installed" that is no object'
    names = ", ".join(f'"{each[:40]}"' for each in list(document)[:3])
    return f"JSON with {names}" if names else "an empty JSON object"


def _client(installed: dict[str, object], path: str) -> OAuthClient:
    told = {name: installed.get(name, default) for name, default in _FIELDS.items()}
    for name, value in told.items():
        if not isinstance(value, str):
            raise ClientInvalid(path, f'"installed" with a "{name}" that is no text')
    client = OAuthClient(**{name: str(value).strip() for name, value in told.items()})
    if not client.client_id:
        raise ClientInvalid(path, '"installed" without "client_id"')
    for name in ("auth_uri", "token_uri"):
        address = getattr(client, name)
        try:
            check_url(address)
        except ValueError as error:
            raise ClientInvalid(path, f'{name} "{address[:100]}"', expected="https://…") from error
    return client


_FIELDS = {"client_id": "", "client_secret": "", "auth_uri": _AUTH_URI, "token_uri": _TOKEN_URI}
