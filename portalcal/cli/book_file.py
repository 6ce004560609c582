"""`portalcal book --file`: one booking a line, one JSON envelope a line."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from portalcal.answers import Booked
from portalcal.cli.order_file import Source, orders_in
from portalcal.cli.session import Session
from portalcal.cli.when import Reading
from portalcal.core.booking import State
from portalcal.errors import Exit, PortalcalError, Usage
from portalcal.usecases.batch import batch, is_hopeless
from portalcal.wiring import lines_view


def book_file(name: str, session: Session, reading: Reading, *, dry_run: bool) -> int:
    """Book every line, at most eight at the same time, and tell what became of each in their order."""
    with _opened(name, session) as (stream, size), _as_text(stream) as text:
        invocation, portal = session.invocation, session.portal
        view = lines_view("book", stdout=invocation.stdout, stderr=invocation.stderr, size=size)
        orders = orders_in(Source(name, text), portal, reading, dry_run=dry_run)
        exits: set[int] = set()
        for line, outcome, world in batch(orders, portal, beside=lambda: portal.beside(view.for_line())):
            view.show(line.number, outcome, about=world.view, zone=reading.zone)
            view.progress(stream.tell() if size else 0)
            exits.add(_exit(outcome))
            if is_hopeless(outcome):
                view.log(f"stopped after line {line.number}: the lines after it would fail in the same way")
        view.end()
    return _worst(exits)


def pending_or_done(answer: Booked) -> Exit:
    """Whether Google is still owed something for a booking."""
    # Somebody may have cancelled it while its event was made; then the removal is what is owed.
    is_pending = answer.booking.state in {State.HELD, State.CANCELLING} and not answer.is_dry_run
    return Exit.PENDING if is_pending else Exit.DONE


@contextmanager
def _opened(name: str, session: Session) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file with its size in bytes; stdin has none."""
    if name == "-":
        stdin = session.invocation.stdin
        binary = getattr(stdin, "buffer", None)
        yield binary or io.BytesIO(stdin.read().encode()), None
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 - what goes wrong later is not about opening it
    except OSError as error:
        raise Usage(f"{name} cannot be read: {(error.strerror or str(error)).lower()}", None) from error
    with stream:
        yield stream, os.fstat(stream.fileno()).st_size


@contextmanager
def _as_text(stream: BinaryIO) -> Iterator[Iterator[str]]:
    """Its lines; bytes that are not UTF-8 cost only the line they are in (PEP 383)."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


def _exit(outcome: Booked | PortalcalError) -> int:
    return outcome.exit if isinstance(outcome, PortalcalError) else pending_or_done(outcome)


def _worst(exits: set[int]) -> int:
    """One status for all lines: what a person must mend, else that some failed, else that some are pending."""
    for hopeless in (Exit.CONFIGURATION, Exit.CONNECT):
        if hopeless in exits:
            return hopeless
    if exits - {Exit.DONE, Exit.PENDING}:
        return Exit.PARTIAL
    return Exit.PENDING if Exit.PENDING in exits else Exit.DONE
