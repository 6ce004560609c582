"""The ledger as a file: shared by processes, damaged, of another version, on a full disk."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from portalcal.adapters.ledger import sql as statements
from portalcal.adapters.ledger import sqlite_schema as sql
from portalcal.adapters.ledger.rows import columns_of
from portalcal.adapters.ledger.sqlite import SqliteDatabase, SqliteLedger, _schema_after, _schema_as_written
from portalcal.errors import LedgerBusy, LedgerTooNew, LedgerUnusable, PortalcalError
from portalcal.ports import Search
from tests import selection
from tests.builders import SetClock, a_booking, at, lease, span
from tests.conftest import IMPOSSIBLE
from tests.contract.test_ledger import reason_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger(path, "default", SetClock())
    yield opened
    opened.close()


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def sealed(ledger: SqliteLedger, path: Path) -> bytes:
    """Close the ledger and return its file, into which the log is merged."""
    ledger.close()
    assert not path.with_name("ledger.db-wal").exists()
    return path.read_bytes()


def on_file(path: Path, *statements: str) -> None:
    """Run statements on the file, as another program might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


# --- the file -------------------------------------------------------------------------------------------------


def test_nothing_is_made_before_the_ledger_is_used(ledger: SqliteLedger, path: Path) -> None:
    assert not path.parent.exists()

    assert ledger.check() is None
    assert not path.parent.exists()


def test_only_its_owner_may_read_the_ledger_whatever_the_umask(ledger: SqliteLedger, path: Path) -> None:
    before = os.umask(0)
    try:
        ledger.hold(a_booking(), put=True)
    finally:
        os.umask(before)

    assert {each.name: mode(each) for each in path.parent.iterdir()} == {
        "ledger.db": "0o600",
        "ledger.db-wal": "0o600",
        "ledger.db-shm": "0o600",
    }
    assert mode(path.parent) == "0o700"


def test_a_closed_ledger_opens_again(ledger: SqliteLedger) -> None:
    booking = ledger.hold(a_booking(), put=True)

    ledger.close()
    ledger.close()

    assert ledger.find(str(booking.id)) == booking


def test_commits_are_on_the_disk_before_the_transaction_returns(path: Path) -> None:
    file = SqliteDatabase(path)

    with file.writing() as db:
        names = ("journal_mode", "synchronous", "foreign_keys")
        pragmas = [db.execute(f"PRAGMA {name}").fetchone() for name in names]

    assert pragmas == [{"journal_mode": "wal"}, {"synchronous": 2}, {"foreign_keys": 1}]
    file.close()


def test_a_failure_inside_a_transaction_undoes_all_of_it(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("10:00-10:30"), put=True)
    file = SqliteDatabase(path)

    def interrupted() -> None:
        with file.writing() as db:
            db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    file.close()
    assert len(ledger.search(Search())) == 1


