"""The passphrase of the vault file: from the environment, from a file that it names, or from a person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from portalcal.errors import Usage, VaultUnavailable
from portalcal.ports import View


def passphrase(environ: Mapping[str, str], view: View, is_new: bool) -> str:  # noqa: FBT001 - a callback
    """The passphrase of the vault file: from the environment, else prompted for; a new one twice.

    Raises:
        Usage: it is empty, or the two entries differ.
        VaultUnavailable: nobody can be asked, or the file that is to hold it cannot be read.
    """
    variable = "PORTALCAL_VAULT_PASSPHRASE"
    if given := environ.get(variable) or _in_file(environ, f"{variable}_FILE"):
        return given
    typed = view.ask_secret(
        f"{'New passphrase' if is_new else 'Passphrase'} of the vault file", variable=variable
    )
    if not typed:
        raise Usage("an empty passphrase protects nothing", f"type one, or set {variable}")
    if is_new and view.ask_secret("Once more", variable=variable) != typed:
        raise Usage("the two passphrases differ. Nothing was kept.", "run the same command again")
    return typed


def _in_file(environ: Mapping[str, str], variable: str) -> str | None:
    """The passphrase in the file that a variable names, without its line end; None if it is not set.

    Raises:
        VaultUnavailable: the file cannot be read, or holds no line of text.
    """
    path = environ.get(variable)
    if not path:
        return None
    try:
        text = Path(path).read_bytes().decode()
    except (OSError, UnicodeError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise VaultUnavailable(
            f"{variable} names {path}, which cannot be read: {why}",
            f"name a file with the passphrase in {variable}",
            vault="file",
        ) from None
    words = text.removesuffix("\n").removesuffix("\r")
    if not words or not words.isprintable():
        raise VaultUnavailable(
            f"{variable} names {path}, which does not hold one line of text",
            "put the passphrase into it, alone on one line",
            vault="file",
        )
    return words
