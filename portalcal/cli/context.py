"""One run of the program, and the context of its command. Imports little: `--version` loads it too."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from portalcal.cli.input_checks import check_environment
from portalcal.cli.times import TimeContext
from portalcal.container import DEFAULT_WORKSPACE, Container, log_to, show_waiting, view_for
from portalcal.errors import Exit, PortalcalError, ReadOnly, Usage, WaysOut

if TYPE_CHECKING:
    import typer

    from portalcal.ports import Clock
    from portalcal.results import CommandView


_READ_ONLY = "PORTALCAL_READ_ONLY"


class Invocation(NamedTuple):
    """One run: global options, environment, streams, and what tests and the demo replace."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    customize: Callable[[Container], None] | None = None
    """Called with the container of each command, to override parts of it."""
    clock: Clock | None = None
    """Overrides the system clock, for use cases and views alike."""
    workspace: str | None = None
    config: Path | None = None
    actor: str | None = None
    no_input: bool = False
    read_only: bool = False
    verbose: bool = False
    log_file: Path | None = None
    remembers_errors: bool = True
    """Keep errors for the report of `status`: not those of the demo, which touches nothing of the user's."""
    json: bool = False
    """`--json` stands before the command."""

    @classmethod
    def here(cls) -> Invocation:
        """The run of this process: its environment and standard streams."""
        return cls(os.environ, sys.stdin, sys.stdout, sys.stderr)

    @property
    def program(self) -> str:
        """The command to repeat in hints: `portalcal` with the given --workspace and --config."""
        workspace = None if self.workspace == DEFAULT_WORKSPACE else self.workspace
        named = (("--workspace", workspace), ("--config", self.config))
        given = (f"{option} {shlex.quote(str(value))}" for option, value in named if value is not None)
        return " ".join(("portalcal", *given))

    def ways_out(self) -> WaysOut:
        """What hints may advise, given the configuration."""
        try:
            container = Container(
                self.view("", as_json=True),
                workspace=self.workspace,
                config_path=self.config,
                environ=self.environ,
            )
        except Usage:
            # The name of the workspace is not valid, so there is no configuration to consider.
            return WaysOut()
        return container.ways_out

    def remember(self, command: str, error: PortalcalError) -> None:
        """Keep an error for the report of `status`; not a slip of the keyboard, and not where nothing may be written."""
        is_worth_it = self.remembers_errors and error.exit not in {Exit.USAGE, Exit.INTERRUPTED}
        if not is_worth_it or self.changes_forbidden_by:
            return
        with suppress(PortalcalError, OSError):
            container = Container(
                self.view("", as_json=True),
                workspace=self.workspace,
                config_path=self.config,
                environ=self.environ,
            )
            if self.clock:
                container.clock = self.clock
            container.remember_error(command, error)

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be prompted."""
        return self.stdin.isatty() and self.stderr.isatty() and not self._is_silenced

    @property
    def _is_silenced(self) -> bool:
        return self.no_input or self.environ.get("PORTALCAL_NO_INPUT", "") not in {"", "0"}

    @property
    def changes_forbidden_by(self) -> str | None:
        """The option or the variable that forbids changes; None if they are allowed."""
        if self.read_only:
            return "--read-only"
        is_set = self.environ.get(_READ_ONLY, "") not in {"", "0"}
        return _READ_ONLY if is_set else None

    @property
    def is_attended(self) -> bool:
        """Whether a person may be reading, and may type without being prompted."""
        return not self._is_silenced and (self.stdin.isatty() or self.stderr.isatty())

    def container(self, view: CommandView) -> Container:
        """The container of the workspace, customized; that of another workspace is made in the same way."""
        container = Container(view, workspace=self.workspace, config_path=self.config, environ=self.environ)
        container.make_other = lambda name: self._replace(workspace=name).container(view)
        if self.clock:
            container.clock = self.clock
        if self.customize:
            self.customize(container)
        return container

    def view(self, command: str, *, as_json: bool) -> CommandView:
        """The view of a command: JSON for scripts, a terminal for people."""
        return view_for(
            command,
            as_json=as_json,
            stdin=self.stdin,
            stdout=self.stdout,
            stderr=self.stderr,
            environ=self.environ,
            clock=self.clock,
            is_interactive=self.is_interactive,
        )


class CommandContext(NamedTuple):
    """The container of one command, the view for its answer, and the run it is part of."""

    container: Container
    view: CommandView
    invocation: Invocation
    is_json: bool = False

    @classmethod
    def of(
        cls, ctx: typer.Context, *, as_json: bool, is_change: bool, takes_any_workspace: bool = False
    ) -> CommandContext:
        """The context of the command that Typer is running.

        `is_change`: as typed it may change a booking, the connection, a selection, or anything at Google.

        `takes_any_workspace`: it makes a workspace, or needs none.

        Raises:
            ReadOnly: it is a change, and changes are forbidden.
            WorkspaceNotFound: nobody has connected or configured the workspace.
        """
        invocation: Invocation = ctx.obj
        check_environment(invocation.environ)
        forbidden_by = invocation.changes_forbidden_by
        if is_change and forbidden_by:
            raise ReadOnly(ctx.info_name or "", forbidden_by)
        view = invocation.view(ctx.info_name or "", as_json=as_json)
        container = invocation.container(view)
        container.stdin, container.is_attended = invocation.stdin, invocation.is_attended
        container.actor, container.command = invocation.actor, ctx.info_name or ""
        container.is_read_only = forbidden_by is not None
        view.program = invocation.program
        ctx.call_on_close(container.close)
        if not takes_any_workspace:
            container.check_workspace_known()
        if invocation.verbose or invocation.log_file:
            log_to(invocation.stderr if invocation.verbose else None, invocation.log_file)
        if not as_json and not invocation.verbose and invocation.stderr.isatty():
            show_waiting(view.log)
            ctx.call_on_close(partial(show_waiting, None))
        return cls(container, view, invocation, as_json)

    def time_context(self, timezone: str | None) -> TimeContext:
        """Zone and present time for parsing times; also sets the zone of the view."""
        zone = self.container.zone(timezone)
        self.view.zone = zone
        return TimeContext(zone, self.container.clock.now())
