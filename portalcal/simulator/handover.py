"""The two files a program needs to use this simulator in Google's place."""

import json
from pathlib import Path
from typing import Any

from portalcal.simulator.grants import Client


def client_config(client: Client, url: str) -> dict[str, Any]:
    """Return the JSON Google lets one download for a Desktop client, with this simulator's addresses."""
    return {
        "installed": {
            "client_id": client.id,
            "project_id": f"{client.name}-simulator",
            "auth_uri": f"{url}/o/oauth2/v2/auth",
            "token_uri": f"{url}/token",
            "auth_provider_x509_cert_url": f"{url}/oauth2/v1/certs",
            "client_secret": client.secret,
            "redirect_uris": ["http://localhost"],
        }
    }


def write_files(directory: Path, config: dict[str, Any], *, timezone: str, url: str) -> Path:
    """Write `client_secret.json` and `config.toml` into a directory (made if need be); return the config's path."""
    directory.mkdir(parents=True, exist_ok=True)
    secret = directory / "client_secret.json"
    secret.touch(mode=0o600)
    secret.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    path = directory / "config.toml"
    path.write_text(
        "# A simulated Google on this computer, for as long as it runs: nothing here reaches a real calendar.\n"
        f"# See what it holds at {url}/\n"
        f'timezone = "{timezone}"\n\n'
        "[google]\n"
        'client_secrets = "client_secret.json"\n'
        f'api_root = "{url}/calendar/v3/"\n'
        f'revoke_uri = "{url}/revoke"\n',
        encoding="utf-8",
    )
    return path
