"""The Typer application: global options, the table of commands, and the one place where errors become output and exit status."""

import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from copy import copy
from functools import cache
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer import _click as click
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command, get_command_from_info
from typer.models import CommandInfo

from portalcal import __version__
from portalcal.cli import narrow_help, usage_errors
from portalcal.cli.context import Invocation
from portalcal.cli.crash_report import redacted_traceback
from portalcal.cli.environment import VARIABLES
from portalcal.cli.global_options import accept_global_options, pass_on_json, recognise
from portalcal.cli.input_checks import check_arguments, expand_homes, refuse_stdout
from portalcal.cli.streams import drop_odd_terminal_size, replace_broken_streams, wrap_standard_streams
from portalcal.container import use_newest_zone_rules
from portalcal.errors import Exit, PortalcalError

CONNECTION, SCHEDULING, PEOPLE, RECORDS, SET_UP = "Connection", "Scheduling", "People", "Records", "Set up"


class CommandEntry(NamedTuple):
    """An entry of `portalcal --help`: its panel, and what the command does in one line of 80 columns."""

    panel: str
    help: str


COMMANDS = {
    "connect": CommandEntry(CONNECTION, "Connect a Google account, with consent in the browser."),
    "disconnect": CommandEntry(CONNECTION, "End the connection; bookings and their events stay."),
    "status": CommandEntry(CONNECTION, "Find out what works, what does not, and what mends it."),
    "calendars": CommandEntry(SCHEDULING, "Choose the calendars for conflicts and the one for bookings."),
    "availability": CommandEntry(SCHEDULING, "Show when meetings can be booked, and explain any time."),
    "book": CommandEntry(SCHEDULING, "Book a time: checked, held, and made sure that it is yours."),
    "reschedule": CommandEntry(SCHEDULING, "Move a booking: same event, same Meet link, new time."),
    "cancel": CommandEntry(SCHEDULING, "Cancel a booking and remove its event."),
    "bookings": CommandEntry(SCHEDULING, "List bookings: by default the live ones from today on."),
    "sync": CommandEntry(SCHEDULING, "Bring bookings and calendar in line."),
    "people": CommandEntry(PEOPLE, "List people, rooms and pools, and whether they can be read."),
    "reassign": CommandEntry(PEOPLE, "Put somebody else into a meeting: same event, same time."),
    "offer": CommandEntry(PEOPLE, "Hold several times for one guest until the offer expires."),
    "offers": CommandEntry(PEOPLE, "List offers: by default the open ones."),
    "history": CommandEntry(RECORDS, "See who changed which booking, when, and from what to what."),
    "changes": CommandEntry(RECORDS, "Hand out every change as a line of JSON, for a portal."),
    "ledger": CommandEntry(RECORDS, "Find, check, back up and move the record of bookings."),
    "config": CommandEntry(SET_UP, "Find, begin, look at and check the configuration file."),
    "schema": CommandEntry(SET_UP, "Print the JSON Schema of what `--json` writes."),
    "demo": CommandEntry(SET_UP, "See the whole story in seconds, without any account."),
    "simulator": CommandEntry(SET_UP, "Run a small Google on this machine, to try scripts on."),
}
"""Every command with its help entry. Command NAME is the function NAME in `portalcal.cli.commands.NAME`."""


_TAG = re.compile(r"\[(?!/?bold\])(?=[a-z#/@][^\[\]]*\])")
_LINE_BREAK = re.compile(r"(?<=\S)\n(?=[^\s\[])")
"""Before a line of the same paragraph; examples are indented."""


