"""No test can reach the real home, keyring, browser or network; and on request no test can be skipped."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
import tzlocal

from portalcal.adapters.zone_database import use_newest_rules
from tests import published_schema, selection, summary
from tests.simulator import discovery

# As every start of the program does, before a test holds a zone: not even a conftest.py of a named folder.
use_newest_rules()

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)
IMPOSSIBLE = "impossible on this machine: "
"""How the reason of a test begins that would be skipped whatever was installed."""

_IN_MEMORY = Path("/dev/shm")
"""Where tmp_path lies if it may: every transaction of a ledger waits for its disk, and a busy disk takes seconds."""

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _away_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home, configuration, data, keyring and browser lie in the test's own folder, also for its subprocesses."""
    home = tmp_path / "home"
    home.mkdir()
    for name, place in {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_DATA_HOME": home / ".local/share",
        "XDG_STATE_HOME": home / ".local/state",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / ".run",
    }.items():
        monkeypatch.setenv(name, str(place))
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("TZ", "Europe/London")
    # It keeps the zone it found first, which may be that of a test before.
    tzlocal.reload_localzone()
    monkeypatch.setenv("COLUMNS", "100")
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "SSH_CONNECTION",
        "SSH_TTY",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in (
        "WORKSPACE",
        "CONFIG",
        "NO_INPUT",
        "READ_ONLY",
        "ACTOR",
        "ACCESS_TOKEN",
        "REFRESH_TOKEN",
        "VAULT_PASSPHRASE",
        "VAULT_PASSPHRASE_FILE",
        "VAULT_TIMEOUT",
    ):
        monkeypatch.delenv(f"PORTALCAL_{name}", raising=False)


@pytest.fixture
def add_to_summary(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Puts a line under the results of the run."""
    return lambda line: record_property(summary.LINE, line)


@pytest.fixture
def count_in_summary(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Puts numbers under the results of the run, added up over all tests that give them the same title."""
    return lambda title, **numbers: record_property(summary.COUNT, (title, numbers))


def pytest_configure() -> None:
    """Choose how much is run. What a process inherits is the same for every test, however the tests were started."""
    selection.check()
    # Where nobody may write bytecode, each of hundreds of processes compiles the program anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if _is_roomy(_IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))
    hypothesis.settings.load_profile(selection.CHOSEN)
    # Collecting keeps all that it makes, so looking for garbage every 700 objects finds none.
    gc.set_threshold(20_000, 20, 50)
    # A shell script ignores it in what it runs in the background, and so would every program that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_roomy(folder: Path) -> bool:
    """Whether a folder is writable, has two gigabytes free, and lets scripts in it be run."""
    if sys.platform == "win32" or not os.access(folder, os.W_OK | os.X_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize > 2 << 30 and not system.f_flag & os.ST_NOEXEC


def pytest_report_header() -> str:
    """Say how much is run."""
    more = "" if selection.IS_FULL else f"; {selection.VARIABLE}=full runs everything"
    return f"selection: {selection.CHOSEN}{more}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the quick run does without."""
    selection.deselect(config, items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """No workers for named files and tests: they answer at once, and `-s` and `--pdb` work.

    The quick run has three workers for two cores, since some of its tests wait: 159 s against 197 s.
    """
    named = (each.partition("::")[0] for each in config.args)
    if all(each.endswith(".py") for each in named):
        return 0
    return None if selection.IS_FULL else -(-3 * (os.cpu_count() or 1) // 2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was gone through."""
    is_asked_for_more = config.get_verbosity() > 0 or config.getoption("capture") == "no"
    summary.write(terminalreporter, with_tables=is_asked_for_more)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The facts about Google can be asked of Google."""
    parser.addoption("--live", action="store_true", help="check the facts about Google on the service itself")


@pytest.fixture(autouse=True)
def _as_google_says_it_is(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every exchange with a simulator, whatever the test is about, is held against Google's discovery document.

    The simulator's own tests do so themselves, since some of them ask for what Google does not have.
    """
    if request.path.parent.name == "simulator":
        yield
        return
    with discovery.every_simulator():
        yield


@pytest.fixture(autouse=True)
def _as_the_schema_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every answer under `--json`, whatever the test is about, fits the published schema.

    The tests of the views make up answers.
    """
    if request.path.parent.name == "views":
        yield
        return
    with published_schema.every_answer():
        yield


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that wants to leave this machine is a mistake in a test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            pytest.fail(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under PORTALCAL_TESTS_REQUIRE_REAL=1 a skipped test counts as failed."""
    return _demanding((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """And so does a module that skips itself."""
    return _demanding((yield))


def _demanding(report: _Report) -> _Report:
    """The report of a machine that is meant to have every real part. A test known to fail is no skipped one.

    What no package can bring, a right or an address that the machine was not given, is not demanded.
    """
    is_demanded = os.environ.get("PORTALCAL_TESTS_REQUIRE_REAL") == "1"
    if is_demanded and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if IMPOSSIBLE in str(reason):
            return report
        report.outcome = "failed"
        report.longrepr = f"PORTALCAL_TESTS_REQUIRE_REAL=1, but this was skipped. {reason}"
    return report
