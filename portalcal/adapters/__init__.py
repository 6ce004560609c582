"""One outside thing each, behind a port. Heavy imports stand at the top; wiring.py decides when they load."""
