"""The composition root: which adapter answers which port, for one workspace.

Every part is made on first use, and its adapter is imported then: start-up time is mostly imports. Besides this module
only `demo` and `simulator` import inside functions.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from portalcal.config.model import read_workspace, same_but_for_case
from portalcal.config.user_files import expand_home
from portalcal.errors import (
    ClientInvalid,
    ConfigInvalid,
    ConnectionDamaged,
    EndpointChanged,
    Exit,
    KeyInvalid,
    NotConnected,
    PortalcalError,
    Problem,
    Usage,
    WaysOut,
    WorkspaceNotFound,
)

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta
    from threading import Event
    from zoneinfo import ZoneInfo

    from portalcal.adapters.connection_file import ConnectionFile
    from portalcal.adapters.error_log import ErrorLog
    from portalcal.adapters.google.client import OAuthClient
    from portalcal.adapters.google.early_connection import EarlyConnection
    from portalcal.adapters.google.http_client import HttpClient
    from portalcal.adapters.google.service_account import ServiceAccountKey
    from portalcal.adapters.google.token_endpoint import Renewed
    from portalcal.adapters.google.tokens import AccessTokens
    from portalcal.adapters.holidays.cache import HolidayCache
    from portalcal.adapters.ledger.offers import SqlOffers
    from portalcal.adapters.ledger.postgres_store import PostgresStore
    from portalcal.adapters.ledger.repository import SqlLedger
    from portalcal.adapters.ledger.sqlite_store import SqliteStore
    from portalcal.adapters.system import Paths
    from portalcal.adapters.vault.file import Cost
    from portalcal.config.model import Config, HolidaySources
    from portalcal.core.endpoint import Address
    from portalcal.core.grant import AccessToken, Grant
    from portalcal.core.history import Author, HistoryLine
    from portalcal.core.zone_rules import ZoneRules
    from portalcal.ports import (
        Calendars,
        Clock,
        ConfigFile,
        Connection,
        Connections,
        ConsentFlow,
        History,
        Machine,
        Vault,
        View,
    )
    from portalcal.results import Bookings, CommandView, Diagnosis, Metrics
    from portalcal.views.lines import LinesView

DEFAULT_WORKSPACE = "default"
_VAULT_SECONDS = 5.0
_UNLOCKING_SECONDS = 60.0
"""Time limits of a call to the keyring: of any command; of `connect`, where a person may have to unlock it."""

_HOLIDAY_YEARS = 11
"""Holidays are known from last year to ten years from now; a horizon of more is not sensible."""

T = TypeVar("T")


class _Once(cached_property[T]):
    """A `cached_property` with a lock, which Python 3.12 took away.

    Without it two threads make two ledgers, one of which is never closed, or two token caches, which renew twice.
    """

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        name, parts = str(self.attrname), instance.__dict__
        # A lock per part of each container: a keyring that hangs must not block the thread that needs the ledger.
        with parts.setdefault(f"{name} lock", RLock()):
            if name not in parts:
                parts[name] = self.func(instance)
            return parts[name]


def once(make: Callable[[Any], T]) -> cached_property[T]:
    """Thread-safe lazy property: calls `make` on first access and keeps the result. Assigning replaces it."""
    return _Once(make)


class Container:
    """The ports of one workspace, each made on first use. It is a `Context` and a `ConnectionAdmin`."""

    def __init__(
        self,
        view: View,
        *,
        workspace: str | None = None,
        config_path: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.view = view
        self._others: dict[str, Container] = {}
        self._others_lock = RLock()
        self.environ = os.environ if environ is None else environ
        self._config_path = config_path
        name = workspace or self.environ.get("PORTALCAL_WORKSPACE") or self._pinned_workspace
        self.workspace = check_workspace(name or DEFAULT_WORKSPACE)
        self.make_other: Callable[[str], Container] | None = None
        """Makes the container of another workspace, where more than its name decides how it is made."""
        self.client_secrets: Path | None = None
        """The file of an OAuth client that was given on the command line."""
        self.vault_kind: str | None = None
        """The vault for a new connection; None: the present one, else the configured one."""
        self.stdin: TextIO | None = None
        self.is_vault_renewed = False
        """Seal the vault file anew, under another passphrase; what it holds now is not read."""
        self.is_pipe_meant = False
        """Read a pasted redirect address from a pipe too, not only from a terminal."""
        self.is_attended = False
        """A person may read the output and act on it."""
        self.is_connecting = False
        """Detect the keyring backend again, and give a person time to unlock it."""
        self.actor: str | None = None
        """On whose behalf the command acts, as it was named on the command line."""
        self.command = ""
        """The command, for the history."""
        self.is_read_only = False
        """The ledger is neither written nor migrated."""
        self.is_forgetting = False
        """Disconnect in spite of a configuration that cannot be read."""
        self.limit: float | None = None
        """Time limit of the command in seconds; requests to Google get short timeouts and few retries."""

    def override(self, **parts: object) -> None:
        """Use these parts in place of our own: what a test, or the demo, puts in place of an adapter.

        Raises:
            TypeError: there is no such part.
        """
        for name, part in parts.items():
            own = getattr(type(self), name, None)
            if own is None or isinstance(own, property):
                raise TypeError(f"the container has no part {name} to replace")
            self.__dict__[name] = part

    def with_view(self, view: View) -> Container:
        """A container for one of several concurrent tasks: it shares our parts and has its own view."""
        for name in ("config", "clock", "connections", "ledger"):
            getattr(self, name)
        if self.connections.read() is not None:
            _ = self.calendars
        other = copy.copy(self)
        other.view = view
        return other

    def other(self, workspace: str) -> Container:
        """The container of another workspace, made once: its account reads calendars that count for conflicts here."""
        with self._others_lock:
            if workspace not in self._others:
                other = (self.make_other or self._bare_other)(workspace)
                # A token in the environment is that of the command's own account.
                other.override(token_variables=())
                other.limit = self.limit
                self._others[workspace] = other
            return self._others[workspace]

    def _bare_other(self, workspace: str) -> Container:
        return Container(self.view, workspace=workspace, config_path=self._config_path, environ=self.environ)

    @property
    def program(self) -> str:
        """The command line that calls portalcal for this workspace."""
        import shlex

        unnamed = self.environ.get("PORTALCAL_WORKSPACE") or self._pinned_workspace or DEFAULT_WORKSPACE
        workspace = None if self.workspace == unnamed else self.workspace
        named = (("--workspace", workspace), ("--config", self._config_path))
        given = (f"{option} {shlex.quote(str(value))}" for option, value in named if value is not None)
        return " ".join(("portalcal", *given))

    def close(self) -> None:
        """Close the ledger and the connections to Google, if they were opened."""
        for other in self._others.values():
            other.close()
        for name in ("ledger", "ledger_store", "calendars"):
            part = self.__dict__.pop(name, None)
            if part is not None:
                part.close()

    # --- workspace, files, configuration

    @once
    def paths(self) -> Paths:
        """Directories of configuration and data."""
        from portalcal.adapters.system import paths

        return paths(self.environ)

    @once
    def home(self) -> Path:
        """The directory of this workspace's state files.

        Raises:
            Usage: an existing workspace differs from this one in case only, which some file systems take for one.
        """
        folder = self.paths.data_dir
        # A data directory that is missing or unreadable holds no other workspace.
        with suppress(OSError):
            known = {DEFAULT_WORKSPACE, *(each.name for each in folder.iterdir() if each.is_dir())}
            if other := same_but_for_case(self.workspace, known):
                fact = f"the workspaces {self.workspace} and {other} differ in case only"
                raise Usage(fact, f"name {other}, or another, with `--workspace` or PORTALCAL_WORKSPACE")
        return folder / self.workspace

    @once
    def _pinned_workspace(self) -> str | None:
        """The workspace that the configuration names for commands that name none."""
        from portalcal.config.loader import default_workspace

        return default_workspace(self.config_path)

    def check_workspace_known(self) -> None:
        """Make sure that somebody has connected or configured the workspace, so that a typing error is noticed.

        A token in the environment and a service account serve any workspace.

        Raises:
            WorkspaceNotFound: nobody has.
        """
        if self.workspace in {DEFAULT_WORKSPACE, self._pinned_workspace} or self.token_variables:
            return
        known = set(self.workspaces()) - {self.workspace} | {DEFAULT_WORKSPACE}
        if self.home.is_dir() or self.workspace in self._configured_workspaces():
            return
        # A configuration that cannot be read is the error that the command reports.
        with suppress(ConfigInvalid):
            if not self.acts_for:
                raise WorkspaceNotFound(self.workspace, tuple(sorted(known)))

    def _configured_workspaces(self) -> tuple[str, ...]:
        from portalcal.config.loader import workspaces

        return workspaces(self.config_path)

    @property
    def config_path(self) -> Path:
        """Path of config.toml, which need not exist."""
        return self._config_path or self.paths.config_file

    @once
    def config_file(self) -> ConfigFile:
        """config.toml as a file."""
        from portalcal.adapters.config_file import TomlConfigFile

        by_variable = "PORTALCAL_CONFIG" if self.paths.config_is_named else None
        return TomlConfigFile(
            self.config_path,
            named_by="--config" if self._config_path else by_variable,
            workspace=self.workspace,
            environ=self.environ,
            machine_zone=self.machine.zone,
            holidays=self.holidays,
        )

    @once
    def config(self) -> Config:
        """The configuration of the workspace.

        Raises:
            ConfigInvalid: it has problems, or a file that was named does not exist.
        """
        from portalcal.config.loader import read

        path = self.config_path
        if not path.exists() and (self._config_path or self.paths.config_is_named):
            raise ConfigInvalid(str(path), (Problem("", "", "there is no such file"),))
        return read(
            path if path.exists() else None,
            workspace=self.workspace,
            machine_zone=self._machine_zone,
            holidays=self.holidays,
        )

    @once
    def holidays(self) -> HolidaySources:
        """Holidays of countries and of iCalendar files, which are computed once and then cached."""
        from portalcal.config.model import HolidaySources

        def has_library() -> bool:
            from portalcal.adapters.holidays.cache import library_version

            return library_version() is not None

        def of_country(code: str) -> Mapping[date, str]:
            def compute(years: range) -> Mapping[date, str]:
                from portalcal.adapters.holidays.library import public_holidays

                return public_holidays(code, years)

            return self._holiday_cache.of_country(code, compute)

        def of_file(path: Path) -> Mapping[date, str]:
            def parse(content: bytes, years: range) -> Mapping[date, str]:
                from portalcal.adapters.holidays.ics import all_day_events

                return all_day_events(content, years)

            return self._holiday_cache.of_file(path, parse)

        return HolidaySources(has_library, of_country, of_file)

    @once
    def _holiday_cache(self) -> HolidayCache:
        from portalcal.adapters.holidays.cache import HolidayCache

        year = self.clock.now().year
        return HolidayCache(
            self.paths.data_dir / "holidays.json", years=range(year - 1, year + _HOLIDAY_YEARS)
        )

    def workspaces(self) -> tuple[str, ...]:
        """Every workspace of this machine, by name: those ever connected, those configured, and this one."""
        from portalcal.config.loader import workspaces

        folder, path = self.paths.data_dir, self.config_path
        known = {each.parent.name for each in folder.glob("*/connection.toml")} | set(workspaces(path))
        # Loading the configuration of any other workspace reports names that are not valid.
        valid = {name for name in known if _is_workspace(name)}
        adds_this_one = not valid or self.workspace != DEFAULT_WORKSPACE
        return tuple(sorted(valid | ({self.workspace} if adds_this_one else set())))

    @once
    def error_log(self) -> ErrorLog:
        """The last errors of commands, of every workspace."""
        from portalcal.adapters.error_log import ErrorLog

        return ErrorLog(self.paths.data_dir / "last-errors.jsonl")

    def remember_error(self, command: str, error: PortalcalError) -> None:
        """Keep an error for the report, redacted. Of a conflict only the code: its message is about guests."""
        from portalcal.views.report import redacted

        is_personal = error.exit in {Exit.CONFLICT, Exit.NOT_FOUND}
        message = redacted(
            " ".join(error.impersonal_message.split()), home=Path.home(), secrets=set(_secrets_of(self))
        )
        self.error_log.add(
            {
                "at": f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}",
                "workspace": self.workspace,
                "command": command or "-",
                "code": error.code,
                "message": "" if is_personal else message,
            }
        )

    # --- this machine

    @once
    def clock(self) -> Clock:
        """Time and randomness."""
        return machine_clock()

    @once
    def machine(self) -> Machine:
        """Time zone, browser, loopback sockets of this machine."""
        from portalcal.adapters.machine import ThisMachine

        return ThisMachine(self.environ)

    @once
    def zone_rules(self) -> ZoneRules:
        """The zone database in use and, of two, the other one."""
        from portalcal.adapters.zone_database import zone_rules

        return zone_rules()

    def other_zone(self, key: str) -> ZoneInfo | None:
        """A zone by the rules of the other database."""
        from portalcal.adapters.zone_database import zone_in

        other = self.zone_rules.other
        return zone_in(other, key) if other else None

    def zone(self, name: str | None) -> ZoneInfo:
        """The display zone: the one named, else the schedule's.

        Raises:
            Usage: there is no such zone.
        """
        from portalcal.config.model import read_zone

        if name is None:
            return self.config.schedule.zone
        try:
            return read_zone(name)
        except ValueError as error:
            raise Usage(f"{name} is not a zone: {error}") from None

    def _machine_zone(self) -> ZoneInfo:
        """The zone of schedules that name none. Warns when it had to be guessed."""
        from portalcal.adapters.local_zone import local_zone
        from portalcal.core.health import NAME_A_ZONE
        from portalcal.warnings import ZoneUnknown

        zone, problem = local_zone()
        if problem:
            self.view.warn(ZoneUnknown(problem, NAME_A_ZONE))
        return zone

    @once
    def open_browser(self) -> Callable[[str], bool]:
        """Opens a URL in the browser; returns False where there is none."""
        from portalcal.adapters.consent.browser import open_browser

        return partial(open_browser, has_failed=self.browser_failed)

    @once
    def browser_failed(self) -> Event:
        """Set when the browser process exits with an error."""
        from threading import Event

        return Event()

    @once
    def has_browser(self) -> bool:
        """Whether a browser can be opened on this machine."""
        return self.machine.has_browser()

    # --- connection

    @once
    def token_variables(self) -> tuple[str, ...]:
        """The environment variables that hold a token."""
        from portalcal.adapters.vault.environment import variables_set

        return variables_set(self.environ)

    @property
    def acts_for(self) -> str | None:
        """The account a service account impersonates; None with user consent. A token in the environment wins."""
        try:
            if self.token_variables or self.config.service_account is None:
                return None
        except ConfigInvalid:
            if self.is_forgetting:
                return None
            raise
        return self.config.subject

    @once
    def connection_file(self) -> ConnectionFile:
        """connection.toml and the OAuth client file kept beside it."""
        from portalcal.adapters.connection_file import ConnectionFile

        return ConnectionFile(self.home / "connection.toml", dumps=_toml)

    @once
    def connections(self) -> Connections:
        """The connection of the workspace: from connection.toml, the environment, or a service account."""
        if not self.token_variables and not self.acts_for:
            return self.connection_file
        from portalcal.adapters.connection_file import EnvConnection

        if self.acts_for:
            return EnvConnection(
                self.connection_file, self.clock, account=self.acts_for, vault="service-account"
            )
        return EnvConnection(self.connection_file, self.clock)

    @once
    def ways_out(self) -> WaysOut:
        """What hints may advise. A configuration that cannot be read rules nothing out."""
        try:
            config = self.config
        except ConfigInvalid:
            return WaysOut(self.token_variables)
        line = f" (line {config.pins.line})" if config.pins.line else ""
        conflicts, booking = config.pins.conflicts is not None, config.pins.booking is not None
        return WaysOut(
            self.token_variables,
            key_at=f"[google] service_account in {config.path}" if self.acts_for else "",
            conflicts_at=f"[calendars] conflicts in {config.path}{line}" if conflicts else "",
            booking_at=f"[calendars] booking in {config.path}{line}" if booking else "",
        )

    # --- ledger

    @once
    def offers(self) -> SqlOffers:
        """The offers in the ledger. Raises: as `ledger`."""
        from portalcal.adapters.ledger.offers import SqlOffers

        return SqlOffers(self.ledger)

    @once
    def ledger(self) -> SqlLedger:
        """Bookings and outbox: SQLite, or PostgreSQL. Raises: LedgerUnusable (psycopg is not installed)."""
        if self.config.has_ledger_on_server:
            with _psycopg_needed():
                from portalcal.adapters.ledger.postgres import PostgresLedger
            make: Callable[..., SqlLedger] = partial(PostgresLedger, self.config.ledger)
        else:
            from portalcal.adapters.ledger.sqlite import SqliteLedger

            make = partial(SqliteLedger, self._ledger_path)
        return make(
            self.workspace,
            self.clock,
            author=self.author,
            account=self._connected_account,
            is_read_only=self.is_read_only,
        )

    def _connected_account(self) -> str | None:
        """The address of the connected account; None: there is none, or a token of the environment does not tell it."""
        connection = None if self.token_variables else self.connections.read()
        return connection.account if connection else None

    @property
    def history(self) -> History:
        """The recorded changes of bookings, which the ledger keeps."""
        return self.ledger

    @once
    def wait(self) -> Callable[[float], None]:
        """Sleeps for so many seconds; Ctrl-C ends it."""
        from time import sleep

        return sleep

    @once
    def author(self) -> Author:
        """Who is recorded as having made a change: `--actor`, PORTALCAL_ACTOR, or user@host."""
        from portalcal.adapters.system import host_name, user_name
        from portalcal.core.history import Author

        host = host_name(self.environ)
        actor = self.actor or self.environ.get("PORTALCAL_ACTOR") or f"{user_name()}@{host}"
        return Author(actor, host, self.command)

    @once
    def ledger_store(self) -> SqliteStore | PostgresStore:
        """The whole ledger, of all workspaces. Raises: LedgerUnusable (psycopg is not installed)."""
        return self.ledger_store_at(self.config.ledger)

    def ledger_store_at(self, url: str) -> SqliteStore | PostgresStore:
        """The ledger of another url than the configured one. Raises: Usage, LedgerUnusable (as `ledger_store`)."""
        from portalcal.config.loader import read_ledger_url
        from portalcal.config.model import SERVERS

        try:
            read_ledger_url(url)
        except ValueError as error:
            hint = "write it like postgresql://user@host/database, or sqlite:///path for a file"
            raise Usage(f"what is named as a ledger is none: {error}", hint) from None
        if url.startswith(SERVERS):
            with _psycopg_needed():
                from portalcal.adapters.ledger.postgres import PostgresDatabase
                from portalcal.adapters.ledger.postgres_store import PostgresStore
            return PostgresStore(PostgresDatabase(url, self.workspace, is_read_only=self.is_read_only))
        from portalcal.adapters.ledger.sqlite import SqliteDatabase
        from portalcal.adapters.ledger.sqlite_store import SqliteStore

        return SqliteStore(SqliteDatabase(self._ledger_file(url), is_read_only=self.is_read_only))

    @property
    def _ledger_path(self) -> Path:
        """The SQLite file."""
        return self._ledger_file(self.config.ledger)

    def _ledger_file(self, url: str) -> Path:
        """The file of a url. A relative path is relative to config.toml, never to the working directory."""
        path = self.config.path
        if url == "sqlite" or path is None:
            return self.paths.data_dir / "ledger.db"
        return path.absolute().parent / expand_home(url.removeprefix("sqlite:///"))

    def ledger_room(self) -> int | None:
        """Free bytes on the ledger's disk; None for PostgreSQL."""
        if self.config.has_ledger_on_server:
            return None
        import shutil

        folder = next((each for each in self._ledger_path.parents if each.is_dir()), None)
        return shutil.disk_usage(folder).free if folder else None

    # --- vault

    @once
    def vault(self) -> Vault:
        """Storage of the tokens: keyring, encrypted file, environment, or the service account key."""
        if self.acts_for:
            from portalcal.adapters.google.service_account import KeyVault

            return KeyVault(lambda: self.service_account)
        if self.token_variables:
            from portalcal.adapters.vault.environment import EnvVault

            return EnvVault(self.environ)
        connection = self.connections.read()
        kind = self.vault_kind or (connection.vault if connection else self.config.vault)
        return self._vault_of(
            kind, backend=connection.backend if connection and not self.is_connecting else None
        )

    def vaults(self) -> tuple[Vault, ...]:
        """Every vault that may hold secrets of this workspace: both kinds where connection.toml is damaged."""
        try:
            return (self.vault,)
        except ConfigInvalid:
            return self._vault_of("file", backend=None), self._vault_of("keyring", backend=None)

    def former_vault(self, connection: Connection) -> Vault | None:
        """The vault of an earlier connection, whatever `vault` is now; None if that connection stored no secret."""
        if connection.vault not in {"keyring", "file"}:
            return None
        return self._vault_of(connection.vault, backend=connection.backend)

    def _vault_of(self, kind: str, *, backend: str | None) -> Vault:
        if kind == "file":
            from portalcal.adapters.vault.file import FileVault
            from portalcal.adapters.vault.passphrase import passphrase

            ask = partial(passphrase, self.environ, self.view)
            return FileVault(self.home, ask, cost=self.vault_file_cost, is_renewed=self.is_vault_renewed)
        from portalcal.adapters.vault.keyring import KeyringVault

        return KeyringVault(
            self.workspace,
            backend=backend,
            timeout=_seconds(
                self.environ.get("PORTALCAL_VAULT_TIMEOUT"),
                default=_UNLOCKING_SECONDS if self.is_connecting else _VAULT_SECONDS,
            ),
        )

    @once
    def vault_file_cost(self) -> Cost:
        """The scrypt cost of new vault files."""
        from portalcal.adapters.vault.file import Cost

        return Cost()

    def open_vault_files(self) -> tuple[str, ...]:
        """Vault files that other users of this machine can read or write."""
        from portalcal.adapters.files import is_open_to_others

        return tuple(str(each) for each in sorted(self.home.glob("*.vault")) if is_open_to_others(each))

    # --- OAuth client, service account key

    @once
    def client(self) -> OAuthClient:
        """The OAuth client for a new consent: from the command line, config.toml, or kept beside connection.toml.

        Raises:
            ClientInvalid: there is none, or it is not a Desktop client.
        """
        return self._client_in(self.client_secrets or self.config.client_secrets)

    @once
    def grant_client(self) -> OAuthClient:
        """The OAuth client the stored grant belongs to; a refresh token works with that client only.

        Raises:
            ClientInvalid: as `client`.
        """
        connection = self.connections.read()
        is_kept = connection is not None and connection.own_client and not self.token_variables
        return self._client_in(None if is_kept else self.config.client_secrets)

    def _client_in(self, path: Path | None) -> OAuthClient:
        from portalcal.adapters.google.client import OAuthClient

        kept = self.connection_file.client_path
        return OAuthClient.read(path or (kept if kept.exists() else None))

    def brings_client(self) -> bool:
        """Whether the client on the command line differs from the one the stored grant belongs to."""
        if self.client_secrets is None:
            return False
        given = self.client
        try:
            return given != self.grant_client
        except ClientInvalid:
            return True

    def keep_client(self) -> bool:
        """Copy the OAuth client from the command line beside connection.toml; False if none was given."""
        if self.client_secrets is None:
            return False
        self.connection_file.keep_client(self.client_secrets)
        return True

    @once
    def service_account(self) -> ServiceAccountKey:
        """The service account key that config.toml names.

        Raises:
            KeyInvalid: the file is no usable key.
        """
        from portalcal.adapters.google.service_account import ServiceAccountKey

        return ServiceAccountKey.read(self.config.service_account)

    def check_client(self) -> str:
        """The id of the OAuth client, or the e-mail address of the service account."""
        return self.service_account.email if self.acts_for else self.grant_client.client_id

    # --- endpoints

    def origins(self) -> tuple[str, ...]:
        """The origins that consent and the API calls use."""
        return tuple(sorted({each.origin for each in self._endpoints(self.client.token_uri)}))

    def check_endpoints(self) -> tuple[str, ...]:
        """The origins in use that are neither Google's nor loopback; raises unless a grant is sent where it was given."""
        try:
            connection = self.connections.read()
        except ConnectionDamaged:
            # Only `disconnect` gets here. Treat the grant as one of unknown origin.
            connection = None
        kept = connection.origins if connection else ()
        used = self._endpoints(self._token_uri())
        if kept and (strange := tuple(sorted({each.origin for each in used} - set(kept)))):
            raise EndpointChanged(strange, kept)
        others = tuple(sorted({each.origin for each in used if not each.is_google and not each.is_loopback}))
        if others and not kept and (files := self._open_files()):
            raise EndpointChanged(others, files=files)
        return others

    def _endpoints(self, token_uri: str | None) -> tuple[Address, ...]:
        from portalcal.core.endpoint import read_endpoint

        urls = (self.config.endpoints.api_root, self.config.endpoints.revoke_uri, token_uri)
        return tuple(read_endpoint(each) for each in urls if each)

    def _token_uri(self) -> str | None:
        """The token endpoint; None without one, or where the client is unreadable, which the renewal reports."""
        try:
            client = self.service_account if self.acts_for else self.grant_client
        except (ClientInvalid, KeyInvalid, ConnectionDamaged):
            return None
        return client.token_uri if self.can_renew else None

    def _open_files(self) -> tuple[str, ...]:
        """Files that name endpoints and that other users can write."""
        from portalcal.adapters.files import is_writable_by_others

        kept = self.connection_file.client_path
        named = (self.config.path, self.config.client_secrets, self.config.service_account, kept)
        return tuple(str(each) for each in named if each is not None and is_writable_by_others(each))

    def open_to_others(self) -> tuple[str, ...]:
        """Files of configuration and state that other users of this machine can write."""
        from portalcal.adapters.files import is_writable_by_others

        state = (self.home / "connection.toml", self.home, self.paths.data_dir)
        return (*self._open_files(), *(str(each) for each in state if is_writable_by_others(each)))

    # --- consent

    @once
    def consent(self) -> ConsentFlow:
        """The OAuth consent flow in a browser."""
        from portalcal.adapters.consent.flow import BrowserConsentFlow
        from portalcal.adapters.google.oauth import GoogleAuthorizationServer

        return BrowserConsentFlow(
            GoogleAuthorizationServer(lambda: self.client, self.config.endpoints.revoke_uri),
            clock=self.clock,
            view=self.view,
            open_browser=self.open_browser,
            pasted=self.pasted,
            has_browser=lambda: self.has_browser,
            browser_failed=self.browser_failed.is_set,
            is_attended=self.is_attended,
            ways=self._ways,
        )

    def _ways(self, redirect_uri: str, opens_browser: bool) -> tuple[str, ...]:  # noqa: FBT001 - a callback
        """How to consent with a browser on another machine."""
        from portalcal.adapters.consent.browser import other_ways

        can_paste = self.pasted is not None
        return other_ways(self.environ, redirect_uri, opens_browser=opens_browser, can_paste=can_paste)

    @once
    def pasted(self) -> Callable[[], str | None] | None:
        """Reads a pasted redirect address while the callback is awaited; None where neither a terminal nor a pipe is read."""
        from portalcal.adapters.consent.paste import lines_of

        return lines_of(self.stdin, is_pipe_meant=self.is_pipe_meant)

    # --- access tokens

    @once
    def tokens(self) -> AccessTokens:
        """The cached access token, renewed before it expires."""
        from portalcal.adapters.google.tokens import AccessTokens

        connection = self.connections.read()
        return AccessTokens(
            lambda: self.grant_client,
            self.vault,
            clock=self.clock,
            account=(connection.account or None) if connection else None,
            workspace=self.workspace,
            granted_at=connection.connected_at if connection else None,
            http_client=self._new_http_client(),
            renewal=self._renewal,
            on_end=self._remember_end,
        )

    @property
    def _renewal(self) -> Callable[[HttpClient, str, datetime], Renewed] | None:
        """Renewal by a service account's signed JWT (RFC 7523); None: by refresh token."""
        if not self.acts_for:
            return None
        from portalcal.adapters.google.service_account import renewal
        from portalcal.core.permissions import scopes_to_ask

        return renewal(lambda: self.service_account, subject=self.acts_for, scopes=scopes_to_ask())

    def _remember_end(self) -> None:
        """Record the age at which the grant was first found dead: early warnings expect the next to end then."""
        now = self.clock.now()

        def ended(connection: Connection | None) -> Connection | None:
            is_ours = connection is not None and connection.vault in {"keyring", "file", "memory"}
            if (
                connection is None
                or not is_ours
                or connection.lived is not None
                or now < connection.connected_at
            ):
                return None
            return connection._replace(lived=now - connection.connected_at)

        # Best effort: a directory that is not writable must not hide the error being reported.
        with suppress(ConfigInvalid):
            if ended(self.connections.read()) is not None:
                self.connections.update(ended)

    @property
    def can_renew(self) -> bool:
        """Whether access can be renewed: not where a bare access token comes from the environment."""
        from portalcal.adapters.vault.environment import VARIABLES
        from portalcal.ports import Secret

        return not self.token_variables or VARIABLES[Secret.REFRESH_TOKEN] in self.token_variables

    def keep_access(self, access: AccessToken) -> None:
        """Cache an access token in the vault."""
        self.tokens.keep(access)

    def renew_access(self) -> None:
        """Renew the access token now."""
        self.check_endpoints()
        self.tokens.renew()

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of Google's, by the Date header of the last renewal."""
        return self.tokens.skew

    def renewed_at(self) -> datetime | None:
        """When access was last renewed, to the hour."""
        from portalcal.adapters.token_cache import cached_access, renewed_at

        return renewed_at(cached_access(self.vault))

    # --- Google Calendar

    @once
    def calendars(self) -> Calendars:
        """Google Calendar with the stored grant.

        Raises:
            NotConnected: there is no connection.
            EndpointChanged: the configuration names other origins than those the grant was given at.
        """
        connection = self.connections.read()
        if connection is None:
            raise NotConnected(self.workspace)
        # Before any request: no token is sent to another origin.
        self.check_endpoints()
        from portalcal.core.endpoint import read_endpoint

        early = self.connect_early(read_endpoint(self.config.endpoints.api_root))
        from portalcal.adapters.google.authorized_http import AuthorizedHttp
        from portalcal.adapters.google.calendar import GoogleCalendars

        return GoogleCalendars(
            AuthorizedHttp(self.tokens, http_client=self._new_http_client(early)),
            self.config.endpoints,
            account=connection.account or None,
            sleep=self.wait,
            monotonic=self.clock.monotonic,
        )

    def calendars_with(self, grant: Grant) -> Calendars:
        """Google Calendar with a grant that is not stored yet."""
        from portalcal.adapters.google.authorized_http import AuthorizedHttp
        from portalcal.adapters.google.calendar import GoogleCalendars
        from portalcal.adapters.google.tokens import GrantAccessTokens

        return GoogleCalendars(AuthorizedHttp(GrantAccessTokens(grant)), self.config.endpoints)

    @once
    def connect_early(self) -> Callable[[Address], EarlyConnection | None]:
        """Begins to connect to Google: half of a networked command's time is the import of what asks it."""
        from portalcal.adapters.google.early_connection import begin

        return begin

    def _new_http_client(self, early: EarlyConnection | None = None) -> HttpClient:
        """A client with short timeouts where the command has a time limit, else a rate-limited one."""
        from portalcal.adapters.google.http_client import HttpClient

        if self.limit is None:
            return HttpClient(
                rate_limiter=self.rate_limiter, early=early, sleep=self.wait, monotonic=self.clock.monotonic
            )
        return HttpClient.within(self.limit, early=early, sleep=self.wait, monotonic=self.clock.monotonic)

    @once
    def rate_limiter(self) -> Callable[[], None]:
        """Blocks until the rate limit allows another request; shared by all clients of this container."""
        from portalcal.adapters.google.http_client import RateLimiter

        return RateLimiter()

    def proxy_on_the_way(self) -> str | None:
        """The proxy for https from the environment, as `host:port`; None where Google is on loopback."""
        from portalcal.adapters import network_environment as network
        from portalcal.core.endpoint import read_endpoint

        addresses = [read_endpoint(each) for each in self.config.endpoints]
        if any(each.scheme == "https" for each in addresses):
            network.check_bundle(self.environ)
        if all(each.is_loopback for each in addresses):
            return None
        network.check_proxy(self.environ)
        return network.proxy_shown(self.environ)


