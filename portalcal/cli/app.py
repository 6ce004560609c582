"""The application: global options, the commands by panel, and the one place where errors become words and an exit status."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from typer import _click as click
from typer.core import TyperGroup
from typer.main import get_command, get_command_from_info
from typer.models import CommandInfo

from portalcal import __version__
from portalcal.cli import mistakes
from portalcal.cli.invocation import Invocation
from portalcal.errors import Exit, PortalcalError

CONNECTION, SCHEDULING, TRY_IT = "Connection", "Scheduling", "Try it"
COMMANDS = {
    "connect": CONNECTION,
    "disconnect": CONNECTION,
    "status": CONNECTION,
    "calendars": SCHEDULING,
    "availability": SCHEDULING,
    "book": SCHEDULING,
    "reschedule": SCHEDULING,
    "cancel": SCHEDULING,
    "bookings": SCHEDULING,
    "sync": SCHEDULING,
    "demo": TRY_IT,
    "simulator": TRY_IT,
}
"""Every command with its panel in the help; the command NAME is the function NAME of `portalcal.cli.NAME`."""


class Commands(TyperGroup):
    """Commands that load when they are run: importing all ten at every start would double it (measured)."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            module = import_module(f"portalcal.cli.{cmd_name}")
            info = CommandInfo(
                cmd_name,
                callback=getattr(module, cmd_name),
                rich_help_panel=COMMANDS[cmd_name],
                no_args_is_help=False,
            )
            self.commands[cmd_name] = get_command_from_info(
                info, pretty_exceptions_short=False, rich_markup_mode="rich"
            )
        return self.commands[cmd_name]

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
    sys.exit(run(sys.argv[1:], Invocation.here()))
