"""How long the engine and the grid take against the size of what they are given. Prints; asserts nothing.

Run `python -m tests.bench.engine`. The aims: 200 hosts in 250 ms, a year of 2,000 blocks in 4 ms, 200 people in 300 ms.
"""

from __future__ import annotations

import gc
import io
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from rich.console import Console

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.participants import Person
from portalcal.core.people import Panel, PanelInputs, Pool, panel_offered
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import FreeBusy, Rules, SchedulingInputs, offered
from portalcal.results import Availability
from portalcal.views.grid import terminal
from tests.bench.scale import QUICK, Scale

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
OFFICE = Schedule(LONDON, ((Hours(9 * 60, 17 * 60),),) * 5 + ((), ()))


def a_host(blocks: int, *, days: int, seed: int = 1, minutes: tuple[int, ...] = (15, 30)) -> SchedulingInputs:
    """One calendar with that many busy blocks, scattered over the days."""
    dice = random.Random(seed)
    starts = (NOW + timedelta(minutes=dice.randrange(days * 1440)) for _ in range(blocks))
    busy = Intervals.of(Interval(start, start + timedelta(minutes=dice.choice(minutes))) for start in starts)
    window = Interval(NOW, NOW + timedelta(days=days))
    return SchedulingInputs(OFFICE, Rules(horizon=days), window, NOW, calendars=(FreeBusy("host", busy),))


def best(action: Callable[[], object], *, times: int = 5) -> float:
    """The shortest of several runs, in milliseconds of CPU time."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        action()
        spent.append(time.process_time() - begun)
    return min(spent) * 1000


def against_size() -> list[tuple[str, float]]:
    """One host over 365 days with 1,000 to 100,000 blocks, merging what Google said included."""
    rows = []
    for blocks in (1_000, 10_000, 100_000):
        inputs = a_host(blocks, days=365, minutes=(1, 2))
        scattered = list(inputs.calendars[0].busy) if inputs.calendars else []
        random.Random(2).shuffle(scattered)
        rows.append((f"{blocks:>7} blocks, slots", best(partial(offered, inputs))))
        rows.append((f"{blocks:>7} blocks, merge", best(partial(Intervals.of, scattered))))
    return rows


def one_host() -> list[tuple[str, float]]:
    """The sizes that cal.com publishes figures for: a month and a year of one busy person."""
    sizes = ((500, 30, 56), (2_000, 365, 471))
    return [
        (f"{days} days, {blocks} blocks (dayjs {theirs})", best(partial(offered, a_host(blocks, days=days))))
        for blocks, days, theirs in sizes
    ]


def many_hosts() -> list[tuple[str, float]]:
    """200 hosts, 90 days, 500 blocks each: every host's slots, one after the other."""
    hosts = [a_host(500, days=90, seed=seed) for seed in range(200)]
    return [("200 hosts of 500 blocks, 90 days", best(lambda: [offered(each) for each in hosts], times=3))]


def several_people() -> list[tuple[str, float]]:
    """200 people with limits, 90 days, 500 blocks each: all of them, and three of a pool of all."""
    hosts = [a_host(500, days=90, seed=seed) for seed in range(200)]
    people = tuple(
        Person(f"p{number}", f"p{number}@example.com", max_per_day=3, max_per_week=10)
        for number in range(200)
    )
    busy = tuple(
        FreeBusy(person.address, host.calendars[0].busy)
        for person, host in zip(people, hosts, strict=True)
        if host.calendars
    )
    inputs = hosts[0]._replace(calendars=(), owner="owner@example.com", owner_attends=False)
    panels = {"all of": Panel(required=people), "3 of": Panel(pools=(Pool("pool", people, 3),))}
    return [
        (f"{name} 200 people, 90 days", best(partial(panel_offered, PanelInputs(inputs, panel, busy))))
        for name, panel in panels.items()
    ]


def drawing() -> list[tuple[str, float]]:
    """The grid of 30 days, printed in colour."""
    inputs = a_host(300, days=30)
    answer = Availability(inputs, LONDON, offered(inputs), NOW)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, legacy_windows=False)
    return [("grid of 30 days", best(lambda: console.print(terminal.page(answer, width=100))))]


def main(_: Scale) -> None:
    """Print every figure, and how time grows from one size to the next."""
    # As `portalcal.__main__` has it: with Python's own thresholds, searching what the bench keeps is a third of the time.
    gc.set_threshold(100_000, 20, 20)
    sizes = against_size()
    for name, spent in (*sizes, *one_host(), *many_hosts(), *several_people(), *drawing()):
        print(f"{name:<36} {spent:8.1f} ms")
    for kind in ("slots", "merge"):
        first, second, third = (spent for name, spent in sizes if name.endswith(kind))
        print(
            f"{kind}: 10 times the blocks take {second / first:.1f} times, 100 times take {third / first:.1f} times as long"
        )


if __name__ == "__main__":
    main(QUICK)
