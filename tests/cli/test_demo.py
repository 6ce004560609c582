"""The demo: a whole story that needs nothing of the user's and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS, run
from portalcal.cli.context import Invocation
from tests import selection
from tests.cli.conftest import Ran, Shell
from tests.terminal import Terminal

SECRETS = ("1//", "ya29.", "GOCSPX-", "Authorization", "code_verifier")


def demo(*arguments: str, **environ: str) -> Ran:
    """`portalcal demo` in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "portalcal", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        env=os.environ | environ,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def typed(ran: Ran) -> list[str]:
    """The command lines of the story."""
    return [line.removeprefix("$ ") for line in ran.out.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def _one_story() -> list[Ran]:
    """The story is the same for all who only read it."""
    return []


@pytest.fixture
def story(_one_story: list[Ran], tmp_path: Path) -> Ran:
    """The whole of it."""
    if not _one_story:
        _one_story.append(demo("demo", TMPDIR=str(tmp_path)))
        assert list(tmp_path.iterdir()) == [tmp_path / "home"]
        assert list((tmp_path / "home").rglob("*")) == []
    return _one_story[0]


def test_the_whole_story_is_told_in_seconds_and_leaves_nothing_behind(story: Ran) -> None:
    assert (story.exit, story.err) == (0, "")


def test_every_line_is_one_that_can_be_typed(story: Ran) -> None:
    words = [line.split() for line in typed(story)]

    assert {each[0] for each in words} == {"portalcal"}
    assert {each[1] for each in words} <= set(COMMANDS)


def test_it_shows_what_portalcal_is_for_in_order(story: Ran) -> None:
    assert [line.split()[1] for line in typed(story)] == [
        "connect", "calendars", "availability", "book", "book", "book", "availability", "reschedule",
        "cancel", "availability", "book", "sync", "reassign", "status", "disconnect",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "Connected",
        "ana@example.com",
        "Team",
        "Meeting with Sam Lee",
        "is taken by Sam Lee's booking ",
        "Nothing was booked.",
        "nearest: ",
        "oak  room  accepted",
        "declined by who should come",
        "comes instead of ben",
        "Connected: everything works",
    ],
)
def test_it_says(story: Ran, said: str) -> None:
    assert said in story.out


@pytest.mark.full
def test_nothing_is_amiss_in_it(story: Ran) -> None:
    assert "Traceback" not in story.out
    assert "warning:" not in story.out
    assert [line for line in story.out.splitlines() if line.startswith("error:")] == [
        line for line in story.out.splitlines() if " is taken by Sam Lee's booking " in line
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_shown(story: Ran, secret: str) -> None:
    assert secret not in story.out


def test_it_is_for_people(story: Ran) -> None:
    assert {line.partition(" ")[0] for line in story.out.splitlines() if line.startswith(("#", "$"))} == {
        "#",
        "$",
    }


@pytest.mark.full
def test_the_users_configuration_and_workspace_do_not_matter(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("this is not TOML")

    ran = demo("demo", PORTALCAL_CONFIG=str(config), PORTALCAL_WORKSPACE="sales", PORTALCAL_ACCESS_TOKEN="x")

    assert ran.exit == 0
    assert config.read_text() == "this is not TOML"
    assert list((tmp_path / "home").rglob("*")) == []


def test_it_can_be_kept_and_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    ran = demo("demo", "--keep", str(folder))

    assert ran.exit == 0
    assert {each.name for each in folder.iterdir()} == {"config.toml", "client_secret.json", "data"}
    assert (folder / "data/ledger.db").exists()
    assert list((tmp_path / "home").rglob("*")) == []


@pytest.mark.full
def test_it_keeps_no_secret_in_a_file_but_the_play_client(tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    demo("demo", "--keep", str(folder))

    for file in (each for each in folder.rglob("*") if each.is_file() and each.name != "client_secret.json"):
        assert not [secret for secret in SECRETS if secret.encode() in file.read_bytes()], file


@pytest.mark.parametrize(
    "zone", selection.first(["Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"], 1)
)
def test_it_is_told_wherever_one_is(zone: str) -> None:
    assert demo("demo", TZ=zone).exit == 0


def test_a_folder_with_records_of_an_earlier_demo_is_left_as_it_is(portalcal: Shell, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "data").mkdir(parents=True)

    ran = portalcal("demo", "--keep", str(kept))

    assert (ran.exit, ran.out) == (2, "")
    assert f"{kept / 'data'} holds records already" in ran.err.replace("\n", " ")
    assert list((kept / "data").iterdir()) == []


def test_on_a_terminal_nobody_is_asked_anything() -> None:
    terminal = Terminal()

    exit_ = run(("demo",), Invocation({"TERM": "xterm"}, Terminal(), terminal, terminal))

    assert exit_ == 0
    assert "[y/N]" not in terminal.getvalue()
