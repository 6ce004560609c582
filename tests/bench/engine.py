"""How long the engine and the grid take against the size of what they are given. Prints; asserts nothing.

Run `python -m tests.bench.engine`. The aims are those of AVAILABILITY.md section 8 and the grid's own.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from rich.console import Console

from portalcal.answers import Availability
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import FreeBusy, Question, Rules, offered
from portalcal.views import grid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
OFFICE = Schedule(LONDON, ((Hours(9 * 60, 17 * 60),),) * 5 + ((), ()))


def a_host(blocks: int, *, days: int, seed: int = 1, minutes: tuple[int, ...] = (15, 30)) -> Question:
    """One calendar with that many busy blocks, scattered over the days."""
    dice = random.Random(seed)
    starts = (NOW + timedelta(minutes=dice.randrange(days * 1440)) for _ in range(blocks))
    busy = Intervals.of(Interval(start, start + timedelta(minutes=dice.choice(minutes))) for start in starts)
    window = Interval(NOW, NOW + timedelta(days=days))
    return Question(OFFICE, Rules(horizon=days), window, NOW, calendars=(FreeBusy("host", busy),))


def best(action: Callable[[], object], *, times: int = 5) -> float:
    """The shortest of several runs, in milliseconds."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        spent.append(time.perf_counter() - begun)
    return min(spent) * 1000


def against_size() -> list[tuple[str, float]]:
    """One host over 365 days with 1,000 to 100,000 blocks, merging what Google said included."""
    rows = []
    for blocks in (1_000, 10_000, 100_000):
        question = a_host(blocks, days=365, minutes=(1, 2))
        scattered = list(question.calendars[0].busy) if question.calendars else []
        random.Random(2).shuffle(scattered)
        rows.append((f"{blocks:>7} blocks, slots", best(partial(offered, question))))
        rows.append((f"{blocks:>7} blocks, merge", best(partial(Intervals.of, scattered))))
    return rows


def many_hosts() -> list[tuple[str, float]]:
    """200 hosts, 90 days, 500 blocks each: every host's slots, one after the other."""
    hosts = [a_host(500, days=90, seed=seed) for seed in range(200)]
    return [("200 hosts of 500 blocks, 90 days", best(lambda: [offered(each) for each in hosts], times=3))]


def drawing() -> list[tuple[str, float]]:
    """The grid of 30 days, printed in colour."""
    question = a_host(300, days=30)
    answer = Availability(question, LONDON, offered(question), NOW)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, legacy_windows=False)
    return [("grid of 30 days", best(lambda: console.print(grid.page(answer, width=100))))]


def main() -> None:
    """Print every figure, and how time grows from one size to the next."""
    sizes = against_size()
    for name, spent in (*sizes, *many_hosts(), *drawing()):
        print(f"{name:<36} {spent:8.1f} ms")
    for kind in ("slots", "merge"):
        first, second, third = (spent for name, spent in sizes if name.endswith(kind))
        print(
            f"{kind}: 10 times the blocks take {second / first:.1f} times, 100 times take {third / first:.1f} times as long"
        )


if __name__ == "__main__":
    main()
