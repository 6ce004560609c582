from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from keyring.core import load_keyring

from portalcal.adapters.vault import keyring_messages
from portalcal.adapters.vault.keyring import KeyringVault
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret
from tests.adapters.vault.keyrings import Frozen, InMemory

BACKENDS = "tests.adapters.vault.keyrings"
ANOTHER_BACKEND = (
    "name another backend in PYTHON_KEYRING_BACKEND or keyringrc.cfg, or none; `python -m keyring diagnose` tells what "
    "is chosen where"
)


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    yield
    InMemory.clear()


def vault_on(backend: str, *, workspace: str = "default") -> KeyringVault:
    return KeyringVault(workspace, backend=f"{BACKENDS}.{backend}", may_load=lambda _: True)


def refused(backend: str) -> VaultUnavailable:
    """Return the error with which a write to that backend fails."""
    with pytest.raises(VaultUnavailable) as caught:
        vault_on(backend).write(Secret.REFRESH_TOKEN, "s3cret")
    assert "s3cret" not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.details}"
    return caught.value


# --- where secrets go -----------------------------------------------------------------------------------------


def test_each_secret_of_each_workspace_is_an_entry_of_its_own() -> None:
    for workspace in ("default", "sales"):
        for secret in Secret:
            vault_on("InMemory", workspace=workspace).write(secret, f"{secret} of {workspace}")

    assert InMemory.kept == {
        ("portalcal:default", "portalcal"): "refresh-token of default",
        ("portalcal:default:access", "portalcal"): "access-token of default",
        ("portalcal:sales", "portalcal"): "refresh-token of sales",
        ("portalcal:sales:access", "portalcal"): "access-token of sales",
    }


def test_forgetting_leaves_other_workspaces_alone() -> None:
    vault_on("InMemory", workspace="sales").write(Secret.REFRESH_TOKEN, "theirs")
    vault_on("InMemory").write(Secret.REFRESH_TOKEN, "ours")

    vault_on("InMemory").forget()

    assert vault_on("InMemory", workspace="sales").read(Secret.REFRESH_TOKEN) == "theirs"


def test_forgetting_removes_older_entries_of_the_same_name_too() -> None:
    vault = vault_on("Doubled")
    vault.write(Secret.REFRESH_TOKEN, "newer")

    vault.forget()

    assert InMemory.kept == {}


def test_a_secret_that_cannot_be_removed_is_said_to_be_there() -> None:
    vault = vault_on("Sticky")
    vault.write(Secret.REFRESH_TOKEN, "s3cret")

    with pytest.raises(VaultUnavailable) as caught:
        vault.forget()

    assert caught.value.reason == "a secret is still there after it was removed"


def test_the_name_of_the_backend_is_what_finds_it_again() -> None:
    vault = vault_on("InMemory")

    assert (
        KeyringVault("default", backend=vault.backend, may_load=lambda _: True).backend
        == f"{BACKENDS}.InMemory"
    )


# --- backends that misbehave ----------------------------------------------------------------------------------


def test_a_backend_that_hangs_is_given_up_after_the_time_limit_and_not_asked_again() -> None:
    Frozen.gate.clear()
    Frozen.asked.clear()
    vault = KeyringVault("default", backend=f"{BACKENDS}.Frozen", timeout=0.5, may_load=lambda _: True)

    for _ in range(2):
        with pytest.raises(VaultUnavailable) as caught:
            vault.read(Secret.REFRESH_TOKEN)

    Frozen.gate.set()
    assert Frozen.asked == ["portalcal:default"]
    assert (
        caught.value.message
        == f"the keyring cannot be used ({BACKENDS}.Frozen): it did not answer within 0.5 s"
    )
    assert caught.value.hint == (
        "if a window asks for its password, set PORTALCAL_VAULT_TIMEOUT=60 and answer that; else restart the keyring "
        "service by logging in again"
    )


