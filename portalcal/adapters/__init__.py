"""One outside thing each, behind a port. Heavy imports stand at the top; `wiring` decides when they load."""
