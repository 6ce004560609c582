"""Parsing of requests to the callback server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portalcal.adapters.consent import callback_request as requests
from portalcal.adapters.consent.callback_request import (
    AuthorizationResponse,
    ExpectedRedirect,
    StrayRequest,
    accepted_issuers,
    parse_head,
    parse_pasted,
    parse_redirect,
)

EXPECTED = ExpectedRedirect("the-state", frozenset({"127.0.0.1:8080", "localhost:8080"}))
ISS = "https%3A%2F%2Faccounts.google.com"
# As Google sends it (developers' reports; `iss` is RFC 9207).
QUERY = f"state=the-state&iss={ISS}&code=4/0AbCd_e-F&scope=a%20b&authuser=0&hd=example.com&prompt=consent"
GOOD = f"GET /?{QUERY} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*".encode()


def test_the_redirect_yields_its_code() -> None:
    assert parse_head(GOOD, EXPECTED) == AuthorizationResponse(code="4/0AbCd_e-F")


def test_a_denial_gives_its_error() -> None:
    assert parse_redirect("error=access_denied&state=the-state", EXPECTED) == AuthorizationResponse(
        error="access_denied"
    )


def test_an_error_code_with_markup_is_not_passed_on() -> None:
    assert parse_redirect("error=%1B%5B31m<b>&state=the-state", EXPECTED) == AuthorizationResponse(
        error="unknown_error"
    )


def test_neither_code_nor_state_is_ever_shown() -> None:
    assert "4/0AbCd" not in repr(AuthorizationResponse(code="4/0AbCd"))
    assert "the-state" not in repr(EXPECTED)


@pytest.mark.parametrize(
    ("query", "stray"),
    [
        ("", requests.NO_CODE_OR_ERROR),
        ("code=4/0A", requests.NO_CODE_OR_ERROR),
        ("state=&code=4/0A", requests.WRONG_STATE),
        ("state=other&code=4/0A", requests.WRONG_STATE),
        ("state=the-stat&code=4/0A", requests.WRONG_STATE),
        ("state=THE-STATE&code=4/0A", requests.WRONG_STATE),
        ("state=%ff%fe&code=4/0A", requests.WRONG_STATE),
        ("error=access_denied", requests.NO_CODE_OR_ERROR),
        ("error=access_denied&state=other", requests.WRONG_STATE),
        ("state=the-state", requests.NO_CODE_OR_ERROR),
        ("state=the-state&code=", requests.NO_CODE_OR_ERROR),
        ("state=the-state&code=a%20b", requests.NO_CODE_OR_ERROR),
        ("state=the-state&code=%00", requests.NO_CODE_OR_ERROR),
        ("state=the-state&code=" + "x" * 1025, requests.NO_CODE_OR_ERROR),
        ("state=the-state&code=4/0A&iss=https%3A%2F%2Fevil.example", requests.WRONG_ISSUER),
        ("state=the-state&code=4/0A&iss=", requests.WRONG_ISSUER),
        ("state=the-state&error=access_denied&iss=https%3A%2F%2Fevil.example", requests.WRONG_ISSUER),
        ("state=the-state&state=the-state&code=4/0A", requests.NOT_HTTP),
        ("state=the-state&code=4/0A&code=4/0B", requests.NOT_HTTP),
        ("&".join(f"a{number}=1" for number in range(41)), requests.NOT_HTTP),
    ],
)
def test_any_other_query_is_a_stray_request(query: str, stray: StrayRequest) -> None:
    assert parse_redirect(query, EXPECTED) == stray


@pytest.mark.parametrize(
    ("head", "stray"),
    [
        (b"", requests.NOT_HTTP),
        (b"GET / HTTP/1.1", requests.WRONG_HOST),
        (b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:8080", requests.NOT_FOUND),
        (b"GET //?x HTTP/1.1\r\nHost: 127.0.0.1:8080", requests.NOT_FOUND),
        (b"GET /%2e%2e/ HTTP/1.1\r\nHost: 127.0.0.1:8080", requests.NOT_FOUND),
        (GOOD.replace(b"GET /?", b"GET /callback?"), requests.NOT_FOUND),
        (GOOD.replace(b"GET", b"POST"), requests.ONLY_GET),
        (GOOD.replace(b"GET", b"HEAD"), requests.ONLY_GET),
        (GOOD.replace(b"GET", b"OPTIONS"), requests.ONLY_GET),
        (GOOD.replace(b"GET", b"get"), requests.NOT_HTTP),
        (GOOD.replace(b"HTTP/1.1", b"HTTP/2"), requests.NOT_HTTP),
        (GOOD.replace(b" HTTP/1.1", b""), requests.NOT_HTTP),
        (GOOD.replace(b"GET /", b"GET http://127.0.0.1:8080/"), requests.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b" folded: x"), requests.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"no colon"), requests.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"X: \x00"), requests.NOT_HTTP),
        (GOOD.replace(b"Accept: */*", b"X: a\nHost: 127.0.0.1:8080"), requests.NOT_HTTP),
        (GOOD.replace(b"127.0.0.1:8080", b"evil.example:8080"), requests.WRONG_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b"127.0.0.1:8081"), requests.WRONG_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b"127.0.0.1"), requests.WRONG_HOST),
        (GOOD.replace(b"127.0.0.1:8080", b""), requests.WRONG_HOST),
        (GOOD.replace(b"Accept: */*", b"Host: evil.example"), requests.WRONG_HOST),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", requests.NOT_HTTP),
    ],
)
def test_any_other_request_is_a_stray_request(head: bytes, stray: StrayRequest) -> None:
    assert parse_head(head, EXPECTED) == stray


@pytest.mark.parametrize("host", ["localhost:8080", "LOCALHOST:8080", "127.0.0.1:8080 "])
def test_each_of_our_names_will_do(host: str) -> None:
    head = GOOD.replace(b"127.0.0.1:8080", host.encode())

    assert isinstance(parse_head(head, EXPECTED), AuthorizationResponse)


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
    assert parse_pasted(pasted, EXPECTED) == AuthorizationResponse(code="4/0AbCd_e-F")


@pytest.mark.parametrize(
    ("pasted", "stray"),
    [
        ("", requests.NO_CODE_OR_ERROR),
        ("4/0AbCd_e-F", requests.NO_CODE_OR_ERROR),
        ("http://127.0.0.1:8080/", requests.NO_CODE_OR_ERROR),
        ("http://[::1/?state=the-state&code=1", requests.NO_CODE_OR_ERROR),
        ("https://accounts.google.com/o/oauth2/v2/auth?client_id=x&scope=y", requests.NO_CODE_OR_ERROR),
        ("?state=other&code=4/0A", requests.WRONG_STATE),
        ("?state=the-state&code=4/0A&iss=https://evil.example", requests.WRONG_ISSUER),
    ],
)
def test_any_other_pasted_text_is_a_stray_request(pasted: str, stray: StrayRequest) -> None:
    assert parse_pasted(pasted, EXPECTED) == stray


@given(st.binary(max_size=200))
def test_no_bytes_are_the_answer_but_the_answer(noise: bytes) -> None:
    for head in (noise, GOOD[: len(noise)] + noise):
        if b"state=the-state" not in head:
            assert isinstance(parse_head(head, EXPECTED), StrayRequest)


@given(st.text("state=code&?#/:[]%01f \u2028'\"\udc80", max_size=60))
def test_no_pasted_text_breaks_the_judging(text: str) -> None:
    assert isinstance(parse_pasted(text, EXPECTED), StrayRequest)


def test_an_endpoint_of_googles_answers_in_googles_name_only() -> None:
    assert accepted_issuers("https://accounts.google.com/o/oauth2/v2/auth") == {"https://accounts.google.com"}


def test_an_endpoint_elsewhere_may_answer_in_its_own_name() -> None:
    issuers = accepted_issuers("http://127.0.0.1:8080/o/oauth2/v2/auth")

    assert issuers == {"https://accounts.google.com", "http://127.0.0.1:8080"}
    expected = EXPECTED._replace(issuers=issuers)
    query = "state=the-state&code=4%2F0A&iss="
    assert parse_redirect(f"{query}http%3A%2F%2F127.0.0.1%3A8080", expected) == AuthorizationResponse(
        code="4/0A"
    )
    assert isinstance(parse_redirect(f"{query}http%3A%2F%2F127.0.0.1%3A9090", expected), StrayRequest)
