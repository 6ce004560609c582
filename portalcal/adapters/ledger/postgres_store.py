"""A ledger on a server as a whole: what it is, all of it checked, what another role needs."""

from __future__ import annotations

from pathlib import Path

from portalcal.adapters.ledger import postgres_schema as sql
from portalcal.adapters.ledger.postgres import PostgresDatabase
from portalcal.adapters.ledger.transfer import SqlStore
from portalcal.errors import Usage
from portalcal.ports import Damage, LedgerFacts


class PostgresStore(SqlStore[PostgresDatabase]):
    """The ledger in the schema `portalcal` of a database."""

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
        return self.database.damage() or self.check_counts()

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


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
