"""Responses of scripted faults: Google's error in the shape of the endpoint concerned."""

import json
from collections.abc import Callable

from portalcal.simulator.calendar import errors
from portalcal.simulator.faults.faults import Fault
from portalcal.simulator.http.messages import (
    ErrorResponse,
    HttpResponse,
    error_response,
    oauth_error_response,
    page,
)

_PORTAL = "<!doctype html><title>Welcome</title><h1>Sign in to this network</h1>"

_PROXY = (
    "<!doctype html><title>Error 502 (Server Error)!!1</title><p>The server encountered a temporary error."
)

_MESSAGES = {
    "403-rateLimitExceeded": (403, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    "403-userRateLimitExceeded": (403, "userRateLimitExceeded", "User Rate Limit Exceeded", "usageLimits"),
    "403-quotaExceeded": (403, "quotaExceeded", "Calendar usage limits exceeded.", "usageLimits"),
    "429": (429, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    "500": (500, "backendError", "Backend Error", "global"),
    "502": (502, "backendError", "Bad Gateway", "global"),
    "503": (503, "backendError", "Service Unavailable", "global"),
    "504": (504, "backendError", "Gateway Timeout", "global"),
}

_OAUTH = {
    "401": (401, "invalid_client", "The provided client secret is invalid."),
    "429": (429, "rate_limit_exceeded", "Rate Limit Exceeded"),
    "500": (500, "internal_failure", "Backend Error"),
    "502": (502, "server_error", "Bad Gateway"),
    "503": (503, "temporarily_unavailable", "Service Unavailable"),
    "504": (504, "server_error", "Gateway Timeout"),
}

# `status` of the front end by HTTP status (google/rpc/code.proto), which has none for 410.
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    410: "FAILED_PRECONDITION",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# Reasons of google/api/error_reason.proto, where there is one.
_DETAILS = {"rateLimitExceeded": "RATE_LIMIT_EXCEEDED", "userRateLimitExceeded": "RATE_LIMIT_EXCEEDED"}


def fault_response(fault: Fault, operation: str, *, project: str) -> HttpResponse | None:
    """Return the response of a fault that replaces the handler; None for faults of the connection."""
    error = _error(fault.kind, operation, project)
    if fault.kind == "502-html":
        response = page(_PROXY, status=502)
    elif fault.kind == "not-json":
        response = page(_PORTAL)
    elif error is not None:
        response = _in_shape(fault.shape, error.response)
    else:
        return None
    if fault.retry_after is not None:
        headers = dict(response.headers) | {"Retry-After": str(fault.retry_after)}
        return HttpResponse(response.status, response.body, headers)
    return response


def _error(kind: str, operation: str, project: str) -> ErrorResponse | None:
    if operation.startswith("oauth.") and kind in _OAUTH:
        return oauth_error_response(*_OAUTH[kind])
    if kind in _MESSAGES:
        code, reason, message, domain = _MESSAGES[kind]
        return error_response(code, reason, message, domain=domain)
    named: dict[str, Callable[[], ErrorResponse]] = {
        "400-invalid": lambda: errors.invalid("Invalid Value"),
        "400-required": lambda: errors.required("Required"),
        "400-badRequest": errors.bad_request,
        "400-timeRangeEmpty": errors.empty_range,
        "400-timeRangeTooLong": errors.range_too_long,
        "401": errors.dead_token,
        "401-frontend": errors.unknown_token,
        "403-insufficient": lambda: errors.insufficient_scope(operation),
        "403-not-enabled": lambda: errors.api_not_enabled(project),
        "403-forbidden": errors.forbidden,
        "403-requiredAccessLevel": errors.writer_needed,
        "403-forbiddenForNonOrganizer": errors.not_the_organizer,
        "403-forbiddenForServiceAccounts": errors.not_for_service_accounts,
        "404": errors.not_found,
        "409-duplicate": errors.duplicate,
        "409-conflict": errors.conflict,
        "410-deleted": errors.deleted,
        "410-fullSyncRequired": errors.full_sync_required,
        "410-updatedMinTooLongAgo": errors.updated_min_too_long_ago,
        "412": errors.condition_not_met,
        "invalid-grant": lambda: oauth_error_response(
            400, "invalid_grant", "Token has been expired or revoked."
        ),
        "invalid-rapt": lambda: oauth_error_response(
            400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt"
        ),
        "invalid-client": lambda: oauth_error_response(
            401, "invalid_client", "The OAuth client was not found."
        ),
    }
    return named[kind]() if kind in named else None


def _in_shape(shape: str, response: HttpResponse) -> HttpResponse:
    """Convert an API error to a shape; OAuth errors have only one."""
    error = json.loads(response.body)["error"]
    if not shape or isinstance(error, str):
        return response
    (reason, *_) = (detail["reason"] for detail in error["errors"])
    if shape == "backend":
        error = {name: error[name] for name in ("errors", "code", "message")}
    elif "status" not in error:
        error["status"] = _STATUSES[response.status]
        if reason in _DETAILS:
            error["details"] = [errors.error_info(_DETAILS[reason], service="calendar-json.googleapis.com")]
    return HttpResponse(response.status, json.dumps({"error": error}).encode(), response.headers)
