"""Where a command runs: its workspace, its configuration, and the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from portalcal.errors import ConfigInvalid, Problem, Usage

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from portalcal.adapters.system import Paths
    from portalcal.config import Config
    from portalcal.ports import Clock, Machine, View

DEFAULT_WORKSPACE = "default"
_WORKSPACE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def check_workspace(name: str) -> str:
    """The name of a workspace, which becomes the name of a folder.

    Raises:
        Usage: it is no such name.
    """
    if not re.fullmatch(_WORKSPACE, name):
        raise Usage(f"{name!r} cannot name a workspace", "use letters, digits, dots, hyphens and underscores")
    return name


class Surroundings:
    """A workspace on a machine, with the options of the command that runs there."""

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

    @cached_property
    def has_browser(self) -> bool:
        """Whether a browser can be opened beside us."""
        return self.machine.has_browser()

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
