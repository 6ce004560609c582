"""`python -m tests.crash [SECONDS]`: random commands on few times, some of them killed, for a minute; then an audit."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from portalcal.simulator.google import Simulator
from tests.crash.scene import NOW, Driver, Scene
from tests.crash.test_race import SLOTS, play

AT_ONCE = 200


def main(seconds: float) -> int:
    """Play, tell how the commands ended, and end with 1 if ledger and calendar differ."""
    driver, exits, rounds = Driver(), Counter[int](), 0
    with tempfile.TemporaryDirectory() as folder, Simulator(now=NOW) as google:
        scene, dice = Scene(driver, google, Path(folder)), random.Random()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            exits += play(scene, dice, rounds, at_once=AT_ONCE)
            rounds += 1
        exits[scene.run("sync")["exit"]] += 1
        found, events = scene.audit(), len(google.events())
    driver.close()
    ended = ", ".join(f"{count} with {status}" for status, count in sorted(exits.items()))
    print(
        f"{rounds * AT_ONCE} commands on {SLOTS} times, {AT_ONCE} at once: {ended}; {events} events in the end"
    )
    print("\n".join(found) or "ledger and calendar agree")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
