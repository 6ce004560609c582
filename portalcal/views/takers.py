"""Who could take a slot, in words."""

from portalcal.core.intervals import Interval
from portalcal.core.participants import Role
from portalcal.results import Availability


def takers(slot: Interval, answer: Availability) -> str:
    """Who could take a slot, in words: `dana; backend: ana, ben; room: oak`."""
    groups: dict[str, list[str]] = {}
    for each in answer.people_for(slot):
        label = "" if each.role is Role.WITH else each.pool or each.role.value
        groups.setdefault(label, []).append(each.key)
    return "; ".join(
        f"{label}: {', '.join(keys)}" if label else ", ".join(keys) for label, keys in groups.items()
    )
