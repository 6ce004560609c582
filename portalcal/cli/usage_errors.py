"""Translate the usage errors of Typer and Click: the option and its value, what was expected, and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable

from typer import _click as click

from portalcal.errors import Usage, did_you_mean

# Strings, compiled on a usage error only: compiling costs time at every start.
_BAD_VALUE = r"'?(.*?)'? is not (?:a valid|in the range|one of)"


_SECOND_WORDS_OF_A_TIME = r"(?i)\d[:.]\d\d|\d *[ap]m\b|\b(?:week|days?|weeks)\b"


_TOO_MANY = r"(?s)Got unexpected extra arguments? ?(?:\(s\) )?\((.*)\)"


def usage_error_from(error: click.exceptions.ClickException, *, command: str) -> Usage:
    """Translate a Click exception. `command`: the command of the line, "" if unknown."""
    path = f"portalcal {command}".strip()
    general = f"see `{path} --help`"
    match error:
        case click.exceptions.NoSuchOption():
            return _no_such_option(error)
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
    message = error.format_message().rstrip(".")
    if surplus := re.fullmatch(_TOO_MANY, message):
        quotes = 'put quotes around a time of two words, like "tomorrow 10:00"; '
        return Usage(
            f"nothing more was expected, found {surplus[1]}",
            (quotes if re.search(_SECOND_WORDS_OF_A_TIME, surplus[1]) else "") + general,
        )
    if message == "Missing command":
        return Usage("a command is missing", general)
    return Usage(message[:1].lower() + message[1:], general)


def no_such_command(name: str, known: Iterable[str]) -> Usage:
    """The error for an unknown command."""
    return Usage(f"there is no command {name}{did_you_mean(name, known)}", "see `portalcal --help`")


def _no_such_option(error: click.exceptions.NoSuchOption) -> Usage:
    name, ctx = error.option_name, error.ctx
    known = {each for param in ctx.command.params for each in param.opts} if ctx else set()
    path = ctx.command_path if ctx else "portalcal"
    return Usage(f"there is no option {name}{did_you_mean(name, known)}", f"see `{path} --help`")


def _name(error: click.exceptions.BadParameter) -> str:
    """The parameter as it is shown in help: `--port`, `START`."""
    if error.param is None:
        return "a value"
    return error.param.get_error_hint(error.ctx).strip("'[]") if error.ctx else str(error.param.name)


def _bad_value(error: click.exceptions.BadParameter) -> str:
    kind = error.param.type if error.param else None
    match = re.match(_BAD_VALUE, error.message)
    if match is None:
        return f"{_name(error)}: {error.message.rstrip('.')}"
    fact = f"{_name(error)} is {match[1]}, expected"
    if isinstance(kind, click.types.IntRange):
        return f"{fact} a whole number from {kind.min} to {kind.max}"
    if (choices := getattr(kind, "choices", None)) is not None:
        *others, last = (str(getattr(each, "value", each)) for each in choices)
        return f"{fact} {', '.join(others)} or {last}{did_you_mean(match[1], [*others, last])}"
    return f"{fact} another value"
