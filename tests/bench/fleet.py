"""A fleet's ledger on PostgreSQL behind PgBouncer: what one `book` costs there, and how many holds a second it takes.

Run by hand: `python -m tests.bench.fleet [BOOKINGS]`; it needs Debian's postgresql and pgbouncer. Prints, asserts nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from statistics import median

from portalcal.adapters.ledger.postgres import PostgresLedger
from portalcal.simulator.google import Simulator
from tests.bench.ledger import operations, timed
from tests.builders import SetClock, at
from tests.cli.conftest import NOW, Shell
from tests.real.postgres_cluster import Cluster, Pooler, Traffic, cluster

_HOSTS = 8
_SECONDS = 10
_ROUNDS = 100
_FEW = 1000

_HOLDING = """
import sys
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from portalcal.adapters.ledger.postgres import PostgresLedger
from portalcal.adapters.ledger.postgres_connection import PostgresConnection
from tests.builders import SetClock, at, a_booking, a_wish, at
ledger, number, held = PostgresLedger(sys.argv[1], "default", SetClock()), int(sys.argv[2]), 0
print("ready", flush=True)
sys.stdin.readline()
ends = monotonic() + float(sys.argv[3])
while monotonic() < ends:
    start = at("09:00") + timedelta(hours=held * 8 + number)
    ledger.hold(a_booking(request=replace(a_wish(), start=start)), put=True)
    held += 1
print(held)
ledger.close()
"""


def holds_a_second(url: str) -> float:
    """How many holds a second a workspace takes from several hosts at once."""
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLDING, url, str(number), str(_SECONDS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(_HOSTS)
    ]  # fmt: skip
    for host in hosts:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
    for host in hosts:
        assert host.stdin is not None
        host.stdin.write("go\n")
        host.stdin.flush()
    return sum(int(host.communicate(timeout=10 * _SECONDS)[0]) for host in hosts) / _SECONDS


def cost_of_a_booking(server: Cluster, pooler: Pooler) -> Traffic:
    """What one `book` sends, on a ledger that is in use."""
    database = server.new_database()
    with Simulator(now=NOW) as google, tempfile.TemporaryDirectory() as folder:
        shell = Shell(google, Path(folder) / "portalcal")
        shell.configure(f'[ledger]\nurl = "{pooler.url(database)}"\n')
        shell.connect()
        sam = ("--name", "Sam", "--email", "sam@example.com")
        assert shell("book", "2026-11-24 10:00", *sam).exit == 0
        before = pooler.traffic(database)
        assert shell("book", "2026-11-24 11:00", *sam, "--key", "k").exit == 0
        return pooler.traffic(database) - before


def filled(server: Cluster, pooler: Pooler, bookings: int) -> PostgresLedger:
    """A ledger with that many bookings, one an hour."""
    database = server.new_database()
    ledger = PostgresLedger(pooler.url(database), "default", SetClock())
    ledger.keep_sync_token("primary", "0")
    half = bookings // 2
    server.fill(database, bookings, first=at("09:00") - timedelta(hours=half))
    return ledger


def measured(ledgers: Iterable[PostgresLedger]) -> dict[str, tuple[float, ...]]:
    """The milliseconds of operations on each ledger, in turn, so that what else the machine does falls upon all alike."""
    of_each = [operations(ledger) for ledger in ledgers]
    times = {}
    for name in of_each[0]:
        rounds = [[timed(each[name]) for each in of_each] for _ in range(_ROUNDS)]
        times[name] = tuple(map(median, zip(*rounds[1:], strict=True)))
    return times


def main() -> None:
    """Print the figures."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with cluster() as server, Pooler(server, mode="transaction", sessions=20) as pooler:
        sent = cost_of_a_booking(server, pooler)
        print(f"one `book`: {sent.transactions} transactions, {sent.messages} messages to the server")
        rate = holds_a_second(pooler.url(server.new_database()))
        print(f"{_HOSTS} hosts, one workspace: {rate:.0f} holds a second", flush=True)
        ledgers = [filled(server, pooler, bookings) for bookings in (_FEW, many)]
        times = measured(ledgers)
        for each in ledgers:
            each.close()
    print(f"{'ms':24}{_FEW:10}{many:12}{'ratio':>8}")
    for name, (of_few, of_many) in times.items():
        print(f"{name:24}{of_few:10.2f}{of_many:12.2f}{of_many / of_few:8.2f}")


if __name__ == "__main__":
    main()
