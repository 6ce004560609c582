"""Calendar v3: from a path to a method, past token and scopes, to the function that answers it."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from portalcal.simulator import calendars, events, listing, refusals, scopes
from portalcal.simulator.calls import Call
from portalcal.simulator.grants import AccessToken, Grants
from portalcal.simulator.model import Model
from portalcal.simulator.wire import Request, Response, refusal

ROOT = "/calendar/v3/"

_METHODS: dict[str, tuple[str, str, Callable[[Call], Response]]] = {
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
# The rest of Calendar v3, which this simulator knows of and does not do: said so instead of a 404.
_UNDONE = re.compile(
    r"calendars(/[^/]+(/(acl(/.+)?|clear|transferOwnership|events/(import|watch)))?)?|channels/stop|colors|"
    r"users/me/(calendarList(/.+)?|settings/watch)"
)


def operation(method: str, path: str) -> str:
    """Return the method's discovery name without `calendar.`, or "unknown"."""
    for verb, pattern, name, _ in _ROUTES:
        if verb == method and pattern.fullmatch(path):
            return name
    return "unknown"


def perform(request: Request, path: str, *, model: Model, grants: Grants, conference: str) -> Response:
    """Answer a request below the API's root.

    Raises:
        Refusal: Google's error.
    """
    for verb, pattern, name, run in _ROUTES:
        match = pattern.fullmatch(path)
        if verb != request.method or match is None:
            continue
        token = _token(request, grants)
        granted = frozenset(scopes.short(scope) for scope in token.scopes)
        if not granted & set(scopes.ACCEPTED[name]):
            raise refusals.insufficient_scope(name)
        if not grants.policy.api_enabled:
            raise refusals.api_not_enabled(token.grant.client.project)
        parts = {key: unquote(value) for key, value in match.groupdict().items()}
        return run(Call(name, model, model.users[token.grant.user], granted, request, parts, conference))
    if _UNDONE.fullmatch(path):
        raise refusal(
            501, "notImplemented", f"This simulator does not do {request.method} {path}.", domain="simulator"
        )
    raise refusals.not_found()


def _token(request: Request, grants: Grants) -> AccessToken:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip() if kind.lower() == "bearer" else ""
    value = value or request.value("access_token") or request.value("oauth_token")
    if not value:
        raise refusals.login_required()
    token = grants.by_access(value)
    if token is None:
        raise refusals.dead_token() if value in grants.tokens else refusals.unknown_token()
    return token
