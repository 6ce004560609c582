"""Rows of files that somebody else made: a ledger, a vault file, a connection, a configuration are data."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tests.security.hostile import Hostile
from tests.security.play import BOOK, SEALED, TOKEN, Ran, Row, configured, connected, run

_COMMANDS = ("bookings",), ("availability", "2030-11-25"), ("status", "--offline"), ("sync",), BOOK


def rows() -> Iterator[Row]:
    """All of them."""
    for trick, forge in _LEDGERS.items():
        for line in _COMMANDS:
            yield _row(f"a ledger that is {trick}", line, _with_ledger(forge, line), _is_refused_ledger)
    for trick, forge in _VAULTS.items():
        for line in (("calendars",), ("status",), BOOK, ("disconnect", "--yes")):
            yield _row(f"a vault file that is {trick}", line, _with_vault(forge, line), _vault_verdict(line))
    for trick, text in _CONFIGS.items():
        for line in _COMMANDS:
            yield _row(f"a configuration of {trick}", line, _with_config(text, line), _is_refused_config)


def _row(
    trick: str, line: tuple[str, ...], plays: Callable[[Path], Ran], holds: Callable[[Ran], bool]
) -> Row:
    return Row(trick, " ".join(line[:2] if line[0] != "book" else line[:1]), plays, holds, "exit 3, in words")


# --- ledgers --------------------------------------------------------------------------------------------------


def _on_ledger(*statements: str) -> Callable[[Path], None]:
    def forge(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            for statement in statements:
                database.execute(statement)

    return forge


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def forge(path: Path) -> None:
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        make(path)

    return forge


_LEDGERS: dict[str, Callable[[Path], None]] = {
    "given a trigger": _on_ledger("CREATE TRIGGER t AFTER UPDATE ON outbox BEGIN DELETE FROM bookings; END"),
    "given a view": _on_ledger("CREATE VIEW v AS SELECT load_extension('evil') FROM bookings"),
    "given a table": _on_ledger("CREATE TABLE t (x)"),
    "newer": _on_ledger("PRAGMA user_version = 10000"),
    "no database": _replaced(lambda path: path.write_bytes(b"not a database" * 1000)),
    "a pipe": _replaced(os.mkfifo),
    "a folder": _replaced(Path.mkdir),
}


def _with_ledger(forge: Callable[[Path], None], line: tuple[str, ...]) -> Callable[[Path], Ran]:
    def plays(folder: Path) -> Ran:
        with Hostile(lambda _: [], when=lambda _: False) as google:
            configured(folder, google.url)
            first = run(folder, *BOOK, environ={})
            assert first.exit == 0, first
            (ledger,) = (folder / "home").rglob("ledger.db")
            forge(ledger)
            return run(folder, *line, environ=TOKEN)

    return plays


def _is_refused_ledger(ran: Ran) -> bool:
    return ran.exit == 3 and ran.code in {"ledger-unusable", "ledger-too-new", "misconfigured"}


# --- vault files ----------------------------------------------------------------------------------------------


def _with_field(name: str, value: object) -> Callable[[Path], None]:
    def forge(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))

    return forge


_VAULTS: dict[str, Callable[[Path], None]] = {
    "a demand for 4 TB of memory": _with_field("n", 2**32),
    "a demand for a year of work": _with_field("p", 2**30),
    "cheap to guess": _with_field("n", 2),
    "not numbers": _with_field("n", "many"),
    "a pipe": _replaced(os.mkfifo),
    "endless brackets": _replaced(lambda path: path.write_bytes(b"[" * (1 << 22))),
}


def _with_vault(forge: Callable[[Path], None], line: tuple[str, ...]) -> Callable[[Path], Ran]:
    def plays(folder: Path) -> Ran:
        with Hostile(lambda _: [], when=lambda _: False) as google:
            first = connected(folder, google.url)
            assert first.exit == 0, first
            for path in (folder / "home").rglob("*.vault"):
                forge(path)
            return run(folder, *line, environ=SEALED)

    return plays


def _vault_verdict(line: tuple[str, ...]) -> Callable[[Ran], bool]:
    def holds(ran: Ran) -> bool:
        if line[0] == "disconnect":
            return ran.exit == 0 and json.loads(ran.out)["result"]["forgotten"] is True
        return ran.exit == 3 and ran.code in {"vault-unavailable", "misconfigured"}

    return holds


# --- configurations -------------------------------------------------------------------------------------------

_CONFIGS = {
    "lists 50,000 deep": "x = " + "[" * 50_000 + "]" * 50_000,
    "a number of 50,000 digits": "x = " + "9" * 50_000,
    "a title that formats": '[links.intro]\ntitle = "{name:>999999999}"',
    "a title that looks inside": '[links.intro]\ntitle = "{name.__class__.__mro__}"',
    "bytes that are no text": 'x = "\\ud800"',
    "no conflict calendars": "[calendars]\nconflicts = []",
}


def _with_config(text: str, line: tuple[str, ...]) -> Callable[[Path], Ran]:
    def plays(folder: Path) -> Ran:
        configured(folder, "http://127.0.0.1:1", text)
        return run(folder, *line, environ={})

    return plays


def _is_refused_config(ran: Ran) -> bool:
    return ran.exit == 3 and ran.code in {"config-invalid", "misconfigured"}
