"""Where the configuration is, what is in effect, and whether a file can be used. Asks Google nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from portalcal.ports import ConfigFile, ConnectionAdmin
from portalcal.results import ConfigChecked, ConfigExample, ConfigPlace, ConfigShown


class ConfigOptions(NamedTuple):
    """What is asked; nothing: where the file is."""

    example: bool = False
    show: bool = False
    check: Path | None = None


def config(
    options: ConfigOptions, context: ConnectionAdmin
) -> ConfigPlace | ConfigExample | ConfigShown | ConfigChecked:
    """Answer about the configuration file.

    Raises:
        ConfigInvalid: the file that is shown or checked has problems.
    """
    file = context.config_file
    if options.check is not None:
        return ConfigChecked(str(options.check), file.check(options.check))
    if options.example:
        return ConfigExample(file.example())
    if options.show:
        # Loaded first, since what cannot be used has no effective values.
        workspace = context.config.workspace
        return ConfigShown(_place(file), workspace, file.settings(), file.variables())
    return _place(file)


def _place(file: ConfigFile) -> ConfigPlace:
    return ConfigPlace(str(file.path), file.exists(), file.named_by, file.path.parent.is_dir())
