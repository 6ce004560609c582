"""`portalcal demo`: run a scripted series of commands against a simulator of its own, in a folder of its own."""

from __future__ import annotations

import shlex
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portalcal.cli.commands.simulator import hand_over
from portalcal.cli.context import Invocation
from portalcal.core.time import ONE_DAY
from portalcal.errors import Exit, Usage
from portalcal.run_all import in_background

if TYPE_CHECKING:
    from portalcal.container import Container
    from portalcal.simulator.google import Simulator
    from portalcal.simulator.world import World


_ZONE = "Europe/London"


_DATA = "data"


def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Leave configuration and ledger in this folder."),
    ] = None,
) -> int:
    """See the whole story in seconds: no Google account and no network needed, nothing of yours is touched.

    [bold]Examples[/bold]

      portalcal demo
      portalcal demo --keep portalcal-demo
    """
    from portalcal.simulator.google import Simulator

    invocation: Invocation = ctx.obj
    now = invocation.clock.now() if invocation.clock else None
    with _folder(keep) as folder, Simulator(consent="auto", timezone=_ZONE, now=now) as google:
        monday = _next_monday(google.clock.now())
        _fill(google, monday)
        team = _team(google)
        # As Google usually does: the Meet link is created along with the event.
        google.conference = "success"
        config = hand_over(google, folder, option="--keep", world=team)
        _check_unused(folder / _DATA)
        runner = _DemoRunner(invocation, config, folder)
        _play(runner, monday)
    return Exit.DONE


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="portalcal-demo-") as folder:
        yield Path(folder)


def _check_unused(data: Path) -> None:
    """The demo needs an empty ledger. Raises: Usage (the folder has one, usually of an earlier demo)."""
    if data.exists():
        raise Usage(
            f"{data} holds records already, and the demo begins without any. They are left as they are",
            "name another folder with `--keep`, or move that one away",
        )


def _next_monday(now: datetime) -> date:
    today = now.date()
    return today + (7 - today.weekday()) * ONE_DAY


def _fill(google: Simulator, monday: date) -> None:
    """Fill the simulator with a typical week: own meetings, a team calendar, a holiday calendar."""
    google.add_calendar("team@example.com", summary="Team", role="writer")
    google.add_calendar("holidays@example.com", summary="Holidays", role="reader")
    for calendar, day, start, end, title in (
        ("primary", 0, "09:30", "11:00", "Stand-up and planning"),
        ("primary", 1, "14:00", "15:30", "Interview"),
        ("primary", 3, "12:00", "13:00", "Lunch with Kim"),
        ("team@example.com", 2, "09:00", "12:00", "Team workshop"),
        ("team@example.com", 4, "15:00", "16:00", "Retrospective"),
    ):
        when = datetime.combine(monday + day * ONE_DAY, datetime.min.time())
        google.add_event(calendar, when + _clock(start), when + _clock(end), title)


_TEAM = """
[people.dana]
email = "dana@example.com"
answers = "accepts"
busy = ["weekdays 09:00-09:30", "mon 13:00-17:00"]
[people.ben]
email = "ben@example.com"
answers = "declines"
busy = ["wed 09:00-17:00"]
[people.kim]
email = "kim@example.com"
answers = "accepts"
busy = ["thu 13:00-17:00"]
[people.zoe]
email = "zoe@example.com"
timezone = "Europe/Berlin"
answers = "accepts"
busy = ["weekdays 12:00-13:00"]
[rooms.oak]
email = "oak@example.com"
busy = ["fri 09:00-12:00"]
[pools]
backend = ["ben", "kim", "zoe"]
"""


def _team(google: Simulator) -> World:
    """The people and the room of the second act."""
    from portalcal.simulator.world import read_text

    team = read_text(_TEAM, owner=google.owner.email, timezone=_ZONE, now=google.clock.now())
    google.enter(team)
    return team


