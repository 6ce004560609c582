from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portalcal.sanitize import sanitize, sanitize_lines
from portalcal.views.encoding import tolerate_encoding


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Ana Ferreira", "Ana Ferreira"),
        ("Ανα 安娜 👩‍💻 é", "Ανα 安娜 👩‍💻 é"),
        ("red\x1b[31m", "red␛[31m"),
        ("a\tb\nc\r\x00\x07\x7f", "a␉b␊c␍␀␇␡"),
        ("\x9b31m", "�31m"),
        ("\u202egnp.exe\u2066\u200f", "�gnp.exe��"),
        ("line\u2028para\u2029", "line�para�"),
        ("\ud800", "�"),
        ("pay\u00adpal a\u034fb \u2800", "pay�pal a�b �"),
        ("tag\U000e0041\U000e007f", "tag��"),
        ("A\ufe00 A\ufe0f 1\ufe0f A\U000e0100", "A� A� 1� A�"),
        ("ad\u200dmin a\u200cb \u200d", "ad�min a�b �"),
        ("❤\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 ☎\ufe0e", "❤\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 ☎\ufe0e"),
        ("می\u200cخواهم क\u094d\u200dष", "می\u200cخواهم क\u094d\u200dष"),
        ("❤\ufe0f\ufe0f \U0001f525\u200d\u200d\U0001f525", "❤\ufe0f� \U0001f525��\U0001f525"),
    ],
)
def test_what_could_move_or_reorder_the_screen_leaves_a_mark(written: str, seen: str) -> None:
    assert sanitize(written) == seen


@given(st.text())
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    assert not any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 for each in sanitize(text))


@given(st.text())
def test_no_character_is_dropped(text: str) -> None:
    assert len(sanitize(text)) == len(text)


def test_lines_are_kept_where_lines_are_expected() -> None:
    assert sanitize_lines("one\r\ntwo\x1b[2J\n\n") == ("one", "two␛[2J")


@pytest.mark.parametrize(
    ("encoding", "seen"), [("ascii", "+ busy ::: - caf?"), ("latin-1", "+ busy ::: - café")]
)
def test_a_stream_of_a_small_encoding_gets_the_nearest_signs(encoding: str, seen: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)

    tolerate_encoding(stream)
    stream.write("✓ busy ░░░ – café")
    stream.flush()

    assert stream.buffer.getvalue().decode(encoding) == seen


def test_a_stream_whose_owner_chose_otherwise_is_left_alone() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="ignore")

    tolerate_encoding(stream)

    assert stream.errors == "ignore"
