"""Files of ours that somebody else has made or can reach: they are data, and nothing out of them is run or followed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
BOOK = ("book", "2026-11-24T10:00", *SAM)


def check(ran: Ran, name: str) -> dict[str, object]:
    found: dict[str, object] = next(each for each in ran.result["checks"] if each["name"] == name)
    return found


@pytest.fixture
def open_home(connected: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of portalcal's files, where everybody may enter; pytest's own folders are private."""
    made = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True)
    folder = Path(made.stdout.strip())
    folder.chmod(0o755)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    (folder / "portalcal").mkdir()
    # The mode of mkdir is subject to the umask.
    (folder / "portalcal").chmod(0o755)
    connected.connect()
    yield folder / "portalcal"
    shutil.rmtree(folder)


def on_file(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


# --- a ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (("book", "2026-11-25T10:00", *SAM), "Nothing was booked."),
        (("bookings",), "Nothing was changed."),
        (("availability",), "Nothing was changed."),
        (("cancel", "0123"), "Nothing was cancelled."),
        (("sync",), "What it had recorded before stays, and the next `portalcal sync` goes on from there."),
    ],
    ids=["book", "bookings", "availability", "cancel", "sync"],
)
def test_a_ledger_with_a_strangers_trigger_is_refused_by_every_command(
    connected: Shell, open_home: Path, command: tuple[str, ...], outcome: str
) -> None:
    connected.json(*BOOK)
    on_file(
        open_home / "ledger.db", "CREATE TRIGGER t AFTER UPDATE ON outbox BEGIN DELETE FROM bookings; END"
    )

    ran = connected.json(*command)

    assert (ran.exit, ran.error["code"]) == (3, "ledger-unusable")
    assert f"it has a trigger that is not portalcal's. {outcome}" in ran.error["message"]


def test_status_names_a_strangers_trigger_and_what_helps(connected: Shell, open_home: Path) -> None:
    connected.json(*BOOK)
    on_file(
        open_home / "ledger.db", "CREATE TRIGGER t AFTER UPDATE ON outbox BEGIN DELETE FROM bookings; END"
    )

    ran = connected.json("status", "--offline")

    assert (ran.exit, check(ran, "ledger.file")["state"]) == (3, "fail")
    assert "not portalcal's" in str(check(ran, "ledger.file")["detail"])
    assert str(check(ran, "ledger.file")["hint"]).startswith("put back a copy of it, or move it away")


def test_a_lease_owner_that_is_a_path_is_not_followed(
    connected: Shell, open_home: Path, tmp_path: Path
) -> None:
    connected.google.faults.add("events.insert: 503")
    assert connected.json(*BOOK).exit == 8
    connected.google.faults.clear()
    theirs = tmp_path / "precious"
    theirs.write_text("kept")
    on_file(open_home / "ledger.db", f"UPDATE outbox SET lease_owner = '{theirs}', leased_until = 2000000000")

    for command in (("status", "--offline"), ("status",), ("bookings",), ("sync",), BOOK):
        connected.json(*command)

    assert theirs.read_text() == "kept"


# --- who may read what ----------------------------------------------------------------------------------------


def test_a_ledger_that_others_can_read_is_said_and_mended_by_the_hint(
    connected: Shell, open_home: Path
) -> None:
    connected.json(*BOOK)
    ledger = open_home / "ledger.db"
    ledger.chmod(0o644)

    told = check(connected.json("status", "--offline"), "ledger.file")

    assert told["state"] == "warn"
    assert told["detail"] == f"sound, 1 live booking, but others on this machine can read or write {ledger}"
    assert told["hint"] == f"run `chmod 600 {ledger}`"
    subprocess.run(str(told["hint"]).removeprefix("run `").removesuffix("`").split(), check=True)
    assert check(connected.json("status", "--offline"), "ledger.file")["state"] == "ok"


def test_a_ledger_that_others_can_read_is_closed_by_the_next_command_that_writes(
    connected: Shell, open_home: Path
) -> None:
    connected.json(*BOOK)
    (open_home / "ledger.db").chmod(0o666)

    connected.json("book", "2026-11-25T10:00", *SAM)

    assert (open_home / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_but_cannot_reach_is_no_matter(
    connected: Shell, open_home: Path
) -> None:
    connected.json(*BOOK)
    (open_home / "ledger.db").chmod(0o644)
    open_home.chmod(0o700)

    assert check(connected.json("status", "--offline"), "ledger.file")["state"] == "ok"


# --- a vault file ---------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(connected: Shell, open_home: Path) -> Path:
    """The vault file of the refresh token, in a folder where everybody may enter."""
    connected.has_own_vault = False
    connected.environ["PORTALCAL_VAULT_PASSPHRASE"] = "open sesame"
    assert connected.json("connect", "--vault", "file", "--force").exit == 0
    (open_home / "default").chmod(0o755)
    return open_home / "default" / "refresh-token.vault"


def test_a_vault_file_that_others_can_write_is_said_and_mended_by_the_hint(
    connected: Shell, sealed: Path
) -> None:
    sealed.chmod(0o622)

    told = check(connected.json("status", "--offline"), "vault.backend")

    assert (told["state"], told["detail"]) == (
        "warn", f"file; others on this machine can read or write {sealed}",
    )  # fmt: skip
    subprocess.run(str(told["hint"]).removeprefix("run `").removesuffix("`").split(), check=True)
    assert check(connected.json("status", "--offline"), "vault.backend")["state"] == "ok"


@pytest.mark.parametrize("what", ["pipe", "folder", "of another workspace", "bomb"])
def test_what_stands_in_the_place_of_a_vault_file_ends_in_words(
    connected: Shell, sealed: Path, what: str
) -> None:
    workspace: tuple[str, ...] = ()
    content = sealed.read_bytes()
    sealed.unlink()
    # The cached access token would do without it.
    sealed.with_name("access-token.vault").unlink()
    if what == "pipe":
        os.mkfifo(sealed)
    elif what == "folder":
        sealed.mkdir()
    elif what == "bomb":
        sealed.write_bytes(b"[" * (1 << 22))
    else:
        workspace = ("--workspace", "other")
        other = sealed.parent.with_name("other")
        other.mkdir()
        (other / "connection.toml").write_bytes(sealed.with_name("connection.toml").read_bytes())
        (other / sealed.name).write_bytes(content)

    for command in (("availability",), BOOK, ("status",)):
        ran = connected.json(*workspace, *command)
        assert ran.exit == 3
        assert "Traceback" not in ran.err


def test_a_backend_that_connection_toml_names_is_not_imported(
    connected: Shell, open_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    file = open_home / "default" / "connection.toml"
    file.write_text(
        file.read_text().replace('vault = "memory"', 'vault = "keyring"\nbackend = "evil.Keyring"')
    )
    connected.has_own_vault = False

    for command in (("status",), ("availability",), BOOK):
        assert connected.json(*command).exit != 0

    assert not (tmp_path / "was_run").exists()
