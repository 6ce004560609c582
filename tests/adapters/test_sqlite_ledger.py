"""The ledger as a file: shared by processes, damaged, too new, without room."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from portalcal.adapters import ledger_statements as statements
from portalcal.adapters import sqlite_schema as sql
from portalcal.adapters.ledger_rows import columns_of, instant
from portalcal.adapters.sqlite_file import SqliteFile
from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.core.errands import Task
from portalcal.errors import LedgerBusy, LedgerTooNew, LedgerUnusable, PortalcalError
from portalcal.ports import Search
from tests.builders import SetClock, a_booking, at, span
from tests.conftest import IMPOSSIBLE


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
    """The whole ledger in one file, as it lies there when nobody uses it."""
    ledger.close()
    assert not path.with_name("ledger.db-wal").exists()
    return path.read_bytes()


def on_file(path: Path, *statements: str) -> None:
    """What another program might do to the file."""
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


def test_commits_are_on_the_disk_before_anybody_is_told(path: Path) -> None:
    file = SqliteFile(path)

    with file.writing() as db:
        names = ("journal_mode", "synchronous", "foreign_keys")
        pragmas = [db.execute(f"PRAGMA {name}").fetchone() for name in names]

    assert pragmas == [{"journal_mode": "wal"}, {"synchronous": 2}, {"foreign_keys": 1}]
    file.close()


def test_a_failure_inside_a_transaction_undoes_all_of_it(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("10:00-10:30"), put=True)
    file = SqliteFile(path)

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
    impatient = SqliteFile(path, patience=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LedgerBusy), impatient.writing():
            pytest.fail("nobody may come in")

        with impatient.reading() as db:
            assert len(db.execute("SELECT id FROM bookings").fetchall()) == 1
    impatient.close()


def test_importing_the_ledger_loads_no_more_than_it_needs() -> None:
    code = (
        "import sys; import portalcal.adapters.sqlite_ledger; "
        "print({'keyring', 'requests', 'rich', 'typer', 'platformdirs', 'pendulum', 'logging'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


# --- several processes ----------------------------------------------------------------------------------------

_HEAD = """
import sys, os
from pathlib import Path
from portalcal.adapters.ledger_rows import instant
from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.ports import GuardsOverlap, Search
from tests.builders import SetClock, a_booking, at
ledger = SqliteLedger(Path(sys.argv[1]), "default", SetClock())
print("ready", flush=True)
sys.stdin.readline()
"""


def at_once(path: Path, script: str, *, processes: int) -> list[str]:
    """What so many processes print that run the script at the same moment."""
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
    answers = [each.communicate(timeout=60)[0].strip() for each in running]
    assert [each.returncode for each in running] == [0] * processes
    return answers


@contextmanager
def another_process(path: Path, script: str, *, says: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the script, once it has said that."""
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


@pytest.mark.parametrize("exists", [False, True], ids=["the first start", "a later start"])
def test_of_sixteen_processes_that_want_overlapping_times_one_wins(
    ledger: SqliteLedger, path: Path, exists: bool
) -> None:
    if exists:
        ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
        ledger.close()
    minutes = "f'09:{int(sys.argv[2]):02}-10:{int(sys.argv[2]):02}'"

    answers = at_once(
        path,
        f"try: print(ledger.hold(a_booking({minutes}), put=True).id)\nexcept GuardsOverlap as o: print('after', o.other.id)",
        processes=16,
    )

    (winner,) = ledger.live_in(span("09:00-12:00"))
    assert sorted(answers) == sorted([str(winner.id), *[f"after {winner.id}"] * 15])
    assert [each.booking for each in ledger.due(at("08:00"), most=20) if each.booking == winner.id] == [
        winner.id
    ]


def test_of_eight_processes_one_delivers_an_errand(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)

    answers = at_once(
        path,
        "leased = [ledger.lease(e, now=at('08:00')) for e in ledger.due(at('08:00'), most=20)]\n"
        "for e in filter(None, leased): ledger.settle(e, ledger.find(str(e.booking)))\n"
        "print([bool(e) for e in leased])",
        processes=8,
    )

    # A process that asks after the lease was taken is not even offered the errand.
    assert answers.count("[True]") == 1
    assert set(answers) <= {"[True]", "[False]", "[]"}


def test_the_same_key_from_eight_processes_is_one_booking(ledger: SqliteLedger, path: Path) -> None:
    answers = at_once(path, "print(ledger.hold(a_booking(key='k'), put=True).id)", processes=8)

    assert len(set(answers)) == 1
    assert len(ledger.search(Search())) == 1


