"""Lines from a terminal, without waiting for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from portalcal.adapters.consent.paste import ConsoleLines, TerminalLines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Read end, write end."""
    ends = os.pipe()
    yield ends
    for each in ends:
        try:
            os.close(each)
        except OSError:
            continue


def test_without_input_there_is_no_line_and_no_waiting(pipe: tuple[int, int]) -> None:
    assert TerminalLines(pipe[0])() is None


def test_a_line_comes_when_it_is_whole(pipe: tuple[int, int]) -> None:
    lines = TerminalLines(pipe[0])

    os.write(pipe[1], b"http://127.0.0.1/?co")
    early = lines()
    os.write(pipe[1], "de=é\r\nnext\n".encode())

    assert (early, lines(), lines(), lines()) == (None, "http://127.0.0.1/?code=é", "next", None)


def test_an_address_longer_than_a_buffer_comes_whole(pipe: tuple[int, int]) -> None:
    line = "x" * 9000
    os.write(pipe[1], f"{line}\n".encode())

    assert TerminalLines(pipe[0])() == line


def test_what_was_written_before_the_end_is_a_line_and_then_there_is_silence(pipe: tuple[int, int]) -> None:
    lines = TerminalLines(pipe[0])
    os.write(pipe[1], b"half")
    os.close(pipe[1])

    assert [lines(), lines(), lines()] == ["half", None, None]


def test_a_closed_descriptor_yields_no_line(pipe: tuple[int, int]) -> None:
    lines = TerminalLines(pipe[0])
    os.close(pipe[0])

    assert [lines(), lines()] == [None, None]


def test_a_real_terminal_gives_its_line() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    try:
        lines = TerminalLines(theirs)
        before = lines()
        os.write(ours, b"?state=s&code=c\n")
        while (line := lines()) is None:
            continue
    finally:
        os.close(ours)
        os.close(theirs)

    assert (before, line) == (None, "?state=s&code=c")


class Console:
    """Keys waiting at a Windows console, and what it shows."""

    def __init__(self, keys: str) -> None:
        self.keys = list(keys)
        self.shown = ""

    def is_waiting(self) -> bool:
        return bool(self.keys)

    def read(self) -> str:
        return self.keys.pop(0)

    def show(self, text: str) -> None:
        self.shown += text


def test_keys_make_lines_on_windows() -> None:
    console = Console("ax\bb\rc")
    lines = ConsoleLines(console.is_waiting, console.read, console.show)

    assert (lines(), lines()) == ("ab", None)
    assert console.shown == "ax\b \bb\nc"


def test_ctrl_c_is_ctrl_c_on_windows() -> None:
    console = Console("\x03")

    with pytest.raises(KeyboardInterrupt):
        ConsoleLines(console.is_waiting, console.read, console.show)()