# --- workspace names


def check_workspace(name: str) -> str:
    """Validate the name of a workspace, which becomes the name of a directory.

    Raises:
        Usage: the name is not valid.
    """
    try:
        return read_workspace(name)
    except ValueError as error:
        raise Usage(f"{name!r} cannot name a workspace", str(error).replace("expected", "use", 1)) from None


def _is_workspace(name: str) -> bool:
    try:
        return bool(read_workspace(name))
    except ValueError:
        return False


# --- parts without a workspace


def use_newest_zone_rules() -> None:
    """Use the newer zone database, the system's or the package's, in all of this process."""
    from portalcal.adapters.zone_database import use_newest_rules

    use_newest_rules()


def machine_clock() -> Clock:
    """The system clock, for a command that was given no other."""
    from portalcal.adapters.system import SystemClock

    return SystemClock()


@contextmanager
def _psycopg_needed() -> Iterator[None]:
    """Import what needs psycopg, and libpq with it. Raises: LedgerUnusable."""
    from portalcal.errors import LedgerFault, LedgerUnusable

    try:
        yield
    except ImportError as error:
        reason = "psycopg is not installed here"
        raise LedgerUnusable("on a PostgreSQL server", reason, LedgerFault.LIBRARY) from error


def _toml(document: Mapping[str, object]) -> str:
    import tomli_w

    return tomli_w.dumps(document)


