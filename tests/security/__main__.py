"""`python -m tests.security`: every trick on every command, as a table; exit 1 where one did not hold."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.security.rows import rows


def main() -> int:
    """Play all rows."""
    is_green = True
    print(f"{'trick':50} {'command':28} {'code':20} {'exit':>4} {'s':>4}  what happened")
    for row in rows():
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="portalcal-security-") as folder:
            ran = row.plays(Path(folder))
        holds = row.holds(ran) and "Traceback" not in ran.err
        is_green = is_green and holds
        happened = row.happened if holds else f"DID NOT HOLD: {ran.err[:200]!r}"
        seconds = time.monotonic() - began
        print(
            f"{row.trick:50} {row.command:28} {ran.code:20} {ran.exit:>4} {seconds:4.0f}  {happened}",
            flush=True,
        )
    return 0 if is_green else 1


if __name__ == "__main__":
    sys.exit(main())
