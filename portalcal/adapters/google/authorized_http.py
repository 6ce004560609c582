"""The HTTP object for google-api-python-client: httplib2's interface over `HttpClient`, with the bearer token.

httplib2 itself is not used: it bypasses an https proxy silently where PySocks is missing, its connections cannot be
shared between threads, and it silently repeats a POST after a dropped connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus

import httplib2
import requests

from portalcal import __version__
from portalcal.adapters.google.api_errors import ApiError, phrase, read_api_error
from portalcal.adapters.google.http_client import Authorize, HttpClient, Request, Response
from portalcal.adapters.google.tokens import AccessTokens, GrantAccessTokens

# RFC 9110 sections 9.2.1 and 9.2.2. A DELETE repeated after a lost response gets 410, which counts as success.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT_METHODS = _SAFE_METHODS | {"DELETE"}


class AuthorizedHttp:
    """Sends googleapiclient's requests with the connected account's access token. Thread-safe.

    An access token that Google rejects (401) is renewed once. `for_reading` is for requests that only read although
    their method is POST: a freeBusy query may be retried, an insert whose response was lost may not.
    """

    def __init__(
        self,
        tokens: AccessTokens | GrantAccessTokens,
        *,
        http_client: HttpClient | None = None,
        reads: bool = False,
    ) -> None:
        self._tokens = tokens
        self._http_client = http_client or HttpClient()
        self._reads = reads

    @cached_property
    def for_reading(self) -> AuthorizedHttp:
        """The same connections, for requests that change nothing, whatever their method."""
        return AuthorizedHttp(self._tokens, http_client=self._http_client, reads=True)

    def close(self) -> None:
        """Close the connections."""
        self._http_client.close()
        self._tokens.close()

    def request(  # noqa: PLR0917 - the signature is httplib2's
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002 - redirects are never followed
        connection_type: object = None,  # noqa: ARG002 - HttpClient manages connections
    ) -> tuple[httplib2.Response, bytes]:
        """Send one request and return its response.

        Raises:
            ApiError: the status is 300 or above.
            GoogleUnreachable, GoogleBusy: see `HttpClient.send`.
            PortalcalError: there is no access token; see `AccessTokens.renew`.
        """
        request = self._request(uri, method, body=body, headers=headers or {})
        token = self._tokens.token()
        response = self._http_client.send(request, authorize=_bearer(token))
        if response.status == HTTPStatus.UNAUTHORIZED:
            response = self._http_client.send(request, authorize=_bearer(self._tokens.renew(token)))
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise ApiError(read_api_error(response.status, response.content), is_repeat=response.is_repeat)
        return _as_httplib2(response), response.content

    def _request(
        self, uri: str, method: str, *, body: str | bytes | None, headers: Mapping[str, str]
    ) -> Request:
        # The library sends a GET with a very long URL as a POST.
        real_method = headers.get("x-http-method-override", method)
        # requests computes Content-Length itself.
        kept_headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        return Request(
            method,
            uri,
            body.encode() if isinstance(body, str) else body,
            kept_headers | {"user-agent": f"portalcal/{__version__} (gzip)"},
            writes=real_method not in _SAFE_METHODS and not self._reads,
            is_idempotent=real_method in _IDEMPOTENT_METHODS or self._reads,
        )


def _bearer(token: str) -> Authorize:
    """Add the token as the last step before sending, so that no `Request` that could be logged contains it."""

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


def _as_httplib2(response: Response) -> httplib2.Response:
    httplib2_response = httplib2.Response({**response.headers, "status": str(response.status)})
    httplib2_response.reason = phrase(response.status)
    return httplib2_response