def _clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _play(runner: _DemoRunner, monday: date) -> None:
    """The script of the demo. Each command line runs exactly as shown."""
    meeting = f"{monday}T13:00"
    guest = '--name "Sam Lee" --email sam@example.com'
    runner.narrate(
        "Connect a Google account. Consent happens in the browser; this browser says yes by itself."
    )
    runner.run("portalcal connect")
    runner.narrate("The team's calendar counts too.")
    runner.run("portalcal calendars --select Team")
    runner.narrate("What can be booked next week?")
    runner.run(f"portalcal availability {monday} --days 5")
    runner.narrate("Book a time. The event is in the calendar before the command says so.")
    runner.run(f"portalcal book {meeting} {guest} --key order-17 --meet")
    runner.narrate(
        "The same request again, as a script would after a crash: the same booking, not a second one."
    )
    runner.run(f"portalcal book {meeting} {guest} --key order-17 --meet")
    runner.narrate("Somebody else wants that time.")
    runner.run(f"portalcal book {meeting} --name Kim --email kim@example.com", expects=Exit.CONFLICT)
    runner.narrate("And why is Wednesday at ten not offered?")
    runner.run(f'portalcal availability --explain "{monday + 2 * ONE_DAY} 10:00"')
    runner.narrate("Plans change. Same event, same Meet link, new time.")
    runner.run(f"portalcal reschedule {runner.booking('order-17')} {monday}T15:00")
    runner.narrate("And change again.")
    runner.run(f"portalcal cancel {runner.booking('order-17')}")
    _play_panel(runner, monday)
    runner.narrate("Is everything well?")
    runner.run("portalcal status")
    runner.narrate("Enough.")
    runner.run("portalcal disconnect --yes")


def _play_panel(runner: _DemoRunner, monday: date) -> None:
    """The second act: an interview with three people and a room; one of the people declines."""
    panel = "--with dana --need backend:2 --room oak"
    runner.narrate("An interview is a panel: Dana, two of the backend people, and a room. When could they?")
    runner.run(f"portalcal availability {monday} --days 5 {panel}")
    runner.narrate("Book it. Whoever had the fewest meetings comes; the room answers by itself.")
    runner.run(
        f"portalcal book {monday + ONE_DAY}T10:00 --name Alex --email alex@example.com {panel} --key panel"
    )
    runner.narrate("Ben declines in his calendar. What the calendar says is taken over by `sync`.")
    runner.run("portalcal sync")
    runner.narrate("Somebody else of the pool comes in his place: same event, same time.")
    runner.run(f"portalcal reassign {runner.booking('panel')} --from ben")


class _DemoRunner:
    """Runs command lines in this process, with their own data folder, vault and browser."""

    def __init__(self, invocation: Invocation, config: Path, folder: Path) -> None:
        from portalcal.adapters.system import Paths
        from portalcal.adapters.vault.memory import MemoryVault

        self._vault = MemoryVault()
        self._paths = Paths(config, True, folder / _DATA)
        own = {name: value for name, value in invocation.environ.items() if not name.startswith("PORTALCAL_")}
        # Nobody is asked on a terminal either: the story is told from its beginning to its end.
        environ = own | {"PORTALCAL_NO_INPUT": "1"}
        self._invocation = Invocation(
            # stderr is stdout: redirected to a file, the output keeps its order.
            environ,
            invocation.stdin,
            invocation.stdout,
            invocation.stdout,
            customize=self._customize,
            clock=invocation.clock,
            remembers_errors=False,
        )
        self._view = self._invocation.view("demo", as_json=False)

    def _customize(self, container: Container) -> None:
        self._container = container
        container.override(
            paths=self._paths,
            vault=self._vault,
            open_browser=_visit,
            has_browser=True,
            token_variables=(),
        )

    def narrate(self, sentence: str) -> None:
        """Show one sentence of narration."""
        self._view.narrate(sentence)

    def run(self, line: str, *, expects: Exit = Exit.DONE) -> None:
        """Show and run one command line.

        Raises:
            KeyboardInterrupt: it was interrupted.
            RuntimeError: unexpected exit status.
            BrokenPipeError: the reader of stdout has gone.
        """
        from portalcal.cli.app import run as run_command

        self._view.narrate(line, is_typed=True)
        status = run_command(shlex.split(line)[1:], self._invocation)
        if not getattr(self._invocation.stdout, "is_read", True):
            raise BrokenPipeError
        if status == Exit.INTERRUPTED:
            raise KeyboardInterrupt
        if status != expects:
            raise RuntimeError(f"{line} ended with {status}, not {expects.value}")

    def booking(self, key: str) -> str:
        """The id of the booking with an idempotency key, for the next command line."""
        booking = self._container.ledger.under_key(key)
        return str(booking.id) if booking else ""


def _visit(url: str) -> bool:
    """A browser that grants everything: follows the redirects on a background thread."""
    # Bypass a proxy of the environment for loopback.
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def look() -> None:
        with directly.open(url, timeout=20) as page:
            page.read()

    in_background(look, name="demo-browser")
    return True
