"""A vault in files encrypted under a passphrase, for machines without a keyring.

Each secret has its own file, replaced atomically, so that two processes that renew at the same time never mix their
writes. The key is derived with scrypt (RFC 7914) and the secret encrypted with AES-256-GCM, both from `cryptography`. The
file's header, its workspace and the kind of secret are associated data: none of them can be changed, and no file can
replace another. Neither the passphrase nor the key is ever written; a process derives the key once and keeps it in memory.
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

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from portalcal.adapters.files import EMPTIED, read_ordinary, remove_private, write_private
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

VERSION = 2


class Cost(NamedTuple):
    """scrypt's cost: `n` blocks of 128 `r` bytes of memory, `p` passes (RFC 7914 section 2)."""

    n: int = 2**16
    r: int = 8
    p: int = 1


_COST = Cost()
"""64 MiB and 0.15 s on a core of 2024 for each key, and so for each guess of a passphrase: a command stays under a second
on a core four times slower, and fits into a small container. 2**17 takes 0.30 s, 2**15 0.07 s (measured). The file
records its cost, so that a later version may raise it."""

_MAX_MEMORY, _MAX_PASSES = 2**28, 16
"""The highest cost a file may demand, in bytes and passes: a forged one must not exhaust the machine's memory."""

_MIN_COST = Cost(2**14, 8, 1)
"""The lowest cost a file may have, unless we write a lower one: a cheaper file was forged so that its passphrase can be
guessed."""

_KEY, _PROOF, _NONCE = 32, 16, 12

_MAX_FILE_SIZE = 1 << 20


class _Key(NamedTuple):
    """scrypt's output: a key and a verifier, of which neither reveals the other."""

    seal: AESGCM
    proof: bytes  # stored in the file, to tell a wrong passphrase from a changed file


