"""A vault over the operating system's keyring, through the library `keyring`.

Backends may hang, raise their libraries' errors, store plain text or store nothing; each of these becomes a
VaultUnavailable with a reason and a remedy. No message contains a secret, and a backend's own message is not shown once a
secret was passed to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import entry_points
from typing import NamedTuple, TypeVar

import keyring.backend
import keyring.core
import keyring.errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from portalcal.adapters.vault import keyring_messages as messages
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret
from portalcal.run_all import run_all

# keyring logs plugins that do not load; without a handler Python would print that to stderr.
logging.getLogger("keyring").addHandler(logging.NullHandler())


_USERNAME = "portalcal"
"""The same for every service: WinVaultKeyring moves an entry when a second user is added to its service."""

_T = TypeVar("_T")


class _Raised(NamedTuple):
    """An exception of a backend, which may be a TimeoutError too."""

    error: Exception


class KeyringVault:
    """The secrets of one workspace, the refresh token and the access token as separate entries.

    They are separate because Windows limits an entry to 1,280 characters (CREDENTIAL_MAX_BLOB is 2,560 bytes of UTF-16).
    `backend` is the dotted name of the backend they were stored with, which saves a search of some 100 ms. `timeout`: the
    seconds one call may take, since a stopped daemon never answers. `may_load`: whether the module of a backend named in a
    file may be imported; by default, if it is keyring's or an installed plugin's.
    """

    def __init__(
        self,
        workspace: str,
        *,
        backend: str | None = None,
        timeout: float = 5.0,
        may_load: Callable[[str], bool] | None = None,
    ) -> None:
        service = f"portalcal:{workspace}"
        self._services = {Secret.REFRESH_TOKEN: service, Secret.ACCESS_TOKEN: f"{service}:access"}
        self._remembered = backend
        self._may_load = may_load or _is_offered
        self._timeout = timeout
        self._loaded: KeyringBackend | None = None
        self._has_timed_out = False

    @property
    def kind(self) -> str:
        """`keyring`."""
        return "keyring"

    @property
    def backend(self) -> str:
        """The dotted name of the backend in use. Raises: VaultUnavailable."""
        return messages.dotted(self._call(lambda backend: backend))

    def read(self, secret: Secret) -> str | None:
        """Return the secret, or None if there is none. Raises: VaultUnavailable."""
        service = self._services[secret]
        return self._call(lambda backend: backend.get_password(service, _USERNAME))

    def write(self, secret: Secret, value: str) -> None:
        """Store the secret and read it back: some backends, such as `null`, report success and store nothing.

        Raises:
            VaultUnavailable: it was not stored, possibly because it is too long.
        """
        service = self._services[secret]

        def store_and_read(backend: KeyringBackend) -> str | None:
            backend.set_password(service, _USERNAME, value)
            return backend.get_password(service, _USERNAME)

        if self._call(store_and_read, length=len(value)) != value:
            raise messages.not_stored(self._loaded)

    def forget(self) -> None:
        """Remove every secret of the workspace. Raises: VaultUnavailable, if one is still there."""
        for service in self._services.values():
            if self._call(partial(_removed, service)) is not None:
                raise messages.not_removed(self._loaded)

    def _call(self, operation: Callable[[KeyringBackend], _T], *, length: int = 0) -> _T:
        """Run an operation on the backend within the timeout. `length`: that of the secret it stores, if any.

        The operation runs on its own thread, since backends have no timeouts. After one timeout the backend is not called
        again: every call would wait as long.
        """
        if self._has_timed_out:
            raise messages.timed_out(self._loaded, self._timeout)

        def attempt() -> _T | _Raised:
            # Backends raise their libraries' errors: pywintypes.error, DBusErrorResponse, LockedException.
            try:
                return operation(self._backend())
            except Exception as error:  # noqa: BLE001
                return _Raised(error)

        try:
            (result,) = run_all([attempt], limit=1, deadline=self._timeout, name="keyring")
        except TimeoutError:
            self._has_timed_out = True
            raise messages.timed_out(self._loaded, self._timeout) from None
        if isinstance(result, _Raised):
            raise messages.of_backend_error(result.error, self._loaded, length=length)
        return result

    def _backend(self) -> KeyringBackend:
        if self._loaded is None:
            known = self._remembered if self._remembered and self._may_load(self._remembered) else None
            self._loaded = _remembered(known) or _named_by_operator() or _best_of_this_machine()
        return self._loaded


def _removed(service: str, backend: KeyringBackend) -> str | None:
    """Remove an entry and return what is left of it. The Secret Service removes one of several items at a time."""
    left = backend.get_password(service, _USERNAME)
    for _ in range(3):
        if left is None:
            return None
        # Raised if there is no entry, too; the read that follows decides.
        with suppress(keyring.errors.PasswordDeleteError):
            backend.delete_password(service, _USERNAME)
        left = backend.get_password(service, _USERNAME)
    return left


def _remembered(name: str | None) -> KeyringBackend | None:
    """Load the backend of that name; None if it is no longer available, so that another one is searched for."""
    if name is None:
        return None
    try:
        return _accepted(keyring.core.load_keyring(name))
    except VaultUnavailable:
        raise
    # The module was removed or its service does not run: RuntimeError, ImportError, AttributeError, D-Bus errors.
    except Exception:  # noqa: BLE001
        return None


def _is_offered(name: str) -> bool:
    """Whether a backend is keyring's or an installed plugin's: importing any other name would run an arbitrary module."""
    module = name.rpartition(".")[0]
    if module.startswith("keyring.backends."):
        return True
    plugins = (point.value.partition(":")[0] for point in entry_points(group="keyring.backends"))
    return any(module == plugin or module.startswith(f"{plugin}.") for plugin in plugins)


def _named_by_operator() -> KeyringBackend | None:
    """Load the backend that PYTHON_KEYRING_BACKEND or keyringrc.cfg names, unless it is known not to keep secrets."""
    sources = {
        "PYTHON_KEYRING_BACKEND": keyring.core.load_env,
        "keyringrc.cfg": keyring.core.load_config,
    }
    for source, load in sources.items():
        try:
            backend = load()
        except Exception as error:  # importing a module may raise anything
            raise messages.not_loadable(source, error) from error
        if backend is not None:
            return _accepted(backend)
    return None


def _best_of_this_machine() -> KeyringBackend:
    """Return the operating system's keyring with the highest priority.

    The chainer ranks above them but is not used: loading it searches all backends, and it may read from another backend
    than it wrote to.
    """
    backends = keyring.backend.get_all_keyring()
    usable = [backend for backend in backends if messages.is_of_an_operating_system(backend)]
    if usable:
        return max(usable, key=keyring.backend.by_priority)
    raise messages.none_found(backends, why=_why_no_secret_service())


def _why_no_secret_service() -> Exception | None:
    try:
        keyring.core.load_keyring("keyring.backends.SecretService.Keyring")
    except Exception as error:  # noqa: BLE001 - a RuntimeError with the reason, or what D-Bus raises
        return error
    return None


def _accepted(backend: KeyringBackend) -> KeyringBackend:
    members = backend.backends if isinstance(backend, ChainerBackend) else [backend]
    for member in members:
        refusal = messages.refusal(member)
        if refusal is not None:
            raise refusal
    return backend
