"""Page tokens and sync tokens: base64url JSON, bound to the query they were issued for."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from portalcal.simulator.calendar import errors, instants
from portalcal.simulator.calendar.model import Model
from portalcal.simulator.http.messages import HttpRequest, Json, error_response

T = TypeVar("T")

# Google invalidates sync tokens "for various reasons" without a documented lifetime; this one is ours.
SYNC_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of a list, with `nextPageToken` or `nextSyncToken`."""

    items: list[Any]
    token: Json


def cut(
    matching: Sequence[T],
    request: HttpRequest,
    *,
    key: Callable[[T], list[Any]],
    size: int,
    about: list[Any],
    revision: int,
    sync: Callable[[int], str] | None,
) -> ResultPage:
    """Return the requested page of `matching`, ordered by `key`.

    A page token contains the last key rather than an offset, so writes between two pages neither repeat nor skip
    entries, and the revision of the first page, from which the final sync token starts. `sync` makes that token (None:
    the query has none).
    """
    started = revision
    ordered = sorted(matching, key=key)
    if token := request.value("pageToken"):
        payload = decode(token, kind="page", parameter="pageToken")
        if payload["about"] != about:
            raise errors.invalid("Invalid page token value.", "pageToken")
        started = int(payload["revision"])
        ordered = [entry for entry in ordered if key(entry) > payload["after"]]
    items = ordered[:size]
    if len(ordered) > size:
        return ResultPage(
            items, {"nextPageToken": encode("page", about=about, after=key(items[-1]), revision=started)}
        )
    return ResultPage(items, {"nextSyncToken": sync(started)} if sync else {})


def encode(kind: str, **payload: Any) -> str:
    """Encode a token."""
    text = json.dumps({"kind": kind, **payload}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str, *, kind: str, parameter: str) -> Json:
    """Decode a token; `400 invalid` for anything else."""
    try:
        payload = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        payload = None
    if not isinstance(payload, dict) or payload.get("kind") != kind:
        message = {"page": "Invalid page token value.", "sync": "Invalid sync token value."}[kind]
        raise errors.invalid(message, parameter)
    return payload


def sync_token(model: Model, *, about: list[Any], revision: int, **more: Any) -> str:
    """Return a sync token for everything after `revision`."""
    issued = instants.epoch(model.clock.now())
    return encode("sync", about=about, revision=revision, issued=issued, **more)


def read_sync_token(model: Model, token: str, *, about: list[Any], since: int) -> Json:
    """Decode a sync token of the same query.

    Raises:
        ErrorResponse: 400 for a token of another query, 410 fullSyncRequired for one past its life or before `since`.
    """
    payload = decode(token, kind="sync", parameter="syncToken")
    if payload["about"] != about:
        raise errors.invalid("Invalid sync token value.", "syncToken")
    age = instants.epoch(model.clock.now()) - int(payload["issued"])
    if age > SYNC_LIFE.total_seconds() or int(payload["revision"]) < since:
        raise errors.full_sync_required()
    return payload


def forbid_with_sync(request: HttpRequest, names: Sequence[str]) -> None:
    """Raise 400 for parameters that cannot be combined with a sync token."""
    for name in names:
        if name in request.query:
            message = f"Sync token cannot be used with {name}."
            raise error_response(400, "badRequest", message, location="syncToken")