def _seconds(text: str | None, *, default: float) -> float:
    """A time limit from the environment, in seconds.

    Raises:
        Usage: it is not a positive number.
    """
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise Usage(f"PORTALCAL_VAULT_TIMEOUT is {text}, expected seconds like 5")
    return seconds


def log_to(stream: TextIO | None, file: Path | None = None) -> None:
    """Log our own loggers to a stream, to a file as JSON lines, or to both. Raises: Usage (it cannot be written)."""
    from portalcal.adapters import logs

    logs.log_to(stream, file)


def show_waiting(write: Callable[[str], None] | None) -> None:
    """Show a person what a command waits for; None: nobody is shown anything."""
    from portalcal.adapters import logs

    logs.show_waiting(write)


# --- views and exports


def view_for(
    command: str,
    *,
    as_json: bool,
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    environ: Mapping[str, str],
    clock: Clock | None,
    is_interactive: bool,
) -> CommandView:
    """The view of one command; JSON output does not import Rich. `clock=None`: the system clock."""
    if as_json:
        from portalcal.views.json import JsonView

        return JsonView(command, stdout=stdout, stderr=stderr)
    from portalcal.views.terminal.view import TerminalView

    return TerminalView(
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        environ=environ,
        clock=clock or machine_clock(),
        is_interactive=is_interactive,
    )


