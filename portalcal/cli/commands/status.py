"""`portalcal status`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.cli.times import read_length
from portalcal.container import report_text, write_file
from portalcal.errors import PortalcalError, Usage, called
from portalcal.ports import Secret
from portalcal.results import Diagnoses, Diagnosis
from portalcal.usecases.status import status as usecase

_STDOUT = Path("-")


def status(
    ctx: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look only at this machine; ask Google nothing.")
    ] = False,
    everywhere: Annotated[
        bool, typer.Option("--all", help="One line for each workspace; the exit status is the worst.")
    ] = False,
    timeout: Annotated[
        str,
        typer.Option("--timeout", metavar="LENGTH", help="How long it may take, whatever does not answer."),
    ] = "10s",
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            dir_okay=False,
            help="Also write a file for a support ticket, or with - only that, on stdout; it holds no secret, no whole "
            "address and no title.",
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
    command = CommandContext.of(ctx, as_json=json, is_change=False)
    if json and report == _STDOUT:
        raise Usage("--json and --report - are two answers on stdout", "name a file for the report")
    limit = read_length(timeout).total_seconds()
    commands = {command.container.workspace: command}
    if everywhere:
        commands = _command_of_each_workspace(ctx, command, as_json=json)
    for of_workspace in commands.values():
        of_workspace.container.limit = limit
        _unlock(of_workspace)
    diagnosed = usecase.status_of_each(
        {name: each.container for name, each in commands.items()}, offline=offline, limit=limit
    )
    diagnoses = tuple(_with_program_in_hints(each, commands[each.workspace]) for each in diagnosed)
    answer = Diagnoses(diagnoses) if everywhere else diagnoses[0]
    if report:
        text = report_text(
            diagnoses,
            [each.container for each in commands.values()],
            environ=command.invocation.environ,
            stdout=command.invocation.stdout,
        )
        if report == _STDOUT:
            command.view.write(text)
            return answer.state.exit
        write_file(report, text)
    command.view.show(answer)
    if report and not json:
        command.view.log(f"Report written to {report}")
    return answer.state.exit


def _command_of_each_workspace(
    ctx: typer.Context, first: CommandContext, *, as_json: bool
) -> dict[str, CommandContext]:
    """A command context for each workspace of this machine, including the present one."""
    commands = {}
    for name in first.container.workspaces():
        ctx.obj = first.invocation._replace(workspace=name)
        commands[name] = CommandContext.of(ctx, as_json=as_json, is_change=False)
    return commands


def _unlock(command: CommandContext) -> None:
    """Prompt for the passphrase of a vault file before the time limit starts."""
    # Errors are reported by the checks.
    with suppress(PortalcalError):
        connection = command.container.connections.read()
        if connection is not None and connection.vault == "file" and command.invocation.is_attended:
            command.container.vault.read(Secret.REFRESH_TOKEN)


def _with_program_in_hints(diagnosis: Diagnosis, command: CommandContext) -> Diagnosis:
    """Repeat the global options of this run in hints, so that they can be pasted."""
    program = command.invocation.program
    return diagnosis._replace(
        checks=tuple(each._replace(hint=called(each.hint, program)) for each in diagnosis.checks)
    )
