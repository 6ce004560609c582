"""A small, faithful Google on loopback: OAuth for installed apps and Calendar v3, with faults on demand.

    with Simulator() as google:
        google.add_event("primary", "2026-11-25T10:00:00Z", "2026-11-25T10:30:00Z", "Dentist")
        service = build("calendar", "v3", client_options={"api_endpoint": google.api_root}, credentials=...)

Imports nothing of the product it tests, and only the standard library and dateutil: shared code would share its bugs.
"""

from portalcal.simulator.authorize import MODES as CONSENT_MODES
from portalcal.simulator.clock import Clock
from portalcal.simulator.faults import KINDS as FAULT_KINDS
from portalcal.simulator.faults import Fault
from portalcal.simulator.faults import parse as parse_fault
from portalcal.simulator.google import Issued, Simulator
from portalcal.simulator.grants import Client, Grant
from portalcal.simulator.journal import Exchange
from portalcal.simulator.model import Calendar, Mail, User

__all__ = [
    "CONSENT_MODES",
    "FAULT_KINDS",
    "Calendar",
    "Client",
    "Clock",
    "Exchange",
    "Fault",
    "Grant",
    "Issued",
    "Mail",
    "Simulator",
    "User",
    "parse_fault",
]
