"""Translates psycopg's and the server's errors into ours. A password never reaches a message.

A failure that may pass by itself is LedgerBusy: a restart, a failover, a network, a pooler that is full. What a person
has to mend is LedgerUnusable, with what is to be mended as its kind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import errors

from portalcal.errors import LedgerBusy, LedgerFault, LedgerUnusable, PortalcalError

_SECRETS = ("password", "sslpassword", "passfile", "sslkey")

# "connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "ana""
_FAILED_ATTEMPT = re.compile(
    r"(?:connection to server (?P<where>.*?) failed|failed to resolve host (?P<host>'.*?')): (?P<reason>.*)"
)

_SEVERITY = re.compile(r"^[A-Z]+:\s+")

_ERRNO = re.compile(r"\[Errno -?\d+\] ")

_SOCKET = re.compile(r'on socket "(.*)/\.s\.PGSQL\.\d+"')

# Of servers that answer: they will again.
_NOT_NOW = re.compile(
    r"starting up|shutting down|in recovery|not accepting|too many|remaining connection slots|no more connections"
    r"|terminating connection|closed the connection|could not connect to the server|connect to server|login failed"
    r"|query_wait_timeout|client_login_timeout|server_login_retry|login has been failing|reserved for"
)

# A standby that takes over is read-only until it has.
_STANDBY = re.compile(r"read-only|hot standby|during recovery")

# What no server was asked about yet.
_NOT_REACHED = re.compile(
    r"refused|timed? ?out|timeout|unreachable|reset|resolve|No such file|Name or service|Temporary failure"
    r"|no address|Broken pipe|No route|could not (send|receive)|EOF detected|Try again|Resource temporarily"
)

_STATEMENT_POOLING = "its pooler hands out connections by the statement; set `pool_mode = transaction` there"

_LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)

_FOR_A_PERSON = (
    (errors.DiskFull, LedgerFault.FULL, "the disk is full"),
    (errors.ReadOnlySqlTransaction, LedgerFault.RIGHTS, "it is read-only"),
    (errors.InsufficientPrivilege, LedgerFault.RIGHTS, "{reason}"),
    (errors.DataCorrupted, LedgerFault.DAMAGED, "it is damaged: {reason}"),
    (errors.IndexCorrupted, LedgerFault.DAMAGED, "it is damaged: {reason}"),
)
"""Errors of statements that a person has to resolve, each with its fault and reason."""


class PostgresErrors:
    """Translates psycopg's errors for one database. `options`: the settings in its url, by libpq's names."""

    def __init__(self, options: Mapping[str, object]) -> None:
        given = [str(options[name]) for name in _SECRETS if options.get(name)]
        self._secrets = [*given, *filter(None, [os.environ.get("PGPASSWORD")])]
        host = options.get("host") or options.get("hostaddr") or ""
        port = f":{options['port']}" if options.get("port") else ""
        self.name = f"postgresql://{host}{port}/{options.get('dbname', '')}"
        """The url without user, password and settings."""

    def of_connect(self, error: psycopg.Error) -> PortalcalError:
        """Translate the failure of a connection attempt, which libpq reports as text only.

        Several hosts, several addresses, and TLS before plain text are attempts of their own. What a person has to mend
        goes before what a server says of its state, and that before a server that was not reached.
        """
        attempts = self._attempts(error)
        for kind in (self._mended_by_hand, self._comes_back, self._is_out_of_reach):
            for where, reason in attempts:
                if (translated := kind(where, reason)) is not None:
                    return translated
        return self._out_of_reach("it does not answer")

    def _mended_by_hand(self, where: str, reason: str) -> PortalcalError | None:
        if _NOT_NOW.search(reason) or _STANDBY.search(reason):
            return None
        if _NOT_REACHED.search(reason):
            socket = _SOCKET.search(where)
            # The folder of a server's socket outlives the server.
            if socket is None or "No such file" not in reason or Path(socket[1]).is_dir():
                return None
            reason = f"there is no folder {socket[1]}"
        return LedgerUnusable(self.name, reason, LedgerFault.SERVER)

    def _comes_back(self, where: str, reason: str) -> PortalcalError | None:  # noqa: ARG002 - as its siblings
        if _STANDBY.search(reason):
            return self._out_of_reach(
                "of its servers none can be written at the moment, as while a standby takes over"
            )
        if _NOT_NOW.search(reason):
            return LedgerBusy(self.name, f"not available at the moment: {reason}")
        return None

    def _is_out_of_reach(self, where: str, reason: str) -> PortalcalError | None:
        if "No such file" in reason:
            reason = "its server is not running"
        elif "refused" in reason:
            reason = "the connection is refused"
        elif re.search(r"timed? ?out|timeout", reason):
            reason = "it does not answer"
        elif where.startswith("'"):
            reason = f"the host {where[1:-1]} is not known: {reason.lower()}"
        return self._out_of_reach(reason)

    def _out_of_reach(self, reason: str) -> LedgerBusy:
        return LedgerBusy(self.name, f"out of reach: {reason}")

    def _attempts(self, error: psycopg.Error) -> list[tuple[str, str]]:
        """Where each attempt to connect went, and how it failed, each once and in their order."""
        attempts = [
            (match["where"] or match["host"] or "", self._cleaned(match["reason"]))
            for line in str(error).splitlines()
            for match in _FAILED_ATTEMPT.finditer(line)
        ]
        if isinstance(error, errors.ConnectionTimeout):
            attempts.append(("", "timed out"))
        return list(dict.fromkeys(attempts or [("", self._reason(error))]))

    def of_statement(self, error: psycopg.Error, *, is_lost: bool, in_hot_standby: bool = False) -> Exception:
        """Translate the failure of a statement. `is_lost`: the connection ended with it."""
        reason = self._reason(error)
        if isinstance(error, (errors.IntegrityError, errors.DataError)):
            return ValueError(f"the ledger refuses: {reason}")
        if "statement pooling" in reason:
            return LedgerUnusable(self.name, _STATEMENT_POOLING, LedgerFault.SERVER)
        if isinstance(error, errors.ReadOnlySqlTransaction) and (in_hot_standby or "recovery" in reason):
            return self._out_of_reach("its server is a standby, which cannot be written until it takes over")
        for kind, fault, words in _FOR_A_PERSON:
            if isinstance(error, kind):
                return LedgerUnusable(self.name, words.format(reason=reason), fault)
        return self._for_later(error, reason, is_lost=is_lost) or LedgerUnusable(
            self.name, reason, LedgerFault.SERVER
        )

    def _for_later(self, error: psycopg.Error, reason: str, *, is_lost: bool) -> LedgerBusy | None:
        if isinstance(error, errors.QueryCanceled):
            return LedgerBusy(self.name, "too slow: a question was not answered in time")
        if isinstance(error, _LOCKED):
            return LedgerBusy(self.name)
        if is_lost:
            return self._out_of_reach("the connection was lost")
        # Classes of SQLSTATE: connection, resources, an operator's intervention.
        if (error.sqlstate or "")[:2] in {"08", "53", "57"} or _NOT_NOW.search(reason):
            return LedgerBusy(self.name, f"not available at the moment: {reason}")
        return None

    def _reason(self, error: psycopg.Error) -> str:
        message = error.diag.message_primary or str(error).partition("\n")[0]
        return self._cleaned(message) or "it does not answer"

    def _cleaned(self, message: str) -> str:
        reason = " ".join(_ERRNO.sub("", _SEVERITY.sub("", message)).split()).rstrip(".")
        for secret in self._secrets:
            reason = reason.replace(secret, "…")
        return reason
