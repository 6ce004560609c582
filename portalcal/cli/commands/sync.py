"""`portalcal sync`."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.input_checks import refuse_stdout
from portalcal.cli.options import Json
from portalcal.cli.times import read_length
from portalcal.container import DEFAULT_WORKSPACE, run_hook, unit_text, write_metrics
from portalcal.errors import Exit, PortalcalError, Usage
from portalcal.usecases.sync import hook as hook_usecase
from portalcal.usecases.sync import metrics as metrics_usecase
from portalcal.usecases.sync import sync as usecase


class UnitKind(StrEnum):
    """What runs `sync` by itself."""

    SYSTEMD = "systemd"
    CRON = "cron"


def sync(
    ctx: typer.Context,
    add_missing: Annotated[
        bool, typer.Option("--add-missing", help="Make events for bookings made while disconnected.")
    ] = False,
    replace_declined: Annotated[
        bool,
        typer.Option(
            "--replace-declined",
            help="Put others of the same pool into the place of interviewers who declined.",
        ),
    ] = False,
    replace_before: Annotated[
        str,
        typer.Option(
            "--replace-before", metavar="LENGTH", help="But not within this time of the meeting's start."
        ),
    ] = "24h",
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="Make bookings of events of ours that the ledger lost; reads all events."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, change nothing.")
    ] = False,
    hook: Annotated[
        str | None,
        typer.Option(
            "--exec",
            metavar="CMD",
            help="Run this once for every change since the last run, with the change as JSON on stdin.",
        ),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            metavar="FILE",
            dir_okay=False,
            help="Write figures for Prometheus's textfile collector.",
        ),
    ] = None,
    print_unit: Annotated[
        UnitKind | None,
        typer.Option(
            "--print-unit",
            help="Print what to install so that this very command runs by itself, and do nothing.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Bring bookings and calendar in line: deliver what Google is owed, take over what was changed there.

    Made for cron: running it twice at once, or again after a crash, does no harm.

    [bold]Examples[/bold]

      portalcal sync
      portalcal sync --add-missing --dry-run
      portalcal sync --adopt --dry-run
      portalcal sync --exec "tee -a changes.jsonl" --metrics portalcal.prom
      portalcal sync --replace-declined --replace-before 48h
      portalcal sync --print-unit systemd
    """
    refuse_stdout(metrics, "--metrics")
    command = CommandContext.of(ctx, as_json=json, is_change=not dry_run and print_unit is None)
    if print_unit is not None:
        if adopt:
            raise Usage("--adopt is for once, after a loss", "leave it out of what runs by itself")
        flags: tuple[str, ...] = ("--add-missing",) if add_missing else ()
        flags += ("--replace-declined", "--replace-before", replace_before) if replace_declined else ()
        if json:
            raise Usage("--json and --print-unit are two formats", "use one of them")
        command.view.write(unit_text(print_unit, _words(command, flags, hook, metrics), command.container))
        return Exit.DONE
    if dry_run and (hook or metrics):
        raise Usage(
            f"--dry-run and {'--exec' if hook else '--metrics'} exclude each other", "leave out one of them"
        )
    zone = command.time_context(None).zone
    request = usecase.SyncOptions(
        zone,
        add_missing=add_missing,
        dry_run=dry_run,
        adopt=adopt,
        replace_declined=replace_declined,
        replace_before=read_length(replace_before),
    )
    run = run_hook(hook, zone, command.container.environ) if hook else None
    with _measured(metrics, command), hook_usecase.hook(run, command.container):
        answer = usecase.sync(request, command.container)
    command.view.show(answer)
    return Exit.PENDING if answer.still_owed and not dry_run else Exit.DONE


@contextmanager
def _measured(path: Path | None, command: CommandContext) -> Iterator[None]:
    """Write the figures when the block ends, well or not."""
    if path is None:
        yield
        return
    try:
        yield
    except PortalcalError:
        write_metrics(path, metrics_usecase.metrics(command.container, is_up=False))
        raise
    write_metrics(path, metrics_usecase.metrics(command.container, is_up=True))


def _words(
    command: CommandContext, flags: tuple[str, ...], hook: str | None, metrics: Path | None
) -> tuple[str, ...]:
    """The words of this command line after the program, with absolute paths and without the environment's help."""
    container = command.container
    is_named = command.invocation.config is not None or container.paths.config_is_named
    return (
        *(("--workspace", container.workspace) if container.workspace != DEFAULT_WORKSPACE else ()),
        *(("--config", str(container.config_path.absolute())) if is_named else ()),
        "sync",
        *flags,
        *(("--exec", hook) if hook else ()),
        *(("--metrics", str(metrics.absolute())) if metrics else ()),
    )
