"""The rows: every error of https://developers.google.com/calendar/api/guides/errors, and every network failure.

What is to be done about each is copied from the guide's own column, not from the program.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Do(Enum):
    """What the guide says to do; for the wire, what may be known afterwards."""

    GIVE_UP = "permanent; show message"
    SIGN_IN = "refresh once, retry once; else sign in again"
    SIGN_IN_AGAIN = "the session policy asks for it"
    CONSENT = "re-consent naming the missing scope; no retry"
    ENABLE = "enable API link; wait minutes; no retry"
    MEND_CLIENT = "fix config; don't delete the token"
    BACK_OFF = "truncated exponential backoff + jitter"
    WAIT_HOURS = "usage limit, lasts hours; don't retry"
    NO_ACCESS = "permanent: no access of that kind"
    MISSING = "missing or no access"
    TAKEN = "GET and compare"
    DELETED = "success for delete"
    READ_ANEW = "wipe + resync"
    READ_AGAIN = "re-GET, re-apply, or tell user"
    NOT_SENT = "it was not done"
    NOT_TOLD = "it was done, and not told"
    BE_PATIENT = "it takes a while"

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later with nothing mended by hand."""
        return self in {Do.BACK_OFF, Do.WAIT_HOURS, Do.NOT_SENT, Do.NOT_TOLD}

    @property
    def needs_person(self) -> bool:
        """Whether connecting again mends it."""
        return self in {Do.SIGN_IN, Do.SIGN_IN_AGAIN, Do.CONSENT}


class Row(NamedTuple):
    """A fault, as the simulator's language has it, and what the guide says to do about it."""

    fault: str
    do: Do

    @property
    def kind(self) -> str:
        """The fault without its options."""
        return self.fault.split()[0].partition("=")[0]

    @property
    def status(self) -> int:
        """The status it answers with; 0 for the faults of the wire."""
        return int(self.kind[:3]) if self.kind[:3].isdecimal() else 0


REFUSALS = (
    Row("400-invalid", Do.GIVE_UP),
    Row("400-required", Do.GIVE_UP),
    Row("400-badRequest", Do.GIVE_UP),
    Row("400-timeRangeEmpty", Do.GIVE_UP),
    Row("400-timeRangeTooLong", Do.GIVE_UP),
    Row("401", Do.SIGN_IN),
    Row("403-insufficient", Do.CONSENT),
    Row("403-not-enabled", Do.ENABLE),
    Row("403-rateLimitExceeded", Do.BACK_OFF),
    Row("403-userRateLimitExceeded", Do.BACK_OFF),
    Row("429", Do.BACK_OFF),
    Row("403-quotaExceeded", Do.WAIT_HOURS),
    Row("403-forbidden", Do.NO_ACCESS),
    Row("403-requiredAccessLevel", Do.NO_ACCESS),
    Row("403-forbiddenForNonOrganizer", Do.NO_ACCESS),
    Row("403-forbiddenForServiceAccounts", Do.NO_ACCESS),
    Row("404", Do.MISSING),
    Row("409-duplicate", Do.TAKEN),
    Row("409-conflict", Do.BACK_OFF),
    Row("410-deleted", Do.DELETED),
    Row("410-fullSyncRequired", Do.READ_ANEW),
    Row("410-updatedMinTooLongAgo", Do.READ_ANEW),
    Row("412", Do.READ_AGAIN),
    Row("500", Do.BACK_OFF),
    Row("502", Do.BACK_OFF),
    Row("502-html", Do.BACK_OFF),
    Row("503", Do.BACK_OFF),
    Row("504", Do.BACK_OFF),
)
"""Google's guide to errors, row by row, in the shape in which each was reported."""

_OF_THE_FRONT_END = frozenset({"403-insufficient", "403-not-enabled"})
SHAPED = tuple(
    Row(f"{row.fault} shape={'backend' if row.kind in _OF_THE_FRONT_END else 'frontend'}", row.do)
    for row in REFUSALS
    if row.kind != "502-html"
)
"""The same in Google's other shape: the API front end's for what the backend says, and the other way round."""

WIRE = (
    Row("refused", Do.NOT_SENT),
    Row("drop", Do.NOT_SENT),
    Row("lost-reply", Do.NOT_TOLD),
    Row("truncate", Do.NOT_TOLD),
    Row("not-json", Do.NOT_SENT),
    Row("hang", Do.NOT_SENT),
    Row("slow=0.05", Do.BE_PATIENT),
)

TOKEN = (
    Row("401", Do.MEND_CLIENT),
    Row("invalid-client", Do.MEND_CLIENT),
    Row("invalid-grant", Do.SIGN_IN),
    Row("invalid-rapt", Do.SIGN_IN_AGAIN),
    *(row for row in REFUSALS if row.kind in {"429", "500", "502-html", "503"}),
)
"""Errors of the token endpoint, which have the shape of RFC 6749 section 5.2."""

PASSING = tuple(
    Row(f"{kind} once", Do.BE_PATIENT)
    for kind in ("401", "403-rateLimitExceeded", "409-conflict", "429", "503", "drop", "hang")
)
"""What the guide says to try again, when trying again helps."""

_UNLIKE = tuple(row for row in WIRE if row.kind in {"refused", "drop", "lost-reply", "not-json"})
OF_EACH_KIND = (*{row.do: row for row in REFUSALS}.values(), *_UNLIKE)
"""One refusal of each kind of advice, and what the wire does, for what a command asks beside its main business."""

TOKEN_OF_EACH_KIND = (*{row.do: row for row in TOKEN}.values(), *_UNLIKE)
"""The same of the token endpoint, for commands that renew their access as another one does."""
