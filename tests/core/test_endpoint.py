"""Addresses that tokens may be sent to: one reading, which the HTTP library shares."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
import urllib3.util
from hypothesis import given, settings
from hypothesis import strategies as st

from portalcal.core.endpoint import host_of, read_address, read_endpoint
from tests import selection

REFUSED = [
    # Userinfo and what only one parser takes for it.
    r"http://127.0.0.2:8080\@127.0.0.1/",
    r"https://evil.example\@www.googleapis.com/",
    r"https://evil.example\.www.googleapis.com/",
    "https://www.googleapis.com@evil.example/",
    "https://ana:open-sesame@www.googleapis.com/",
    "http://127.0.0.2#@127.0.0.1/",
    "https://@www.googleapis.com/",
    # Blanks, controls, other letters.
    "https://www.googleapis.com /",
    " https://www.googleapis.com/",
    "https://www.goo\tgleapis.com/",
    "https://www.googleapis.com\r\nHost: evil.example/",
    "https://www.googleapis.com\n",
    "https://www.googleapis.com\x00.evil.example/",
    "https://www.googleapis.com/\x7f",
    "https://www.googleapis.com。evil.example/",
    "http://127。0。0。1/",
    "http://①27.0.0.1/",
    "https://büro.example/",
    # Ports.
    "https://www.googleapis.com:/",
    "https://www.googleapis.com:0/",
    "https://www.googleapis.com:65536/",
    "https://www.googleapis.com:99999999999/",
    "https://www.googleapis.com:-1/",
    "https://www.googleapis.com:+443/",
    "https://www.googleapis.com:443x/",
    "https://www.googleapis.com:٤٤٣/",
    # Hosts.
    "https:///calendar",
    "https://",
    "https:/www.googleapis.com/",
    "//www.googleapis.com/",
    "https://www..googleapis.com/",
    "https://www.googleapis.com./",
    "https://-/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
    "https://www%2egoogleapis.com/",
    "https://%77ww.googleapis.com/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.01/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://127.0.0.1./",
    "http://127.0.0.1.5/",
    "https://example.0x1/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]evil.example/",
    "http://[::1%25lo]/",
    "http://[127.0.0.1]/",
    # Paths and the rest.
    "https://www.googleapis.com/calendar#part",
    "https://www.googleapis.com#",
    "https://www.googleapis.com/a/../b",
    "https://www.googleapis.com/%2E%2e/b",
    "https://www.googleapis.com/%zz",
    # Plain http to where it may not go.
    "http://www.googleapis.com/",
    "http://127.0.0.2/",
    "http://127.0.0.1.example.com/",
    "http://localhost.example.com/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("text", REFUSED)
def test_an_address_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        read_endpoint(text)

    assert "open-sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url", "origin"),
    [
        ("https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com"),
        ("HTTPS://WWW.GoogleAPIs.com:443", "https://www.googleapis.com/", "https://www.googleapis.com"),
        ("https://calendar.example:8443/v3/?a=b", "https://calendar.example:8443/v3/?a=b", "https://calendar.example:8443"),
        ("https://xn--bro-hoa.example/", "https://xn--bro-hoa.example/", "https://xn--bro-hoa.example"),
        ("http://127.0.0.1:80/", "http://127.0.0.1/", "http://127.0.0.1"),
        ("http://LocalHost:8080/x", "http://localhost:8080/x", "http://localhost:8080"),
        ("http://[0:0:0:0:0:0:0:1]:9/", "http://[::1]:9/", "http://[::1]:9"),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]/", "https://[2001:db8::1]"),
        ("https://10.0.0.7/", "https://10.0.0.7/", "https://10.0.0.7"),
    ],
)  # fmt: skip
def test_what_is_accepted_has_one_normal_form(text: str, url: str, origin: str) -> None:
    address = read_endpoint(text)

    assert (address.url, address.origin) == (url, origin)
    assert read_endpoint(address.url) == address


@pytest.mark.parametrize(
    ("host", "is_loopback", "may_use_http"),
    [
        ("127.0.0.1", True, True),
        ("localhost", True, True),
        ("[::1]", True, True),
        ("127.0.0.2", True, False),
        ("[::ffff:127.0.0.1]", False, False),
        ("128.0.0.1", False, False),
        ("localhost.example.com", False, False),
    ],
)
def test_loopback_is_what_leads_to_this_machine(host: str, *, is_loopback: bool, may_use_http: bool) -> None:
    address = read_address(f"https://{host}/")

    assert (address.is_loopback, address.may_use_http) == (is_loopback, may_use_http)


def test_an_address_that_is_none_is_nobodys() -> None:
    assert host_of("https://www.googleapis.com/x") == "www.googleapis.com"
    assert host_of(r"https://evil.example\@www.googleapis.com/") == "an address that cannot be used"


_SCHEMES = st.sampled_from(["https://", "http://", "HTTPS://", "http:", "https:/", "//", ""])
_HOSTS = st.one_of(
    st.sampled_from(
        [
            "127.0.0.1",
            "127.0.0.2",
            "localhost",
            "[::1]",
            "www.googleapis.com",
            "evil.example",
            "127.1",
            "0x7f.1",
        ]
    ),
    st.builds(IPv4Address, st.integers(0, 2**32 - 1)).map(str),
    st.builds(IPv6Address, st.integers(0, 2**128 - 1)).map(lambda each: f"[{each.exploded.upper()}]"),
    st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True),
    st.text(max_size=12),
)
_SEPARATORS = st.sampled_from(
    ["@", "\\@", "\\", ":@", "#@", "?@", "/@", ";", "%40", "%5c", "\t", " ", "\x00", ".", "。", ""]
)
_PORTS = st.one_of(
    st.just(""), st.integers(-1, 70000).map(lambda each: f":{each}"), st.sampled_from([":", ":08", ":８０"])
)
_TAILS = st.one_of(
    st.sampled_from(["", "/", "/token", "?a=b", "#", "/a/../b", "/%2e%2e", "\\", "//", "/a b"]),
    st.text(max_size=8),
)
ADDRESSES = st.builds(
    lambda *parts: "".join(parts), _SCHEMES, st.one_of(st.just(""), _HOSTS), _PORTS, _SEPARATORS, _HOSTS, _PORTS, _TAILS
)  # fmt: skip


@settings(max_examples=selection.examples(1000))
@given(ADDRESSES)
def test_what_is_accepted_leads_where_the_http_library_goes(text: str) -> None:
    try:
        address = read_endpoint(text)
    except ValueError:
        return

    for url in (text, address.url):
        theirs = urllib3.util.parse_url(url)
        assert (theirs.host or "").strip("[]") in {address.host, *_spelt_out(address.host)}
        assert theirs.auth is None
        assert theirs.port in {address.port, {"https": 443, "http": 80}[address.scheme]}
    assert urllib3.util.parse_url(address.url).host == address.origin.partition("//")[2].removesuffix(
        f":{address.port}"
    )


def _spelt_out(host: str) -> tuple[str, ...]:
    """The long form of an IPv6 address, which is compressed before it is connected to."""
    return (IPv6Address(host).exploded,) if ":" in host else ()
