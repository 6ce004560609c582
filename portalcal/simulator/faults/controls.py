"""Control page at `/`: faults, policy, consent mode, clock. For people; programs use the Python API."""

from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from portalcal.simulator.calendar.model import Model
from portalcal.simulator.faults.faults import Faults
from portalcal.simulator.http.messages import ErrorResponse, HttpRequest, HttpResponse, page, redirect
from portalcal.simulator.http.request_log import RequestLog
from portalcal.simulator.oauth.authorize import CONSENT_MODES, Authorization
from portalcal.simulator.oauth.grants import Grants
from portalcal.simulator.ui import home
from portalcal.simulator.ui.pages import document


class Controls:
    """Handlers of the control page at `/`."""

    def __init__(
        self,
        model: Model,
        grants: Grants,
        *,
        faults: Faults,
        request_log: RequestLog,
        authorization: Authorization,
    ) -> None:
        self.model = model
        self.grants = grants
        self.faults = faults
        self.request_log = request_log
        self.authorization = authorization
        self.handlers: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "home": self.home,
            "simulator.fault": self._changing(self._fault),
            "simulator.policy": self._changing(self._policy),
            "simulator.consent": self._changing(self._consent),
            "simulator.clock": self._changing(self._clock),
        }

    def home(self, request: HttpRequest) -> HttpResponse:
        """Render the control page."""
        html = home.home(
            self.model,
            self.grants,
            faults=self.faults,
            request_log=self.request_log,
            authorization=self.authorization,
            week_of=request.value("week"),
        )
        return page(html)

    def _changing(self, change: Callable[[dict[str, str]], None]) -> Callable[[HttpRequest], HttpResponse]:
        """Return a handler that applies a change posted by the control page and redirects back to it."""

        def handler(request: HttpRequest) -> HttpResponse:
            origin = request.headers.get("origin", "")
            # CSRF check: any page in the same browser could post here.
            if origin and urlsplit(origin).netloc != request.headers.get("host"):
                raise _refused(403, "Only this simulator's own page may change it.")
            try:
                change(request.form())
            except (KeyError, ValueError) as error:
                raise _refused(400, str(error)) from error
            return redirect("/", status=303)

        return handler

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
        if form["mode"] not in CONSENT_MODES:
            raise ValueError(f"consent is one of {', '.join(CONSENT_MODES)}, not {form['mode']!r}")
        self.authorization.consent = form["mode"]

    def _clock(self, form: dict[str, str]) -> None:
        self.model.clock.advance(seconds=float(form["seconds"]))


def _refused(status: int, message: str) -> ErrorResponse:
    body = f'<main><h1>Not changed</h1><p id="why">{escape(message)}</p><p><a href="/">Back</a></p></main>'
    return ErrorResponse(page(document("Not changed", body), status=status))
