"""One simulated Google, put together: what it remembers, how it misbehaves, and the server in front of it."""

import ssl
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from portalcal.simulator import api, conferences, handover, scopes
from portalcal.simulator.answering import Answering
from portalcal.simulator.authorize import MODES, Authorization
from portalcal.simulator.clock import Clock
from portalcal.simulator.faults import Faults
from portalcal.simulator.grants import AccessToken, Client, Grant, Grants
from portalcal.simulator.http import Delivery, Server
from portalcal.simulator.journal import Exchange, Journal
from portalcal.simulator.service_accounts import ServiceAccount
from portalcal.simulator.wire import Request
from portalcal.simulator.world import World

_ALL_SCOPES = ("calendar",)


class Simulator(World):
    """A small Google on 127.0.0.1, for as long as the `with` lasts.

    `consent` says what the person in front of the browser does (see `authorize.MODES`), `latency` is seconds added to
    every answer, `faults` are texts of the fault language, `now` an aware instant at which its clock stands still.

    Raises:
        ValueError: a fault, a zone or a consent mode is not known; the message says what was expected.
    """

    # Called with every simulator that starts: a test suite attaches its verifier to all of them here.
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
        super().__init__(Clock(now), owner=owner, timezone=timezone)
        self.grants = Grants(self.clock)
        self.client: Client = self.grants.add_client()
        self.oauth = Authorization(self.model, self.grants, owner=owner, consent="auto")
        self.consent = consent
        self.faults = Faults(latency=latency, seed=seed)
        for text in faults:
            self.faults.add(text)
        self.journal = Journal()
        self.answering = Answering(
            self.model,
            self.grants,
            authorization=self.oauth,
            faults=self.faults,
            journal=self.journal,
            project=self.client.project,
        )
        self._server = Server(
            self._deliver,
            self.clock.now,
            report=self.journal.troubles.append,
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
        """Stop serving; trouble inside the simulator or an observer is raised here, unless something worse is."""
        self.stop()
        if error is None and self.journal.troubles:
            raise self.journal.troubles[0]

    def start(self) -> Self:
        """Serve in the background."""
        for attach in self.on_start:
            attach(self)
        self._server.start()
        return self

    def serve_forever(self) -> None:
        """Serve on this thread until `stop` is called from another, or Ctrl-C."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Stop serving and hang up on everybody, within a fraction of a second."""
        self._server.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def api_root(self) -> str:
        """The Calendar API's address, as `client_options={"api_endpoint": ...}` wants it."""
        return f"{self.url}{api.ROOT}"

    @property
    def revoke_uri(self) -> str:
        """Where grants are revoked."""
        return f"{self.url}/revoke"

    def client_config(self, client: Client | None = None) -> dict[str, Any]:
        """Return what Google lets one download for a Desktop client, pointing here."""
        return handover.client_config(client or self.client, self.url)

    def write_files(self, directory: Path | str) -> Path:
        """Write `config.toml` and `client_secret.json` into a directory, and return the config's path."""
        return handover.write_files(
            Path(directory), self.client_config(), timezone=self.owner.timezone, url=self.url
        )

    @property
    def consent(self) -> str:
        """What the person in front of the browser does."""
        return self.oauth.consent

    @consent.setter
    def consent(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"consent is one of {', '.join(MODES)}, not {mode!r}")
        self.oauth.consent = mode

    def issue_token(
        self, scopes: Iterable[str] = _ALL_SCOPES, *, user: str | None = None, client: Client | None = None
    ) -> "Issued":
        """Make a grant without a browser and return its tokens; scopes may be short names."""
        with self.model.lock:
            granted = tuple(_full(scopes))
            grant = self.grants.open(client or self.client, user or self.owner.email, scopes=granted)
            return Issued(self.grants.issue_access(grant))

    def add_service_account(
        self, email: str, *, modulus: int, exponent: int, delegated: Iterable[str] = ()
    ) -> ServiceAccount:
        """Believe what the RSA key of that public half signs, and let it act for everybody with these scopes."""
        number = str(10**20 + len(self.answering.tokens.service_accounts))
        account = ServiceAccount(
            email,
            Client(number, "", self.client.project, email),
            modulus=modulus,
            exponent=exponent,
            delegated=tuple(_full(delegated)),
        )
        with self.model.lock:
            self.answering.tokens.service_accounts[email] = account
        return account

    def secrets(self) -> set[str]:
        """Return every token, code and client secret ever issued, for tests that look for leaks."""
        with self.model.lock:
            return self.grants.secrets()

    @property
    def requests(self) -> list[Exchange]:
        """The exchanges since the start or the last `forget_requests`, oldest first."""
        return self.journal.last()

    def count(self, operation: str | None = None) -> int:
        """Return how many requests of an operation there were."""
        return self.journal.count(operation)

    def forget_requests(self) -> None:
        """Start counting from nothing."""
        self.journal.forget()

    def observe(self, observer: Callable[[Exchange], None]) -> None:
        """Call `observer` with every exchange, headers and bodies included, before its answer is sent."""
        self.journal.observe(observer)

    @property
    def conference(self) -> str:
        """What a new conference request gets: "pending" (ready the next time it is read), "success" or "failure"."""
        return self.answering.conference

    @conference.setter
    def conference(self, outcome: str) -> None:
        if outcome not in conferences.OUTCOMES:
            raise ValueError(
                f"a conference request is one of {', '.join(conferences.OUTCOMES)}, not {outcome!r}"
            )
        self.answering.conference = outcome

    def _deliver(self, request: Request) -> Delivery:
        return self.answering.deliver(request, self._server.stopping.wait)


class Issued(str):
    """An access token that also knows its refresh token and its grant: usable wherever a text is."""

    __slots__ = ("grant", "refresh_token")
    grant: Grant
    refresh_token: str

    def __new__(cls, token: AccessToken) -> Self:
        """Make it of a token."""
        issued = super().__new__(cls, token.value)
        issued.refresh_token = token.grant.refresh_token
        issued.grant = token.grant
        return issued


def _full(names: Iterable[str]) -> Iterable[str]:
    return (scopes.full(name) for name in names)
