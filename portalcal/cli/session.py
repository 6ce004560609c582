"""One run of one command: its view, its portal, and what its times are read against."""

from __future__ import annotations

from typing import NamedTuple

import typer

from portalcal.answers import CommandView
from portalcal.cli.invocation import Invocation
from portalcal.cli.when import Reading
from portalcal.wiring import Portal, log_to


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
        portal.stdin, portal.is_attended = invocation.stdin, invocation.is_attended
        view.program = invocation.program
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
