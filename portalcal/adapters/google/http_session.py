"""Restrict a `requests` session: which hosts it may connect to, and how large and slow a response may be.

Every session that talks to Google is guarded, google-auth-oauthlib's too. A URL is parsed by `core.endpoint`, and
urllib3 must see the same host in it; loopback is contacted directly, never through a proxy; redirects are not followed,
since they would send a token, a code or the client secret to another host.

A response is read completely within `ResponseBounds`, or not at all. The largest real one is a page of 2,500 events:
2 MB, 300 kB compressed, 150,000 JSON values, 7 levels deep.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.util

from portalcal.adapters import network_environment
from portalcal.adapters.google.early_connection import EarlyConnection
from portalcal.adapters.tls import bundle_in_use, client_context
from portalcal.core.endpoint import Address, read_endpoint


class ResponseBounds(NamedTuple):
    """The limits of one response. Those of its JSON limit the memory that parsing takes."""

    seconds: float = 40.0  # in total, from the end of the request: a page of 300 kB at 8 kB/s
    wire_bytes: int = 16 * 2**20  # as transferred
    decoded_bytes: int = 32 * 2**20  # after decompression
    values: int = 2_000_000  # JSON values
    depth: int = 64  # nesting of JSON
    digits: int = 100  # of one number; Python refuses to parse integers of more than 4,300


class ResponseOutOfBounds(OSError):
    """A response exceeds the bounds and was not read to its end. The message completes "its answer …"."""


class EnvironmentOnce(requests.Session):
    """A session that reads proxies and the CA bundle from the environment once for each server, not for each request.

    `requests` goes through the whole environment twice for every request: 0.3 ms with 35 variables (measured).
    """

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[tuple[str, str], Any] = {}

    def merge_environment_settings(self, url: Any, *arguments: Any) -> Any:
        """The settings of a request, none of which its caller sets."""
        parts = urlsplit(url)
        server = (parts.scheme, parts.netloc)
        if server not in self._settings:
            self._settings[server] = super().merge_environment_settings(url, *arguments)
        return self._settings[server]


def guard_session(
    session: requests.Session,
    *,
    pool_size: int = 1,
    bounds: ResponseBounds = ResponseBounds(),  # noqa: B008 - a tuple
    environ: Mapping[str, str] = os.environ,
    early: EarlyConnection | None = None,
) -> None:
    """Apply the restrictions to a session.

    `pool_size`: connections kept open to one server. `early`: a connection that was begun already, to be used if it is
    to the right server.
    """
    adapter = _GuardedAdapter(bounds, environ, early=early, pool_maxsize=pool_size)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    # The one coding that is decompressed here, within bounds; requests would offer every coding it has a library for.
    session.headers["Accept-Encoding"] = "gzip"


class _GuardedAdapter(requests.adapters.HTTPAdapter):
    def __init__(
        self,
        bounds: ResponseBounds,
        environ: Mapping[str, str],
        *,
        early: EarlyConnection | None,
        pool_maxsize: int,
    ) -> None:
        self._bounds = bounds
        self._environ = environ
        self._early = early
        self._is_bundle_checked = False
        super().__init__(pool_maxsize=pool_maxsize)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._bounds, self._early)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        # A proxy that is spoken to over TLS is trusted like a server.
        if proxy.lower().startswith("https:"):
            kwargs["proxy_ssl_context"] = client_context(bundle_in_use(self._environ))
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._bounds, None)
        return manager

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """Where to connect, and with which TLS context: the shared one of the bundle in place of one a connection."""
        host, tls = super().build_connection_pool_key_attributes(*args, **kwargs)
        if host["scheme"] == "https":
            bundle = tls.pop("ca_certs", None) or tls.pop("ca_cert_dir", None) or bundle_in_use({})
            tls["ssl_context"] = client_context(bundle)
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:  # noqa: FBT001
        """Have the certificate verified, by a context that has read the bundle already."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        conn.ca_certs = conn.ca_cert_dir = None

    def send(  # noqa: PLR0917 - the signature is that of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - every response is read completely, here
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request to a URL that is unambiguous, and read the response within bounds.

        Raises:
            InvalidURL: the URL is not valid, or ambiguous.
            EnvironmentInvalid: an environment variable names a proxy or CA bundle that cannot be used.
            ResponseOutOfBounds: the response exceeds the bounds, or does not match its content coding.
        """
        address = _unambiguous(request.url or "")
        used_proxies = {} if address.is_loopback else proxies
        self._check_environment(address, verify=verify, proxies=used_proxies)
        response = super().send(
            request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=used_proxies
        )
        try:
            body = _read_body(response.raw, self._bounds)
        finally:
            # A response that was read to its end has already returned its connection to the pool.
            response.raw.close()
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        # requests parses this header even with `allow_redirects=False`.
        response.headers.pop("location", None)
        return response

    def _check_environment(
        self, address: Address, *, verify: bool | str, proxies: Mapping[str, str] | None
    ) -> None:
        if requests.utils.select_proxy(address.url, dict(proxies or {})):
            network_environment.check_proxy(self._environ)
        if isinstance(verify, str) and address.scheme == "https" and not self._is_bundle_checked:
            network_environment.check_bundle(self._environ)
            self._is_bundle_checked = True


def _unambiguous(url: str) -> Address:
    """Parse a URL as portalcal and as urllib3, which connects, and require the same scheme, host and port.

    Raises:
        InvalidURL: it is not valid, or the parsers disagree.
    """
    try:
        address, by_urllib3 = read_endpoint(url), urllib3.util.parse_url(url)
    except ValueError as error:
        raise requests.exceptions.InvalidURL(str(error)) from error
    host = (by_urllib3.host or "").strip("[]")
    if (by_urllib3.scheme, host, by_urllib3.port) != (address.scheme, address.host, address.port):
        raise requests.exceptions.InvalidURL("two hosts can be read in it")
    return address


class _BoundedStream(io.RawIOBase):
    """The bytes of one response, head and body, limited in time and number.

    A socket's timeout applies to each read: a server that sends one byte a second never exceeds it.
    """

    def __init__(self, sock: socket.socket, bounds: ResponseBounds, monotonic: Callable[[], float]) -> None:
        self._socket = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._socket_timeout = sock.gettimeout()
        self._left = bounds.wire_bytes
        self._bounds = bounds
        self._monotonic = monotonic
        self._ends_at = monotonic() + bounds.seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._ends_at - self._monotonic()
        if remaining <= 0:
            raise self._too_slow()
        if self._left <= 0:
            raise ResponseOutOfBounds(f"has more than {self._bounds.wire_bytes / 2**20:g} MiB")
        is_last = self._socket_timeout is None or remaining < self._socket_timeout
        self._socket.settimeout(remaining if is_last else self._socket_timeout)
        try:
            count = self._stream.readinto(memoryview(buffer)[: self._left])
        except TimeoutError as error:
            raise (self._too_slow() if is_last else error) from None
        finally:
            # Restore the timeout for the next request over this connection.
            if is_last:
                self._socket.settimeout(self._socket_timeout)
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _too_slow(self) -> ResponseOutOfBounds:
        return ResponseOutOfBounds(f"was not complete within {self._bounds.seconds:g} s")


def _pools(
    bounds: ResponseBounds, early: EarlyConnection | None
) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Classes of connection pools whose responses are bounded in time and bytes, and one of which uses `early`."""

    class BoundedResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            unbounded, self.fp = self.fp, io.BufferedReader(_BoundedStream(sock, bounds, time.monotonic))
            unbounded.close()

    class BoundedConnection(urllib3.connection.HTTPConnection):
        response_class = BoundedResponse

    class BoundedTlsConnection(urllib3.connection.HTTPSConnection):
        response_class = BoundedResponse

        def connect(self) -> None:
            sock = early.take(self.host, self.port, self.ssl_context) if early else None
            if sock is None:
                super().connect()
            else:
                # Its context has verified certificate and host name.
                self.sock, self.is_verified = sock, True

    class BoundedPool(urllib3.HTTPConnectionPool):
        ConnectionCls = BoundedConnection

    class BoundedTlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = BoundedTlsConnection

    return {"http": BoundedPool, "https": BoundedTlsPool}


_CHUNK_BYTES = 2**16
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def _read_body(raw: urllib3.BaseHTTPResponse, bounds: ResponseBounds) -> bytes:
    """The decompressed body of a response.

    Raises:
        ResponseOutOfBounds: it exceeds the bounds, or has a content coding that was not offered.
        urllib3.exceptions.HTTPError: the connection broke off.
    """
    coding = raw.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", *_CODINGS}:
        # Nested codings ("gzip, gzip") turn a kilobyte into gigabytes.
        raise ResponseOutOfBounds("cannot be decoded")
    chunks = raw.stream(_CHUNK_BYTES, decode_content=False)
    body = _decompress(chunks, bounds) if coding in _CODINGS else b"".join(chunks)
    # Skip a byte order mark, NUL (UTF-16, UTF-32) and white space, as `json.loads` detects those encodings.
    if body[:64].translate(None, b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] in {b"{", b"["}:
        _check_json(body, bounds)
    return body


def _decompress(chunks: Any, bounds: ResponseBounds) -> bytes:
    """Decompress one gzip or zlib stream, or several in a row (RFC 1952 section 2.2)."""
    decoded, left = [], bounds.decoded_bytes
    decompressor, is_empty = _decompressor(), True
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if decompressor.eof:
                    decompressor = _decompressor()
                decoded.append(decompressor.decompress(rest, left + 1))
                is_empty, left = False, left - len(decoded[-1])
                if left < 0:
                    raise ResponseOutOfBounds(f"has more than {bounds.decoded_bytes / 2**20:g} MiB")
                rest = decompressor.unused_data or decompressor.unconsumed_tail
    except zlib.error as error:
        raise ResponseOutOfBounds("cannot be decoded") from error
    if not decompressor.eof and not is_empty:
        raise ResponseOutOfBounds("ends before it is complete")
    return b"".join(decoded)


def _decompressor() -> Any:
    # 32: detect a gzip or a zlib header.
    return zlib.decompressobj(32 + zlib.MAX_WBITS)


def _check_json(body: bytes, bounds: ResponseBounds) -> None:
    """Reject JSON whose parsing would raise RecursionError, meet a number too long, or take much memory."""
    without_strings = _JSON_STRING.sub(b"", body)
    if sum(without_strings.count(mark) for mark in (b",", b"[", b"{")) > bounds.values:
        raise ResponseOutOfBounds(f"has more than {bounds.values:,} values")
    if re.search(rb"[0-9]{%d}" % (bounds.digits + 1), without_strings):
        raise ResponseOutOfBounds(f"has a number of more than {bounds.digits} digits")
    depth = 0
    for bracket in _BRACKET.finditer(without_strings):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > bounds.depth:
            raise ResponseOutOfBounds(f"is nested more than {bounds.depth} deep")