def lines_view(
    command: str, *, stdout: TextIO, stderr: TextIO, size: int | None, clock: Clock | None, is_json: bool
) -> LinesView:
    """The view of a command that prints one JSON object per input line, or on a terminal without `is_json` words.

    `size`: bytes of the input, where known, for progress. `clock=None`: the system clock.
    """
    from portalcal.views.lines import LinesView

    monotonic = (clock or machine_clock()).monotonic
    return LinesView(command, stdout=stdout, stderr=stderr, size=size, monotonic=monotonic, is_json=is_json)


def exporter(form: str) -> Callable[[Any], str]:
    """The exporter for `csv`, `ics`, `html`, `guests`, `text` or `list`."""
    from portalcal.views import exports, ics
    from portalcal.views.grid import html

    forms: dict[str, Callable[[Any], str]] = {
        "csv": exports.as_csv,
        "ics": ics.as_ics,
        "html": html.as_page,
        "guests": html.as_guest_page,
        "text": exports.as_text,
        "list": exports.as_list,
    }
    return forms[form]


def bookings_exporter(form: str) -> Callable[[Bookings], Iterable[str]]:
    """The exporter of bookings for `csv` or `ics`, piece by piece."""
    from portalcal.views import exports, ics

    return {"csv": exports.csv_of_bookings, "ics": ics.ics_of_bookings}[form]


