"""Terminal pages of `ledger`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from portalcal import results
from portalcal.ports import LedgerFacts
from portalcal.sanitize import sanitize


def place(answer: results.LedgerPlace) -> RenderableType:
    """Where the ledger is, its size and its version."""
    return Group(_location(answer.facts), _text(_described(answer.facts)))


def checked(answer: results.LedgerChecked) -> RenderableType:
    """That nothing is wrong with it."""
    return Group(_location(answer.facts), _text(f"sound; {_described(answer.facts)}"))


def backed_up(answer: results.LedgerBackedUp) -> RenderableType:
    """Where the copy is."""
    return Group(_text(f"copied to {answer.file}, {_size(answer.bytes)}"), _text(_described(answer.facts)))


def copied(answer: results.LedgerCopied) -> RenderableType:
    """What was copied, and what is to be done next."""
    copy = answer.copy
    counts = f"{copy.bookings:,} bookings, {copy.owed:,} owed to Google, {copy.history:,} lines of history"
    return Group(
        _text(f"copied to {copy.location}: {counts}"),
        _text(
            f"{answer.location} takes no more changes; set url under [ledger] to the new one, on every host"
        ),
    )


def _location(facts: LedgerFacts) -> Text:
    """One line, however long a path is, so that it can be copied."""
    return Text(sanitize(facts.location), style="bold", no_wrap=True, overflow="ignore")


def _text(words: str) -> Text:
    return Text(sanitize(words))


def _described(facts: LedgerFacts) -> str:
    database = f"{facts.database} {facts.database_version}{', behind a pooler' if facts.is_pooled else ''}"
    if facts.schema_version is None:
        return f"{database}; there is no ledger yet, the first booking makes it"
    count = f"{facts.bookings:,} booking{'' if facts.bookings == 1 else 's'}"
    return f"{count}, {_size(facts.bytes)}; {database}, schema {facts.schema_version}"


def _size(size: int) -> str:
    for unit, length in (("GB", 1 << 30), ("MB", 1 << 20)):
        if size >= length:
            return f"{size / length:.1f} {unit}"
    return f"{-(-size // 1024)} KB"
