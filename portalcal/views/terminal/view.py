"""The view for people: results on stdout, everything else on stderr. No other terminal module writes to the streams."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from typing import TextIO, assert_never

from rich.console import Console, Group, RenderableType
from rich.text import Text

from portalcal import results
from portalcal.core.reason_text import count_of
from portalcal.core.time import zone_city
from portalcal.errors import ConfirmationRequired, PortalcalError, Usage, called, passphrase_missing
from portalcal.ports import Clock
from portalcal.results import Answer, Document
from portalcal.sanitize import sanitize, sanitize_lines
from portalcal.views.encoding import tolerate_encoding, use_utf8
from portalcal.views.grid import terminal
from portalcal.views.terminal import bookings, config, history, layout, ledger, offers, pages, people, status
from portalcal.warnings import PortalcalWarning

_TRAILING_SPACES = re.compile(r"[ ]+$", re.MULTILINE)


_PIPE_WIDTH = 100
"""Columns where output is not a terminal and COLUMNS is not set."""


_NARROWEST, _WIDEST = 20, 1_000
"""Limits for COLUMNS: narrower is unreadable, and at 0 Rich prints nothing."""


_UNLIMITED_WIDTH = 1_000_000
"""Columns of a page that must not wrap."""


_RECORDS = (
    results.Bookings, results.HistoryPage, results.Cancelled, results.Offers, results.People, results.Choice, results.Diagnoses,
    results.Diagnosis, results.ExplainedDay, results.Explanation, results.Rescheduled, results.Reassigned,
)  # fmt: skip
"""Results shown as one line per record; in a pipe these lines are not wrapped."""


class TerminalView:
    """The view for people; implements ports.View.

    Colour and width follow the streams and `environ` (NO_COLOR, FORCE_COLOR, TERM, COLUMNS). `width`: overrides the
    columns. `is_interactive`: stdin and stderr are terminals and `--no-input` is absent, so prompts are possible.
    """

    def __init__(
        self,
        *,
        stdout: TextIO,
        stderr: TextIO,
        stdin: TextIO,
        environ: Mapping[str, str],
        clock: Clock,
        is_interactive: bool,
        width: int | None = None,
    ) -> None:
        self._out = _console(stdout, environ, width)
        self._err = _console(stderr, environ, width)
        # In a pipe, for a program or `grep`, a record is one line.
        self._records = self._out if width or stdout.isatty() else _console(stdout, environ, _UNLIMITED_WIDTH)
        self._stdin = stdin
        # Not `Console.is_terminal`: FORCE_COLOR sets that for a pipe too.
        self._is_read_by_person = stdout.isatty()
        self._is_log = not stderr.isatty()
        self._clock = clock
        self._is_interactive = is_interactive
        self.zone: tzinfo = UTC
        """The zone of instants whose result has none."""
        self.program = "portalcal"
        """The program with its global options, for commands in warnings."""

    def show(self, answer: Answer | Document) -> None:
        """Show a result on stdout, and its basis on stderr."""
        if isinstance(answer, results.ConfigExample):
            self.write(answer.example)
            return
        if isinstance(answer, results.LedgerGrants):
            self.write("\n".join(f"{statement};" for statement in answer.statements))
            return
        if isinstance(answer, results.SchemaDocument):
            self.write(json.dumps(answer.schema, indent=2))
            return
        if isinstance(answer, results.Booked) and not self._is_read_by_person and not answer.is_dry_run:
            # The id on stdout is for a script, the details on stderr for a person.
            self._print(self._out, str(answer.booking.id))
            page = bookings.booked(answer, now=self._clock.now(), is_id_on_stdout=self._is_log)
            self._print(self._err, page)
            return
        if isinstance(answer, results.Bookings):
            # Part by part: half a million bookings do not fit in memory.
            for part in bookings.bookings(answer, now=self._clock.now(), is_wide=self._shows_whole_ids):
                self._print(self._records, part)
            return
        self._print(self._records if isinstance(answer, _RECORDS) else self._out, self._page(answer))
        if isinstance(answer, results.Availability):
            self.say_basis(answer)

    def write(self, text: str, *, for_people: bool = False) -> None:
        """Write an export to stdout unchanged. Always UTF-8, unless `for_people`."""
        if not for_people:
            use_utf8(self._out.file)
        self._out.file.write(text if text.endswith("\n") or not text else f"{text}\n")
        self._out.file.flush()

    def write_all(self, texts: Iterable[str]) -> None:
        """Write an export to stdout piece by piece, unchanged, always UTF-8."""
        use_utf8(self._out.file)
        for text in texts:
            self._out.file.write(text)
        self._out.file.flush()

    def narrate(self, line: str, *, is_typed: bool = False) -> None:
        """Show a sentence of the demo, or a command line with a prompt."""
        if is_typed:
            self._out.print(Text.assemble(("$ ", "dim"), (sanitize(line), "bold green")), soft_wrap=True)
        else:
            self._out.print()
            self._out.print(Text(f"# {sanitize(line)}", style="dim"))

    def say_basis(self, answer: results.Availability) -> None:
        """Show on stderr how many calendars were checked, and when."""
        if answer.basis is results.Basis.SCHEDULE:
            return
        asked, unread = len(answer.checked), len(answer.unread)
        read = (
            count_of(asked, "calendar")
            if not unread
            else f"{asked - unread} of {count_of(asked, 'calendar')}"
        )
        if answer.account_count > 1:
            read += f" in {count_of(answer.account_count, 'account')}"
        at = f"{answer.checked_at.astimezone(answer.zone):%H:%M} ({zone_city(answer.zone)})"
        unsure = "; the times shown are not verified against the others" if unread else ""
        self._note(Text(f"Checked {read} at {at}{unsure}", style="dim"))

    def say_next(self, answer: results.Bookings) -> None:
        """Show on stderr how to get the next page of bookings, if there is one."""
        if answer.next_page is not None:
            self._note(Text(f"More of them: repeat this with --after {answer.next_page}", style="dim"))

    def log(self, line: str) -> None:
        """Write one log line to stderr."""
        self._err.print(Text(sanitize(line)), soft_wrap=True)

    def fail(self, error: PortalcalError) -> None:
        """Show an error on stderr: the message, an empty line, the hint."""
        self._sentence("error", "bold red", error.message)
        if error.hint:
            self._err.print()
            self._sentence("hint", "bold cyan", error.hint)

    def warn(self, warning: PortalcalWarning) -> None:
        """Show a warning on stderr."""
        self._sentence("warning", "bold yellow", called(warning.sentence, self.program) or "")

    def ask_for_consent(
        self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = (), boxes: int = 3
    ) -> None:
        """Show the permissions with their reasons, then the URL on a line of its own as a hyperlink."""
        self._err.print("portalcal will ask Google for these permissions:\n")
        self._print(self._err, pages.permissions_asked())
        self._err.print(f"\nGoogle shows {boxes} boxes for them, all unticked. Tick every one.")
        act = "Your browser opens at" if opens_browser else "Open this address in a browser"
        self._err.print(f"\n{act}:\n")
        # Never wrapped, so that it can be opened or copied as one piece.
        self._err.print(Text(url, style=f"underline link {url}"), soft_wrap=True)
        self._err.print()
        for line in ways:
            # Not wrapped: one of them is a command to copy.
            self._err.print(Text(sanitize(line)), soft_wrap=True)
        if ways:
            self._err.print()

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:
        """Show the consequences on stderr and ask; only `y` or `yes` confirms.

        Raises:
            ConfirmationRequired: not interactive.
        """
        if not self._is_interactive:
            raise ConfirmationRequired(action, flag)
        for consequence in consequences:
            self._note(Text("• ").append_text(layout.highlight_commands(consequence)))
        self._err.print()
        self._err.print(Text(sanitize(question), style="bold").append(" [y/N] ", style="not bold"), end="")
        return self._stdin.readline().strip().casefold() in {"y", "yes"}

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Prompt on the terminal without echo.

        Raises:
            VaultUnavailable: not interactive; the message names the variable to set.
        """
        if not self._is_interactive:
            raise passphrase_missing(variable)
        try:
            typed = getpass.getpass(f"{sanitize(question)}: ")
            typed.encode()
        except UnicodeError:
            raise Usage("what was typed is not UTF-8", f"type it again, or set {variable}") from None
        return typed

    def _page(self, answer: Answer) -> RenderableType:  # noqa: C901, PLR0912 - one case per result
        now = self._clock.now()
        match answer:
            case results.Availability():
                return terminal.page(answer, width=self._out.width, is_ascii=self._out.options.ascii_only)
            case results.Explanation():
                return pages.explanation(answer, now=now)
            case results.ExplainedDay():
                return pages.explained_day(answer, now=now)
            case results.Booked():
                return bookings.booked(answer, now=now)
            case results.Offered():
                return offers.offered(answer)
            case results.Offers():
                return offers.offers(answer, is_line_each=not self._is_read_by_person)
            case results.Rescheduled():
                return bookings.rescheduled(answer, now=now)
            case results.Reassigned():
                return bookings.reassigned(answer, now=now)
            case results.Synced():
                return bookings.synced(answer)
            case results.Cancelled():
                return bookings.cancelled(answer, now=now)
            case results.HistoryPage():
                return history.page(answer, now=now, is_wide=not self._is_read_by_person)
            case results.Changes():
                return history.page(results.HistoryPage(answer.lines, answer.zone), now=now, is_wide=True)
            case results.HistoryPruned():
                return history.pruned(answer)
            case results.Choice():
                return pages.calendars(answer, width=self._records.width)
            case results.Overlaps():
                return pages.overlaps(answer)
            case results.People():
                return people.people(answer, now=now, is_line_each=not self._is_read_by_person)
            case results.Connected():
                return pages.connected(answer, now=now)
            case results.Disconnected():
                return pages.disconnected(answer)
            case results.Diagnosis():
                return status.status(answer, now=now)
            case results.Diagnoses():
                return status.overview(answer, is_line_each=not self._is_read_by_person)
            case results.ConfigPlace():
                return config.place(answer, program=self.program)
            case results.ConfigShown():
                return config.shown(answer)
            case results.ConfigChecked():
                return config.checked(answer)
            case results.LedgerPlace():
                return ledger.place(answer)
            case results.LedgerChecked():
                return ledger.checked(answer)
            case results.LedgerCopied():
                return ledger.copied(answer)
            case results.LedgerBackedUp():
                return ledger.backed_up(answer)
            case results.Simulation():
                return pages.simulation(answer)
            case results.Bookings():
                return Group(*bookings.bookings(answer, now=now, is_wide=self._shows_whole_ids))
            case unknown:
                assert_never(unknown)

    @property
    def _shows_whole_ids(self) -> bool:
        return not self._is_read_by_person or self._out.width >= 110

    def _print(self, console: Console, page: RenderableType) -> None:
        """Print without the trailing spaces of Rich's columns, and without cropping long URLs."""
        with console.capture() as drawn:
            console.print(page, crop=False)
        console.file.write(_TRAILING_SPACES.sub("", drawn.get()))
        console.file.flush()

    def _sentence(self, label: str, style: str, message: str) -> None:
        first, *rest = sanitize_lines(message)
        self._note(Text.assemble((f"{label}:", style), " ", layout.highlight_commands(first)))
        for line in rest:
            self._note(layout.highlight_commands(line))

    def _note(self, text: Text) -> None:
        """One line on stderr: wrapped on a terminal, not in a log file."""
        wrapped = text if self._is_log else layout.wrap_around_commands(text, self._err.width)
        self._err.print(wrapped, soft_wrap=True)


def _console(stream: TextIO, environ: Mapping[str, str], width: int | None) -> Console:
    tolerate_encoding(stream)
    columns = _columns(environ)
    return Console(
        file=stream,
        width=width or columns or (None if stream.isatty() else _PIPE_WIDTH),
        # Without a height Rich assumes 80 columns on a dumb terminal, ignoring `width`.
        height=25,
        _environ={name: value for name, value in environ.items() if name not in {"COLUMNS", "LINES"}},
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def _columns(environ: Mapping[str, str]) -> int | None:
    """COLUMNS within its limits; None if it is not a positive number."""
    value = environ.get("COLUMNS", "")
    is_width = value.isascii() and value.isdecimal() and value.strip("0") != ""
    return max(_NARROWEST, min(int(value[-9:]), _WIDEST)) if is_width else None
