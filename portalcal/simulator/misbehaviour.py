"""What a scripted fault answers with: Google's error in the shape of the endpoint it strikes."""

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
    "503": (503, "backendError", "Service Unavailable", "global"),
    "504": (504, "backendError", "Gateway Timeout", "global"),
}
_OAUTH = {
    "401": (401, "invalid_client", "The provided client secret is invalid."),
    "429": (429, "rate_limit_exceeded", "Rate Limit Exceeded"),
    "500": (500, "internal_failure", "Backend Error"),
    "503": (503, "temporarily_unavailable", "Service Unavailable"),
    "504": (504, "server_error", "Gateway Timeout"),
}


def instead(fault: Fault, operation: str, *, project: str) -> Response | None:
    """Return what a fault answers instead of doing anything; None for the faults of the connection."""
    refused = _refusal(fault.kind, operation, project)
    if fault.kind == "502-html":
        response = page(_PROXY, status=502)
    elif fault.kind == "not-json":
        response = page(_PORTAL)
    elif refused is not None:
        response = refused.response
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
        "401": refusals.dead_token,
        "401-frontend": refusals.unknown_token,
        "403-insufficient": lambda: refusals.insufficient_scope(operation),
        "403-not-enabled": lambda: refusals.api_not_enabled(project),
        "403-forbidden": refusals.forbidden,
        "404": refusals.not_found,
        "invalid-grant": lambda: oauth_refusal(400, "invalid_grant", "Token has been expired or revoked."),
        "invalid-rapt": lambda: oauth_refusal(
            400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt"
        ),
        "invalid-client": lambda: oauth_refusal(401, "invalid_client", "The OAuth client was not found."),
    }
    return named[kind]() if kind in named else None
