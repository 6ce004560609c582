"""The composition root: which adapter answers which port.

Each adapter is imported when the port it answers is first asked for, so that a command pays for what it uses.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from portalcal.errors import ConfigInvalid, NotConnected, Problem, Usage

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from portalcal.adapters.connection_file import ConnectionFile
    from portalcal.adapters.google_client import OAuthClient
    from portalcal.adapters.google_token_endpoint import Renewed
    from portalcal.adapters.google_tokens import Tokens
    from portalcal.adapters.google_wire import Wire
    from portalcal.adapters.service_account import ServiceAccount
    from portalcal.adapters.system import Paths
    from portalcal.answers import CommandView, Diagnosis
    from portalcal.config import Config
    from portalcal.core.grant import Access, Grant
    from portalcal.ports import (
        Calendars,
        Clock,
        Connection,
        Connections,
        Consent,
        Ledger,
        Machine,
        Vault,
        View,
    )
    from portalcal.views.lines import LinesView

DEFAULT_WORKSPACE = "default"
_VAULT_SECONDS = 5.0
_UNLOCKING_SECONDS = 60.0
_WORKSPACE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def check_workspace(name: str) -> str:
    """The name of a workspace, which becomes the name of a folder.

    Raises:
        Usage: it is no such name.
    """
    if not re.fullmatch(_WORKSPACE, name):
        raise Usage(f"{name!r} cannot name a workspace", "use letters, digits, dots, hyphens and underscores")
    return name


class Portal:
    """One workspace with its ports, each made on first use. Tests and the demo put their own in by assigning them."""

    def __init__(
        self,
        view: View,
        *,
        workspace: str | None = None,
        config_path: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.view = view
        self.environ = os.environ if environ is None else environ
        name = workspace or self.environ.get("PORTALCAL_WORKSPACE") or DEFAULT_WORKSPACE
        self.workspace = check_workspace(name)
        self._config_path = config_path
        self.client_secrets: Path | None = None
        self.vault_kind: str | None = None
        """Where a new connection is to keep its secrets; None: where they are, or where config.toml says."""
        self.stdin: TextIO | None = None
        self.is_pipe_meant = False
        """What comes through a pipe is an answer meant for us; else only a terminal is read."""
        self.is_attended = False
        """Somebody may read what is shown and act on it."""
        self.is_connecting = False
        """Look for the keyring anew, and give a person time to unlock it."""
        self.limit: float | None = None
        """Seconds the command may take; Google is then asked with that little patience."""

    # --- files

    @cached_property
    def paths(self) -> Paths:
        """Where configuration and data are."""
        from portalcal.adapters.system import paths

        return paths(self.environ)

    @property
    def home(self) -> Path:
        """The folder of what portalcal writes for this workspace."""
        return self.paths.data_dir / self.workspace

    @cached_property
    def config(self) -> Config:
        """The configuration of the workspace.

        Raises:
            ConfigInvalid: it cannot be used, or a file that was named does not exist.
        """
        from portalcal.config_file import read

        path = self._config_path or self.paths.config_file
        if not path.exists():
            if self._config_path or self.paths.config_is_named:
                raise ConfigInvalid(str(path), (Problem("", "", "there is no such file"),))
            return read(None, workspace=self.workspace, machine_zone=_machine_zone)
        return read(path, workspace=self.workspace, machine_zone=_machine_zone)

    def workspaces(self) -> tuple[str, ...]:
        """Every workspace of this machine, by name: those ever connected, those configured, and this one."""
        from portalcal.config_file import workspaces

        folder, path = self.paths.data_dir, self._config_path or self.paths.config_file
        known = {each.parent.name for each in folder.glob("*/connection.toml")} | set(workspaces(path))
        # A name in the file that cannot be one is told by the checks of the others.
        named = {each for each in known if re.fullmatch(_WORKSPACE, each)}
        is_alone = not named or self.workspace != DEFAULT_WORKSPACE
        return tuple(sorted(named | ({self.workspace} if is_alone else set())))

    # --- this machine

    @cached_property
    def clock(self) -> Clock:
        """Time and randomness."""
        from portalcal.adapters.system import SystemClock

        return SystemClock()

    @cached_property
    def machine(self) -> Machine:
        """Zone, browser, loopback."""
        from portalcal.adapters.this_machine import ThisMachine

        return ThisMachine(self.environ)

    @cached_property
    def open_browser(self) -> Callable[[str], bool]:
        """Shows an address to the person; False where there is no browser."""
        from portalcal.adapters.browser import open_browser

        return open_browser

    # --- what was learned and promised

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

    @cached_property
    def ledger(self) -> Ledger:
        """Bookings and errands."""
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
        """Bytes left on the ledger's disk."""
        import shutil

        folder = next((each for each in self._ledger_path.parents if each.is_dir()), None)
        return shutil.disk_usage(folder).free if folder else None

    # --- secrets and consent

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
    def service_account(self) -> ServiceAccount:
        """The key that config.toml names.

        Raises:
            KeyInvalid: it is none.
        """
        from portalcal.adapters.service_account import ServiceAccount

        return ServiceAccount.read(self.config.service_account)

    @cached_property
    def vault(self) -> Vault:
        """Where secrets live."""
        if self.acts_for:
            from portalcal.adapters.service_account import KeyVault

            return KeyVault(lambda: self.service_account)
        if self.token_variables:
            from portalcal.adapters.env_vault import EnvVault

            return EnvVault(self.environ)
        connection = self.connections.read()
        kind = self.vault_kind or (connection.vault if connection else self.config.vault)
        return self._vault_of(
            kind, backend=connection.backend if connection and not self.is_connecting else None
        )

    def former_vault(self, connection: Connection) -> Vault | None:
        """Where an earlier connection kept secrets, whatever `vault` is now; None if it kept none of its own."""
        if connection.vault not in {"keyring", "file"}:
            return None
        return self._vault_of(connection.vault, backend=connection.backend)

    def _vault_of(self, kind: str, *, backend: str | None) -> Vault:
        if kind == "file":
            from portalcal.adapters.file_vault import FileVault

            return FileVault(self.home, self._passphrase)
        from portalcal.adapters.keyring_vault import KeyringVault

        return KeyringVault(
            self.workspace,
            backend=backend,
            timeout=_seconds(
                self.environ.get("PORTALCAL_VAULT_TIMEOUT"),
                default=_UNLOCKING_SECONDS if self.is_connecting else _VAULT_SECONDS,
            ),
        )

    def _passphrase(self, is_new: bool) -> str:  # noqa: FBT001 - a callback
        """What seals the vault file: from the environment, else typed; a new one twice.

        Raises:
            Usage: it is empty, was typed in two ways, or nobody can be asked.
        """
        variable = "PORTALCAL_VAULT_PASSPHRASE"
        if given := self.environ.get(variable):
            return given
        typed = self.view.ask_secret(
            f"{'New passphrase' if is_new else 'Passphrase'} of the vault file", variable=variable
        )
        if not typed:
            raise Usage("an empty passphrase protects nothing", f"type one, or set {variable}")
        if is_new and self.view.ask_secret("Once more", variable=variable) != typed:
            raise Usage("the two passphrases differ. Nothing was kept.", "run the same command again")
        return typed

    @cached_property
    def client(self) -> OAuthClient:
        """The OAuth client: given on the command line, named in config.toml, or kept from an earlier `connect`.

        Raises:
            ClientInvalid: there is none, or it is not a Desktop client.
        """
        from portalcal.adapters.google_client import OAuthClient

        kept = self.connection_file.client_path
        found = self.client_secrets or self.config.client_secrets or (kept if kept.exists() else None)
        return OAuthClient.read(found)

    def check_client(self) -> str:
        """The id of the OAuth client, or the name of the service account."""
        return self.service_account.email if self.acts_for else self.client.client_id

    @cached_property
    def consent(self) -> Consent:
        """The browser round trip."""
        from portalcal.adapters.google_oauth import BrowserConsent

        return BrowserConsent(
            lambda: self.client,
            self.config.endpoints.revoke_uri,
            clock=self.clock,
            view=self.view,
            open_browser=self.open_browser,
            pasted=self.pasted,
            has_browser=lambda: self.has_browser,
            is_attended=self.is_attended,
            ways=self._ways,
        )

    @cached_property
    def has_browser(self) -> bool:
        """Whether a browser can be opened beside us."""
        return self.machine.has_browser()

    def _ways(self, redirect_uri: str, opens_browser: bool) -> tuple[str, ...]:  # noqa: FBT001 - a callback
        """What a person can do on another machine."""
        from portalcal.adapters.headless import ways

        can_paste = self.pasted is not None
        return ways(self.environ, redirect_uri, opens_browser=opens_browser, can_paste=can_paste)

    @cached_property
    def pasted(self) -> Callable[[], str | None] | None:
        """What is typed into the terminal while the browser is waited for; None where nobody types."""
        from portalcal.adapters.loopback_paste import lines_of

        return lines_of(self.stdin, is_pipe_meant=self.is_pipe_meant)

    @cached_property
    def tokens(self) -> Tokens:
        """The access token of the kept connection, renewed when it runs out."""
        from portalcal.adapters.google_tokens import Tokens

        connection = self.connections.read()
        return Tokens(
            lambda: self.client,
            self.vault,
            clock=self.clock,
            account=(connection.account or None) if connection else None,
            workspace=self.workspace,
            granted_at=connection.connected_at if connection else None,
            wire=self._new_wire(),
            renewal=self._renewal,
            on_end=self._remember_end,
        )

    @property
    def _renewal(self) -> Callable[[Wire, str, datetime], Renewed] | None:
        """What gives access in place of a refresh token."""
        if not self.acts_for:
            return None
        from portalcal.adapters.service_account import renewal
        from portalcal.core.permissions import scopes_to_ask

        return renewal(lambda: self.service_account, subject=self.acts_for, scopes=scopes_to_ask())

    def _remember_end(self) -> None:
        """Keep the age at which the grant was first found dead: the next one may end at the same age."""
        connection, now = self.connections.read(), self.clock.now()
        is_ours = connection is not None and connection.vault in {"keyring", "file", "memory"}
        if connection is None or not is_ours or connection.lived is not None or now < connection.connected_at:
            return
        # Knowing it is a convenience: a folder that cannot be written must not hide why nothing works.
        with suppress(ConfigInvalid):
            self.connections.write(connection._replace(lived=now - connection.connected_at))

    def keep_access(self, access: Access) -> None:
        """Cache an access token in the vault."""
        self.tokens.keep(access)

    def renew_access(self) -> None:
        """Renew the access token now."""
        self.tokens.renew()

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of Google's, as the last renewal told."""
        return self.tokens.skew

    def renewed_at(self) -> datetime | None:
        """When access was last renewed, to the hour."""
        from portalcal.adapters.kept_access import read_access, renewed_at
        from portalcal.ports import Secret

        written = self.vault.read(Secret.ACCESS_TOKEN)
        return renewed_at(read_access(written)) if written else None

    # --- Google Calendar

    @cached_property
    def calendars(self) -> Calendars:
        """Google Calendar through the kept connection.

        Raises:
            NotConnected: there is none.
        """
        from portalcal.adapters.google_calendar import GoogleCalendars
        from portalcal.adapters.google_http import GoogleHttp

        connection = self.connections.read()
        if connection is None:
            raise NotConnected(self.workspace)
        return GoogleCalendars(
            GoogleHttp(self.tokens, wire=self._new_wire()),
            self.config.endpoints,
            account=connection.account or None,
        )

    def _new_wire(self) -> Wire:
        """A wire of little patience where the command has little time; else one that keeps to Google's pace."""
        from portalcal.adapters.google_wire import Wire

        return Wire(pace=self.pace) if self.limit is None else Wire.within(self.limit)

    @cached_property
    def pace(self) -> Callable[[], None]:
        """Waits until Google may be asked once more."""
        from portalcal.adapters.google_pace import Pace

        return Pace()

    def calendars_with(self, grant: Grant) -> Calendars:
        """Google Calendar through a grant that is not kept yet."""
        from portalcal.adapters.google_calendar import GoogleCalendars
        from portalcal.adapters.google_http import GoogleHttp
        from portalcal.adapters.google_tokens import GrantTokens

        return GoogleCalendars(GoogleHttp(GrantTokens(grant)), self.config.endpoints)

    def beside(self, view: View) -> Portal:
        """The same portal for one of several pieces of work at once: its parts are shared, its view is its own."""
        for name in ("config", "clock", "connections", "ledger"):
            getattr(self, name)
        if self.connections.read() is not None:
            _ = self.calendars
        other = copy.copy(self)
        other.view = view
        return other

    def close(self) -> None:
        """Let go of files and connections; what was never used has nothing to let go of."""
        for name in ("ledger", "calendars"):
            made = self.__dict__.pop(name, None)
            if made is not None:
                made.close()

    # --- zones

    def zone(self, name: str | None) -> ZoneInfo:
        """The display zone: the one named, else the schedule's.

        Raises:
            Usage: there is no such zone.
        """
        from portalcal.config import read_zone

        if name is None:
            return self.config.schedule.zone
        try:
            return read_zone(name)
        except ValueError as error:
            raise Usage(f"{name} is not a zone: {error}") from None


