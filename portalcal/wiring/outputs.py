"""Where answers go: views, exports, the report for a support ticket, the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from portalcal.errors import ConfigInvalid, Usage

if TYPE_CHECKING:
    from portalcal.answers import CommandView, Diagnosis
    from portalcal.views.lines import LinesView
    from portalcal.wiring.portal import Portal


def view_for(
    command: str,
    *,
    as_json: bool,
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    environ: Mapping[str, str],
    is_interactive: bool,
) -> CommandView:
    """The view of one command. Rich loads only for people."""
    if as_json:
        from portalcal.views.machine import MachineView

        return MachineView(command, stdout=stdout, stderr=stderr)
    from portalcal.adapters.system import SystemClock
    from portalcal.views.terminal import TerminalView

    return TerminalView(
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        environ=environ,
        clock=SystemClock(),
        is_interactive=is_interactive,
    )


def lines_view(command: str, *, stdout: TextIO, stderr: TextIO, size: int | None) -> LinesView:
    """The view of a command that answers line by line. `size`: bytes of what it reads, where that is known."""
    from portalcal.views.lines import LinesView

    return LinesView(command, stdout=stdout, stderr=stderr, size=size)


def exporter(form: str) -> Callable[[Any], str]:
    """What puts an answer into `csv`, `ics`, `html`, `text` or `list`; bookings know the first two."""
    from portalcal.views import exports, html_grid, ics

    forms: dict[str, Callable[[Any], str]] = {
        "csv": exports.as_csv,
        "ics": ics.as_ics,
        "html": html_grid.as_page,
        "text": exports.as_text,
        "list": exports.as_list,
    }
    return forms[form]


def write_report(path: Path, diagnoses: Sequence[Diagnosis], portals: Iterable[Portal]) -> None:
    """Put a file for a support ticket at `path`, for its owner alone.

    Raises:
        Usage: it cannot be written there.
    """
    from portalcal.adapters.private_files import write_private
    from portalcal.adapters.versions import versions
    from portalcal.views.report import as_report

    configs = {}
    for each in portals:
        with suppress(ConfigInvalid):
            configs[each.workspace] = each.config
    text = as_report(diagnoses, configs=configs, versions=versions(), home=Path.home())
    try:
        write_private(path.absolute(), text.encode())
    except OSError as error:
        raise Usage(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}", "name another file"
        ) from None


def log_to(stream: TextIO) -> None:
    """Write the log of our own loggers; those of the libraries stay silent, since oauthlib's prints tokens."""
    import logging

    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("portalcal")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
