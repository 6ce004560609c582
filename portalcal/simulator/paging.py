"""Page tokens and sync tokens: opaque to the client, readable here, bound to the question they were given for."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from portalcal.simulator import instants, refusals
from portalcal.simulator.model import Model
from portalcal.simulator.wire import Json, Request, refusal

T = TypeVar("T")
# Google expires sync tokens "for various reasons" and names no number of days; updatedMin has a limit of its own.
SYNC_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list, and the answer's `nextPageToken` or `nextSyncToken`."""

    shown: list[Any]
    token: Json


def cut(
    found: Sequence[T],
    request: Request,
    *,
    key: Callable[[T], list[Any]],
    size: int,
    about: list[Any],
    revision: int,
    sync: Callable[[int], str] | None,
) -> Page:
    """Return the page a request asks for, of things in order of `key`.

    A page token remembers the last key shown rather than a number, so what is written between two pages neither
    repeats nor hides anything that was there before; and the revision of the first page, which the sync token at the
    end starts from (`sync` makes it; None: this question has none).
    """
    started = revision
    ordered = sorted(found, key=key)
    if token := request.value("pageToken"):
        told = decode(token, kind="page", parameter="pageToken")
        if told["about"] != about:
            raise refusals.invalid("Invalid page token value.", "pageToken")
        started = int(told["revision"])
        ordered = [one for one in ordered if key(one) > told["after"]]
    shown = ordered[:size]
    if len(ordered) > size:
        return Page(
            shown, {"nextPageToken": encode("page", about=about, after=key(shown[-1]), revision=started)}
        )
    return Page(shown, {"nextSyncToken": sync(started)} if sync else {})


def encode(kind: str, **told: Any) -> str:
    """Return a token."""
    text = json.dumps({"kind": kind, **told}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str, *, kind: str, parameter: str) -> Json:
    """Read a token of ours; anything else is `400 invalid`."""
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("kind") != kind:
        words = {"page": "Invalid page token value.", "sync": "Invalid sync token value."}[kind]
        raise refusals.invalid(words, parameter)
    return told


def sync_token(model: Model, *, about: list[Any], revision: int, **more: Any) -> str:
    """Return a sync token for everything after `revision`."""
    issued = instants.epoch(model.clock.now())
    return encode("sync", about=about, revision=revision, issued=issued, **more)


def synced(model: Model, token: str, *, about: list[Any], since: int) -> Json:
    """Read a sync token for the same question.

    Raises:
        Refusal: 400 for a token of another question, 410 fullSyncRequired for one past its life or before `since`.
    """
    told = decode(token, kind="sync", parameter="syncToken")
    if told["about"] != about:
        raise refusals.invalid("Invalid sync token value.", "syncToken")
    age = instants.epoch(model.clock.now()) - int(told["issued"])
    if age > SYNC_LIFE.total_seconds() or int(told["revision"]) < since:
        raise refusals.full_sync_required()
    return told


def forbid_with_sync(request: Request, names: Sequence[str]) -> None:
    """Refuse parameters that cannot come with a sync token."""
    for name in names:
        if name in request.query:
            message = f"Sync token cannot be used with {name}."
            raise refusal(400, "badRequest", message, location="syncToken")
