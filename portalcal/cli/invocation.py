"""What surrounds one run: the global options and the streams. Light, since `--version` loads it too."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from portalcal.wiring import DEFAULT_WORKSPACE, view_for

if TYPE_CHECKING:
    from portalcal.answers import CommandView
    from portalcal.wiring import Portal


class Invocation(NamedTuple):
    """What surrounds a run: the global options, the streams, and what tests and the demo put in place of adapters."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    fit: Callable[[Portal], None] | None = None
    workspace: str | None = None
    config: Path | None = None
    no_input: bool = False
    verbose: bool = False

    @classmethod
    def here(cls) -> Invocation:
        """The invocation of this process."""
        return cls(os.environ, sys.stdin, sys.stdout, sys.stderr)

    @property
    def program(self) -> str:
        """How portalcal is called here, with the workspace and the configuration that were named."""
        workspace = None if self.workspace == DEFAULT_WORKSPACE else self.workspace
        named = (("--workspace", workspace), ("--config", self.config))
        given = (f"{option} {shlex.quote(str(value))}" for option, value in named if value is not None)
        return " ".join(("portalcal", *given))

    @property
    def is_interactive(self) -> bool:
        """Whether somebody may be asked something."""
        return self.stdin.isatty() and self.stderr.isatty() and not self._is_silenced

    @property
    def _is_silenced(self) -> bool:
        return self.no_input or self.environ.get("PORTALCAL_NO_INPUT", "") not in {"", "0"}

    @property
    def is_attended(self) -> bool:
        """Whether somebody may be reading, and typing an answer of their own accord."""
        return not self._is_silenced and (self.stdin.isatty() or self.stderr.isatty())

    def view(self, command: str, *, as_json: bool) -> CommandView:
        """The view of a command: JSON for scripts, a terminal for people."""
        return view_for(
            command,
            as_json=as_json,
            stdin=self.stdin,
            stdout=self.stdout,
            stderr=self.stderr,
            environ=self.environ,
            is_interactive=self.is_interactive,
        )
