"""`config.toml` and `client_secret.json` that point a program to this simulator.

They are written into a folder that the user names, so only files that a simulator wrote are replaced.
"""

import hashlib
import json
import os
import re
import secrets
import tomllib
from pathlib import Path
from typing import Any

from portalcal.simulator.oauth.grants import Client

CONFIG, CLIENT = "config.toml", "client_secret.json"

_TEMPLATE = """\
# A simulated Google on this computer, for as long as it runs: nothing here reaches a real calendar.
# See what it holds at {url}/
timezone = "{timezone}"
# Bookings made here never lie beside real ones.
default_workspace = "{workspace}"

[google]
client_secrets = "client_secret.json"
api_root = "{url}/calendar/v3/"
revoke_uri = "{url}/revoke"
"""

_MORE = "# The people and rooms of this world. Whoever changes them keeps the file: "

_URL = r"https?://127\.0\.0\.1:[0-9]+"

_WRITTEN_BY_US = re.compile(
    re.escape(_TEMPLATE.strip())
    .replace(re.escape("{url}"), _URL)
    .replace(re.escape("{timezone}"), '[^"\\\\\n]*')
    .replace(re.escape("{workspace}"), '[^"\\\\\n]*')
)

_PROJECT = "-simulator"


def client_config(client: Client, url: str) -> dict[str, Any]:
    """Return the client JSON of a Desktop client, as the Cloud console offers it, with this simulator's endpoints."""
    return {
        "installed": {
            "client_id": client.id,
            "project_id": f"{client.name}{_PROJECT}",
            "auth_uri": f"{url}/o/oauth2/v2/auth",
            "token_uri": f"{url}/token",
            "auth_provider_x509_cert_url": f"{url}/oauth2/v1/certs",
            "client_secret": client.secret,
            "redirect_uris": ["http://localhost"],
        }
    }


def write_files(
    directory: Path,
    config: dict[str, Any],
    *,
    timezone: str,
    url: str,
    workspace: str = "default",
    more: str = "",
) -> Path:
    """Write `client_secret.json` and `config.toml` into a directory (created if missing); return the config's path.

    `more`: tables that are added to the config, under a checksum by which they are known as ours.

    A `config.toml` that the user has extended and that still points to this simulator is kept.

    Raises:
        FileExistsError: one of the files exists and no simulator wrote it (`filename`). Nothing is written.
        OSError: the directory cannot be created or written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, secret = directory / CONFIG, directory / CLIENT
    text = _TEMPLATE.format(timezone=timezone, url=url, workspace=workspace)
    if more:
        text += f"\n{_MORE}{_checksum(more)}\n{more}"
    is_kept = _leads_to(path, text) and not _is_our_config(path)
    for target, is_ours in ((path, is_kept or _is_our_config(path)), (secret, _is_our_client(secret))):
        if not is_ours and os.path.lexists(target):
            raise FileExistsError(17, "no simulator wrote it", str(target))
    _replace(secret, json.dumps(config, indent=2) + "\n")
    if not is_kept:
        _replace(path, text)
    return path


def _is_our_config(path: Path) -> bool:
    text, _, more = _text(path).partition(f"\n{_MORE}")
    checksum, _, tables = more.partition("\n")
    return _WRITTEN_BY_US.fullmatch(text.strip()) is not None and (not more or checksum == _checksum(tables))


def _checksum(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()


def _leads_to(path: Path, text: str) -> bool:
    """Whether an existing config has this simulator's `[google]` table."""
    try:
        return bool(tomllib.loads(_text(path)).get("google") == tomllib.loads(text)["google"])
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _is_our_client(path: Path) -> bool:
    try:
        installed = json.loads(_text(path))["installed"]
        project, address = str(installed["project_id"]), str(installed["token_uri"])
        return project.endswith(_PROJECT) and re.fullmatch(f"{_URL}/token", address) is not None
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def _text(path: Path) -> str:
    """Return at most 1 MiB of a regular file; an empty text for anything else, symbolic links included."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(1 << 20).decode("utf-8", "replace")


def _replace(path: Path, text: str) -> None:
    """Replace a file atomically, with mode 0600."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
