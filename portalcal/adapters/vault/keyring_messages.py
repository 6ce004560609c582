"""The errors of the keyring vault, each with a reason and a remedy. Nothing here calls a keyring."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from keyring.backend import KeyringBackend

from portalcal.errors import VaultUnavailable

_OF_OPERATING_SYSTEMS = {
    "keyring.backends.SecretService.Keyring": "Secret Service",
    "keyring.backends.libsecret.Keyring": "libsecret",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.kwallet.DBusKeyringKWallet4": "KWallet 4",
    "keyring.backends.macOS.Keyring": "macOS Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
}

_HEADLESS = (
    "on a machine without a desktop, keep secrets in a sealed file with `portalcal connect --vault file`, "
    "or give a token in PORTALCAL_REFRESH_TOKEN"
)

_CHOOSE_ANOTHER = (
    "name another backend in PYTHON_KEYRING_BACKEND or keyringrc.cfg, or none; `python -m keyring diagnose` "
    "tells what is chosen where"
)

_UNLOCK = "`security unlock-keychain`" if sys.platform == "darwin" else "`gnome-keyring-daemon --unlock`"


def dotted(backend: KeyringBackend) -> str:
    """Return the name by which keyring loads the backend."""
    return f"{type(backend).__module__}.{type(backend).__name__}"


def is_of_an_operating_system(backend: KeyringBackend) -> bool:
    """Whether a backend is an operating system's keyring, which is used without being named."""
    return dotted(backend) in _OF_OPERATING_SYSTEMS


def _shown(backend: KeyringBackend | None) -> str | None:
    return _OF_OPERATING_SYSTEMS.get(dotted(backend), dotted(backend)) if backend else None


def refusal(backend: KeyringBackend) -> VaultUnavailable | None:
    """Return why a backend is refused, even if the operator named it; None if it is accepted."""
    name = dotted(backend)
    if _keeps_plain_text(backend):
        return VaultUnavailable(
            "it keeps secrets as plain text, which portalcal does not do", _CHOOSE_ANOTHER, name
        )
    if name == "keyring.backends.null.Keyring":
        return VaultUnavailable("it takes secrets and forgets them", _CHOOSE_ANOTHER, name)
    if name == "keyring.backends.fail.Keyring":
        return VaultUnavailable("it is chosen to refuse every secret", _CHOOSE_ANOTHER, name)
    return None


def _keeps_plain_text(backend: KeyringBackend) -> bool:
    # keyrings.alt has file.PlaintextKeyring and pyfs.PlaintextKeyring.
    return any("plaintext" in base.__name__.lower() for base in type(backend).__mro__)


def not_loadable(source: str, error: Exception) -> VaultUnavailable:
    """The backend that the operator named cannot be loaded. `source`: where it is named."""
    return VaultUnavailable(
        f"the backend that {source} names cannot be loaded: {str(error) or type(error).__name__}",
        _CHOOSE_ANOTHER,
    )


def none_found(others: Iterable[KeyringBackend], *, why: Exception | None) -> VaultUnavailable:
    """There is no operating system's keyring. `why`: what the Secret Service backend raised; `others`: the backends here."""
    for other in others:
        if _keeps_plain_text(other):
            return VaultUnavailable(
                f"the only one here, {dotted(other)}, keeps secrets as plain text, which portalcal does not do",
                f"start a keyring service (Debian: the package gnome-keyring); {_HEADLESS}",
            )
    if "neither running nor activatable" in str(why):
        return VaultUnavailable(
            "no keyring service runs in this session",
            f"install and start one (Debian: the package gnome-keyring); {_HEADLESS}",
        )
    if isinstance(why, OSError) or "Unable to initialize" in str(why):
        return VaultUnavailable(
            "this session has no D-Bus, over which keyrings are reached; cron jobs, containers and `su` have none",
            f"run it in a login session, or under `dbus-run-session` with a keyring unlocked; {_HEADLESS}",
        )
    return VaultUnavailable("this machine has none that can be used", f"install one; {_HEADLESS}")


def timed_out(backend: KeyringBackend | None, seconds: float) -> VaultUnavailable:
    """The backend did not answer in time: its daemon is stopped, or a window asks for a password."""
    return VaultUnavailable(
        f"it did not answer within {seconds:g} s",
        "if a window asks for its password, set PORTALCAL_VAULT_TIMEOUT=60 and answer that; else restart the keyring "
        "service by logging in again",
        _shown(backend),
    )


def not_stored(backend: KeyringBackend | None) -> VaultUnavailable:
    """A write succeeded, but the secret does not read back as it was written."""
    return VaultUnavailable(
        "it took a secret and did not keep it as it was", _CHOOSE_ANOTHER, _shown(backend)
    )


def not_removed(backend: KeyringBackend | None) -> VaultUnavailable:
    """A removal succeeded, but the secret is still there."""
    return VaultUnavailable(
        "a secret is still there after it was removed",
        "remove the entries named portalcal with the keyring's own program",
        _shown(backend),
    )


def of_backend_error(
    error: BaseException, backend: KeyringBackend | None, *, length: int
) -> VaultUnavailable:
    """Translate an exception of a backend. `length`: that of the secret it was given, 0 if none.

    The exception's own text is never shown, since it may contain the secret. Its class is recognised by name, because the
    libraries behind the backends are not installed everywhere.
    """
    if isinstance(error, VaultUnavailable):
        return error
    names = {type(exception).__name__ for exception in (error, error.__cause__, error.__context__)}
    if "KeyringLocked" in names or "LockedException" in names:
        return _locked(backend)
    if "PromptDismissedException" in names:
        return _none_made(backend)
    if names & {"InitError", "SecretServiceNotAvailableException", "DBusErrorResponse"} or isinstance(
        error, OSError
    ):
        return VaultUnavailable(
            f"its service cannot be reached any more ({type(error).__name__})",
            "log in again, which starts it, then run the same command",
            _shown(backend),
        )
    if length:
        reason = f"it does not take a secret of {length} characters ({type(error).__name__})"
        return VaultUnavailable(reason, _CHOOSE_ANOTHER, _shown(backend))
    return VaultUnavailable(
        f"it reports an error ({type(error).__name__})",
        f"see what `python -m keyring diagnose` says; if it is locked, unlock it with {_UNLOCK}",
        _shown(backend),
    )


def _locked(backend: KeyringBackend | None) -> VaultUnavailable:
    return VaultUnavailable(
        "it is locked, and nobody could be asked for its password",
        f"unlock it by logging in on the desktop, or with {_UNLOCK}; {_HEADLESS}",
        _shown(backend),
    )


def _none_made(backend: KeyringBackend | None) -> VaultUnavailable:
    return VaultUnavailable(
        "no keyring was made yet, and nobody could be asked for the password of a new one",
        f"log in on the desktop once, or make one with {_UNLOCK}, which reads the password from its input; "
        f"{_HEADLESS}",
        _shown(backend),
    )
