"""Machines that are connected to different accounts and share a ledger: a workspace of it is that of one account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, NOW, Ran, Shell

BEN = "ben@example.com"
SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, ELEVEN = "2026-11-24T10:00", "2026-11-24T11:00"


@dataclass
class Machine:
    """A machine with a home of its own."""

    shell: Shell
    home: Path
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str) -> Ran:
        """Run a command there."""
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            self.monkeypatch.setenv(name, str(self.home / name))
        return self.shell(*arguments, "--json")


@pytest.fixture
def bens_google() -> Iterator[Simulator]:
    with Simulator(owner=BEN, now=NOW) as google:
        yield google


def a_machine(google: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch, ledger: Path) -> Machine:
    shell = Shell(google, folder)
    shell.configure(f'[ledger]\nurl = "sqlite:///{ledger}"\n')
    path = Path(shell.environ["PORTALCAL_CONFIG"])
    path.write_text(path.read_text().replace('default_workspace = "simulator"\n', ""))
    return Machine(shell, folder / "home", monkeypatch)


@pytest.fixture
def anas(google: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Ana's machine, with a booking in the ledger."""
    machine = a_machine(google, tmp_path / "ana", monkeypatch, tmp_path / "shared.db")
    assert machine("connect").exit == 0
    assert machine("book", TEN, *SAM).exit == 0
    return machine


@pytest.fixture
def bens(bens_google: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Ben's machine, connected before it was given that ledger."""
    machine = a_machine(bens_google, tmp_path / "ben", monkeypatch, tmp_path / "own.db")
    assert machine("connect").exit == 0
    config = Path(machine.shell.environ["PORTALCAL_CONFIG"])
    config.write_text(config.read_text().replace("own.db", "shared.db"))
    bens_google.forget_requests()
    return machine


@pytest.mark.parametrize(
    "command",
    [
        ("book", ELEVEN, *SAM),
        ("book", ELEVEN, *SAM, "--key", "k"),
        ("offer", ELEVEN, *SAM),
        ("sync",),
        ("cancel", "sam@example.com"),
        ("reschedule", "sam@example.com", ELEVEN),
    ],
    ids=lambda command: " ".join(command[:1]),
)
def test_whoever_is_connected_to_another_account_changes_nothing(
    anas: Machine, bens: Machine, google: Simulator, bens_google: Simulator, command: tuple[str, ...]
) -> None:
    refused = bens(*command)

    assert (refused.exit, refused.error["code"]) == (5, "other-account")
    assert f"shared.db are those of {ANA}, not of {BEN}" in refused.error["message"]
    assert bens_google.events() == []
    assert len(google.events()) == 1
    assert anas("book", ELEVEN, *SAM).exit == 0


def test_status_says_so(anas: Machine, bens: Machine) -> None:
    ran = bens("status")

    (check,) = (each for each in ran.result["checks"] if each["name"] == "ledger.pending")
    assert (check["state"], f"those of {ANA}, not of {BEN}" in check["detail"]) == ("fail", True)
    assert "portalcal --workspace sales connect" in check["hint"]


def test_a_new_connection_is_refused_before_anything_is_stored_and_takes_over_with_force(
    anas: Machine, bens: Machine
) -> None:
    assert bens("disconnect", "--yes").exit == 0

    refused, taken = bens("connect"), bens("connect", "--force")

    # The address of the consent page stands above.
    error = json.loads(refused.err.splitlines()[-1])["error"]
    assert (refused.exit, error["code"]) == (5, "other-account")
    assert error["message"].endswith("Nothing was stored.")
    assert taken.exit == 0
    assert bens("book", ELEVEN, *SAM).exit == 0
    assert anas("book", "2026-11-24T12:00", *SAM).error["code"] == "other-account"


def test_another_workspace_has_an_account_of_its_own(anas: Machine, bens: Machine) -> None:
    config = Path(bens.shell.environ["PORTALCAL_CONFIG"])
    config.write_text(config.read_text() + "\n[workspace.sales]\n")

    assert bens("--workspace", "sales", "connect").exit == 0
    assert bens("--workspace", "sales", "book", ELEVEN, *SAM).exit == 0


def test_a_workspace_whose_bookings_are_over_goes_to_whoever_connects(anas: Machine, bens: Machine) -> None:
    assert anas("cancel", "sam@example.com").exit == 0
    assert bens("disconnect", "--yes").exit == 0

    assert bens("connect").exit == 0
    assert bens("book", ELEVEN, *SAM).exit == 0
