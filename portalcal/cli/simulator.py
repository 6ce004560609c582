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

from portalcal.answers import Simulation
from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.cli.when import read_length
from portalcal.errors import Usage

if TYPE_CHECKING:
    from portalcal.simulator import Simulator

_FRACTION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


class ConsentMode(StrEnum):
    """What happens when somebody asks the simulator for consent."""

    PAGE = "page"
    AUTO = "auto"
    DENY = "deny"
    PARTIAL = "partial"


def simulator(
    ctx: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where config.toml goes. Default: a new folder."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65535, help="Listen on this port. Default: any free one."
        ),
    ] = 0,
    consent: Annotated[
        ConsentMode, typer.Option("--consent", help="A page to click on, or what its visitor would do.")
    ] = ConsentMode.PAGE,
    latency: Annotated[
        str | None,
        typer.Option("--latency", metavar="D", help="Let every answer take so much longer: 0.2s, 1s."),
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
    """Run a small Google on this machine until Ctrl-C, to try scripts on before they touch a real calendar."""
    from portalcal.simulator import Simulator

    session = Session.of(ctx, as_json=json)
    try:
        google = Simulator(
            port,
            consent=consent.value,
            latency=_seconds(latency),
            faults=fault or (),
            timezone=session.portal.machine.zone().key,
        )
    except ValueError as error:
        raise Usage(str(error), "see `portalcal simulator --help`") from None
    except OSError as error:
        # socket.create_server adds the address to the reason.
        reason = os.strerror(error.errno or 0).lower()
        raise Usage(f"port {port} cannot be listened on: {reason}", "choose another `--port`") from None
    with _ended_in_order(), _folder(directory) as folder:
        try:
            loaded = _load(google, events) if events else 0
            config = google.write_files(folder)
            session.view.show(Simulation(google.url, google.owner.email, str(config), loaded))
            google.observe(lambda exchange: session.view.log(exchange.line()))
            google.serve_forever()
        finally:
            google.stop()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a supervisor's SIGTERM end the block as Ctrl-C does, so that what was made for it goes with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """The folder that was named; or a new one, which goes when the simulator it leads to has gone."""
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="portalcal-simulator-") as folder:
        yield Path(folder)


def _seconds(text: str | None) -> float:
    """A latency in seconds. Unlike other durations it may be a fraction of one: 0.2s, 50ms."""
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
        raise Usage(f"{path} cannot be read: {(error.strerror or 'unknown').lower()}", None) from None
