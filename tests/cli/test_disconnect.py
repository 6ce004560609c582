"""Disconnecting always forgets: what is damaged, locked or out of reach costs a word, never the forgetting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from tests import selection
from tests.adapters.vault.keyrings import InMemory
from tests.cli.conftest import ANA, Ran, Shell

PASSPHRASE = "PORTALCAL_VAULT_PASSPHRASE"


@pytest.fixture
def sealed(portalcal: Shell) -> Iterator[Shell]:
    """A machine that is connected and keeps its secrets in sealed files."""
    portalcal.has_own_vault = False
    portalcal.environ[PASSPHRASE] = "open sesame"
    assert portalcal("connect", "--vault", "file").exit == 0
    assert portalcal.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com").exit == 0
    yield portalcal
    InMemory.clear()


def files(shell: Shell, pattern: str) -> list[Path]:
    return sorted((shell.folder.parent / "home").rglob(pattern))


def is_alive(google: Simulator) -> bool:
    """Whether Google still honours the grant."""
    return not any(each.ended for each in google.grants.live)


def lose_the_passphrase(shell: Shell) -> None:
    del shell.environ[PASSPHRASE]


def have_another_passphrase(shell: Shell) -> None:
    shell.environ[PASSPHRASE] = "open barley"


def damage_the_vault(shell: Shell) -> None:
    for each in files(shell, "*.vault"):
        each.write_bytes(b"\xff" * 100)


def damage_the_connection(shell: Shell) -> None:
    (path,) = files(shell, "connection.toml")
    path.write_text("conflicts = 7\n")


def damage_the_ledger(shell: Shell) -> None:
    (path,) = files(shell, "ledger.db")
    path.write_bytes(b"\xff" * 20_000)


def damage_the_configuration(shell: Shell) -> None:
    path = Path(shell.environ["PORTALCAL_CONFIG"])
    path.write_text("[google\n")


class Harm(NamedTuple):
    """What is wrong with the machine, and what `disconnect` says of it."""

    do: Callable[[Shell], None]
    warnings: list[str]
    revocation: str


HARMS = [
    Harm(lose_the_passphrase, ["grant-not-ended"], "unreachable"),
    Harm(have_another_passphrase, ["grant-not-ended"], "unreachable"),
    Harm(damage_the_vault, ["grant-not-ended"], "unreachable"),
    Harm(damage_the_connection, ["connection-damaged"], "revoked"),
    Harm(damage_the_ledger, ["ledger-unread"], "revoked"),
    Harm(damage_the_configuration, ["ledger-unread", "grant-not-ended"], "unreachable"),
]


@pytest.mark.parametrize("harm", selection.first(HARMS, 3), ids=lambda harm: harm.do.__name__)
def test_nothing_stops_the_forgetting(
    sealed: Shell,
    google: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    harm: Harm,
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.vault.keyrings.InMemory")
    harm.do(sealed)

    ran = sealed.json("disconnect", "--yes")

    assert (ran.exit, ran.err) == (0, "")
    assert (ran.result["forgotten"], ran.result["revocation"]) == (True, harm.revocation)
    assert ran.warnings == harm.warnings
    assert files(sealed, "*.vault") == files(sealed, "connection.toml") == []
    assert is_alive(google) is (harm.revocation != "revoked")
    assert sealed.json("disconnect", "--yes").result["account"] is None


def test_bookings_that_cannot_be_counted_are_not_said_to_be_none(sealed: Shell) -> None:
    damage_the_ledger(sealed)

    ran = sealed("disconnect", "--yes")

    assert ran.exit == 0
    assert "unknown; their events stay" in ran.out


def test_a_grant_that_could_not_be_ended_is_not_blamed_on_google(sealed: Shell) -> None:
    lose_the_passphrase(sealed)

    ran = sealed("disconnect", "--yes")

    shown = " ".join((ran.out + ran.err).split())
    assert "Google could not be reached" not in shown
    assert "end the grant at https://myaccount.google.com/connections" in shown


class Locked(Shell):
    """A machine whose vault gives its secret and then cannot remove it."""

    def customize(self, container: object) -> None:
        from portalcal.container import Container
        from portalcal.errors import VaultUnavailable

        assert isinstance(container, Container)
        super().customize(container)

        def locked() -> None:
            raise VaultUnavailable("it is locked", "unlock it")

        self.vault.forget = locked  # type: ignore[method-assign]


def test_what_google_did_is_told_though_a_later_step_fails(connected: Shell, google: Simulator) -> None:
    shell = Locked(google, connected.folder, connected.environ, connected.vault)

    ran = shell.json("disconnect", "--yes")

    told = json.loads(ran.out)
    assert ran.exit == 3
    assert (told["result"]["revoked"], told["result"]["forgotten"]) == (True, False)
    assert [each["code"] for each in told["warnings"]] == ["not-forgotten"]
    assert "it is locked; unlock it" in told["warnings"][0]["message"]
    assert not is_alive(google)
    assert files(shell, "connection.toml") == [], "the rest is forgotten all the same"


def chosen(shell: Shell) -> tuple[list[str], str]:
    result = shell.json("calendars").result
    return result["conflicts"], result["booking"]


def choose_the_team(shell: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="owner")
    assert shell.json("calendars", "--select", "Team", "--book-into", "Team").exit == 0


def test_the_calendars_chosen_are_kept_for_the_same_account(connected: Shell, google: Simulator) -> None:
    choose_the_team(connected, google)
    before = chosen(connected)

    assert connected.json("disconnect", "--yes").exit == 0
    assert connected.json("calendars").error["code"] == "not-connected"
    assert connected("connect").exit == 0

    assert chosen(connected) == before == ([ANA, "team@example.com"], "team@example.com")


def test_another_account_begins_with_its_own_calendar(connected: Shell, google: Simulator) -> None:
    choose_the_team(connected, google)
    connected.json("disconnect", "--yes")
    google.oauth.owner = google.add_user("ben@example.com")

    assert connected("connect").exit == 0

    assert chosen(connected) == (["ben@example.com"], "ben@example.com")


def test_an_account_that_was_replaced_finds_its_calendars_again(connected: Shell, google: Simulator) -> None:
    choose_the_team(connected, google)
    ana = google.oauth.owner
    google.oauth.owner = google.add_user("ben@example.com")
    assert connected("connect", "--force").exit == 0
    google.oauth.owner = ana

    assert connected("connect", "--force").exit == 0

    assert chosen(connected) == ([ANA, "team@example.com"], "team@example.com")


def test_a_damaged_memory_of_the_choice_stops_nothing(connected: Shell, google: Simulator) -> None:
    choose_the_team(connected, google)
    connected.json("disconnect", "--yes")
    (path,) = files(connected, "selections.toml")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text('["ana@example.com"]\nconflicts = []\n')

    assert connected("connect").exit == 0

    assert chosen(connected) == ([ANA], ANA)


_IN_A_FOLDER_OF_OTHERS = """
import os, sys
from pathlib import Path
import tomli_w
from portalcal.adapters.connection_file import ConnectionFile
from portalcal.adapters.vault.file import FileVault
from portalcal.ports import Secret
if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)
folder = Path(sys.argv[1])
vault = FileVault(folder, lambda is_new: "open sesame")
file = ConnectionFile(folder / "connection.toml", dumps=tomli_w.dumps)
vault.forget()
file.forget()
print([each.stat().st_size for each in sorted(folder.iterdir())], file.read(), vault.read(Secret.REFRESH_TOKEN))
"""


def test_in_a_folder_that_cannot_be_written_the_files_are_emptied() -> None:
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        for name in ("connection.toml", "refresh-token.vault"):
            (folder / name).write_text("a secret")
            (folder / name).chmod(0o600)
            if os.geteuid() == 0:
                os.chown(folder / name, 65534, 65534)
        folder.chmod(0o555)
        ran = subprocess.run(
            [sys.executable, "-c", _IN_A_FOLDER_OF_OTHERS, str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)

    assert ran.stdout.split() == ["[1,", "1]", "None", "None"]


def refresh_token(shell: Shell) -> str | None:
    return shell.vault.read(Secret.REFRESH_TOKEN)


def test_nothing_is_forgotten_where_nobody_agreed(connected: Shell) -> None:
    ran: Ran = connected.json("disconnect")

    assert (ran.exit, ran.error["code"]) == (2, "confirmation-required")
    assert refresh_token(connected)