class _NamedText(click.types.StringParamType):
    """The type of an argument that is called after what it holds; Typer would show `<str>` beside the name."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - Click's signature
        return ""


def _with_readable_help(command: click.Command) -> click.Command:
    """Escape brackets in the help of a command, except `[bold]`: Rich would drop `[links.NAME]` as a style.

    Typer breaks the lines of a second paragraph where the source breaks them, so they are joined, and keeps the
    indentation of examples only below such a paragraph, so they have none.
    """
    joined = command.help and _LINE_BREAK.sub(" ", _TAG.sub(r"\\[", cleandoc(command.help)))
    command.help = joined and joined.replace("\n  ", "\n")
    for each in command.params:
        if isinstance(each, TyperArgument) and isinstance(each.type, click.types.StringParamType):
            each.type = _NamedText()
        if isinstance(each, TyperArgument | TyperOption) and each.help:
            each.help = _TAG.sub(r"\\[", each.help)
    return command


def _show_examples_plainly() -> None:
    """Typer dims everything after the first paragraph, and the examples are what most people look for."""
    # Loaded here, since it loads Rich.
    vars(import_module("typer.rich_utils"))["STYLE_HELPTEXT"] = ""


class Command(TyperCommand):
    """A command whose help has room on a narrow terminal."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, with Rich's panels where these have room."""
        if narrow_help.is_narrow():
            return narrow_help.write_help(self, ctx, formatter)
        _show_examples_plainly()
        return super().format_help(ctx, formatter)


class LazyCommand(TyperCommand):
    """A command whose module is imported only when it runs or shows its help.

    Importing all of them doubles start-up time, and is a third of the time of `portalcal --help` (measured).
    """

    def __init__(self, name: str, entry: CommandEntry) -> None:
        super().__init__(name, help=entry.help, short_help=entry.help, rich_help_panel=entry.panel)
        self._function = name
        _with_readable_help(self)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Load the command and make its context; it takes the global options too."""
        command = self.loaded()
        if parent is None:
            return command.make_context(info_name, args, parent, **extra)
        command = accept_global_options(command, parent.command)
        return pass_on_json(command.make_context(info_name, args, parent, **extra))

    def loaded(self) -> click.Command:
        """Import the module of the command. A copy: Click keeps the help option of the first context in it."""
        return copy(_command(self._function))


@cache
def _command(name: str) -> click.Command:
    """Build a command, once in a process.

    Typer evaluates annotations that are texts twice at every start, 2.6 ms for `book` (measured): hence modules of
    commands, and of options, do without `from __future__ import annotations`.
    """
    module = import_module(f"portalcal.cli.commands.{name}")
    info = CommandInfo(name, cls=Command, callback=getattr(module, name), no_args_is_help=False)
    command = get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode="rich")
    return _with_readable_help(command)


class Commands(TyperGroup):
    """The command group, which loads a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The command names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        entry = COMMANDS.get(cmd_name)
        return LazyCommand(cmd_name, entry) if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the first argument.

        Raises:
            Usage: there is no such command.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise usage_errors.no_such_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the program, with Rich's panels where these have room."""
        if not narrow_help.is_narrow():
            _show_examples_plainly()
            return super().format_help(ctx, formatter)
        narrow_help.write_help(self, ctx, formatter)
        narrow_help.write_table(formatter, "Environment", VARIABLES)
        narrow_help.write_table(formatter, "Exit status", {str(each.value): each.meaning for each in Exit})
        return None


_EPILOG = "\n\n".join([
    "[bold]Environment[/bold]",
    "\n".join(f"{name:<33}{meaning}" for name, meaning in VARIABLES.items()),
    "[bold]Exit status[/bold]",
    "\n".join(f"{each.value:>3}  {each.meaning}" for each in Exit),
])  # fmt: skip

