"""The report of `status` for a support ticket, safe to send. Standard library only.

An allow-list: of the configuration only settings that affect times or Google's endpoints, of errors their messages with
e-mail addresses shortened; never a title, guest, note, location or secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote

from portalcal.config.model import Config
from portalcal.core.history import HistoryLine
from portalcal.core.intervals import Interval
from portalcal.core.schedule import WEEKDAYS
from portalcal.core.slots import Rules
from portalcal.core.time import format_duration
from portalcal.results import Diagnosis
from portalcal.sanitize import sanitize, sanitize_lines

# The at sign, plain, percent-encoded, and encoded twice.
_AT = re.compile(r"(@|%40|%2540)", re.IGNORECASE)
_LOCAL = re.compile(r"[^\s@<>()\[\]{},;:/=\"'`]*")
_HAS_DOMAIN = re.compile(r"[\w\[]")
_SECRET_KEY = re.compile(r"((?:pass(?:word|wd|phrase)?|secret|token)=)[^&\s]+", re.IGNORECASE)
# Prefixes of Google's tokens, codes and client secrets. None should get here; redact them in any case.
_SECRET = re.compile(r"(ya29\.|GOCSPX-|1//|4/0)[\w./-]{6,}")
_SECRET_NAMES = re.compile(r"secret$|password|passphrase|token$|private_key$", re.IGNORECASE)
_SHOWN_FACTS = ("state", "start", "end", "moving_to", "owed")
_SHORTEST = 4
"""Minimum length of a known secret to search for: a shorter one would match inside ordinary words."""


def as_report(
    diagnoses: Iterable[Diagnosis],
    *,
    configs: Mapping[str, Config],
    versions: Mapping[str, str],
    home: Path | None = None,
    secrets: Iterable[str] = (),
    surroundings: Mapping[str, str] = MappingProxyType({}),
    errors: Iterable[Mapping[str, str]] = (),
) -> str:
    """The report as text.

    `configs`: the readable configurations by workspace. `home`: shown as `~`. `secrets`: known secrets, to redact.
    `surroundings`: terminal, locale, names of variables. `errors`: the last ones of commands, oldest first.
    """
    lines = ["portalcal status report", "", *_pairs(versions.items()), "", *_pairs(surroundings.items())]
    lines += ["", "last errors of commands", *(_error_line(each) for each in errors)]
    for diagnosis in diagnoses:
        lines += ["", *_diagnosis_lines(diagnosis, configs.get(diagnosis.workspace))]
    text = "\n".join(sanitize(line) for line in lines) + "\n"
    return redacted(text, home=home, secrets=secrets)


def redacted(text: str, *, home: Path | None = None, secrets: Iterable[str] = ()) -> str:
    """Redact the known secrets, then whatever looks like one, and shorten e-mail addresses. Linear time.

    >>> redacted("ana.lee@example.com has ya29.a0AfH6SMBx")
    'a…@example.com has (secret)'
    """
    for secret in sorted(_spellings(secrets), key=len, reverse=True):
        text = text.replace(secret, "(secret)")
    if home is not None and home != Path("/"):
        text = text.replace(str(home), "~")
    text = re.sub(r"\S+", lambda word: _without_user(word[0]), text)
    text = _SECRET.sub("(secret)", _SECRET_KEY.sub(r"\1(secret)", text))
    return _shortened(text)


def secrets_in(document: object) -> Iterator[str]:
    """Every secret in a configuration document: values of keys named like secrets, and passwords in URLs."""
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, str) and _SECRET_NAMES.search(str(name)):
                yield value
            yield from secrets_in(value)
    elif isinstance(document, list):
        for item in document:
            yield from secrets_in(item)
    elif isinstance(document, str) and "://" in document:
        user, at, _ = document.partition("://")[2].rpartition("@")
        if at:
            yield user.partition(":")[2]
        for pair in document.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if _SECRET_NAMES.search(name):
                yield value


def _spellings(secrets: Iterable[str]) -> set[str]:
    """Each secret as it is, percent-encoded, decoded, and sanitized."""
    spellings = {
        spelling
        for secret in secrets
        for spelling in (secret, quote(secret, safe="", errors="replace"), unquote(secret), sanitize(secret))
    }
    return {spelling for spelling in spellings if len(spelling) >= _SHORTEST}


def _without_user(word: str) -> str:
    """Redact the userinfo of a URL. It ends at the last at sign: a password may contain at signs and slashes."""
    scheme, separator, rest = word.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}(secret)@{host}" if separator and user and at else word


def _shortened(text: str) -> str:
    """Shorten every e-mail address to its first letter and its domain."""
    pieces = _AT.split(text)
    for n in range(0, len(pieces) - 2, 2):
        if _HAS_DOMAIN.match(pieces[n + 2]):
            pieces[n] = _local_part_shortened(pieces[n])
    return "".join(pieces)


def _local_part_shortened(before: str) -> str:
    """Shorten the local part at the end of `before`; a quoted one (RFC 5321 section 4.1.2) may contain spaces."""
    if before.endswith('"'):
        opened = before.rfind('"', 0, -1)
        return f'{before[:opened]}"…"' if opened >= 0 and "\n" not in before[opened:] else f"{before[:-1]}…"
    # Match backwards: linear time for a long word.
    local = _LOCAL.match(before[::-1])
    length = local.end() if local else 0
    return f"{before[: len(before) - length + 1]}…" if length else before


def _diagnosis_lines(diagnosis: Diagnosis, config: Config | None) -> Iterator[str]:
    at = diagnosis.checked_at.astimezone(UTC).isoformat(timespec="seconds")
    yield f"== workspace {diagnosis.workspace}"
    yield from _pairs(
        (("state", diagnosis.state.value), ("account", diagnosis.account or "none"), ("checked", at))
    )
    yield from ("", "checks")
    for check in diagnosis.checks:
        first, *rest = sanitize_lines(check.detail) or ("",)
        yield f"  {check.status.value:<7} {check.name:<19} {check.millis:>6} ms  {first}"
        yield from (f"{'':<40}{line}" for line in rest)
        if check.hint:
            yield f"{'':<40}hint: {sanitize(check.hint)}"
    yield from ("", "calendars")
    for chosen in diagnosis.calendars:
        facts = (chosen.calendar.id, chosen.calendar.role, chosen.calendar.timezone, chosen.use, chosen.state)
        yield "  " + "  ".join(map(sanitize, facts))
    synced = _utc(diagnosis.last_sync) if diagnosis.last_sync else "never, or not known"
    yield from ("", "last sync", f"  {synced}")
    if diagnosis.tally:
        yield from ("", "bookings")
        yield from _pairs((name, str(value)) for name, value in diagnosis.tally._asdict().items())
    yield from ("", "last errors of deliveries", *(f"  {sanitize(each)}" for each in diagnosis.last_errors))
    yield from ("", "last changes", *map(_change_line, diagnosis.last_changes))
    if config is not None:
        yield from ("", "configuration", *_pairs(_config_pairs(config)))


def _error_line(entry: Mapping[str, str]) -> str:
    names = ("at", "workspace", "command", "code", "message")
    return "  " + sanitize("  ".join(entry[name] for name in names if entry.get(name)))


def _change_line(line: HistoryLine) -> str:
    """What happened to a booking, without its title, guest, place and reasons; times in UTC."""
    change = line.change
    facts = "; ".join(
        f"{name} {_fact(change.before.get(name))} -> {_fact(change.after[name])}"
        for name in _SHOWN_FACTS
        if name in change.after
    )
    author = f"{change.cause.value} {line.author.actor} {line.author.command}"
    return "  " + sanitize(f"{_utc(line.at)}  {line.booking}  {change.what.value}  {author}  {facts}")


def _fact(value: object) -> str:
    match value:
        case datetime():
            return _utc(value)
        case Interval(start=start, end=end):
            return f"{_utc(start)}/{_utc(end)}"
        case _:
            return "none" if value is None else str(value)


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _config_pairs(config: Config) -> Iterator[tuple[str, str]]:
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
    dates = [each.isoformat() for each in sorted(config.schedule.exceptions)]
    stretches = [_dates(each.first, each.last) for each in config.schedule.stretches]
    yield "schedule.exceptions", ", ".join(dates + stretches) or "none"
    for period in config.schedule.periods:
        yield "schedule.periods", _dates(period.first, period.last)
    yield from _rules_pairs("rules", config.rules)
    for link in config.links.values():
        yield from _rules_pairs(f"links.{link.name}", link.rules)


def _dates(first: date, last: date) -> str:
    return f"{first.isoformat()}..{last.isoformat()}"


def _rules_pairs(prefix: str, rules: Rules) -> Iterator[tuple[str, str]]:
    lengths = {
        "duration": rules.duration,
        "step": rules.stride,
        "buffer_before": rules.buffer_before,
        "buffer_after": rules.buffer_after,
        "notice": rules.notice,
    }
    listed = ", ".join(
        f"{name} {format_duration(length) if length else '0m'}" for name, length in lengths.items()
    )
    yield (
        prefix,
        f"{listed}, horizon {rules.horizon}d, max {rules.max_per_day} a day, {rules.max_per_week} a week",
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        yield f"  {name:<19} {sanitize(value)}"
