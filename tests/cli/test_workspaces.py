"""Several workspaces side by side, each with its account; and the right account in each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from portalcal.core.permissions import TITLES, scopes_to_ask
from portalcal.simulator.google import Simulator
from tests.adapters.vault.keyrings import InMemory
from tests.cli.conftest import ANA, Shell, visit
from tests.consent_page import consent_page

BEN = "ben@example.com"


@pytest.fixture
def office(portalcal: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A machine with a keyring and two people's accounts, on which several workspaces can be connected."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.vault.keyrings.InMemory")
    portalcal.has_own_vault = False
    google.add_user(BEN)
    yield portalcal
    InMemory.clear()


def account_of(shell: Shell, workspace: str) -> str:
    return str(shell.json("--workspace", workspace, "calendars").result["booking"])


def connect(shell: Shell, google: Simulator, workspace: str, account: str) -> None:
    google.oauth.owner = account
    assert shell("--workspace", workspace, "connect", "--account", account).exit == 0


def test_each_workspace_has_its_own_account(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    connect(office, google, "support", BEN)

    assert (account_of(office, "sales"), account_of(office, "support")) == (ANA, BEN)


def test_a_booking_of_one_is_not_seen_in_the_other(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    connect(office, google, "support", BEN)
    who = ("--name", "Sam", "--email", "sam@example.com")

    for workspace in ("sales", "support"):
        booked = office.json("--workspace", workspace, "book", "2026-11-24T10:00", *who)
        assert booked.result["state"] == "confirmed"
        assert len(office.json("--workspace", workspace, "bookings").result) == 1


def test_ending_one_connection_leaves_that_of_another_account(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    connect(office, google, "support", BEN)

    ran = office.json("--workspace", "sales", "disconnect", "--yes")

    assert ran.warnings == []
    assert account_of(office, "support") == BEN
    assert office.json("--workspace", "sales", "calendars").error["code"] == "not-connected"


def test_workspaces_on_the_same_account_are_named_because_google_ends_their_grants_too(
    office: Shell, google: Simulator
) -> None:
    for workspace in ("sales", "north", "support"):
        connect(office, google, workspace, ANA)

    ran = office("--workspace", "sales", "disconnect", "--yes")

    assert ran.exit == 0
    assert "the workspaces north, support, on ana@example.com as well, lose their connections" in " ".join(
        ran.err.split()
    )
    google.clock.advance(hours=2)
    assert office.json("--workspace", "support", "calendars").error["code"] == "grant-revoked"


def test_a_grant_that_is_kept_ends_nobody_elses(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    connect(office, google, "support", ANA)

    assert office.json("--workspace", "sales", "disconnect", "--yes", "--keep-grant").warnings == []
    assert account_of(office, "support") == ANA


def test_a_damaged_connection_elsewhere_stops_nothing(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    connect(office, google, "support", ANA)
    damaged = next((office.folder.parent / "home").rglob("support/connection.toml"))
    damaged.write_text("account = 7\n")

    assert office.json("--workspace", "sales", "disconnect", "--yes").result["forgotten"] is True


def test_the_account_that_was_named_must_be_the_one_that_consents(office: Shell, google: Simulator) -> None:
    google.oauth.owner = BEN
    office.browser = lambda url: visit(consent_page(url).replace("login_hint", "ignored"))

    ran = office("connect", "--account", ANA)

    assert ran.exit == 5
    assert "belongs to ana@example.com, but ben@example.com gave consent. Nothing was stored." in " ".join(
        ran.err.split()
    )
    assert not InMemory.kept
    assert office.json("calendars").error["code"] == "not-connected"


def test_the_named_account_is_compared_without_regard_to_case(office: Shell) -> None:
    assert office("connect", "--account", "Ana@Example.com").exit == 0


def asked_for(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["scope"][0].split())


def test_a_later_connect_asks_for_the_whole_set_again(office: Shell, google: Simulator) -> None:
    seen: list[set[str]] = []

    def browser(url: str) -> bool:
        page = consent_page(url)
        seen.append(asked_for(page))
        return visit(page)

    office.browser = browser
    google.consent = "partial"
    assert office("connect").exit == 4
    google.consent = "auto"
    assert office("connect", "--titles").exit == 0
    assert office("connect", "--force").exit == 0

    assert seen == [set(scopes_to_ask()), {*scopes_to_ask(), TITLES}, {*scopes_to_ask(), TITLES}]


NO_NAMES = [
    "ledger.db", "Ledger.DB", "ledger.db-wal", "ledger.db.lock", "config.toml", "connection.toml", "CON", "nul", "com1.txt",
    "LPT9", "work.", ".work", "work ", " work", "a/b", "..", "wörk", "w" * 65,
]  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("command", ["status", "bookings", "connect"])
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(
    portalcal: Shell, name: str, command: str
) -> None:
    named = portalcal.json("--workspace", name, command)
    through_environment = portalcal(command, "--json", environ={"PORTALCAL_WORKSPACE": name})

    for ran in (named, through_environment):
        assert (ran.exit, ran.error["code"]) == (2, "usage")
        assert "cannot name a workspace" in ran.error["message"]


@pytest.mark.parametrize("name", ["sales", "console", "com", "ledger", "ledger-db", "a.b-c_1", "0"])
def test_other_names_are_taken(portalcal: Shell, name: str) -> None:
    portalcal.configure(f'[workspace."{name}"]\n')

    assert portalcal.json("--workspace", name, "status", "--offline").exit == 4


# --- workspaces that nobody made


@pytest.mark.parametrize(
    "line",
    ["bookings", "calendars", "status", "availability", "sync", "disconnect --yes", "cancel 12345678"],
)
def test_a_workspace_that_nobody_made_is_refused(office: Shell, google: Simulator, line: str) -> None:
    connect(office, google, "sales", ANA)
    google.forget_requests()

    error = office(*line.split(), "--workspace", "slaes", "--json").error

    assert (error["code"], error["exit"]) == ("workspace-not-found", 6)
    assert error["message"] == "there is no workspace slaes; did you mean sales?"
    assert error["hint"] == (
        "make it with `portalcal --workspace slaes connect`, or name one that is there: default, sales"
    )
    assert google.requests == []


def test_connect_makes_a_workspace_and_so_does_its_table(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)
    office.configure("[workspace.support]\n")

    assert office.json("--workspace", "sales", "bookings").exit == 0
    assert office.json("--workspace", "support", "bookings").exit == 0
    assert office.json("--workspace", "sales", "disconnect", "--yes").exit == 0
    assert office.json("--workspace", "sales", "bookings").exit == 0


def test_a_token_of_the_environment_serves_any_workspace(portalcal: Shell) -> None:
    environ = {"PORTALCAL_WORKSPACE": "ci", "PORTALCAL_ACCESS_TOKEN": "ya29.token"}

    assert portalcal("bookings", environ=environ).exit == 0


def test_the_configuration_may_name_the_workspace_of_commands_that_name_none(portalcal: Shell) -> None:
    path = portalcal.folder / "config.toml"
    path.write_text(path.read_text().replace('default_workspace = "default"', 'default_workspace = "play"'))

    assert json.loads(portalcal.json("status", "--offline").out)["result"]["workspace"] == "play"
    path.write_text(path.read_text().replace('"play"', "7"))
    assert "default_workspace = 7: expected text in quotes" in portalcal("bookings").err
    path.write_text(path.read_text().replace("default_workspace = 7", 'default_workspace = "play"'))
    assert portalcal.json("--workspace", "default", "bookings").exit == 0


def test_a_name_that_differs_in_case_only_is_refused(office: Shell, google: Simulator) -> None:
    connect(office, google, "sales", ANA)

    for name, other in (("Sales", "sales"), ("SALES", "sales"), ("Default", "default")):
        error = office.json("--workspace", name, "bookings", "--json").error
        assert (error["code"], error["exit"]) == ("usage", 2)
        assert error["message"] == f"the workspaces {name} and {other} differ in case only"
    assert account_of(office, "sales") == ANA


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('[workspace."ledger.db"]', "portalcal has a file of this one"),
        ("[workspace.CON]", "Windows has a device of this one"),
        ('[workspace."work."]', "and no dot at either end"),
        ("[workspace.sales]\n[workspace.Sales]", "differs from Sales in case only"),
    ],
)
def test_a_table_of_the_configuration_that_no_workspace_can_mean_is_refused(
    portalcal: Shell, table: str, expected: str
) -> None:
    portalcal.configure(table)

    error = portalcal.json("bookings").error

    assert (error["code"], error["exit"]) == ("config-invalid", 3)
    assert expected in error["message"]
