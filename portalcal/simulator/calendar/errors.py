"""Google's error responses by name, with Google's messages (https://developers.google.com/calendar/api/guides/errors)."""

from portalcal.simulator.http.messages import ErrorResponse, error_response

_SIGN_IN = "https://developers.google.com/identity/sign-in/web/devconsole-project."
_CREDENTIAL = "Expected OAuth 2 access token, login cookie or other valid authentication credential."


def login_required() -> ErrorResponse:
    """No Authorization header: error of the front end."""
    return error_response(
        401,
        "required",
        "Login Required.",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        top=f"Request is missing required authentication credential. {_CREDENTIAL} See {_SIGN_IN}",
        details=[error_info("CREDENTIALS_MISSING")],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
    )


def unknown_token() -> ErrorResponse:
    """A token that the front end does not know."""
    return error_response(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        top=f"Request had invalid authentication credentials. {_CREDENTIAL} See {_SIGN_IN}",
        details=[error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def dead_token() -> ErrorResponse:
    """An expired or revoked token: the documented backend shape."""
    return error_response(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        location_type="header",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def insufficient_scope(operation: str) -> ErrorResponse:
    """The token lacks every scope that `operation` accepts."""
    kind, _, verb = operation.partition(".")
    method = f"calendar.v3.{kind[:1].upper()}{kind[1:]}.{verb[:1].upper()}{verb[1:]}"
    return error_response(
        403,
        "insufficientPermissions",
        "Insufficient Permission",
        status="PERMISSION_DENIED",
        top="Request had insufficient authentication scopes.",
        details=[
            error_info(
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT", service="calendar-json.googleapis.com", method=method
            )
        ],
    )


def api_not_enabled(project: str) -> ErrorResponse:
    """The Calendar API is not enabled in the Cloud project."""
    activate = f"https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project={project}"
    message = (
        f"Google Calendar API has not been used in project {project} before or it is disabled. Enable it by visiting "
        f"{activate} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to "
        "our systems and retry."
    )
    info = error_info(
        "SERVICE_DISABLED", service="calendar-json.googleapis.com", consumer=f"projects/{project}"
    )
    return error_response(
        403, "accessNotConfigured", message, domain="usageLimits", status="PERMISSION_DENIED", details=[info]
    )


def not_found() -> ErrorResponse:
    """Missing or no access; Google does not distinguish the two."""
    return error_response(404, "notFound", "Not Found")


def writer_needed() -> ErrorResponse:
    """The caller may read the calendar but not write it."""
    message = "You need to have writer access to this calendar."
    return error_response(403, "requiredAccessLevel", message, domain="calendar")


def forbidden() -> ErrorResponse:
    """The caller sees only free/busy of the calendar."""
    return error_response(403, "forbidden", "Forbidden")


def duplicate() -> ErrorResponse:
    """The event id is taken on this calendar, by a live event or a tombstone."""
    return error_response(409, "duplicate", "The requested identifier already exists.")


def deleted() -> ErrorResponse:
    """The event is deleted already."""
    return error_response(410, "deleted", "Resource has been deleted")


def condition_not_met() -> ErrorResponse:
    """`If-Match` has an outdated ETag."""
    return error_response(
        412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header"
    )


def conflict() -> ErrorResponse:
    """Concurrent modification, as in one batch."""
    return error_response(409, "conflict", "Conflict")


def full_sync_required() -> ErrorResponse:
    """The sync token is invalid; the client must sync from scratch."""
    message = "Sync token is no longer valid, a full sync is required."
    return error_response(410, "fullSyncRequired", message, domain="calendar", location="syncToken")


def updated_min_too_long_ago() -> ErrorResponse:
    """`updatedMin` lies before the retained history."""
    message = "The requested minimum modification time lies too far in the past."
    return error_response(410, "updatedMinTooLongAgo", message, domain="calendar", location="updatedMin")


def not_the_organizer() -> ErrorResponse:
    """Only the organizer may change shared properties."""
    message = "Shared properties can only be changed by the organizer of the event."
    return error_response(403, "forbiddenForNonOrganizer", message, domain="calendar")


def not_for_service_accounts() -> ErrorResponse:
    """The operation is not available to service accounts."""
    message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
    return error_response(403, "forbiddenForServiceAccounts", message, domain="calendar")


def required(message: str, location: str | None = None) -> ErrorResponse:
    """A required value is missing."""
    return error_response(400, "required", message, location=location)


def invalid(message: str, location: str | None = None) -> ErrorResponse:
    """A value is not accepted."""
    return error_response(400, "invalid", message, location=location)


def bad_request(message: str = "Bad Request") -> ErrorResponse:
    """The request is malformed."""
    return error_response(400, "badRequest", message)


def empty_range() -> ErrorResponse:
    """The end is not after the start."""
    message = "The specified time range is empty."
    return error_response(400, "timeRangeEmpty", message, domain="calendar", location="timeMax")


def range_too_long() -> ErrorResponse:
    """The window exceeds the limit of freebusy.query."""
    message = "The requested time range is too long."
    return error_response(400, "timeRangeTooLong", message, domain="calendar", location="timeMax")


def error_info(reason: str, **metadata: str) -> dict[str, object]:
    """Return the `google.rpc.ErrorInfo` that the front end adds to an error."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
