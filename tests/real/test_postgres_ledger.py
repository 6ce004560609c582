"""The ledger on a real PostgreSQL server: the contract, races, crashes, and servers that cannot be used."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from portalcal.adapters.ledger import postgres_schema as sql
from portalcal.adapters.ledger import sql as statements
from portalcal.adapters.ledger.postgres import PostgresDatabase, PostgresLedger, PostgresSession
from portalcal.adapters.ledger.rows import columns_of
from portalcal.errors import LedgerBusy, LedgerCutOff, LedgerTooNew, LedgerUnusable, PortalcalError
from portalcal.ports import Ledger, Search
from tests.builders import SetClock, a_booking, a_wish, at, lease, span
from tests.contract.test_history import AUTHOR, HistoryContract, OpenSqlLedger
from tests.contract.test_ledger import SharedLedgerContract, reason_of
from tests.real.postgres_cluster import Cluster, trust_hosts

pytestmark = pytest.mark.real

_HEAD = """
import sys
from portalcal.adapters.ledger.postgres import PostgresLedger
from portalcal.ports import ClaimsOverlap, Search
from tests.builders import SetClock, a_booking, at, lease
ledger = PostgresLedger(sys.argv[1], "default", SetClock())
print("ready", flush=True)
sys.stdin.readline()
"""
_HOLD = """
minute = int(sys.argv[2])
try:
    ledger.hold(a_booking(f"09:{minute:02}-09:30"), put=True)
    print("won")
except ClaimsOverlap:
    print("lost")
"""
_HOLD_A_PERSON = """
from portalcal.core.participants import Participant, Role
number = int(sys.argv[2])
workspace = ("default", "sales")[number % 2]
ledger = PostgresLedger(sys.argv[1], workspace, SetClock())
people = tuple(Participant(each, f"{each}@example.com", Role.WITH) for each in (f"p{number}", "ana"))
try:
    ledger.hold(a_booking(f"09:{number:02}-10:00", workspace=workspace, participants=people), put=True)
    print("won")
except ClaimsOverlap:
    print("lost")
