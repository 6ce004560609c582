"""What a scripted fault answers with: Google's error in the shape of the endpoint it strikes."""

import json
from collections.abc import Callable

from portalcal.simulator import refusals
from portalcal.simulator.faults import Fault
from portalcal.simulator.wire import Refusal, Response, oauth_refusal, page, refusal

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
# What the front end calls a status, after google/rpc/code.proto; it knows no 410.
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
# google/api/error_reason.proto, where it has a word for it.
_DETAILS = {"rateLimitExceeded": "RATE_LIMIT_EXCEEDED", "userRateLimitExceeded": "RATE_LIMIT_EXCEEDED"}


def instead(fault: Fault, operation: str, *, project: str) -> Response | None:
    """Return what a fault answers instead of doing anything; None for the faults of the connection."""
    refused = _refusal(fault.kind, operation, project)
    if fault.kind == "502-html":
        response = page(_PROXY, status=502)
    elif fault.kind == "not-json":
        response = page(_PORTAL)
    elif refused is not None:
        response = _in_shape(fault.shape, refused.response)
    else:
        return None
    if fault.retry_after is not None:
        headers = dict(response.headers) | {"Retry-After": str(fault.retry_after)}
        return Response(response.status, response.body, headers)
    return response


def _refusal(kind: str, operation: str, project: str) -> Refusal | None:
    if operation.startswith("oauth.") and kind in _OAUTH:
        return oauth_refusal(*_OAUTH[kind])
    if kind in _MESSAGES:
        code, reason, message, domain = _MESSAGES[kind]
        return refusal(code, reason, message, domain=domain)
    named: dict[str, Callable[[], Refusal]] = {
        "400-invalid": lambda: refusals.invalid("Invalid Value"),
        "400-required": lambda: refusals.required("Required"),
        "400-badRequest": refusals.bad_request,
        "400-timeRangeEmpty": refusals.empty_range,
        "400-timeRangeTooLong": refusals.range_too_long,
        "401": refusals.dead_token,
        "401-frontend": refusals.unknown_token,
        "403-insufficient": lambda: refusals.insufficient_scope(operation),
        "403-not-enabled": lambda: refusals.api_not_enabled(project),
        "403-forbidden": refusals.forbidden,
        "403-requiredAccessLevel": refusals.writer_needed,
        "403-forbiddenForNonOrganizer": refusals.not_the_organizer,
        "403-forbiddenForServiceAccounts": refusals.not_for_service_accounts,
        "404": refusals.not_found,
        "409-duplicate": refusals.duplicate,
        "409-conflict": refusals.conflict,
        "410-deleted": refusals.deleted,
        "410-fullSyncRequired": refusals.full_sync_required,
        "410-updatedMinTooLongAgo": refusals.updated_min_too_long_ago,
        "412": refusals.condition_not_met,
        "invalid-grant": lambda: oauth_refusal(400, "invalid_grant", "Token has been expired or revoked."),
        "invalid-rapt": lambda: oauth_refusal(
            400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt"
        ),
        "invalid-client": lambda: oauth_refusal(401, "invalid_client", "The OAuth client was not found."),
    }
    return named[kind]() if kind in named else None


def _in_shape(shape: str, response: Response) -> Response:
    """Return an API's refusal in the shape asked for; an OAuth endpoint has but one."""
    error = json.loads(response.body)["error"]
    if not shape or isinstance(error, str):
        return response
    (reason, *_) = (each["reason"] for each in error["errors"])
    if shape == "backend":
        error = {name: error[name] for name in ("errors", "code", "message")}
    elif "status" not in error:
        error["status"] = _STATUSES[response.status]
        if reason in _DETAILS:
            error["details"] = [refusals.error_info(_DETAILS[reason], service="calendar-json.googleapis.com")]
    return Response(response.status, json.dumps({"error": error}).encode(), response.headers)