class FileVault:
    """The secrets of one workspace as files in its `folder`, 0600.

    `cost` is the scrypt cost of new files; an existing file with a higher cost keeps it. `is_renewed`: present files are
    not read, they are sealed anew when their secret is written. `passphrase` is called once, at
    the first need; its argument says whether the passphrase is a new one, because there is no file yet.
    """

    def __init__(
        self,
        folder: Path,
        passphrase: Callable[[bool], str],
        *,
        cost: Cost = _COST,
        is_renewed: bool = False,
    ) -> None:
        self._folder = folder
        self._ask = passphrase
        self._cost = cost
        self._former = set(Secret) if is_renewed else set[Secret]()
        """Secrets whose file is under a former passphrase: they count as absent until they are written."""
        self._passphrase: str | None = None
        self._keys: dict[tuple[bytes, Cost], _Key] = {}

    @property
    def kind(self) -> str:
        """`file`."""
        return "file"

    @property
    def backend(self) -> str | None:
        """None: there is no backend."""
        return None

    def read(self, secret: Secret) -> str | None:
        """Return the secret, or None if there is none.

        The passphrase is needed without a file too: `connect` reads before it opens the consent page, and has to know by
        then whether it will be able to store the grant.

        Raises:
            VaultUnavailable: the passphrase is wrong, or the file is damaged or cannot be read.
            VaultUnavailable: there is no passphrase, and no terminal to ask for it.
        """
        path = self._path(secret)
        if secret in self._former:
            self._known_passphrase()
            return None
        try:
            written = read_ordinary(path, most=_MAX_FILE_SIZE)
        except FileNotFoundError:
            self._known_passphrase()
            return None
        except OSError as error:
            raise _unusable(path, f"it cannot be read ({_reason(error)})", f"make {path} readable") from None
        if written == EMPTIED:
            self._known_passphrase()
            return None
        sealed = _parsed(written, least=min(_MIN_COST, self._cost))
        if sealed is None:
            raise _damaged(path)
        key = self._key(sealed.salt, sealed.cost)
        if not hmac.compare_digest(key.proof, sealed.proof):
            raise _closed(path)
        try:
            return key.seal.decrypt(
                sealed.nonce, sealed.token, self._associated_data(secret, sealed)
            ).decode()
        except InvalidTag:
            # The passphrase is right: the file was changed, or belongs to another workspace or secret.
            raise _tampered(path) from None

    def write(self, secret: Secret, value: str) -> None:
        """Store the secret and read it back.

        Raises:
            VaultUnavailable: the file cannot be written; the earlier file is unchanged.
            VaultUnavailable: there is no passphrase, and no terminal to ask for it.
        """
        # A derived key is reused for the second secret, unless its cost is too low.
        derived = (parameters for parameters in self._keys if _is_enough(parameters[1], self._cost))
        salt, cost = next(derived, None) or (os.urandom(16), self._cost)
        key = self._key(salt, cost)
        sealed = _Sealed(salt, cost, key.proof, os.urandom(_NONCE), b"")
        token = key.seal.encrypt(sealed.nonce, value.encode(), self._associated_data(secret, sealed))
        path = self._path(secret)
        try:
            write_private(path, _serialized(sealed._replace(token=token)))
        except OSError as error:
            raise _unusable(
                path, f"it cannot be written ({_reason(error)})", f"make {path.parent} writable"
            ) from None
        self._former.discard(secret)
        if self.read(secret) != value:
            raise _damaged(path)

    def forget(self) -> None:
        """Remove every secret of the workspace, without a passphrase. Raises: VaultUnavailable, if one is still there."""
        failure: VaultUnavailable | None = None
        for secret in Secret:
            path = self._path(secret)
            try:
                remove_private(path)
            except OSError as error:
                # The other secrets are removed all the same.
                failure = _unusable(
                    path, f"it cannot be removed ({_reason(error)})", f"remove {path} by hand"
                )
        if failure is not None:
            raise failure

    def _path(self, secret: Secret) -> Path:
        return self._folder / f"{secret.value}.vault"

    def _associated_data(self, secret: Secret, sealed: _Sealed) -> bytes:
        """Return what is authenticated with a secret: its workspace, its kind and the file's header."""
        return json.dumps([self._folder.name, secret.value, _header(sealed)], sort_keys=True).encode()

    def _key(self, salt: bytes, cost: Cost) -> _Key:
        if (salt, cost) not in self._keys:
            passphrase = self._known_passphrase().encode()
            output = Scrypt(salt=salt, length=_KEY + _PROOF, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
            self._keys[salt, cost] = _Key(AESGCM(output[:_KEY]), output[_KEY:])
        return self._keys[salt, cost]

    def _known_passphrase(self) -> str:
        if self._passphrase is None:
            present = (self._path(secret).exists() for secret in Secret if secret not in self._former)
            self._passphrase = self._ask(not any(present))
        return self._passphrase


class _Sealed(NamedTuple):
    salt: bytes
    cost: Cost
    proof: bytes
    nonce: bytes
    token: bytes


def _header(sealed: _Sealed) -> dict[str, object]:
    return {
        "portalcal-vault": VERSION,
        "kdf": "scrypt",
        **sealed.cost._asdict(),
        "salt": base64.b64encode(sealed.salt).decode(),
        "proof": base64.b64encode(sealed.proof).decode(),
    }


def _serialized(sealed: _Sealed) -> bytes:
    """Return the file, format version 2: one JSON object, with a digest that tells damage from a wrong passphrase."""
    document = _header(sealed) | {
        "nonce": base64.b64encode(sealed.nonce).decode(),
        "aes-256-gcm": base64.b64encode(sealed.token).decode(),
    }
    return json.dumps(document | {"sha256": _digest(document)}).encode() + b"\n"


def _digest(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _parsed(written: bytes, *, least: Cost) -> _Sealed | None:
    """Parse a file; None if it is damaged, of another version, or its cost is out of bounds."""
    try:
        document = json.loads(written)
        digest = document.pop("sha256")
        if not hmac.compare_digest(digest.encode(), _digest(document).encode()):
            return None
        cost = Cost(*(int(document[name]) for name in Cost._fields))
        is_known = document["portalcal-vault"] == VERSION and document["kdf"] == "scrypt"
        texts = ("proof", "nonce", "aes-256-gcm")
        proof, nonce, token = (base64.b64decode(document[name], validate=True) for name in texts)
        salt = base64.b64decode(document["salt"], validate=True)
    # Not JSON, another shape, another type in a field. RecursionError: deeply nested brackets.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    is_valid = cost.n >= 2 and cost.n & (cost.n - 1) == 0 and min(cost) >= 1
    is_bounded = 128 * cost.n * cost.r <= _MAX_MEMORY and cost.p <= _MAX_PASSES
    is_whole = len(nonce) == _NONCE and len(proof) == _PROOF
    is_sound = is_known and is_valid and is_bounded and is_whole and _is_enough(cost, least)
    return _Sealed(salt, cost, proof, nonce, token) if is_sound else None


def _is_enough(cost: Cost, least: Cost) -> bool:
    return cost.n * cost.r >= least.n * least.r and cost.n * cost.r * cost.p >= least.n * least.r * least.p


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _unusable(path: Path, reason: str, remedy: str) -> VaultUnavailable:
    return _unavailable(path, reason, f"{remedy}, then run the same command again")


def _closed(path: Path) -> VaultUnavailable:
    return _unavailable(
        path,
        "the passphrase does not open it",
        "give the passphrase it was made with in PORTALCAL_VAULT_PASSPHRASE; if that is lost, choose another with "
        "`portalcal connect --vault file --new-passphrase`",
    )


def _tampered(path: Path) -> VaultUnavailable:
    reason = "the passphrase is right, but it was changed, or belongs to another workspace or secret"
    return _unavailable(path, reason, _restore(path))


def _damaged(path: Path) -> VaultUnavailable:
    return _unavailable(path, "it is damaged, or a later portalcal wrote it", _restore(path))


def _restore(path: Path) -> str:
    return (
        f"restore it from a backup, or remove {path.parent}/*.vault and run `portalcal connect --vault file`"
    )


def _unavailable(path: Path, reason: str, remedy: str) -> VaultUnavailable:
    return VaultUnavailable(reason, remedy, str(path), vault="file")
