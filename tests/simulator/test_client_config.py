"""The files a program needs to use the simulator."""

import json
import tomllib
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator


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


def test_files_of_an_earlier_simulator_are_replaced(google: Simulator, tmp_path: Path) -> None:
    with Simulator(timezone="America/New_York") as earlier:
        earlier.write_files(tmp_path / "google")

    path = google.write_files(tmp_path / "google")

    assert tomllib.loads(path.read_text())["google"]["api_root"] == google.api_root
    assert json.loads((path.parent / "client_secret.json").read_text()) == google.client_config()
    assert sorted(each.name for each in path.parent.iterdir()) == ["client_secret.json", "config.toml"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.toml", ""),
        ("config.toml", 'timezone = "Europe/Berlin"\n'),
        ("config.toml", "no TOML ["),
        ("config.toml", "\xff"),
        ("client_secret.json", ""),
        ("client_secret.json", '{"installed": {"project_id": "mine", "token_uri": "https://oauth2.googleapis.com/token"}}'),
        ("client_secret.json", "[" * 100_000),
    ],
)  # fmt: skip
def test_what_a_person_wrote_is_left_as_it_is(
    google: Simulator, tmp_path: Path, name: str, content: str
) -> None:
    folder = tmp_path / "google"
    folder.mkdir()
    (folder / name).write_text(content, encoding="latin-1")

    with pytest.raises(FileExistsError, match="no simulator wrote it") as refused:
        google.write_files(folder)

    assert refused.value.filename == str(folder / name)
    assert (folder / name).read_text(encoding="latin-1") == content
    assert [each.name for each in folder.iterdir()] == [name]


def test_a_config_that_was_added_to_is_left_as_it_is(google: Simulator, tmp_path: Path) -> None:
    with Simulator() as earlier:
        path = earlier.write_files(tmp_path)
        path.write_text(changed := path.read_text() + '[rules]\nduration = "1h"\n')
        # It still leads to the simulator that wrote it.
        earlier.write_files(tmp_path)
        assert path.read_text() == changed

    with pytest.raises(FileExistsError):
        google.write_files(tmp_path)

    assert path.read_text() == changed


def test_no_link_is_followed(google: Simulator, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    google.write_files(tmp_path / "a").replace(kept)
    before = kept.read_text()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/config.toml").symlink_to(kept)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/client_secret.json").symlink_to(tmp_path / "nowhere")

    for folder in ("b", "c"):
        with pytest.raises(FileExistsError):
            google.write_files(tmp_path / folder)

    assert kept.read_text() == before
    assert not (tmp_path / "nowhere").exists()


def test_the_files_are_their_owners_alone(google: Simulator, tmp_path: Path) -> None:
    path = google.write_files(tmp_path / "new")

    modes = [each.stat().st_mode & 0o777 for each in (path.parent, path, path.parent / "client_secret.json")]
    assert modes == [0o700, 0o600, 0o600]
