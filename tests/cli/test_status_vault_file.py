"""`status` where the secrets lie in a vault file, whose passphrase comes from the environment or a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import selection
from tests.cli.conftest import Shell
from tests.cli.test_status_failures import failing_checks

PASSPHRASE = "PORTALCAL_VAULT_PASSPHRASE"


@pytest.fixture
def sealed(portalcal: Shell) -> Shell:
    """A machine that keeps its secrets in a vault file."""
    portalcal.has_own_vault = False
    portalcal.environ[PASSPHRASE] = "open sesame"
    assert portalcal.json("connect", "--vault", "file").exit == 0
    return portalcal


def test_a_vault_file_that_opens_is_as_good_as_a_keyring(sealed: Shell) -> None:
    assert sealed.json("status").result["state"] == "connected"


def spoilt(shell: Shell, content: bytes) -> Path:
    """The file of the cached access token, with something else in it."""
    (file,) = shell.folder.parent.rglob("access-token.vault")
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"portalcal-vault": 9}'])
@pytest.mark.parametrize(
    "command", selection.first([("status",), ("status", "--offline"), ("availability",), ("calendars",)], 1)
)
def test_a_damaged_cache_of_the_access_token_stops_nothing(
    sealed: Shell, content: bytes, command: tuple[str, ...]
) -> None:
    spoilt(sealed, content)

    ran = sealed.json(*command)

    assert ran.exit == 0
    assert ran.result.get("state", "connected") == "connected"


def test_a_damaged_cache_of_the_access_token_is_written_anew(sealed: Shell) -> None:
    file = spoilt(sealed, b"torn")

    assert sealed.json("calendars").exit == 0
    sealed.google.forget_requests()
    assert sealed.json("calendars").exit == 0

    assert file.read_bytes() != b"torn"
    assert sealed.google.count("oauth.token") == 0


def test_a_damaged_refresh_token_is_a_vault_that_cannot_be_used(sealed: Shell) -> None:
    (file,) = sealed.folder.parent.rglob("refresh-token.vault")
    file.write_bytes(b"torn")

    ran = sealed.json("status")

    assert (ran.exit, json.loads(ran.out)["result"]["state"]) == (3, "vault-unavailable")


@pytest.mark.parametrize("passphrase", ["close sesame", ""])
def test_a_vault_file_that_nobody_can_open_is_a_vault_that_cannot_be_used(
    sealed: Shell, passphrase: str
) -> None:
    sealed.environ[PASSPHRASE] = passphrase

    ran = sealed.json("status")

    assert (ran.exit, json.loads(ran.out)["result"]["state"]) == (3, "vault-unavailable")
    assert json.loads(ran.out)["result"]["account"] == "ana@example.com"
    (told,) = failing_checks(ran).values()
    assert PASSPHRASE in told["detail"] + told["hint"]
