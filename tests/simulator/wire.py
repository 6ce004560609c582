"""A plain client for the tests: real HTTP over http.client, nothing shared with the product or the simulator."""

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from portalcal.simulator.google import Simulator

VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
REDIRECT = "http://127.0.0.1:5555/callback"
SCOPES = ("calendar.calendarlist.readonly", "calendar.events.freebusy", "calendar.events.owned")


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return str(self.json["error"]["errors"][0]["reason"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])

    @property
    def location(self) -> str:
        return self.headers["location"]

    @property
    def returned(self) -> dict[str, str]:
        """What the redirect's query says."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


class Browserless:
    """Speaks to a simulator over one kept-alive connection."""

    def __init__(self, google: Simulator, token: str | None = None) -> None:
        self.google = google
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", google.port, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        self.connection.request(method, path, body=body, headers=headers or {})
        response = self.connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def api(
        self,
        method: str,
        path: str,
        json_body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Call a Calendar method; `query` values that are lists are repeated."""
        fixed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = json.dumps(json_body).encode() if json_body is not None else None
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return self.send(method, f"/calendar/v3/{path}{asked}", body=body, headers=fixed | (headers or {}))

    def form(
        self,
        path: str,
        told: dict[str, str] | None = None,
        *,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> Answer:
        fixed = {"Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        return self.send("POST", path, body=urlencode((told or {}) | fields).encode(), headers=fixed)

    def authorize(self, scopes: tuple[str, ...] = SCOPES, /, **changes: str | None) -> Answer:
        """Ask for consent as a browser would be sent to; a change of None leaves the parameter out."""
        asked: dict[str, str | None] = {
            "client_id": self.google.client.id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": " ".join(f"https://www.googleapis.com/auth/{scope}" for scope in scopes),
            "state": "the-state",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        }
        told = {name: value for name, value in (asked | changes).items() if value is not None}
        return self.send("GET", f"/o/oauth2/v2/auth?{urlencode(told)}")

    def exchange(self, code: str | None, **changes: str | None) -> Answer:
        asked: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
            "client_id": self.google.client.id,
            "client_secret": self.google.client.secret,
        }
        return self.form(
            "/token", {name: value for name, value in (asked | changes).items() if value is not None}
        )

    def connect(self, **changes: Any) -> dict[str, Any]:
        """Go through consent and exchange, and return the token answer."""
        answer = self.exchange(self.authorize(SCOPES, **changes).returned["code"])
        assert answer.status == 200, answer.body
        told: dict[str, Any] = answer.json
        return told

    def refresh(self, refresh_token: str, **changes: str | None) -> Answer:
        asked: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.google.client.id,
            "client_secret": self.google.client.secret,
        }
        return self.form(
            "/token", {name: value for name, value in (asked | changes).items() if value is not None}
        )

    def insert(
        self, start: str, end: str, /, *, calendar: str = "primary", query: str = "", **fields: Any
    ) -> Answer:
        """Insert an event; times are RFC 3339, or dates for whole days."""
        told = {"start": _point(start), "end": _point(end)} | fields
        return self.api("POST", f"calendars/{quote(calendar)}/events{query}", told)

    def freebusy(self, low: str, high: str, *calendars: str, **more: Any) -> Answer:
        items = [{"id": calendar} for calendar in calendars or ("primary",)]
        return self.api("POST", "freeBusy", {"timeMin": low, "timeMax": high, "items": items} | more)

    def busy(self, low: str, high: str, calendar: str = "primary") -> list[tuple[str, str]]:
        """Return a calendar's busy spans."""
        answer = self.freebusy(low, high, calendar)
        assert answer.status == 200, answer.body
        return [(span["start"], span["end"]) for span in answer.json["calendars"][calendar]["busy"]]


def _point(text: str) -> dict[str, str]:
    return {"dateTime": text} if "T" in text else {"date": text}
