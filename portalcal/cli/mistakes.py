"""What Typer objects to, in our words: the thing named with its value, what was expected, what to type instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from typer import _click as click
from typer.core import TyperGroup

from portalcal.errors import Usage, did_you_mean

# Compiled when somebody mistypes, not at every start.
_NOT_SO = r"'?(.*?)'? is not (?:a valid|in the range|one of)"
_CLOCK = r"\d:\d\d"
_TOO_MANY = r"(?s)Got unexpected extra arguments? ?(?:\(s\) )?\((.*)\)"


def usage(error: click.exceptions.ClickException, *, command: str, group: TyperGroup) -> Usage:
    """A usage error of ours for one of Typer's. `command` is the one the line is about, as far as that can be told."""
    path = f"portalcal {command}".strip()
    general = f"see `{path} --help`"
    match error:
        case click.exceptions.NoSuchOption():
            return _no_such_option(error, command=command, group=group)
        case click.exceptions.MissingParameter():
            return Usage(f"{_name(error)} is missing", general)
        case click.exceptions.BadParameter():
            return Usage(_bad_value(error), general)
        case click.exceptions.BadOptionUsage():
            wants = "takes no value" if "does not take" in error.message else "needs a value"
            return Usage(f"{error.option_name} {wants}", general)
        case _:
            return _other(error, general)


def _other(error: click.exceptions.ClickException, general: str) -> Usage:
    said = error.format_message().rstrip(".")
    if surplus := re.fullmatch(_TOO_MANY, said):
        quotes = 'put quotes around a time of two words, like "tomorrow 10:00"; '
        return Usage(
            f"nothing more was expected, found {surplus[1]}",
            (quotes if re.search(_CLOCK, surplus[1]) else "") + general,
        )
    if said == "Missing command":
        return Usage("a command is missing", general)
    return Usage(said[:1].lower() + said[1:], general)


def no_such_command(name: str, known: Iterable[str]) -> Usage:
    """A first word that is no command."""
    return Usage(f"there is no command {name}{did_you_mean(name, known)}", "see `portalcal --help`")


def _no_such_option(error: click.exceptions.NoSuchOption, *, command: str, group: TyperGroup) -> Usage:
    name = error.option_name
    ctx = error.ctx
    own = {each for param in ctx.command.params for each in param.opts} if ctx else set()
    general = {each for param in group.params for each in param.opts}
    if ctx is not None and ctx.parent is not None and name in general:
        value = "" if name in {"--no-input", "--verbose", "--version"} else " …"
        return Usage(f"{name} goes before the command", f"write `portalcal {name}{value} {ctx.info_name}`")
    if ctx is not None and ctx.parent is None and name == "--json":
        return Usage("--json goes after the command", f"write `portalcal {command or 'status'} --json`")
    path = ctx.command_path if ctx else "portalcal"
    return Usage(f"there is no option {name}{did_you_mean(name, own)}", f"see `{path} --help`")


def _name(error: click.exceptions.BadParameter) -> str:
    """The parameter as it is typed or shown: `--port`, `START`."""
    if error.param is None:
        return "a value"
    return error.param.get_error_hint(error.ctx).strip("'[]") if error.ctx else str(error.param.name)


def _bad_value(error: click.exceptions.BadParameter) -> str:
    kind = error.param.type if error.param else None
    said = re.match(_NOT_SO, error.message)
    if said is None:
        return f"{_name(error)}: {error.message.rstrip('.')}"
    fact = f"{_name(error)} is {said[1]}, expected"
    if isinstance(kind, click.types.IntRange):
        return f"{fact} a whole number from {kind.min} to {kind.max}"
    if (choices := getattr(kind, "choices", None)) is not None:
        *others, last = (str(getattr(each, "value", each)) for each in choices)
        return f"{fact} {', '.join(others)} or {last}{did_you_mean(said[1], [*others, last])}"
    return f"{fact} another value"
