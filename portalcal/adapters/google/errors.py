"""Translate exceptions of googleapiclient, google-auth, requests and the libraries below them into portalcal's errors.

The one place that does, except that `oauth` adds oauthlib's, a library that only `connect` loads. Error codes:
https://developers.google.com/calendar/api/guides/errors
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import google.auth.exceptions
import googleapiclient.errors
import httplib2
import requests
import urllib3.exceptions

from portalcal.adapters.google import network_errors
from portalcal.adapters.google.api_errors import ApiError, ApiErrorDetails, phrase, read_api_error
from portalcal.adapters.google.token_endpoint import renewal_error
from portalcal.core.permissions import Permission
from portalcal.errors import (
    ApiNotEnabled,
    CalendarNotFound,
    CalendarNotWritable,
    EventNotFound,
    GoogleBusy,
    GoogleRefused,
    GrantRevoked,
    PermissionMissing,
    PortalcalError,
    QuotaExhausted,
    ReauthRequired,
)
from portalcal.ports import EventChanged, EventIdTaken

FOREIGN = (
    googleapiclient.errors.Error,
    google.auth.exceptions.GoogleAuthError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    # urllib3 derives these from ValueError and AssertionError, not from HTTPError.
    urllib3.exceptions.ProxySchemeUnknown,
    urllib3.exceptions.ProxySchemeUnsupported,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    # Sockets, ssl, DNS.
    OSError,
)
"""The base classes of the exceptions that the libraries raise."""

_SCOPE_REASONS = (
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "insufficientPermissions",
    "insufficientScopes",
    "insufficient_scope",
)

_API_DISABLED_REASONS = ("accessNotConfigured", "SERVICE_DISABLED", "API_DISABLED")

_NOT_WRITABLE_REASONS = (
    "requiredAccessLevel",
    "forbidden",
    "forbiddenForNonOrganizer",
    "forbiddenForServiceAccounts",
    "calendarAccessDenied",
)


class EventGone(Exception):
    """A write got 410: the event existed and was deleted. `delete` treats that as success.

    `may_be_ours`: the response to an earlier attempt of the same request was lost, so that attempt may have deleted it.
    """

    may_be_ours = False


class ApiCall(NamedTuple):
    """The API call that an error is about."""

    host: str
    account: str = "this account"
    needs: Permission | None = None  # the permission the call requires
    calendar: str | None = None
    event: str | None = None  # with an event, 404 means that event, else the calendar
    writes: bool = False  # it changes something at Google
    etag: str | None = None  # the version in If-Match


@contextmanager
def translate_errors(call: ApiCall) -> Iterator[None]:
    """Translate exceptions raised in the block, which makes `call`.

    Raises:
        EventIdTaken: 409 on an insert.
        EventChanged: 412, the event is not the version in If-Match.
        EventGone: 410 on a write to an event.
        PortalcalError: everything else; see `explain`.
    """
    try:
        yield
    except ApiError as error:
        translated = from_response(error.api_error, call)
        if isinstance(translated, EventGone | EventChanged):
            translated.may_be_ours = error.is_repeat
        raise translated from error
    except FOREIGN as error:
        raise explain(error, call) from error


def explain(error: Exception, call: ApiCall) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    """The error of ours for a library's exception."""
    match error:
        case googleapiclient.errors.BatchError():
            return GoogleRefused("a batch", getattr(error.resp, "status", 0))
        case googleapiclient.errors.HttpError():
            return from_response(read_api_error(int(error.resp.status), error.content), call)
        case googleapiclient.errors.Error():
            return network_errors.not_google(
                call.host, writes=call.writes, received="something that is not JSON"
            )
        case google.auth.exceptions.GoogleAuthError():
            return _from_google_auth(error, call)
        case _:
            return network_errors.unreachable(error, host=call.host, writes=call.writes)


def from_response(
    api_error: ApiErrorDetails, call: ApiCall
) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    """The error of ours for an error response of the Calendar API."""
    if api_error.is_quota:
        return QuotaExhausted(api_error.message)
    if api_error.is_busy or api_error.status >= 500:
        return GoogleBusy(api_error.message, api_error.status, sent=call.writes and api_error.status >= 500)
    if not api_error.is_google:
        # A proxy's 404 says nothing about an event: only an error of Google's own may end a booking.
        received = f"an answer that is not Google's ({api_error.status})"
        return network_errors.not_google(call.host, writes=call.writes, received=received)
    return _from_api_error(api_error, call)


def _from_api_error(
    api_error: ApiErrorDetails, call: ApiCall
) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    match api_error.status:
        case 401:
            return GrantRevoked(call.account, api_error.message)
        case 403:
            return _forbidden(api_error, call)
        case 410 if call.writes and call.event is not None and api_error.has_reason("deleted"):
            return EventGone(call.event)
        case 410 if api_error.has_reason("fullSyncRequired", "updatedMinTooLongAgo"):
            # The calendar exists; only the sync token has expired.
            return GoogleRefused(api_error.message, api_error.status)
        case 404 | 410:
            return _missing(api_error, call)
        # 409 and 412 are expected only where the call chose the id or sent If-Match; else they are plain refusals.
        case 409 if call.writes and call.event is None:
            return EventIdTaken("")
        case 412 if call.event is not None and call.etag is not None:
            return EventChanged(call.event)
        case _:
            return GoogleRefused(api_error.message, api_error.status)


def _forbidden(api_error: ApiErrorDetails, call: ApiCall) -> PortalcalError:
    if api_error.has_reason(*_API_DISABLED_REASONS):
        return ApiNotEnabled(api_error.link) if api_error.link else ApiNotEnabled()
    if api_error.has_reason(*_SCOPE_REASONS):
        return _permission_missing(call)
    if call.writes and call.calendar is not None and api_error.has_reason(*_NOT_WRITABLE_REASONS):
        return CalendarNotWritable(call.calendar)
    return GoogleRefused(api_error.message, api_error.status)


def _permission_missing(call: ApiCall) -> PermissionMissing:
    """The permission the call requires, and those that share its scope: they are missing with it."""
    missing = tuple(each for each in Permission if call.needs is None or each.scope == call.needs.scope)
    return PermissionMissing(
        tuple(each.value for each in missing), tuple(each.shown for each in missing), stored=True
    )


def _missing(api_error: ApiErrorDetails, call: ApiCall) -> PortalcalError:
    if call.calendar is None:
        return GoogleRefused(api_error.message, api_error.status)
    if call.event is None:
        return CalendarNotFound(call.calendar)
    return EventNotFound(call.calendar, call.event)


def _from_google_auth(error: google.auth.exceptions.GoogleAuthError, call: ApiCall) -> PortalcalError:
    """google-auth raises RefreshError for nearly everything; the response's body, if any, is the second argument."""
    if isinstance(error, google.auth.exceptions.ReauthFailError) or "eauthentication is needed" in str(error):
        return ReauthRequired(call.account)
    body = next((each for each in error.args if isinstance(each, dict)), None)
    if body is not None and isinstance(body.get("error"), str):
        codes = (body["error"], str(body.get("error_subtype", "")))
        message = str(body.get("error_description") or body["error"]).rstrip(".")
        return renewal_error(ApiErrorDetails(400, codes, message), host=call.host, account=call.account)
    if isinstance(error, google.auth.exceptions.RefreshError):
        return GoogleBusy(phrase(503), 503)
    return network_errors.unreachable(error, host=call.host, writes=call.writes)
