"""The HTTP object google-api-python-client works with: httplib2's interface over our wire, with the bearer token.

httplib2 itself bypasses an https proxy silently where PySocks is missing, shares nothing between threads, and sends a
POST a second time after a dropped connection without telling.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus

import httplib2
import requests

from portalcal import __version__
from portalcal.adapters.google_refusals import Refused, phrase, read_refusal
from portalcal.adapters.google_tokens import GrantTokens, Tokens
from portalcal.adapters.google_wire import Answer, Authorize, Call, Wire

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# After a lost answer to DELETE the second one meets 410, which is as good.
_REPEATABLE = _SAFE | {"DELETE"}


class GoogleHttp:
    """Sends what googleapiclient asks for, as the connected account. Safe to share between threads.

    A token that Google refuses is renewed once. `for_reading` is the same object for requests that read although
    they are POST: a query to freeBusy may be sent again, an insert whose answer was lost may not.
    """

    def __init__(
        self, tokens: Tokens | GrantTokens, *, wire: Wire | None = None, reads: bool = False
    ) -> None:
        self._tokens = tokens
        self._wire = wire or Wire()
        self._reads = reads

    @cached_property
    def for_reading(self) -> GoogleHttp:
        """The same connections, for requests that change nothing whatever their method."""
        return GoogleHttp(self._tokens, wire=self._wire, reads=True)

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()
        self._tokens.close()

    def request(  # noqa: PLR0917 - the signature is httplib2's
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002 - redirects are never followed
        connection_type: object = None,  # noqa: ARG002 - connections are the wire's business
    ) -> tuple[httplib2.Response, bytes]:
        """Exchange one request.

        Raises:
            Refused: the status is 300 or more.
            GoogleUnreachable, GoogleBusy: as `Wire.send`.
            PortalcalError: no token could be had; see `Tokens.renew`.
        """
        call = self._call(uri, method, body=body, headers=headers or {})
        token = self._tokens.token()
        answer = self._wire.send(call, authorize=_bearer(token))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = self._wire.send(call, authorize=_bearer(self._tokens.renew(token)))
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(read_refusal(answer.status, answer.content))
        return _as_httplib2(answer), answer.content

    def _call(self, uri: str, method: str, *, body: str | bytes | None, headers: Mapping[str, str]) -> Call:
        # The library sends a GET with a very long address as a POST.
        meant = headers.get("x-http-method-override", method)
        # requests counts the length itself.
        kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        return Call(
            method,
            uri,
            body.encode() if isinstance(body, str) else body,
            kept | {"user-agent": f"portalcal/{__version__} (gzip)"},
            writes=meant not in _SAFE and not self._reads,
            repeats=meant in _REPEATABLE or self._reads,
        )


def _bearer(token: str) -> Authorize:
    """Puts the token on the request as the last step, so that nothing that handles the call ever holds it."""

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


def _as_httplib2(answer: Answer) -> httplib2.Response:
    response = httplib2.Response({**answer.headers, "status": str(answer.status)})
    response.reason = phrase(answer.status)
    return response
