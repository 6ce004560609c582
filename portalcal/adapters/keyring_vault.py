"""Secrets in the keyring of the operating system, and only there.

Backends hang, leak errors of their own, keep plain text or forget; each of that ends here as a VaultUnavailable that
says what is wrong and what helps. No text of this module ever holds a secret, nor does a message of a backend reach it
once a secret went in.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TypeVar

import keyring.backend
import keyring.core
import keyring.errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from portalcal.adapters import keyring_words as words
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

# keyring tells about plugins that do not load; without a handler Python would print that on our stderr.
logging.getLogger("keyring").addHandler(logging.NullHandler())

_USERNAME = "portalcal"
"""One user a service: Windows moves an entry to another place when a second user comes (WinVaultKeyring)."""

_T = TypeVar("_T")


class KeyringVault:
    """The secrets of one workspace: the refresh token, and apart from it the access token.

    They are two entries because Windows takes 1,280 characters in one (CREDENTIAL_MAX_BLOB is 2,560 bytes of UTF-16).
    `backend` is the dotted name of the backend they were stored with, which spares a search of some 100 ms. `timeout`
    is how many seconds one call may take: a daemon that was stopped answers never.
    """

    def __init__(self, workspace: str, *, backend: str | None = None, timeout: float = 5.0) -> None:
        service = f"portalcal:{workspace}"
        self._services = {Secret.REFRESH_TOKEN: service, Secret.ACCESS_TOKEN: f"{service}:access"}
        self._remembered = backend
        self._timeout = timeout
        self._loaded: KeyringBackend | None = None
        self._is_silent = False

    @property
    def kind(self) -> str:
        """`keyring`."""
        return "keyring"

    @property
    def backend(self) -> str:
        """The dotted name of the backend in use. Raises: VaultUnavailable."""
        return words.dotted(self._ask(lambda backend: backend))

    def read(self, secret: Secret) -> str | None:
        """The secret, or None when there is none. Raises: VaultUnavailable."""
        service = self._services[secret]
        return self._ask(lambda backend: backend.get_password(service, _USERNAME))

    def write(self, secret: Secret, value: str) -> None:
        """Keep the secret and read it back; the `null` backend takes one without a word and forgets it.

        Raises:
            VaultUnavailable: it is not kept, among other reasons because it is too long.
        """
        service = self._services[secret]

        def keep(backend: KeyringBackend) -> str | None:
            backend.set_password(service, _USERNAME, value)
            return backend.get_password(service, _USERNAME)

        if self._ask(keep, length=len(value)) != value:
            raise words.forgetful(self._loaded)

    def forget(self) -> None:
        """Remove every secret of the workspace. Raises: VaultUnavailable, when one is still there."""
        for service in self._services.values():
            if self._ask(partial(_removed, service)) is not None:
                raise words.stubborn(self._loaded)

    def _ask(self, question: Callable[[KeyringBackend], _T], *, length: int = 0) -> _T:
        """What the backend answers within the time limit. `length` is that of a secret that goes in.

        A thread of its own asks, since no backend has a time limit; being a daemon, it does not keep the process from
        ending. One that did not answer is not asked again: each call would wait as long.
        """
        if self._is_silent:
            raise words.silent(self._loaded, self._timeout)
        answer: Future[_T] = Future()

        def ask() -> None:
            try:
                answer.set_result(question(self._backend()))
            # Backends raise what their libraries raise: pywintypes.error, DBusErrorResponse, LockedException.
            except Exception as error:  # noqa: BLE001
                answer.set_exception(error)

        threading.Thread(target=ask, name="keyring", daemon=True).start()
        try:
            error = answer.exception(self._timeout)
        except TimeoutError:
            self._is_silent = True
            raise words.silent(self._loaded, self._timeout) from None
        if error is None:
            return answer.result()
        raise words.said_by(error, self._loaded, length=length)

    def _backend(self) -> KeyringBackend:
        if self._loaded is None:
            self._loaded = _remembered(self._remembered) or _named_by_operator() or _best_of_this_machine()
        return self._loaded


def _removed(service: str, backend: KeyringBackend) -> str | None:
    """What is left of an entry after removing it. The Secret Service removes one of several at a time."""
    left = backend.get_password(service, _USERNAME)
    for _ in range(3):
        if left is None:
            return None
        # It says so too when there is nothing; whether there is, is read next.
        with suppress(keyring.errors.PasswordDeleteError):
            backend.delete_password(service, _USERNAME)
        left = backend.get_password(service, _USERNAME)
    return left


def _remembered(name: str | None) -> KeyringBackend | None:
    """The backend of that name, or None where it is no longer to be had: then whatever the machine has is looked for."""
    if name is None:
        return None
    try:
        return _accepted(keyring.core.load_keyring(name))
    except VaultUnavailable:
        raise
    # A module that is gone, a service that does not run: RuntimeError, ImportError, AttributeError, D-Bus errors.
    except Exception:  # noqa: BLE001
        return None


def _named_by_operator() -> KeyringBackend | None:
    """The backend that PYTHON_KEYRING_BACKEND or keyringrc.cfg names: taken, unless it is known to keep no secret."""
    sources = {
        "PYTHON_KEYRING_BACKEND": keyring.core.load_env,
        "keyringrc.cfg": keyring.core.load_config,
    }
    for source, load in sources.items():
        try:
            found = load()
        except Exception as error:  # whatever importing a module can raise
            raise words.not_loadable(source, error) from error
        if found is not None:
            return _accepted(found)
    return None


def _best_of_this_machine() -> KeyringBackend:
    """The operating system's keyring.

    Not the chainer, though it ranks above: to load it is to search, and what it writes to one it may read from another.
    """
    usable = [each for each in keyring.backend.get_all_keyring() if words.is_of_an_operating_system(each)]
    if usable:
        return max(usable, key=keyring.backend.by_priority)
    raise words.none_found(keyring.backend.get_all_keyring(), why=_why_no_secret_service())


def _why_no_secret_service() -> Exception | None:
    try:
        keyring.core.load_keyring("keyring.backends.SecretService.Keyring")
    except Exception as error:  # noqa: BLE001 - a RuntimeError with the reason, or what D-Bus raises
        return error
    return None


def _accepted(backend: KeyringBackend) -> KeyringBackend:
    members = backend.backends if isinstance(backend, ChainerBackend) else [backend]
    for each in members:
        refusal = words.refusal(each)
        if refusal is not None:
            raise refusal
    return backend