def _machine_zone() -> ZoneInfo:
    from portalcal.adapters.local_zone import machine_zone

    return machine_zone()


def _toml(document: Mapping[str, object]) -> str:
    import tomli_w

    return tomli_w.dumps(document)


def log_to(stream: TextIO) -> None:
    """Write the log of our own loggers; those of the libraries stay silent, since oauthlib's prints tokens."""
    import logging

    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("portalcal")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


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


def write_report(path: Path, diagnoses: Sequence[Diagnosis], portals: Iterable[Portal]) -> None:
    """Put a file for a support ticket at `path`, for its owner alone.

    Raises:
        Usage: it cannot be written there.
    """
    from portalcal.adapters.private_files import write_private
    from portalcal.adapters.versions import versions
    from portalcal.views.report import as_report

    configs = {}
    for each in portals:
        with suppress(ConfigInvalid):
            configs[each.workspace] = each.config
    text = as_report(diagnoses, configs=configs, versions=versions(), home=Path.home())
    try:
        write_private(path.absolute(), text.encode())
    except OSError as error:
        raise Usage(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}", "name another file"
        ) from None


def exporter(form: str) -> Callable[[Any], str]:
    """What puts an answer into `csv`, `ics`, `html`, `text` or `list`; bookings know the first two."""
    from portalcal.views import exports, html_grid, ics

    forms: dict[str, Callable[[Any], str]] = {
        "csv": exports.as_csv,
        "ics": ics.as_ics,
        "html": html_grid.as_page,
        "text": exports.as_text,
        "list": exports.as_list,
    }
    return forms[form]


def lines_view(command: str, *, stdout: TextIO, stderr: TextIO, size: int | None) -> LinesView:
    """The view of a command that answers line by line. `size`: bytes of what it reads, where that is known."""
    from portalcal.views.lines import LinesView

    return LinesView(command, stdout=stdout, stderr=stderr, size=size)


def view_for(
    command: str,
    *,
    as_json: bool,
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    environ: Mapping[str, str],
    is_interactive: bool,
) -> CommandView:
    """The view of one command. Rich loads only for people."""
    if as_json:
        from portalcal.views.machine import MachineView

        return MachineView(command, stdout=stdout, stderr=stderr)
    from portalcal.adapters.system import SystemClock
    from portalcal.views.terminal import TerminalView

    return TerminalView(
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        environ=environ,
        clock=SystemClock(),
        is_interactive=is_interactive,
    )
