"""What PostgreSQL and its client say went wrong, in our words and without a password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import psycopg
from psycopg import errors

from portalcal.errors import LedgerBusy, LedgerUnusable, PortalcalError

_SECRETS = ("password", "sslpassword", "passfile", "sslkey")

_OVERLOADED = re.compile(r"starting up|shutting down|too many|remaining connection slots|in recovery")

# "connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "ana""
_PREFACE = re.compile(
    r"^(connection failed: )?(connection to server (at|on) .*? failed: )?((FATAL|ERROR):\s+)?"
)

_ERRNO = re.compile(r"\[Errno -?\d+\] ")


class Words:
    """The words for the errors of one database. `options` are those of its url, by libpq's names."""

    def __init__(self, options: Mapping[str, object]) -> None:
        given = [str(options[name]) for name in _SECRETS if options.get(name)]
        self._secrets = [*given, *filter(None, [os.environ.get("PGPASSWORD")])]
        host = options.get("host") or options.get("hostaddr") or ""
        port = f":{options['port']}" if options.get("port") else ""
        self.name = f"postgresql://{host}{port}/{options.get('dbname', '')}"
        """The url without a user, a password or a setting."""

    def of_connecting(self, error: psycopg.Error) -> PortalcalError:
        """Why there is no connection; libpq tells it as text only."""
        reason = self._reason(error)
        if _OVERLOADED.search(reason):
            return LedgerBusy(self.name, f"not to be had right now: {reason}")
        return LedgerUnusable(self.name, reason)

    def of_asking(self, error: psycopg.Error, *, is_lost: bool) -> Exception:
        """Why a statement did not do what it should."""
        match error:
            case errors.LockNotAvailable():
                return LedgerBusy(self.name)
            case errors.QueryCanceled():
                return LedgerBusy(self.name, "too slow: a question was not answered in time")
            case errors.DeadlockDetected() | errors.SerializationFailure():
                return LedgerBusy(self.name)
            case errors.IntegrityError() | errors.DataError():
                return ValueError(f"the ledger refuses: {self._reason(error)}")
            case errors.DiskFull():
                return LedgerUnusable(self.name, "the disk is full")
            case errors.ReadOnlySqlTransaction():
                return LedgerUnusable(self.name, "it is read-only")
            case errors.DataCorrupted() | errors.IndexCorrupted():
                return LedgerUnusable(self.name, f"it is damaged: {self._reason(error)}")
            case _ if is_lost:
                return LedgerBusy(self.name, "out of reach: the connection was lost")
            case _:
                return LedgerUnusable(self.name, self._reason(error))

    def _reason(self, error: psycopg.Error) -> str:
        said = error.diag.message_primary or str(error)
        # Of several addresses of a server each fails for itself, one a line; the last line may be an advice of libpq's.
        last = next((line.strip() for line in reversed(said.splitlines()) if " failed: " in line), said)
        reason = " ".join(_ERRNO.sub("", _PREFACE.sub("", last)).split()).rstrip(".") or type(error).__name__
        for secret in self._secrets:
            reason = reason.replace(secret, "…")
        return reason
