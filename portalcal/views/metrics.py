"""Figures of a workspace in Prometheus's text format, for the node exporter's textfile collector.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from portalcal.results import Metrics

_DEFAULT = "default"
_LAST_SYNC = "portalcal_last_sync_timestamp_seconds"


def as_prometheus(metrics: Metrics, *, previous: str = "") -> str:
    """The figures as text. Of a workspace that is not the default one they carry its name.

    `previous`: the text of the run before; a run that failed repeats its time of the last success.
    """
    return "".join(f"{line}\n" for line in _lines(metrics, previous))


def _lines(metrics: Metrics, previous: str) -> Iterator[str]:
    yield from _metric(metrics, "portalcal_up", "Whether the last run of sync succeeded.", int(metrics.is_up))
    if metrics.grant_age is not None:
        age = int(metrics.grant_age.total_seconds())
        yield from _metric(metrics, "portalcal_grant_age_seconds", "Time since consent was given.", age)
    if metrics.owed is not None:
        yield from _ledger_lines(metrics, metrics.owed)
    synced_at = str(int(metrics.synced_at.timestamp())) if metrics.synced_at else _last_sync(previous)
    if synced_at:
        yield from _metric(metrics, _LAST_SYNC, "When sync last succeeded.", synced_at)


def _ledger_lines(metrics: Metrics, owed: int) -> Iterator[str]:
    yield from _head("portalcal_bookings", "Bookings by state.")
    for state, count in metrics.bookings.items():
        yield f"portalcal_bookings{_labels(metrics, state=state.value)} {count}"
    yield from _metric(metrics, "portalcal_owed", "Calls that are owed to Google.", owed)
    oldest = int(metrics.oldest_owed.total_seconds()) if metrics.oldest_owed else 0
    yield from _metric(
        metrics, "portalcal_oldest_owed_seconds", "Age of the oldest call owed to Google.", oldest
    )


def _metric(metrics: Metrics, name: str, meaning: str, value: int | str) -> Iterator[str]:
    yield from _head(name, meaning)
    yield f"{name}{_labels(metrics)} {value}"


def _head(name: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} gauge"


def _labels(metrics: Metrics, **labels: str) -> str:
    if metrics.workspace != _DEFAULT:
        labels = {"workspace": metrics.workspace, **labels}
    listed = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{listed}}}" if listed else ""


def _last_sync(previous: str) -> str | None:
    written = re.search(rf"^{_LAST_SYNC}(?:\{{[^}}]*\}})? (\d+)$", previous, re.MULTILINE)
    return written[1] if written else None
