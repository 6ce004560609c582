"""`portalcal status`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from portalcal.answers import Diagnoses, Diagnosis
from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.cli.when import read_length
from portalcal.errors import PortalcalError, called
from portalcal.ports import Secret
from portalcal.usecases import status as usecase
from portalcal.wiring import write_report


def status(
    ctx: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look only at this machine; ask Google nothing.")
    ] = False,
    everywhere: Annotated[
        bool, typer.Option("--all", help="One line for each workspace; the exit status is the worst.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="D", help="How long it may take, whatever does not answer.")
    ] = "10s",
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            dir_okay=False,
            help="Also write a file for a support ticket; it holds no secret, no whole address and no title.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Find out what works, what does not, why, and which command mends it.

    [bold]Examples[/bold]

    portalcal status

    portalcal status --offline --json

    portalcal status --report portalcal-report.txt
    """
    session = Session.of(ctx, as_json=json)
    limit = read_length(timeout).total_seconds()
    sessions = _sessions(ctx, session, as_json=json) if everywhere else {session.portal.workspace: session}
    for each in sessions.values():
        each.portal.limit = limit
        _unlock(each)
    found = usecase.status_of_each(
        {name: each.portal for name, each in sessions.items()}, offline=offline, limit=limit
    )
    told = tuple(_callable(each, sessions[each.workspace]) for each in found)
    if report:
        write_report(report, told, [each.portal for each in sessions.values()])
    answer = Diagnoses(told) if everywhere else told[0]
    session.view.show(answer)
    if report and not json:
        session.view.log(f"Report written to {report}")
    return answer.condition.exit


def _sessions(ctx: typer.Context, first: Session, *, as_json: bool) -> dict[str, Session]:
    """A session for each workspace of this machine, the present one among them."""
    sessions = {}
    for name in first.portal.workspaces():
        ctx.obj = first.invocation._replace(workspace=name)
        sessions[name] = Session.of(ctx, as_json=as_json)
    return sessions


def _unlock(session: Session) -> None:
    """Ask for the passphrase of a vault file before the time runs: typing it takes as long as it takes."""
    # What is wrong with any of it is told by the checks.
    with suppress(PortalcalError):
        connection = session.portal.connections.read()
        if connection is not None and connection.vault == "file" and session.invocation.is_attended:
            session.portal.vault.read(Secret.REFRESH_TOKEN)


def _callable(found: Diagnosis, session: Session) -> Diagnosis:
    """The same with hints that call portalcal as it was called, so that they can be pasted."""
    program = session.invocation.program
    return found._replace(
        checks=tuple(each._replace(hint=called(each.hint, program)) for each in found.checks)
    )
