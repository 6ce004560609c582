"""Parse and validate the text fields of a line of `cancel --file` and `reschedule --file`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from portalcal.cli.batch_file import LineFormat, Value
from portalcal.cli.booking_fields import (
    MINUTES,
    FieldError,
    FieldReader,
    UnreadableFields,
    read_notify,
    read_text,
    with_duration,
)
from portalcal.cli.times import TimeContext, read_length, read_start
from portalcal.container import Container
from portalcal.errors import Usage
from portalcal.usecases.booking.cancel import CancelRequest
from portalcal.usecases.booking.reschedule import RescheduleRequest


class CancelFields(NamedTuple):
    """The fields of a cancellation as typed; None where not given."""

    id: str
    reason: str | None = None
    notify: str | None = None


class RescheduleFields(NamedTuple):
    """The fields of a move as typed; None where not given."""

    id: str
    start: str
    duration: str | None = None
    reason: str | None = None
    notify: str | None = None
    timezone: str | None = None
    force: bool = False
    reassign: bool = False


def cancel_format(given: CancelFields) -> LineFormat:
    """A line is a booking's id, or an object or a row with `id`. What it leaves out is as `given` for all lines."""

    def read(values: Mapping[str, Value], _key: str) -> CancelRequest:
        fields = given._replace(**cast("dict[str, Any]", values))
        reader = FieldReader()
        booking = reader.read("id", lambda: _id(fields.id), fallback="")
        reason = reader.read("reason", lambda: read_text("reason", fields.reason), fallback=None)
        notify = reader.read("notify", lambda: read_notify(fields.notify), fallback=None)
        if reader.errors:
            raise UnreadableFields(tuple(reader.errors))
        return CancelRequest(booking, reason or "", notify if fields.notify else None)

    return LineFormat(CancelFields._fields, ("id",), read, plain="id")


def reschedule_format(given: RescheduleFields, container: Container, time_context: TimeContext) -> LineFormat:
    """A line is an object or a row with `id` and `start`. What it leaves out is as `given` for all lines."""

    def read(values: Mapping[str, Value], _key: str) -> RescheduleRequest:
        named, errors = with_duration(values)
        fields = given._replace(**named)
        return _move(fields, container, time_context, errors=errors)

    return LineFormat((*RescheduleFields._fields, MINUTES), ("id", "start"), read)


def _move(
    fields: RescheduleFields,
    container: Container,
    time_context: TimeContext,
    *,
    errors: tuple[FieldError, ...],
) -> RescheduleRequest:
    reader = FieldReader(errors)
    booking = reader.read("id", lambda: _id(fields.id), fallback="")
    zone = reader.read("timezone", lambda: container.zone(fields.timezone), fallback=time_context.zone)
    zone = zone if fields.timezone else time_context.zone
    start = reader.read(
        "start",
        lambda: read_start(fields.start, time_context._replace(zone=zone)),
        fallback=time_context.now,
    )
    length = reader.read(
        "duration", lambda: read_length(fields.duration) if fields.duration else None, fallback=None
    )
    reason = reader.read("reason", lambda: read_text("reason", fields.reason), fallback=None)
    notify = reader.read("notify", lambda: read_notify(fields.notify), fallback=None)
    if reader.errors:
        raise UnreadableFields(tuple(reader.errors))
    return RescheduleRequest(
        booking,
        start,
        zone,
        duration=length,
        reason=reason or "",
        notify=notify if fields.notify else None,
        force=fields.force,
        reassign=fields.reassign,
    )


def _id(text: str) -> str:
    read_text("id", text)
    if not text.strip():
        raise Usage("expected the id of a booking", None)
    return text.strip()
