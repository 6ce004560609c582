"""A process that runs portalcal in children of its own and can have one die at any boundary.

A boundary is before or after a call of a port: a transaction of the ledger or an exchange with Google. The fault point
is put around the ports from outside, by `Invocation.customize`. Children are forked from a process that has loaded everything
and has one thread, so that a run costs what its work costs.

One JSON list a line comes in, of jobs `{"arguments", "environ", "now", "dies_at"}` that are begun at once, and one goes
out for it, of answers `{"exit", "out", "err", "points"}`: `exit` is -9 for one that was killed, `points` the boundaries
it passed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID, uuid4

import portalcal.adapters.google.authorized_http
import portalcal.adapters.google.calendar
import portalcal.adapters.ledger.sqlite
import portalcal.cli.commands.book
import portalcal.cli.commands.cancel
import portalcal.cli.commands.reassign
import portalcal.cli.commands.reschedule
import portalcal.cli.commands.sync
import portalcal.views.json  # noqa: F401 - loaded before the children are forked
from portalcal.cli.app import run
from portalcal.cli.context import Invocation
from portalcal.container import Container

PORTS = ("ledger", "calendars")


class Fuse:
    """Counts boundaries, writes each down at once, and kills its process at one of them, without a last word."""

    def __init__(self, dies_at: int | None, trail: Path) -> None:
        self._left = dies_at
        self._trail = trail.open("a", buffering=1)

    def __call__(self, point: str) -> None:
        """Pass a boundary, or die at it."""
        self._trail.write(f"{point}\n")
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Fused:
    """A port whose every call passes two boundaries."""

    def __init__(self, part: object, name: str, fuse: Fuse) -> None:
        self._part = part
        self._name = name
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._part, name)
        if not callable(part) or name == "close":
            return part
        return self._around(part, f"{self._name}.{name}")

    def _around(self, call: Callable[..., object], name: str) -> Callable[..., object]:
        def fused(*values: object, **named: object) -> object:
            self._fuse(f"before {name}")
            result = call(*values, **named)
            self._fuse(f"after {name}")
            return result

        return fused


class Standing:
    """A clock that shows one time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """That time."""
        return self._now

    def new_id(self) -> UUID:
        """A random id."""
        return uuid4()

    def monotonic(self) -> float:
        """Real seconds."""
        return time.monotonic()


def child(job: dict[str, Any], folder: Path) -> NoReturn:
    """Run one command line, and leave what it printed in files."""
    # Where the data goes, the machine's own environment says.
    os.environ.clear()
    os.environ.update(job["environ"])
    fuse = Fuse(job["dies_at"], folder / "points")

    clock = Standing(datetime.fromisoformat(job["now"]))

    def customize(container: Container) -> None:
        for name in PORTS:
            container.override(**{name: Fused(getattr(container, name), name, fuse)})

    out, err = StringIO(), StringIO()
    status = run(
        job["arguments"], Invocation(job["environ"], StringIO(), out, err, customize=customize, clock=clock)
    )
    (folder / "out").write_text(out.getvalue())
    (folder / "err").write_text(err.getvalue())
    os._exit(status)


def serve() -> None:
    """Do one list of jobs after another until stdin ends."""
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as name:
            begun = [begin(job, Path(name) / str(number)) for number, job in enumerate(json.loads(line))]
            answers = [end(pid, folder) for pid, folder in begun]
        print(json.dumps(answers), flush=True)


def begin(job: dict[str, Any], folder: Path) -> tuple[int, Path]:
    """Let a child do a job."""
    folder.mkdir()
    pid = os.fork()
    if pid == 0:
        child(job, folder)
    return pid, folder


def end(pid: int, folder: Path) -> dict[str, Any]:
    """What became of a child, when it is over."""
    _, status = os.waitpid(pid, 0)
    written = {each: _text(folder / each) for each in ("out", "err", "points")}
    return {
        "exit": os.waitstatus_to_exitcode(status),
        **written,
        "points": written["points"].splitlines(),
    }


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    serve()
