"""Consent in a real browser, beyond the plain way: through TLS with a private authority, and a tab that is closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.certificates import private_authority
from tests.real.keyring_session import keyring_session
from tests.real.test_end_to_end import ANA, Machine, pytestmark

__all__ = ["pytestmark"]


@pytest.fixture
def secure_google(tmp_path: Path) -> Iterator[Simulator]:
    """A Google behind the certificate of an organisation's own authority."""
    _, context = private_authority(tmp_path)
    with Simulator(consent="page", ssl_context=context) as simulator:
        yield simulator


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator(consent="page") as simulator:
        yield simulator


def desk(google: Simulator, folder: Path) -> Iterator[Machine]:
    google.write_files(folder / "desk/google")
    with keyring_session(folder / "session") as session:
        session.start_daemon(password="open sesame")
        yield Machine(google, session, folder / "desk")


@pytest.fixture
def secure_machine(
    secure_google: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    yield from desk(secure_google, tmp_path)


@pytest.fixture
def machine(google: Simulator, tmp_path: Path) -> Iterator[Machine]:
    yield from desk(google, tmp_path)


def test_a_person_connects_through_tls_with_a_private_authority(
    secure_machine: Machine, secure_google: Simulator
) -> None:
    connected, tab = secure_machine.visit("connect", "--json", person="allow")

    assert tab["headline"] == f"Connected as {ANA}"
    assert connected.result["account"] == ANA
    assert secure_machine("calendars", "--json").result["booking"] == ANA
    assert secure_machine("disconnect", "--yes", "--json").result["revocation"] == "revoked"
    assert secure_google.url.startswith("https://")


def test_a_tab_that_is_closed_leaves_a_wait_that_ends_with_its_deadline(
    machine: Machine, google: Simulator
) -> None:
    ended = machine("connect", "--json", "--timeout", "12s", person="close")

    assert (machine.folder / "closed").exists()
    assert google.count("oauth.authorize") == 1
    assert (ended.exit, ended.error["code"]) == (4, "consent-timed-out")
    assert machine("calendars", "--json").error["code"] == "not-connected"
