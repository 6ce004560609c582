"""The benchmark table: `python -m tests.bench`. Ratios within one run, since machines are noisy; nothing is asserted.

Every row in under five minutes; `--full` repeats more and takes longer ledgers and batches. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import time

from tests.bench import batch, commands, engine, history, ledger, people, simulator
from tests.bench.scale import FULL, QUICK, progress

PARTS = {
    "start-up": commands.start_up,
    "completion": commands.completion,
    "one exchange on loopback": commands.networked,
    "one exchange far away": commands.far_away,
    "requests a command": commands.requests_per_command,
    "200 people": people.main,
    "engine": engine.main,
    "ledger": ledger.main,
    "history": history.main,
    "batch, rate": batch.rate,
    "batch, memory": batch.memory,
    "simulator": simulator.main,
}


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="repeat more often, with longer ledgers and batches"
    )
    scale = FULL if parser.parse_args().full else QUICK
    began = time.monotonic()
    for number, (name, part) in enumerate(PARTS.items(), start=1):
        progress(f"{number}/{len(PARTS)} {name}")
        part(scale)
    progress(f"done in {time.monotonic() - began:.0f} s")


main()
