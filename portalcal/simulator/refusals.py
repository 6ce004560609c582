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
        details=[error_info("CREDENTIALS_MISSING")],
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
        details=[error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
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
            error_info(
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
    info = error_info(
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


def conflict() -> Refusal:
    """Two requests met, as those of one batch may."""
    return refusal(409, "conflict", "Conflict")


def full_sync_required() -> Refusal:
    """The client must throw away what it has and start over."""
    message = "Sync token is no longer valid, a full sync is required."
    return refusal(410, "fullSyncRequired", message, domain="calendar", location="syncToken")


def updated_min_too_long_ago() -> Refusal:
    """What changed so long ago is not known any more."""
    message = "The requested minimum modification time lies too far in the past."
    return refusal(410, "updatedMinTooLongAgo", message, domain="calendar", location="updatedMin")


def not_the_organizer() -> Refusal:
    """What all guests see belongs to the organizer."""
    message = "Shared properties can only be changed by the organizer of the event."
    return refusal(403, "forbiddenForNonOrganizer", message, domain="calendar")


def not_for_service_accounts() -> Refusal:
    """A service account asks for what only people may do."""
    message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
    return refusal(403, "forbiddenForServiceAccounts", message, domain="calendar")


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


def range_too_long() -> Refusal:
    """More time than free/busy is told for at once."""
    message = "The requested time range is too long."
    return refusal(400, "timeRangeTooLong", message, domain="calendar", location="timeMax")


def error_info(reason: str, **metadata: str) -> dict[str, object]:
    """What the front end adds to a refusal."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
