"""How often the benchmark measures, and how much: `QUICK` is enough to compare ratios, `FULL` narrows their spread."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple


class Scale(NamedTuple):
    """The repetitions and sizes of one run of the benchmark."""

    runs: int  # of each command, in turn with the others of its table; the median counts
    far_runs: int  # the same behind a round trip
    people_runs: int
    ledger_bookings: int
    ledger_rounds: int
    batch_lines: int
    batch_processes: int  # of one booking each, which the batch is compared with
    dry_run_lines: int
    simulator_requests: int


QUICK = Scale(
    runs=9,
    far_runs=5,
    people_runs=1,
    ledger_bookings=100_000,
    ledger_rounds=15,
    batch_lines=120,
    batch_processes=3,
    dry_run_lines=2_500,
    simulator_requests=500,
)
FULL = Scale(
    runs=21,
    far_runs=11,
    people_runs=3,
    ledger_bookings=200_000,
    ledger_rounds=60,
    batch_lines=400,
    batch_processes=10,
    dry_run_lines=5_000,
    simulator_requests=2_000,
)


def progress(line: str) -> None:
    """Write what is measured now to stderr, so that a hang is seen where it is."""
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
