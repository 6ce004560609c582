"""config.toml as a file: where it is, the example, its settings. Never writes it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from portalcal.config import loader
from portalcal.config.model import HolidaySources, Setting
from portalcal.config.settings import SettingsReader

_EXAMPLE = "config.example.toml"
_SECRETS = ("_TOKEN", "_PASSPHRASE")


class TomlConfigFile:
    """The port `ConfigFile`. `path` need not exist."""

    def __init__(
        self,
        path: Path,
        *,
        named_by: str | None,
        workspace: str,
        environ: Mapping[str, str],
        machine_zone: Callable[[], ZoneInfo],
        holidays: HolidaySources,
    ) -> None:
        self.path = path.absolute()
        self.named_by = named_by
        self._workspace = workspace
        self._environ = environ
        self._machine_zone = machine_zone
        self._holidays = holidays

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def example(self) -> str:
        """The commented example, which lies in the package, or beside it in a working copy."""
        package = files("portalcal")
        inside = package / _EXAMPLE
        place = inside if inside.is_file() else Path(str(package)).parent / _EXAMPLE
        return place.read_text(encoding="utf-8")

    def settings(self) -> tuple[Setting, ...]:
        """Every key with its effective value. Raises: ConfigInvalid."""
        text, document = loader.read_document(self.path) if self.exists() else ("", {})
        reader = SettingsReader(
            text, document, workspace=self._workspace, defaults=tomllib.loads(self.example())
        )
        zone_variable = "TZ" if self._environ.get("TZ") else None
        return tuple(reader.read(machine_zone=self._machine_zone().key, zone_variable=zone_variable))

    def variables(self) -> tuple[tuple[str, str | None], ...]:
        """The variables of portalcal that are set, with their values; None for a secret."""
        names = sorted(
            name for name, value in self._environ.items() if name.startswith("PORTALCAL_") and value
        )
        return tuple((name, None if name.endswith(_SECRETS) else self._environ[name]) for name in names)

    def check(self, path: Path) -> tuple[str, ...]:
        """Check any file for all its workspaces, and return those. Raises: ConfigInvalid, with all problems."""
        return loader.check(path, machine_zone=self._machine_zone, holidays=self._holidays)
