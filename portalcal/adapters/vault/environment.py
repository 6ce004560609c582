"""A vault over the environment variables PORTALCAL_REFRESH_TOKEN and PORTALCAL_ACCESS_TOKEN.

`connect` and `disconnect` refuse to run while either is set, so this vault never has to store anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from portalcal.adapters.vault.memory import MemoryVault
from portalcal.ports import Secret

VARIABLES = {
    Secret.REFRESH_TOKEN: "PORTALCAL_REFRESH_TOKEN",
    Secret.ACCESS_TOKEN: "PORTALCAL_ACCESS_TOKEN",
}
"""The variable of each secret."""


def variables_set(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables that are set; the vault is used if there is one."""
    return tuple(name for name in VARIABLES.values() if environ.get(name, "").strip())


class EnvVault(MemoryVault):
    """The secrets of the environment, which is not changed; renewed ones are kept in memory until the process ends."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {secret: environ.get(name, "").strip() for secret, name in VARIABLES.items()}
        secrets = {secret: value for secret, value in values.items() if value}
        if token := secrets.get(Secret.ACCESS_TOKEN):
            # The token cache's format; the expiry of this token is unknown.
            secrets[Secret.ACCESS_TOKEN] = json.dumps({"token": token, "expires_at": None})
        super().__init__(secrets)

    @property
    def kind(self) -> str:
        """`environment`."""
        return "environment"
