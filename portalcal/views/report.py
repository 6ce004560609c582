"""A text file for a support ticket: what `status` found, safe to send. Standard library only.

Nothing goes in that is not named here: of the configuration only what decides a time or an address of Google's, of
errors their words with addresses shortened; never a title, a guest, a note, a place or a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from pathlib import Path

from portalcal.answers import Diagnosis
from portalcal.config import Config, Link
from portalcal.core.instants import say_duration
from portalcal.core.schedule import WEEKDAYS
from portalcal.core.slots import Rules
from portalcal.views.foreign import shown, shown_lines

_ADDRESS = re.compile(r"([^\s@<>()\[\]{},;:/=\"'`])[^\s@<>()\[\]{},;:/=\"'`]*@(?=\w)")
_USER_OF_URL = re.compile(r"(?<=://)[^\s]*@")
# The shapes of Google's tokens, codes and client secrets: none should be here, and none may be.
_PASSWORD = re.compile(r"(?<=password=)[^&\s]+", re.IGNORECASE)
_SECRET = re.compile(r"(ya29\.|GOCSPX-|1//|4/0)[\w./-]{6,}")


def as_report(
    diagnoses: Iterable[Diagnosis],
    *,
    configs: Mapping[str, Config],
    versions: Mapping[str, str],
    home: Path | None = None,
) -> str:
    """The file as text. `configs` are those that could be read, by workspace; `home` is shown as `~`."""
    lines = ["portalcal status report", "", *_pairs(versions.items())]
    for each in diagnoses:
        lines += ["", *_of(each, configs.get(each.workspace))]
    return redacted("\n".join(lines) + "\n", home=home)


def redacted(text: str, *, home: Path | None = None) -> str:
    """The text with addresses shortened and nothing in it that opens anything.

    >>> redacted("ana.lee@example.com has ya29.a0AfH6SMBx")
    'a…@example.com has (secret)'
    """
    if home is not None and home != Path("/"):
        text = text.replace(str(home), "~")
    text = _PASSWORD.sub("(secret)", text)
    text = _SECRET.sub("(secret)", _USER_OF_URL.sub("(secret)@", text))
    return _ADDRESS.sub(r"\1…@", text)


def _of(diagnosis: Diagnosis, config: Config | None) -> Iterator[str]:
    at = diagnosis.checked_at.astimezone(UTC).isoformat(timespec="seconds")
    yield f"== workspace {diagnosis.workspace}"
    yield from _pairs(
        (("state", diagnosis.condition.value), ("account", diagnosis.account or "none"), ("checked", at))
    )
    yield from ("", "checks")
    for each in diagnosis.checks:
        first, *rest = shown_lines(each.detail) or ("",)
        yield f"  {each.health.value:<7} {each.name:<19} {each.millis:>6} ms  {first}"
        yield from (f"{'':<40}{line}" for line in rest)
        if each.hint:
            yield f"{'':<40}hint: {shown(each.hint)}"
    yield from ("", "calendars")
    for chosen in diagnosis.calendars:
        facts = (chosen.calendar.id, chosen.calendar.role, chosen.calendar.timezone, chosen.use, chosen.state)
        yield "  " + "  ".join(map(shown, facts))
    if diagnosis.tally:
        yield from ("", "bookings")
        yield from _pairs((name, str(value)) for name, value in diagnosis.tally._asdict().items())
    yield from ("", "last errors", *(f"  {shown(each)}" for each in diagnosis.last_errors))
    if config is not None:
        yield from ("", "configuration", *_pairs(_of_config(config)))


def _of_config(config: Config) -> Iterator[tuple[str, str]]:
    yield "file", str(config.path) if config.path else "none"
    yield "timezone", config.schedule.zone.key
    yield "api_root", config.endpoints.api_root
    yield "revoke_uri", config.endpoints.revoke_uri
    yield "calendars.conflicts", ", ".join(config.pins.conflicts or ()) or "not pinned"
    yield "calendars.booking", config.pins.booking or "not pinned"
    yield "ledger", config.ledger
    yield "vault", config.vault
    for name, hours in zip(WEEKDAYS, config.schedule.weekly, strict=True):
        yield f"schedule.{name}", ", ".join(map(str, hours)) or "closed"
    yield "schedule.exceptions", f"{len(config.schedule.exceptions)} dates"
    yield from _of_rules("rules", config.rules)
    for link in config.links.values():
        yield from _of_link(link)


def _of_link(link: Link) -> Iterator[tuple[str, str]]:
    yield from _of_rules(f"links.{link.name}", link.rules)


def _of_rules(prefix: str, rules: Rules) -> Iterator[tuple[str, str]]:
    lengths = {
        "duration": rules.duration,
        "step": rules.stride,
        "buffer_before": rules.buffer_before,
        "buffer_after": rules.buffer_after,
        "notice": rules.notice,
    }
    told = ", ".join(f"{name} {say_duration(length) if length else '0m'}" for name, length in lengths.items())
    yield (
        prefix,
        f"{told}, horizon {rules.horizon}d, max {rules.max_per_day} a day, {rules.max_per_week} a week",
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        yield f"  {name:<19} {shown(value)}"
