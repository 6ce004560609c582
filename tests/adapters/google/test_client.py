"""The OAuth client's file, and what is found there instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portalcal.adapters.google.client import OAuthClient
from portalcal.errors import ClientInvalid
from portalcal.sanitize import sanitize

INSTALLED = {
    "client_id": "1-a.apps.googleusercontent.com",
    "client_secret": "GOCSPX-hidden",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": "https://oauth2.googleapis.com/token",
    "redirect_uris": ["http://localhost"],
}


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "client_secret.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_downloaded_desktop_client_is_read(tmp_path: Path) -> None:
    client = OAuthClient.read(written(tmp_path, {"installed": INSTALLED}))

    assert client == OAuthClient(
        "1-a.apps.googleusercontent.com",
        "GOCSPX-hidden",
        "https://accounts.google.com/o/oauth2/auth",
        "https://oauth2.googleapis.com/token",
    )
    assert "hidden" not in repr(client)


def test_addresses_that_are_not_named_are_googles(tmp_path: Path) -> None:
    client = OAuthClient.read(written(tmp_path, {"installed": {"client_id": "x"}}))

    assert client.token_uri == "https://oauth2.googleapis.com/token"
    assert client.client_secret == ""


def test_the_simulators_addresses_are_taken(tmp_path: Path) -> None:
    local = INSTALLED | {"token_uri": "http://127.0.0.1:8080/token"}

    assert (
        OAuthClient.read(written(tmp_path, {"installed": local})).token_uri == "http://127.0.0.1:8080/token"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"web": INSTALLED}, '"web"'),
        ({"type": "service_account", "private_key": "x"}, "a service account key"),
        ({"type": "authorized_user", "refresh_token": "x"}, "a stored user token"),
        ("not json", "no JSON"),
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([1], "JSON that is no object"),
        ({}, "an empty JSON object"),
        ({"client_id": "x", "b": 1, "c": 2, "d": 3}, 'JSON with "client_id", "b", "c"'),
        ({"installed": "x"}, '"installed" that is no object'),
        ({"installed": {}}, '"installed" without "client_id"'),
        ({"installed": INSTALLED | {"client_id": 7}}, '"installed" with a "client_id" that is no text'),
        (
            {"installed": INSTALLED | {"token_uri": "http://evil.example/"}},
            'token_uri "http://evil.example/"',
        ),
        ({"installed": INSTALLED | {"auth_uri": "file:///etc"}}, 'auth_uri "file:///etc"'),
        (
            {"installed": INSTALLED | {"token_uri": "http://127.0.0.2:80\\@127.0.0.1/"}},
            'token_uri "http://127.0.0.2:80\\@127.0.0.1/"',
        ),
        (
            {"installed": INSTALLED | {"auth_uri": "https://u:p@accounts.google.com/"}},
            'auth_uri "https://u:p@accounts.google.com/"',
        ),
    ],
)
def test_another_file_is_named_for_what_it_is(tmp_path: Path, content: object, found: str) -> None:
    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(written(tmp_path, content))

    assert caught.value.found == found
    assert "hidden" not in caught.value.message


def test_the_message_says_what_was_expected(tmp_path: Path) -> None:
    path = written(tmp_path, {"web": INSTALLED})

    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(path)

    assert caught.value.message == f'{path} is not a Desktop client: found "web", expected "installed"'


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(tmp_path / "none.json")

    assert caught.value.found == "no such file or directory"


def test_bytes_that_are_no_text_are_no_json(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(path)

    assert caught.value.found == "no JSON"


def test_no_client_at_all_says_how_to_make_one() -> None:
    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(None)

    assert caught.value.message == "there is no OAuth client yet, so Google cannot be asked for consent"
    assert "portalcal connect --client-secrets FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_client_is_read_in_any_encoding_an_editor_leaves(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "client_secret.json"
    path.write_bytes(json.dumps({"installed": INSTALLED}).encode(encoding))

    assert OAuthClient.read(path).client_id == INSTALLED["client_id"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[" * 100_000, "no JSON"),
        ('{"installed": ' + "9" * 5000 + "}", "no JSON"),
        (" " * 2**20 + "{}", "more than 1 MiB"),
        ("[]", "JSON that is no object"),
    ],
)
def test_a_file_beyond_reason_is_no_client(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "client_secret.json"
    path.write_text(content)

    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(path)

    assert caught.value.found == found


@pytest.mark.parametrize("name", ["nowhere.json", "no\0where.json"])
def test_a_missing_file_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClientInvalid) as caught:
        OAuthClient.read(tmp_path / name)

    shown = sanitize(str(tmp_path / name))
    assert caught.value.message == f"{shown} cannot be read as the OAuth client: there is no such file"
    assert "create a project" not in str(caught.value.hint)
    assert "`portalcal connect --client-secrets FILE`" in str(caught.value.hint)
