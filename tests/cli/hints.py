"""What hints tell people to run: every `portalcal …` in backticks must be a command line that parses."""

from __future__ import annotations

import re
import shlex

from typer.core import TyperGroup
from typer.main import get_command

from portalcal.cli.app import app

# Programs of the system that hints name. Those on Debian are installed where the tests run.
FOREIGN = {
    "apt-get install tzdata",
    "pip install --upgrade tzdata",
    "timedatectl set-ntp true",
    "gnome-keyring-daemon --unlock",
    "security unlock-keychain",
    "python -m keyring diagnose",
    "dbus-run-session",
    "Access blocked",
}


def assert_can_be_run(hint: str) -> None:
    """Every command a hint names exists and parses; what is no command of ours is known."""
    for quoted in re.findall(r"`([^`]+)`", hint):
        words = shlex.split(quoted)
        if words[0] == "portalcal":
            _parse(words[1:])
        else:
            assert quoted in FOREIGN or quoted.startswith(("--", "chmod go-w ")), quoted


def _parse(words: list[str]) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    ctx = group.make_context("portalcal", words)
    name, *rest = [*ctx._protected_args, *ctx.args]
    command = group.get_command(ctx, name)
    assert command is not None, name
    with command.make_context(name, rest, parent=ctx) as parsed:
        assert parsed.args == []
