"""`connection.toml`: what portalcal learned when it connected, and beside it the OAuth client it was given.

Written by portalcal alone, never by hand, and never with a token in it; a hand-made mistake in it is still named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portalcal.adapters.private_files import write_private
from portalcal.core.permissions import Permission
from portalcal.errors import ClientInvalid, ConfigInvalid, Problem, did_you_mean
from portalcal.ports import Connection

_HEADING = "# Written by portalcal. `portalcal connect` and `portalcal calendars` change it.\n\n"
_REMEDY = "mend that by hand, or delete the file and run `portalcal connect`"


class ConnectionFile:
    """The connection of one workspace as a TOML file, 0600 in a folder of 0700.

    `dumps` puts a document into TOML; it comes from outside, since every command reads and few write (3 ms).
    """

    def __init__(self, path: Path, *, dumps: Callable[[Mapping[str, object]], str]) -> None:
        self._path = path
        self._dumps = dumps

    @property
    def client_path(self) -> Path:
        """Where the OAuth client given with `connect --client-secrets` is kept; it may not be there."""
        return self._path.with_name("client_secret.json")

    def read(self) -> Connection | None:
        """The connection, or None. Keys this version does not know are passed over.

        Raises:
            ConfigInvalid: the file cannot be read or was damaged by hand; every problem is named.
        """
        try:
            document = tomllib.loads(self._path.read_text(encoding="utf-8"))
        # Below a home that is no folder, such as the /dev/null of a service, nothing is either.
        except (FileNotFoundError, NotADirectoryError):
            return None
        except tomllib.TOMLDecodeError as error:
            raise self._unusable(f"not TOML: {error}") from None
        except UnicodeDecodeError:
            raise self._unusable("expected UTF-8 text") from None
        except OSError as error:
            raise self._unusable(_said(error)) from None
        return self._parse(document)

    def write(self, connection: Connection) -> None:
        """Replace the file, atomically.

        Raises:
            ConfigInvalid: the file cannot be written; the old one stands.
        """
        with self._writing(self._path):
            write_private(self._path, (_HEADING + self._dumps(_document(connection))).encode())

    def forget(self) -> None:
        """Remove the file; nothing there is fine. The client stays, for the next connection.

        Raises:
            ConfigInvalid: the file cannot be removed.
        """
        with self._writing(self._path):
            self._path.unlink(missing_ok=True)

    def others_of(self, account: str) -> tuple[str, ...]:
        """The other workspaces, each a folder beside ours, that are connected to an account.

        One whose file is damaged is passed over: its own commands say so.
        """
        found = []
        for path in sorted(self._path.parent.parent.glob(f"*/{self._path.name}")):
            with suppress(ConfigInvalid):
                other = None if path == self._path else ConnectionFile(path, dumps=self._dumps).read()
                if other and other.account.casefold() == account.casefold():
                    found.append(path.parent.name)
        return tuple(found)

    def keep_client(self, source: Path) -> Path:
        """Copy the OAuth client beside the connection, 0600, and say where it is now.

        Raises:
            ClientInvalid: `source` cannot be read.
            ConfigInvalid: the copy cannot be written; an older one stands.
        """
        try:
            content = source.read_bytes()
        except OSError as error:
            raise ClientInvalid(str(source), _said(error)) from None
        with self._writing(self.client_path):
            write_private(self.client_path, content)
        return self.client_path

    def _parse(self, document: Mapping[str, object]) -> Connection:
        reading = _Reading(document)
        connection = Connection(
            account=reading.text("account"),
            permissions=reading.permissions("permissions"),
            conflicts=reading.texts("conflicts"),
            booking=reading.text("booking"),
            connected_at=reading.instant("connected_at"),
            vault=reading.text("vault"),
            backend=reading.text("backend") if "backend" in document else None,
            titles=document.get("titles") is True,
            lived=reading.hours("lived_hours"),
            last_lived=reading.hours("last_lived_hours"),
        )
        if reading.problems:
            raise ConfigInvalid(str(self._path), tuple(reading.problems), _REMEDY)
        return connection

    def _unusable(self, found: str) -> ConfigInvalid:
        return ConfigInvalid(str(self._path), (Problem("", "", found),), _REMEDY)

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = Problem("", "", f"cannot be written: {_said(error)}")
            remedy = f"make {path.parent} writable, then run the same command again"
            raise ConfigInvalid(str(path), (problem,), remedy) from None


def _said(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _document(connection: Connection) -> dict[str, object]:
    learned: dict[str, object] = {
        "account": connection.account,
        "permissions": [each.value for each in Permission if each in connection.permissions],
        "conflicts": list(connection.conflicts),
        "booking": connection.booking,
        "connected_at": connection.connected_at,
        "vault": connection.vault,
    }
    if connection.backend is not None:
        learned["backend"] = connection.backend
    if connection.titles:
        learned["titles"] = True
    for key, lived in (("lived_hours", connection.lived), ("last_lived_hours", connection.last_lived)):
        if lived is not None:
            learned[key] = lived // timedelta(hours=1)
    return learned


class _Reading:
    """Typed values out of a TOML table; what is wrong with them is collected."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def text(self, key: str) -> str:
        value = self.document.get(key)
        if isinstance(value, str) and value:
            return value
        self._note(key, expected="expected text in quotes")
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.document.get(key)
        if isinstance(value, list) and all(isinstance(each, str) and each for each in value):
            return tuple(value)
        self._note(key, expected="expected a list of texts in quotes")
        return ()

    def permissions(self, key: str) -> frozenset[Permission]:
        known = {each.value: each for each in Permission}
        names = self.texts(key)
        for name in names:
            if name not in known:
                self.problems.append(
                    Problem(key, f'"{name}"', f"there is no such permission{did_you_mean(name, known)}")
                )
        return frozenset(known[name] for name in names if name in known)

    def instant(self, key: str) -> datetime:
        value = self.document.get(key)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        self._note(key, expected="expected a time with its offset, like 2026-11-25T10:00:00Z")
        return datetime.min.replace(tzinfo=UTC)

    def hours(self, key: str) -> timedelta | None:
        value = self.document.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6):
            return None if value is None else timedelta(hours=value)
        self._note(key, expected="expected a number of hours")
        return None

    def _note(self, key: str, *, expected: str) -> None:
        written = _as_written(self.document[key]) if key in self.document else ""
        self.problems.append(Problem(key, written, expected if written else f"missing; {expected}"))


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
