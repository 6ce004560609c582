"""`portalcal simulator`."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.input_checks import unreadable
from portalcal.cli.options import Json
from portalcal.cli.times import read_length
from portalcal.config.loader import default_workspace
from portalcal.errors import Usage
from portalcal.results import Simulation

if TYPE_CHECKING:
    from datetime import datetime

    from portalcal.simulator.google import Simulator
    from portalcal.simulator.world import World


_WORKSPACE = "simulator"
"""Its own, so that bookings made while trying never lie beside real ones."""


_OWNER = "ana@example.com"
_WORLD_HINT = "its keys are in `portalcal simulator --help`"
_FRACTION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


class ConsentMode(StrEnum):
    """How the simulator answers a consent request."""

    PAGE = "page"
    AUTO = "auto"
    DENY = "deny"
    PARTIAL = "partial"


def simulator(
    ctx: typer.Context,
    world: Annotated[
        Path | None,
        typer.Option("--world", metavar="FILE", help="People, rooms and their calendars, from a TOML file."),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where config.toml goes. Default: a new folder."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65535,
            show_default=False,
            help="Listen on this port. Default: any free one.",
        ),
    ] = 0,
    consent: Annotated[
        ConsentMode, typer.Option("--consent", help="A page to click on, or what its visitor would do.")
    ] = ConsentMode.PAGE,
    latency: Annotated[
        str | None,
        typer.Option("--latency", metavar="LENGTH", help="Let every answer take so much longer: 0.2s, 1s."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="SPEC", help="Misbehave: 'events.insert: lost-reply once'. May be repeated."
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events", metavar="FILE", help="Fill the primary calendar from Google event JSON or .ics."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a small Google on this machine until Ctrl-C, to try scripts on before they touch a real calendar.

    A world is a TOML file. `[people.ben]` has an email, and may have a name, a timezone, busy = ["weekdays 12:00-13:00",
    "tomorrow 14:00-15:00"], events (Google's JSON or an .ics file), answers = "accepts", "declines", "tentative", "if free"
    or "ignores", answers_after = "2s", and shares = "free/busy", "nothing", "details", or a table of these by name.
    `[rooms.oak]` has the same and a capacity; a room answers "if free" by itself.

    [bold]Examples[/bold]

      portalcal simulator --dir google
      portalcal simulator --consent auto --fault "events.insert: lost-reply once"
      BROWSER="curl -sLo /dev/null %s" portalcal connect --vault file
    """
    from portalcal.simulator.google import Simulator

    command = CommandContext.of(ctx, as_json=json, is_change=False, takes_any_workspace=True)
    zone = command.container.machine.zone().key
    described = _read_world(world, timezone=zone, now=command.container.clock.now()) if world else None
    try:
        google = Simulator(
            port,
            consent=consent.value,
            latency=_seconds(latency),
            faults=fault or (),
            owner=described.owner if described else _OWNER,
            timezone=described.timezone if described else zone,
        )
    except ValueError as error:
        raise Usage(str(error), "see `portalcal simulator --help`") from None
    except OSError as error:
        # Not error.strerror: socket.create_server appends the address to it.
        reason = os.strerror(error.errno or 0).lower()
        raise Usage(f"port {port} cannot be listened on: {reason}", "choose another `--port`") from None
    with _sigterm_as_interrupt(), _folder(directory) as folder:
        try:
            if described and world:
                _enter(google, described, world)
            loaded = _load(google, events) if events else 0
            config = hand_over(google, folder, option="--dir", world=described)
            command.view.show(
                Simulation(
                    google.url,
                    google.owner.email,
                    str(config.absolute()),
                    loaded,
                    client_secrets=str(config.absolute().with_name("client_secret.json")),
                    workspace=_WORKSPACE,
                    is_pinned=default_workspace(config) == _WORKSPACE,
                    people=tuple(each.key for each in described.people) if described else (),
                    rooms=tuple(each.key for each in described.rooms) if described else (),
                )
            )
            google.observe(lambda exchange: command.view.log(exchange.line()))
            google.serve_forever()
        finally:
            google.stop()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Handle SIGTERM as Ctrl-C within the block, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """The given folder, or a temporary one that is removed when the simulator ends."""
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="portalcal-simulator-") as folder:
        yield Path(folder)


def hand_over(google: Simulator, folder: Path, *, option: str, world: World | None = None) -> Path:
    """Write the configuration and client file for a simulator, and return the path of the configuration.

    Raises:
        Usage: not a folder, not writable, or one of the files exists and is not a simulator's.
    """
    try:
        return google.write_files(folder, workspace=_WORKSPACE, world=world)
    except FileExistsError as error:
        # mkdir raises this as well, if the folder is a file.
        if error.filename is None or Path(error.filename) == folder:
            raise Usage(f"{folder} is a file, not a folder", f"name another folder with `{option}`") from None
        fact = f"{error.filename} was not written by a simulator, or was changed since. It is left as it is"
        raise Usage(fact, f"name another folder with `{option}`, or move that file away") from None
    except OSError as error:
        where, reason = error.filename or folder, (error.strerror or str(error)).lower()
        raise Usage(f"{where} cannot be written: {reason}", f"name another folder with `{option}`") from None


def _seconds(text: str | None) -> float:
    """Parse a latency in seconds; unlike other durations it may be fractional: 0.2s, 50ms."""
    match = _FRACTION.fullmatch(text) if text else None
    if match:
        return float(match[1]) * (0.001 if match[2] == "ms" else 1)
    return read_length(text).total_seconds() if text else 0.0


def _load(google: Simulator, path: Path) -> int:
    try:
        return google.load(path)
    except ValueError as error:
        raise Usage(f"{path} cannot be loaded: {error}", "give Google event JSON or an .ics file") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _read_world(path: Path, *, timezone: str, now: datetime) -> World:
    from portalcal.simulator.world import read

    try:
        return read(path, owner=_OWNER, timezone=timezone, now=now)
    except ValueError as error:
        raise Usage(f"{path} describes no world: {error}", _WORLD_HINT) from None
    except OSError as error:
        raise unreadable(path, error) from None


def _enter(google: Simulator, world: World, path: Path) -> None:
    try:
        google.enter(world)
    except ValueError as error:
        raise Usage(f"{path} describes no world: {error}", _WORLD_HINT) from None
    except OSError as error:
        raise unreadable(f"{error.filename}, which {path} names,", error) from None