app = typer.Typer(
    cls=Commands,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_OF_COMPLETION = {"--install-completion", "--show-completion"}


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
    actor: Annotated[
        str | None,
        typer.Option(
            "--actor",
            metavar="NAME",
            help="On whose behalf this runs, for the history. Default: user@host.",
        ),
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything; fail instead.")] = False,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Refuse every command that would change something, here or at Google."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Write a log to stderr; it never holds a secret.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="Append that log to a file, as JSON lines."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; errors as JSON on stderr.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Connect a portal's scheduling to a Google Calendar: see what is free, book it, and know why when it is not.

    The options below are taken before and after the command.
    """
    refuse_stdout(log_file, "--log-file")
    invocation: Invocation = ctx.obj or Invocation.here()
    ctx.obj = invocation._replace(
        workspace=workspace,
        config=config,
        actor=actor,
        no_input=no_input,
        read_only=read_only,
        verbose=verbose,
        log_file=log_file,
        json=json,
    )


def run(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line and return its exit status. Every error is caught and shown here, as text or JSON."""
    try:
        check_arguments(arguments)
        arguments = expand_homes(arguments)
        status = _group().main(
            args=list(arguments), prog_name="portalcal", standalone_mode=False, obj=invocation
        )
        invocation.stdout.flush()
    except PortalcalError as error:
        return _fail(error, arguments, invocation)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.exceptions.ClickException as error:
        command = recognise(arguments, _group(), COMMANDS).command
        usage = usage_errors.usage_error_from(error, command=command)
        return _fail(usage, arguments, invocation, is_parsed=False)
    except (KeyboardInterrupt, typer.Abort, EOFError):
        invocation.stderr.write("\n")
        return Exit.INTERRUPTED
    except SystemExit as error:
        return _exited(error, arguments, invocation)
    except BrokenPipeError as error:
        return Exit.DONE if _is_out_of_readers(invocation) else _bug(error, arguments, invocation)
    except Exception as error:  # noqa: BLE001 - anything unexpected is a bug, reported with its traceback
        return _bug(error, arguments, invocation)
    return status if isinstance(status, int) else Exit.DONE


def _exited(error: SystemExit, arguments: Sequence[str], invocation: Invocation) -> int:
    # Click and Rich turn every BrokenPipeError into `sys.exit(1)`, a socket's too.
    if _is_out_of_readers(invocation):
        return Exit.DONE
    if not _OF_COMPLETION.isdisjoint(arguments) and isinstance(error.code, int):
        # Typer carries these two out itself, and exits.
        return error.code
    return _bug(error.__context__ or error, arguments, invocation)


def _is_out_of_readers(invocation: Invocation) -> bool:
    """Whether the reader of stdout has closed the pipe."""
    return not getattr(invocation.stdout, "is_read", True)


@cache
def _group() -> TyperGroup:
    """The commands; they hold no state, so one group serves every run of a process."""
    group = _with_readable_help(get_command(app))
    if not isinstance(group, TyperGroup):
        raise TypeError(group)
    return group


def _fail(
    error: PortalcalError, arguments: Sequence[str], invocation: Invocation, *, is_parsed: bool = True
) -> int:
    """Show an error. `is_parsed=False`: the line does not parse, so a `--json` in it is taken for the option."""
    line = recognise(arguments, _group(), COMMANDS)
    config = line.values.get("config")
    invocation = invocation._replace(
        workspace=line.values.get("workspace"),
        config=Path(config) if config else None,
        read_only=bool(line.values.get("read_only")),
    )
    is_json = line.is_json or (not is_parsed and "--json" in arguments)
    view = invocation.view(line.command, as_json=is_json)
    view.fail(error.with_program(invocation.program).with_ways_out(invocation.ways_out))
    invocation.remember(line.command, error)
    return error.exit


class InternalError(PortalcalError):
    """A bug. `kind` is the exception's class; its message is not shown, since it may hold secrets."""

    code = "internal-error"
    exit = Exit.BUG
    says = "a bug in portalcal ({kind} in {place})"
    advice = "run the command again with `--verbose` and report what it prints"
    kind: str
    place: str


def _bug(error: BaseException, arguments: Sequence[str], invocation: Invocation) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    bug = InternalError(type(error).__name__, place)
    line = recognise(arguments, _group(), COMMANDS)
    if line.is_json:
        return _fail(bug, arguments, invocation)
    invocation.remember(line.command, bug)
    invocation.stderr.write(redacted_traceback(error, invocation.environ))
    return Exit.BUG


def main() -> None:
    """The console script."""
    wrap_standard_streams()
    drop_odd_terminal_size(os.environ)
    use_newest_zone_rules()
    if not _OF_COMPLETION.isdisjoint(sys.argv):
        import_module("portalcal.cli.completion_scripts").install_in_typer()
    status = run(sys.argv[1:], Invocation.here())
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # The answer is out: from here on Ctrl-C ends the process without a traceback.
        signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    replace_broken_streams()
    if status == Exit.INTERRUPTED:
        # `sys.exit` would not do: where a KeyboardInterrupt left `exec` of a string, as dataclasses and named tuples are
        # made, CPython kills itself with SIGINT at its end, though the exception was caught (run_eval_code_obj).
        os._exit(status)
    sys.exit(status)
