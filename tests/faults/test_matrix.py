"""Every fault at every operation of every command: the code, the exit, the ledger and the calendar that the contract asks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests import selection
from tests.cli.conftest import NOW, Ran
from tests.faults.contract import Told
from tests.faults.rows import PASSING, REFUSALS, SHAPED, WIRE, Row
from tests.faults.scenes import SCENES, Scene
from tests.faults.stage import Facts, Stage
from tests.faults.table import OBSERVED


def _traits(cell: tuple[Scene, Row]) -> Iterable[object]:
    """Every fault and every operation somewhere, and in each command what passes by itself and what does not."""
    scene, row = cell
    yield row.fault
    yield str(scene)
    yield scene.line[0], row.do.is_transient


CELLS = selection.cases(
    [(scene, row) for scene in SCENES for row in scene.rows],
    traits=_traits,
    name=lambda cell: f"{cell[0]}: {cell[1].fault}",
)


# Every commit of a thousand ledgers waits for the disk; what is asked here does not depend on one.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as data, Simulator(now=NOW) as google:
        monkeypatch.setenv("XDG_DATA_HOME", data)
        stage = Stage(google, tmp_path / "portalcal")
        stage.configure()
        yield stage
        stage.nobody.close()


def run(stage: Stage, scene: Scene, *more: str) -> Ran:
    """Type the command line, with a log in which a secret could show."""
    words = [stage.booking if word == "BOOKING" else word for word in scene.line]
    return stage("--verbose", *words, *more, "--json")


def told(ran: Ran) -> Told:
    """The exit status with what stands for the outcome: the error's code, the state, or the codes of the warnings."""
    if not ran.out:
        return ran.exit, json.loads(ran.err.splitlines()[-1])["error"]["code"]
    answer = json.loads(ran.out)
    result = answer["result"]
    codes = ", ".join(each["code"] for each in answer["warnings"])
    return ran.exit, result.get("state") if "checks" in result else result.get("revocation") or codes or None


@pytest.mark.parametrize("cell", CELLS)
def test_a_fault_has_its_code_its_exit_and_its_place_in_the_ledger(
    stage: Stage, record_property: Callable[[str, object], None], cell: tuple[Scene, Row]
) -> None:
    scene, row = cell
    expected = scene.rule(row, scene.operation)
    scene.arrange(stage, row)
    stage.strike(scene.operation, f"{row.fault} after={scene.spared}" if scene.spared else row.fault)

    # A silent Google is waited for as long as the person says.
    ran = run(
        stage, scene, *(("--timeout", "3s") if row.kind == "hang" and scene.command == "status" else ())
    )

    status, code = told(ran)
    # Reports of workers carry plain values only.
    record_property(OBSERVED, (str(scene), row.fault, int(status), code))
    assert ((status, code), _facts(stage, scene)) == (expected.told, expected.facts)
    assert stage.secrets_in(ran) == []

    # Neither the shape of a refusal nor one that passed by itself leaves anything else behind.
    if row in SHAPED or row in PASSING:
        return
    stage.lift()
    again = run(stage, scene)
    assert told(again) == expected.again
    assert scene.command == "sync" or expected.settled.state is None or stage.json("sync").exit == 0
    assert _facts(stage, scene) == expected.settled


def _facts(stage: Stage, scene: Scene) -> Facts:
    return stage.facts() if scene.changes_people else stage.facts().without_people()


def test_a_google_that_dribbles_is_not_waited_for_longer_than_status_may_take(stage: Stage) -> None:
    stage.connect()
    stage.strike("calendarList.list", "slow=3")

    ran = stage.json("status", "--timeout", "3s")

    assert told(ran) == (7, "unreachable")


def test_every_refusal_of_the_guide_strikes_every_command() -> None:
    struck = {
        scene.command: {row.kind for each in SCENES if each.command == scene.command for row in each.rows}
        for scene in SCENES
    }

    every = {row.kind for row in (*REFUSALS, *WIRE)}
    assert {name: every - kinds for name, kinds in struck.items() if name != "disconnect"} == {
        name: set() for name in struck if name != "disconnect"
    }
    assert {row.kind for row in SHAPED} == {row.kind for row in REFUSALS} - {"502-html"}
