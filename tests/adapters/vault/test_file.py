"""The file vault, beyond the contract of all vaults."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portalcal.adapters.vault.file import Cost, FileVault
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

CHEAP = Cost(2**4, 8, 1)
TOKEN = "1//0-refresh"


def a_vault(folder: Path, passphrase: str = "open sesame") -> FileVault:
    return FileVault(folder, lambda _: passphrase, cost=CHEAP)


def refusal(folder: Path, passphrase: str = "open sesame") -> VaultUnavailable:
    """Return the error with which a later process's read fails."""
    with pytest.raises(VaultUnavailable) as caught:
        a_vault(folder, passphrase).read(Secret.REFRESH_TOKEN)
    assert TOKEN not in str(caught.value) + str(caught.value.hint)
    return caught.value


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file of a stored refresh token."""
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

    varying = dict.fromkeys(("salt", "proof", "nonce", "aes-256-gcm", "sha256"), 0)
    assert document | varying == {
        "portalcal-vault": 2, "kdf": "scrypt", "n": 16, "r": 8, "p": 1, **varying,
    }  # fmt: skip


def test_another_passphrase_is_reported_with_a_remedy(kept: Path) -> None:
    error = refusal(kept.parent, "open barley")

    assert error.message == f"the vault file cannot be used ({kept}): the passphrase does not open it"
    assert error.hint == (
        "give the passphrase it was made with in PORTALCAL_VAULT_PASSPHRASE; if that is lost, choose another with "
        "`portalcal connect --vault file --new-passphrase`"
    )


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.pop(name)


def with_(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update({name: value})


@pytest.mark.parametrize(
    "damage",
    [*map(without, ("portalcal-vault", "kdf", "n", "salt", "proof", "nonce", "aes-256-gcm", "sha256")),
     with_("n", 2**30), with_("salt", "AAAA"), with_("aes-256-gcm", "gAAA"), with_("sha256", 7), with_("portalcal-vault", 1),
     with_("portalcal-vault", 3)],
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


def forge(path: Path, **changes: object) -> None:
    """Change a file as somebody can who knows the format, but not the passphrase."""
    from portalcal.adapters.vault import file

    document = json.loads(path.read_text()) | changes
    del document["sha256"]
    path.write_text(json.dumps(document | {"sha256": file._digest(document)}))


@pytest.mark.parametrize(
    "cost", [{"n": 2**40}, {"n": 2**30}, {"n": 2**20, "r": 16}, {"p": 2**20}, {"r": 2**30}]
)
def test_a_forged_cost_does_not_take_the_machines_memory(kept: Path, cost: dict[str, int]) -> None:
    forge(kept, **cost)

    assert "it is damaged" in refusal(kept.parent).message


@pytest.mark.parametrize("cost", [{"n": 2}, {"n": 8}, {"r": 1}])
def test_a_file_that_costs_too_little_to_guess_is_not_read(kept: Path, cost: dict[str, int]) -> None:
    forge(kept, **cost)

    assert "it is damaged" in refusal(kept.parent).message


def test_a_change_that_the_passphrase_does_not_explain_is_told_apart_from_a_wrong_one(kept: Path) -> None:
    sealed = bytearray(base64.b64decode(json.loads(kept.read_text())["aes-256-gcm"]))
    sealed[0] ^= 1
    forge(kept, **{"aes-256-gcm": base64.b64encode(sealed).decode()})

    error = refusal(kept.parent)
    assert (
        error.reason
        == "the passphrase is right, but it was changed, or belongs to another workspace or secret"
    )
    assert "the passphrase does not open it" in refusal(kept.parent, "open barley").message


@pytest.mark.parametrize("field", ["n", "salt", "proof", "nonce"])
def test_no_field_of_a_file_can_be_forged(kept: Path, field: str) -> None:
    changed = {
        "n": 32,
        "salt": base64.b64encode(bytes(16)).decode(),
        "proof": base64.b64encode(bytes(16)).decode(),
        "nonce": base64.b64encode(bytes(12)).decode(),
    }
    forge(kept, **{field: changed[field]})

    refusal(kept.parent)


def test_a_cost_that_is_too_low_by_now_is_raised_by_the_next_write(kept: Path) -> None:
    dearer = Cost(2**5, 8, 1)
    vault = FileVault(kept.parent, lambda _: "open sesame", cost=dearer)

    with pytest.raises(VaultUnavailable, match="damaged"):
        vault.read(Secret.REFRESH_TOKEN)
    vault.write(Secret.REFRESH_TOKEN, TOKEN)

    assert json.loads(kept.read_text())["n"] == 2**5


def test_an_older_cost_above_the_least_is_read_and_raised(tmp_path: Path) -> None:
    """The minimum is what was recommended for scrypt in 2017; our cost is higher."""
    FileVault(tmp_path, lambda _: "open sesame", cost=Cost(2**14, 8, 1)).write(Secret.REFRESH_TOKEN, TOKEN)
    vault = FileVault(tmp_path, lambda _: "open sesame", cost=Cost(2**15, 8, 1))

    assert vault.read(Secret.REFRESH_TOKEN) == TOKEN
    vault.write(Secret.REFRESH_TOKEN, "1//0-next")

    assert json.loads((tmp_path / "refresh-token.vault").read_text())["n"] == 2**15


def test_a_file_of_another_workspace_is_not_opened_in_this_one(kept: Path) -> None:
    other = kept.parent.parent / "other"
    other.mkdir()
    (other / kept.name).write_bytes(kept.read_bytes())

    assert "belongs to another workspace or secret" in refusal(other).message


def test_one_secret_in_the_place_of_another_is_not_opened(kept: Path) -> None:
    kept.rename(kept.with_name("access-token.vault"))

    with pytest.raises(VaultUnavailable) as caught:
        a_vault(kept.parent).read(Secret.ACCESS_TOKEN)

    assert "belongs to another workspace or secret" in caught.value.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(kept: Path) -> None:
    kept.unlink()
    os.mkfifo(kept)

    assert "it cannot be read (it is no ordinary file)" in refusal(kept.parent).message


def test_a_folder_in_the_place_of_a_file_is_named(kept: Path) -> None:
    kept.unlink()
    kept.mkdir()

    assert "it cannot be read (is a directory)" in refusal(kept.parent).message


def test_a_file_without_end_is_not_read_to_it(kept: Path) -> None:
    with kept.open("wb") as file:
        file.truncate(1 << 40)

    assert "it is longer than 1048576 bytes" in refusal(kept.parent).message


def test_a_folder_that_takes_no_file_is_reported(tmp_path: Path) -> None:
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
    from portalcal.adapters.vault import file

    cost = file._COST

    assert (cost.n, cost.r, cost.p) == (2**16, 8, 1), "measure again, and say so beside it"
