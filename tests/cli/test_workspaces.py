"""Several workspaces side by side, each with its account; and the right account in each."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from portalcal.core.permissions import TITLES, scopes_to_ask
from portalcal.simulator import Simulator
from tests.adapters.keyrings import InMemory
from tests.cli.conftest import ANA, Shell, visit

BEN = "ben@example.com"


@pytest.fixture
def office(portalcal: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A machine with a keyring and two people's accounts, on which several workspaces can be connected."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.keyrings.InMemory")
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
    office.browser = lambda url: visit(url.replace("login_hint", "ignored"))

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
        seen.append(asked_for(url))
        return visit(url)

    office.browser = browser
    google.consent = "partial"
    assert office("connect").exit == 4
    google.consent = "auto"
    assert office("connect", "--titles").exit == 0
    assert office("connect", "--force").exit == 0

    assert seen == [set(scopes_to_ask()), {*scopes_to_ask(), TITLES}, {*scopes_to_ask(), TITLES}]
