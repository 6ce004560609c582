"""Another Google: the fewest endpoints that portalcal needs, by a hand that never saw the simulator's.

It keeps to what Google promises and to nothing else, so that portalcal cannot lean on the simulator's ways: connections
close, fields that may be missing are missing, times come in any offset, lists in any order, pages may be empty.
`Habits` are the choices a server may make; a test changes the one it is about.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timezone
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.acceptance.other_wire import Answer, Habits, Json, handler

ANA = "Ana.Lima@Example.com"
TEAM = "team#1@group.calendar.example"

Meanwhile = Answer | Callable[[], object]
"""An answer in place of the server's, or what happens just before it."""


def refusal(status: int, reason: str, words: str = "No.") -> Answer:
    """An error in the backend's shape."""
    return Answer(status, {"error": {"code": status, "message": words, "errors": [{"reason": reason}]}})


class OtherGoogle:
    """The server and all it knows."""

    def __init__(self) -> None:
        self.habits = Habits()
        self.events: dict[str, dict[str, Json]] = {ANA: {}, TEAM: {}}
        self.requests: list[tuple[str, str]] = []
        self.script: list[tuple[str, str, Meanwhile]] = []
        self.tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.changes = 0
        self._codes: dict[str, Json] = {}
        self._lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self.answer, self.habits))
        self._http.daemon_threads = True

    @contextmanager
    def serving(self) -> Iterator[OtherGoogle]:
        """Serve while the block runs."""
        thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def client(self) -> Json:
        """The OAuth client, as a download of it would be."""
        addresses = {"auth_uri": f"{self.url}/consent?hl=en", "token_uri": f"{self.url}/give/token"}
        return {"installed": {"client_id": "someone", "client_secret": "play", **addresses}}

    def live(self, calendar: str = ANA) -> list[Json]:
        """The events that are not cancelled."""
        return [each for each in self.events[calendar].values() if each.get("status") != "cancelled"]

    def put(self, start: datetime, end: datetime, *, calendar: str = ANA, **more: Any) -> str:
        """Somebody's event."""
        event = {"id": f"theirs{len(self.events[calendar])}", **_times(start, end), **more}
        return str(self._keep(calendar, event)["id"])

    def drag(self, name: str, start: datetime, end: datetime) -> None:
        """Somebody gives an event another time."""
        self._keep(ANA, self.events[ANA][name] | _times(start, end))

    def remove(self, name: str) -> None:
        """Somebody deletes an event."""
        self._keep(ANA, self.events[ANA][name] | {"status": "cancelled"})

    def forget(self, name: str) -> None:
        """An event of which not even a tombstone is left."""
        del self.events[ANA][name]

    def times(self, name: str) -> tuple[datetime, datetime]:
        """When an event is."""
        return _span(self.events[ANA][name])

    def once(self, method: str, ending: str, meanwhile: Meanwhile) -> None:
        """At the next such request answer this instead, or do this before it is served."""
        self.script.append((method, ending, meanwhile))

    def count(self, method: str, ending: str) -> int:
        """How many requests there were."""
        return sum(1 for verb, path in self.requests if verb == method and path.endswith(ending))

    # --- answering ---

    def answer(self, method: str, target: str, body: bytes, headers: Json) -> Answer | None:
        """What goes back; None closes the connection."""
        with self._lock:
            parts = urlsplit(target)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            self.requests.append((method, parts.path))
            for scripted in self.script:
                verb, ending, meanwhile = scripted
                if method == verb and parts.path.endswith(ending):
                    self.script.remove(scripted)
                    if isinstance(meanwhile, Answer):
                        return meanwhile
                    meanwhile()
                    break
            match parts.path.strip("/").split("/"):
                case ["consent"]:
                    return self._consent(query)
                case ["give", "token"]:
                    return self._token({k: v[-1] for k, v in parse_qs(body.decode()).items()})
                case ["take", "back"]:
                    return self._revoke({k: v[-1] for k, v in parse_qs(body.decode()).items()})
                case ["cal", *rest]:
                    if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
                        return refusal(401, "authError", "Invalid Credentials")
                    words = [unquote(each) for each in rest]
                    return self._calendar(method, words, query, json.loads(body or b"{}"), headers)
                case _:
                    return Answer(404, "nothing here")

    def _consent(self, query: Json) -> Answer:
        if query["code_challenge_method"] != "S256":
            return Answer(400, "S256 only")
        code = f"4/{secrets.token_urlsafe(8)}"
        self._codes[code] = query
        told = {"code": code, "authuser": "0", "state": query["state"]}
        return Answer(302, None, {"location": f"{query['redirect_uri']}?{urlencode(told)}"})

    def _token(self, form: Json) -> Answer:
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return Answer(400, {"error": "invalid_grant", "error_description": "Bad Request"})
            extra = dict(self.habits.refreshed)
            if extra.get("refresh_token") == "rotated":
                self.refresh_tokens.remove(form["refresh_token"])
                extra["refresh_token"] = self.new_refresh_token()
            return Answer(200, {"access_token": self.new_token(), **extra})
        asked = self._codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return Answer(400, {"error": "invalid_grant"})
        given = {"access_token": self.new_token(), "refresh_token": self.new_refresh_token()}
        return Answer(200, {**given, **self.habits.token})

    def new_token(self) -> str:
        """An access token that works."""
        self.tokens.add(token := f"access-{secrets.token_urlsafe(12)}")
        return token

    def new_refresh_token(self) -> str:
        """A refresh token that works."""
        self.refresh_tokens.add(token := f"refresh-{secrets.token_urlsafe(12)}")
        return token

    def _revoke(self, form: Json) -> Answer:
        self.refresh_tokens.discard(form["token"])
        if self.habits.revoked == 200:
            return Answer(200)
        return Answer(self.habits.revoked, {"error": "invalid_token"})

    def _calendar(
        self, method: str, words: list[str], query: Json, body: Json, headers: Json
    ) -> Answer | None:
        match (method, *words):
            case ("GET", "users", "me", "calendarList"):
                return self._page(query, "items", self._entries(), {})
            case ("POST", "freeBusy"):
                return Answer(200, {"calendars": self._free_busy(body)})
            case (_, "calendars", name, "events", *which):
                calendar = ANA if name == "primary" else name
                if calendar not in self.events:
                    return refusal(404, "notFound", "Not Found")
                if which:
                    return self._event(method, calendar, which[0], body, headers)
                return self._insert(calendar, body) if method == "POST" else self._list(calendar, query)
            case _:
                return refusal(404, "notFound")

    def _entries(self) -> list[Json]:
        mark = {"primary": True} if self.habits.marks_primary else {}
        return [
            {"id": TEAM, "summary": "Team", "accessRole": "reader"},
            {"id": ANA, "accessRole": "owner", "timeZone": "Asia/Kathmandu", **mark},
        ]

    def _page(self, query: Json, name: str, items: list[Json], end: Json) -> Answer:
        if self.habits.pages == "empty-first" and "pageToken" not in query:
            return Answer(200, {"nextPageToken": "more"})
        return Answer(200, {name: items, **end} if items else end)

    def _free_busy(self, body: Json) -> Json:
        first, last = (datetime.fromisoformat(body[each]) for each in ("timeMin", "timeMax"))
        told = {}
        for asked in (each["id"] for each in body["items"]):
            calendar = ANA if asked == "primary" else asked
            key = calendar if self.habits.key == "canonical" else asked
            told[key] = {"busy": self._busy(calendar, first, last)} if calendar in self.events else {
                "errors": [{"domain": "global", "reason": "notFound"}]
            }  # fmt: skip
        return told

    def _busy(self, calendar: str, first: datetime, last: datetime) -> list[Json]:
        """Twice, in the wrong order, and with moments between."""
        spans = [
            span
            for each in self.live(calendar)
            if each.get("transparency") != "transparent"
            and (span := _span(each))[0] < last
            and span[1] > first
        ]
        odd = [(end, end) for _, end in spans] + [(start, start + (end - start) / 2) for start, end in spans]
        return [{"start": self.when(a), "end": self.when(b)} for a, b in (*odd, *sorted(spans, reverse=True))]

    def when(self, moment: datetime) -> str:
        """A time as this Google writes it."""
        local = moment.astimezone(timezone(self.habits.offset))
        return local.isoformat(timespec="milliseconds" if self.habits.decimals else "seconds").replace(
            "+00:00", "Z"
        )

    def _insert(self, calendar: str, body: Json) -> Answer | None:
        if body["id"] in self.events[calendar]:
            return refusal(409, "duplicate", "The requested identifier already exists.")
        kept = self._keep(calendar, body)
        if self.habits.insert_is_silent:
            self.habits.insert_is_silent -= 1
            return None
        return Answer(200, {"id": kept["id"]} if self.habits.minimal else self._told(kept))

    def _keep(self, calendar: str, event: Json) -> Json:
        self.changes += 1
        created = {"created": self.when(datetime.now(UTC))} if self.habits.knows_created else {}
        kept = {**created, "status": "confirmed", **event, "change": self.changes}
        self.events[calendar][event["id"]] = kept
        return kept

    def _event(self, method: str, calendar: str, name: str, body: Json, headers: Json) -> Answer:
        kept = self.events[calendar].get(name)
        if kept is None:
            return refusal(404, "notFound", "Not Found")
        if method == "GET":
            return Answer(200, self._told(kept))
        if kept["status"] == "cancelled":
            return refusal(410, "deleted", "Resource has been deleted")
        if headers.get("if-match", self._etag(kept)) != self._etag(kept):
            return refusal(412, "conditionNotMet")
        if method == "DELETE":
            self._keep(calendar, kept | {"status": "cancelled"})
            return Answer(200, {"gone": True}) if self.habits.deleted == "body" else Answer(204)
        marks = kept.get("extendedProperties", {}).get("private", {})
        marks |= body.pop("extendedProperties", {}).get("private", {})
        kept = self._keep(calendar, kept | body | {"extendedProperties": {"private": marks}})
        return Answer(200, {"id": name} if self.habits.minimal else self._told(kept))

    def _list(self, calendar: str, query: Json) -> Answer:
        since = int(query.get("syncToken", "0"))
        found = [each for each in self.events[calendar].values() if each["change"] > since]
        if not since:
            found = [each for each in found if each["status"] != "cancelled"]
        if "timeMin" in query and self.habits.narrows:
            first, last = (datetime.fromisoformat(query[each]) for each in ("timeMin", "timeMax"))
            found = [each for each in found if _span(each)[0] < last and _span(each)[1] > first]
        if "privateExtendedProperty" in query and self.habits.narrows:
            name, _, value = query["privateExtendedProperty"].partition("=")
            found = [
                each
                for each in found
                if each.get("extendedProperties", {}).get("private", {}).get(name) == value
            ]
        end = {"nextSyncToken": str(self.changes)} if self.habits.has_sync_tokens else {}
        return self._page(query, "items", [self._told(each) for each in found], end)

    def _told(self, kept: Json) -> Json:
        if kept["status"] == "cancelled":
            return {"id": kept["id"], "status": "cancelled"}
        times = zip(("start", "end"), _span(kept), strict=True)
        event = {**kept, **{name: {"dateTime": self.when(moment)} for name, moment in times}}
        event |= {"etag": self._etag(kept)} if self.habits.has_etags else {}
        # Neither a link nor an organizer, a kind or the times it was made and changed.
        return {name: value for name, value in event.items() if name != "change"}

    def _etag(self, kept: Json) -> str:
        return f'"{kept["change"]}"'


def _times(start: datetime, end: datetime) -> Json:
    return {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}


def _span(event: Json) -> tuple[datetime, datetime]:
    start, end = (datetime.fromisoformat(event[each]["dateTime"]) for each in ("start", "end"))
    return start, end
