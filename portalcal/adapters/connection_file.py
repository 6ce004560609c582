"""`connection.toml`: the facts of a connection, and beside it the OAuth client it was made with.

Written by portalcal, never with a token in it. Every mistake made by editing it is reported.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from portalcal.adapters.files import EMPTIED, read_ordinary, remove_private, write_lock, write_private
from portalcal.core.email_address import same
from portalcal.core.permissions import Permission
from portalcal.errors import ClientInvalid, ConfigInvalid, ConnectionDamaged, Problem, did_you_mean
from portalcal.ports import Clock, Connection, Connections

_SELECTIONS_HEADING = "# Written by portalcal: the calendars chosen for accounts that were disconnected.\n\n"

_HEADING = "# Written by portalcal. `portalcal connect` and `portalcal calendars` change it.\n\n"

_MAX_BYTES = 1 << 20


class ConnectionFile:
    """The connection of one workspace as a TOML file, mode 0600 in a folder of mode 0700.

    An object serves one command: `read` parses the file once and keeps the result until this object writes. Whatever
    is written is derived from `read_now`, under the lock, since another process may have written in between.
    `dumps` serializes TOML. It is an argument because its library takes 3 ms to import and few commands write.
    """

    def __init__(self, path: Path, *, dumps: Callable[[Mapping[str, object]], str]) -> None:
        self._path = path
        self._dumps = dumps
        self._lock = Lock()
        self._parsed: tuple[Connection | None] | None = None
        """The result of `read` in a tuple, since the result may be None; None: not read since the last write."""

    @property
    def client_path(self) -> Path:
        """Where the OAuth client given with `connect --client-secrets` is stored; the file may not exist."""
        return self._path.with_name("client_secret.json")

    def read(self) -> Connection | None:
        """The connection as first read by this object, or None. After a failure the next call reads again.

        Raises:
            ConfigInvalid: as `read_now`.
        """
        with self._lock:
            if self._parsed is None:
                self._parsed = (self.read_now(),)
            return self._parsed[0]

    def read_now(self) -> Connection | None:
        """The connection in the file at present, or None. Unknown keys are ignored.

        Raises:
            ConfigInvalid: the file cannot be read or is damaged; names every problem.
        """
        try:
            content = read_ordinary(self._path, most=_MAX_BYTES)
            document = tomllib.loads(content.decode())
        # NotADirectoryError: the home is not a folder, such as /dev/null for a service.
        except (FileNotFoundError, NotADirectoryError):
            return None
        except tomllib.TOMLDecodeError as error:
            raise self._unusable(f"not TOML: {error}") from None
        except UnicodeDecodeError:
            raise self._unusable("expected UTF-8 text") from None
        except (ValueError, RecursionError):
            raise self._unusable(
                "expected what portalcal wrote, found numbers or nesting beyond that"
            ) from None
        except OSError as error:
            raise self._unusable(_reason(error)) from None
        return None if content == EMPTIED else self._parse(document)

    def update(self, change: Callable[[Connection | None], Connection | None]) -> Connection | None:
        """Read, pass to `change` and write its result, all under the write lock; return the result.

        Nothing is written if the result is None or equal to what was read.

        Raises:
            ConfigInvalid: the file is damaged or cannot be written; it is unchanged.
        """
        with self._writing(self._path), write_lock(self._path):
            before = self.read_now()
            self._keep_parsed(before)
            after = change(before)
            if after is not None and after != before:
                if before is not None and after.account != before.account:
                    self._keep_selection()
                self._replace(after)
            return after

    def write(self, connection: Connection) -> None:
        """Replace the file atomically without reading it.

        Raises:
            ConfigInvalid: the file cannot be written; it is unchanged.
        """
        with self._writing(self._path), write_lock(self._path):
            self._replace(connection)

    def forget(self) -> None:
        """Remove the file if it exists. The OAuth client stays, for the next connection.

        Raises:
            ConfigInvalid: the file cannot be removed.
        """
        self._keep_selection()
        with self._writing(self._path):
            if self._path.exists():
                try:
                    with write_lock(self._path):
                        remove_private(self._path)
                # The lock needs a writable folder; removing does not depend on it.
                except OSError:
                    remove_private(self._path)
        self._drop_parsed()

    def selection_of(self, account: str) -> tuple[tuple[str, ...], str] | None:
        """The calendars an earlier connection of that account had selected; None if unknown or damaged."""
        selection = self._selections().get(account.casefold())
        if not isinstance(selection, dict):
            return None
        reader = _TableReader(selection)
        conflicts, booking = reader.some_texts("conflicts"), reader.text("booking")
        return None if reader.problems else (conflicts, booking)

    def _keep_selection(self) -> None:
        """Store the selected calendars under the account; best effort, failures are ignored."""
        with suppress(ConfigInvalid, OSError):
            connection = self.read_now()
            if connection is None:
                return
            selection = {"conflicts": list(connection.conflicts), "booking": connection.booking}
            selections = self._selections() | {connection.account.casefold(): selection}
            write_private(self._selections_path, (_SELECTIONS_HEADING + self._dumps(selections)).encode())

    def _selections(self) -> dict[str, object]:
        try:
            return tomllib.loads(self._selections_path.read_text(encoding="utf-8"))
        # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
        except (OSError, ValueError):
            return {}

    @property
    def _selections_path(self) -> Path:
        return self._path.with_name("selections.toml")

    def others_of(self, account: str) -> tuple[str, ...]:
        """The other workspaces, sibling folders of this one, that are connected to an account.

        A workspace whose file is damaged is skipped: its own commands report it.
        """
        workspaces = []
        for path in sorted(self._path.parent.parent.glob(f"*/{self._path.name}")):
            with suppress(ConfigInvalid):
                other = None if path == self._path else ConnectionFile(path, dumps=self._dumps).read()
                if other and same(other.account, account):
                    workspaces.append(path.parent.name)
        return tuple(workspaces)

    def keep_client(self, source: Path) -> Path:
        """Copy the OAuth client beside the connection, with mode 0600, and return its path.

        Raises:
            ClientInvalid: `source` cannot be read.
            ConfigInvalid: the copy cannot be written; an older one is unchanged.
        """
        try:
            content = source.read_bytes()
        except OSError as error:
            raise ClientInvalid(str(source), _reason(error)) from None
        with self._writing(self.client_path):
            write_private(self.client_path, content)
        return self.client_path

    def _replace(self, connection: Connection) -> None:
        write_private(self._path, (_HEADING + self._dumps(_document(connection))).encode())
        self._drop_parsed()

    def _keep_parsed(self, connection: Connection | None) -> None:
        with self._lock:
            self._parsed = (connection,)

    def _drop_parsed(self) -> None:
        """Have the next `read` parse the file. Called after the write: a thread may be reading the old file until then."""
        with self._lock:
            self._parsed = None

    def _parse(self, document: Mapping[str, object]) -> Connection:
        reader = _TableReader(document)
        connection = Connection(
            account=reader.text("account"),
            permissions=reader.permissions("permissions"),
            conflicts=reader.some_texts("conflicts"),
            booking=reader.text("booking"),
            connected_at=reader.instant("connected_at"),
            vault=reader.text("vault"),
            backend=reader.text("backend") if "backend" in document else None,
            titles=document.get("titles") is True,
            lived=reader.hours("lived_hours"),
            last_lived=reader.hours("last_lived_hours"),
            own_client=document.get("own_client") is True,
            origins=reader.texts("origins") if "origins" in document else (),
        )
        if reader.problems:
            raise ConnectionDamaged(str(self._path), tuple(reader.problems))
        return connection

    def _unusable(self, reason: str) -> ConfigInvalid:
        return ConnectionDamaged(str(self._path), (Problem("", "", reason),))

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            problem = Problem("", "", f"cannot be written: {_reason(error)}")
            raise ConfigInvalid(str(path), (problem,), "end that process, or wait for it") from None
        except OSError as error:
            problem = Problem("", "", f"cannot be written: {_reason(error)}")
            remedy = f"make {path.parent} writable, then run the same command again"
            raise ConfigInvalid(str(path), (problem,), remedy) from None


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _document(connection: Connection) -> dict[str, object]:
    document: dict[str, object] = {
        "account": connection.account,
        "permissions": [each.value for each in Permission if each in connection.permissions],
        "conflicts": list(connection.conflicts),
        "booking": connection.booking,
        "connected_at": connection.connected_at,
        "vault": connection.vault,
    }
    if connection.backend is not None:
        document["backend"] = connection.backend
    if connection.titles:
        document["titles"] = True
    if connection.origins:
        document["origins"] = list(connection.origins)
    if connection.own_client:
        document["own_client"] = True
    for key, lived in (("lived_hours", connection.lived), ("last_lived_hours", connection.last_lived)):
        if lived is not None:
            document[key] = lived // timedelta(hours=1)
    return document


class _TableReader:
    """Reads typed values from a TOML table and collects the problems."""

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

    def some_texts(self, key: str) -> tuple[str, ...]:
        if self.document.get(key) == []:
            self._note(key, expected="expected at least one calendar: with none every time would seem free")
        return self.texts(key)

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


class EnvConnection:
    """The connection when a token comes from the environment or a service account: the stored one, else a default.

    By default the calendar is `primary`, since the account is unknown until Google is asked, or the `account` a service
    account acts for. All permissions are assumed: Google refuses what the token does not allow.
    """

    def __init__(
        self, stored: Connections, clock: Clock, *, account: str = "", vault: str = "environment"
    ) -> None:
        self._stored = stored
        self._clock = clock
        self._account = account
        self._vault = vault

    def read(self) -> Connection:
        """The stored connection of the account, or the default one."""
        return self._implied(self._stored.read())

    def update(self, change: Callable[[Connection | None], Connection | None]) -> Connection | None:
        """Store a changed selection; the stored facts of a grant in the vault are preserved."""

        def changed(stored: Connection | None) -> Connection | None:
            after = change(self._implied(stored))
            return after and _beside(after, stored)

        return self._stored.update(changed)

    def _implied(self, stored: Connection | None) -> Connection:
        # A selection is valid for its account only. The token in use belongs to another grant than the stored one, so
        # the age, vault and origins in the file do not apply to it.
        if stored and self._account in {"", stored.account}:
            return stored._replace(vault=self._vault, backend=None, lived=None, last_lived=None, origins=())
        return Connection(
            account=self._account,
            permissions=frozenset(Permission),
            conflicts=(self._account or "primary",),
            booking=self._account or "primary",
            connected_at=self._clock.now(),
            vault=self._vault,
        )

    def write(self, connection: Connection) -> None:
        """Store the selection; the stored facts of a grant in the vault are preserved."""
        self._stored.write(_beside(connection, self._stored.read()))

    def forget(self) -> None:
        """Remove the stored connection."""
        self._stored.forget()

    def selection_of(self, account: str) -> tuple[tuple[str, ...], str] | None:
        """The calendars an earlier connection of that account had selected."""
        return self._stored.selection_of(account)

    def others_of(self, account: str) -> tuple[str, ...]:
        """The other workspaces that are connected to an account."""
        return self._stored.others_of(account)


def _beside(selected: Connection, stored: Connection | None) -> Connection:
    """The connection to store: the stored facts of the same account's grant, with the new selection."""
    if stored is None or stored.account != selected.account:
        return selected
    return stored._replace(conflicts=selected.conflicts, booking=selected.booking)
