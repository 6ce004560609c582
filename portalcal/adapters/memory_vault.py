"""A vault that lasts as long as the process: for tests and for `demo`."""

from __future__ import annotations

from portalcal.ports import Secret


class MemoryVault:
    """Secrets in a dictionary; `repr` shows none of them."""

    def __init__(self) -> None:
        self._secrets: dict[Secret, str] = {}

    @property
    def kind(self) -> str:
        """`memory`."""
        return "memory"

    @property
    def backend(self) -> str | None:
        """There is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """The secret, or None."""
        return self._secrets.get(secret)

    def write(self, secret: Secret, value: str) -> None:
        """Keep the secret."""
        self._secrets[secret] = value

    def forget(self) -> None:
        """Drop every secret."""
        self._secrets.clear()
