"""`portalcal demo`: the whole story on a small Google of its own. Touches nothing of the user's."""

from __future__ import annotations

import shlex
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portalcal.cli.invocation import Invocation
from portalcal.core.instants import ONE_DAY
from portalcal.errors import Exit

if TYPE_CHECKING:
    from portalcal.simulator import Simulator
    from portalcal.wiring import Portal

_ZONE = "Europe/London"


def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Leave configuration and ledger in this folder."),
    ] = None,
) -> int:
    """See the whole story in seconds: no Google account and no network needed, nothing of yours is touched."""
    from portalcal.simulator import Simulator

    invocation: Invocation = ctx.obj
    with _folder(keep) as folder, Simulator(consent="auto", timezone=_ZONE) as google:
        monday = _next_monday(google.clock.now())
        _fill(google, monday)
        # As Google mostly does: the Meet link is there with the event.
        google.conference = "success"
        config = google.write_files(folder)
        stage = _Stage(invocation, config, folder)
        _play(stage, monday)
    return Exit.DONE


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="portalcal-demo-") as folder:
        yield Path(folder)


def _next_monday(now: datetime) -> date:
    today = now.date()
    return today + (7 - today.weekday()) * ONE_DAY


def _fill(google: Simulator, monday: date) -> None:
    """A week as people have it: meetings of one's own, a team calendar, a holiday somebody else keeps."""
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


def _clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _play(stage: _Stage, monday: date) -> None:
    """The story. Each line is run exactly as it is shown."""
    meeting = f"{monday}T13:00"
    guest = '--name "Sam Lee" --email sam@example.com'
    stage.scene("Connect a Google account. Consent happens in the browser; this browser says yes by itself.")
    stage.types("portalcal connect")
    stage.scene("The team's calendar counts too.")
    stage.types("portalcal calendars --select Team")
    stage.scene("What can be booked next week?")
    stage.types(f"portalcal availability {monday} --days 5")
    stage.scene("Book a time. The event is in the calendar before the command says so.")
    stage.types(f"portalcal book {meeting} {guest} --key order-17 --meet")
    stage.scene(
        "The same request again, as a script would after a crash: the same booking, not a second one."
    )
    stage.types(f"portalcal book {meeting} {guest} --key order-17 --meet")
    stage.scene("Somebody else wants that time.")
    stage.types(f"portalcal book {meeting} --name Kim --email kim@example.com", expects=Exit.CONFLICT)
    stage.scene("And why is Wednesday at ten not offered?")
    stage.types(f'portalcal availability --explain "{monday + 2 * ONE_DAY} 10:00"')
    stage.scene("Plans change. Same event, same Meet link, new time.")
    stage.types(f"portalcal reschedule {stage.booking('order-17')} {monday}T15:00")
    stage.scene("And change again.")
    stage.types(f"portalcal cancel {stage.booking('order-17')}")
    stage.scene("Is everything well?")
    stage.types("portalcal status")
    stage.scene("Enough.")
    stage.types("portalcal disconnect --yes")


class _Stage:
    """Runs command lines in this process, with a data folder, a keyring and a browser of their own."""

    def __init__(self, invocation: Invocation, config: Path, folder: Path) -> None:
        from portalcal.adapters.memory_vault import MemoryVault
        from portalcal.adapters.system import Paths

        self._vault = MemoryVault()
        self._paths = Paths(config, True, folder / "data")
        environ = {
            name: value for name, value in invocation.environ.items() if not name.startswith("PORTALCAL_")
        }
        self._invocation = Invocation(
            # One stream: in a file, too, a story has its order.
            environ,
            invocation.stdin,
            invocation.stdout,
            invocation.stdout,
            fit=self._fit,
        )
        self._view = self._invocation.view("demo", as_json=False)

    def _fit(self, portal: Portal) -> None:
        self._portal = portal
        portal.__dict__ |= {
            "paths": self._paths,
            "vault": self._vault,
            "open_browser": _visit,
            "has_browser": True,
            "token_variables": (),
        }

    def scene(self, words: str) -> None:
        """One sentence of the story."""
        self._view.narrate(words)

    def types(self, line: str, *, expects: Exit = Exit.DONE) -> None:
        """Run one line as it is shown.

        Raises:
            RuntimeError: the command ended otherwise than the story has it.
            BrokenPipeError: nobody reads on.
        """
        from portalcal.cli.app import run

        self._view.narrate(line, is_typed=True)
        status = run(shlex.split(line)[1:], self._invocation)
        if not getattr(self._invocation.stdout, "is_read", True):
            raise BrokenPipeError
        if status != expects:
            raise RuntimeError(f"{line} ended with {status}, not {expects.value}")

    def booking(self, key: str) -> str:
        """The id of the booking made under a key, for the next line to be typed."""
        known = self._portal.ledger.under_key(key)
        return str(known.id) if known else ""


def _visit(url: str) -> bool:
    """A browser whose user agrees to everything: it follows the redirects on a thread of its own."""

    def look() -> None:
        with urllib.request.urlopen(url, timeout=20) as page:  # noqa: S310 - the simulator's own address
            page.read()

    threading.Thread(target=look, name="demo-browser", daemon=True).start()
    return True
