"""The JSON files that Google's console offers for download: the OAuth client of a Desktop app, and how such files are read.

UTF-8, UTF-16 and UTF-32 are accepted, with or without a byte order mark.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from portalcal.core.endpoint import read_endpoint
from portalcal.errors import ClientInvalid, KeyInvalid

_AUTH_URI = "https://accounts.google.com/o/oauth2/v2/auth"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

_OTHER_KINDS = {"service_account": "a service account key", "authorized_user": "a stored user token"}


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The client that requests authorization (RFC 6749 section 2).

    A Desktop client's secret is not treated as a secret by Google, which demands it all the same; it is not shown in
    `repr`. With an empty `client_secret` none is sent (a public client).
    """

    client_id: str
    client_secret: str = field(repr=False, default="")
    auth_uri: str = _AUTH_URI
    token_uri: str = _TOKEN_URI

    @classmethod
    def read(cls, path: Path | None) -> OAuthClient:
        """Read the client from a downloaded file.

        Raises:
            ClientInvalid: `path` is None, or the file has other content, which `found` names.
        """
        if path is None:
            raise ClientInvalid(None, "nothing")
        document = read_object(path, ClientInvalid)
        installed = document.get("installed")
        if not isinstance(installed, dict):
            raise ClientInvalid(str(path), _kind(document))
        return _client(installed, str(path))


def _kind(document: dict[str, object]) -> str:
    """The name of what the file contains instead."""
    if "web" in document:
        return '"web"'
    kind = document.get("type")
    if isinstance(kind, str) and kind in _OTHER_KINDS:
        return _OTHER_KINDS[kind]
    if "installed" in document:
        return '"installed" that is no object'
    names = ", ".join(f'"{key[:40]}"' for key in list(document)[:3])
    return f"JSON with {names}" if names else "an empty JSON object"


def _client(installed: dict[str, object], path: str) -> OAuthClient:
    values = {name: installed.get(name, default) for name, default in _FIELDS.items()}
    for name, value in values.items():
        if not isinstance(value, str):
            raise ClientInvalid(path, f'"installed" with a "{name}" that is no text')
    fields = {name: str(value).strip() for name, value in values.items()}
    if not fields["client_id"]:
        raise ClientInvalid(path, '"installed" without "client_id"')
    for name in ("auth_uri", "token_uri"):
        try:
            fields[name] = read_endpoint(fields[name]).url
        except ValueError as error:
            raise ClientInvalid(path, f'{name} "{fields[name][:100]}"', expected="https://…") from error
    return OAuthClient(**fields)


_FIELDS = {"client_id": "", "client_secret": "", "auth_uri": _AUTH_URI, "token_uri": _TOKEN_URI}

_MAX_BYTES = 2**20
"""A service account key has 2,400."""


def read_object(path: Path, invalid: type[ClientInvalid | KeyInvalid]) -> dict[str, object]:
    """Read the JSON object in a file. Raises: `invalid`, with what the file has instead, for example "no JSON"."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise invalid(str(path), (error.strerror or "no readable file").lower()) from error
    # A path that contains NUL.
    except ValueError as error:
        raise invalid(str(path), "no such file or directory") from error
    if len(content) > _MAX_BYTES:
        raise invalid(str(path), "more than 1 MiB")
    try:
        # For bytes, json.loads detects the encoding (RFC 4627 section 3) and skips a byte order mark.
        document = json.loads(content)
    # ValueError: JSONDecodeError, UnicodeDecodeError, a number of more than 4,300 digits. RecursionError: deep nesting.
    except (ValueError, RecursionError) as error:
        raise invalid(str(path), "no JSON") from error
    if not isinstance(document, dict):
        raise invalid(str(path), "JSON that is no object")
    return document
