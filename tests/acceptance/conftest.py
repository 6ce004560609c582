"""A machine with the installed program on it, and another Google than the simulator."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portalcal.adapters.vault.memory import MemoryVault
from portalcal.cli.app import run
from portalcal.cli.context import Invocation
from portalcal.container import Container
from portalcal.core.permissions import scopes_to_ask
from tests.acceptance.other_google import OtherGoogle
from tests.cli.conftest import visit

_ALWAYS_OPEN = "".join(
    f'{day} = ["00:00-24:00"]\n' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
)
_BROWSER = Path(__file__).with_name("browser.py")
_CLOCK = ("LD_PRELOAD", "MOVED_CLOCK")
"""What moves the clock of the tests (.ci/run) moves that of the programs too."""
_ZONE = "Atlantic/Reykjavik"
"""UTC all the year, so that the starts asked for in UTC are shown under the same hour in summer too."""
_TODAY = datetime.now(UTC).date()
"""The same from the first test to the last, also where midnight comes in between."""
WHO = ("--name", "Sam Lee", "--email", "sam@example.com")


@dataclass(frozen=True)
class Ended:
    """How a process of the program ended."""

    exit: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The envelope of an answer, whatever the exit status."""
        return json.loads(self.out)

    @property
    def result(self) -> Any:
        """What a `--json` command answered; one document on one line, and nothing else."""
        assert self.exit in {0, 8}, self
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)["result"]

    @property
    def warnings(self) -> list[str]:
        """The codes of its warnings."""
        return [each["code"] for each in json.loads(self.out)["warnings"]]

    @property
    def failure(self) -> Any:
        """The error of one that said other things before, such as the address of the consent page."""
        assert self.out == "", self
        return json.loads(self.err.splitlines()[-1])["error"]

    @property
    def error(self) -> Any:
        """What a `--json` command said that failed; stdout is empty."""
        assert self.out == "", self
        assert self.err.count("\n") == 1, self.err
        return json.loads(self.err)["error"]


@dataclass
class Machine:
    """A home, a configuration, a vault file, and somebody who agrees at the browser."""

    google: OtherGoogle
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    vault: MemoryVault = field(default_factory=MemoryVault)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", *_CLOCK) if name in os.environ},
            "HOME": str(self.folder),
            "TZ": _ZONE,
            "PORTALCAL_VAULT_PASSPHRASE": "open sesame",
            "PORTALCAL_CONFIG": str(self.folder / "config.toml"),
            "BROWSER": f"{shlex.join([sys.executable, str(_BROWSER)])} %s &",
        } | self.environ
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write the files that say where Google is."""
        (self.folder / "client.json").write_text(json.dumps(self.google.client()))
        (self.folder / "config.toml").write_text(
            f'timezone = "{_ZONE}"\n'
            f'[google]\nclient_secrets = "client.json"\napi_root = "{self.google.url}/cal/"\n'
            f'revoke_uri = "{self.google.url}/take/back"\n[vault]\nkind = "file"\n[schedule]\n{_ALWAYS_OPEN}{more}'
        )

    def __call__(self, *arguments: str, **environ: str) -> Ended:
        """Run `portalcal ARGUMENTS` in this process, with a vault in memory: a tenth of the time of one of its own."""
        out, err = io.StringIO(), io.StringIO()
        invocation = Invocation(self.environ | environ, io.StringIO(), out, err, customize=self._customize)
        return _sane(Ended(run(arguments, invocation), out.getvalue(), err.getvalue()))

    def _customize(self, container: Container) -> None:
        container.override(open_browser=visit, has_browser=True)
        if not container.token_variables:
            container.override(vault=self.vault)

    def process(self, *arguments: str, stdin: str = "", **environ: str) -> Ended:
        """Run `portalcal ARGUMENTS` as a process of its own, with a real vault file."""
        ran = subprocess.run(
            [sys.executable, "-m", "portalcal", *arguments],
            input=stdin, capture_output=True, text=True, check=False, env=self.environ | environ, timeout=300,
        )  # fmt: skip
        return _sane(Ended(ran.returncode, ran.stdout, ran.stderr))

    def json(self, *arguments: str, **environ: str) -> Ended:
        """The same with `--json`."""
        return self(*arguments, "--json", **environ)

    def book(self, start: str, *more: str) -> Ended:
        """Book for Sam."""
        return self.json("book", start, *WHO, *more)


def _sane(ended: Ended) -> Ended:
    """Whatever Google does, it is never told as a bug."""
    assert ended.exit != 1, ended
    assert "Traceback" not in ended.err, ended.err
    assert "internal-error" not in ended.err, ended.err
    return ended


def in_days(days: int, clock: str = "10:00") -> str:
    """A START that is so many days ahead."""
    return f"{_TODAY + timedelta(days=days)}T{clock}Z"


def moment(days: int, clock: str = "10:00") -> datetime:
    """The instant of `in_days`."""
    return datetime.fromisoformat(in_days(days, clock))


@pytest.fixture
def google() -> Iterator[OtherGoogle]:
    """Ana's other Google."""
    google = OtherGoogle()
    google.habits.token["scope"] = " ".join(["openid", *reversed(scopes_to_ask())])
    with google.serving():
        yield google


@pytest.fixture
def machine(google: OtherGoogle, tmp_path: Path) -> Machine:
    """A machine that was never connected."""
    return Machine(google, tmp_path / "machine")


@pytest.fixture
def connected(machine: Machine) -> Machine:
    """A machine whose owner consented."""
    assert machine.json("connect").exit == 0
    machine.google.requests.clear()
    return machine
