"""What reaches the loopback address, judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portalcal.adapters import loopback_request as judging
from portalcal.adapters.loopback_request import (
    Expected,
    Reply,
    Stray,
    issuers_of,
    judge_head,
    judge_pasted,
    judge_query,
)

EXPECTED = Expected("the-state", frozenset({"127.0.0.1:8080", "localhost:8080"}))
ISS = "https%3A%2F%2Faccounts.google.com"
# As Google sends it (GOOGLE.md 1.2).
QUERY = f"state=the-state&iss={ISS}&code=4/0AbCd_e-F&scope=a%20b&authuser=0&hd=example.com&prompt=consent"
GOOD = f"GET /?{QUERY} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*".encode()


def test_the_answer_we_wait_for_gives_its_code() -> None:
    assert judge_head(GOOD, EXPECTED) == Reply(code="4/0AbCd_e-F")


def test_a_denial_gives_its_error() -> None:
    assert judge_query("error=access_denied&state=the-state", EXPECTED) == Reply(error="access_denied")


def test_an_error_that_is_no_word_is_not_passed_on() -> None:
    assert judge_query("error=%1B%5B31m<b>&state=the-state", EXPECTED) == Reply(error="unknown_error")


def test_neither_code_nor_state_is_ever_shown() -> None:
    assert "4/0AbCd" not in repr(Reply(code="4/0AbCd"))
    assert "the-state" not in repr(EXPECTED)


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        ("", judging.NOTHING_IN_IT),
        ("code=4/0A", judging.NOTHING_IN_IT),
        ("state=&code=4/0A", judging.OTHER_STATE),
        ("state=other&code=4/0A", judging.OTHER_STATE),
        ("state=the-stat&code=4/0A", judging.OTHER_STATE),
        ("state=THE-STATE&code=4/0A", judging.OTHER_STATE),
        ("state=%ff%fe&code=4/0A", judging.OTHER_STATE),
        ("error=access_denied", judging.NOTHING_IN_IT),
        ("error=access_denied&state=other", judging.OTHER_STATE),
        ("state=the-state", judging.NOTHING_IN_IT),
        ("state=the-state&code=", judging.NOTHING_IN_IT),
        ("state=the-state&code=a%20b", judging.NOTHING_IN_IT),
        ("state=the-state&code=%00", judging.NOTHING_IN_IT),
        ("state=the-state&code=" + "x" * 1025, judging.NOTHING_IN_IT),
        ("state=the-state&code=4/0A&iss=https%3A%2F%2Fevil.example", judging.OTHER_ISSUER),
        ("state=the-state&code=4/0A&iss=", judging.OTHER_ISSUER),
        ("state=the-state&error=access_denied&iss=https%3A%2F%2Fevil.example", judging.OTHER_ISSUER),
        ("state=the-state&state=the-state&code=4/0A", judging.NOT_HTTP),
        ("state=the-state&code=4/0A&code=4/0B", judging.NOT_HTTP),
        ("&".join(f"a{number}=1" for number in range(41)), judging.NOT_HTTP),
    ],
)
def test_anything_else_in_the_query_is_astray(query: str, verdict: Stray) -> None:
    assert judge_query(query, EXPECTED) == verdict


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (b"", judging.NOT_HTTP),
        (b"GET / HTTP/1.1", judging.OTHER_HOST),
        (b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:8080", judging.NOT_FOUND),
        (b"GET //?x HTTP/1.1\r\nHost: 127.0.0.1:8080", judging.NOT_FOUND),
        (b"GET /%2e%2e/ HTTP/1.1\r\nHost: 127.0.0.1:8080", judging.NOT_FOUND),
        (GOOD.replace(b"GET /?", b"GET /callback?"), judging.NOT_FOUND),
        (GOOD.replace(b"GET", b"POST"), judging.ONLY_GET),
        (GOOD.replace(b"GET", b"HEAD"), judging.ONLY_GET),
        (GOOD.replace(b"GET", b"OPTIONS"), judging.ONLY_GET),
        (GOOD.replace(b"GET", b"get"), judging.NOT_HTTP),
        (GOOD.replace(b"HTTP/1.1", b"HTTP/2"), judging.NOT_HTTP),
        (GOOD.replace(b" HTTP/1.1", b""), judging.NOT_HTTP),
        (GOOD.replace(b"GET /", b"GET http://127.0.0.1:8080/"), judging.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b" folded: x"), judging.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"no colon"), judging.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"X: \x00"), judging.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"X: a\nHost: 127.0.0.1:8080"), judging.NOT_HTTP),
        (GOOD.replace(b"127.0.0.1:8080", b"evil.example:8080"), judging.OTHER_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b"127.0.0.1:8081"), judging.OTHER_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b"127.0.0.1"), judging.OTHER_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b""), judging.OTHER_HOST),
        (GOOD.replace(b"Accept: */*", b"Host: evil.example"), judging.OTHER_HOST),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", judging.NOT_HTTP),
    ],
)
def test_anything_else_in_the_request_is_astray(head: bytes, verdict: Stray) -> None:
    assert judge_head(head, EXPECTED) == verdict


@pytest.mark.parametrize("host", ["localhost:8080", "LOCALHOST:8080", "127.0.0.1:8080 "])
def test_each_of_our_names_will_do(host: str) -> None:
    head = GOOD.replace(b"127.0.0.1:8080", host.encode())

    assert isinstance(judge_head(head, EXPECTED), Reply)


@pytest.mark.parametrize(
    "pasted",
    [
        f"http://127.0.0.1:8080/?{QUERY}",
        f"  'http://127.0.0.1:8080/?{QUERY}'  ",
        f"<http://127.0.0.1:8080/?{QUERY}>",
        f"http://127.0.0.1:8080/?{QUERY}#",
        f"127.0.0.1:8080/?{QUERY}",
        f"/?{QUERY}",
        f"?{QUERY}",
        QUERY,
    ],
)
def test_a_pasted_answer_may_be_the_whole_address_or_only_its_query(pasted: str) -> None:
    assert judge_pasted(pasted, EXPECTED) == Reply(code="4/0AbCd_e-F")


@pytest.mark.parametrize(
    ("pasted", "verdict"),
    [
        ("", judging.NOTHING_IN_IT),
        ("4/0AbCd_e-F", judging.NOTHING_IN_IT),
        ("http://127.0.0.1:8080/", judging.NOTHING_IN_IT),
        ("http://[::1/?state=the-state&code=1", judging.NOTHING_IN_IT),
        ("https://accounts.google.com/o/oauth2/v2/auth?client_id=x&scope=y", judging.NOTHING_IN_IT),
        ("?state=other&code=4/0A", judging.OTHER_STATE),
        ("?state=the-state&code=4/0A&iss=https://evil.example", judging.OTHER_ISSUER),
    ],
)
def test_something_else_that_was_pasted_is_told_apart(pasted: str, verdict: Stray) -> None:
    assert judge_pasted(pasted, EXPECTED) == verdict


@given(st.binary(max_size=200))
def test_no_bytes_are_the_answer_but_the_answer(noise: bytes) -> None:
    for head in (noise, GOOD[: len(noise)] + noise):
        if b"state=the-state" not in head:
            assert isinstance(judge_head(head, EXPECTED), Stray)


@given(st.text("state=code&?#/:[]%01f \u2028'\"\udc80", max_size=60))
def test_no_pasted_text_breaks_the_judging(text: str) -> None:
    assert isinstance(judge_pasted(text, EXPECTED), Stray)


def test_an_endpoint_of_googles_answers_in_googles_name_only() -> None:
    assert issuers_of("https://accounts.google.com/o/oauth2/v2/auth") == {"https://accounts.google.com"}


def test_an_endpoint_elsewhere_may_answer_in_its_own_name() -> None:
    issuers = issuers_of("http://127.0.0.1:8080/o/oauth2/v2/auth")

    assert issuers == {"https://accounts.google.com", "http://127.0.0.1:8080"}
    expected = EXPECTED._replace(issuers=issuers)
    query = "state=the-state&code=4%2F0A&iss="
    assert judge_query(f"{query}http%3A%2F%2F127.0.0.1%3A8080", expected) == Reply(code="4/0A")
    assert isinstance(judge_query(f"{query}http%3A%2F%2F127.0.0.1%3A9090", expected), Stray)
