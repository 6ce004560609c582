"""Google's refusals by name, with the words Google uses (GOOGLE.md section 4 and the pages it cites)."""

from portalcal.simulator.wire import Refusal, refusal

_SIGN_IN = "https://developers.google.com/identity/sign-in/web/devconsole-project."
_CREDENTIAL = "Expected OAuth 2 access token, login cookie or other valid authentication credential."


def login_required() -> Refusal:
    """No Authorization header at all: refused by the front end."""
    return refusal(
        401,
        "required",
        "Login Required.",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        top=f"Request is missing required authentication credential. {_CREDENTIAL} See {_SIGN_IN}",
        details=[_error_info("CREDENTIALS_MISSING")],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
    )


def unknown_token() -> Refusal:
    """A token the front end does not know."""
    return refusal(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        top=f"Request had invalid authentication credentials. {_CREDENTIAL} See {_SIGN_IN}",
        details=[_error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def dead_token() -> Refusal:
    """A token that has expired or was revoked: the documented backend shape."""
    return refusal(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        location_type="header",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def insufficient_scope(operation: str) -> Refusal:
    """The token lacks every scope that `operation` accepts."""
    kind, _, verb = operation.partition(".")
    method = f"calendar.v3.{kind[:1].upper()}{kind[1:]}.{verb[:1].upper()}{verb[1:]}"
    return refusal(
        403,
        "insufficientPermissions",
        "Insufficient Permission",
        status="PERMISSION_DENIED",
        top="Request had insufficient authentication scopes.",
        details=[
            _error_info(
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT", service="calendar-json.googleapis.com", method=method
            )
        ],
    )


def api_not_enabled(project: str) -> Refusal:
    """The Cloud project never switched the Calendar API on."""
    activate = f"https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project={project}"
    message = (
        f"Google Calendar API has not been used in project {project} before or it is disabled. Enable it by visiting "
        f"{activate} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to "
        "our systems and retry."
    )
    info = _error_info(
        "SERVICE_DISABLED", service="calendar-json.googleapis.com", consumer=f"projects/{project}"
    )
    return refusal(
        403, "accessNotConfigured", message, domain="usageLimits", status="PERMISSION_DENIED", details=[info]
    )


def not_found() -> Refusal:
    """Missing, or no access: Google does not say which."""
    return refusal(404, "notFound", "Not Found")


def writer_needed() -> Refusal:
    """The calendar can be read but not written."""
    message = "You need to have writer access to this calendar."
    return refusal(403, "requiredAccessLevel", message, domain="calendar")


def forbidden() -> Refusal:
    """The calendar is visible only as free or busy, and something more was asked of it."""
    return refusal(403, "forbidden", "Forbidden")


def duplicate() -> Refusal:
    """The event id is in use on this calendar, by a live event or a deleted one."""
    return refusal(409, "duplicate", "The requested identifier already exists.")


def deleted() -> Refusal:
    """The event was deleted before."""
    return refusal(410, "deleted", "Resource has been deleted")


def condition_not_met() -> Refusal:
    """`If-Match` names another version."""
    return refusal(412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header")


def required(message: str, location: str | None = None) -> Refusal:
    """Something mandatory is missing."""
    return refusal(400, "required", message, location=location)


def invalid(message: str, location: str | None = None) -> Refusal:
    """A value is not acceptable."""
    return refusal(400, "invalid", message, location=location)


def bad_request(message: str = "Bad Request") -> Refusal:
    """The request cannot be understood."""
    return refusal(400, "badRequest", message)


def empty_range() -> Refusal:
    """The end does not come after the start."""
    message = "The specified time range is empty."
    return refusal(400, "timeRangeEmpty", message, domain="calendar", location="timeMax")


def _error_info(reason: str, **metadata: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
