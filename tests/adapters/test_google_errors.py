"""Every exception of the libraries beneath becomes one of ours, and no other problem becomes "connect again"."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator

import google.auth.exceptions
import googleapiclient.errors
import httplib2
import pytest
import requests
import urllib3.exceptions
from oauthlib.oauth2.rfc6749 import errors as oauthlib_errors  # type: ignore[import-untyped]

from portalcal.adapters.google_errors import FOREIGN, Asked, EventGone, explain, of_answer, translated
from portalcal.adapters.google_oauth_errors import consent_translated, explain_consent
from portalcal.adapters.google_refusals import read_refusal
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

ASKED = Asked("www.googleapis.com", "ana@example.com", Permission.CREATE_EVENTS, calendar="team", writes=True)


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

    with pytest.raises(PortalcalError) as caught, consent_translated(host="oauth2.googleapis.com"):
        raise error

    assert kind.__name__ not in caught.value.message
    assert "said by the library" not in caught.value.message


@pytest.mark.parametrize(
    "kind", [each for each in CLASSES if issubclass(each, FOREIGN)], ids=lambda each: each.__name__
)
def test_no_broken_exchange_asks_a_person_to_connect_again(kind: type[BaseException]) -> None:
    told = explain(made(kind), ASKED)

    is_about_the_grant = issubclass(kind, google.auth.exceptions.ReauthFailError)
    assert isinstance(told, ConnectError) is is_about_the_grant


def test_the_libraries_have_no_exception_outside_the_roots() -> None:
    modules = (googleapiclient.errors, google.auth.exceptions, requests.exceptions, urllib3.exceptions, httplib2.error,
               oauthlib_errors, http.client)  # fmt: skip
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Exception) and not issubclass(each, Warning)
        and each.__module__ == module.__name__
    }  # fmt: skip

    assert {each for each in found if not issubclass(each, ROOTS)} == set()


# --- what Google refuses ------------------------------------------------------------------------------------------


def body(status: int, reason: str, message: str = "No", **more: object) -> bytes:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return json.dumps({"error": {"errors": errors, "code": status, "message": message} | more}).encode()


def told(
    status: int, content: bytes, asked: Asked = ASKED
) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    return of_answer(read_refusal(status, content), asked)


ON_EVENT = ASKED._replace(event="pc1")
READING = ASKED._replace(writes=False, needs=Permission.VIEW_EVENTS)
TABLE = [
    (400, "invalid", ASKED, GoogleRefused),
    (400, "timeRangeTooLong", READING, GoogleRefused),
    (401, "authError", ASKED, GrantRevoked),
    (403, "insufficientPermissions", ASKED, PermissionMissing),
    (403, "accessNotConfigured", ASKED, ApiNotEnabled),
    (403, "rateLimitExceeded", ASKED, GoogleBusy),
    (403, "userRateLimitExceeded", ASKED, GoogleBusy),
    (403, "quotaExceeded", ASKED, QuotaExhausted),
    (403, "requiredAccessLevel", ASKED, CalendarNotWritable),
    (403, "forbidden", ASKED, CalendarNotWritable),
    (403, "forbidden", READING, GoogleRefused),
    (403, "forbiddenForNonOrganizer", ON_EVENT, CalendarNotWritable),
    (403, "somethingNew", ASKED, GoogleRefused),
    (404, "notFound", ASKED, CalendarNotFound),
    (404, "notFound", ON_EVENT, EventNotFound),
    (404, "notFound", Asked("h"), GoogleRefused),
    (409, "duplicate", ASKED, EventIdTaken),
    (409, "conflict", ASKED, GoogleBusy),
    (410, "deleted", ON_EVENT, EventGone),
    (409, "duplicate", ON_EVENT, GoogleRefused),
    (412, "conditionNotMet", ON_EVENT._replace(etag='"1"'), EventChanged),
    (412, "conditionNotMet", ON_EVENT, GoogleRefused),
    (410, "deleted", ON_EVENT._replace(writes=False), EventNotFound),
    (412, "conditionNotMet", ASKED, GoogleRefused),
    (418, "teapot", ASKED, GoogleRefused),
    (429, "rateLimitExceeded", ASKED, GoogleBusy),
    (500, "backendError", ASKED, GoogleBusy),
    (501, "notImplemented", ASKED, GoogleBusy),
    (503, "backendError", ASKED, GoogleBusy),
]


@pytest.mark.parametrize(("status", "reason", "asked", "expected"), TABLE)
def test_each_refusal_of_the_table_has_its_error(
    status: int, reason: str, asked: Asked, expected: type[Exception]
) -> None:
    assert type(told(status, body(status, reason), asked)) is expected


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 412])
@pytest.mark.parametrize(
    "content", [b"", b"<html>Not here</html>", b"null", b'"no"', b"[]", b"{}", b"\xff\xfe", b"[" * 100_000]
)
def test_a_refusal_that_is_not_googles_never_means_anything_about_an_event(
    status: int, content: bytes
) -> None:
    error = told(status, content, ON_EVENT)

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
    error = told(400, content)

    assert isinstance(error, GoogleRefused)
    assert error.reason == "Bad Request"


def test_the_lacking_permission_is_named_from_either_shape() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    ]
    new_shape = {"error": {"code": 403, "message": "No", "status": "PERMISSION_DENIED", "details": details}}

    for content in (body(403, "insufficientPermissions"), json.dumps(new_shape).encode()):
        reading = told(403, content, READING)
        writing = told(403, content, ASKED)

        assert isinstance(reading, PermissionMissing)
        assert (reading.permissions, reading.stored) == (("view_events",), True)
        # One scope of Google's covers both.
        assert isinstance(writing, PermissionMissing)
        assert writing.shown == ("Create events", "Edit events")


def test_the_link_that_enables_the_api_is_googles_own() -> None:
    link = "https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project=7"
    foreign = f"Visit https://evil.example/ or {link}."

    error = told(403, body(403, "accessNotConfigured", foreign))
    without = told(
        403, body(403, "accessNotConfigured", "Visit https://evil.example/console.cloud.google.com")
    )

    assert isinstance(error, ApiNotEnabled)
    assert error.link == link
    assert isinstance(without, ApiNotEnabled)
    assert without.link == "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"


def test_googles_words_arrive_as_one_clean_short_line() -> None:
    error = told(400, body(400, "invalid", "a\x1b[31mb\n\u202ec" + "d" * 500))

    assert isinstance(error, GoogleRefused)
    assert error.reason.startswith("a [31mb c")
    assert len(error.reason) == 200


def test_whether_a_write_may_have_happened_is_told() -> None:
    assert vars(told(500, body(500, "backendError")))["sent"] is True
    assert vars(told(500, body(500, "backendError"), READING))["sent"] is False
    assert vars(told(429, body(429, "rateLimitExceeded")))["sent"] is False
    assert vars(explain(ConnectionResetError(), ASKED))["sent"] is True
    assert vars(explain(socket.gaierror(), ASKED))["sent"] is False
    assert vars(explain(ssl.SSLCertVerificationError(), ASKED))["sent"] is False


def test_errors_of_ours_pass_through() -> None:
    with pytest.raises(GrantRevoked), translated(host="h"):
        raise GrantRevoked("ana@example.com", "gone")


# --- google-auth and oauthlib -------------------------------------------------------------------------------------


def test_google_auths_one_class_is_told_apart_by_the_body_it_carries() -> None:
    def of(*args: object) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
        return explain(google.auth.exceptions.RefreshError(*args), ASKED)  # type: ignore[no-untyped-call]

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
    assert type(explain_consent(error, host="oauth2.googleapis.com")) is expected
