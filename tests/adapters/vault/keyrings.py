"""Backends for the keyring package, each with one fault of real ones. Loaded by their dotted names."""

# ruff: noqa: ARG002 - backends take what the interface gives them

from __future__ import annotations

import threading
from typing import ClassVar

import keyring.errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.core import load_keyring


class InMemory(KeyringBackend):
    """Works. All instances share their entries until `clear`, as with a real keyring."""

    priority: ClassVar[float] = 0.1
    kept: ClassVar[dict[tuple[str, str], str]] = {}

    @classmethod
    def clear(cls) -> None:
        """Drop all entries."""
        cls.kept.clear()

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("No such password!")
        del self.kept[service, username]


class Frozen(InMemory):
    """Hangs until its gate is opened, which happens after the test."""

    gate: ClassVar[threading.Event] = threading.Event()
    asked: ClassVar[list[str]] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(service)
        self.gate.wait()
        return None


class Locked(InMemory):
    """Is locked, and nobody is there to enter its password."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("Failed to unlock the collection!")


class PromptDismissedException(Exception):
    """Named like SecretStorage's error for a dismissed prompt."""


class NeverMade(InMemory):
    """Has no collection yet."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.InitError("Failed to create the collection") from PromptDismissedException()


class Gone(InMemory):
    """Its daemon ended after the backend was loaded."""

    def get_password(self, service: str, username: str) -> str | None:
        raise ConnectionResetError


class Forgetful(InMemory):
    """Reports success and stores nothing, as `null` does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return


class Windows(InMemory):
    """Stores up to 1,280 characters; its error for more quotes the secret."""

    class error(Exception):  # noqa: N801 - pywintypes has it so
        pass

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > 1280:
            raise self.error(1783, "CredWrite", f"The stub received bad data: {password}")
        super().set_password(service, username, password)


class Sticky(InMemory):
    """Removes nothing, with the error for a missing entry."""

    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.PasswordDeleteError("No such password!")


class Doubled(InMemory):
    """Has an older entry of the same name behind the newer one, as the Secret Service may."""

    def delete_password(self, service: str, username: str) -> None:
        if self.kept[service, username] == "older":
            super().delete_password(service, username)
        else:
            self.kept[service, username] = "older"


class PlaintextKeyring(InMemory):
    """Named like the plain-text file of keyrings.alt."""


class MyPlaintext(PlaintextKeyring):
    """A subclass of it with another name."""


class Chain(ChainerBackend):
    """A chainer of one that works and one that stores plain text."""

    backends: ClassVar[tuple[KeyringBackend, ...]] = tuple(
        load_keyring(f"{__name__}.{name}") for name in ("InMemory", "PlaintextKeyring")
    )


class SoundChain(ChainerBackend):
    """A chainer of one that works."""

    backends: ClassVar[tuple[KeyringBackend, ...]] = Chain.backends[:1]


class _NotHere:
    """A `priority` that raises, as those of keyring's backends do on a machine that lacks their service."""

    def __get__(self, instance: object, owner: type) -> float:
        raise RuntimeError("Requires a machine of another kind")


class Unviable(InMemory):
    """Cannot run here."""

    priority = _NotHere()