def test_a_process_killed_inside_a_transaction_leaves_nothing(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("Tue 09:00-09:30"), put=True)
    script = (
        "from portalcal.adapters import ledger_statements as statements\n"
        "from portalcal.adapters.ledger_rows import columns_of\n"
        "with ledger._store.writing() as db:\n"
        "    db.execute(statements.INSERT_BOOKING, columns_of(a_booking()))\n"
        "    print('inside', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with another_process(path, script, says="inside") as process:
        process.send_signal(signal.SIGKILL)

    assert ledger.live_in(span("09:00-10:00")) == ()
    ledger.hold(a_booking(), put=True)
    assert ledger.check() is None


def test_a_process_that_is_killed_leaves_its_errands_to_the_next_one(
    ledger: SqliteLedger, path: Path
) -> None:
    booking = ledger.hold(a_booking(), put=True)
    script = (
        "(errand,) = ledger.due(at('08:00'), most=20)\n"
        "print(ledger.lease(errand, now=at('08:00')) is not None, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with another_process(path, script, says="True") as process:
        process.send_signal(signal.SIGSTOP)
        assert ledger.due(at("08:01"), most=20) == ()
        process.send_signal(signal.SIGKILL)
        process.wait()

        (errand,) = ledger.due(at("08:01"), most=20)

    taken = ledger.lease(errand, now=at("08:01"))
    assert taken is not None
    assert (taken.booking, taken.attempts) == (booking.id, 2)


def test_the_lease_of_an_older_ledger_lasts_until_its_time_is_over(ledger: SqliteLedger, path: Path) -> None:
    a_ledger_of(3, path)

    assert ledger.due(instant(1772528399), most=20) == ()
    assert len(ledger.due(instant(1772528400), most=20)) == 1


# --- versions -------------------------------------------------------------------------------------------------

_SAMPLE_ID = "00000000-0000-4000-8000-000000000001"
_SAMPLE = f"""
    INSERT INTO bookings (
        id, workspace, state, start, duration, zone, guest_name, guest_email, title, guests, location, notes, meet,
        notify, buffer_before, buffer_after, created_at, updated_at, attempt, ended_because
    ) VALUES (
        '{_SAMPLE_ID}', 'default', 'held', 1772614800, 1800, 'Europe/London', 'Ana', 'ana@example.com', 'Talk', '[]',
        '', '', 0, 'all', 0, 0, 1772524800, 1772524800, 0, ''
    )
"""
_SAMPLES: dict[int, Sequence[str]] = {
    0: (),
    1: (
        _SAMPLE,
        f"""
        INSERT INTO errands (id, workspace, booking, task, due_at)
        VALUES (7, 'default', '{_SAMPLE_ID}', 'put', 1772524800), (9, 'default', '{_SAMPLE_ID}', 'remove', 1772524800)
        """,
        "DELETE FROM errands WHERE id = 9",
    ),
    2: (_SAMPLE, "UPDATE bookings SET new_start = start + 7200, new_duration = duration"),
    3: (
        _SAMPLE,
        f"""
        INSERT INTO errands (id, workspace, booking, task, due_at, lease, leased_until)
        VALUES (7, 'default', '{_SAMPLE_ID}', 'put', 1772524800, 1, 1772528400)
        """,
    ),
}
"""Statements that fill a ledger of each older version; the booking of a sample has the id of `_SAMPLE_ID`."""


def a_ledger_of(version: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    steps = [statement for migration in sql.MIGRATIONS[:version] for statement in migration]
    owner = sql.APPLICATION_ID if version else 0
    pragmas = [f"PRAGMA application_id = {owner}", f"PRAGMA user_version = {version}"]
    on_file(path, *steps, *_SAMPLES[version], *pragmas)


@pytest.mark.parametrize("version", range(sql.VERSION))
def test_every_older_ledger_is_brought_up_to_date_with_its_bookings(
    ledger: SqliteLedger, path: Path, version: int
) -> None:
    a_ledger_of(version, path)

    kept = [str(each.id) for each in ledger.search(Search())]

    assert kept == ([_SAMPLE_ID] if version else [])
    ledger.hold(a_booking("Fri 23:00-23:30"), put=True)
    assert ledger.check() is None
    ledger.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (sql.VERSION,)


def test_an_errand_of_an_older_ledger_is_still_owed_and_no_number_comes_again(
    ledger: SqliteLedger, path: Path
) -> None:
    a_ledger_of(1, path)

    (kept,) = ledger.due(at("Fri 09:00"), most=20)
    later = ledger.hold(a_booking("Fri 23:00-23:30"), put=True)

    assert (kept.id, kept.task) == (7, Task.PUT)
    new = ledger.errand_of(later.id)
    assert new is not None
    assert new.id == 10


def test_a_migration_that_fails_half_way_changes_nothing(ledger: SqliteLedger, path: Path) -> None:
    path.parent.mkdir(parents=True)
    on_file(path, f"PRAGMA application_id = {sql.APPLICATION_ID}", "CREATE TABLE errands (id INTEGER)")
    before = path.read_bytes()

    with pytest.raises(LedgerUnusable, match="errands already exists"):
        ledger.search(Search())

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
    """Why the ledger cannot be used."""
    with pytest.raises(LedgerUnusable) as caught:
        ledger.hold(a_booking("Fri 09:00-09:30"), put=True)
    return caught.value.reason


def test_a_file_that_is_no_database_is_named_and_left_alone(ledger: SqliteLedger, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("dear diary, " * 100, encoding="utf-8")

    assert refused(ledger) == "it is not an SQLite database"
    assert ledger.check() == "it is not an SQLite database"
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
    assert ledger.check() == "it is damaged"
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

    assert (ledger.check() or "").startswith("it is damaged")
    with pytest.raises(LedgerUnusable, match="it is damaged"):
        ledger.search(Search())


def test_an_index_that_forgot_a_booking_is_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    on_file(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX bookings_by_start ON bookings (workspace, updated_at)'"
        " WHERE name = 'bookings_by_start'",
        "PRAGMA writable_schema = RESET",
    )

    assert "missing from index bookings_by_start" in (ledger.check() or "")


def test_bookings_that_overlap_are_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking("09:00-09:30"), put=True)
    late = ledger.hold(a_booking("09:30-10:00"), put=True)
    ledger.close()
    on_file(
        path,
        "DROP TRIGGER no_overlap_on_update",
        f"UPDATE bookings SET start = start - 60 WHERE id = '{late.id}'",
    )

    assert ledger.check() == f"booking {late.id} overlaps another one"


def test_an_errand_without_its_booking_is_found_by_the_check(ledger: SqliteLedger, path: Path) -> None:
    ledger.hold(a_booking(), put=True)
    ledger.close()
    on_file(path, "DELETE FROM bookings")

    assert ledger.check() == "it is damaged: an errand belongs to no booking"


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
    with ledger._store.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()["page_count"]
    assert ledger._store._connection is not None
    ledger._store._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(LedgerUnusable) as caught:
        ledger.hold(a_booking("10:00-10:30", ended_because="x" * 50_000), put=True)

    assert caught.value.message == f"the ledger {path} cannot be used: the disk is full. Nothing was changed."
    assert ledger.search(Search()) == (first,)
    assert ledger.check() is None


def a_small_disk(script: str) -> subprocess.CompletedProcess[str]:
    """What the script prints whose ledger, `sys.argv[1]`, lies on a disk of 1 MB of its own."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is missing (apt-get install util-linux)")
    command = 'mount -t tmpfs -o size=1m,mode=0700 small "$1" && exec "$2" -c "$3" "$1/ledger.db"'
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
        "    wish = replace(a_booking().wish, start=at('09:00') + timedelta(hours=number), notes='x' * 500)\n"
        "    try: held.append(ledger.hold(a_booking(wish=wish), put=True))\n"
        "    except LedgerUnusable as error: print(error.reason); break\n"
        "print(len(held) > 10, ledger.search(Search()) == tuple(held), ledger.check())\n"
        "ledger.close()\n"
        "print(ledger.search(Search()) == tuple(held), ledger.check())\n"
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["ready", "the disk is full", "True True None", "True None"]


def as_nobody(path: Path, deed: str = "ledger.hold(a_booking(), put=True)") -> str:
    """What a process prints or meets that may neither write the folder nor the ledger in it."""
    script = _HEAD + (
        "from portalcal.errors import PortalcalError\n"
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
    """A path whose folders everybody may enter; pytest's own are private."""
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
    ledger = SqliteLedger(open_path, "default", SetClock())
    ledger.hold(a_booking(), put=True)
    if not is_open_elsewhere:
        sealed(ledger, open_path)
    for each in open_path.parent.iterdir():
        each.chmod(0o444)
    open_path.parent.chmod(0o555)

    assert as_nobody(open_path, "print(len(ledger.search(Search())), len(ledger.owed()))") == "1 1"
    told = "it can be read, but neither it nor its folder can be written"
    assert as_nobody(open_path, "print(ledger.check())") == told


def test_where_no_ledger_is_and_none_may_be_made_an_empty_one_is_read(open_path: Path) -> None:
    open_path.parent.chmod(0o555)

    assert as_nobody(open_path, "print(ledger.search(Search()), ledger.owed())") == "() ()"
    told = "it can be read, but neither it nor its folder can be written"
    assert as_nobody(open_path, "print(ledger.check())") == told


def test_a_ledger_of_an_earlier_program_that_may_only_be_read_is_named(open_path: Path) -> None:
    with closing(sqlite3.connect(open_path)) as db:
        for statement in sql.MIGRATIONS[0]:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {sql.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    open_path.chmod(0o444)
    open_path.parent.chmod(0o555)

    told = as_nobody(open_path, "ledger.search(Search())")

    assert told == "ledger-unusable it is read-only, and an earlier portalcal wrote it"


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
    file = SqliteFile(path)
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