def change_lines(lines: Iterable[HistoryLine], zone: ZoneInfo) -> str:
    """Changes of bookings as JSON lines."""
    from portalcal.views.json import json_lines

    return json_lines(lines, zone)


def run_hook(command: str, zone: ZoneInfo, environ: Mapping[str, str]) -> Callable[[HistoryLine], str | None]:
    """Runs a command of the user's for a change, which it gets as a line of JSON on stdin."""
    from portalcal.adapters import hook

    return lambda line: hook.run_hook(command, change_lines((line,), zone), environ=environ)


def write_metrics(path: Path, metrics: Metrics) -> None:
    """Replace the file of the textfile collector at once, readable for it.

    Raises:
        Usage: it cannot be written there.
    """
    from portalcal.adapters.files import write_named
    from portalcal.views.metrics import as_prometheus

    try:
        previous = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        is_new = not path.exists()
        write_named(path, as_prometheus(metrics, previous=previous).encode())
        if is_new:
            path.chmod(0o644)
    except OSError as error:
        raise _unwritable(path, error) from None


def unit_text(kind: str, words: Sequence[str], container: Container) -> str:
    """What to install for `sync` to run by itself. `words`: what follows the program on its command line."""
    from portalcal.adapters.system import host_name, program_words
    from portalcal.views import units

    name = "portalcal-sync"
    if container.workspace != DEFAULT_WORKSPACE:
        name = f"{name}-{container.workspace}"
    connection = None
    with suppress(PortalcalError):
        connection = container.connections.read()
    has_vault_file = connection is not None and connection.vault == "file"
    line = (*program_words(), *words)
    if kind == "systemd":
        return units.as_systemd(line, name=name, has_vault_file=has_vault_file)
    return units.as_crontab(
        line,
        host=host_name(container.environ),
        home=Path.home(),
        name=name,
        has_vault_file=has_vault_file,
    )


