"""The benchmark table: `python -m tests.bench`. Ratios within one run, since machines are noisy; nothing is asserted."""

from __future__ import annotations

from tests.bench import batch, commands, engine, ledger, people, simulator


def main() -> None:
    """Print every table."""
    commands.start_up()
    commands.completion()
    commands.networked()
    commands.far_away()
    commands.requests_per_command()
    people.main()
    engine.main()
    ledger.main()
    batch.main()
    simulator.main()


main()
