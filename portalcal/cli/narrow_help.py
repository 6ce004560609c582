"""Help on a narrow terminal, in Click's own format, whose columns wrap: Rich's would cut the names of long options."""

import shutil
from collections.abc import Iterable, Mapping
from copy import copy

from typer import _click as click
from typer.core import TyperArgument, TyperOption

NARROW = 80
"""Columns below which Rich's tables no longer have room."""

_HEADING = "[bold]Examples[/bold]"


def is_narrow() -> bool:
    """Whether the terminal, or COLUMNS, is that narrow."""
    return shutil.get_terminal_size().columns < NARROW


def write_help(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the usage, the help, examples as they are, and the options of a command."""
    plain = copy(command)
    plain.params = [_unescaped(each) for each in command.params]
    text, _, examples = (command.help or "").replace("\\[", "[").partition(_HEADING)
    plain.help = text
    plain.format_usage(ctx, formatter)
    plain.format_help_text(ctx, formatter)
    if examples:
        write_section(formatter, "Examples", examples.strip().splitlines())
    plain.format_options(ctx, formatter)


def write_section(formatter: click.HelpFormatter, title: str, lines: Iterable[str]) -> None:
    """Write lines under a title, unwrapped, since they are copied."""
    with formatter.section(title):
        for line in lines:
            formatter.write(f"{'':>{formatter.current_indent}}{line.strip()}\n")


def write_table(formatter: click.HelpFormatter, title: str, rows: Mapping[str, str]) -> None:
    """Write names with their meanings under a title."""
    with formatter.section(title):
        formatter.write_dl([*rows.items()])


def _unescaped(param: click.Parameter) -> click.Parameter:
    """The parameter without the escapes that Rich needs."""
    plain = copy(param)
    if isinstance(plain, TyperArgument | TyperOption) and plain.help:
        plain.help = plain.help.replace("\\[", "[")
    return plain