def report_text(
    diagnoses: Sequence[Diagnosis],
    containers: Sequence[Container],
    *,
    environ: Mapping[str, str],
    stdout: TextIO,
) -> str:
    """The results of `status` as text for a support ticket, with secrets redacted."""
    from portalcal.adapters.versions import versions
    from portalcal.adapters.zone_database import zone_rules
    from portalcal.views.report import as_report

    configs, secrets = {}, set[str]()
    errors = containers[0].error_log.entries() if containers else ()
    for container in containers:
        with suppress(ConfigInvalid):
            configs[container.workspace] = container.config
        secrets |= set(_secrets_of(container))
    return as_report(
        diagnoses,
        configs=configs,
        versions=versions() | {"zone rules": zone_rules().named},
        home=Path.home(),
        secrets=secrets,
        surroundings=_surroundings(environ, stdout),
        errors=errors,
    )


def _surroundings(environ: Mapping[str, str], stdout: TextIO) -> dict[str, str]:
    """Terminal and locale, and the names of variables that portalcal and its libraries read; never their values."""
    names = sorted(
        name for name in environ if name.startswith("PORTALCAL_") or name.upper() in _READ_BY_LIBRARIES
    )
    return {
        "terminal": f"{environ.get('TERM', 'unknown')}, {'a terminal' if stdout.isatty() else 'no terminal'}",
        "locale": environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "none",
        "encoding": getattr(stdout, "encoding", None) or "unknown",
        "variables set": ", ".join(names) or "none",
    }


