"""Conference data: asked for with a createRequest, pending at first, ready the next time somebody looks."""

import hashlib

from portalcal.simulator import refusals
from portalcal.simulator.wire import Json

OUTCOMES = ("pending", "success", "failure")


def applied(body: Json, before: Json | None, *, understood: bool, outcome: str) -> Json:
    """Return an event body after its conference request was looked at.

    With conferenceDataVersion 0 (`understood` false) whatever is sent is ignored and what was there stays; a
    requestId seen before is ignored. `outcome` is what a new request gets: "pending" becomes ready on the next get.
    """
    kept = {name: value for name, value in body.items() if name not in {"conferenceData", "hangoutLink"}}
    had = (before or {}).get("conferenceData")
    asked = body.get("conferenceData") if understood else had
    if asked is None:
        return kept
    request = asked.get("createRequest")
    if request is not None and not isinstance(request, dict):
        raise refusals.bad_request("Invalid value for: createRequest")
    same = had and request and had.get("createRequest", {}).get("requestId") == request.get("requestId")
    if not understood or same or request is None:
        data = had if same else asked
        link = (before or {}).get("hangoutLink")
        return kept | {"conferenceData": data} | ({"hangoutLink": link} if link else {})
    if not request.get("requestId"):
        raise refusals.invalid("Invalid conference create request: requestId is missing.", "conferenceData")
    kind = (request.get("conferenceSolutionKey") or {}).get("type", "hangoutsMeet")
    if kind != "hangoutsMeet":
        raise refusals.invalid("Invalid conference type value.", "conferenceData")
    fresh = {"requestId": request["requestId"], "conferenceSolutionKey": {"type": kind}}
    pending = kept | {"conferenceData": {"createRequest": fresh | {"status": {"statusCode": "pending"}}}}
    return pending if outcome == "pending" else settled(pending, outcome)


def settled(body: Json, outcome: str) -> Json:
    """Return an event body whose pending conference is ready, or has failed; the same body if nothing was pending."""
    request = body.get("conferenceData", {}).get("createRequest", {})
    if request.get("status", {}).get("statusCode") != "pending":
        return body
    code = "failure" if outcome == "failure" else "success"
    told = request | {"status": {"statusCode": code}}
    if code == "failure":
        return body | {"conferenceData": {"createRequest": told}}
    meeting = _meeting_code(f"{body['id']} {request['requestId']}")
    uri = f"https://meet.google.com/{meeting}"
    data = {
        "createRequest": told,
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
    """Return a Meet code's shape, `aaa-bbbb-ccc`, always the same for the same request."""
    letters = [chr(ord("a") + byte % 26) for byte in hashlib.sha256(seed.encode()).digest()[:10]]
    return "-".join("".join(part) for part in (letters[:3], letters[3:7], letters[7:]))
