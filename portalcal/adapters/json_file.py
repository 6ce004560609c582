"""Read JSON files that a person downloaded: an OAuth client, a service account key.

UTF-8, UTF-16 and UTF-32 are accepted, with or without a byte order mark.
"""

from __future__ import annotations

import json
from pathlib import Path

_MAX_BYTES = 2**20
"""A service account key has 2,400."""


class NotJson(Exception):
    """The file has no JSON object. The message names its content instead, for example "no JSON"."""


def read_object(path: Path) -> dict[str, object]:
    """Read the JSON object in a file.

    Raises:
        NotJson: the file cannot be read, or has other content.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise NotJson((error.strerror or "no readable file").lower()) from error
    # A path that contains NUL.
    except ValueError as error:
        raise NotJson("no such file or directory") from error
    if len(content) > _MAX_BYTES:
        raise NotJson("more than 1 MiB")
    try:
        # For bytes, json.loads detects the encoding (RFC 4627 section 3) and skips a byte order mark.
        document = json.loads(content)
    # ValueError: JSONDecodeError, UnicodeDecodeError, a number of more than 4,300 digits. RecursionError: deep nesting.
    except (ValueError, RecursionError) as error:
        raise NotJson("no JSON") from error
    if not isinstance(document, dict):
        raise NotJson("JSON that is no object")
    return document
