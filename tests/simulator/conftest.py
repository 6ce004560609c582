"""A simulator that stands at a known hour, and a client with a token for everything."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator import discovery
from tests.simulator.wire import Browserless

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def google() -> Iterator[Simulator]:
    """Ana's Google in London, on Monday 23 November 2026 at eight."""
    with Simulator(now=NOW) as simulator:
        verifier = discovery.attach(simulator)
        yield simulator
    assert verifier.problems == []


@pytest.fixture
def stranger(google: Simulator) -> Iterator[Browserless]:
    """A client without a token."""
    with Browserless(google) as client:
        yield client


@pytest.fixture
def ana(google: Simulator) -> Iterator[Browserless]:
    """A client that may do everything with Ana's calendars."""
    with Browserless(google, google.issue_token()) as client:
        yield client
