"""The real parts that several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real import postgres_cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_cluster.Cluster]:
    """One server for the whole run; every test makes databases of its own in it."""
    if postgres_cluster.programs() is None:
        pytest.skip("apt-get install postgresql")
    with postgres_cluster.cluster() as made:
        yield made


@pytest.fixture(scope="session")
def pgbouncer() -> None:
    """PgBouncer is installed."""
    if not Path("/usr/sbin/pgbouncer").exists():
        pytest.skip("apt-get install pgbouncer")
