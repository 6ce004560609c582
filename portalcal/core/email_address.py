"""Comparison of e-mail addresses and of calendar ids, which are addresses too. Standard library only.

Google lower-cases the addresses of attendees in what it returns, so two spellings that differ in case alone are one
address. Addresses are compared by `same` or `folded` and shown as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable


def folded(address: str) -> str:
    """The form in which addresses are compared; not `casefold`, which makes one address of ß and ss.

    >>> folded(" Sam@Example.com")
    'sam@example.com'
    """
    return address.strip().lower()


def same(one: str | None, other: str | None) -> bool:
    """Whether two addresses, or calendar ids, are the same; None equals nothing."""
    return one is not None and other is not None and folded(one) == folded(other)


def is_among(address: str, others: Iterable[str]) -> bool:
    """Whether an address is one of several."""
    return folded(address) in set(map(folded, others))


def unique(addresses: Iterable[str], *, but_not: Iterable[str] = ()) -> tuple[str, ...]:
    """Every address once, as it was first written, in order.

    >>> unique(["Sam@example.com", "sam@EXAMPLE.com", "kim@example.com"])
    ('Sam@example.com', 'kim@example.com')
    """
    kept: dict[str, str] = {}
    left_out = set(map(folded, but_not))
    for address in addresses:
        if folded(address) not in left_out:
            kept.setdefault(folded(address), address)
    return tuple(kept.values())