_READ_BY_LIBRARIES = {
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE",
    "BROWSER", "TZ", "PYTHONTZPATH", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "PYTHON_KEYRING_BACKEND", "DISPLAY",
    "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "SSH_CONNECTION", "WSL_DISTRO_NAME", "PGHOST", "PGPASSFILE",
}  # fmt: skip


def _secrets_of(container: Container) -> Iterator[str]:
    """Secrets to redact from a report. Those in the vault are not read: that may prompt for a passphrase."""
    import tomllib

    from portalcal.config.loader import read_text
    from portalcal.views.report import secrets_in

    ours, secret = ("PORTALCAL_", "PG"), ("TOKEN", "PASSPHRASE", "PASSWORD")
    for name, value in container.environ.items():
        if name.startswith(ours) and name.endswith(secret):
            yield value
    # Read the raw file: the problems of an invalid configuration quote its values.
    with suppress(OSError, ValueError, RecursionError):
        yield from secrets_in(tomllib.loads(read_text(container.config_path)))
    with suppress(PortalcalError):
        yield container.client.client_secret


def write_file(path: Path, text: str) -> None:
    """Write a file that a person named. Links are followed; devices are written to, not replaced.

    Raises:
        Usage: it cannot be written there.
    """
    from portalcal.adapters.files import write_named

    try:
        write_named(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> Usage:
    reason = (error.strerror or str(error)).lower()
    return Usage(f"{path} cannot be written: {reason}", "name another file in a folder that is there")
