"""One machine and one Google on which a fault strikes: nobody sleeps between tries, and all is looked at afterwards."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import requests.adapters

from portalcal.adapters.consent.flow import BrowserConsentFlow
from portalcal.adapters.google.authorized_http import AuthorizedHttp
from portalcal.adapters.google.calendar import GoogleCalendars
from portalcal.adapters.google.http_client import HttpClient, RetryPolicy
from portalcal.adapters.google.oauth import LIMITS, GoogleAuthorizationServer
from portalcal.adapters.google.tokens import GrantAccessTokens
from portalcal.container import Container
from portalcal.core.booking import Booking
from portalcal.core.grant import Grant
from portalcal.ports import Calendars, Search, Secret
from portalcal.simulator.calendar.api import ROOT, operation
from portalcal.simulator.faults.faults import Faults
from portalcal.simulator.http.request_log import LoggedExchange
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, TWO = "10:00", "14:00"
_IN_A_HURRY = (2.0, 0.15)
"""Seconds after which a machine that meets a silent Google gives up, to connect and to read."""
_ONCE = RetryPolicy(attempts=1)


class Facts(NamedTuple):
    """What ledger and calendar have of the one meeting: its state, the times held for it, what Google is owed, and
    the times at which events of ours stand; and whether the machine is connected. Of a meeting of people also for whom
    time is held, and who is invited besides the guest."""

    state: str | None = None
    held: tuple[str, ...] = ()
    owed: str | None = None
    events: tuple[str, ...] = ()
    connected: bool = True
    people: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()

    def without_people(self) -> Facts:
        """The same of a meeting whose people do not change."""
        return self._replace(people=(), invited=())


class Detour(requests.adapters.HTTPAdapter):
    """Takes the requests that a fault strikes to a port on which nobody listens."""

    def __init__(self, faults: Faults, port: int) -> None:
        self._faults = faults
        self._port = port
        super().__init__(pool_maxsize=32)

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:
        """Send a request where it belongs, or nowhere."""
        address = urlsplit(request.url or "")
        asked = {"/token": "oauth.token", "/revoke": "oauth.revoke"}.get(address.path)
        name = asked or operation(request.method or "", address.path.removeprefix(ROOT))
        if self._faults.draw(name).kind:
            request.url = address._replace(netloc=f"127.0.0.1:{self._port}").geturl()
        return super().send(request, *args, **named)


@dataclass
class Stage(Shell):
    """A machine in a hurry. `booking` is the id of what was booked before the fault."""

    booking: str = ""
    limits: tuple[float, float] = LIMITS
    """Seconds for connecting and for an answer."""
    retry_policy: RetryPolicy = RetryPolicy()  # noqa: RUF009 - a tuple
    detours: Faults = field(default_factory=Faults)
    nobody: socket.socket = field(default_factory=socket.socket)
    """A port that is taken and not listened on."""

    def __post_init__(self) -> None:
        self.nobody.bind(("127.0.0.1", 0))

    def customize(self, container: Container) -> None:
        """Put the wires of this machine in place of those that wait."""
        super().customize(container)
        container.override(
            _new_http_client=lambda _early=None: self._http_client(container.limit),
            calendars_with=lambda grant: self._calendars_with(container, grant),
            consent=self._consent(container),
        )

    def _http_client(self, limit: float | None = None) -> HttpClient:
        http_client = (
            HttpClient(self.retry_policy, timeout=self.limits) if limit is None else HttpClient.within(limit)
        )
        http_client._sleep = _no_sleep
        http_client._session.mount("http://", Detour(self.detours, self.nobody.getsockname()[1]))
        return http_client

    def _calendars_with(self, container: Container, grant: Grant) -> Calendars:
        http = AuthorizedHttp(GrantAccessTokens(grant), http_client=self._http_client())
        return GoogleCalendars(http, container.config.endpoints)

    def _consent(self, container: Container) -> BrowserConsentFlow:
        authorization_server = GoogleAuthorizationServer(
            lambda: container.client,
            self.google.revoke_uri,
            http_client=self._http_client(),
            limits=self.limits,
            sleep=_no_sleep,
        )
        return BrowserConsentFlow(
            authorization_server, clock=self, view=container.view, open_browser=self.browser
        )

    # --- what happens on it

    def strike(self, target: str, fault: str) -> None:
        """Let a fault strike an operation from now on."""
        kind, _, options = fault.partition(" ")
        if kind == "hang":
            self.limits, self.retry_policy = _IN_A_HURRY, RetryPolicy() if "once" in options else _ONCE
        if kind != "refused":
            self.google.faults.add(f"{target}: {fault}")
            return
        self.detours.add(f"{target}: drop {options}")
        # The exchange of a code has a session of its own, which is shown another address instead.
        self.point_token_at(self.nobody.getsockname()[1] if target == "oauth.token" else self.google.port)

    def lift(self) -> None:
        """End every fault, and let some minutes pass."""
        self.limits, self.retry_policy = LIMITS, RetryPolicy()
        self.google.faults.clear()
        self.detours.clear()
        self.point_token_at(self.google.port)
        self.google.clock.advance(minutes=10)

    def point_token_at(self, port: int) -> None:
        """Write into the client's file where the token endpoint is."""
        path = self.folder / "client_secret.json"
        document = json.loads(path.read_text())
        document["installed"]["token_uri"] = f"http://127.0.0.1:{port}/token"
        path.write_text(json.dumps(document))

    def book(self, start: str = TEN, *options: str) -> None:
        """Book the meeting, a minute ago."""
        ran = self.json("book", f"2026-11-24T{start}", *SAM, "--key", "order-17", *options)
        assert ran.exit in {0, 8}, ran
        self.booking = json.loads(ran.out)["result"]["id"]
        self.google.clock.advance(seconds=60)

    def upon(self, target: str, act: Callable[[], None]) -> None:
        """Do something when Google is asked for an operation the next time, before its answer is on its way."""
        waiting = [act]

        def look(exchange: LoggedExchange) -> None:
            if exchange.operation == target and waiting:
                waiting.pop()()

        self.google.observe(look)

    def ours(self) -> list[dict[str, Any]]:
        """The live events that carry a booking's id."""
        marks = (
            (each, each.get("extendedProperties", {}).get("private", {})) for each in self.google.events()
        )
        return [each for each, mark in marks if "portalcal" in mark]

    def change(self, **fields: Any) -> None:
        """Somebody changes our event in the calendar."""
        (event,) = self.ours()
        self.google.model.put(self.google.calendar("primary"), event | fields)
        self.google.clock.advance(seconds=1)

    def lose(self) -> None:
        """Our event goes without a trace."""
        for event in self.ours():
            calendar = self.google.calendar("primary")
            calendar.timeline.replace(calendar.events.pop(event["id"]), None)

    def intrude(self, start: str) -> None:
        """Somebody else takes a time."""
        hour = int(start[:2])
        self.google.add_event("primary", f"2026-11-24T{start}:00Z", f"2026-11-24T{hour + 1}:00:00Z", "Boss")
        self.google.clock.advance(seconds=1)

    # --- what is seen of it

    def facts(self) -> Facts:
        """What ledger and calendar have now."""
        container = Container(self.view(), environ=self.environ)
        container.override(clock=self)
        with contextlib.closing(container.ledger) as ledger:
            bookings, owed = ledger.search(Search()), ledger.owed()
        live = [each for each in bookings if each.is_live]
        assert len(live) <= 1, "one meeting is asked for, so one booking is live at the most"
        last = (live or sorted(bookings, key=lambda each: each.created_at))[-1:]
        assert len(owed) <= 1
        is_kept = self.vault.read(Secret.REFRESH_TOKEN) is not None
        assert is_kept is (container.connection_file.read() is not None)
        return Facts(
            last[0].state.value if last else None,
            tuple(sorted(_starts(live))),
            owed[0].task.value if owed else None,
            tuple(sorted(_start_of(each) for each in self.ours())),
            is_kept,
            tuple(sorted({each.participant for booking in live for each in booking.claims})),
            tuple(sorted(each for event in self.ours() for each in _invited(event))),
        )

    def secrets_in(self, ran: Ran) -> list[str]:
        """Tokens, codes and client secrets that a command told."""
        return [each for each in self.google.secrets() if each and each in ran.out + ran.err]


def _invited(event: dict[str, Any]) -> list[str]:
    """The addresses of everybody invited but the guest."""
    return [each["email"] for each in event.get("attendees", ()) if each["email"] != SAM[-1]]


def _no_sleep(_: float) -> None:
    """Time enough has passed."""


def _starts(live: list[Booking]) -> list[str]:
    return [f"{each.meeting.start:%H:%M}" for booking in live for each in booking.claims]


def _start_of(event: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(event['start']['dateTime']).astimezone(UTC):%H:%M}"
