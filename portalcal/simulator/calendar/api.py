"""Calendar v3 dispatch: path to method, check of token and scopes, handler."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from portalcal.simulator.calendar import calendars, errors, events, listing
from portalcal.simulator.calendar.calls import MethodCall
from portalcal.simulator.calendar.model import Model
from portalcal.simulator.http.messages import HttpRequest, HttpResponse, error_response
from portalcal.simulator.oauth import scopes
from portalcal.simulator.oauth.grants import Grants, StoredAccessToken

ROOT = "/calendar/v3/"

_METHODS: dict[str, tuple[str, str, Callable[[MethodCall], HttpResponse]]] = {
    "calendarList.list": ("GET", "users/me/calendarList", calendars.list_calendars),
    "calendarList.get": ("GET", "users/me/calendarList/{calendarId}", calendars.get_list_entry),
    "calendars.get": ("GET", "calendars/{calendarId}", calendars.get_calendar),
    "settings.list": ("GET", "users/me/settings", calendars.list_settings),
    "settings.get": ("GET", "users/me/settings/{setting}", calendars.get_setting),
    "freebusy.query": ("POST", "freeBusy", calendars.query_freebusy),
    "events.list": ("GET", "calendars/{calendarId}/events", listing.list_events),
    "events.insert": ("POST", "calendars/{calendarId}/events", events.insert),
    "events.quickAdd": ("POST", "calendars/{calendarId}/events/quickAdd", events.quick_add),
    "events.get": ("GET", "calendars/{calendarId}/events/{eventId}", events.get),
    "events.patch": ("PATCH", "calendars/{calendarId}/events/{eventId}", events.patch),
    "events.update": ("PUT", "calendars/{calendarId}/events/{eventId}", events.update),
    "events.delete": ("DELETE", "calendars/{calendarId}/events/{eventId}", events.delete),
    "events.instances": ("GET", "calendars/{calendarId}/events/{eventId}/instances", listing.list_instances),
    "events.move": ("POST", "calendars/{calendarId}/events/{eventId}/move", events.move),
}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


_ROUTES = [(verb, _pattern(path), name, run) for name, (verb, path, run) in _METHODS.items()]

# Methods of Calendar v3 that this simulator does not implement: answered with 501 instead of 404.
_NOT_IMPLEMENTED = re.compile(
    r"calendars(/[^/]+(/(acl(/.+)?|clear|transferOwnership|events/(import|watch)))?)?|channels/stop|colors|"
    r"users/me/(calendarList(/.+)?|settings/watch)"
)


def operation(method: str, path: str) -> str:
    """Return the method's discovery name without `calendar.`, or "unknown"."""
    for verb, pattern, name, _ in _ROUTES:
        if verb == method and pattern.fullmatch(path):
            return name
    return "unknown"


def perform(
    request: HttpRequest, path: str, *, model: Model, grants: Grants, conference: str
) -> HttpResponse:
    """Handle a request below the API's root.

    Raises:
        ErrorResponse: Google's error for the request.
    """
    for verb, pattern, name, run in _ROUTES:
        match = pattern.fullmatch(path)
        if verb != request.method or match is None:
            continue
        token = _token(request, grants)
        granted = frozenset(scopes.short(scope) for scope in token.scopes)
        if not granted & set(scopes.ACCEPTED[name]):
            raise errors.insufficient_scope(name)
        if not grants.policy.api_enabled:
            raise errors.api_not_enabled(token.grant.client.project)
        parts = {key: unquote(value) for key, value in match.groupdict().items()}
        return run(
            MethodCall(name, model, model.users[token.grant.user], granted, request, parts, conference)
        )
    if _NOT_IMPLEMENTED.fullmatch(path):
        raise error_response(
            501, "notImplemented", f"This simulator does not do {request.method} {path}.", domain="simulator"
        )
    raise errors.not_found()


def _token(request: HttpRequest, grants: Grants) -> StoredAccessToken:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip() if kind.lower() == "bearer" else ""
    value = value or request.value("access_token") or request.value("oauth_token")
    if not value:
        raise errors.login_required()
    token = grants.by_access(value)
    if token is None:
        raise errors.dead_token() if value in grants.tokens else errors.unknown_token()
    return token
