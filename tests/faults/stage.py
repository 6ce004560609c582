"""One machine and one Google on which a fault strikes: nobody sleeps between tries, and all is looked at afterwards."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import requests.adapters

from portalcal.adapters.google_calendar import GoogleCalendars
from portalcal.adapters.google_exchange import LIMITS
from portalcal.adapters.google_http import GoogleHttp
from portalcal.adapters.google_oauth import BrowserConsent
from portalcal.adapters.google_tokens import GrantTokens
from portalcal.adapters.google_wire import Patience, Wire
from portalcal.core.booking import Booking
from portalcal.core.grant import Grant
from portalcal.ports import Calendars, Search, Secret
from portalcal.simulator import Exchange
from portalcal.simulator.api import ROOT, operation
from portalcal.simulator.faults import Faults
from portalcal.wiring import Portal
from tests.cli.conftest import ANA, Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, TWO = "10:00", "14:00"
_IN_A_HURRY = (2.0, 0.15)
"""Seconds after which a machine that meets a silent Google gives up, to connect and to read."""
_ONCE = Patience(tries=1)


class Facts(NamedTuple):
    """What ledger and calendar have of the one meeting: its state, the times held for it, what Google is owed, and
    the times at which events of ours stand; and whether the machine is connected."""

    state: str | None = None
    held: tuple[str, ...] = ()
    owed: str | None = None
    events: tuple[str, ...] = ()
    connected: bool = True


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
    patience: Patience = Patience()  # noqa: RUF009 - a tuple
    detours: Faults = field(default_factory=Faults)
    _calendars: GoogleCalendars | None = None
    _is_status: bool = False
    nobody: socket.socket = field(default_factory=socket.socket)
    """A port that is taken and not listened on."""

    def __post_init__(self) -> None:
        self.nobody.bind(("127.0.0.1", 0))

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run `portalcal ARGUMENTS`."""
        self._is_status = "status" in arguments
        return super().__call__(*arguments, environ=environ)

    def fit(self, portal: Portal) -> None:
        """Put the wires of this machine in place of those that wait."""
        super().fit(portal)
        portal.__dict__ |= {
            "_new_wire": lambda: self._wire(portal.limit),
            "calendars_with": lambda grant: self._calendars_with(portal, grant),
            "consent": self._consent(portal),
        }
        # `status` has a wire of its own, made for the time it may take.
        if not self._is_status and portal.connections.read() is not None:
            portal.__dict__["calendars"] = self._kept_calendars(portal)

    def _kept_calendars(self, portal: Portal) -> GoogleCalendars:
        """The client of this machine: building it from the discovery document anew takes a third of a command's time."""
        http = GoogleHttp(portal.tokens, wire=self._wire(portal.limit))
        if self._calendars is None:
            self._calendars = GoogleCalendars(http, portal.config.endpoints, account=ANA)
        else:
            # What was built goes on asking through the object it was built with.
            vars(self._calendars._http).update(vars(http) | {"for_reading": http.for_reading})
        return self._calendars

    def _wire(self, limit: float | None = None) -> Wire:
        wire = Wire(self.patience, timeout=self.limits) if limit is None else Wire.within(limit)
        wire._sleep = _no_sleep
        wire._session.mount("http://", Detour(self.detours, self.nobody.getsockname()[1]))
        return wire

    def _calendars_with(self, portal: Portal, grant: Grant) -> Calendars:
        http = GoogleHttp(GrantTokens(grant), wire=self._wire())
        return GoogleCalendars(http, portal.config.endpoints)

    def _consent(self, portal: Portal) -> BrowserConsent:
        return BrowserConsent(
            lambda: portal.client,
            self.google.revoke_uri,
            clock=self,
            view=portal.view,
            open_browser=self.browser,
            wire=self._wire(),
            sleep=_no_sleep,
            limits=self.limits,
        )

    # --- what happens on it

    def strike(self, target: str, fault: str) -> None:
        """Let a fault strike an operation from now on."""
        kind, _, options = fault.partition(" ")
        if kind == "hang":
            self.limits, self.patience = _IN_A_HURRY, Patience() if "once" in options else _ONCE
        if kind != "refused":
            self.google.faults.add(f"{target}: {fault}")
            return
        self.detours.add(f"{target}: drop {options}")
        # The exchange of a code has a session of its own, which is shown another address instead.
        self.point_token_at(self.nobody.getsockname()[1] if target == "oauth.token" else self.google.port)

    def lift(self) -> None:
        """End every fault, and let some minutes pass."""
        self.limits, self.patience = LIMITS, Patience()
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

    def book(self, start: str = TEN) -> None:
        """Book the meeting, a minute ago."""
        ran = self.json("book", f"2026-11-24T{start}", *SAM, "--key", "order-17")
        assert ran.exit in {0, 8}, ran
        self.booking = json.loads(ran.out)["result"]["id"]
        self.google.clock.advance(seconds=60)

    def upon(self, target: str, act: Callable[[], None]) -> None:
        """Do something when Google is asked for an operation the next time, before its answer is on its way."""
        waiting = [act]

        def look(exchange: Exchange) -> None:
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
        portal = Portal(self.view(), environ=self.environ)
        portal.__dict__ |= {"clock": self}
        with contextlib.closing(portal.ledger) as ledger:
            bookings, owed = ledger.search(Search()), ledger.owed()
        live = [each for each in bookings if each.is_live]
        assert len(live) <= 1, "one meeting is asked for, so one booking is live at the most"
        last = (live or sorted(bookings, key=lambda each: each.created_at))[-1:]
        assert len(owed) <= 1
        is_kept = self.vault.read(Secret.REFRESH_TOKEN) is not None
        assert is_kept is (portal.connection_file.read() is not None)
        return Facts(
            last[0].state.value if last else None,
            tuple(sorted(_starts(live))),
            owed[0].task.value if owed else None,
            tuple(sorted(_start_of(each) for each in self.ours())),
            is_kept,
        )

    def secrets_in(self, ran: Ran) -> list[str]:
        """Tokens, codes and client secrets that a command told."""
        return [each for each in self.google.secrets() if each and each in ran.out + ran.err]


def _no_sleep(_: float) -> None:
    """Time enough has passed."""


def _starts(live: list[Booking]) -> list[str]:
    return [f"{each.meeting.start:%H:%M}" for booking in live for each in booking.promises]


def _start_of(event: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(event['start']['dateTime']).astimezone(UTC):%H:%M}"
