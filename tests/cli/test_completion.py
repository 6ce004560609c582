"""What a shell is answered at a tab. tests/real/test_shells.py has the shells themselves."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from portalcal.cli.completion import complete
from portalcal.container import Container
from tests.cli.conftest import ANA, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


def at_tab(shell: Shell, line: str, *, by: str = "fish", **environ: str) -> list[str]:
    """What is written for a line that ends at the cursor."""
    out = io.StringIO()

    def make_container(workspace: str | None, config: Path | None) -> Container:
        container = Container(shell.view(), workspace=workspace, config_path=config, environ=shell.environ)
        container.clock = shell
        shell.customize(container)
        return container

    around = shell.environ | {"_PORTALCAL_LINE": line} | environ
    complete(by, around, out, make_container=make_container)
    return out.getvalue().splitlines()


def booked(shell: Shell, start: str, *more: str) -> str:
    identifier: str = shell.json("book", start, *SAM, *more).result["id"]
    return identifier[:8]


def test_bookings_to_come_are_offered_with_name_and_time(connected: Shell) -> None:
    later, sooner = booked(connected, "2026-11-24T11:00"), booked(connected, "2026-11-24T10:00")
    cancelled = booked(connected, "2026-11-24T12:00")
    connected.json("cancel", cancelled)

    assert at_tab(connected, "portalcal cancel ") == [
        "values",
        f"{sooner}\tSam Lee, Tue 24 Nov, 10:00-10:30 (London)",
        f"{later}\tSam Lee, Tue 24 Nov, 11:00-11:30 (London)",
    ]
    assert at_tab(connected, f"portalcal reschedule {later[:6]}")[1:] == [
        f"{later}\tSam Lee, Tue 24 Nov, 11:00-11:30 (London)"
    ]


def test_open_offers_and_their_times_are_offered(connected: Shell) -> None:
    times = ("2026-11-24T10:00", "2026-11-25T11:00")
    made = connected.json("offer", *times, *SAM).result["id"][:8]
    released = connected.json("offer", "2026-11-26T11:00", *SAM).result["id"]
    connected.json("offer", released, "--release")

    assert at_tab(connected, "portalcal offer ")[1:] == [f"{made}\tSam Lee, 2 times"]
    assert at_tab(connected, f"portalcal book --offer {made[:5]}")[1:] == [
        f"{made}/1\tSam Lee, Tue 24 Nov, 10:00-10:30 (London)",
        f"{made}/2\tSam Lee, Wed 25 Nov, 11:00-11:30 (London)",
    ]


def test_whoever_could_leave_or_come_is_offered(portalcal: Shell) -> None:
    portalcal.configure('[people.ben]\nemail = "ben@example.com"\n[rooms.oak]\nemail = "oak@example.com"\n')

    for option in ("--from", "--to"):
        assert at_tab(portalcal, f"portalcal reassign 12345678 {option} ")[1:] == [
            "ben\tben@example.com",
            "oak\toak@example.com",
        ]
    assert at_tab(portalcal, "portalcal bookings --from ") == ["values"]


def test_no_tab_asks_google_or_a_database_server(connected: Shell) -> None:
    booked(connected, "2026-11-24T10:00")
    connected.google.forget_requests()
    connected.environ["PORTALCAL_REFRESH_TOKEN"] = "1//token"

    at_tab(connected, "portalcal cancel ")
    calendars = at_tab(connected, "portalcal calendars --select ")
    connected.configure('[ledger]\nurl = "postgresql://nowhere.invalid/portal"\n')
    on_a_server = [*at_tab(connected, "portalcal cancel "), *at_tab(connected, "portalcal book --offer ")]

    assert connected.google.count() == 0
    assert calendars == ["values", "primary", ANA]
    assert on_a_server == ["values", "values"]


def test_calendars_of_the_connection_are_offered(connected: Shell) -> None:
    assert at_tab(connected, "portalcal calendars --book-into ") == ["values", "primary", ANA]


def test_names_of_the_configuration_are_offered(portalcal: Shell) -> None:
    portalcal.configure(
        '[links.intro]\ntitle = "Intro call"\n[people.ana]\nemail = "ana@example.com"\nname = "Ana Pérez"\n'
        '[rooms.oak]\nemail = "oak@example.com"\n[pools]\nbackend = ["ana"]\n[workspace.sales]\n'
    )

    assert at_tab(portalcal, "portalcal book --link ") == ["values", "intro\tIntro call"]
    assert at_tab(portalcal, "portalcal availability --with ") == ["values", "ana\tAna Pérez ana@example.com"]
    assert at_tab(portalcal, "portalcal availability --any-of ana,a") == [
        "values",
        "ana,ana\tAna Pérez ana@example.com",
    ]
    assert at_tab(portalcal, "portalcal availability --need ") == ["values", "backend\tana"]
    assert at_tab(portalcal, "portalcal availability --room ") == [
        "values",
        "oak\toak@example.com",
        "none\tno room",
    ]
    assert at_tab(portalcal, "portalcal --workspace sa") == ["values", "sales"]
    assert at_tab(portalcal, "portalcal book --timezone europe/lond") == ["values", "Europe/London"]


def test_the_configuration_that_the_line_names_is_read(portalcal: Shell) -> None:
    other = portalcal.folder / "other.toml"
    other.write_text("[links.other]\n[workspace.sales.links.deal]\n")

    assert at_tab(portalcal, f"portalcal --config={other} book --link ")[1:] == ["other\tMeeting with {name}"]
    assert "deal\tMeeting with {name}" in at_tab(
        portalcal, f"portalcal --config {other} --workspace sales book --link "
    )


@pytest.mark.parametrize("broken", ["[rules", '[ledger]\nurl = "nonsense"\n'])
def test_whatever_is_broken_a_tab_shows_nothing_of_it(
    portalcal: Shell, capfd: pytest.CaptureFixture[str], broken: str
) -> None:
    portalcal.configure(broken)

    assert at_tab(portalcal, "portalcal book --link ") == ["values"]
    assert at_tab(portalcal, "portalcal cancel ") == ["values"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("portalcal can", ["cancel\tCancel a booking and remove its event."]),
        (
            "portalcal --workspace x can",
            ["cancel\tCancel a booking and remove its event."],
        ),
        (
            "portalcal schema can",
            ["cancel\tCancel a booking and remove its event."],
        ),
        ("portalcal bookings --state conf", ["confirmed"]),
        ("portalcal bookings --state=conf", ["--state=confirmed"]),
        ("portalcal cancel --no-inp", ["--no-input\tNever ask anything; fail instead."]),
        ("portalcal cancel --no-input --no-inp", []),
        ("portalcal cancel -- --no-inp", []),
        ("portalcal cancel --js", ["--json\tOne JSON object on stdout; errors as JSON on stderr."]),
        ("portalcal cancel --versi", []),
        ("portalcal nonsense ", []),
        ("portalcal nonsense --versi", ["--version\tPrint the version."]),
        ("portalcal status surplus", []),
        ("portalcal book --name ", []),
        ("portalcal book 'half a quo", []),
    ],
)
def test_what_may_be_typed_is_offered_whole(portalcal: Shell, line: str, offered: list[str]) -> None:
    assert at_tab(portalcal, line) == ["values", *offered]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("portalcal --config ", "files"),
        ("portalcal config --check some", "files"),
        ("portalcal book --file ", "files"),
        ("portalcal simulator --dir ", "folders"),
        ("portalcal book ", "values"),
    ],
)
def test_files_are_left_to_the_shell_where_one_is_meant(portalcal: Shell, line: str, kind: str) -> None:
    assert at_tab(portalcal, line) == [kind]


def test_zsh_reads_a_colon_of_a_value_behind_a_backslash(portalcal: Shell) -> None:
    portalcal.configure('[links."a:b"]\ntitle = "Time: noon"\n')

    assert at_tab(portalcal, "portalcal book --link ", by="zsh") == ["values", "a\\:b:Time: noon"]


def test_bash_shows_descriptions_where_there_is_a_choice_and_inserts_none(portalcal: Shell) -> None:
    portalcal.configure('[links.intro]\ntitle = "Intro call"\n[links.interview]\ntitle = "Interview"\n')
    line = "portalcal book --link in"

    assert at_tab(portalcal, line, by="bash", _PORTALCAL_WORD="in") == [
        "values",
        "intro      (Intro call)",
        "interview  (Interview)",
    ]
    assert at_tab(portalcal, f"{line}tr", by="bash", _PORTALCAL_WORD="intr") == ["values", "intro"]
    assert at_tab(portalcal, line, by="bash", _PORTALCAL_WORD="in", COMP_TYPE="37") == [
        "values",
        "intro",
        "interview",
    ]
    assert at_tab(portalcal, line, by="bash", _PORTALCAL_WORD="in", COLUMNS="20")[1] == "intro      (Intro…)"


def test_bash_replaces_what_follows_its_last_break(connected: Shell) -> None:
    line = "portalcal calendars --select ana@ex"

    assert at_tab(connected, line, by="bash", _PORTALCAL_WORD="ex") == ["values", "example.com"]
    assert at_tab(connected, "portalcal calendars --select ana@", by="bash", _PORTALCAL_WORD="@") == [
        "values",
        "example.com",
    ]


def test_a_name_that_a_shell_would_take_apart_is_not_offered(portalcal: Shell) -> None:
    portalcal.configure('[links."$(evil)"]\n[links."two words"]\n[links.good]\ntitle = "a\\u001b[2Jb\\nc"\n')

    assert at_tab(portalcal, "portalcal book --link ") == ["values", "good\ta␛[2Jb c"]