def test_another_process_that_keeps_writing_is_busy_not_broken(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    impatient = SqliteDatabase(path, lock_timeout=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LedgerBusy), impatient.writing():
            pytest.fail("nobody may come in")

        with impatient.reading() as db:
            assert len(db.execute("SELECT id FROM bookings").fetchall()) == 1
    impatient.close()


def test_importing_the_ledger_loads_no_more_than_it_needs() -> None:
    code = (
        "import sys; import portalcal.adapters.ledger.sqlite; "
        "print({'keyring', 'requests', 'rich', 'typer', 'platformdirs', 'pendulum', 'logging'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


# --- several processes ----------------------------------------------------------------------------------------

_HEAD = """
import gc, sys, os
# Loaded on first use since 3.13, when the process may no longer read root's own Python.
import urllib.parse
from pathlib import Path
from portalcal.adapters.ledger.rows import instant
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.ports import ClaimsOverlap, Search
from tests.builders import SetClock, a_booking, at, lease
ledger = SqliteLedger(Path(sys.argv[1]), "default", SetClock())
print("ready", flush=True)
sys.stdin.readline()
"""


def at_once(path: Path, script: str, *, processes: int) -> list[str]:
    """Run the script in that many processes at the same moment; return what they print."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _HEAD + script, str(path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    answers = [each.communicate(timeout=300)[0].strip() for each in running]
    assert [each.returncode for each in running] == [0] * processes
    return answers


@contextmanager
def another_process(path: Path, script: str, *, says: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that runs the script; yield it after it has printed `says`."""
    with subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", f"{says}\n"]
        yield process


@pytest.mark.parametrize(
    "exists", selection.first([False, True], 1), ids=["the first start", "a later start"]
)
def test_of_sixteen_processes_that_want_overlapping_times_one_wins(
    ledger: SqliteLedger, path: Path, exists: bool
) -> None:
    if exists:
        ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
        ledger.close()
    minutes = "f'09:{int(sys.argv[2]):02}-10:{int(sys.argv[2]):02}'"

    answers = at_once(
        path,
        f"try: print(ledger.hold(a_booking({minutes}), put=True).id)\nexcept ClaimsOverlap as o: print('after', o.other.id)",
        processes=16,
    )

    (winner,) = ledger.live_in(span("09:00-12:00"))
    assert sorted(answers) == sorted([str(winner.id), *[f"after {winner.id}"] * 15])
    assert [each.booking for each in ledger.due(at("08:00"), most=20) if each.booking == winner.id] == [
        winner.id
    ]


@pytest.mark.full
def test_of_processes_of_two_workspaces_that_want_one_person_at_one_time_one_wins(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    ledger.close()

    answers = at_once(
        path,
        "from portalcal.core.participants import Participant, Role\n"
        "workspace = ('default', 'sales')[int(sys.argv[2]) % 2]\n"
        "ledger = SqliteLedger(Path(sys.argv[1]), workspace, SetClock())\n"
        "people = tuple(Participant(p, f'{p}@example.com', Role.WITH) for p in (f'p{sys.argv[2]}', 'ana'))\n"
        "booking = a_booking(f'09:{int(sys.argv[2]):02}-10:00', workspace=workspace, participants=people)\n"
        "try: print('won', ledger.hold(booking, put=True).id)\n"
        "except ClaimsOverlap as o: print('after', o.claim.booking, o.claim.is_foreign == (o.other is None))",
        processes=8,
    )

    (winner,) = (each.removeprefix("won ") for each in answers if each.startswith("won"))
    assert sorted(answers) == [*[f"after {winner} True"] * 7, f"won {winner}"]


@pytest.mark.full
def test_of_eight_processes_one_delivers_an_entry(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)

    answers = at_once(
        path,
        "leased = [lease(ledger, e, now=at('08:00')) for e in ledger.due(at('08:00'), most=20)]\n"
        "for e in filter(None, leased): ledger.settle(e, ledger.find(str(e.booking)))\n"
        "print([bool(e) for e in leased])",
        processes=8,
    )

    # A process that looks after the lease was taken does not see the entry as due.
    assert answers.count("[True]") == 1
    assert set(answers) <= {"[True]", "[False]", "[]"}


def test_the_same_key_from_eight_processes_is_one_booking(ledger: SqliteLedger, path: Path) -> None:
    answers = at_once(path, "print(ledger.hold(a_booking(key='k'), put=True).id)", processes=8)

    assert len(set(answers)) == 1
    assert len(ledger.search(Search())) == 1


def test_a_process_killed_inside_a_transaction_leaves_nothing(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    script = (
        "from portalcal.adapters.ledger import sql as statements\n"
        "from portalcal.adapters.ledger.rows import columns_of\n"
        "with ledger._database.writing() as db:\n"
        "    db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))\n"
        "    print('inside', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with another_process(path, script, says="inside") as process:
        process.send_signal(signal.SIGKILL)

    assert ledger.live_in(span("09:00-10:00")) == ()
    ledger.hold(a_booking(), put=True)
    assert ledger.check() is None


def test_a_process_that_is_killed_leaves_its_entries_to_the_next_one(
    ledger: SqliteLedger, path: Path
) -> None:
    booking = ledger.hold(a_booking(), put=True)
    script = (
        "(entry,) = ledger.due(at('08:00'), most=20)\n"
        "print(lease(ledger, entry, now=at('08:00')) is not None, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with another_process(path, script, says="True") as process:
        process.send_signal(signal.SIGSTOP)
        assert ledger.due(at("08:01"), most=20) == ()
        process.send_signal(signal.SIGKILL)
        process.wait()

        (entry,) = ledger.due(at("08:01"), most=20)

    taken = lease(ledger, entry, now=at("08:01"))
    assert taken is not None
    assert (taken.booking, taken.attempts) == (booking.id, 2)


# --- versions -------------------------------------------------------------------------------------------------

_NEXT_MIGRATION = (
    "ALTER TABLE bookings ADD COLUMN colour TEXT",
    "CREATE INDEX bookings_by_colour ON bookings (workspace, colour)",
)


def test_the_schema_is_known_without_running_its_migrations() -> None:
    assert _schema_as_written(sql.MIGRATIONS) == _schema_after(sql.MIGRATIONS)


def test_a_migration_that_changes_a_table_is_run_to_know_its_schema() -> None:
    assert _schema_as_written((*sql.MIGRATIONS, _NEXT_MIGRATION)) is None


def test_an_older_ledger_is_brought_up_to_date_with_its_bookings(ledger: SqliteLedger, path: Path) -> None:
    held = ledger.hold(a_booking(), put=True)
    ledger.close()
    later = SqliteDatabase(path, migrations=(*sql.MIGRATIONS, _NEXT_MIGRATION))

    with later.reading() as db:
        rows = db.execute("SELECT id, colour FROM bookings").fetchall()

    assert rows == [{"id": str(held.id), "colour": None}]
    assert later.damage() is None
    later.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (sql.VERSION + 1,)
    assert isinstance(error_of(ledger), LedgerTooNew)


def test_where_changes_are_forbidden_an_older_ledger_is_refused_and_left_alone(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.hold(a_booking(), put=True)
    before = sealed(ledger, path)
    later = SqliteDatabase(path, migrations=(*sql.MIGRATIONS, _NEXT_MIGRATION), is_read_only=True)

    with (
        pytest.raises(LedgerUnusable, match="bringing it up to date is a change, which is forbidden"),
        later.reading(),
    ):
        pytest.fail("nothing may be read")

    later.close()
    assert path.read_bytes() == before


def test_where_changes_are_forbidden_a_write_is_refused_and_reading_goes_on(
    ledger: SqliteLedger, path: Path
) -> None:
    held = ledger.hold(a_booking(), put=True)
    reading = SqliteLedger(path, "default", SetClock(), is_read_only=True)

    with pytest.raises(LedgerUnusable, match="it is read-only"):
        reading.hold(a_booking("11:00-11:30"), put=True)

    assert reading.search(Search()) == ledger.search(Search()) == (held,)
    reading.close()


def test_a_migration_that_fails_half_way_changes_nothing(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    before = sealed(ledger, path)
    failing = (*_NEXT_MIGRATION, "UPDATE bookings SET duration = -1")
    later = SqliteDatabase(path, migrations=(*sql.MIGRATIONS, failing))

    with (
        pytest.raises(LedgerUnusable, match="it is damaged: CHECK constraint failed: duration"),
        later.reading(),
    ):
        pytest.fail("nothing may be read")

    later.close()
    assert path.read_bytes() == before


def error_of(ledger: SqliteLedger) -> PortalcalError:
    with pytest.raises(PortalcalError) as caught:
        ledger.search(Search())
    return caught.value


@pytest.mark.parametrize(
    ("application", "version"),
    [
        (sql.UNRELEASED_APPLICATION_ID, 1),
        (sql.UNRELEASED_APPLICATION_ID, sql.VERSION),
        (sql.APPLICATION_ID, 1),
        (sql.APPLICATION_ID, sql.FIRST_VERSION - 1),
    ],
)
def test_a_ledger_of_an_unreleased_portalcal_is_refused_and_left_alone(
    ledger: SqliteLedger, path: Path, application: int, version: int
) -> None:
    path.parent.mkdir()
    on_file(
        path,
        "CREATE TABLE errands (id INTEGER PRIMARY KEY)",
        f"PRAGMA application_id = {application}",
        f"PRAGMA user_version = {version}",
    )
    before = path.read_bytes()

    assert refused(ledger) == "an unreleased portalcal made it, which no release reads"
    assert reason_of(ledger) == "an unreleased portalcal made it, which no release reads"
    assert path.read_bytes() == before


def test_a_ledger_of_a_later_program_is_refused_and_not_touched(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    on_file(path, "CREATE TABLE later (x)", f"PRAGMA user_version = {sql.VERSION + 1}")
    before = path.read_bytes()

    for ask in (ledger.check, lambda: ledger.search(Search()), lambda: ledger.hold(a_booking(), put=True)):
        with pytest.raises(LedgerTooNew) as caught:
            ask()

    assert caught.value.details == {"path": str(path), "found": sql.VERSION + 1, "known": sql.VERSION}
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["ledger.db"]


# --- what is no ledger, or no longer one ----------------------------------------------------------------------


def refused(ledger: SqliteLedger) -> str:
    """Return why the ledger cannot be used."""
    with pytest.raises(LedgerUnusable) as caught:
        ledger.hold(a_booking("Fri 09:00-09:30"), put=True)
    return caught.value.reason


def test_a_file_that_is_no_database_is_named_and_left_alone(ledger: SqliteLedger, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("dear diary, " * 100, encoding="utf-8")

    assert refused(ledger) == "it is not an SQLite database"
    assert reason_of(ledger) == "it is not an SQLite database"
    assert path.read_text(encoding="utf-8") == "dear diary, " * 100


def test_the_database_of_another_program_is_named_and_left_alone(ledger: SqliteLedger, path: Path) -> None:
    path.parent.mkdir()
    on_file(path, "CREATE TABLE moz_places (url TEXT)")
    before = path.read_bytes()

    assert refused(ledger) == "it is the database of another program"
    assert path.read_bytes() == before


def test_a_ledger_that_was_cut_short_is_damaged(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    whole = sealed(ledger, path)
    path.write_bytes(whole[:8192])

    assert refused(ledger) == "it is damaged"
    assert reason_of(ledger) == "it is damaged"
    assert path.read_bytes() == whole[:8192]


def test_a_page_that_was_overwritten_is_found_by_the_check_and_by_who_reads_it(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.hold(a_booking(), put=True)
    whole = sealed(ledger, path)
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'bookings'").fetchone()
    broken = bytearray(whole)
    broken[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(broken)

    assert reason_of(ledger).startswith("it is damaged")
    with pytest.raises(LedgerUnusable, match="it is damaged"):
        ledger.search(Search())


def test_an_index_that_forgot_a_booking_is_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    for column in ("updated_at", "start"):
        on_file(
            path,
            "PRAGMA writable_schema = ON",
            f"UPDATE sqlite_schema SET sql = 'CREATE INDEX bookings_by_start ON bookings (workspace, {column})'"
            " WHERE name = 'bookings_by_start'",
            "PRAGMA writable_schema = RESET",
            *(["REINDEX bookings_by_start"] if column == "updated_at" else []),
        )

    assert "missing from index bookings_by_start" in reason_of(ledger)


def test_bookings_that_overlap_are_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("09:00-09:30"), put=True)
    late = ledger.hold(a_booking("09:30-10:00"), put=True)
    ledger.close()
    with closing(sqlite3.connect(path)) as database:
        (trigger,) = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'no_overlap'").fetchone()
    on_file(
        path,
        "DROP TRIGGER no_overlap",
        f"UPDATE bookings SET start = start - 60 WHERE id = '{late.id}'",
        trigger,
    )

    assert reason_of(ledger) == f"booking {late.id} overlaps another one"


def test_a_booking_that_lost_its_claim_is_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("09:00-09:30"), put=True)
    late = ledger.hold(a_booking("09:30-10:00"), put=True)
    ledger.close()
    on_file(path, f"DELETE FROM claims WHERE booking = '{late.id}'")

    assert reason_of(ledger) == f"booking {late.id} does not hold its time"


def test_an_entry_without_its_booking_is_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    on_file(path, "DELETE FROM bookings")

    assert reason_of(ledger) == "it is damaged: an entry of the outbox belongs to no booking"


def test_a_booking_that_cannot_be_read_is_named(ledger: SqliteLedger, path: Path) -> None:
    booking = ledger.hold(a_booking(), put=True)
    ledger.close()
    on_file(path, "UPDATE bookings SET zone = 'Mars/Olympus'")

    with pytest.raises(LedgerUnusable) as caught:
        ledger.search(Search())

    assert caught.value.reason == f"it is damaged: booking {booking.id} cannot be read"


def test_a_folder_in_its_place_is_named(ledger: SqliteLedger, path: Path) -> None:
    path.mkdir(parents=True)

    assert refused(ledger) == "is a directory"


def test_a_file_where_its_folder_should_be_is_named(ledger: SqliteLedger, path: Path) -> None:
    path.parent.write_text("a file", encoding="utf-8")

    assert refused(ledger) == "file exists"


# --- no room, no right ----------------------------------------------------------------------------------------


def test_a_full_disk_leaves_everything_as_it_was(ledger: SqliteLedger, path: Path) -> None:
    first = ledger.hold(a_booking("09:00-09:30"), put=True)
    with ledger._database.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()["page_count"]
    assert ledger._database._connection is not None
    ledger._database._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(LedgerUnusable) as caught:
        ledger.hold(a_booking("10:00-10:30", ended_because="x" * 50_000), put=True)

    assert caught.value.message == f"the ledger {path} cannot be used: the disk is full. Nothing was changed."
    assert ledger.search(Search()) == (first,)
    assert ledger.check() is None


def a_small_disk(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with its ledger, `sys.argv[1]`, on a disk of 2 MB."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is missing (apt-get install util-linux)")
    command = 'mount -t tmpfs -o size=2m,mode=0700 small "$1" && exec "$2" -c "$3" "$1/ledger.db"'
    done = subprocess.run(
        [
            unshare,
            "-m" if os.geteuid() == 0 else "-rm",
            "sh",
            "-c",
            command,
            "sh",
            os.environ["HOME"],
            sys.executable,
            _HEAD + script,
        ],
        input="go\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"{IMPOSSIBLE}mounting a small disk: {done.stderr.strip()}")
    return done


@pytest.mark.real
def test_a_disk_that_is_really_full_keeps_every_booking_that_was_acknowledged() -> None:
    done = a_small_disk(
        "from portalcal.errors import LedgerUnusable\n"
        "from datetime import timedelta\n"
        "from dataclasses import replace\n"
        "held = []\n"
        "for number in range(1000):\n"
        "    request = replace(a_booking().request, start=at('09:00') + timedelta(hours=number), notes='x' * 500)\n"
        "    try: held.append(ledger.hold(a_booking(request=request), put=True))\n"
        "    except LedgerUnusable as error: print(error.reason); break\n"
        "print(len(held) > 10, ledger.search(Search()) == tuple(held), ledger.check())\n"
        "ledger.close()\n"
        "print(ledger.search(Search()) == tuple(held), ledger.check())\n"
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["ready", "the disk is full", "True True None", "True None"]


def as_nobody(path: Path, deed: str = "ledger.hold(a_booking(), put=True)", *, before: str = "") -> str:
    """Run a statement in a process without the right to write the ledger or its folder; return its last line."""
    script = _HEAD + (
        f"from portalcal.errors import PortalcalError\n{before}"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"try: {deed}\n"
        "except PortalcalError as error: print(error.code, error.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], input="go\n", capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


@pytest.fixture
def open_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A path in a folder that every user may enter; pytest's own are private."""
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    folder.chmod(0o755)
    yield folder / "ledger.db"
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_is_named(open_path: Path) -> None:
    open_path.parent.chmod(0o555)

    assert as_nobody(open_path) == "ledger-unusable permission denied"
    assert list(open_path.parent.iterdir()) == []


def test_a_ledger_that_may_only_be_read_is_named_and_left_alone(open_path: Path) -> None:
    ledger = SqliteLedger(open_path, "default", SetClock())
    ledger.hold(a_booking(), put=True)
    before = sealed(ledger, open_path)
    open_path.chmod(0o444)
    open_path.parent.chmod(0o555)

    assert as_nobody(open_path) == "ledger-unusable permission denied"
    assert open_path.read_bytes() == before
    assert [each.name for each in open_path.parent.iterdir()] == ["ledger.db"]


@pytest.mark.parametrize("is_open_elsewhere", [False, True], ids=["closed", "open in another process"])
def test_a_ledger_that_may_only_be_read_is_read(open_path: Path, *, is_open_elsewhere: bool) -> None:
    with closing(SqliteLedger(open_path, "default", SetClock())) as ledger:
        ledger.hold(a_booking(), put=True)
        if not is_open_elsewhere:
            sealed(ledger, open_path)
        for each in open_path.parent.iterdir():
            each.chmod(0o444)
        open_path.parent.chmod(0o555)

        assert as_nobody(open_path, "print(len(ledger.search(Search())), len(ledger.owed()))") == "1 1"
        damage = "it can be read, but neither it nor its folder can be written"
        assert as_nobody(open_path, "print((ledger.check() or [None])[0])") == damage


@pytest.mark.parametrize("deed", ["search(Search())", "check()"])
def test_reading_again_and_again_leaves_no_file_open(open_path: Path, deed: str) -> None:
    with closing(SqliteLedger(open_path, "default", SetClock())) as ledger:
        ledger.hold(a_booking(), put=True)
        sealed(ledger, open_path)
    open_path.chmod(0o444)
    open_path.parent.chmod(0o555)

    many = f"gc.disable(); [ledger.{deed} for _ in range(TIMES)]; print(len(os.listdir('/proc/self/fd')))"
    once, again = (as_nobody(open_path, many.replace("TIMES", times)) for times in ("1", "9"))

    assert once == again


def test_where_no_ledger_is_and_none_may_be_made_an_empty_one_is_read(open_path: Path) -> None:
    open_path.parent.chmod(0o555)

    assert as_nobody(open_path, "print(ledger.search(Search()), ledger.owed())") == "() ()"
    damage = "it can be read, but neither it nor its folder can be written"
    assert as_nobody(open_path, "print((ledger.check() or [None])[0])") == damage


def test_a_ledger_of_an_earlier_program_that_may_only_be_read_is_named(open_path: Path) -> None:
    with closing(SqliteLedger(open_path, "default", SetClock())) as ledger:
        ledger.hold(a_booking(), put=True)
        sealed(ledger, open_path)
    open_path.chmod(0o444)
    open_path.parent.chmod(0o555)
    script = (
        "from portalcal.adapters.ledger import sqlite_schema as sql\n"
        "from portalcal.adapters.ledger.sqlite import SqliteDatabase\n"
        "later = SqliteDatabase(ledger._database.path, migrations=(*sql.MIGRATIONS, ('CREATE TABLE t (x)',)))\n"
    )

    assert (
        as_nobody(open_path, "print((later.damage() or [None])[0])", before=script)
        == "it is read-only, and an earlier portalcal wrote it"
    )


def test_looking_makes_no_ledger_and_sees_the_one_that_is_made_meanwhile(path: Path) -> None:
    looking, booking = (SqliteLedger(path, "default", SetClock()) for _ in range(2))

    assert (looking.search(Search()), looking.owed(), looking.check()) == ((), (), None)
    assert not path.exists()
    assert not path.parent.exists() or list(path.parent.iterdir()) == []

    held = booking.hold(a_booking(), put=True)
    assert looking.search(Search()) == (held,)
    looking.close()
    booking.close()


def test_every_error_of_sqlite_has_one_of_ours(path: Path) -> None:
    file = SqliteDatabase(path)
    codes = {
        value
        for name, value in vars(sqlite3).items()
        if name.startswith("SQLITE_") and isinstance(value, int)
    }

    for code in sorted(each for each in codes if 0 < each & 0xFF < 30):
        error = sqlite3.OperationalError("as SQLite says it")
        error.sqlite_errorcode = code
        ours = file._translation(error)
        assert isinstance(ours, (PortalcalError, ValueError)), code


# --- a ledger is data -----------------------------------------------------------------------------------------


def as_somebody_else_made_it(path: Path, *statements: str) -> None:
    """Make a ledger and run statements of another program on it."""
    made = SqliteLedger(path, "default", SetClock())
    made.hold(a_booking(), put=True)
    made.close()
    on_file(path, *statements)


_HOSTILE = {
    "a trigger": (
        "CREATE TRIGGER t AFTER UPDATE ON outbox BEGIN DELETE FROM bookings; END",
        "it has a trigger that is not portalcal's",
    ),
    "a trigger on a table of ours that runs our function": (
        "CREATE TRIGGER t AFTER INSERT ON bookings BEGIN SELECT lease_has_ended(9, '/etc/passwd', 1); END",
        "it has a trigger that is not portalcal's",
    ),
    "a view": (
        "CREATE VIEW v AS SELECT lease_has_ended(9, '/etc/passwd', 1)",
        "it has a view that is not portalcal's",
    ),
    "a table": ("CREATE TABLE t (x)", "it has a table that is not portalcal's"),
    "a virtual table": (
        "CREATE VIRTUAL TABLE t USING fts5(x)",
        "it has a table that is not portalcal's",
    ),
    "an index": (
        "CREATE INDEX i ON bookings (abs(start))",
        "it has an index that is not portalcal's",
    ),
    "a trigger less": ("DROP TRIGGER legal_transitions", "its trigger legal_transitions is missing"),
    "an index less": ("DROP INDEX bookings_by_key", "its index bookings_by_key is missing"),
    "a column more": ("ALTER TABLE outbox ADD COLUMN x TEXT", "its table outbox is changed"),
}


@pytest.mark.parametrize("what", _HOSTILE)
def test_a_ledger_that_is_not_as_portalcal_made_it_is_refused_before_anything_of_it_runs(
    path: Path, what: str
) -> None:
    statement, reason = _HOSTILE[what]
    as_somebody_else_made_it(path, statement)
    before = path.read_bytes()
    ledger = SqliteLedger(path, "default", SetClock())

    assert refused(ledger) == f"it is not as portalcal made it: {reason}"
    assert reason_of(ledger) == f"it is not as portalcal made it: {reason}"
    with pytest.raises(LedgerUnusable):
        ledger.search(Search())
    assert path.read_bytes() == before
    ledger.close()


def test_a_view_in_the_place_of_a_table_is_refused(ledger: SqliteLedger, path: Path) -> None:
    as_somebody_else_made_it(
        path,
        "ALTER TABLE sync_tokens RENAME TO real",
        "CREATE VIEW sync_tokens AS SELECT 'default' AS workspace, 'c' AS calendar, 't' AS token",
    )

    assert refused(ledger).startswith("it is not as portalcal made it: it has a ")


def test_what_sqlite_keeps_for_itself_after_an_analyze_is_no_matter(ledger: SqliteLedger, path: Path) -> None:
    as_somebody_else_made_it(path, "ANALYZE", "VACUUM")

    assert ledger.check() is None
    ledger.hold(a_booking("Fri 09:00-09:30"), put=True)


def test_a_lease_owner_that_is_a_path_is_nobody(ledger: SqliteLedger, path: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "precious"
    theirs.touch()
    as_somebody_else_made_it(
        path, f"UPDATE outbox SET leased_until = {int(at('Fri 09:00').timestamp())}, lease_owner = '{theirs}'"
    )

    assert ledger.tally(at("Wed 09:00")).overdue == 0
    assert ledger.due(at("Wed 09:00"), most=20) == ()
    assert len(ledger.due(at("Fri 09:00"), most=20)) == 1
    assert theirs.exists()


def test_looking_at_a_ledger_deletes_nothing(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    script = (
        "(entry,) = ledger.due(at('08:00'), most=20)\n"
        "print(lease(ledger, entry, now=at('08:00')) is not None, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with another_process(path, script, says="True") as process:
        process.kill()
        process.wait()
    before = sorted(path.parent.rglob("*"))

    ledger.tally(at("08:01"))
    assert len(ledger.due(at("08:01"), most=20)) == 1
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", "x'ff00'"),
        ("attempt", "'soon'"),
        ("guests", "'7'"),
        ("created_at", str(1 << 62)),
        ("id", "x'00'"),
    ],
)
def test_a_row_of_other_types_than_its_table_promises_is_damage_and_no_bug(
    ledger: SqliteLedger, path: Path, column: str, value: str
) -> None:
    as_somebody_else_made_it(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT', ''), 'CHECK (length(id) = 36)', '')"
        " WHERE name = 'bookings'",
        "PRAGMA writable_schema = RESET",
        "PRAGMA ignore_check_constraints = ON",
        "DROP TRIGGER claim_on_update",
        f"UPDATE bookings SET {column} = {value}",
    )
    restored(path)

    with pytest.raises(LedgerUnusable, match="it is damaged"):
        ledger.search(Search())


def restored(path: Path) -> None:
    """Restore our schema in the file, whatever its rows are."""
    with closing(sqlite3.connect(":memory:")) as model:
        for migration in sql.MIGRATIONS:
            for statement in migration:
                model.execute(statement)
        ours = dict(model.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(ours["claim_on_update"])
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'bookings'", (ours["bookings"],))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_in_its_place_is_named_and_not_waited_for(ledger: SqliteLedger, path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)

    assert refused(ledger) == "it is no ordinary file"
    assert reason_of(ledger) == "it is no ordinary file"


# --- its file is SQLite's alone -------------------------------------------------------------------------------


def from_another_process(path: Path, script: str) -> str:
    """Run a script with the ledger in another process; return its last line."""
    done = subprocess.run(
        [sys.executable, "-c", _HEAD + script + "\nledger.close()", str(path)],
        input="go\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("how", selection.first(["beside", "in a thread", "closed", "checked"], 2))
def test_another_ledger_in_the_same_process_costs_no_row_that_was_committed(path: Path, how: str) -> None:
    """If our locks are lost, the other process believes to be the last one and removes the log that we write to."""
    ours, beside = (SqliteLedger(path, "default", SetClock()) for _ in range(2))
    ours.hold(a_booking("Wed 09:00-09:30"), put=True)
    if how == "in a thread":
        thread = threading.Thread(target=beside.search, args=(Search(),))
        thread.start()
        thread.join()
    elif how == "checked":
        beside.check()
    else:
        beside.search(Search())
    if how == "closed":
        beside.close()

    from_another_process(path, "ledger.hold(a_booking('Thu 09:00-09:30'), put=True); print('done')")
    last = ours.hold(a_booking("Fri 09:00-09:30"), put=True)

    assert from_another_process(path, f"print(ledger.find('{last.id}').id)") == str(last.id)
    assert from_another_process(path, "print(len(ledger.search(Search())))") == "3"
    beside.close()
    ours.close()


def test_threads_that_make_the_ledger_at_once_keep_its_locks(path: Path) -> None:
    ledgers = [SqliteLedger(path, "default", SetClock()) for _ in range(8)]
    start = threading.Barrier(8)

    def hold(number: int) -> None:
        start.wait()
        ledgers[number].hold(a_booking(f"Wed 0{number + 1}:00-0{number + 1}:30"), put=True)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    from_another_process(path, "ledger.hold(a_booking('Thu 09:00-09:30'), put=True); print('done')")
    ledgers[0].hold(a_booking("Fri 09:00-09:30"), put=True)

    assert from_another_process(path, "print(len(ledger.search(Search())))") == "10"
    for made in ledgers:
        made.close()


# --- who may read it ------------------------------------------------------------------------------------------


def test_a_ledger_that_others_may_read_is_closed_to_them_by_the_next_command_that_writes(
    ledger: SqliteLedger, path: Path
) -> None:
    ledger.hold(a_booking(), put=True)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"ledger.db{suffix}").chmod(0o666)
    later = SqliteLedger(path, "default", SetClock())

    later.search(Search())
    assert mode(path) == "0o666"
    later.hold(a_booking("Fri 09:00-09:30"), put=True)

    assert {mode(each) for each in path.parent.glob("ledger.db*")} == {"0o600"}
    later.close()
