"""The last errors of commands, for a support ticket: a small file in the state folder, redacted when written.

Best effort, and never more than that: a log that cannot be written or read hides no error and stops no command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from portalcal.adapters.files import read_ordinary, write_private

_MOST = 20
_MAX_FILE_SIZE = 1 << 20


class ErrorLog:
    """The file, one JSON object a line, the latest last. Who writes at the same time may lose an entry."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, entry: Mapping[str, str]) -> None:
        """Append an entry, and drop what is too old. A machine where nothing was made yet stays as it is."""
        if not self._path.parent.is_dir():
            return
        kept = (*self.entries(), dict(entry))[-_MOST:]
        text = "".join(f"{json.dumps(each)}\n" for each in kept)
        with suppress(OSError):
            write_private(self._path, text.encode())

    def entries(self) -> tuple[dict[str, str], ...]:
        """The entries, oldest first; lines that are none of ours are left out."""
        entries = []
        with suppress(OSError):
            for line in read_ordinary(self._path, most=_MAX_FILE_SIZE).splitlines():
                with suppress(ValueError, RecursionError):
                    entry = json.loads(line)
                    if isinstance(entry, dict):
                        entries.append({str(name): str(value) for name, value in entry.items()})
        return tuple(entries[-_MOST:])
