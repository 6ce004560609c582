"""Processes that die where they are told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.scene import Driver


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """A process whose children run portalcal."""
    driver = Driver()
    yield driver
    driver.close()
