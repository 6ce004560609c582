"""The composition root: which adapter answers which port.

Each adapter is imported when the port it answers is first asked for, so that a command pays for what it uses.
`Portal` is made of layers, each standing on the one before: `surroundings`, `records`, `credentials`, and Google
Calendar on top. What an answer goes to, a screen, a file or a log, is in `outputs`.
"""

from portalcal.wiring.outputs import exporter, lines_view, log_to, view_for, write_report
from portalcal.wiring.portal import Portal
from portalcal.wiring.surroundings import DEFAULT_WORKSPACE

__all__ = ["DEFAULT_WORKSPACE", "Portal", "exporter", "lines_view", "log_to", "view_for", "write_report"]