"""
_INSIDE = """
from portalcal.adapters.ledger import sql as statements
from portalcal.adapters.ledger.rows import columns_of
with ledger._database.writing() as db:
    db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))
    print("inside", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def database(postgres: Cluster) -> str:
    return postgres.new_database()


@pytest.fixture
def url(postgres: Cluster, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def ledger(url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(url, "default", SetClock())
    yield opened
    opened.close()


class TestPostgresLedger(SharedLedgerContract):
    @pytest.fixture
    def open_ledger(
        self, postgres: Cluster, database: str, url: str, clock: SetClock
    ) -> Iterator[Callable[..., Ledger]]:
        opened: list[PostgresLedger] = []

        def open_one(workspace: str = "default") -> PostgresLedger:
            opened.append(PostgresLedger(url, workspace, clock))
            return opened[-1]

        with open_one()._database.writing():
            pass
        trust_hosts(postgres, database)
        yield open_one
        for each in opened:
            each.close()


class TestPostgresHistory(HistoryContract):
    @pytest.fixture
    def open_ledger(
        self, postgres: Cluster, database: str, url: str, clock: SetClock
    ) -> Iterator[OpenSqlLedger]:
        opened: list[PostgresLedger] = []

        def open_one(workspace: str = "default") -> PostgresLedger:
            opened.append(PostgresLedger(url, workspace, clock, author=AUTHOR))
            return opened[-1]

        with open_one()._database.writing():
            pass
        trust_hosts(postgres, database)
        yield open_one
        for each in opened:
            each.close()

    @pytest.mark.usefixtures("held")
    def test_no_other_program_changes_a_line(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as database:
            for statement in ("UPDATE portalcal.history SET actor = 'x'", "DELETE FROM portalcal.history"):
                with pytest.raises(psycopg.errors.CheckViolation, match="the history is never"):
                    database.execute(statement)


@contextmanager
def another_process(url: str, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that opens the ledger and waits for a line before it runs the script."""
    with subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, url, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert line_of(process) == "ready"
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def refused(ledger: PostgresLedger) -> PortalcalError:
    with pytest.raises(PortalcalError) as caught:
        ledger.search(Search())
    return caught.value


# --- one time, one booking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [False, True], ids=["the first start", "a later start"])
def test_of_sixteen_processes_that_want_overlapping_times_one_wins(
    ledger: PostgresLedger, url: str, exists: bool
) -> None:
    if exists:
        ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _HEAD + _HOLD, url, str(minute)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for minute in range(16)
    ]  # fmt: skip
    for each in running:
        assert line_of(each) == "ready"
    for each in running:
        go(each)

    answers = [each.communicate(timeout=60)[0].strip() for each in running]

    assert sorted(answers) == ["lost"] * 15 + ["won"]
    assert len(ledger.live_in(span("08:00-10:00"))) == 1
    assert len(ledger.owed()) == 1 + exists


def test_of_processes_of_two_workspaces_that_want_one_person_at_one_time_one_wins(
    ledger: PostgresLedger, url: str
) -> None:
    ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _HEAD + _HOLD_A_PERSON, url, str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(8)
    ]  # fmt: skip
    for each in running:
        assert line_of(each) == "ready"
    for each in running:
        go(each)

    answers = [each.communicate(timeout=60)[0].strip() for each in running]

    assert sorted(answers) == ["lost"] * 7 + ["won"]
    claims = ledger.claims(("ana@example.com",), span("08:00-10:30"), now=at("08:00"))
    assert [each.participant for each in claims].count("ana@example.com") == 1


@pytest.mark.parametrize("when", ["09:10-09:20", "11:10-11:20", "08:00-12:00"])
def test_the_database_itself_refuses_a_claim_over_either_time_of_a_booking(
    ledger: PostgresLedger, when: str
) -> None:
    moving = ledger.hold(a_booking("09:00-09:30"), put=True)
    with ledger._database.writing() as db:
        there = {"id": str(moving.id), "start": int(at("11:00").timestamp())}
        db.execute("UPDATE bookings SET new_start = :start, new_duration = 1800 WHERE id = :id", there)

    with pytest.raises(ValueError, match="claims_never_overlap"), ledger._database.writing() as db:
        db.execute(statements.INSERT_BOOKING, columns_of(a_booking(when)))

    with ledger._database.writing() as db:
        db.execute(statements.INSERT_BOOKING, columns_of(a_booking("09:30-11:00")))
        db.execute(statements.INSERT_BOOKING, columns_of(a_booking("09:00-09:30", workspace="sales")))


def test_the_database_itself_refuses_a_move_onto_another_booking(ledger: PostgresLedger) -> None:
    moving = ledger.hold(a_booking("09:00-09:30"), put=True)
    ledger.hold(a_booking("11:00-11:30"), put=True)

    there = {"id": str(moving.id), "start": int(at("11:15").timestamp())}
    with pytest.raises(ValueError, match="claims_never_overlap"), ledger._database.writing() as db:
        db.execute("UPDATE bookings SET new_start = :start, new_duration = 1800 WHERE id = :id", there)

    assert ledger.find(str(moving.id)) == moving


def test_a_state_that_does_not_follow_is_refused(ledger: PostgresLedger) -> None:
    ended = ledger.begin_cancel(ledger.hold(a_booking(), put=True))

    with pytest.raises(ValueError, match="not legal"), ledger._database.writing() as db:
        db.execute("UPDATE bookings SET state = 'held'")

    assert ledger.find(str(ended.id)) == ended


def test_a_character_that_the_database_does_not_keep_is_replaced(ledger: PostgresLedger) -> None:
    held = ledger.hold(a_booking(request=a_wish(notes="one\0two", guests=("c\0@example.com",))), put=True)

    assert held.request.notes == "one\ufffdtwo"
    assert ledger.find(str(held.id)) == held


# --- processes that die ---------------------------------------------------------------------------------------


def test_a_process_killed_inside_a_transaction_leaves_nothing(ledger: PostgresLedger, url: str) -> None:
    ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    with another_process(url, _INSIDE) as process:
        go(process)
        assert line_of(process) == "inside"
        process.send_signal(signal.SIGKILL)

    assert ledger.live_in(span("09:00-10:00")) == ()
    ledger.hold(a_booking(), put=True)


def test_an_exception_inside_a_transaction_undoes_it(ledger: PostgresLedger) -> None:
    with pytest.raises(KeyboardInterrupt), ledger._database.writing() as db:
        interrupted(db)

    assert ledger.search(Search()) == ()


# --- waiting --------------------------------------------------------------------------------------------------


def test_a_writer_that_takes_too_long_is_not_waited_for(ledger: PostgresLedger, url: str) -> None:
    other = PostgresDatabase(url, "default", lock_timeout=0.2)

    with ledger._database.writing(), pytest.raises(LedgerBusy) as caught, other.writing():
        pass

    other.close()
    assert caught.value.message.endswith("is locked by another process")


def test_writers_of_other_workspaces_and_readers_do_not_wait(ledger: PostgresLedger, url: str) -> None:
    ledger.hold(a_booking(), put=True)
    sales = PostgresLedger(url, "sales", SetClock())
    reader = PostgresLedger(url, "default", SetClock())

    with ledger._database.writing() as db:
        db.execute("DELETE FROM bookings")
        sales.hold(a_booking(workspace="sales"), put=True)
        assert len(reader.search(Search())) == 1

    sales.close()
    reader.close()


def test_a_question_that_takes_too_long_is_given_up(url: str) -> None:
    server = PostgresDatabase(url, "default", lock_timeout=0.2)

    with pytest.raises(LedgerBusy) as caught, server.reading() as db:
        db.execute("SELECT pg_sleep(10)")

    server.close()
    assert caught.value.message.endswith("is too slow: a question was not answered in time")


# --- versions -------------------------------------------------------------------------------------------------


def test_nothing_is_made_by_looking(ledger: PostgresLedger, postgres: Cluster, database: str) -> None:
    assert ledger.search(Search()) == ()
    assert ledger.check() is None

    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'portalcal'"
    assert postgres.sql(schemas, database=database) == "0"


@pytest.mark.parametrize("version", [1, sql.FIRST_VERSION - 1])
def test_a_ledger_of_an_unreleased_portalcal_is_refused_and_left_alone(
    ledger: PostgresLedger, postgres: Cluster, database: str, version: int
) -> None:
    unreleased = (
        "SET ROLE portal; CREATE SCHEMA portalcal; CREATE TABLE portalcal.ledger (version INTEGER NOT NULL);"
        f"INSERT INTO portalcal.ledger VALUES ({version}); CREATE TABLE portalcal.errands (id int)"
    )
    postgres.sql(unreleased, database=database)

    assert (
        "an unreleased portalcal made its schema portalcal, which no release reads" in refused(ledger).message
    )
    assert reason_of(ledger) == "an unreleased portalcal made its schema portalcal, which no release reads"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'portalcal'"
    assert postgres.sql(tables, database=database) == "2"


def test_a_ledger_that_is_made_after_our_snapshot_is_read_in_the_next_one(
    ledger: PostgresLedger, url: str
) -> None:
    with psycopg.Connection[DictRow].connect(url, row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        ledger.hold(a_booking(), put=True)

        assert not ledger._database._is_current(PostgresSession(connection))


def test_an_older_ledger_is_brought_up_to_date_with_its_bookings(
    ledger: PostgresLedger, url: str, postgres: Cluster, database: str
) -> None:
    held = ledger.hold(a_booking(), put=True)
    ledger.close()
    later = PostgresDatabase(
        url, "default", migrations=(*sql.MIGRATIONS, ("ALTER TABLE bookings ADD COLUMN colour TEXT",))
    )

    with later.reading() as db:
        assert db.one("SELECT id, colour FROM bookings") == {"id": str(held.id), "colour": None}

    later.close()
    version = postgres.sql("SELECT version FROM portalcal.ledger", database=database)
    assert version == str(sql.VERSION + 1)
    with pytest.raises(LedgerTooNew):
        ledger.search(Search())


def test_a_ledger_of_a_later_program_is_refused_and_not_touched(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    postgres.sql(f"UPDATE portalcal.ledger SET version = {sql.VERSION + 1}", database=database)

    for ask in (ledger.check, lambda: ledger.search(Search()), lambda: ledger.hold(a_booking(), put=True)):
        with pytest.raises(LedgerTooNew) as caught:
            ask()

    assert (caught.value.found, caught.value.known) == (sql.VERSION + 1, sql.VERSION)
    assert postgres.sql("SELECT count(*) FROM portalcal.bookings", database=database) == "1"


def test_a_schema_of_another_program_is_left_alone(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    theirs = "SET ROLE portal; CREATE SCHEMA portalcal; CREATE TABLE portalcal.bookings (id int)"
    postgres.sql(theirs, database=database)

    assert "its schema portalcal belongs to another program" in refused(ledger).message


def test_a_role_that_may_make_nothing_is_reported(postgres: Cluster, database: str) -> None:
    postgres.sql(f"ALTER DATABASE {database} OWNER TO {postgres.user}")
    ledger = PostgresLedger(postgres.url(database), "default", SetClock())

    error = refused(ledger)

    ledger.close()
    assert isinstance(error, LedgerUnusable)
    assert error.reason == f"permission denied for database {database}"


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (
            "ALTER TABLE portalcal.claims DROP CONSTRAINT claims_never_overlap",
            "it is damaged: it no longer refuses overlapping bookings",
        ),
        (
            "ALTER TABLE portalcal.bookings DISABLE TRIGGER count_bookings",
            "it is damaged: a trigger or an index is missing or switched off",
        ),
        ("REVOKE INSERT ON portalcal.outbox FROM portal", "it can be read, but not written"),
        ("REVOKE DELETE ON portalcal.outbox FROM portal", "permission denied for table outbox"),
        ("DROP TABLE portalcal.totals CASCADE", "it is damaged: one of its tables is missing"),
    ],
)
def test_a_ledger_that_cannot_keep_its_word_is_found_out(
    ledger: PostgresLedger, postgres: Cluster, database: str, harm: str, reason: str
) -> None:
    ledger.hold(a_booking(), put=True)

    postgres.sql(harm, database=database)

    assert reason_of(ledger) == reason


def test_a_role_for_which_triggers_are_off_is_found_out(
    ledger: PostgresLedger, postgres: Cluster, database: str, url: str
) -> None:
    ledger.hold(a_booking(), put=True)
    postgres.sql(f"ALTER ROLE portal IN DATABASE {database} SET session_replication_role = replica")
    later = PostgresLedger(url, "default", SetClock())

    reason = reason_of(later)

    later.close()
    assert reason.startswith("its role switches triggers off")
    assert len(ledger.search(Search())) == 1


def test_looking_whether_a_booking_could_be_written_leaves_nothing(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    ledger.hold(a_booking(), put=True)

    assert ledger.check() is None

    counts = "SELECT (SELECT count(*) FROM portalcal.bookings), (SELECT count(*) FROM portalcal.history)"
    assert postgres.sql(counts, database=database).startswith("1|")


# --- servers that stand in the way ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("geheim@", "geheim-x@"), 'password authentication failed for user "portal"'),
        (("portal:", "nobody:"), 'password authentication failed for user "nobody"'),
        (("?host=", "?host=/nowhere"), "there is no folder /nowhere"),
        (("@/", "@/no_"), "does not exist"),
        (("portal:geheim@/", "portal:geheim/@x:/"), "its url is not understood"),
        (("portal:geheim@/", "portal:ab@geheim:geheim/"), "its url is not understood"),
    ],
)
def test_what_stands_in_the_way_is_reported_without_the_password(
    url: str, change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(LedgerUnusable) as caught:
        PostgresLedger(url.replace(*change), "default", SetClock()).search(Search())

    assert reason in caught.value.message
    assert "geheim" not in f"{caught.value.message} {caught.value.details} {caught.value.hint}"


def test_a_password_of_the_environment_is_enough(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "geheim")
    ledger = PostgresLedger(url.replace(":geheim", ""), "default", SetClock())

    assert ledger.search(Search()) == ()

    ledger.close()


def test_a_connection_that_ended_while_nobody_used_it_is_made_again(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    booking = ledger.hold(a_booking(), put=True)

    disconnect(postgres, database)

    assert ledger.find(str(booking.id)) == booking


def test_a_connection_that_is_lost_in_the_middle_changes_nothing(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    ledger.search(Search())

    with pytest.raises(LedgerBusy) as caught, ledger._database.writing() as db:
        cut_off(db, postgres, database).execute(statements.TALLY, {"workspace": "default", "now": 0})

    assert caught.value.message.endswith("is out of reach: the connection was lost")
    assert ledger.search(Search()) == ()


def test_a_connection_that_is_lost_at_the_end_leaves_it_open(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    with pytest.raises(LedgerCutOff), ledger._database.writing() as db:
        cut_off(db, postgres, database)


def test_a_server_that_crashes_and_comes_back_has_what_was_recorded(
    ledger: PostgresLedger, postgres: Cluster
) -> None:
    booking = ledger.hold(a_booking(), put=True)
    (entry,) = ledger.due(at("08:00"), most=20)
    assert lease(ledger, entry, now=at("08:00"))

    postgres.stop(signal.SIGQUIT)
    try:
        assert isinstance(refused(ledger), LedgerBusy)
        assert refused(ledger).message.endswith("is out of reach: its server is not running")
    finally:
        postgres.start()

    assert ledger.find(str(booking.id)) == booking
    # The process lives, and so does its lease.
    assert lease(ledger, entry, now=at("08:00")) is None


def cut_off(db: PostgresSession, postgres: Cluster, database: str) -> PostgresSession:
    """Write a booking, then cut the connection off within the transaction."""
    db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))
    db.flush()
    disconnect(postgres, database)
    return db


def test_a_buffered_statement_is_refused_before_the_commit(
    ledger: PostgresLedger,
) -> None:
    held = ledger.hold(a_booking(), put=True)

    with pytest.raises(ValueError, match="claims_never_overlap"), ledger._database.writing() as db:
        insert_over(db, "09:10-09:20")

    assert ledger.search(Search()) == (held,)
    assert len(ledger.owed()) == 1


_TO_CLAIMS = {
    "claims_in_the_way": sql.DIALECT.claims_in_the_way,
    "claims_of_others": sql.DIALECT.claims_of_others,
    "meeting_starts": sql.DIALECT.meeting_starts,
    "own claims": statements.OWN_CLAIMS,
    "live bookings": statements.LIVE_BOOKINGS_IN,
    "under a key": statements.BOOKING_UNDER_KEY,
    "search": sql.DIALECT.search,
}


@pytest.mark.full
def test_no_statement_reads_all_bookings_of_a_workspace(
    ledger: PostgresLedger, postgres: Cluster, database: str
) -> None:
    """The owner takes part in all of them. An index that seems expensive stands for a ledger that is large."""
    ledger.keep_sync_token("primary", "0")
    postgres.fill(database, 3000, first=at("09:00"))
    postgres.sql(f"ALTER DATABASE {database} SET random_page_cost = 1000")
    ledger.close()
    start = int(at("Fri 09:30").timestamp())
    parameters = {
        "workspace": "default",
        "participants": '["workspace:default"]',
        "booking": "x",
        "key": "k",
        "now": start,
    }
    parameters |= {
        "start": start,
        "end": start + 1800,
        "long_ago": 0,
        "after_start": 0,
        "after_id": "",
        "most": 20,
        "states": '["held", "confirmed"]',
        "has_calendar": None,
        "has_refusal": 0,
        "is_narrowed": 0,
        "touched_events": "[]",
        "touched_bookings": "[]",
    }

    with ledger._database.reading() as db:
        plans = {
            name: db.execute(f"EXPLAIN {each}", parameters).fetchall() for name, each in _TO_CLAIMS.items()
        }

    reading_all = [
        name for name, plan in plans.items() if any("Seq Scan" in row["QUERY PLAN"] for row in plan)
    ]
    assert reading_all == []


@pytest.mark.parametrize("strings", ["on", "off"])
def test_rows_come_to_the_statement_that_asked_for_them(
    ledger: PostgresLedger, postgres: Cluster, database: str, strings: str
) -> None:
    """Whether or not a backslash escapes, as the server's setting has it."""
    postgres.sql(f"ALTER DATABASE {database} SET standard_conforming_strings = {strings}")
    text = "it's 100 % \\' \\\\ \"quoted\" -- :no; $1 ?"
    with ledger._database.reading() as db:
        first = db.execute("SELECT :text AS value", {"text": text})
        db.execute("SELECT 1 WHERE false -- a comment at the end")
        several = db.execute("SELECT value FROM generate_series(:first, 3) AS value", {"first": -1})

        assert [row["value"] for row in several] == [-1, 0, 1, 2, 3]
        assert [row["value"] for row in first] == [text]


def insert_over(db: PostgresSession, when: str) -> None:
    db.execute(statements.INSERT_BOOKING, columns_of(a_booking(when)))
    db.execute("DELETE FROM outbox")


def interrupted(db: PostgresSession) -> None:
    db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))
    raise KeyboardInterrupt


def disconnect(postgres: Cluster, database: str) -> None:
    """End the sessions of a database, as an administrator or a network failure would."""
    sessions = f"FROM pg_stat_activity WHERE datname = '{database}'"
    postgres.sql(f"SELECT pg_terminate_backend(pid, 10000) {sessions}")


def test_a_database_without_unicode_is_refused(postgres: Cluster) -> None:
    postgres.sql("CREATE DATABASE narrow OWNER portal ENCODING 'LATIN1' TEMPLATE template0")
    ledger = PostgresLedger(postgres.url("narrow"), "default", SetClock())

    assert "its encoding is LATIN1; UTF8 is needed" in refused(ledger).message


def test_one_connection_is_used(ledger: PostgresLedger, url: str, database: str) -> None:
    for _ in range(3):
        ledger.search(Search())

    with psycopg.connect(url) as other:
        row = other.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]).fetchone()
    assert row == (2,)
