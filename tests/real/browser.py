"""Which Debian packages a test with a browser needs."""

from __future__ import annotations

import ctypes.util
import shutil


def missing_browser_packages() -> tuple[str, ...]:
    """The packages to install first: the browser, and what the program that drives it is linked against."""
    missing = () if shutil.which("chromium") else ("chromium",)
    return missing if ctypes.util.find_library("atomic") else (*missing, "libatomic1")