def test_a_process_can_end_while_a_backend_hangs() -> None:
    code = (
        "import sys; from portalcal.adapters.vault.keyring import KeyringVault; from portalcal.ports import Secret\n"
        "from portalcal.errors import VaultUnavailable\n"
        f"vault = KeyringVault('default', backend='{BACKENDS}.Frozen', timeout=0.5, may_load=lambda _: True)\n"
        "try: vault.read(Secret.REFRESH_TOKEN)\n"
        "except VaultUnavailable: sys.exit(3)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, timeout=120, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def test_a_locked_keyring_says_how_to_unlock_it() -> None:
    error = refused("Locked")

    assert error.message == (
        f"the keyring cannot be used ({BACKENDS}.Locked): it is locked, and nobody could be asked for its password"
    )
    assert error.hint == (
        "unlock it by logging in on the desktop, or with `gnome-keyring-daemon --unlock`; on a machine without a "
        "desktop, keep secrets in a sealed file with `portalcal connect --vault file`, or give a token in "
        "PORTALCAL_REFRESH_TOKEN"
    )


def test_a_keyring_that_was_never_made_says_how_to_make_one() -> None:
    error = refused("NeverMade")

    assert error.reason == "no keyring was made yet, and nobody could be asked for the password of a new one"
    assert error.hint == (
        "log in on the desktop once, or make one with `gnome-keyring-daemon --unlock`, which reads the password from "
        "its input; on a machine without a desktop, keep secrets in a sealed file with "
        "`portalcal connect --vault file`, or give a token in PORTALCAL_REFRESH_TOKEN"
    )


def test_a_keyring_whose_daemon_went_away_says_so() -> None:
    error = refused("Gone")

    assert error.reason == "its service cannot be reached any more (ConnectionResetError)"
    assert error.hint == "log in again, which starts it, then run the same command"


def test_a_forgetful_keyring_is_found_out_by_reading_back() -> None:
    error = refused("Forgetful")

    assert error.reason == "it took a secret and did not keep it as it was"
    assert error.hint == ANOTHER_BACKEND


def test_a_secret_that_is_too_long_is_reported_by_its_length_alone() -> None:
    vault = vault_on("Windows")
    vault.write(Secret.REFRESH_TOKEN, "r" * 512)

    with pytest.raises(VaultUnavailable) as caught:
        vault.write(Secret.ACCESS_TOKEN, "a" * 1281)

    assert caught.value.reason == "it does not take a secret of 1281 characters (error)"
    assert "aaa" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert vault.read(Secret.REFRESH_TOKEN) == "r" * 512


# --- backends that are not used -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["PlaintextKeyring", "MyPlaintext"])
def test_a_keyring_that_keeps_plain_text_is_refused_by_name(backend: str) -> None:
    error = refused(backend)

    assert error.message == (
        f"the keyring cannot be used ({BACKENDS}.{backend}): it keeps secrets as plain text, which portalcal does not do"
    )
    assert error.hint == ANOTHER_BACKEND
    assert InMemory.kept == {}


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("keyring.backends.null.Keyring", "it takes secrets and forgets them"),
        ("keyring.backends.fail.Keyring", "it is chosen to refuse every secret"),
    ],
)
@pytest.mark.parametrize("is_remembered", [True, False])
def test_backends_that_keep_nothing_are_refused_wherever_they_are_named(
    monkeypatch: pytest.MonkeyPatch, backend: str, reason: str, *, is_remembered: bool
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)

    with pytest.raises(VaultUnavailable) as caught:
        KeyringVault("default", backend=backend if is_remembered else None).read(Secret.REFRESH_TOKEN)

    assert caught.value.message == f"the keyring cannot be used ({backend}): {reason}"


def test_a_chain_that_ends_in_plain_text_is_refused() -> None:
    error = refused("Chain")

    assert error.reason == "it keeps secrets as plain text, which portalcal does not do"
    assert error.backend == f"{BACKENDS}.PlaintextKeyring"


def test_a_chain_of_backends_that_keep_secrets_is_used() -> None:
    vault_on("SoundChain").write(Secret.REFRESH_TOKEN, "s3cret")

    assert vault_on("InMemory").read(Secret.REFRESH_TOKEN) == "s3cret"


