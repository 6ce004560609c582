"""The ledger in a PostgreSQL database, shared by all workspaces of a fleet of machines."""

from __future__ import annotations

from portalcal.adapters import postgres_schema as sql
from portalcal.adapters.ledger_in_sql import LedgerInSql
from portalcal.adapters.postgres_server import PostgresServer
from portalcal.ports import Clock


class PostgresLedger(LedgerInSql):
    """The bookings and errands of one workspace in the database of a url."""

    _store: PostgresServer

    def __init__(self, url: str, workspace: str, clock: Clock) -> None:
        super().__init__(PostgresServer(url, workspace), sql.DIALECT, workspace, clock)
