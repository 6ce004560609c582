"""A vault over the environment variables PORTALCAL_REFRESH_TOKEN and PORTALCAL_ACCESS_TOKEN.

`connect` and `disconnect` refuse to run while either is set, so this vault never has to store anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from portalcal.ports import Secret

VARIABLES = {
    Secret.REFRESH_TOKEN: "PORTALCAL_REFRESH_TOKEN",
    Secret.ACCESS_TOKEN: "PORTALCAL_ACCESS_TOKEN",
}
"""The variable of each secret."""


def variables_set(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables that are set; the vault is used if there is one."""
    return tuple(name for name in VARIABLES.values() if environ.get(name, "").strip())


class EnvVault:
    """The secrets of the environment; renewed ones are kept in memory until the process ends."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {secret: environ.get(name, "").strip() for secret, name in VARIABLES.items()}
        self._secrets = {secret: value for secret, value in values.items() if value}
        if token := self._secrets.get(Secret.ACCESS_TOKEN):
            # The token cache's format; the expiry of this token is unknown.
            self._secrets[Secret.ACCESS_TOKEN] = json.dumps({"token": token, "expires_at": None})

    @property
    def kind(self) -> str:
        """`environment`."""
        return "environment"

    @property
    def backend(self) -> str | None:
        """None: there is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """Return the secret, or None if its variable is not set."""
        return self._secrets.get(secret)

    def write(self, secret: Secret, value: str) -> None:
        """Keep a renewed secret in memory; the environment is not changed."""
        self._secrets[secret] = value

    def forget(self) -> None:
        """Drop all secrets from memory; the variables stay set."""
        self._secrets.clear()
