"""The files a program needs to use the simulator."""

import json
import tomllib
from pathlib import Path

from portalcal.simulator import Simulator


def test_the_client_file_is_a_downloaded_desktop_client(google: Simulator) -> None:
    told = google.client_config()

    assert list(told) == ["installed"]
    assert set(told["installed"]) == {
        "client_id",
        "project_id",
        "auth_uri",
        "token_uri",
        "auth_provider_x509_cert_url",
        "client_secret",
        "redirect_uris",
    }
    assert told["installed"]["auth_uri"] == f"{google.url}/o/oauth2/v2/auth"
    assert told["installed"]["token_uri"] == f"{google.url}/token"


def test_two_files_are_all_a_program_needs(google: Simulator, tmp_path: Path) -> None:
    path = google.write_files(tmp_path / "new" / "place")

    config = tomllib.loads(path.read_text())
    client = json.loads((path.parent / config["google"]["client_secrets"]).read_text())
    assert path.name == "config.toml"
    assert config["timezone"] == "Europe/London"
    assert config["google"] == {
        "client_secrets": "client_secret.json",
        "api_root": google.api_root,
        "revoke_uri": google.revoke_uri,
    }
    assert client == google.client_config()
    assert (path.parent / "client_secret.json").stat().st_mode & 0o777 == 0o600
