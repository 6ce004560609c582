"""The simulator: its state, faults, router and HTTP server assembled, with the Python API that tests use."""

import ssl
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from portalcal.simulator import client_config
from portalcal.simulator.calendar import api, conferences
from portalcal.simulator.calendar.fixtures import Fixtures
from portalcal.simulator.calendar.replies import Answering, Habit, Replies
from portalcal.simulator.clock import SimulatedClock
from portalcal.simulator.faults.faults import Faults
from portalcal.simulator.http.messages import HttpRequest
from portalcal.simulator.http.request_log import LoggedExchange, RequestLog
from portalcal.simulator.http.router import Router
from portalcal.simulator.http.server import ResponseDelivery, Server
from portalcal.simulator.oauth import scopes
from portalcal.simulator.oauth.authorize import CONSENT_MODES, Authorization
from portalcal.simulator.oauth.grants import Client, Grants, StoredAccessToken, StoredGrant
from portalcal.simulator.oauth.service_accounts import RegisteredServiceAccount
from portalcal.simulator.world import World, config_tables, settle_in

_ALL_SCOPES = ("calendar",)


class Simulator(Fixtures):
    """A simulated Google on 127.0.0.1; a context manager that starts and stops the server.

    `consent` is a key of `CONSENT_MODES`, `latency` seconds added to every response, `faults` are lines in the syntax
    of `faults.faults`, `now` freezes the clock at an aware instant.

    Raises:
        ValueError: an unknown fault, zone or consent mode; the message names what is accepted.
    """

    # Called with every simulator on start, so that a test suite can attach a verifier to all of them.
    on_start: ClassVar[list[Callable[["Simulator"], None]]] = []

    def __init__(
        self,
        port: int = 0,
        *,
        consent: str = "auto",
        owner: str = "ana@example.com",
        timezone: str = "Europe/London",
        latency: float = 0.0,
        faults: Iterable[str] = (),
        now: datetime | None = None,
        ssl_context: ssl.SSLContext | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(SimulatedClock(now), owner=owner, timezone=timezone)
        self.replies = Replies(self.model)
        self.grants = Grants(self.clock)
        self.client: Client = self.grants.add_client()
        self.oauth = Authorization(self.model, self.grants, owner=owner, consent="auto")
        self.consent = consent
        self.faults = Faults(latency=latency, seed=seed)
        for text in faults:
            self.faults.add(text)
        self.request_log = RequestLog()
        self.router = Router(
            self.model,
            self.grants,
            authorization=self.oauth,
            faults=self.faults,
            request_log=self.request_log,
            project=self.client.project,
            settle=self.replies.settle,
        )
        self._server = Server(
            self._deliver,
            self.clock.now,
            report=self.request_log.internal_errors.append,
            port=port,
            ssl_context=ssl_context,
        )
        self._scheme = "https" if ssl_context else "http"

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving, and raise the first internal or observer error unless the block raised one itself."""
        self.stop()
        if error is None and self.request_log.internal_errors:
            raise self.request_log.internal_errors[0]

    def start(self) -> Self:
        """Serve on a background thread."""
        for attach in self.on_start:
            attach(self)
        self._server.start()
        return self

    def serve_forever(self) -> None:
        """Serve on this thread until `stop` is called from another, or Ctrl-C."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Stop serving and close every connection, within a fraction of a second."""
        self._server.stop()

    @property
    def port(self) -> int:
        """The TCP port of the server."""
        return self._server.port

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def api_root(self) -> str:
        """The Calendar API's root URL, as `client_options={"api_endpoint": ...}` wants it."""
        return f"{self.url}{api.ROOT}"

    @property
    def revoke_uri(self) -> str:
        """The URL of the revocation endpoint."""
        return f"{self.url}/revoke"

    def client_config(self, client: Client | None = None) -> dict[str, Any]:
        """Return the client JSON of a Desktop client, as the Cloud console offers it, with this simulator's endpoints."""
        return client_config.client_config(client or self.client, self.url)

    def write_files(
        self, directory: Path | str, *, workspace: str = "default", world: World | None = None
    ) -> Path:
        """Write `config.toml` and `client_secret.json` into a directory, and return the config's path.

        With a world, the config names its people and rooms.
        """
        return client_config.write_files(
            Path(directory),
            self.client_config(),
            timezone=self.owner.timezone,
            url=self.url,
            workspace=workspace,
            more=config_tables(world) if world else "",
        )

    @property
    def consent(self) -> str:
        """The consent mode, a key of `authorize.CONSENT_MODES`."""
        return self.oauth.consent

    @consent.setter
    def consent(self, mode: str) -> None:
        if mode not in CONSENT_MODES:
            raise ValueError(f"consent is one of {', '.join(CONSENT_MODES)}, not {mode!r}")
        self.oauth.consent = mode

    def enter(self, world: World) -> None:
        """Make the people, rooms and calendars of a world; its owner must be this simulator's.

        Raises:
            ValueError: a file of events is no such file; the message names it.
            OSError: it cannot be read.
        """
        with self.model.lock:
            settle_in(world, self.model, self.replies)

    def answers(self, email: str, habit: Habit | str, *, after: timedelta = timedelta()) -> None:
        """Have an account answer every invitation from now on, or with "ignores" none."""
        with self.model.lock:
            self.replies.have(email, Answering(Habit(habit), after))

    def issue_token(
        self, scopes: Iterable[str] = _ALL_SCOPES, *, user: str | None = None, client: Client | None = None
    ) -> "IssuedToken":
        """Create a grant without a browser and return its tokens; scopes may be short names."""
        with self.model.lock:
            granted = tuple(_full(scopes))
            grant = self.grants.open(client or self.client, user or self.owner.email, scopes=granted)
            return IssuedToken(self.grants.issue_access(grant))

    def add_service_account(
        self, email: str, *, modulus: int, exponent: int, delegated: Iterable[str] = ()
    ) -> RegisteredServiceAccount:
        """Register a service account by its RSA public key, with domain-wide delegation for these scopes."""
        number = str(10**20 + len(self.router.tokens.service_accounts))
        account = RegisteredServiceAccount(
            email,
            Client(number, "", self.client.project, email),
            modulus=modulus,
            exponent=exponent,
            delegated=tuple(_full(delegated)),
        )
        with self.model.lock:
            self.router.tokens.service_accounts[email] = account
        return account

    def secrets(self) -> set[str]:
        """Return every token, code and client secret ever issued, for leak tests."""
        with self.model.lock:
            return self.grants.secrets()

    @property
    def requests(self) -> list[LoggedExchange]:
        """The exchanges since the start or the last `forget_requests`, oldest first."""
        return self.request_log.last()

    def count(self, operation: str | None = None) -> int:
        """Return the number of requests since the last `forget_requests`, of one operation or of all."""
        return self.request_log.count(operation)

    def forget_requests(self) -> None:
        """Clear the request log and its counters."""
        self.request_log.forget()

    def observe(self, observer: Callable[[LoggedExchange], None]) -> None:
        """Call `observer` with every exchange, headers and bodies included, before its response is sent."""
        self.request_log.observe(observer)

    @property
    def conference(self) -> str:
        """The outcome of a new conference request: "pending" (ready on the next read), "success" or "failure"."""
        return self.router.conference

    @conference.setter
    def conference(self, outcome: str) -> None:
        if outcome not in conferences.OUTCOMES:
            raise ValueError(
                f"a conference request is one of {', '.join(conferences.OUTCOMES)}, not {outcome!r}"
            )
        self.router.conference = outcome

    def _deliver(self, request: HttpRequest) -> ResponseDelivery:
        return self.router.deliver(request, self._server.stopping.wait)


class IssuedToken(str):
    """An access token as a `str`, with its refresh token and grant as attributes."""

    __slots__ = ("grant", "refresh_token")
    grant: StoredGrant
    refresh_token: str

    def __new__(cls, token: StoredAccessToken) -> Self:
        """Create it from a stored access token."""
        issued = super().__new__(cls, token.value)
        issued.refresh_token = token.grant.refresh_token
        issued.grant = token.grant
        return issued


def _full(names: Iterable[str]) -> Iterable[str]:
    return (scopes.full(name) for name in names)
