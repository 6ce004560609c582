"""From a request to its answer: which operation, which fault, what happened, written down before it is sent."""

import json
import time
from collections.abc import Callable

from portalcal.simulator import api, batch, conferences, misbehaviour, partial
from portalcal.simulator.authorize import Authorization
from portalcal.simulator.controls import Controls
from portalcal.simulator.faults import Faults, Mischief
from portalcal.simulator.grants import Grants
from portalcal.simulator.http import Delivery
from portalcal.simulator.journal import Exchange, Journal
from portalcal.simulator.model import Model
from portalcal.simulator.oauth import Tokens
from portalcal.simulator.wire import Refusal, Request, Response, page, refusal

_LOST = "<!doctype html><title>Error 404 (Not Found)!!1</title><p><b>404.</b> That’s an error."
_OPERATIONS = {
    ("GET", "/o/oauth2/v2/auth"): "oauth.authorize",
    ("GET", "/o/oauth2/auth"): "oauth.authorize",
    ("POST", "/signin/consent"): "oauth.consent",
    ("POST", "/token"): "oauth.token",
    ("POST", "/revoke"): "oauth.revoke",
    ("GET", "/tokeninfo"): "oauth.tokeninfo",
    ("POST", "/tokeninfo"): "oauth.tokeninfo",
    ("POST", "/batch/calendar/v3"): "batch",
    ("GET", "/"): "home",
    ("POST", "/simulator/fault"): "simulator.fault",
    ("POST", "/simulator/policy"): "simulator.policy",
    ("POST", "/simulator/consent"): "simulator.consent",
    ("POST", "/simulator/clock"): "simulator.clock",
}
# The page for people: no fault strikes it.
_UNTOUCHED = {"home", "simulator.fault", "simulator.policy", "simulator.consent", "simulator.clock"}


class Answering:
    """Answers every request there is; knows nothing of sockets."""

    def __init__(
        self,
        model: Model,
        grants: Grants,
        *,
        authorization: Authorization,
        faults: Faults,
        journal: Journal,
        project: str,
    ) -> None:
        self.model = model
        self.grants = grants
        self.faults = faults
        self.journal = journal
        self.project = project
        # What a new conference request gets: "pending" is ready the next time the event is read.
        self.conference = conferences.OUTCOMES[0]
        self.tokens = tokens = Tokens(grants, model)
        self._desks: dict[str, Callable[[Request], Response]] = {
            "oauth.authorize": authorization.authorize,
            "oauth.consent": authorization.decide,
            "oauth.token": tokens.token,
            "oauth.revoke": tokens.revoke,
            "oauth.tokeninfo": tokens.tokeninfo,
        }
        controls = Controls(model, grants, faults=faults, journal=journal, authorization=authorization)
        self._desks |= controls.desks

    def deliver(self, request: Request, wait: Callable[[float], object]) -> Delivery:
        """Answer one request: draw a fault, do what was asked unless the fault prevents it, write it down."""
        operation = self._operation(request)
        # The switches stay within reach whatever has been switched on.
        mischief = Mischief() if operation in _UNTOUCHED else self.faults.draw(operation)
        started = time.perf_counter()
        if mischief.delay:
            wait(mischief.delay)
        delivery = self._with_mischief(request, operation, mischief)
        self._record(request, operation, delivery, fault=mischief.kind, started=started)
        return delivery

    def _with_mischief(self, request: Request, operation: str, mischief: Mischief) -> Delivery:
        fault = mischief.fault
        if fault is None:
            return Delivery(self._answer(request, operation))
        if fault.kind in {"drop", "hang"}:
            return Delivery(Response(0) if fault.kind == "hang" else None, fault.kind)
        if staged := misbehaviour.instead(fault, operation, project=self.project):
            return Delivery(staged)
        manner = "drop" if fault.kind == "lost-reply" else fault.kind
        return Delivery(self._answer(request, operation), manner, fault.value)

    def _answer(self, request: Request, operation: str) -> Response:
        try:
            if operation == "batch":
                return batch.answered(request, self._part)
            with self.model.lock:
                return self._perform(request, operation)
        except Refusal as refused:
            return refused.response
        except Exception as error:  # noqa: BLE001 - a bug here must not pass for one of Google's 500s: Simulator.__exit__ raises it
            self.journal.troubles.append(error)
            return refusal(500, "backendError", f"The simulator broke: {error!r}").response

    def _part(self, request: Request) -> Response:
        """Answer one call of a batch: written down and struck by faults like any other."""
        delivery = self.deliver(request, lambda _: None)
        if delivery.response is None or delivery.manner in {"drop", "hang"}:
            return refusal(503, "backendError", "Service Unavailable").response
        return delivery.response

    def _perform(self, request: Request, operation: str) -> Response:
        if run := self._desks.get(operation):
            return run(request)
        if request.path.startswith(api.ROOT):
            path = request.path.removeprefix(api.ROOT)
            told = api.perform(
                request, path, model=self.model, grants=self.grants, conference=self.conference
            )
            return _shaped(request, told)
        return page(_LOST, status=404)

    def _operation(self, request: Request) -> str:
        if known := _OPERATIONS.get((request.method, request.path)):
            return known
        if request.path.startswith(api.ROOT):
            return api.operation(request.method, request.path.removeprefix(api.ROOT))
        return "unknown"

    def _record(
        self, request: Request, operation: str, delivery: Delivery, *, fault: str, started: float
    ) -> None:
        response = delivery.response
        self.journal.write(
            Exchange(
                self.journal.number(),
                self.model.clock.now(),
                request.method,
                request.path,
                request.query_text,
                operation,
                response.status if response else 0,
                (time.perf_counter() - started) * 1000,
                fault,
                request.headers,
                request.body,
                dict(response.headers) if response else {},
                response.body if response else b"",
            )
        )


def _shaped(request: Request, response: Response) -> Response:
    """Return an answer cut down to the `fields` asked for."""
    fields = request.value("fields")
    if not fields or response.status != 200 or not response.body:
        return response
    told = partial.masked(json.loads(response.body), fields)
    return Response(response.status, json.dumps(told, ensure_ascii=False).encode(), response.headers)
