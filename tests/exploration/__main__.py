"""`python -m tests.exploration [WORDS]`: every scene whose name has these words, with a sleep anywhere; takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.exploration.explorer import Explored
from tests.exploration.scenes import explored, scenes


def main(words: str) -> int:
    """Explore, print what was found, and end with 1 if anything is wrong."""
    chosen = [(number, each.name) for number, each in enumerate(scenes(may_sleep=True)) if words in each.name]
    began, is_wrong = time.monotonic(), False
    with ProcessPoolExecutor() as pool:
        found: Iterator[Explored] = pool.map(
            partial(explored, may_sleep=True), [number for number, _ in chosen]
        )
        for (_, name), each in zip(chosen, found, strict=True):
            print(f"{name}: {each.states:,} states, {len(each.wrong)} wrong", flush=True)
            if each.wrong:
                is_wrong = True
                print(min(each.wrong, key=len))
    print(f"{len(chosen)} scenes in {time.monotonic() - began:.0f} s")
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
