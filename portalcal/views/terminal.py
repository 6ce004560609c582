"""Answers and errors for people: pages on stdout, everything else on stderr. Only this file touches the streams."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import TextIO, assert_never

from rich.console import Console, RenderableType
from rich.text import Text

from portalcal import answers
from portalcal.answers import Answer
from portalcal.core.instants import place
from portalcal.core.objections import in_words
from portalcal.errors import ConfirmationRequired, PortalcalError, Usage, called
from portalcal.ports import Clock
from portalcal.views import booking_pages, grid, layout, pages, status_page
from portalcal.views.foreign import shown, shown_lines, tolerate

_FILLING = re.compile(r"[ ]+$", re.MULTILINE)
_PIPE_WIDTH = 100
"""Columns of a page that goes to a file or a pipe and nobody said how wide it is."""


class TerminalView:
    """The view for people; implements ports.View.

    `environ` decides with the streams about colour (NO_COLOR, FORCE_COLOR, TERM) and width (COLUMNS); `width` in
    columns decides alone. `is_interactive`: somebody can be asked, since stdin and stderr are terminals and
    `--no-input` is absent.
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
        self._stdin = stdin
        # Not `Console.is_terminal`, which FORCE_COLOR makes true of a pipe.
        self._is_read_by_person = stdout.isatty()
        self._is_log = not stderr.isatty()
        self._clock = clock
        self._is_interactive = is_interactive
        self.zone: tzinfo = UTC
        """Of the instants whose answer names none."""
        self.program = "portalcal"
        """How portalcal was called, for the commands in warnings."""

    def show(self, answer: Answer) -> None:
        """The page of an answer on stdout, and on stderr what it rests on."""
        if isinstance(answer, answers.Booked) and not self._is_read_by_person and not answer.is_dry_run:
            # A script takes the id from stdout; the person who reads along sees the card.
            self._print(self._out, str(answer.booking.id))
            page = booking_pages.booked(answer, now=self._clock.now(), is_id_told=self._is_log)
            self._print(self._err, page)
            return
        self._print(self._out, self._page(answer))
        if isinstance(answer, answers.Availability):
            self.say_basis(answer)

    def write(self, text: str) -> None:
        """An export on stdout, exactly as it is."""
        self._out.file.write(text if text.endswith("\n") or not text else f"{text}\n")
        self._out.file.flush()

    def narrate(self, line: str, *, is_typed: bool = False) -> None:
        """A sentence of the demo, or a command line as it would be typed."""
        if is_typed:
            self._out.print(Text.assemble(("$ ", "dim"), (shown(line), "bold green")), soft_wrap=True)
        else:
            self._out.print()
            self._out.print(Text(f"# {shown(line)}", style="dim"))

    def say_basis(self, answer: answers.Availability) -> None:
        """On stderr, which calendars were checked and when."""
        if answer.basis is answers.Basis.SCHEDULE:
            return
        asked, unread = len(answer.question.calendars or ()), len(answer.unread)
        read = (
            in_words(asked, "calendar")
            if not unread
            else f"{asked - unread} of {in_words(asked, 'calendar')}"
        )
        at = f"{answer.checked_at.astimezone(answer.zone):%H:%M} ({place(answer.zone)})"
        unsure = "; the times shown are not verified against the others" if unread else ""
        self._note(Text(f"Checked {read} at {at}{unsure}", style="dim"))

    def log(self, line: str) -> None:
        """One line on stderr, as it is: what a server is doing just now."""
        self._err.print(Text(shown(line)), soft_wrap=True)

    def fail(self, error: PortalcalError) -> None:
        """The error on stderr: the fact, what was and was not done, an empty line, what to do."""
        self._sentence("error", "bold red", error.message)
        if error.hint:
            self._err.print()
            self._sentence("hint", "bold cyan", error.hint)

    def warn(self, code: str, message: str) -> None:  # noqa: ARG002 - codes are for scripts
        """One actionable sentence on stderr."""
        self._sentence("warning", "bold yellow", called(message, self.program) or "")

    def ask_for_consent(self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = ()) -> None:
        """The permissions with their reasons, then the address on a line of its own, whole and clickable."""
        self._err.print("portalcal will ask Google for these permissions:\n")
        self._print(self._err, pages.permissions_asked())
        act = "Your browser opens at" if opens_browser else "Open this address in a browser"
        self._err.print(f"\n{act}:\n")
        # Never wrapped: a terminal, or a person, must get the address in one piece.
        self._err.print(Text(url, style=f"underline link {url}"), soft_wrap=True)
        self._err.print()
        for line in ways:
            # One of them is a command to copy.
            self._err.print(Text(shown(line)), soft_wrap=True)
        if ways:
            self._err.print()

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:
        """Tell what will follow on stderr and ask; only `y` or `yes` is consent.

        Raises:
            ConfirmationRequired: nobody can be asked here.
        """
        if not self._is_interactive:
            raise ConfirmationRequired(action, flag)
        for each in consequences:
            self._note(Text("• ").append_text(layout.prose(each)))
        self._err.print()
        self._err.print(Text(shown(question), style="bold").append(" [y/N] ", style="not bold"), end="")
        return self._stdin.readline().strip().casefold() in {"y", "yes"}

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Ask on the terminal itself, which shows nothing of what is typed.

        Raises:
            Usage: nobody can be asked here; it names the variable to set.
        """
        if not self._is_interactive:
            raise Usage(f"{variable} is not set, and nobody can be asked for it here", f"set {variable}")
        return getpass.getpass(f"{shown(question)}: ")

    def _page(self, answer: Answer) -> RenderableType:  # noqa: C901, PLR0912 - one line an answer
        now = self._clock.now()
        match answer:
            case answers.Availability():
                return grid.page(answer, width=self._out.width, is_ascii=self._out.options.ascii_only)
            case answers.Explanation():
                return pages.explanation(answer, now=now)
            case answers.Booked():
                return booking_pages.booked(answer, now=now)
            case answers.Rescheduled():
                return booking_pages.rescheduled(answer, now=now)
            case answers.Synced():
                return booking_pages.synced(answer)
            case answers.Cancelled():
                return booking_pages.cancelled(answer, now=now)
            case answers.Bookings():
                is_wide = not self._is_read_by_person or self._out.width >= 110
                return booking_pages.bookings(answer, now=now, is_wide=is_wide)
            case answers.Choice():
                return pages.calendars(answer, width=self._out.width)
            case answers.Connected():
                return pages.connected(answer, now=now)
            case answers.Disconnected():
                return pages.disconnected(answer)
            case answers.Diagnosis():
                return status_page.status(answer, now=now)
            case answers.Diagnoses():
                return status_page.overview(answer)
            case answers.Simulation():
                return pages.simulation(answer)
            case unknown:
                assert_never(unknown)

    def _print(self, console: Console, page: RenderableType) -> None:
        """A page without the spaces Rich fills its columns with, and with addresses uncut."""
        with console.capture() as drawn:
            console.print(page, crop=False)
        console.file.write(_FILLING.sub("", drawn.get()))
        console.file.flush()

    def _sentence(self, label: str, style: str, message: str) -> None:
        first, *rest = shown_lines(message)
        self._note(Text.assemble((f"{label}:", style), " ", layout.prose(first)))
        for line in rest:
            self._note(layout.prose(line))

    def _note(self, text: Text) -> None:
        """One line on stderr: wrapped at words for a person, left whole for a log."""
        self._err.print(text, soft_wrap=self._is_log)


def _console(stream: TextIO, environ: Mapping[str, str], width: int | None) -> Console:
    tolerate(stream)
    is_piped = not stream.isatty() and "COLUMNS" not in environ
    return Console(
        file=stream,
        width=width or (_PIPE_WIDTH if is_piped else None),
        # Without a height Rich takes a dumb terminal for 80 columns, whatever it was told.
        height=25,
        _environ=environ,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
