"""What to install so that `sync` runs by itself: units of systemd, or a line of a crontab."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

_MINUTES = 5
"""Between two runs."""


def as_systemd(words: Sequence[str], *, name: str, has_vault_file: bool) -> str:
    """A service and a timer of the user's, one after the other, each under the name of its file.

    `words`: the command line, the program's path first. `has_vault_file`: the service is given its passphrase.
    """
    folder = "~/.config/systemd/user"
    credential = (
        "# The passphrase of the vault file, alone in a file that only you can read.\n"
        f"LoadCredential=passphrase:%h/.config/portalcal/{name}.passphrase\n"
        "Environment=PORTALCAL_VAULT_PASSPHRASE_FILE=%d/passphrase\n"
        if has_vault_file
        else ""
    )
    return (
        f"# {folder}/{name}.service\n"
        "[Unit]\n"
        "Description=Bring portalcal's bookings and Google Calendar in line\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        f"ExecStart={' '.join(map(_systemd_word, words))}\n"
        "# 8: recorded here, Google not told yet; the next run tells it.\n"
        "SuccessExitStatus=8\n"
        f"{credential}"
        "\n"
        f"# {folder}/{name}.timer\n"
        "[Unit]\n"
        f"Description=Run {name}.service every {_MINUTES} minutes\n"
        "\n"
        "[Timer]\n"
        f"OnCalendar=*:0/{_MINUTES}\n"
        "# Not every machine asks Google in the same second.\n"
        "RandomizedDelaySec=60\n"
        "Persistent=true\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
        "\n"
        "# Then:\n"
        f"#   systemctl --user daemon-reload && systemctl --user enable --now {name}.timer\n"
        "# To let it run while nobody is logged in:\n"
        "#   loginctl enable-linger\n"
    )


def as_crontab(words: Sequence[str], *, host: str, home: Path, name: str, has_vault_file: bool) -> str:
    """Lines for `crontab -e`. The minute depends on the machine, so that not all ask Google in the same one."""
    first = crc32(f"{host} {name}".encode()) % _MINUTES
    # cron reads a percent sign as a line end (crontab(5)).
    line = shlex.join(words).replace("%", r"\%")
    passphrase = (
        "# The passphrase of the vault file, alone in a file that only you can read.\n"
        f"PORTALCAL_VAULT_PASSPHRASE_FILE={home}/.config/portalcal/{name}.passphrase\n"
        if has_vault_file
        else "# cron has no session: a keyring that is locked after a restart has to be unlocked first.\n"
    )
    return (
        "# For `crontab -e`. Exit 8 means that a change is recorded here and Google is told by the next run.\n"
        f"{passphrase}"
        f"{first}-59/{_MINUTES} * * * * {line} > /dev/null\n"
    )


def _systemd_word(word: str) -> str:
    """A word of ExecStart, quoted as systemd.service(5) wants it: `%` and `$` are its own."""
    word = word.replace("%", "%%").replace("$", "$$")
    if word and not set(word) & set(" \t\"'\\;"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
