"""Conference data: created by a createRequest, pending at first, ready on the next read."""

import hashlib

from portalcal.simulator.calendar import errors
from portalcal.simulator.http.messages import Json

OUTCOMES = ("pending", "success", "failure")


def apply_request(body: Json, before: Json | None, *, understood: bool, outcome: str) -> Json:
    """Return an event body with its conference request applied.

    With conferenceDataVersion 0 (`understood` false) conference data of the request is ignored and the stored one kept; a
    repeated requestId is ignored. `outcome` is that of a new request: "pending" becomes ready on the next get.
    """
    kept = {name: value for name, value in body.items() if name not in {"conferenceData", "hangoutLink"}}
    stored = (before or {}).get("conferenceData")
    sent = body.get("conferenceData") if understood else stored
    if sent is None:
        return kept
    request = sent.get("createRequest")
    if request is not None and not isinstance(request, dict):
        raise errors.bad_request("Invalid value for: createRequest")
    same = stored and request and stored.get("createRequest", {}).get("requestId") == request.get("requestId")
    if not understood or same or request is None:
        data = stored if same else sent
        link = (before or {}).get("hangoutLink")
        return kept | {"conferenceData": data} | ({"hangoutLink": link} if link else {})
    if not request.get("requestId"):
        raise errors.invalid("Invalid conference create request: requestId is missing.", "conferenceData")
    kind = (request.get("conferenceSolutionKey") or {}).get("type", "hangoutsMeet")
    if kind != "hangoutsMeet":
        raise errors.invalid("Invalid conference type value.", "conferenceData")
    fresh = {"requestId": request["requestId"], "conferenceSolutionKey": {"type": kind}}
    pending = kept | {"conferenceData": {"createRequest": fresh | {"status": {"statusCode": "pending"}}}}
    return pending if outcome == "pending" else complete_pending(pending, outcome)


def complete_pending(body: Json, outcome: str) -> Json:
    """Return an event body with its pending conference completed or failed; the same object if none was pending."""
    request = body.get("conferenceData", {}).get("createRequest", {})
    if request.get("status", {}).get("statusCode") != "pending":
        return body
    code = "failure" if outcome == "failure" else "success"
    create_request = request | {"status": {"statusCode": code}}
    if code == "failure":
        return body | {"conferenceData": {"createRequest": create_request}}
    meeting = _meeting_code(f"{body['id']} {request['requestId']}")
    uri = f"https://meet.google.com/{meeting}"
    data = {
        "createRequest": create_request,
        "entryPoints": [{"entryPointType": "video", "uri": uri, "label": uri.removeprefix("https://")}],
        "conferenceSolution": {
            "key": {"type": "hangoutsMeet"},
            "name": "Google Meet",
            "iconUri": "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/web-512dp/logo_meet_2020q4_color_2x_web_512dp.png",
        },
        "conferenceId": meeting,
    }
    return body | {"conferenceData": data, "hangoutLink": uri}


def _meeting_code(seed: str) -> str:
    """Return a Meet code, `aaa-bbbb-ccc`, derived from the request."""
    letters = [chr(ord("a") + byte % 26) for byte in hashlib.sha256(seed.encode()).digest()[:10]]
    return "-".join("".join(part) for part in (letters[:3], letters[3:7], letters[7:]))
