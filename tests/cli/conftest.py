"""A shell in which portalcal runs: commands typed, what they print and how they end."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.vault.file import Cost
from portalcal.adapters.vault.memory import MemoryVault
from portalcal.cli.app import run
from portalcal.cli.context import Invocation
from portalcal.container import Container
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.core.zone_rules import ZoneDatabase, ZoneRules
from portalcal.ports import Connection, Ledger, Secret
from portalcal.simulator.google import Simulator
from tests.consent_page import consent_page
from tests.terminal import Terminal

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday, eight in London
ANA = "ana@example.com"
CHEAP = Cost(2**4, 8, 1)
NEW_RULES = ZoneRules(ZoneDatabase("/usr/share/zoneinfo", "2026f"))


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    exit: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """The result of a `--json` command that succeeded."""
        assert self.err == "", self.err
        return json.loads(self.out)["result"]

    @property
    def warnings(self) -> list[str]:
        """The codes of the warnings of a `--json` command that succeeded."""
        return [each["code"] for each in json.loads(self.out)["warnings"]]

    @property
    def error(self) -> Any:
        """The error of a `--json` command that did not."""
        assert self.out == ""
        return json.loads(self.err)["error"]


@dataclass
class Shell:
    """One person's machine: files in a folder, a keyring in memory, the simulator's clock."""

    google: Simulator
    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: {"COLUMNS": "100", "TZ": "Europe/London"})
    vault: MemoryVault = field(default_factory=MemoryVault)
    browser: Callable[[str], bool] = field(default_factory=lambda: visit)
    clock_is_off_by: float = 0.0
    """Seconds by which this machine's clock is ahead of Google's."""
    has_browser: bool = True
    slept: float = 0.0
    """Seconds that commands have waited for Google, which passed at once."""
    stdin: TextIO = field(default_factory=io.StringIO)
    zone_rules: ZoneRules = NEW_RULES
    """Not the machine's: what `status` prints of them must not depend on it."""
    has_own_vault: bool = True
    """Secrets stay in `vault`; else they go wherever the command puts them."""
    vault_file_cost: Cost = CHEAP
    """A vault file costs no time here. A process of its own refuses it: `Cost()` makes what the program makes."""
    parts: dict[str, object] = field(default_factory=dict)
    """Further parts of the container to replace, by name."""

    def now(self) -> datetime:
        """The simulator's present instant is ours, unless our clock is wrong."""
        return self.google.clock.now() + timedelta(seconds=self.clock_is_off_by)

    def new_id(self) -> UUID:
        """A random id."""
        return uuid4()

    def monotonic(self) -> float:
        """Real seconds, whatever the simulator's clock shows, and those that commands would have slept."""
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        """Nobody waits: the seconds are over at once."""
        self.slept += seconds

    def customize(self, container: Container) -> None:
        """Put the stand-ins in place of the machine's parts."""
        container.override(
            open_browser=self.browser,
            has_browser=self.has_browser,
            zone_rules=self.zone_rules,
            wait=self.sleep,
            vault_file_cost=self.vault_file_cost,
            **self.parts,
        )
        if self.has_own_vault and not container.token_variables:
            container.override(vault=self.vault)

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run `portalcal ARGUMENTS`."""
        out, err = io.StringIO(), io.StringIO()
        invocation = self.invocation(out, err, environ)
        return Ran(run(arguments, invocation), out.getvalue(), err.getvalue())

    def invocation(
        self, out: TextIO, err: TextIO, environ: Mapping[str, str] | None = None, stdin: TextIO | None = None
    ) -> Invocation:
        """A run on this machine, at its time."""
        around = self.environ | dict(environ or {})
        return Invocation(around, stdin or self.stdin, out, err, customize=self.customize, clock=self)

    def on_terminal(self, *arguments: str, columns: int) -> str:
        """Run `portalcal ARGUMENTS` on a terminal so wide. Returns what it shows, without colours."""
        screen = Terminal()
        run(arguments, self.invocation(screen, screen, {"TERM": "dumb", "COLUMNS": str(columns)}))
        return screen.getvalue()

    def json(self, *arguments: str) -> Ran:
        """The same with `--json`."""
        return self(*arguments, "--json")

    def configure(self, text: str = "") -> None:
        """Write config.toml, with the simulator in Google's place."""
        # What was added before would otherwise stay: a config that somebody has changed is left alone.
        (self.folder / "config.toml").unlink(missing_ok=True)
        path = self.google.write_files(self.folder)
        path.write_text(path.read_text() + "\n" + text)
        self.environ["PORTALCAL_CONFIG"] = str(path)

    def connect(self) -> None:
        """Be connected, without a browser's round trip."""
        container = Container(self.view(), environ=self.environ)
        token = self.google.issue_token(scopes_to_ask())
        self.vault.write(Secret.REFRESH_TOKEN, token.refresh_token)
        self.vault.write(Secret.ACCESS_TOKEN, json.dumps({"token": str(token), "expires_at": None}))
        container.connection_file.write(
            Connection(ANA, frozenset(Permission), (ANA,), ANA, connected_at=self.now(), vault="memory")
        )
        self.google.forget_requests()

    def ledger(self) -> Ledger:
        """The ledger, as another process would open it; whoever asks for it closes it."""
        container = Container(self.view(), environ=self.environ)
        container.clock = self
        self.customize(container)
        return container.ledger

    def view(self) -> Any:
        """Somewhere to put warnings nobody reads."""
        return Invocation(self.environ, io.StringIO(), io.StringIO(), io.StringIO()).view("", as_json=True)


def visit(url: str, opener: urllib.request.OpenerDirector | None = None) -> bool:
    """A browser whose user agrees to everything, on a thread of its own; proxies are none of its business.

    What the page says is looked at elsewhere; here a page that refuses is as good as one that thanks. Where there is
    no page at all, its user gives up, so that nobody waits.
    """
    direct = opener or urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def look() -> None:
        address = consent_page(url)
        try:
            with direct.open(address, timeout=60) as page:
                page.read()
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            _give_up(address)

    threading.Thread(target=look, daemon=True).start()
    return True


def _give_up(url: str) -> None:
    """Answer in Google's place that there will be no consent (RFC 6749 section 4.1.2.1)."""
    asked = dict(parse_qsl(urlsplit(url).query))
    told = urlencode({"error": "server_error", "state": asked["state"]})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), direct.open(f"{asked['redirect_uri']}?{told}", timeout=60) as page:
        page.read()


@pytest.fixture
def google() -> Iterator[Simulator]:
    """Ana's Google."""
    with Simulator(now=NOW) as simulator:
        yield simulator


@pytest.fixture
def portalcal(google: Simulator, tmp_path: Path) -> Shell:
    """A configured machine that was never connected."""
    shell = Shell(google, tmp_path / "portalcal")
    shell.configure()
    return shell


@pytest.fixture
def connected(portalcal: Shell) -> Shell:
    """A machine that is connected to Ana's calendar."""
    portalcal.connect()
    return portalcal
