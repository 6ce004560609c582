from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tomli_w

from portalcal.adapters.connection_file import ConnectionFile
from portalcal.adapters.files import write_lock
from portalcal.core.permissions import Permission
from portalcal.errors import ClientInvalid, ConfigInvalid
from portalcal.ports import Connection
from tests.builders import at

CONNECTION = Connection(
    account="ana@example.com",
    permissions=frozenset(Permission),
    conflicts=("primary", "Zoë & co@group.calendar.google.com"),
    booking="primary",
    connected_at=at("09:00"),
    backend="keyring.backends.SecretService.Keyring",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "default" / "connection.toml"


@pytest.fixture
def file(path: Path) -> ConnectionFile:
    return ConnectionFile(path, dumps=tomli_w.dumps)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_nothing_is_connected_before_the_first_connection(file: ConnectionFile) -> None:
    assert file.read() is None


@pytest.mark.parametrize(
    "connection", [CONNECTION, CONNECTION._replace(backend=None, permissions=frozenset())]
)
def test_what_was_written_is_read(file: ConnectionFile, connection: Connection) -> None:
    file.write(connection)

    assert file.read() == connection


def test_the_file_reads_like_one_a_person_would_write(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION._replace(conflicts=("primary",)))

    assert path.read_text(encoding="utf-8") == (
        "# Written by portalcal. `portalcal connect` and `portalcal calendars` change it.\n"
        "\n"
        'account = "ana@example.com"\n'
        "permissions = [\n"
        '    "view_calendars",\n'
        '    "view_events",\n'
        '    "create_events",\n'
        '    "edit_events",\n'
        "]\n"
        "conflicts = [\n"
        '    "primary",\n'
        "]\n"
        'booking = "primary"\n'
        "connected_at = 2026-03-02 09:00:00+00:00\n"
        'vault = "keyring"\n'
        'backend = "keyring.backends.SecretService.Keyring"\n'
    )


def test_only_its_owner_may_read_it_whatever_the_umask(file: ConnectionFile, path: Path) -> None:
    before = os.umask(0)
    try:
        file.write(CONNECTION)
    finally:
        os.umask(before)

    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == ["0o600", "0o700", "0o700"]


def test_a_folder_that_is_there_keeps_its_mode(file: ConnectionFile, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o750)

    file.write(CONNECTION)

    assert mode(path.parent) == "0o750"


def test_writing_leaves_no_other_file_behind(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    file.write(CONNECTION._replace(account="ben@example.com"))

    assert [each.name for each in path.parent.iterdir()] == ["connection.toml"]


def test_forgetting_twice_is_forgetting(file: ConnectionFile) -> None:
    file.write(CONNECTION)

    file.forget()
    file.forget()

    assert file.read() is None


def test_keys_of_a_later_version_are_ignored(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    path.write_text(
        path.read_text(encoding="utf-8") + '\nlater = "much"\n[later_still]\nx = 1\n', encoding="utf-8"
    )

    assert file.read() == CONNECTION


def test_every_mistake_in_it_is_named_with_key_value_and_what_was_expected(
    file: ConnectionFile, path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(
        'account = 7\npermissions = ["view_event"]\nconflicts = "primary"\nconnected_at = 2026-03-02\nvault = true\n',
        encoding="utf-8",
    )

    with pytest.raises(ConfigInvalid) as caught:
        file.read()

    assert caught.value.message == (
        f"{path}: 6 problems\n"
        "  account = 7: expected text in quotes\n"
        '  permissions = "view_event": there is no such permission; did you mean view_events?\n'
        '  conflicts = "primary": expected a list of texts in quotes\n'
        "  booking: missing; expected text in quotes\n"
        "  connected_at = 2026-03-02: expected a time with its offset, like 2026-11-25T10:00:00Z\n"
        "  vault = true: expected text in quotes"
    )
    assert caught.value.hint == "mend that by hand, or delete the file and run `portalcal connect`"


@pytest.mark.parametrize("time", ["2026-03-02T09:00:00", "09:00:00", '"2026-03-02T09:00:00Z"'])
def test_a_time_without_its_offset_is_no_instant(file: ConnectionFile, path: Path, time: str) -> None:
    file.write(CONNECTION)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2026-03-02 09:00:00+00:00", time), encoding="utf-8")

    with pytest.raises(ConfigInvalid) as caught:
        file.read()

    assert [each.key for each in caught.value.problems] == ["connected_at"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"account = ", "not TOML: Invalid value (at end of document)"),
        (b'account = "\xff"', "expected UTF-8 text"),
    ],
)
def test_a_file_that_is_no_toml_is_named(
    file: ConnectionFile, path: Path, *, content: bytes, said: str
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(ConfigInvalid) as caught:
        file.read()

    assert caught.value.message == f"{path}: {said}"


def test_a_folder_in_its_place_is_named(file: ConnectionFile, path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(ConfigInvalid, match="is a directory"):
        file.read()


def test_a_write_that_cannot_happen_leaves_the_old_file_and_nothing_else(
    file: ConnectionFile, path: Path
) -> None:
    # A folder where the file should be cannot be replaced by a file, for root neither.
    path.mkdir(parents=True)

    with pytest.raises(ConfigInvalid) as caught:
        file.write(CONNECTION)

    assert caught.value.message == f"{path}: cannot be written: is a directory"
    assert [each.name for each in path.parent.iterdir()] == ["connection.toml"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    file = ConnectionFile(tmp_path / "data" / "default" / "connection.toml", dumps=tomli_w.dumps)

    with pytest.raises(ConfigInvalid, match="cannot be written: file exists") as caught:
        file.write(CONNECTION)

    assert (
        caught.value.hint == f"make {tmp_path / 'data' / 'default'} writable, then run the same command again"
    )


def test_a_folder_that_cannot_be_written_leaves_the_old_file(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # No file can be opened any more: a refusal that root meets too, unlike that of a file mode.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(ConfigInvalid, match="cannot be written: too many open files"):
            file.write(CONNECTION._replace(account="ben@example.com"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert file.read() == CONNECTION


def test_the_client_is_kept_beside_the_connection_for_its_owner_alone(
    file: ConnectionFile, path: Path, tmp_path: Path
) -> None:
    source = tmp_path / "download.json"
    source.write_bytes(b'{"installed": {}}')

    kept = file.keep_client(source)

    assert kept == file.client_path == path.parent / "client_secret.json"
    assert kept.read_bytes() == b'{"installed": {}}'
    assert mode(kept) == "0o600"


def test_the_kept_client_may_be_given_again(file: ConnectionFile, tmp_path: Path) -> None:
    source = tmp_path / "download.json"
    source.write_bytes(b'{"installed": {}}')
    kept = file.keep_client(source)

    assert file.keep_client(kept).read_bytes() == b'{"installed": {}}'


def test_forgetting_the_connection_keeps_the_client(file: ConnectionFile, tmp_path: Path) -> None:
    source = tmp_path / "download.json"
    source.write_bytes(b"{}")
    file.keep_client(source)
    file.write(CONNECTION)

    file.forget()

    assert file.client_path.exists()


def test_a_client_that_is_not_there_is_named(file: ConnectionFile, tmp_path: Path) -> None:
    with pytest.raises(ClientInvalid) as caught:
        file.keep_client(tmp_path / "nowhere.json")

    assert caught.value.path == str(tmp_path / "nowhere.json")
    assert caught.value.found == "no such file or directory"


# --- several writers ------------------------------------------------------------------------------------------

_ADDS = """
import sys
from pathlib import Path
import tomli_w
from portalcal.adapters.connection_file import ConnectionFile

file = ConnectionFile(Path(sys.argv[1]), dumps=tomli_w.dumps)
for number in range(20):
    file.update(lambda present: present._replace(conflicts=(*present.conflicts, f"{sys.argv[2]}-{number}")))
"""


def test_what_processes_add_at_the_same_time_is_all_kept(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION._replace(conflicts=("primary",)))

    writers = [subprocess.Popen([sys.executable, "-c", _ADDS, str(path), name]) for name in ("a", "b", "c")]
    ended = [each.wait(300) for each in writers]

    kept = file.read()
    assert ended == [0, 0, 0]
    assert kept is not None
    assert sorted(kept.conflicts) == sorted(
        ["primary", *(f"{name}-{number}" for name in "abc" for number in range(20))]
    )
    assert [each.name for each in path.parent.iterdir()] == ["connection.toml"]


def test_the_lock_excludes_threads_of_one_process_too(file: ConnectionFile) -> None:
    file.write(CONNECTION._replace(conflicts=("primary",)))

    def add(name: str) -> None:
        file.update(lambda present: present and present._replace(conflicts=(*present.conflicts, name)))

    threads = [threading.Thread(target=add, args=(str(number),)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    kept = file.read()
    assert kept is not None
    assert sorted(kept.conflicts) == sorted(["primary", *map(str, range(16))])


def test_reading_waits_for_no_writer(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)

    with write_lock(path):
        assert file.read() == CONNECTION


def test_a_writer_that_never_ends_is_named(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)

    with (
        write_lock(path),
        pytest.raises(TimeoutError, match="another process has been writing it for 0 s"),
        write_lock(path, seconds=0),
    ):
        pass


def test_a_lock_file_left_by_a_killed_process_does_not_block(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    (path.parent / ".connection.toml.lock").touch()

    file.update(lambda present: present and present._replace(booking="team"))

    kept = file.read()
    assert kept is not None
    assert kept.booking == "team"


def test_nothing_is_written_where_nothing_changes(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    before = path.stat().st_ino

    assert file.update(lambda present: present) == CONNECTION
    assert file.update(lambda _: None) is None
    assert path.stat().st_ino == before


def test_a_change_that_fails_leaves_the_file_and_no_lock(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)

    with pytest.raises(ZeroDivisionError):
        file.update(lambda present: present if 1 / 0 else None)

    assert file.read() == CONNECTION
    assert [each.name for each in path.parent.iterdir()] == ["connection.toml"]


def test_a_selection_of_nothing_is_no_selection(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION._replace(conflicts=()))

    with pytest.raises(ConfigInvalid, match=r"conflicts = .*expected at least one calendar"):
        file.read()


def test_the_client_of_the_grant_is_stored(file: ConnectionFile) -> None:
    file.write(CONNECTION._replace(own_client=True))

    assert file.read() == CONNECTION._replace(own_client=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_named_pipe_in_its_place_does_not_block(file: ConnectionFile, path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)

    with pytest.raises(ConfigInvalid, match="it is no ordinary file"):
        file.read()


def test_a_command_keeps_the_connection_it_read_whatever_another_process_writes(
    file: ConnectionFile, path: Path
) -> None:
    file.write(CONNECTION)
    before = file.read()

    ConnectionFile(path, dumps=tomli_w.dumps).write(CONNECTION._replace(booking="team@example.com"))

    assert file.read() == before
    assert file.read_now() == CONNECTION._replace(booking="team@example.com")


def test_a_change_starts_from_the_file_and_not_from_what_was_read_before(
    file: ConnectionFile, path: Path
) -> None:
    file.write(CONNECTION)
    file.read()
    ConnectionFile(path, dumps=tomli_w.dumps).write(CONNECTION._replace(booking="team@example.com"))

    file.update(lambda present: present and present._replace(titles=True))

    assert file.read() == CONNECTION._replace(booking="team@example.com", titles=True)


def test_a_damaged_file_that_was_mended_is_read_again(file: ConnectionFile, path: Path) -> None:
    file.write(CONNECTION)
    written = path.read_text(encoding="utf-8")
    path.write_text("account = 7", encoding="utf-8")
    with pytest.raises(ConfigInvalid):
        file.read()

    path.write_text(written, encoding="utf-8")

    assert file.read() == CONNECTION
