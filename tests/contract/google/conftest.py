"""Facts about Google, each with its source: true of the simulator, and with `--live` of the service.

`pytest tests/contract/google --live` needs PORTALCAL_LIVE_TOKEN, an access token with the scope `calendar`, and writes
(and removes) events in PORTALCAL_LIVE_CALENDAR, which is best a calendar of its own.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from portalcal.simulator.google import Simulator
from tests.contract.google.service import Service
from tests.simulator import discovery

STANDINGS = ("confirmed", "secondary", "unconfirmed")
_CONNECT = socket.socket.connect


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register --live; a conftest nearer the root may have done so, for `pytest --live` without a path."""
    with contextlib.suppress(ValueError):
        parser.addoption(
            "--live", action="store_true", help="check the facts about Google on the service itself"
        )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker a fact carries."""
    config.addinivalue_line(
        "markers",
        "fact(standing, source): a fact about Google; confirmed (Google says so), secondary (others report it), "
        "unconfirmed (assumed; code must survive either answer)",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """A fact without a standing and a source is hearsay."""
    if "contract/google/" not in item.path.as_posix():
        return
    marker = item.get_closest_marker("fact")
    if marker is None or marker.args[0] not in STANDINGS or not marker.args[1]:
        raise pytest.UsageError(f"{item.nodeid} names no standing out of {STANDINGS} and no source")


@pytest.fixture
def is_live(request: pytest.FixtureRequest) -> bool:
    """Whether the service itself is asked."""
    return bool(request.config.getoption("--live", default=False))


@pytest.fixture
def google(is_live: bool, _only_loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Google with a token for everything: the simulator, or the service."""
    if is_live:
        monkeypatch.setattr(socket.socket, "connect", _CONNECT)
        service = Service(
            "https://www.googleapis.com/calendar/v3/",
            "https://oauth2.googleapis.com/",
            os.environ["PORTALCAL_LIVE_TOKEN"],
            os.environ.get("PORTALCAL_LIVE_CALENDAR", "primary"),
        )
        yield service
        service.clean_up()
        return
    with Simulator(now=datetime(2026, 11, 23, 8, tzinfo=UTC)) as simulator:
        verifier = discovery.attach(simulator)
        service = Service(
            simulator.api_root, f"{simulator.url}/", simulator.issue_token(), simulator=simulator
        )
        yield service
        service.clean_up()
    assert verifier.problems == []


@pytest.fixture
def simulator(google: Service) -> Simulator:
    """The simulator, for facts that need a consent, a clock or another person."""
    if google.simulator is None:
        pytest.skip("the service cannot be put into this state on demand")
    return google.simulator
