"""The application: global options, the commands by panel, and the one place where errors become words and an exit status."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer import _click as click
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_command_from_info
from typer.models import CommandInfo

from portalcal import __version__
from portalcal.cli import mistakes
from portalcal.cli.invocation import Invocation
from portalcal.cli.streams import let_go, take_standard_streams
from portalcal.errors import Exit, PortalcalError

CONNECTION, SCHEDULING, TRY_IT = "Connection", "Scheduling", "Try it"


class Entry(NamedTuple):
    """A line of the help: the panel it stands in, and the first sentence of the command's own help."""

    panel: str
    help: str


COMMANDS = {
    "connect": Entry(
        CONNECTION,
        "Connect a Google account: consent in the browser, checked, and kept in the keyring or a sealed file.",
    ),
    "disconnect": Entry(
        CONNECTION,
        "End the connection: revoke it at Google and forget it here. Bookings and calendar events stay.",
    ),
    "status": Entry(CONNECTION, "Find out what works, what does not, why, and which command mends it."),
    "calendars": Entry(
        SCHEDULING, "Choose which calendars count for conflicts, and which one receives bookings."
    ),
    "availability": Entry(
        SCHEDULING,
        "Show when meetings can be booked: the configured schedule minus what the calendars say.",
    ),
    "book": Entry(
        SCHEDULING, "Book a time: checked, held, put into the calendar, and made sure that it is yours."
    ),
    "reschedule": Entry(
        SCHEDULING,
        "Move a booking: same event, same Meet link, new time. The new time is held before the old one is let go.",
    ),
    "cancel": Entry(SCHEDULING, "Cancel a booking and remove its event. Cancelling twice is fine."),
    "bookings": Entry(SCHEDULING, "List bookings: by default the live ones from today on."),
    "sync": Entry(
        SCHEDULING,
        "Bring bookings and calendar in line: deliver what Google is owed, take over what was changed there.",
    ),
    "demo": Entry(
        TRY_IT,
        "See the whole story in seconds: no Google account and no network needed, nothing of yours is touched.",
    ),
    "simulator": Entry(
        TRY_IT,
        "Run a small Google on this machine until Ctrl-C, to try scripts on before they touch a real calendar.",
    ),
}
"""Every command with its line in the help; the command NAME is the function NAME of `portalcal.cli.NAME`."""


class Deferred(TyperCommand):
    """A command as the help and completion list it. Its module is imported when a line is parsed for it.

    Importing all of them would double every start, and take a third of `portalcal --help` (measured).
    """

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help, rich_help_panel=entry.panel)
        self._function = name

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command itself."""
        return self.loaded().make_context(info_name, args, parent, **extra)

    def loaded(self) -> click.Command:
        """The command itself."""
        module = import_module(f"portalcal.cli.{self._function}")
        info = CommandInfo(self._function, callback=getattr(module, self._function), no_args_is_help=False)
        return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode="rich")


class Commands(TyperGroup):
    """Commands of which none is loaded but the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        entry = COMMANDS.get(cmd_name)
        return Deferred(cmd_name, entry) if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names.

        Raises:
            Usage: it names none.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise mistakes.no_such_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)


_EPILOG = "\n\n".join(["[bold]Exit status[/bold]", *(f"{each.value:>3}  {each.meaning}" for each in Exit)])

app = typer.Typer(cls=Commands, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"portalcal {__version__}")
        raise typer.Exit


@app.callback(epilog=_EPILOG, no_args_is_help=True)
def root(
    ctx: typer.Context,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace", metavar="NAME", help="The connection, selection and bookings to work with."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Another configuration than the usual one."),
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything; fail instead.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Write a log to stderr; it never holds a secret.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Connect a portal's scheduling to a Google Calendar: see what is free, book it, and know why when it is not."""
    invocation: Invocation = ctx.obj or Invocation.here()
    ctx.obj = invocation._replace(workspace=workspace, config=config, no_input=no_input, verbose=verbose)


def run(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line and give its exit status. Every failure ends here, in words or in JSON."""
    try:
        status = get_command(app).main(
            args=list(arguments), prog_name="portalcal", standalone_mode=False, obj=invocation
        )
        invocation.stdout.flush()
    except PortalcalError as error:
        return _fail(error, arguments, invocation)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.exceptions.ClickException as error:
        group, (command, _) = _group(), _surroundings(arguments, invocation)
        return _fail(mistakes.usage(error, command=command, group=group), arguments, invocation)
    except (KeyboardInterrupt, typer.Abort, EOFError):
        invocation.stderr.write("\n")
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read our answer has seen enough: Typer and Rich make `sys.exit(1)` of that, which says "a bug".
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - what nobody foresaw is a bug, and says so with its traceback
        return _bug(error, arguments, invocation)
    return status if isinstance(status, int) else Exit.DONE


def _group() -> TyperGroup:
    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError(group)
    return group


def _surroundings(arguments: Sequence[str], invocation: Invocation) -> tuple[str, Invocation]:
    """The command a line is about and its global options, as far as they can be told of one that may not parse."""
    group = _group()
    ctx = click.Context(group, info_name="portalcal", resilient_parsing=True)
    named, rest, _ = group.make_parser(ctx).parse_args(args=list(arguments))
    # The parser stops at the first option it does not know; from there on it can only be guessed.
    command = next((each for each in rest[:1] or arguments if each in COMMANDS), "")
    return command, invocation._replace(workspace=named.get("workspace"), config=named.get("config"))


def _fail(error: PortalcalError, arguments: Sequence[str], invocation: Invocation) -> int:
    command, invocation = _surroundings(arguments, invocation)
    view = invocation.view(command, as_json="--json" in arguments)
    view.fail(error.with_program(invocation.program))
    return error.exit


class InternalError(PortalcalError):
    """A bug. `kind` is the exception's class; its text may hold anything, so it is not repeated."""

    code = "internal-error"
    exit = Exit.BUG
    says = "a bug in portalcal ({kind} in {place})"
    advice = "run the command again with `--verbose` and report what it prints"
    kind: str
    place: str


def _bug(error: Exception, arguments: Sequence[str], invocation: Invocation) -> int:
    if "--json" in arguments:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return _fail(InternalError(type(error).__name__, place), arguments, invocation)
    traceback.print_exception(error, file=invocation.stderr)
    return Exit.BUG


def main() -> None:
    """The console script."""
    take_standard_streams()
    status = run(sys.argv[1:], Invocation.here())
    let_go()
    sys.exit(status)
