"""Connections to a PostgreSQL server: their defaults, the deadline of every statement, the servers that are refused.

Nothing is set for a session: in a pooler the session is somebody else's a moment later. A transaction sets what it needs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from portalcal.errors import LedgerFault, LedgerUnusable
from portalcal.ports import Exposure

_MINIMUM_SERVER = 140000
"""The first version with multiranges (https://www.postgresql.org/docs/14/rangetypes.html)."""

_DEFAULTS: dict[str, Any] = {
    "application_name": "portalcal",
    # Seconds for each host of the url.
    "connect_timeout": "5",
    # A network that goes silent must not hold a command for ever: 25 s while nothing is under way, else 15 s.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""What a connection has unless its url sets something else (https://www.postgresql.org/docs/current/libpq-connect.html)."""

_VARIABLES = {"connect_timeout": "PGCONNECT_TIMEOUT", "application_name": "PGAPPNAME", "target_session_attrs": "PGTARGETSESSIONATTRS"}  # fmt: skip
"""The environment variables of libpq that a default of ours would overrule."""


class ServerSilent(psycopg.OperationalError):
    """The server did not answer within the deadline of a statement."""


_T = TypeVar("_T")


class PostgresConnection(psycopg.Connection[DictRow]):
    """A connection whose statements have a deadline here too: a server that hangs does not keep to its own."""

    deadline: float = 20.0
    """Seconds for one statement."""

    def wait(self, gen: PQGen[_T], *args: Any, **named: Any) -> _T:
        """Wait for a statement. Raises: ServerSilent, after which the connection is closed."""
        try:
            return super().wait(_within(gen, self.deadline), *args, **named)
        except ServerSilent:
            self.close()
            raise


def _within(gen: PQGen[_T], seconds: float) -> PQGen[_T]:
    """Run psycopg's generator, which is resumed several times a second, until the deadline."""
    ends = monotonic() + seconds
    try:
        waits_for = next(gen)
        while True:
            ready = yield waits_for
            if monotonic() >= ends:
                raise ServerSilent("no answer in time")
            waits_for = gen.send(ready)
    except StopIteration as done:
        result: _T = done.value
        return result


def connect(options: Mapping[str, Any], *, name: str) -> PostgresConnection:
    """Connect to the database with those settings of libpq.

    Raises:
        psycopg.Error: it cannot be reached, or lets nobody in.
        LedgerUnusable: its server is too old, or its encoding is not UTF-8.
    """
    defaults = {key: value for key, value in _DEFAULTS.items() if _VARIABLES.get(key, "") not in os.environ}
    if "," in str(options.get("host", "")) and "PGTARGETSESSIONATTRS" not in os.environ:
        # Of several servers the one that can be written.
        defaults["target_session_attrs"] = "read-write"
    connection = PostgresConnection.connect(
        make_conninfo(**defaults | dict(options) | {"client_encoding": "utf8"}),
        autocommit=True,
        row_factory=dict_row,
        # A pooler gives the next transaction another session, which knows no statement that was prepared in this one.
        prepare_threshold=None,
    )
    try:
        _check_server(connection, name=name)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_server(connection: PostgresConnection, *, name: str) -> None:
    if connection.info.server_version < _MINIMUM_SERVER:
        version = connection.info.server_version // 10000
        reason = f"its server is PostgreSQL {version}; 14 is needed"
        raise LedgerUnusable(name, reason, LedgerFault.SERVER)
    if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
        raise LedgerUnusable(name, f"its encoding is {encoding}; UTF8 is needed", LedgerFault.SERVER)


def read_url(url: str) -> dict[str, Any]:
    """Return a url's settings by libpq's names. Raises: LedgerUnusable, which never quotes the url: it may be all password."""
    with suppress(psycopg.Error):
        options = dict(conninfo_to_dict(url))
        # The end of a password that was not percent-encoded may parse as a port, a host or a name, which are shown.
        places = (str(options.get(name, "")) for name in ("host", "dbname"))
        if re.fullmatch(r"[\d,]*", str(options.get("port", ""))) and not any(
            "@" in place for place in places
        ):
            return options
    reason = "its url is not understood; in a password the characters @ : / ? are written %40 %3A %2F %3F"
    raise LedgerUnusable("on a PostgreSQL server", reason, LedgerFault.SERVER)


def exposure_on_the_way(host: str, address: str, *, mode: str, libpq: int) -> Exposure | None:
    """Return that the traffic to a server can be read or changed on the way, with a remedy; None if it cannot.

    A local server is safe. Of the others, only `verify-full` proves that the server is the right one
    (https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
    """
    is_local = not host or host.startswith(("/", "@"))
    with suppress(ValueError):
        is_local = is_local or ip_address(address).is_loopback
    if is_local or mode == "verify-full":
        return None
    # libpq 16 and later can use the system's certificate authorities.
    root, where = ("system", "") if libpq >= 160000 else ("FILE", ", FILE being its authority's certificate")
    return Exposure(
        f"the server {host} is not verified (sslmode {mode}), so that somebody on the way can read and change it",
        f"write `sslmode=verify-full&sslrootcert={root}` after a ? at the end of the url under [ledger]{where}",
    )
