"""Input validation of the command line and the environment: UTF-8 text without control characters; tokens in RFC 6749 form; files.

Messages name an option or a variable, never its value, which may be a secret. Imports little: every start loads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from portalcal.config.user_files import expand_home
from portalcal.errors import Usage

# PEP 383: bytes that are not UTF-8 are decoded as surrogates.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Options whose value may contain newlines; `--exec` takes a shell command.
MULTILINE_OPTIONS = frozenset({"title", "notes", "reason", "location", "exec"})

TOKEN_VARIABLES = ("PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN")
PASSPHRASE_VARIABLE = "PORTALCAL_VAULT_PASSPHRASE"  # noqa: S105 - the name of a variable
# RFC 6749 appendices A.12 and A.17: visible ASCII. Quotes are excluded: they were pasted along with the token.
_TOKEN = re.compile(r"[!#-&(-_a-~]+")


def text_problem(text: str, *, is_multiline: bool = False) -> str | None:
    """Why a value is not clean text: "is not UTF-8", "holds a control character"; None if it is clean."""
    if _SURROGATE.search(text):
        return "is not UTF-8"
    if (_NOT_IN_TEXT if is_multiline else _CONTROL).search(text):
        return "holds a control character"
    return None


def check_arguments(arguments: Sequence[str]) -> None:
    """Check that every argument is clean text.

    Raises:
        Usage: one is not; the message names its option.
    """
    previous = ""
    for number, word in enumerate(arguments, start=1):
        option, has_value, value = word.partition("=") if word.startswith("--") else ("", "", word)
        named = (option if has_value else previous) if option or previous.startswith("-") else ""
        problem = text_problem(
            value if has_value or not option else word, is_multiline=named.lstrip("-") in MULTILINE_OPTIONS
        )
        if problem or _SURROGATE.search(option):
            is_named = bool(named) and not _SURROGATE.search(named)
            subject = f"the value of {named}" if is_named else f"word {number} of the command line"
            raise Usage(
                f"{subject} {problem or 'is not UTF-8'}", "type it again, as text in UTF-8 on one line"
            )
        previous = word


PATH_OPTIONS = frozenset({
    "--backup", "--check", "--client-secrets", "--config", "--dir", "--events", "--file", "--keep", "--log-file",
    "--metrics", "--report", "--world",
})  # fmt: skip


def expand_homes(arguments: Sequence[str]) -> list[str]:
    """Expand the `~` of `--file=~/lines.csv` and of a quoted path: shells do so only where a word begins."""
    expanded = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        option, _, path = word.partition("=")
        if option in PATH_OPTIONS and path.startswith("~"):
            expanded.append(f"{option}={expand_home(path)}")
        else:
            is_path = before in PATH_OPTIONS and word.startswith("~")
            expanded.append(str(expand_home(word)) if is_path else word)
    return expanded


def refuse_stdout(file: Path | None, option: str) -> None:
    """Refuse `-` for a file that cannot be written beside the answer. Raises: Usage."""
    if file == Path("-"):
        raise Usage(f"{option} takes a file: stdout is for the answer", f"name a file after `{option}`")


def check_environment(environ: Mapping[str, str]) -> None:
    """Check that every PORTALCAL_ variable is clean text, and that tokens have the form of a token.

    Raises:
        Usage: one is not; the message names its variable, never its value.
    """
    for name in sorted(name for name in environ if name.startswith("PORTALCAL_")):
        if problem := text_problem(environ[name].strip()):
            raise Usage(f"{name} {problem}", f"set {name} again, as text in UTF-8 on one line")
    for name in TOKEN_VARIABLES:
        value = environ.get(name, "").strip()
        if value and not _TOKEN.fullmatch(value):
            what = "a blank" if any(map(str.isspace, value)) else "quotes or other letters"
            fact = (
                f"{name} cannot be a token: it holds {what}, and tokens are plain letters, digits and signs"
            )
            raise Usage(fact, f"set {name} again, to the token alone")


def unreadable(path: object, error: OSError) -> Usage:
    """The error of a file that was named and cannot be read."""
    reason = (error.strerror or str(error) or "unknown").lower()
    return Usage(f"{path} cannot be read: {reason}", "name a file that is there and that you may read")
