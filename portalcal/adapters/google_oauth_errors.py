"""oauthlib's exceptions, which only `connect` can meet, turned into ours. The rest is `google_errors`' business.

The exchange reads Google's refusals itself before oauthlib sees them (`google_oauth`), so what arrives here is
what oauthlib finds wrong on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from oauthlib.oauth2.rfc6749 import errors as oauthlib_errors  # type: ignore[import-untyped]

from portalcal.adapters import google_unreachable
from portalcal.adapters.google_errors import FOREIGN, Asked, explain
from portalcal.adapters.google_refusals import Refusal, clean
from portalcal.adapters.google_token_endpoint import exchange_refused
from portalcal.errors import ClientInvalid, PortalcalError
from portalcal.ports import EventIdTaken

# An answer that is no token and no refusal either.
_NO_ANSWER = (oauthlib_errors.MissingTokenError, oauthlib_errors.MissingTokenTypeError)


@contextmanager
def consent_translated(*, host: str) -> Iterator[None]:
    """Whatever the libraries raise while consent is asked for and its code exchanged, as an error of ours.

    oauthlib reports a changed scope as a builtin Warning; it is kept from looking (see `google_oauth`).

    Raises:
        ConsentDenied, ClientRejected, ClientInvalid, GoogleUnreachable, GoogleBusy.
    """
    try:
        yield
    except (oauthlib_errors.OAuth2Error, *FOREIGN) as error:
        raise explain_consent(error, host=host) from error


def explain_consent(error: Exception, *, host: str) -> PortalcalError | Exception:
    """What a foreign exception on the way to a grant means."""
    match error:
        case oauthlib_errors.InsecureTransportError():
            return ClientInvalid("the OAuth client file", "an http:// address", expected="https://…")
        case oauthlib_errors.OAuth2Error() if isinstance(error, _NO_ANSWER):
            return google_unreachable.not_google(host, found="an answer without a token")
        case oauthlib_errors.OAuth2Error():
            words = clean(error.description or error.error or "unknown")
            return exchange_refused(Refusal(error.status_code, (str(error.error),), words), host=host)
        case _:
            told = explain(error, Asked(host))
            return google_unreachable.not_google(host) if isinstance(told, EventIdTaken) else told
