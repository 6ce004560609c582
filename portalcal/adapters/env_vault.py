"""Secrets that the caller's environment brings along: PORTALCAL_REFRESH_TOKEN and PORTALCAL_ACCESS_TOKEN.

`connect` and `disconnect` refuse while either is set, so nothing here is ever to be stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from portalcal.ports import Secret

VARIABLES = {
    Secret.REFRESH_TOKEN: "PORTALCAL_REFRESH_TOKEN",
    Secret.ACCESS_TOKEN: "PORTALCAL_ACCESS_TOKEN",
}
"""Which variable brings which secret."""


def variables_set(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of those variables that bring a secret; the vault is of use when there is one."""
    return tuple(name for name in VARIABLES.values() if environ.get(name, "").strip())


class EnvVault:
    """The secrets of the environment, and for as long as the process runs what was renewed from them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        given = {secret: environ.get(name, "").strip() for secret, name in VARIABLES.items()}
        self._secrets = {secret: value for secret, value in given.items() if value}
        if token := self._secrets.get(Secret.ACCESS_TOKEN):
            # The form in which access tokens are kept; the age of this one is unknown.
            self._secrets[Secret.ACCESS_TOKEN] = json.dumps({"token": token, "expires_at": None})

    @property
    def kind(self) -> str:
        """`environment`."""
        return "environment"

    @property
    def backend(self) -> str | None:
        """There is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """The secret, or None when its variable is not set."""
        return self._secrets.get(secret)

    def write(self, secret: Secret, value: str) -> None:
        """Keep a renewed secret until the process ends; the environment is not ours to change."""
        self._secrets[secret] = value

    def forget(self) -> None:
        """Let go of what was renewed and what was given; the variables themselves stay."""
        self._secrets.clear()
