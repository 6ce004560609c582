"""The requests of our table are those that google-api-python-client builds from its discovery document."""

from __future__ import annotations

import re
from typing import Any

import pytest
from googleapiclient.discovery import build
from googleapiclient.http import HttpRequest

from portalcal.adapters.google.api_methods import METHODS, api_request
from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.tokens import GrantAccessTokens
from portalcal.core.grant import AccessToken, Grant
from tests.simulator.discovery import document

ROOT = "https://calendar.example/calendar/v3/"
AWKWARD = "ä b/c?d=e&f#g%2F~-._{x}@example.com"


@pytest.fixture
def http() -> AuthorizedHttp:
    return AuthorizedHttp(GrantAccessTokens(Grant("refresh", AccessToken("one"), frozenset())))


def built(name: str, http: AuthorizedHttp, **parameters: Any) -> HttpRequest:
    """The same request as the library's service builds it."""
    service = build("calendar", "v3", http=http, static_discovery=True, client_options={"api_endpoint": ROOT})
    collection, method = name.split(".")
    return getattr(getattr(service, collection)(), method)(**parameters)


def parameters_of(name: str) -> dict[str, Any]:
    """A value for every parameter of our table, as the discovery document describes it."""
    collection, method = name.split(".")
    own = document()["resources"][collection]["methods"][method].get("parameters", {})
    described = document()["parameters"] | own
    in_path = re.findall(r"{(\w+)}", METHODS[name].path)
    return {key: _value(described[key]) for key in (*in_path, *METHODS[name].query)}


def _value(described: dict[str, Any]) -> Any:
    if "enum" in described:
        return described["enum"][0]
    return {"boolean": True, "integer": 1}.get(described["type"], AWKWARD)


@pytest.mark.parametrize("name", METHODS)
def test_a_request_is_the_one_that_the_library_builds(name: str, http: AuthorizedHttp) -> None:
    parameters = parameters_of(name)
    if METHODS[name].verb in {"POST", "PATCH"}:
        parameters["body"] = {"summary": "Tea ☕"}

    ours, theirs = api_request(name, http, root=ROOT, **parameters), built(name, http, **parameters)

    address, _, query = ours.uri.partition("?")
    their_address, _, their_query = theirs.uri.partition("?")
    assert (address, set(query.split("&"))) == (their_address, set(their_query.split("&")))
    for attribute in ("method", "body", "headers", "methodId", "body_size"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_a_parameter_that_is_none_is_not_sent(http: AuthorizedHttp) -> None:
    request = api_request("calendarList.list", http, root=ROOT, pageToken=None, showHidden=False)

    assert request.uri == f"{ROOT}users/me/calendarList?showHidden=false&alt=json"


@pytest.mark.parametrize("parameters", [{"calendarId": "a"}, {"calendarId": "a", "eventId": "b", "q": "c"}])
def test_a_parameter_that_is_missing_or_unknown_is_a_mistake(
    parameters: dict[str, str], http: AuthorizedHttp
) -> None:
    with pytest.raises(TypeError, match=r"events\.get"):
        api_request("events.get", http, root=ROOT, **parameters)
