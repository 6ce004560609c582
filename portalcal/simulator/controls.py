"""What the page at `/` can change: faults, policy, consent, the clock. For people; programs use the Python API."""

from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from portalcal.simulator import home
from portalcal.simulator.authorize import MODES, Authorization
from portalcal.simulator.faults import Faults
from portalcal.simulator.grants import Grants
from portalcal.simulator.journal import Journal
from portalcal.simulator.model import Model
from portalcal.simulator.pages import document
from portalcal.simulator.wire import Refusal, Request, Response, page, redirect


class Controls:
    """The desk behind the page at `/`."""

    def __init__(
        self, model: Model, grants: Grants, *, faults: Faults, journal: Journal, authorization: Authorization
    ) -> None:
        self.model = model
        self.grants = grants
        self.faults = faults
        self.journal = journal
        self.authorization = authorization
        self.desks: dict[str, Callable[[Request], Response]] = {
            "home": self.home,
            "simulator.fault": self._changing(self._fault),
            "simulator.policy": self._changing(self._policy),
            "simulator.consent": self._changing(self._consent),
            "simulator.clock": self._changing(self._clock),
        }

    def home(self, request: Request) -> Response:
        """Show the page."""
        html = home.home(
            self.model,
            self.grants,
            faults=self.faults,
            journal=self.journal,
            authorization=self.authorization,
            week_of=request.value("week"),
        )
        return page(html)

    def _changing(self, change: Callable[[dict[str, str]], None]) -> Callable[[Request], Response]:
        """Return a desk that makes a change asked for by our own page, and leads back to it."""

        def desk(request: Request) -> Response:
            origin = request.headers.get("origin", "")
            # Any page in the same browser could post here; only ours may.
            if origin and urlsplit(origin).netloc != request.headers.get("host"):
                raise _refused(403, "Only this simulator's own page may change it.")
            try:
                change(request.form())
            except (KeyError, ValueError) as error:
                raise _refused(400, str(error)) from error
            return redirect("/", status=303)

        return desk

    def _fault(self, form: dict[str, str]) -> None:
        if form.get("do") == "lift":
            self.faults.remove(form["text"])
        else:
            self.faults.add(form["text"])

    def _policy(self, form: dict[str, str]) -> None:
        name = form["name"]
        if name not in home.SWITCHES:
            raise ValueError(f"a switch is one of {', '.join(home.SWITCHES)}, not {name!r}")
        flipped = not home.is_on(self.grants, name)
        if name == "client_deleted":
            for client in self.grants.clients.values():
                client.deleted = flipped
        else:
            setattr(self.grants.policy, name, flipped)

    def _consent(self, form: dict[str, str]) -> None:
        if form["mode"] not in MODES:
            raise ValueError(f"consent is one of {', '.join(MODES)}, not {form['mode']!r}")
        self.authorization.consent = form["mode"]

    def _clock(self, form: dict[str, str]) -> None:
        self.model.clock.advance(seconds=float(form["seconds"]))


def _refused(status: int, message: str) -> Refusal:
    body = f'<main><h1>Not changed</h1><p id="why">{escape(message)}</p><p><a href="/">Back</a></p></main>'
    return Refusal(page(document("Not changed", body), status=status))
