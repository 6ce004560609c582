"""A vault in memory, for tests and for `demo`; that of the environment is one too."""

from __future__ import annotations

from collections.abc import Mapping

from portalcal.ports import Secret


class MemoryVault:
    """Secrets in a dict; `repr` shows none of them."""

    def __init__(self, secrets: Mapping[Secret, str] | None = None) -> None:
        self._secrets = dict(secrets or {})

    @property
    def kind(self) -> str:
        """`memory`."""
        return "memory"

    @property
    def backend(self) -> str | None:
        """None: there is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """Return the secret, or None."""
        return self._secrets.get(secret)

    def write(self, secret: Secret, value: str) -> None:
        """Keep the secret."""
        self._secrets[secret] = value

    def forget(self) -> None:
        """Drop every secret."""
        self._secrets.clear()
