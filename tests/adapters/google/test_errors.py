"""Every exception of the libraries beneath becomes one of ours, and no other problem becomes "connect again"."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import google.auth.exceptions
import googleapiclient.errors
import httplib2
import pytest
import requests
import urllib3.exceptions
from oauthlib.oauth2.rfc6749 import errors as oauthlib_errors  # type: ignore[import-untyped]

from portalcal.adapters.google.api_errors import read_api_error
from portalcal.adapters.google.errors import (
    FOREIGN,
    ApiCall,
    EventGone,
    explain,
    from_response,
    translate_errors,
)
from portalcal.adapters.google.oauth import consent_error, translate_consent_errors
from portalcal.adapters.google.token_endpoint import with_likely_cause
from portalcal.core.permissions import Permission
from portalcal.errors import (
    ApiNotEnabled,
    CalendarNotFound,
    CalendarNotWritable,
    ClientInvalid,
    ClientRejected,
    ConnectError,
    ConsentDenied,
    EventNotFound,
    GoogleBusy,
    GoogleRefused,
    GoogleUnreachable,
    GrantRevoked,
    PermissionMissing,
    PortalcalError,
    QuotaExhausted,
    ReauthRequired,
)
from portalcal.ports import EventChanged, EventIdTaken

CALL = ApiCall(
    "www.googleapis.com", "ana@example.com", Permission.CREATE_EVENTS, calendar="team", writes=True
)


def every(root: type[BaseException]) -> Iterator[type[BaseException]]:
    """The class and all that descend from it, as far as the libraries define them."""
    yield root
    for each in root.__subclasses__():
        yield from every(each)


LIBRARIES = (
    "googleapiclient", "google.auth", "oauthlib", "requests", "urllib3", "httplib2", "http.client", "ssl", "socket",
)  # fmt: skip
ROOTS = (*FOREIGN, oauthlib_errors.OAuth2Error)
CLASSES = sorted(
    {
        each
        for root in ROOTS
        for each in every(root)
        if each.__module__.startswith(LIBRARIES) or each.__module__ == "builtins"
    },
    key=lambda each: f"{each.__module__}.{each.__qualname__}",
)


def made(kind: type[BaseException]) -> Exception:
    """An exception of that class, whatever its constructor asks for."""
    error = kind.__new__(kind)
    error.args = ("said by the library",)
    if isinstance(error, googleapiclient.errors.HttpError):
        error.resp, error.content = httplib2.Response({"status": "418"}), b"{}"
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        error._retryable = False
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: f"{each.__module__}.{each.__qualname__}")
def test_every_exception_class_of_the_libraries_is_translated(kind: type[BaseException]) -> None:
    error = made(kind)

    with pytest.raises(PortalcalError) as caught, translate_consent_errors(host="oauth2.googleapis.com"):
        raise error

    assert kind.__name__ not in caught.value.message
    assert "said by the library" not in caught.value.message


@pytest.mark.parametrize(
    "kind", [each for each in CLASSES if issubclass(each, FOREIGN)], ids=lambda each: each.__name__
)
def test_no_broken_exchange_asks_a_person_to_connect_again(kind: type[BaseException]) -> None:
    error = explain(made(kind), CALL)

    is_about_the_grant = issubclass(kind, google.auth.exceptions.ReauthFailError)
    assert isinstance(error, ConnectError) is is_about_the_grant


def test_the_libraries_have_no_exception_outside_the_roots() -> None:
    modules = (googleapiclient.errors, google.auth.exceptions, requests.exceptions, urllib3.exceptions, httplib2.error,
               oauthlib_errors, http.client)  # fmt: skip
    foreign = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Exception) and not issubclass(each, Warning)
        and each.__module__ == module.__name__
    }  # fmt: skip

    assert {each for each in foreign if not issubclass(each, ROOTS)} == set()


# --- what Google refuses ------------------------------------------------------------------------------------------


def body(status: int, reason: str, message: str = "No", **more: object) -> bytes:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return json.dumps({"error": {"errors": errors, "code": status, "message": message} | more}).encode()


def translate(
    status: int, content: bytes, call: ApiCall = CALL
) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    return from_response(read_api_error(status, content), call)


ON_EVENT = CALL._replace(event="pc1")
READING = CALL._replace(writes=False, needs=Permission.VIEW_EVENTS)
TABLE = [
    (400, "invalid", CALL, GoogleRefused),
    (400, "timeRangeTooLong", READING, GoogleRefused),
    (401, "authError", CALL, GrantRevoked),
    (403, "insufficientPermissions", CALL, PermissionMissing),
    (403, "accessNotConfigured", CALL, ApiNotEnabled),
    (403, "rateLimitExceeded", CALL, GoogleBusy),
    (403, "userRateLimitExceeded", CALL, GoogleBusy),
    (403, "quotaExceeded", CALL, QuotaExhausted),
    (403, "requiredAccessLevel", CALL, CalendarNotWritable),
    (403, "forbidden", CALL, CalendarNotWritable),
    (403, "forbidden", READING, GoogleRefused),
    (403, "forbiddenForNonOrganizer", ON_EVENT, CalendarNotWritable),
    (403, "somethingNew", CALL, GoogleRefused),
    (404, "notFound", CALL, CalendarNotFound),
    (404, "notFound", ON_EVENT, EventNotFound),
    (404, "notFound", ApiCall("h"), GoogleRefused),
    (409, "duplicate", CALL, EventIdTaken),
    (409, "conflict", CALL, GoogleBusy),
    (410, "deleted", ON_EVENT, EventGone),
    (409, "duplicate", ON_EVENT, GoogleRefused),
    (412, "conditionNotMet", ON_EVENT._replace(etag='"1"'), EventChanged),
    (412, "conditionNotMet", ON_EVENT, GoogleRefused),
    (410, "deleted", ON_EVENT._replace(writes=False), EventNotFound),
    (412, "conditionNotMet", CALL, GoogleRefused),
    (418, "teapot", CALL, GoogleRefused),
    (429, "rateLimitExceeded", CALL, GoogleBusy),
    (500, "backendError", CALL, GoogleBusy),
    (501, "notImplemented", CALL, GoogleBusy),
    (503, "backendError", CALL, GoogleBusy),
]


@pytest.mark.parametrize(("status", "reason", "call", "expected"), TABLE)
def test_each_refusal_of_the_table_has_its_error(
    status: int, reason: str, call: ApiCall, expected: type[Exception]
) -> None:
    assert type(translate(status, body(status, reason), call)) is expected


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 412])
@pytest.mark.parametrize(
    "content", [b"", b"<html>Not here</html>", b"null", b'"no"', b"[]", b"{}", b"\xff\xfe", b"[" * 100_000]
)
def test_a_refusal_that_is_not_googles_never_means_anything_about_an_event(
    status: int, content: bytes
) -> None:
    error = translate(status, content, ON_EVENT)

    assert isinstance(error, GoogleUnreachable)
    assert error.reason.startswith(f"an answer that is not Google's ({status}) came back")


@pytest.mark.parametrize(
    "content",
    [
        b'{"error": {}}', b'{"error": {"errors": "x", "details": 3, "message": ["a"], "status": null}}',
        b'[{"error": {"errors": [1, {"reason": 7}]}}]', b'{"error": {"errors": [{}], "message": ""}}',
    ],
)  # fmt: skip
def test_a_malformed_refusal_is_survived(content: bytes) -> None:
    error = translate(400, content)

    assert isinstance(error, GoogleRefused)
    assert error.reason == "Bad Request"


def test_the_lacking_permission_is_named_from_either_shape() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    ]
    new_shape = {"error": {"code": 403, "message": "No", "status": "PERMISSION_DENIED", "details": details}}

    for content in (body(403, "insufficientPermissions"), json.dumps(new_shape).encode()):
        reading = translate(403, content, READING)
        writing = translate(403, content, CALL)

        assert isinstance(reading, PermissionMissing)
        assert (reading.permissions, reading.stored) == (("view_events",), True)
        # One scope of Google's covers both.
        assert isinstance(writing, PermissionMissing)
        assert writing.shown == ("Create events", "Edit events")


def test_the_link_that_enables_the_api_is_googles_own() -> None:
    link = "https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project=7"
    foreign = f"Visit https://evil.example/ or {link}."

    error = translate(403, body(403, "accessNotConfigured", foreign))
    without = translate(
        403, body(403, "accessNotConfigured", "Visit https://evil.example/console.cloud.google.com")
    )

    assert isinstance(error, ApiNotEnabled)
    assert error.link == link
    assert isinstance(without, ApiNotEnabled)
    assert without.link == "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"


def test_googles_words_arrive_as_one_clean_short_line() -> None:
    error = translate(400, body(400, "invalid", "a\x1b[31mb\n\u202ec" + "d" * 500))

    assert isinstance(error, GoogleRefused)
    assert error.reason.startswith("a [31mb c")
    assert len(error.reason) == 200


def test_an_error_says_whether_a_write_may_have_taken_effect() -> None:
    assert vars(translate(500, body(500, "backendError")))["sent"] is True
    assert vars(translate(500, body(500, "backendError"), READING))["sent"] is False
    assert vars(translate(429, body(429, "rateLimitExceeded")))["sent"] is False
    assert vars(explain(ConnectionResetError(), CALL))["sent"] is True
    assert vars(explain(socket.gaierror(), CALL))["sent"] is False
    assert vars(explain(ssl.SSLCertVerificationError(), CALL))["sent"] is False


def test_errors_of_ours_pass_through() -> None:
    with pytest.raises(GrantRevoked), translate_errors(ApiCall("h")):
        raise GrantRevoked("ana@example.com", "gone")


# --- google-auth and oauthlib -------------------------------------------------------------------------------------


def test_google_auths_refresh_errors_are_distinguished_by_their_body() -> None:
    def of(*args: object) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
        return explain(google.auth.exceptions.RefreshError(*args), CALL)  # type: ignore[no-untyped-call]

    revoked = of("x", {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    assert isinstance(revoked, GrantRevoked)
    assert revoked.reason == "Token has been expired or revoked"
    assert isinstance(of("x", {"error": "deleted_client"}), ClientRejected)
    assert isinstance(of("x", {"error": "invalid_grant", "error_subtype": "invalid_rapt"}), ReauthRequired)
    assert isinstance(of("Reauthentication is needed. Please run `gcloud auth`"), ReauthRequired)
    assert isinstance(of("<html>"), GoogleBusy)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (oauthlib_errors.AccessDeniedError(), ConsentDenied),
        (oauthlib_errors.InvalidGrantError("Malformed auth code."), ConsentDenied),
        (oauthlib_errors.InvalidClientError("The OAuth client was not found."), ClientRejected),
        (oauthlib_errors.CustomOAuth2Error("deleted_client"), ClientRejected),
        (oauthlib_errors.CustomOAuth2Error("admin_policy_enforced"), ConsentDenied),
        (oauthlib_errors.TemporarilyUnavailableError(), GoogleBusy),
        (oauthlib_errors.ServerError(), GoogleBusy),
        (oauthlib_errors.MissingTokenError(), GoogleUnreachable),
        (oauthlib_errors.InsecureTransportError(), ClientInvalid),
    ],
)
def test_oauthlibs_errors_say_what_became_of_the_consent(error: Exception, expected: type[Exception]) -> None:
    assert type(consent_error(error, host="oauth2.googleapis.com")) is expected


@pytest.mark.parametrize(
    ("age", "first"),
    [
        (None, "after 7 days, as while the OAuth app is in Testing, ended in"),
        (timedelta(days=40), "ended in"),
    ],
)
def test_testing_is_named_first_where_the_age_of_a_dead_grant_is_not_known(
    age: timedelta | None, first: str
) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    error = with_likely_cause(
        GrantRevoked("ana@example.com", "it was revoked"), granted_at=now - age if age else None, now=now
    )

    assert error.reason.startswith(f"it was revoked: {first} the account's settings")
