"""Route a request to its handler: operation, fault injection, response, log entry."""

import json
import re
import time
from collections.abc import Callable

from portalcal.simulator.calendar import api, conferences
from portalcal.simulator.calendar.model import Model
from portalcal.simulator.faults import fault_responses
from portalcal.simulator.faults.controls import Controls
from portalcal.simulator.faults.faults import DrawnFault, Faults
from portalcal.simulator.http import batch, fields_mask
from portalcal.simulator.http.messages import ErrorResponse, HttpRequest, HttpResponse, error_response, page
from portalcal.simulator.http.request_log import LoggedExchange, RequestLog
from portalcal.simulator.http.server import ResponseDelivery
from portalcal.simulator.oauth.authorize import Authorization
from portalcal.simulator.oauth.grants import Grants
from portalcal.simulator.oauth.token_endpoint import TokenEndpoint

_NOT_FOUND = "<!doctype html><title>Error 404 (Not Found)!!1</title><p><b>404.</b> That’s an error."
_WRONG_HOST = "<!doctype html><title>421</title><p>This simulator answers to 127.0.0.1 and localhost only."

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

# Browser pages, served only under a loopback Host: under any other name (DNS rebinding) a foreign site's script could
# read and operate them.
_PAGES = {"home", "oauth.authorize", "oauth.consent"} | {
    name for name in _OPERATIONS.values() if name.startswith("simulator.")
}

_LOOPBACK = re.compile(r"(127(\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)

# The control page is exempt from faults, so that they can be lifted there.
_EXEMPT = {"home", "simulator.fault", "simulator.policy", "simulator.consent", "simulator.clock"}


class Router:
    """Maps each request to a response; independent of sockets."""

    def __init__(
        self,
        model: Model,
        grants: Grants,
        *,
        authorization: Authorization,
        faults: Faults,
        request_log: RequestLog,
        project: str,
        settle: Callable[[], None],
    ) -> None:
        self.model = model
        self.grants = grants
        self.faults = faults
        self.request_log = request_log
        self.project = project
        self._settle = (
            settle  # sends the answers of guests that are due, before a call of the API sees anything
        )
        # Outcome of a new conference request; "pending" becomes ready on the next read of the event.
        self.conference = conferences.OUTCOMES[0]
        self.tokens = tokens = TokenEndpoint(grants, model)
        self._handlers: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "oauth.authorize": authorization.authorize,
            "oauth.consent": authorization.decide,
            "oauth.token": tokens.token,
            "oauth.revoke": tokens.revoke,
            "oauth.tokeninfo": tokens.tokeninfo,
        }
        controls = Controls(
            model, grants, faults=faults, request_log=request_log, authorization=authorization
        )
        self._handlers |= controls.handlers

    def deliver(self, request: HttpRequest, wait: Callable[[float], object]) -> ResponseDelivery:
        """Answer one request: draw a fault, run the handler unless the fault prevents it, log the exchange."""
        operation = self._operation(request)
        drawn = DrawnFault() if operation in _EXEMPT else self.faults.draw(operation)
        started = time.perf_counter()
        if drawn.delay:
            wait(drawn.delay)
        delivery = self._with_fault(request, operation, drawn)
        self._record(request, operation, delivery, fault=drawn.kind, started=started)
        return delivery

    def _with_fault(self, request: HttpRequest, operation: str, drawn: DrawnFault) -> ResponseDelivery:
        fault = drawn.fault
        if fault is None:
            return ResponseDelivery(self._answer(request, operation))
        if fault.kind in {"drop", "hang"}:
            return ResponseDelivery(HttpResponse(0) if fault.kind == "hang" else None, fault.kind)
        if staged := fault_responses.fault_response(fault, operation, project=self.project):
            return ResponseDelivery(staged)
        manner = "drop" if fault.kind == "lost-reply" else fault.kind
        return ResponseDelivery(self._answer(request, operation), manner, fault.value)

    def _answer(self, request: HttpRequest, operation: str) -> HttpResponse:
        try:
            if operation == "batch":
                return batch.run_batch(request, self._batch_part)
            with self.model.lock:
                return self._perform(request, operation)
        except ErrorResponse as error:
            return error.response
        except Exception as error:  # noqa: BLE001 - a bug here must not pass for Google's 500: Simulator.__exit__ raises it
            self.request_log.internal_errors.append(error)
            return error_response(500, "backendError", f"The simulator broke: {error!r}").response

    def _batch_part(self, request: HttpRequest) -> HttpResponse:
        """Answer one call of a batch, logged and subject to faults like any other.

        Only API calls: the Host check for pages does not apply inside a batch.
        """
        if not request.path.startswith(api.ROOT):
            return page(_NOT_FOUND, status=404)
        delivery = self.deliver(request, lambda _: None)
        if delivery.response is None or delivery.manner in {"drop", "hang"}:
            return error_response(503, "backendError", "Service Unavailable").response
        return delivery.response

    def _perform(self, request: HttpRequest, operation: str) -> HttpResponse:
        if operation in _PAGES and not _LOOPBACK.fullmatch(request.headers.get("host", "")):
            return page(_WRONG_HOST, status=421)
        if handler := self._handlers.get(operation):
            return handler(request)
        if request.path.startswith(api.ROOT):
            path = request.path.removeprefix(api.ROOT)
            self._settle()
            response = api.perform(
                request, path, model=self.model, grants=self.grants, conference=self.conference
            )
            return _with_fields_mask(request, response)
        return page(_NOT_FOUND, status=404)

    def _operation(self, request: HttpRequest) -> str:
        if operation := _OPERATIONS.get((request.method, request.path)):
            return operation
        if request.path.startswith(api.ROOT):
            return api.operation(request.method, request.path.removeprefix(api.ROOT))
        return "unknown"

    def _record(
        self, request: HttpRequest, operation: str, delivery: ResponseDelivery, *, fault: str, started: float
    ) -> None:
        response = delivery.response
        self.request_log.write(
            LoggedExchange(
                self.request_log.number(),
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


def _with_fields_mask(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Apply the `fields` parameter to a successful response."""
    fields = request.value("fields")
    if not fields or response.status != 200 or not response.body:
        return response
    selected = fields_mask.apply_fields_mask(json.loads(response.body), fields)
    return HttpResponse(response.status, json.dumps(selected, ensure_ascii=False).encode(), response.headers)
