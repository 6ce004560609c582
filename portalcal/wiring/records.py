"""What a workspace remembers: its connection, and its bookings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from portalcal.wiring.surroundings import Surroundings

if TYPE_CHECKING:
    from portalcal.adapters.connection_file import ConnectionFile
    from portalcal.ports import Clock, Connections, Ledger


class Records(Surroundings):
    """What was learned when the workspace was connected, and what was promised since."""

    # --- who is connected

    @cached_property
    def token_variables(self) -> tuple[str, ...]:
        """The environment variables that bring a token along."""
        from portalcal.adapters.env_vault import variables_set

        return variables_set(self.environ)

    @property
    def acts_for(self) -> str | None:
        """Whom a service account stands in for; None where a person consents. A token in the environment goes first."""
        if self.token_variables or self.config.service_account is None:
            return None
        return self.config.subject

    @cached_property
    def connection_file(self) -> ConnectionFile:
        """connection.toml, and the OAuth client kept beside it."""
        from portalcal.adapters.connection_file import ConnectionFile

        return ConnectionFile(self.home / "connection.toml", dumps=_toml)

    @cached_property
    def connections(self) -> Connections:
        """The connection of the workspace."""
        if not self.token_variables and not self.acts_for:
            return self.connection_file
        from portalcal.adapters.env_connection import EnvConnection

        if self.acts_for:
            return EnvConnection(
                self.connection_file, self.clock, account=self.acts_for, vault="service-account"
            )
        return EnvConnection(self.connection_file, self.clock)

    # --- what was promised

    @cached_property
    def ledger(self) -> Ledger:
        """Bookings and errands. Raises: LedgerUnusable (a url that cannot be used here)."""
        if self.config.has_ledger_on_server:
            return _on_server(self.config.ledger, self.workspace, self.clock)
        from portalcal.adapters.sqlite_ledger import SqliteLedger

        return SqliteLedger(self._ledger_path, self.workspace, self.clock)

    @property
    def _ledger_path(self) -> Path:
        """The default file, or the one named, relative to the configuration: never to wherever a command is run."""
        url, path = self.config.ledger, self.config.path
        if url == "sqlite" or path is None:
            return self.paths.data_dir / "ledger.db"
        return path.absolute().parent / Path(url.removeprefix("sqlite:///")).expanduser()

    def ledger_room(self) -> int | None:
        """Bytes left on the ledger's disk; None where that is a server's."""
        if self.config.has_ledger_on_server:
            return None
        import shutil

        folder = next((each for each in self._ledger_path.parents if each.is_dir()), None)
        return shutil.disk_usage(folder).free if folder else None


def _on_server(url: str, workspace: str, clock: Clock) -> Ledger:
    from portalcal.errors import LedgerUnusable

    try:
        from portalcal.adapters.postgres_ledger import PostgresLedger
    except ImportError as error:
        # Also where psycopg is there and the library of PostgreSQL that it needs is not.
        raise LedgerUnusable("on a PostgreSQL server", "psycopg is not installed here") from error
    return PostgresLedger(url, workspace, clock)


def _toml(document: Mapping[str, object]) -> str:
    import tomli_w

    return tomli_w.dumps(document)
