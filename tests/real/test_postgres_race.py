"""Many processes at once on one ledger in PostgreSQL, and processes that are killed: at the server and behind a pooler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.crash.conftest import driver
from tests.crash.scene import NOW, Driver, Scene
from tests.crash.test_crash import CASES, Case, NewScene, kill_at_every_boundary
from tests.crash.test_race import play_at_random, race_for_one_time, race_for_panels
from tests.real.postgres_cluster import Cluster, Pooler

__all__ = ["driver"]

pytestmark = [pytest.mark.real, pytest.mark.full]

_BY_NAME = {each.name: each for each in CASES}


@pytest.fixture(scope="module")
def pooler(postgres: Cluster, pgbouncer: None) -> Iterator[Pooler]:
    with Pooler(postgres, mode="transaction") as made:
        yield made


@pytest.fixture
def new_scene(driver: Driver, postgres: Cluster, pooler: Pooler, tmp_path: Path) -> NewScene:
    def new_scene(google: Simulator, folder: str) -> Scene:
        """A machine whose ledger is behind a pooler that gives every transaction another session."""
        database = postgres.new_database()

        def let_leases_lapse() -> None:
            if postgres.sql("SELECT to_regclass('portalcal.outbox') IS NOT NULL", database=database) == "t":
                postgres.sql(
                    "UPDATE portalcal.outbox SET leased_until = leased_until - 20", database=database
                )

        return Scene(
            driver,
            google,
            tmp_path / folder,
            database_url=pooler.url(database),
            let_leases_lapse=let_leases_lapse,
        )

    return new_scene


def test_of_32_processes_that_want_panels_out_of_five_every_refused_one_was_truly_refused(
    driver: Driver, postgres: Cluster, tmp_path: Path
) -> None:
    with Simulator(now=NOW) as google:
        scene = Scene(driver, google, tmp_path, database_url=postgres.url(postgres.new_database()))
        race_for_panels(scene)


@pytest.mark.parametrize("race", [race_for_one_time, race_for_panels, play_at_random])
def test_a_race_behind_a_pooler_ends_as_it_does_without_one(
    new_scene: NewScene, race: Callable[[Scene], None]
) -> None:
    with Simulator(now=NOW) as google:
        race(new_scene(google, "race"))


@pytest.mark.parametrize(
    "of_case",
    [(case, again) for case in CASES if case.name != "sync" for again in (True, False)],
    ids=lambda of_case: f"{of_case[0].name}-{('then sync', 'then the same again')[of_case[1]]}",
)
def test_killed_anywhere_behind_a_pooler_nothing_is_lost_or_doubled(
    new_scene: NewScene, add_to_summary: Callable[[str], None], of_case: tuple[Case, bool]
) -> None:
    kill_at_every_boundary(new_scene, of_case, add_to_summary)


def test_a_sync_killed_anywhere_behind_a_pooler_loses_and_doubles_nothing(
    new_scene: NewScene, add_to_summary: Callable[[str], None]
) -> None:
    kill_at_every_boundary(new_scene, (_BY_NAME["sync"], True), add_to_summary)
