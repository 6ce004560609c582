"""A simulated Google on loopback: OAuth for installed apps and Calendar v3, with injectable faults.

    with Simulator() as google:
        google.add_event("primary", "2026-11-25T10:00:00Z", "2026-11-25T10:30:00Z", "Dentist")
        service = build("calendar", "v3", client_options={"api_endpoint": google.api_root}, credentials=...)

Imports nothing of the product it tests, since shared code would share its bugs; only the standard library, dateutil and
icalendar.
"""

from portalcal.simulator.calendar.model import Mail, StoredCalendar, User
from portalcal.simulator.clock import SimulatedClock
from portalcal.simulator.faults.faults import FAULT_KINDS, Fault, parse_fault
from portalcal.simulator.google import IssuedToken, Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from portalcal.simulator.oauth.authorize import CONSENT_MODES
from portalcal.simulator.oauth.grants import Client, StoredGrant

__all__ = [
    "CONSENT_MODES",
    "FAULT_KINDS",
    "Client",
    "Fault",
    "IssuedToken",
    "LoggedExchange",
    "Mail",
    "SimulatedClock",
    "Simulator",
    "StoredCalendar",
    "StoredGrant",
    "User",
    "parse_fault",
]
