"""One run of one command: its view, its portal, and the exit status it ends with."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

import typer

from portalcal.cli.when import Reading
from portalcal.wiring import CommandView, Portal, view_for


class Invocation(NamedTuple):
    """What surrounds a run: the global options, the streams, and what tests and the demo put in place of adapters."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    fit: Callable[[Portal], None] | None = None
    workspace: str | None = None
    config: Path | None = None
    no_input: bool = False
    verbose: bool = False

    @classmethod
    def here(cls) -> Invocation:
        """The invocation of this process."""
        return cls(os.environ, sys.stdin, sys.stdout, sys.stderr)

    @property
    def is_interactive(self) -> bool:
        """Whether somebody may be asked something."""
        forbidden = self.no_input or self.environ.get("PORTALCAL_NO_INPUT", "") not in {"", "0"}
        return self.stdin.isatty() and self.stderr.isatty() and not forbidden

    def view(self, command: str, *, as_json: bool) -> CommandView:
        """The view of a command: JSON for scripts, a terminal for people."""
        return view_for(
            command,
            as_json=as_json,
            stdin=self.stdin,
            stdout=self.stdout,
            stderr=self.stderr,
            environ=self.environ,
            is_interactive=self.is_interactive,
        )


class Session(NamedTuple):
    """The portal of a command with the view its answer goes to."""

    portal: Portal
    view: CommandView
    invocation: Invocation

    @classmethod
    def of(cls, ctx: typer.Context, *, as_json: bool) -> Session:
        """The session of the command that is running."""
        invocation: Invocation = ctx.obj
        view = invocation.view(ctx.info_name or "", as_json=as_json)
        portal = Portal(
            view, workspace=invocation.workspace, config_path=invocation.config, environ=invocation.environ
        )
        ctx.call_on_close(portal.close)
        if invocation.fit:
            invocation.fit(portal)
        if invocation.verbose:
            log_to(invocation.stderr)
        return cls(portal, view, invocation)

    def reading(self, timezone: str | None) -> Reading:
        """What times on the command line are read against."""
        zone = self.portal.zone(timezone)
        self.view.zone = zone
        return Reading(zone, self.portal.clock.now())


def log_to(stream: TextIO) -> None:
    """Write the log of our own loggers; those of the libraries stay silent, since oauthlib's prints tokens."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("portalcal")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
