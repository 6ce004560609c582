"""What becomes of the errors of psycopg, of servers and of poolers: what passes by itself is told from what does not."""

from __future__ import annotations

import pytest

pytest.importorskip("psycopg")

import psycopg
from psycopg import errors

from portalcal.adapters.ledger.postgres_errors import PostgresErrors
from portalcal.errors import LedgerBusy, LedgerUnusable

NAME = "postgresql://db.example.com/portal"
HERE = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: '


@pytest.fixture
def translate() -> PostgresErrors:
    return PostgresErrors({"host": "db.example.com", "dbname": "portal", "password": "geheim"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HERE + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?", "out of reach: the connection is refused"),
        (HERE + "timeout expired", "out of reach: it does not answer"),
        ("failed to resolve host 'db.example.com': [Errno -2] Name or service not known", "out of reach: the host db.example.com is not known: name or service not known"),
        (HERE + "server closed the connection unexpectedly", "not available at the moment: server closed the connection unexpectedly"),
        (HERE + "FATAL:  the database system is starting up", "not available at the moment: the database system is starting up"),
        (HERE + "FATAL:  the database system is shutting down", "not available at the moment: the database system is shutting down"),
        (HERE + "FATAL:  the database system is in recovery mode", "not available at the moment: the database system is in recovery mode"),
        (HERE + "FATAL:  terminating connection due to administrator command", "not available at the moment: terminating connection due to administrator command"),
        (HERE + "FATAL:  sorry, too many clients already", "not available at the moment: sorry, too many clients already"),
        (HERE + "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "not available at the moment: remaining connection slots are reserved for roles with the SUPERUSER attribute"),
        (HERE + "FATAL:  no more connections allowed (max_client_conn)", "not available at the moment: no more connections allowed (max_client_conn)"),
        (HERE + "FATAL:  server login has been failing, try again later (server_login_retry)", "not available at the moment: server login has been failing, try again later (server_login_retry)"),
        (HERE + "session is read-only", "out of reach: of its servers none can be written at the moment, as while a standby takes over"),
        (HERE + "Connection reset by peer", "out of reach: Connection reset by peer"),
    ],
)  # fmt: skip
def test_what_may_pass_by_itself_is_for_later(translate: PostgresErrors, text: str, reason: str) -> None:
    error = translate.of_connect(psycopg.OperationalError(text))

    assert isinstance(error, LedgerBusy)
    assert (error.exit, error.sentence) == (7, f"the ledger {NAME} is {reason}")


def test_a_server_that_does_not_let_one_in_in_time_is_for_later(translate: PostgresErrors) -> None:
    error = translate.of_connect(errors.ConnectionTimeout("connection timeout expired"))

    assert error.sentence == f"the ledger {NAME} is out of reach: it does not answer"


@pytest.mark.parametrize(
    "reason",
    [
        'password authentication failed for user "portal"',
        'database "portal" does not exist',
        'role "portal" does not exist',
        'no pg_hba.conf entry for host "10.0.0.9", user "portal", database "portal", no encryption',
        "SSL error: certificate verify failed",
        "server does not support SSL, but SSL was required",
        'permission denied for database "portal"',
    ],
)
def test_what_a_person_has_to_mend_is_not_tried_again(translate: PostgresErrors, reason: str) -> None:
    error = translate.of_connect(psycopg.OperationalError(f"{HERE}FATAL:  {reason}"))

    assert isinstance(error, LedgerUnusable)
    assert (error.exit, error.reason, error.fault) == (3, reason, "server")


def test_of_several_hosts_the_reason_that_a_person_has_to_mend_is_told(translate: PostgresErrors) -> None:
    text = "\n".join(
        [
            HERE + "Connection refused",
            "\tIs the server running on that host and accepting TCP/IP connections?",
            "Multiple connection attempts failed. All failures were:",
            "- host: 'a', port: None, hostaddr: '10.0.0.1': " + HERE + "FATAL:  the database system is starting up",
            "- host: 'b', port: None, hostaddr: '10.0.0.2': " + HERE + 'FATAL:  password authentication failed for user "portal"',
            "- host: 'c', port: None, hostaddr: '10.0.0.3': " + HERE + "Connection refused",
        ]
    )  # fmt: skip

    error = translate.of_connect(psycopg.OperationalError(text))

    assert isinstance(error, LedgerUnusable)
    assert error.reason == 'password authentication failed for user "portal"'


def test_of_an_attempt_with_tls_and_one_without_the_first_is_told(translate: PostgresErrors) -> None:
    wrong = HERE + 'FATAL:  password authentication failed for user "portal"'
    plain = 'connection to server at "10.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "portal", database "portal", no encryption'

    error = translate.of_connect(psycopg.OperationalError(f"{wrong}\n{plain}"))

    assert isinstance(error, LedgerUnusable)
    assert error.reason == 'password authentication failed for user "portal"'


def test_a_password_in_a_reason_is_blotted_out(translate: PostgresErrors) -> None:
    error = translate.of_connect(psycopg.OperationalError(HERE + "FATAL:  geheim is no good"))

    assert "geheim" not in error.message


@pytest.mark.parametrize(
    ("error", "exit_", "reason"),
    [
        (errors.AdminShutdown("terminating connection"), 7, "not available at the moment: terminating connection"),
        (errors.TooManyConnections("too many"), 7, "not available at the moment: too many"),
        (errors.CannotConnectNow("no"), 7, "not available at the moment: no"),
        (errors.LockNotAvailable("x"), 7, "locked by another process"),
        (errors.ReadOnlySqlTransaction("cannot execute INSERT during recovery"), 7, "out of reach: its server is a standby, which cannot be written until it takes over"),
        (errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"), 3, "it is read-only"),
        (errors.InsufficientPrivilege("permission denied for table outbox"), 3, "permission denied for table outbox"),
        (errors.DiskFull("x"), 3, "the disk is full"),
        (errors.ProtocolViolation("transaction blocks not allowed in statement pooling mode"), 3, "its pooler hands out connections by the statement; set `pool_mode = transaction` there"),
    ],
)  # fmt: skip
def test_the_failure_of_a_statement_has_its_exit(
    translate: PostgresErrors, error: psycopg.Error, exit_: int, reason: str
) -> None:
    translated = translate.of_statement(error, is_lost=False)

    assert isinstance(translated, LedgerBusy | LedgerUnusable)
    assert (translated.exit, translated.reason) == (exit_, reason)
