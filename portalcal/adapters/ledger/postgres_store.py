"""A ledger on a server as a whole: what it is, all of it checked, what another role needs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from portalcal.adapters.ledger import postgres_schema as sql
from portalcal.adapters.ledger.postgres import PostgresDatabase
from portalcal.adapters.ledger.sql import WRONG_COUNTS
from portalcal.adapters.ledger.transfer import PortableStore, copy_ledger
from portalcal.errors import LedgerFault, Usage
from portalcal.ports import Damage, LedgerCopy, LedgerFacts, LedgerStore


class PostgresStore:
    """The ledger in the schema `portalcal` of a database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database

    @property
    def name(self) -> str:
        """The url without user, password and settings."""
        return self.database.name

    def facts(self) -> LedgerFacts:
        """Where it is and what it is kept in; a missing ledger is not made."""
        server, version = self.database.server(), self.database.schema_version()
        size = {"bytes": 0, "bookings": 0}
        if version is not None:
            with self.database.reading() as db:
                size = db.one(sql.SIZE)
        return LedgerFacts(
            self.name,
            "PostgreSQL",
            server.version,
            version,
            int(size["bytes"]),
            int(size["bookings"]),
            server.is_pooled,
        )

    def check_all(self) -> Damage | None:
        """Compare the counts with the rows, besides what `damage` looks at; the server checks its pages itself."""
        if damage := self.database.damage():
            return damage
        with self.database.reading() as db:
            wrong = db.execute(WRONG_COUNTS).fetchone()
        if wrong is None:
            return None
        return Damage(f"it is damaged: the count of {wrong['state']} bookings is wrong", LedgerFault.DAMAGED)

    def back_up(self, file: Path) -> int:
        """Raises: Usage."""
        raise Usage(
            "a ledger on a server is backed up there, with everything else of its database",
            f"write its part with `pg_dump --schema=portalcal --format=custom --file={file} DATABASE`",
        )

    def grants(self, role: str) -> tuple[str, ...]:
        """The statements that the owner of the schema runs, so that `role` can run every command."""
        with self.database.reading() as db:
            database = str(db.one("SELECT current_database() AS name")["name"])
        to, schema = f"TO {_quoted(role)}", "IN SCHEMA portalcal"
        return (
            f"GRANT CONNECT ON DATABASE {_quoted(database)} {to}",
            f"GRANT USAGE ON SCHEMA portalcal {to}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES {schema} {to}",
            # For tables of later versions.
            f"ALTER DEFAULT PRIVILEGES {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES {to}",
        )

    def copy_to(self, target: LedgerStore) -> LedgerCopy:
        """Copy everything into another ledger, which takes the place of this one."""
        return copy_ledger(self.database, cast("PortableStore", target).database)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
