"""Many processes at once on one ledger in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.crash.conftest import driver
from tests.crash.scene import NOW, Driver, Scene
from tests.crash.test_race import race_for_panels
from tests.real.postgres_cluster import Cluster

__all__ = ["driver"]

pytestmark = [pytest.mark.real, pytest.mark.full]


def test_of_32_processes_that_want_panels_out_of_five_every_refused_one_was_truly_refused(
    driver: Driver, postgres: Cluster, tmp_path: Path
) -> None:
    with Simulator(now=NOW) as google:
        scene = Scene(driver, google, tmp_path, database_url=postgres.url(postgres.new_database()))
        race_for_panels(scene)
