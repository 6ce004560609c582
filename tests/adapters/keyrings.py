"""Backends for the keyring package, each with one habit that real ones have. Loaded by their dotted names."""

# ruff: noqa: ARG002 - backends take what the interface gives them

from __future__ import annotations

import threading
from typing import ClassVar

import keyring.errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.core import load_keyring


class InMemory(KeyringBackend):
    """Works. What it keeps lasts until `clear`, whoever made the instance, as with a real keyring."""

    priority: ClassVar[float] = 0.1
    kept: ClassVar[dict[tuple[str, str], str]] = {}

    @classmethod
    def clear(cls) -> None:
        """Begin anew."""
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
    """Answers when its gate is opened, which nobody does before the test is over."""

    gate: ClassVar[threading.Event] = threading.Event()
    asked: ClassVar[list[str]] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(service)
        self.gate.wait()
        return None


class Locked(InMemory):
    """Needs a password that nobody is there to give."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("Failed to unlock the collection!")


class PromptDismissedException(Exception):
    """By this name SecretStorage says that a window was closed."""


class NeverMade(InMemory):
    """Has no collection yet."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.InitError("Failed to create the collection") from PromptDismissedException()


class Gone(InMemory):
    """Its daemon went away after it was found."""

    def get_password(self, service: str, username: str) -> str | None:
        raise ConnectionResetError


class Forgetful(InMemory):
    """Takes a secret without a word, as `null` does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return


class Windows(InMemory):
    """Has room for 1,280 characters, and an error of its own for more, which quotes what it was given."""

    class error(Exception):  # noqa: N801 - pywintypes has it so
        pass

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > 1280:
            raise self.error(1783, "CredWrite", f"The stub received bad data: {password}")
        super().set_password(service, username, password)


class Sticky(InMemory):
    """Removes nothing, and says so as if there had been nothing."""

    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.PasswordDeleteError("No such password!")


class Doubled(InMemory):
    """Has an older entry under the same name, which shows once the newer is removed, as the Secret Service may."""

    def delete_password(self, service: str, username: str) -> None:
        if self.kept[service, username] == "older":
            super().delete_password(service, username)
        else:
            self.kept[service, username] = "older"


class PlaintextKeyring(InMemory):
    """What keyrings.alt calls its file."""


class MyPlaintext(PlaintextKeyring):
    """The same under another name."""


class Chain(ChainerBackend):
    """One that works, and behind it one that keeps plain text."""

    backends: ClassVar[tuple[KeyringBackend, ...]] = tuple(
        load_keyring(f"{__name__}.{name}") for name in ("InMemory", "PlaintextKeyring")
    )


class SoundChain(ChainerBackend):
    """One that works, by itself."""

    backends: ClassVar[tuple[KeyringBackend, ...]] = Chain.backends[:1]


class _NotHere:
    """What stands where a class of keyring has its priority, on a machine that it does not suit."""

    def __get__(self, instance: object, owner: type) -> float:
        raise RuntimeError("Requires a machine of another kind")


class Unviable(InMemory):
    """Cannot run here."""

    priority = _NotHere()
