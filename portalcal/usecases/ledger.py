"""Look at the ledger, check all of it, back it up, move it, say what another role needs. Asks Google nothing."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import NamedTuple

from portalcal.errors import LedgerUnusable, Usage
from portalcal.ports import ConnectionAdmin, Context, LedgerStore, Search
from portalcal.results import LedgerBackedUp, LedgerChecked, LedgerCopied, LedgerGrants, LedgerPlace
from portalcal.usecases.pages_of_bookings import in_pages

_PAGE = 1000
"""Lines of the history that are in memory at once."""


class LedgerOptions(NamedTuple):
    """What is asked; nothing: where the ledger is."""

    check: bool = False
    backup: Path | None = None
    grants: str | None = None  # a role of the server
    copy_to: str | None = None  # url of the ledger that takes the place of this one


def ledger(
    options: LedgerOptions, context: ConnectionAdmin
) -> LedgerPlace | LedgerChecked | LedgerBackedUp | LedgerCopied | LedgerGrants:
    """Answer about the ledger.

    Raises:
        LedgerUnusable: it is damaged, or cannot be opened.
        Usage: that kind of ledger has no backups, or no roles; or the file of a backup cannot be written.
    """
    store = context.ledger_store
    if options.copy_to is not None:
        return _copied(store, context.ledger_store_at(options.copy_to))
    if options.grants is not None:
        return LedgerGrants(store.grants(options.grants))
    if options.backup is not None:
        return LedgerBackedUp(str(options.backup), store.back_up(options.backup), store.facts())
    if options.check and (damage := store.check_all()):
        raise LedgerUnusable(store.name, damage.reason, damage.fault)
    facts = store.facts()
    if options.check and facts.schema_version is not None:
        _read_all(context)
    return LedgerChecked(facts) if options.check else LedgerPlace(facts)


def _read_all(context: Context) -> None:
    """Read what this workspace has as other commands do. Raises: LedgerUnusable (something cannot be read)."""
    deque(in_pages(context.ledger, Search()), maxlen=0)
    context.offers.all()
    cursor = 0
    while lines := context.history.changes(cursor, most=_PAGE).lines:
        cursor = lines[-1].cursor


def _copied(store: LedgerStore, target: LedgerStore) -> LedgerCopied:
    """Copy the ledger, while nobody writes, and leave the old one marked."""
    if target.name == store.name:
        raise Usage("that is the ledger itself", "name another one after `--copy-to`")
    try:
        if store.facts().schema_version is None:
            raise Usage(
                "there is no ledger yet, so there is nothing to copy", "set url under [ledger] to the new one"
            )
        return LedgerCopied(store.name, store.copy_to(target))
    finally:
        target.close()
