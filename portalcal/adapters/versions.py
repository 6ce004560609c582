"""Versions for a support ticket: portalcal, Python, the operating system and the libraries."""

from __future__ import annotations

import importlib.metadata
import platform
import sqlite3
import sys

from portalcal import __version__

_LIBRARIES = (
    "typer", "rich", "google-api-python-client", "google-auth", "google-auth-oauthlib", "httplib2", "requests",
    "urllib3", "keyring", "SecretStorage", "cryptography", "pendulum", "platformdirs", "tzdata", "tzlocal",
    "icalendar", "holidays", "psycopg",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Names and versions, portalcal first. Never the host name or the user name."""
    return {
        "portalcal": __version__,
        "Python": f"{platform.python_version()} ({sys.implementation.name})",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "SQLite": sqlite3.sqlite_version,
    } | {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
