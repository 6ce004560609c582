"""`status` where the secrets lie in a vault file, whose passphrase comes from the environment or a person."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell
from tests.cli.test_status_troubles import troubled

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


@pytest.mark.parametrize("passphrase", ["close sesame", ""])
def test_a_vault_file_that_nobody_can_open_is_a_vault_that_cannot_be_used(
    sealed: Shell, passphrase: str
) -> None:
    sealed.environ[PASSPHRASE] = passphrase

    ran = sealed.json("status")

    assert (ran.exit, json.loads(ran.out)["result"]["state"]) == (3, "vault-unavailable")
    (told,) = troubled(ran).values()
    assert PASSPHRASE in told["detail"] + told["hint"]
