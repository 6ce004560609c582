"""What every vault does. An adapter joins by a subclass with a `vault` fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.adapters.vault.environment import EnvVault
from portalcal.adapters.vault.file import Cost, FileVault
from portalcal.adapters.vault.keyring import KeyringVault
from portalcal.adapters.vault.memory import MemoryVault
from portalcal.ports import Secret, Vault
from tests.adapters.vault.keyrings import InMemory
from tests.real.keyring_session import keyring_session, missing_packages

CHEAP = Cost(2**4, 8, 1)


class VaultContract:
    """Stated once, held by every vault. A subclass has the fixture `vault`."""

    @pytest.mark.parametrize("secret", list(Secret))
    def test_there_is_nothing_at_first(self, vault: Vault, secret: Secret) -> None:
        assert vault.read(secret) is None

    @pytest.mark.parametrize("secret", list(Secret))
    def test_a_secret_that_was_written_is_read(self, vault: Vault, secret: Secret) -> None:
        vault.write(secret, "s3cret")

        assert vault.read(secret) == "s3cret"

    def test_secrets_are_kept_apart(self, vault: Vault) -> None:
        vault.write(Secret.REFRESH_TOKEN, "refresh")
        vault.write(Secret.ACCESS_TOKEN, "access")

        assert vault.read(Secret.REFRESH_TOKEN) == "refresh"
        assert vault.read(Secret.ACCESS_TOKEN) == "access"

    def test_a_later_secret_takes_the_place_of_the_earlier(self, vault: Vault) -> None:
        vault.write(Secret.REFRESH_TOKEN, "old")

        vault.write(Secret.REFRESH_TOKEN, "new")

        assert vault.read(Secret.REFRESH_TOKEN) == "new"

    @pytest.mark.parametrize(
        "value", ["x" * 2300, '{"token": "ya29.\\u00fc", "expires_at": null}', "zażółć 🔑", " a\n"]
    )
    def test_a_secret_comes_back_letter_by_letter(self, vault: Vault, value: str) -> None:
        vault.write(Secret.ACCESS_TOKEN, value)

        assert vault.read(Secret.ACCESS_TOKEN) == value

    def test_forgetting_removes_every_secret(self, vault: Vault) -> None:
        for secret in Secret:
            vault.write(secret, "s3cret")

        vault.forget()

        assert [vault.read(secret) for secret in Secret] == [None, None]

    def test_forgetting_twice_is_forgetting(self, vault: Vault) -> None:
        vault.write(Secret.REFRESH_TOKEN, "s3cret")

        vault.forget()
        vault.forget()

        assert vault.read(Secret.REFRESH_TOKEN) is None

    def test_a_secret_can_be_kept_again_after_forgetting(self, vault: Vault) -> None:
        vault.write(Secret.REFRESH_TOKEN, "old")
        vault.forget()

        vault.write(Secret.REFRESH_TOKEN, "new")

        assert vault.read(Secret.REFRESH_TOKEN) == "new"

    def test_it_says_what_kind_it_is_and_shows_no_secret(self, vault: Vault) -> None:
        vault.write(Secret.REFRESH_TOKEN, "s3cret")

        assert vault.kind in {"keyring", "file", "memory", "environment"}
        assert "s3cret" not in f"{vault!r} {vault}"


class TestMemoryVault(VaultContract):
    @pytest.fixture
    def vault(self) -> Vault:
        return MemoryVault()


class TestEnvVault(VaultContract):
    @pytest.fixture
    def vault(self) -> Vault:
        return EnvVault({})


class TestKeyringVault(VaultContract):
    @pytest.fixture
    def vault(self) -> Iterator[Vault]:
        yield KeyringVault(
            "default", backend="tests.adapters.vault.keyrings.InMemory", may_load=lambda _: True
        )
        InMemory.clear()


@pytest.mark.real
@pytest.mark.skipif(bool(missing_packages()), reason=f"apt-get install {' '.join(missing_packages())}")
class TestGnomeKeyring(VaultContract):
    @pytest.fixture
    def vault(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
        with keyring_session(tmp_path / "session") as session:
            session.start_daemon(password="open sesame")
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session.environ["DBUS_SESSION_BUS_ADDRESS"])
            yield KeyringVault("default", backend="keyring.backends.SecretService.Keyring")


class TestFileVault(VaultContract):
    @pytest.fixture
    def vault(self, tmp_path: Path) -> Vault:
        return FileVault(tmp_path / "default", lambda _: "open sesame", cost=CHEAP)
