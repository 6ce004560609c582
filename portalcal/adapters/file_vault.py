"""Secrets in files of our own, each sealed under a passphrase: for machines without a keyring.

A file for each secret, so that two processes that renew at the same time replace each other's file and never half of
it. scrypt (RFC 7914) makes the key of the passphrase, Fernet seals: AES-128-CBC with an HMAC, from `cryptography`.
Nothing that could open a file is ever written: a process derives the key once, and forgets it when it ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from portalcal.adapters.private_files import write_private
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

VERSION = 1


class Cost(NamedTuple):
    """What deriving a key costs: `n` blocks of 128 `r` bytes in memory, `p` times over (RFC 7914 section 2)."""

    n: int = 2**16
    r: int = 8
    p: int = 1


_COST = Cost()
"""64 MiB and 0.15 s on a core of 2024, so that a command stays under a second on one four times slower and fits into a
small container; whoever guesses passphrases pays as much for each guess. 2**17 takes 0.30 s, 2**15 0.07 s (measured).
The file names its own cost, so that a later version may raise it."""

_BOUNDS = Cost(2**20, 16, 8)
"""What a file may ask for: a forged one must not take a machine's memory."""


class FileVault:
    """The secrets of one workspace as files in `folder`, 0600.

    `passphrase` is called once, when it is first needed, with whether it is a new one, since there is no file yet.
    """

    def __init__(self, folder: Path, passphrase: Callable[[bool], str], *, cost: Cost = _COST) -> None:
        self._folder = folder
        self._ask = passphrase
        self._cost = cost
        self._passphrase: str | None = None
        self._keys: dict[tuple[bytes, Cost], Fernet] = {}

    @property
    def kind(self) -> str:
        """`file`."""
        return "file"

    @property
    def backend(self) -> str | None:
        """There is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """The secret, or None when there is none.

        Without a file, too, the passphrase is asked for: `connect` reads before it sends a person to a consent page,
        and must learn by then whether it can keep what comes of that.

        Raises:
            VaultUnavailable: the passphrase is another, or the file is damaged or cannot be read.
            Usage: there is no passphrase, and nobody can be asked for it.
        """
        path = self._path(secret)
        try:
            written = path.read_bytes()
        except FileNotFoundError:
            self._known_passphrase()
            return None
        except OSError as error:
            raise _unusable(path, f"it cannot be read ({_said(error)})", f"make {path} readable") from None
        sealed = _parsed(written)
        if sealed is None:
            raise _damaged(path)
        try:
            opened = self._key(sealed.salt, sealed.cost).decrypt(sealed.token).decode()
        except InvalidToken:
            raise _closed(path) from None
        name, _, value = opened.partition("\n")
        if name != secret.value:
            # The file of one secret in the place of another, as a careless restore leaves it.
            raise _damaged(path)
        return value

    def write(self, secret: Secret, value: str) -> None:
        """Keep the secret and read it back.

        Raises:
            VaultUnavailable: the file cannot be written; what was there is still there.
            Usage: there is no passphrase, and nobody can be asked for it.
        """
        # One salt a process: the second secret then costs no second derivation.
        salt, cost = next(iter(self._keys), (os.urandom(16), self._cost))
        token = self._key(salt, cost).encrypt(f"{secret.value}\n{value}".encode())
        path = self._path(secret)
        try:
            write_private(path, _written(_Sealed(salt, cost, token)))
        except OSError as error:
            raise _unusable(
                path, f"it cannot be written ({_said(error)})", f"make {path.parent} writable"
            ) from None
        if self.read(secret) != value:
            raise _damaged(path)

    def forget(self) -> None:
        """Remove every secret of the workspace; needs no passphrase. Raises: VaultUnavailable, when one is still there."""
        for secret in Secret:
            path = self._path(secret)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _unusable(
                    path, f"it cannot be removed ({_said(error)})", f"remove {path} by hand"
                ) from None

    def _path(self, secret: Secret) -> Path:
        return self._folder / f"{secret.value}.vault"

    def _key(self, salt: bytes, cost: Cost) -> Fernet:
        if (salt, cost) not in self._keys:
            passphrase = self._known_passphrase().encode()
            derived = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
            self._keys[salt, cost] = Fernet(base64.urlsafe_b64encode(derived))
        return self._keys[salt, cost]

    def _known_passphrase(self) -> str:
        if self._passphrase is None:
            self._passphrase = self._ask(not any(self._path(each).exists() for each in Secret))
        return self._passphrase


class _Sealed(NamedTuple):
    salt: bytes
    cost: Cost
    token: bytes


def _written(sealed: _Sealed) -> bytes:
    """The format, version 1: one JSON object. Its digest tells a damaged file from a wrong passphrase."""
    document = {
        "portalcal-vault": VERSION,
        "kdf": "scrypt",
        **sealed.cost._asdict(),
        "salt": base64.b64encode(sealed.salt).decode(),
        "fernet": sealed.token.decode(),
    }
    return json.dumps(document | {"sha256": _digest(document)}).encode() + b"\n"


def _digest(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _parsed(written: bytes) -> _Sealed | None:
    """What the file holds; None when it is not, whole and unchanged, what was written."""
    try:
        document = json.loads(written)
        digest = document.pop("sha256")
        if not hmac.compare_digest(digest.encode(), _digest(document).encode()):
            return None
        cost = Cost(*(int(document[name]) for name in Cost._fields))
        is_known = document["portalcal-vault"] == VERSION and document["kdf"] == "scrypt"
        salt, token = base64.b64decode(document["salt"], validate=True), document["fernet"].encode()
    # No JSON, another shape, another type in a field. RecursionError: brackets by the thousand.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    is_payable = cost.n >= 2 and cost.n & (cost.n - 1) == 0 and min(cost) >= 1
    is_bounded = all(mine <= most for mine, most in zip(cost, _BOUNDS, strict=True))
    return _Sealed(salt, cost, token) if is_known and is_payable and is_bounded else None


def _said(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _unusable(path: Path, reason: str, remedy: str) -> VaultUnavailable:
    return VaultUnavailable(reason, f"{remedy}, then run the same command again", str(path), vault="file")


def _closed(path: Path) -> VaultUnavailable:
    return VaultUnavailable(
        "the passphrase does not open it",
        "give the passphrase it was made with in PORTALCAL_VAULT_PASSPHRASE; if that is lost, remove "
        f"{path.parent}/*.vault and run `portalcal connect --vault file`",
        str(path),
        vault="file",
    )


def _damaged(path: Path) -> VaultUnavailable:
    return VaultUnavailable(
        "it is damaged, or a later portalcal wrote it",
        f"restore it from a backup, or remove {path.parent}/*.vault and run `portalcal connect --vault file`",
        str(path),
        vault="file",
    )
