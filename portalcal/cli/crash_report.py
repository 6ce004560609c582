"""The traceback of an unexpected exception, for a bug report, with everything redacted that may be a secret."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping

from portalcal.cli.input_checks import PASSPHRASE_VARIABLE, TOKEN_VARIABLES

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
# The value after a name like `token=`, or after an authorization scheme.
_AFTER_NAME = (
    r"(?i)(\b(?:bearer|basic)\s+|\b\w*(?:token|secret|passphrase|password|code|assertion|verifier)\w*[\"']?\s*[:=]\s*b?[\"']?)"
    r"[^\s\"',&;)}\]]+"
)
# Tokens, codes and keys are one long word. Not redacted: dotted names without digits, UUIDs, paths of modules.
_LONG_WORD = r"[A-Za-z0-9+/=_.~-]{16,}"
_HARMLESS = r"[A-Za-z_.]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|/(?:[\w.-]+/)*[\w-]+\.py"


def redacted_traceback(error: BaseException, environ: Mapping[str, str]) -> str:
    """The traceback as Python prints it, with its causes; messages are redacted, local variables never shown."""
    return "".join(_parts(error, _secrets(environ), seen=set()))


def _parts(error: BaseException, secrets: tuple[str, ...], *, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    earlier, link = error.__cause__, _CAUSE
    if earlier is None and not error.__suppress_context__:
        earlier, link = error.__context__, _CONTEXT
    if earlier is not None and id(earlier) not in seen:
        yield from _parts(earlier, secrets, seen=seen)
        yield link
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield redacted("".join(traceback.format_exception_only(error)), secrets)


def redacted(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Replace the given secrets, and whatever looks like one, by an ellipsis."""
    for secret in secrets:
        text = text.replace(secret, "…")
    text = re.sub(_AFTER_NAME, r"\1…", text)
    return re.sub(_LONG_WORD, lambda word: word[0] if re.fullmatch(_HARMLESS, word[0]) else "…", text)


def _secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets in the environment: as they are, as `repr` escapes them, and their parts; longest first."""
    forms = set()
    for name in (*TOKEN_VARIABLES, PASSPHRASE_VARIABLE):
        value = environ.get(name, "").strip()
        forms |= {value, repr(value)[1:-1], ascii(value)[1:-1], *re.split(r"\s+|\\.", value)}
    return tuple(sorted((each for each in forms if len(each) > 2), key=len, reverse=True))