# --- choosing -------------------------------------------------------------------------------------------------


def test_a_backend_the_operator_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{BACKENDS}.InMemory")

    assert KeyringVault("default").backend == f"{BACKENDS}.InMemory"


def test_a_backend_that_keyringrc_names_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    rc = tmp_path / "home/.config/python_keyring/keyringrc.cfg"
    rc.parent.mkdir(parents=True)
    rc.write_text(f"[backend]\ndefault-keyring = {BACKENDS}.InMemory\n", encoding="utf-8")

    assert KeyringVault("default").backend == f"{BACKENDS}.InMemory"


def test_the_remembered_backend_holds_the_secrets_whatever_is_named_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{BACKENDS}.Locked")

    vault_on("InMemory").write(Secret.REFRESH_TOKEN, "s3cret")

    assert vault_on("InMemory").read(Secret.REFRESH_TOKEN) == "s3cret"


@pytest.mark.parametrize("gone", ["nowhere.Keyring", f"{BACKENDS}.Nothing", f"{BACKENDS}.Unviable", "noise"])
def test_another_backend_is_looked_for_when_the_remembered_one_is_gone(
    monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{BACKENDS}.InMemory")

    assert KeyringVault("default", backend=gone, may_load=lambda _: True).backend == f"{BACKENDS}.InMemory"


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("nowhere.Keyring", "No module named 'nowhere'"),
        (f"{BACKENDS}.Unviable", "Requires a machine of another kind"),
    ],
)
def test_a_named_backend_that_cannot_be_loaded_is_reported(
    monkeypatch: pytest.MonkeyPatch, named: str, why: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", named)

    with pytest.raises(VaultUnavailable) as caught:
        KeyringVault("default").read(Secret.REFRESH_TOKEN)

    assert caught.value.reason == f"the backend that PYTHON_KEYRING_BACKEND names cannot be loaded: {why}"


def test_a_search_takes_no_backend_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once loaded, the backends of these tests are found like installed plugins."""
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")

    with pytest.raises(VaultUnavailable, match="keeps secrets as plain text"):
        KeyringVault("default").read(Secret.REFRESH_TOKEN)


def test_plain_text_that_is_the_only_keyring_is_named() -> None:
    error = keyring_messages.none_found([load_keyring(f"{BACKENDS}.PlaintextKeyring")], why=None)

    assert error.reason == (
        f"the only one here, {BACKENDS}.PlaintextKeyring, keeps secrets as plain text, which portalcal does not do"
    )


def test_the_backends_of_operating_systems_are_those_that_keyring_has() -> None:
    """If keyring renamed a backend, ours would no longer be recognised."""
    for name in keyring_messages._OF_OPERATING_SYSTEMS:
        module, _, class_name = name.rpartition(".")
        source = Path(sys.modules["keyring"].__path__[0]).parent / Path(*module.split("."))
        text = (source / "__init__.py" if source.is_dir() else source.with_suffix(".py")).read_text(
            encoding="utf-8"
        )
        assert f"class {class_name}(" in text


@pytest.mark.parametrize(
    "name", ["tests.adapters.vault.keyrings.InMemory", "antigravity.Keyring", "this.s", "keyring_x.Y", ""]
)
def test_a_name_out_of_a_file_imports_nothing_but_backends_that_keyring_finds_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """connection.toml may come from somebody else, and importing a module runs it."""
    code = (
        "import sys; from portalcal.adapters.vault.keyring import KeyringVault; from portalcal.ports import Secret\n"
        "from portalcal.errors import PortalcalError\n"
        f"try: KeyringVault('default', backend={name!r}).read(Secret.REFRESH_TOKEN)\n"
        "except PortalcalError: pass\n"
        f"print({name.rpartition('.')[0]!r} in sys.modules)\n"
    )
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout == "False\n"


def test_the_backend_of_an_installed_plugin_may_be_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin-1.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Name: plugin\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text(f"[keyring.backends]\nours = {BACKENDS}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    assert KeyringVault("default", backend=f"{BACKENDS}.InMemory").backend == f"{BACKENDS}.InMemory"
