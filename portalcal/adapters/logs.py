"""Where our own loggers write: a stream, a file, a person who waits.

Library loggers stay off: oauthlib logs tokens at debug level.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from portalcal.errors import Usage
from portalcal.sanitize import sanitize


class _OneLineFormatter(logging.Formatter):
    """Sanitizes each record: foreign text in it must not forge another line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return sanitize(super().formatMessage(record))


class _JsonFormatter(logging.Formatter):
    """One JSON object a record, with its date, in the zone of this machine, and its level."""

    def format(self, record: logging.LogRecord) -> str:
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        message = sanitize(record.getMessage())
        return json.dumps(
            {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": message}
        )


class _ShownHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


def log_to(stream: TextIO | None, file: Path | None = None) -> None:
    """Log our own loggers to a stream, to a file as JSON lines, or to both. Library loggers stay off: oauthlib logs
    tokens at debug level.

    Raises:
        Usage: the file cannot be written.
    """
    handlers: list[logging.Handler] = []
    if stream is not None:
        handlers.append(logging.StreamHandler(stream))
        handlers[0].setFormatter(
            _OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
        )
    if file is not None:
        handlers.append(_log_file(file))
        handlers[-1].setFormatter(_JsonFormatter())
    logger = logging.getLogger("portalcal")
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(logging.DEBUG if handlers else logging.NOTSET)
    logger.propagate = not handlers


def _log_file(path: Path) -> logging.Handler:
    """A handler that appends to a file, which only its owner may read. Raises: Usage (it cannot be written)."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Usage(
            f"{path} cannot be written: {reason}", "name another file with `--log-file FILE`"
        ) from None


def show_waiting(write: Callable[[str], None] | None) -> None:
    """Show a person what a command waits for; None: nobody is shown anything."""
    logger = logging.getLogger("portalcal.waiting")
    logger.handlers[:] = [_ShownHandler(write)] if write else []
    logger.setLevel(logging.INFO if write else logging.NOTSET)
