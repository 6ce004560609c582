"""The one place that turns foreign exceptions into ours: googleapiclient, google-auth, requests, and all beneath them.

`google_oauth_errors` adds oauthlib, which only `connect` loads. Tables: GOOGLE.md sections 4 and 5, after
https://developers.google.com/calendar/api/guides/errors.
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

from portalcal.adapters import google_unreachable
from portalcal.adapters.google_refusals import Refusal, Refused, phrase, read_refusal
from portalcal.adapters.google_token_endpoint import refused
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
    # Not under HTTPError: its author made them plain ValueErrors and AssertionErrors.
    urllib3.exceptions.ProxySchemeUnknown,
    urllib3.exceptions.ProxySchemeUnsupported,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    # Sockets, ssl, DNS.
    OSError,
)
"""The roots of the exceptions that the libraries raise."""

_SCOPE = (
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "insufficientPermissions",
    "insufficientScopes",
    "insufficient_scope",
)
_API_OFF = ("accessNotConfigured", "SERVICE_DISABLED", "API_DISABLED")
_NOT_WRITABLE = (
    "requiredAccessLevel",
    "forbidden",
    "forbiddenForNonOrganizer",
    "forbiddenForServiceAccounts",
    "calendarAccessDenied",
)


class EventGone(Exception):
    """A write met 410: the event was there once and is deleted. `delete` takes that for success."""


class Asked(NamedTuple):
    """What was asked of Google: the facts an error is told with.

    `writes`: it was to change something there. `etag`: the version it named.
    """

    host: str
    account: str = "this account"
    needs: Permission | None = None
    calendar: str | None = None
    event: str | None = None
    writes: bool = False
    etag: str | None = None


@contextmanager
def translated(
    *,
    host: str,
    account: str | None = None,
    needs: Permission | None = None,
    calendar: str | None = None,
    event: str | None = None,
    writes: bool = False,
    etag: str | None = None,
) -> Iterator[None]:
    """Whatever a library raises inside comes out as an error of ours.

    `needs` is the permission the call rests on; with `event`, 404 is about the event, else about the calendar.

    Raises:
        EventIdTaken: 409 on an insert.
        EventChanged: 412, the event is not the version that was named.
        EventGone: 410 on a write to an event.
        PortalcalError: everything else; see `explain`.
    """
    asked = Asked(host, account or "this account", needs, calendar, event, writes, etag)
    try:
        yield
    except Refused as error:
        raise of_answer(error.refusal, asked) from error
    except FOREIGN as error:
        raise explain(error, asked) from error


def explain(error: Exception, asked: Asked) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    """What a foreign exception means."""
    match error:
        case googleapiclient.errors.BatchError():
            return GoogleRefused("a batch", getattr(error.resp, "status", 0))
        case googleapiclient.errors.HttpError():
            return of_answer(read_refusal(int(error.resp.status), error.content), asked)
        case googleapiclient.errors.Error():
            return google_unreachable.not_google(
                asked.host, writes=asked.writes, found="something that is not JSON"
            )
        case google.auth.exceptions.GoogleAuthError():
            return _of_google_auth(error, asked)
        case _:
            return google_unreachable.unreachable(error, host=asked.host, writes=asked.writes)


def of_answer(refusal: Refusal, asked: Asked) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    """What a refusal of the Calendar API means."""
    if refusal.is_quota:
        return QuotaExhausted(refusal.words)
    if refusal.is_busy or refusal.status >= 500:
        return GoogleBusy(refusal.words, refusal.status, sent=asked.writes and refusal.status >= 500)
    if not refusal.is_google:
        # "Not found" in a proxy's words is no news of an event; nothing that is not Google's refusal may end one.
        found = f"an answer that is not Google's ({refusal.status})"
        return google_unreachable.not_google(asked.host, writes=asked.writes, found=found)
    return _of_google(refusal, asked)


def _of_google(refusal: Refusal, asked: Asked) -> PortalcalError | EventIdTaken | EventChanged | EventGone:
    match refusal.status:
        case 401:
            return GrantRevoked(asked.account, refusal.words.rstrip("."))
        case 403:
            return _forbidden(refusal, asked)
        case 410 if asked.writes and asked.event is not None and refusal.says("deleted"):
            return EventGone(asked.event)
        case 410 if refusal.says("fullSyncRequired", "updatedMinTooLongAgo"):
            # The list is there; only what changed since cannot be told.
            return GoogleRefused(refusal.words, refusal.status)
        case 404 | 410:
            return _missing(refusal, asked)
        # Who did not choose an id, or name a version, cannot act on either: then both are plain refusals.
        case 409 if asked.writes and asked.event is None:
            return EventIdTaken("")
        case 412 if asked.event is not None and asked.etag is not None:
            return EventChanged(asked.event)
        case _:
            return GoogleRefused(refusal.words, refusal.status)


def _forbidden(refusal: Refusal, asked: Asked) -> PortalcalError:
    if refusal.says(*_API_OFF):
        return ApiNotEnabled(refusal.link) if refusal.link else ApiNotEnabled()
    if refusal.says(*_SCOPE):
        return _permission_missing(asked)
    if asked.writes and asked.calendar is not None and refusal.says(*_NOT_WRITABLE):
        return CalendarNotWritable(asked.calendar)
    return GoogleRefused(refusal.words, refusal.status)


def _permission_missing(asked: Asked) -> PermissionMissing:
    """Which permission the call rests on. Those that share its scope lack with it."""
    lacking = tuple(each for each in Permission if asked.needs is None or each.scope == asked.needs.scope)
    return PermissionMissing(
        tuple(each.value for each in lacking), tuple(each.shown for each in lacking), stored=True
    )


def _missing(refusal: Refusal, asked: Asked) -> PortalcalError:
    if asked.calendar is None:
        return GoogleRefused(refusal.words, refusal.status)
    if asked.event is None:
        return CalendarNotFound(asked.calendar)
    return EventNotFound(asked.calendar, asked.event)


def _of_google_auth(error: google.auth.exceptions.GoogleAuthError, asked: Asked) -> PortalcalError:
    """google-auth tells everything by one class; the body of the answer, when there was one, is its second argument."""
    if isinstance(error, google.auth.exceptions.ReauthFailError) or "eauthentication is needed" in str(error):
        return ReauthRequired(asked.account)
    body = next((each for each in error.args if isinstance(each, dict)), None)
    if body is not None and isinstance(body.get("error"), str):
        codes = (body["error"], str(body.get("error_subtype", "")))
        words = str(body.get("error_description") or body["error"])
        return refused(Refusal(400, codes, words), host=asked.host, account=asked.account)
    if isinstance(error, google.auth.exceptions.RefreshError):
        return GoogleBusy(phrase(503), 503)
    return google_unreachable.unreachable(error, host=asked.host, writes=asked.writes)
