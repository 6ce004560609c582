"""Global options in any position: before the command, or among its own options and arguments.

Click parses both places, so that a value that looks like an option stays a value. Imports little: every start loads it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from typer import _click as click
from typer.core import TyperGroup, TyperOption

from portalcal.errors import Usage

_ONLY_BEFORE = {"help", "install_completion", "show_completion", "json"}
"""Parameters of the group that commands do not take: of Typer, and `--json`, which most commands have of their own."""


class Recognised(NamedTuple):
    """What can be made out of a command line that may not parse."""

    command: str  # "" where there is none
    values: Mapping[str, Any]  # of options, by parameter

    @property
    def is_json(self) -> bool:
        """Whether JSON is asked for."""
        return bool(self.values.get("json"))


def accept_global_options(command: click.Command, group: click.Command) -> click.Command:
    """The command, which takes the global options too; its help does not repeat them. A later value wins."""
    own = {name for param in command.params for name in param.opts}
    accepting = copy.copy(command)
    accepting.params = command.params.copy()
    for param in group.params:
        if param.name in _ONLY_BEFORE or not own.isdisjoint(param.opts):
            continue
        later = copy.copy(param)
        later.expose_value = False
        if isinstance(later, TyperOption):
            later.hidden = True
        if later.callback is None:
            later.callback = _keep
        accepting.params.append(later)
    return accepting


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> object:
    """Put the value of a global option into the invocation, unless it was not given."""
    if param.name and value not in {None, False}:
        ctx.obj = ctx.obj._replace(**{param.name: value})
    return value


def pass_on_json(ctx: click.Context) -> click.Context:
    """Hand a `--json` that stands before the command to the command.

    Raises:
        Usage: the command has no JSON.
    """
    if not getattr(ctx.obj, "json", False):
        return ctx
    if "json" not in ctx.params:
        raise Usage(f"{ctx.info_name} has no option --json", f"see `portalcal {ctx.info_name} --help`")
    ctx.params["json"] = True
    return ctx


def recognise(arguments: Sequence[str], group: TyperGroup, known: Iterable[str]) -> Recognised:
    """The command and the options of a line, skipping what cannot be understood. `known`: names of commands."""
    ctx = _lenient(group, None)
    values, words, _ = group.make_parser(ctx).parse_args(args=list(arguments))
    names = set(known)
    place = next((n for n, word in enumerate(words) if word in names), None)
    if place is None:
        return Recognised("", values)
    loaded = getattr(group.get_command(ctx, words[place]), "loaded", None)
    if loaded is None:
        return Recognised(words[place], values)
    command = accept_global_options(loaded(), group)
    own, _, _ = command.make_parser(_lenient(command, ctx)).parse_args(args=words[place + 1 :])
    given = {name: value for name, value in own.items() if value is not None}
    return Recognised(words[place], {**values, **given})


def _lenient(command: click.Command, parent: click.Context | None) -> click.Context:
    name = parent and command.name
    return click.Context(
        command,
        parent=parent,
        info_name=name or "portalcal",
        resilient_parsing=True,
        ignore_unknown_options=True,
    )
