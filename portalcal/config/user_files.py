"""Files that people write and name: what `~` in their paths means, and how they are encoded. Nothing here opens a file."""

import codecs
from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """Expand `~` and `~name`; as in a shell, the name of nobody on this machine stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def encoding_of(content: bytes) -> str:
    """UTF-16 where its byte order mark begins the file, as Windows' PowerShell redirects; else UTF-8, marked or not."""
    return "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
