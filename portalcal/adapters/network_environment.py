"""Validate the environment variables for proxies and CA bundles.

`requests` reads them itself, lower case first. They are checked here before a request is sent, so that an error can
name the variable. Must not import requests: `status --offline` checks them too.
"""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Mapping
from typing import NamedTuple

from portalcal.adapters.tls import BUNDLE_VARIABLES, client_context
from portalcal.core.endpoint import read_authority
from portalcal.errors import EnvironmentInvalid

_PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_NO_PROXY_VARIABLES = ("no_proxy", "NO_PROXY")
_SCHEMES = ("http", "https")
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
_EXPECTED_PROXY = "expected an address like http://proxy.example:3128"


class Variable(NamedTuple):
    """An environment variable that is set."""

    name: str
    value: str


def proxy_variable(environ: Mapping[str, str]) -> Variable | None:
    """The variable that sets the proxy for https."""
    return _first(environ, _PROXY_VARIABLES)


def proxy_shown(environ: Mapping[str, str]) -> str | None:
    """The proxy for https as `host:port`, without credentials. NO_PROXY is ignored."""
    variable = proxy_variable(environ)
    return variable.value.rpartition("@")[2].rpartition("//")[2].strip("/") if variable else None


def check_proxy(environ: Mapping[str, str]) -> None:
    """Check that the proxy for https and the NO_PROXY list are valid.

    Raises:
        EnvironmentInvalid: one of them is not; names the variable.
    """
    if proxy := proxy_variable(environ):
        try:
            _check_proxy(proxy.value)
        except ValueError as error:
            shown = re.sub(r".*@", "…@", proxy.value, flags=re.DOTALL)
            raise EnvironmentInvalid(proxy.name, shown, str(error)) from None
        no_proxy = _first(environ, _NO_PROXY_VARIABLES)
        if no_proxy and not all(map(_is_host, no_proxy.value.split(","))):
            expected = "expected hosts with commas between them, like localhost,.example.com"
            raise EnvironmentInvalid(no_proxy.name, no_proxy.value, expected)


def check_bundle(environ: Mapping[str, str]) -> None:
    """Check that the CA bundle can be read.

    Raises:
        EnvironmentInvalid: there is no such file or folder, or the file has no certificate.
    """
    bundle = _first(environ, BUNDLE_VARIABLES)
    if bundle is None:
        return
    try:
        client_context(bundle.value)
    except (OSError, ValueError) as error:
        has_no_certificate = isinstance(error, ssl.SSLError)
        why = (
            "there is none in it"
            if has_no_certificate
            else (getattr(error, "strerror", None) or "no such file").lower()
        )
        raise EnvironmentInvalid(
            bundle.name, bundle.value, f"expected a file of certificates ({why})"
        ) from None


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> Variable | None:
    return next((Variable(name, environ[name]) for name in names if environ.get(name)), None)


def _check_proxy(text: str) -> None:
    scheme, has_scheme, rest = text.rpartition("://") if "://" in text else ("http", "", text)
    if not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text):
        raise ValueError(_EXPECTED_PROXY)
    if scheme.lower() in _SOCKS and importlib.util.find_spec("socks") is None:
        raise ValueError(
            "a SOCKS proxy needs `pip install pysocks`; expected one like http://proxy.example:3128"
        )
    if scheme.lower() not in (*_SCHEMES, *_SOCKS):
        raise ValueError(_EXPECTED_PROXY)
    place = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
    try:
        _, port = read_authority(place)
    except ValueError as error:
        raise ValueError(f"{_EXPECTED_PROXY}, {str(error).removeprefix('expected ')}") from None
    # A host without scheme and port is more likely a mistake than a proxy on port 80.
    if port is None and not has_scheme:
        raise ValueError(_EXPECTED_PROXY)


def _is_host(text: str) -> bool:
    return not re.search(r"[\x00-\x20\x7f\ud800-\udfff\\]|://", text.strip())
