"""Secrets in sealed files: what the contract of vaults does not say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portalcal.adapters.file_vault import Cost, FileVault
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

CHEAP = Cost(2**4, 8, 1)
TOKEN = "1//0-refresh"


def a_vault(folder: Path, passphrase: str = "open sesame") -> FileVault:
    return FileVault(folder, lambda _: passphrase, cost=CHEAP)


def refusal(folder: Path, passphrase: str = "open sesame") -> VaultUnavailable:
    """What a later process hears when it reads."""
    with pytest.raises(VaultUnavailable) as caught:
        a_vault(folder, passphrase).read(Secret.REFRESH_TOKEN)
    assert TOKEN not in str(caught.value) + str(caught.value.hint)
    return caught.value


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file of a refresh token."""
    a_vault(tmp_path / "vault").write(Secret.REFRESH_TOKEN, TOKEN)
    return tmp_path / "vault/refresh-token.vault"


def test_another_process_with_the_passphrase_reads_it(kept: Path) -> None:
    assert a_vault(kept.parent).read(Secret.REFRESH_TOKEN) == TOKEN


def test_the_file_is_private_and_shows_neither_secret_nor_passphrase(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert TOKEN.encode() not in kept.read_bytes()
    assert b"sesame" not in kept.read_bytes()
    assert [each.name for each in kept.parent.iterdir()] == ["refresh-token.vault"]


def test_the_file_names_its_format_and_its_cost(kept: Path) -> None:
    document = json.loads(kept.read_text())

    assert {**document, "salt": 0, "fernet": 0, "sha256": 0} == {
        "portalcal-vault": 1, "kdf": "scrypt", "n": 16, "r": 8, "p": 1, "salt": 0, "fernet": 0, "sha256": 0,
    }  # fmt: skip


def test_another_passphrase_is_told_with_what_helps(kept: Path) -> None:
    error = refusal(kept.parent, "open barley")

    assert error.message == f"the vault file cannot be used ({kept}): the passphrase does not open it"
    assert error.hint == (
        "give the passphrase it was made with in PORTALCAL_VAULT_PASSPHRASE; if that is lost, remove "
        f"{kept.parent}/*.vault and run `portalcal connect --vault file`"
    )


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.pop(name)


def with_(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update({name: value})


@pytest.mark.parametrize(
    "damage",
    [*map(without, ("portalcal-vault", "kdf", "n", "salt", "fernet", "sha256")),
     with_("n", 2**30), with_("salt", "AAAA"), with_("fernet", "gAAA"), with_("sha256", 7), with_("portalcal-vault", 2)],
)  # fmt: skip
def test_a_file_that_was_changed_is_told_apart_from_a_wrong_passphrase(
    kept: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(kept.read_text())
    damage(document)
    kept.write_text(json.dumps(document))

    assert "it is damaged, or a later portalcal wrote it" in refusal(kept.parent).message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"1"])
def test_what_is_no_vault_file_is_damage(kept: Path, content: bytes) -> None:
    kept.write_bytes(content)

    assert "it is damaged" in refusal(kept.parent).message


def test_half_a_file_is_damage(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:-40])

    assert "it is damaged" in refusal(kept.parent).message


def test_a_forged_cost_does_not_take_the_machines_memory(kept: Path) -> None:
    from portalcal.adapters import file_vault

    document = json.loads(kept.read_text()) | {"n": 2**40}
    del document["sha256"]
    kept.write_text(json.dumps(document | {"sha256": file_vault._digest(document)}))

    assert "it is damaged" in refusal(kept.parent).message


def test_one_secret_in_the_place_of_another_is_damage(kept: Path) -> None:
    kept.rename(kept.with_name("access-token.vault"))

    with pytest.raises(VaultUnavailable) as caught:
        a_vault(kept.parent).read(Secret.ACCESS_TOKEN)

    assert "it is damaged" in caught.value.message


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file where the folder would be")

    with pytest.raises(VaultUnavailable) as caught:
        a_vault(tmp_path / "place").write(Secret.REFRESH_TOKEN, TOKEN)

    assert "it cannot be written" in caught.value.message


def test_a_process_derives_one_key_for_both_files(tmp_path: Path) -> None:
    vault = a_vault(tmp_path / "vault")

    for secret in Secret:
        vault.write(secret, TOKEN)

    salts = {json.loads(each.read_text())["salt"] for each in (tmp_path / "vault").iterdir()}
    assert len(salts) == 1


def test_another_process_keeps_the_salt_when_it_writes(kept: Path) -> None:
    salt = json.loads(kept.read_text())["salt"]
    vault = a_vault(kept.parent)
    vault.read(Secret.REFRESH_TOKEN)

    vault.write(Secret.ACCESS_TOKEN, TOKEN)

    assert json.loads(kept.with_name("access-token.vault").read_text())["salt"] == salt


def test_a_new_passphrase_is_asked_for_as_one(tmp_path: Path) -> None:
    asked: list[bool] = []

    def passphrase(is_new: bool) -> str:
        asked.append(is_new)
        return "open sesame"

    first = FileVault(tmp_path, passphrase, cost=CHEAP)
    assert first.read(Secret.REFRESH_TOKEN) is None
    first.write(Secret.REFRESH_TOKEN, TOKEN)
    FileVault(tmp_path, passphrase, cost=CHEAP).read(Secret.REFRESH_TOKEN)

    assert asked == [True, False]


def test_forgetting_needs_no_passphrase(kept: Path) -> None:
    def unasked(_: bool) -> str:
        raise AssertionError

    FileVault(kept.parent, unasked).forget()

    assert list(kept.parent.iterdir()) == []


def test_the_cost_of_a_real_file_is_one_that_can_be_borne() -> None:
    from portalcal.adapters import file_vault

    cost = file_vault._COST

    assert (cost.n, cost.r, cost.p) == (2**16, 8, 1), "measure again, and say so beside it"
