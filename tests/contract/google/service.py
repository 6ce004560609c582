"""Google as the contract sees it: the simulator, or with `--live` the service itself."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from portalcal.simulator.google import Simulator

DAY = "2027-02-03"
START, END = f"{DAY}T10:00:00Z", f"{DAY}T10:30:00Z"


@dataclass(frozen=True)
class Answer:
    """A status, headers by any case, and a body."""

    status: int
    headers: Any
    text: str
    json: Any

    @property
    def error(self) -> tuple[int, str]:
        """The status and the first reason of a Calendar error."""
        return self.status, str(self.json["error"]["errors"][0]["reason"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


@dataclass
class Service:
    """Where Google is, and a token for all of Calendar; what it inserts it removes again."""

    api_root: str
    oauth_root: str
    token: str
    calendar: str = "primary"
    simulator: Simulator | None = None
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    @property
    def events(self) -> str:
        return f"calendars/{self.calendar}/events"

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        """Call a Calendar method."""
        fixed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        told = self.session.request(
            method, self.api_root + path, json=body, params=query, headers=fixed | (headers or {}), timeout=20
        )
        return _answer(told)

    def oauth(self, method: str, path: str, **fields: str) -> Answer:
        """Call an OAuth endpoint: a POST's fields travel in the body, a GET's in the query."""
        data, params = (fields, None) if method == "POST" else (None, fields)
        url = self.oauth_root + path
        return _answer(
            self.session.request(method, url, data=data, params=params, timeout=20, allow_redirects=False)
        )

    def insert(self, *, query: dict[str, Any] | None = None, **fields: Any) -> Answer:
        """Insert half an hour of a quiet Wednesday, or what `fields` say instead."""
        body = {
            "start": {"dateTime": START},
            "end": {"dateTime": END},
            "summary": "contract",
            "id": fresh_id(),
        }
        answer = self.call("POST", self.events, body | fields, **(query or {}))
        if answer.status == 200:
            self.made.append(answer.json["id"])
        return answer

    def busy(self, low: str = f"{DAY}T00:00:00Z", high: str = f"{DAY}T23:00:00Z") -> list[dict[str, str]]:
        """Return the calendar's busy spans."""
        body = {"timeMin": low, "timeMax": high, "items": [{"id": self.calendar}]}
        spans: list[dict[str, str]] = self.call("POST", "freeBusy", body).json["calendars"][self.calendar][
            "busy"
        ]
        return spans

    def clean_up(self) -> None:
        """Remove what was inserted."""
        for event_id in self.made:
            self.call("DELETE", f"{self.events}/{event_id}")
        self.session.close()


def fresh_id() -> str:
    """Return an event id nobody has used: a UUID in hexadecimal is base32hex."""
    return uuid.uuid4().hex


def _answer(told: requests.Response) -> Answer:
    is_json = told.headers.get("Content-Type", "").startswith("application/json")
    return Answer(told.status_code, told.headers, told.text, told.json() if is_json and told.text else None)
