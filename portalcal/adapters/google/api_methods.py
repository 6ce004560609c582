"""The methods of the Calendar API that portalcal calls, as requests of google-api-python-client.

`googleapiclient.discovery` would build the same requests from its discovery document, and loads cryptography for it: a
fifth of the CPU time of a command (measured). A test compares every method here with the one it builds. Must not import
`discovery`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from googleapiclient.http import HttpRequest
from googleapiclient.model import JsonModel, RawModel

from portalcal.adapters.google.authorized_http import AuthorizedHttp


class ApiMethod(NamedTuple):
    """One method: how it is called, and the names of its parameters."""

    verb: str
    path: str  # relative to the root; a name in braces is a parameter of the path (RFC 6570 level 1)
    query: tuple[str, ...] = ()


_PAGES = ("maxResults", "pageToken", "fields")

METHODS = MappingProxyType(
    {
        "calendarList.list": ApiMethod("GET", "users/me/calendarList", (*_PAGES, "showHidden")),
        "freebusy.query": ApiMethod("POST", "freeBusy"),
        "events.insert": ApiMethod(
            "POST", "calendars/{calendarId}/events", ("sendUpdates", "conferenceDataVersion")
        ),
        "events.get": ApiMethod("GET", "calendars/{calendarId}/events/{eventId}"),
        "events.list": ApiMethod(
            "GET",
            "calendars/{calendarId}/events",
            (*_PAGES, "singleEvents", "timeMin", "timeMax", "syncToken", "privateExtendedProperty"),
        ),
        "events.patch": ApiMethod("PATCH", "calendars/{calendarId}/events/{eventId}", ("sendUpdates",)),
        "events.delete": ApiMethod("DELETE", "calendars/{calendarId}/events/{eventId}", ("sendUpdates",)),
        "events.instances": ApiMethod(
            "GET",
            "calendars/{calendarId}/events/{eventId}/instances",
            (*_PAGES, "originalStart", "showDeleted", "timeMin", "timeMax"),
        ),
    }
)
"""By the name in the discovery document."""


def api_request(
    name: str, http: AuthorizedHttp, *, root: str, body: object = None, **parameters: object
) -> HttpRequest:
    """The request of a method. Parameters that are None are left out; `root` is the API's address.

    Raises:
        TypeError: the method has no such parameter, or one of its path is missing.
    """
    method = METHODS[name]
    given = {key: _as_text(value) for key, value in parameters.items() if value is not None}
    query = {key: given.pop(key) for key in method.query if key in given}
    # As the library reads the response of a method that is documented to have none.
    model = RawModel() if method.verb == "DELETE" else JsonModel()
    headers, _, query_text, content = model.request({}, {}, query, body)
    url = f"{root.rstrip('/')}/{_expand(name, method.path, given)}{query_text}"
    return HttpRequest(
        http,
        model.response,
        url,
        method=method.verb,
        body=content,
        headers=headers,
        methodId=f"calendar.{name}",
    )


def _expand(name: str, path: str, parameters: dict[str, str]) -> str:
    """The path with its parameters, percent-encoded but for unreserved characters."""
    try:
        expanded = path.format_map({key: quote(value, safe="") for key, value in parameters.items()})
    except KeyError as error:
        raise TypeError(f"{name} without {error}") from None
    if unknown := [key for key in parameters if f"{{{key}}}" not in path]:
        raise TypeError(f"{name} has no parameter {', '.join(unknown)}")
    return expanded


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
